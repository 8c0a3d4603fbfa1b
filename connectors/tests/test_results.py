"""How what a tool answered is shown."""

import base64
import json
import math
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import errors, results
from connectors.calls import CallResult
from connectors.results import files, parts, sizes, tables
from connectors.results.shown import HUGE_BYTES, PARTS_SHOWN, SHOWN_CHARS
from demo.chart import bar_chart

PNG = bar_chart([3, 1, 2])
WEBP = b"RIFF\x24\0\0\0WEBPVP8 "


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def image(data: bytes, mime_type: str = "image/png") -> dict[str, Any]:
    return {"type": "image", "data": encoded(data), "mimeType": mime_type}


def answer(*content: Any, structured: Any = None, **more: Any) -> CallResult:
    given: dict[str, Any] = {"is_error": False, "duration_ms": 413, **more}
    return CallResult(
        call_id=UUID(int=1),
        content=list(content),
        structured_content=structured,
        **given,
    )


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def part_of(block: Any) -> Any:
    return parts.part_of(block, number=1, limit=1000)


# --- The whole ----------------------------------------------------------------------


def test_a_text_is_shown_as_text_and_as_json() -> None:
    shown = results.show(answer(text("Three notes.")))
    assert shown.first == "text"
    assert shown.views == [("text", "Text"), ("json", "JSON")]
    assert [part.kind for part in shown.parts] == ["text"]
    assert json.loads(shown.json.shown) == [{"type": "text", "text": "Three notes."}]


def test_json_shows_the_structure_rather_than_the_content() -> None:
    shown = results.show(answer(text("three"), structured={"result": 3}))
    assert json.loads(shown.json.shown) == {"result": 3}
    assert shown.table is None
    assert shown.first == "text"


def test_json_in_a_text_begins_as_json() -> None:
    shown = results.show(answer(text('{"a": {"b": {"c": 1}}}')))
    assert shown.first == "json"
    assert json.loads(shown.json.shown) == {"a": {"b": {"c": 1}}}


def test_a_list_of_objects_in_a_text_begins_as_a_table() -> None:
    shown = results.show(answer(text('[{"a": 1}, {"a": 2}]')))
    assert shown.first == "table"
    assert shown.table
    assert shown.table.rows == [["1"], ["2"]]


def test_a_text_that_only_looks_like_json_is_text() -> None:
    for almost in ("[done]", "{", '{"a": NaN}', "[" * 5000):
        assert results.show(answer(text(almost))).first == "text"


def test_no_content_at_all_is_shown_as_json() -> None:
    shown = results.show(answer())
    assert shown.first == "json"
    assert shown.views == [("json", "JSON")]
    assert shown.json.shown == "[]"


def test_the_tools_own_failure_is_told_apart() -> None:
    assert results.show(answer(text("Closed."), is_error=True)).is_error
    assert not results.show(answer(text("Open."))).is_error


def test_duration_and_size_are_said() -> None:
    shown = results.show(answer(text("a" * 2048)))
    assert shown.duration == "0.41 s"
    assert shown.size == "2.0 KiB"


def test_a_long_text_is_cut_and_says_how_much_is_missing() -> None:
    shown = results.show(answer(text("a" * (SHOWN_CHARS + 5)), text("more")))
    first, second = shown.parts
    assert isinstance(first, parts.Text)
    assert isinstance(second, parts.Text)
    assert (len(first.shown), first.more) == (SHOWN_CHARS, 5)
    assert (second.shown, second.more) == ("", 4)


def test_long_json_is_cut_and_can_be_copied_whole() -> None:
    shown = results.show(answer(structured={"a": "b" * SHOWN_CHARS}))
    assert len(shown.json.shown) == SHOWN_CHARS
    assert shown.json.more == len(shown.whole) - SHOWN_CHARS
    assert json.loads(shown.whole) == {"a": "b" * SHOWN_CHARS}
    assert not shown.is_huge


@pytest.mark.parametrize(
    "structured",
    [{"a": "b" * HUGE_BYTES}, [{"a": 1}] * HUGE_BYTES, None],
    ids=["text", "rows", "content"],
)
def test_of_a_huge_result_only_the_beginning_is_written(structured: Any) -> None:
    shown = results.show(answer(text("[" + "1," * HUGE_BYTES), structured=structured))
    assert shown.is_huge
    assert len(shown.json.shown) == SHOWN_CHARS
    assert (shown.whole, shown.table, shown.first) == ("", None, "text")


def test_a_thousand_pieces_are_not_all_shown() -> None:
    shown = results.show(answer(*[text("a")] * (PARTS_SHOWN + 7)))
    assert len(shown.parts) == PARTS_SHOWN
    assert shown.parts_hidden == 7


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "text", "data", "resource", "uri", "blob", "a"]),
            inner | st.sampled_from(["text", "image", "resource", "resource_link"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(content=st.lists(values, max_size=4), structured=values)
def test_nothing_that_a_server_sends_fails_to_be_shown(
    content: list[Any], structured: Any
) -> None:
    shown = results.show(answer(*content, structured=structured))
    assert shown.first in dict(shown.views)


# --- Pieces -------------------------------------------------------------------------


def test_what_cannot_be_seen_in_a_text_is_made_visible() -> None:
    part = part_of(text("pay\u202edaol \x1b[31mred\r\nnext\tcell"))
    assert part.shown == "pay⟨U+202E⟩daol ⟨U+001B⟩[31mred\nnext\tcell"


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (WEBP, "image/webp"),
    ],
)
def test_a_picture_is_what_its_bytes_are(data: bytes, mime_type: str) -> None:
    part = part_of(image(data, "text/html"))
    assert part.kind == "picture"
    assert part.source == f"data:{mime_type};base64,{encoded(data)}"


@pytest.mark.parametrize(
    "data",
    [b"<svg onload='alert(1)'/>", b"", b"<html>", b"RIFF\0\0\0\0WAVE"],
    ids=["svg", "nothing", "html", "sound"],
)
def test_what_is_no_picture_is_neither_shown_nor_offered(data: bytes) -> None:
    part = part_of(image(data, "image/svg+xml"))
    assert part.kind == "file"
    assert part.source == ""
    assert part.why_not


def test_a_huge_picture_is_not_put_into_the_page() -> None:
    part = part_of(image(PNG + b"\0" * files.MAX_PICTURE_BYTES))
    assert part.kind == "file"
    assert part.source == ""


@pytest.mark.parametrize("data", ["not base64!", None, 7, "YQ"])
def test_bytes_that_cannot_be_read_are_said(data: Any) -> None:
    part = part_of({"type": "audio", "data": data, "mimeType": "audio/wav"})
    assert (part.source, part.why_not) == ("", "its bytes cannot be read")


def test_a_sound_is_offered_to_be_saved_and_nothing_else() -> None:
    block = {"type": "audio", "data": encoded(b"RIFF"), "mimeType": "audio/wav"}
    part = part_of(block)
    assert part.kind == "file"
    assert part.file_name == "result-1.wav"
    assert part.source.startswith("data:application/octet-stream;base64,")


@pytest.mark.parametrize(
    "mime_type", ["text/html", "image/svg+xml", "application/x-msdownload", "", "../x"]
)
def test_a_file_that_can_do_harm_is_not_offered(mime_type: str) -> None:
    blob = {"uri": "file:///a", "blob": encoded(b"MZ"), "mimeType": mime_type}
    part = part_of({"type": "resource", "resource": blob})
    assert part.kind == "file"
    assert part.source == ""


def test_a_large_file_is_not_offered() -> None:
    data = encoded(b"%PDF" + b"\0" * files.MAX_FILE_BYTES)
    blob = {"uri": "a", "blob": data, "mimeType": "application/pdf"}
    part = part_of({"type": "resource", "resource": blob})
    assert (part.source, part.why_not) == ("", "it has more than 1.0 MiB")


def test_the_text_of_a_resource_is_text_under_its_address() -> None:
    part = part_of({"type": "resource", "resource": {"uri": "note://1", "text": "A"}})
    assert (part.kind, part.name, part.shown) == ("text", "note://1", "A")


def test_an_address_is_shown_as_text() -> None:
    part = part_of({"type": "resource_link", "uri": "https://e.com\u202e", "name": "N"})
    assert (part.kind, part.name) == ("address", "N")
    assert part.uri == "https://e.com⟨U+202E⟩"


@pytest.mark.parametrize("block", ["text", None, 3, {"type": "hologram"}, {}])
def test_content_of_no_known_kind_is_shown_as_json(block: Any) -> None:
    part = part_of(block)
    assert part.kind == "text"
    assert json.loads(part.shown) == block


# --- Tables -------------------------------------------------------------------------


def test_a_list_of_flat_objects_is_a_table_of_all_their_keys() -> None:
    table = tables.table_of([{"a": 1, "b": True}, {"b": None, "c": ["x", "y"]}])
    assert table
    assert table.columns == ["a", "b", "c"]
    assert table.rows == [["1", "yes", ""], ["", "", "x, y"]]


def test_the_only_list_in_an_object_is_its_table() -> None:
    table = tables.table_of({"total": 8, "items": [{"a": 1}], "query": "no-shows"})
    assert table
    assert table.rows == [["1"]]
    assert table.caption == "items · total: 8 · query: no-shows"


def test_an_object_of_values_is_a_table_of_names() -> None:
    table = tables.table_of({"notes": 3, "by_tag": {"sales": 1, "ops": 2}})
    assert table
    assert table.columns == ["Name", "Value"]
    assert table.rows == [
        ["notes", "3"],
        ["by_tag · sales", "1"],
        ["by_tag · ops", "2"],
    ]


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        3,
        "text",
        {"result": 3},
        [1, 2],
        [{}],
        [{"a": {"b": 1}}],
        [{"a": 1}, 2],
        {"a": [{"b": 1}], "c": [{"d": 1}]},
        {"a": {"b": {"c": 1}}, "d": 1},
        [{str(n): n for n in range(tables.MAX_COLUMNS + 1)}],
    ],
)
def test_what_does_not_read_as_a_table_is_none(value: Any) -> None:
    assert tables.table_of(value) is None


def test_a_long_table_is_cut_and_says_so() -> None:
    table = tables.table_of([{"a": n} for n in range(tables.MAX_ROWS + 3)])
    assert table
    assert (len(table.rows), table.more) == (tables.MAX_ROWS, 3)


def test_what_stands_in_a_cell_is_visible_and_short() -> None:
    table = tables.table_of([{"a\u202e": "b\u202e", "c": "d" * 5000}])
    assert table
    assert table.columns == ["a⟨U+202E⟩", "c"]
    assert table.rows[0][0] == "b⟨U+202E⟩"
    assert len(table.rows[0][1]) == tables.CELL_CHARS


# --- Sizes, progress, failures ------------------------------------------------------


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(0, "0.00 s"), (413, "0.41 s"), (9_990, "9.99 s"), (30_012, "30.0 s")],
)
def test_a_duration_in_words(milliseconds: int, words: str) -> None:
    assert sizes.duration(milliseconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (1023, "1023 B"), (1843, "1.8 KiB"), (8 << 20, "8.0 MiB")],
)
def test_an_amount_in_words(count: int, words: str) -> None:
    assert sizes.size(count) == words


@pytest.mark.parametrize(
    ("done", "total", "percent"),
    [
        (3, 10, 30),
        (20, 10, 100),
        (-1, 10, 0),
        (1, None, None),
        (1, 0, None),
        (1, -5, None),
        (math.nan, 10, None),
        (1, math.inf, None),
        (1e308, 1e-308, 100),
    ],
)
async def test_progress_is_a_share_of_what_there_is(
    done: float, total: float | None, percent: int | None
) -> None:
    progress = results.Progress()
    await progress.report(done, total, "Section 3\u202e")
    assert (progress.percent, progress.message) == (percent, "Section 3")


def test_a_failure_has_a_sentence_advice_and_a_code() -> None:
    failure = results.failure_of(errors.OutcomeUnknown())
    assert failure.code == "OUTCOME_UNKNOWN"
    assert failure.sentence == errors.OutcomeUnknown.message
    assert failure.advice == "Check on the server before you call the tool again."
    assert failure.route == ""


@pytest.mark.parametrize(
    ("error", "route"),
    [
        (errors.SignInRequired(), "connector-edit"),
        (errors.SecretUnreadable(), "connector-edit"),
        (errors.ConnectorDisabled(), "connector"),
        (errors.ToolNotFound(), "connector"),
        (errors.TooManyRequests(3), ""),
    ],
)
def test_a_failure_leads_to_where_it_is_put_right(
    error: errors.ConnectorError, route: str
) -> None:
    assert results.failure_of(error).route == route
