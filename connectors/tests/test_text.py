import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import text

INVISIBLE = {
    "bidi override": "\u202e",
    "bidi isolate": "\u2066",
    "arabic letter mark": "\u061c",
    "right-to-left mark": "\u200f",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "combining grapheme joiner": "\u034f",
    "hangul filler": "\u3164",
    "variation selector": "\ufe01",
    "supplementary variation selector": "\U000e0101",
    "tag character": "\U000e0041",
    "interlinear anchor": "\ufff9",
    "noncharacter": "\uffff",
    "lone surrogate": "\ud800",
    "NUL": "\x00",
    "backspace": "\x08",
    "delete": "\x7f",
    "C1 control": "\x85",
}


@pytest.mark.parametrize("char", INVISIBLE.values(), ids=INVISIBLE.keys())
def test_what_cannot_be_seen_is_dropped(char: str) -> None:
    assert text.clean(f"pay{char}load", limit=20) == "payload"
    assert text.clean(f"pay{char}load", limit=20, multiline=True) == "payload"


@pytest.mark.parametrize(
    "escape",
    [
        "\x1b[31m",
        "\x1b[1;2;3H",
        "\x9b31m",
        "\x1b]0;title\x07",
        "\x1b]8;;u\x1b\\",
        "\x1bP1$q\x1b\\",
        "\x1bc",
        "\x1b(B",
    ],
)
def test_terminal_escapes_go_with_everything_that_belongs_to_them(escape: str) -> None:
    assert text.clean(f"a{escape}b", limit=20) == "ab"


def test_an_escape_without_an_end_hides_nothing() -> None:
    assert text.clean("a\x1b]0;shown", limit=20) == "a0;shown"
    assert text.clean("\x1b\x1b\x00[shown\x1b", limit=20) == "[shown"


def test_one_line_is_one_line() -> None:
    assert text.clean("  a\r\nb\tc\u2028d\u00a0 e \v", limit=20) == "a b c d e"


def test_several_lines_stay_lines_and_keep_their_indent() -> None:
    assert (
        text.clean("\n a\r\n\tb\rc\u2028d  e\n\n", limit=40, multiline=True)
        == "a\n\tb\nc\nd  e"
    )


def test_text_is_composed_and_then_capped() -> None:
    assert text.clean("e\u0301" * 9, limit=3) == "ééé"
    assert text.clean("ab cd", limit=3) == "ab"


def test_what_an_emoji_needs_to_be_one_is_kept() -> None:
    assert text.clean("❤\ufe0f", limit=9) == "❤\ufe0f"


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        (None, ""),
        (2, "2"),
        (1.5, "1.5"),
        ({"a": 1}, ""),
        ([1], ""),
        (b"x", ""),
        (float("nan"), ""),
    ],
)
def test_what_is_no_text_becomes_short_text_or_none(
    value: object, cleaned: str
) -> None:
    assert text.clean(value, limit=9) == cleaned


def test_a_number_too_long_to_be_written_out_gives_nothing() -> None:
    assert text.clean(10**5000, limit=9) == ""


def test_a_long_hostile_text_costs_little() -> None:
    assert text.clean("\x1b]" * 2_000_000 + "x", limit=10) == ""
    assert text.clean("a\u0301" * 2_000_000, limit=10) == "á" * 10


@given(st.text(st.characters()), st.integers(0, 30), st.booleans())
def test_cleaning_is_done_once(value: str, limit: int, multiline: bool) -> None:
    once = text.clean(value, limit=limit, multiline=multiline)
    assert len(once) <= limit
    assert text.clean(once, limit=limit, multiline=multiline) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Notes", "notes"),
        ("  Café -- Über/Straße 2! ", "cafe-uber-strasse-2"),
        ("a" * 30, "a" * 24),
        ("abcdefghijklmnopqrstuvw xyz", "abcdefghijklmnopqrstuvw"),
        ("日本", ""),
        ("--", ""),
    ],
)
def test_a_slug_reminds_of_the_name(name: str, slug: str) -> None:
    assert text.slug(name, limit=24) == slug


def test_json_loses_only_what_a_database_refuses() -> None:
    value = {
        "a\x00b": ["x\x00\ud800y", 1, 1.5, True, None, {"\udfff": "\U0001f600\u202e"}],
        "n": [float("nan"), float("inf"), -float("inf"), 10**5000],
        "t": ("x\x00",),
    }
    assert text.clean_json(value) == {
        "ab": ["xy", 1, 1.5, True, None, {"": "\U0001f600\u202e"}],
        "n": [None, None, None, None],
        "t": ["x"],
    }
    assert text.clean_json("\x00a") == "a"


def test_json_that_is_clean_is_given_back_equal() -> None:
    value = {"a": ["x", {"b": 1}]}
    assert text.clean_json(value) == value


@pytest.mark.parametrize("char", INVISIBLE.values(), ids=INVISIBLE.keys())
def test_what_cannot_be_seen_can_be_shown_by_its_number(char: str) -> None:
    shown = text.reveal(f"pay{char}load")
    assert shown == f"pay⟨U+{ord(char):04X}⟩load"


def test_lines_and_tabs_stay_as_they_are_when_text_is_revealed() -> None:
    assert text.reveal("a\tb\r\nc\u2028d\n") == "a\tb\nc\nd\n"
