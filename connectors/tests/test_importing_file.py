"""Settings files of other programs, as people have them, and as they are broken."""

import codecs
import json
import time
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import importing_file
from connectors.importing_file import Refused
from connectors.importing_rows import Row

URL = "https://mcp.example.com/mcp"
SECRET = "s3cret-canary-value"


def rows(value: Any) -> list[Row]:
    return list(importing_file.read(json.dumps(value)).rows)


def row(**entry: Any) -> Row:
    [only] = rows({"mcpServers": {"linear": entry}})
    return only


def refused(text: str | bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        importing_file.read(
            importing_file.decode(text) if isinstance(text, bytes) else text
        )
    return caught.value


# --- Shapes ------------------------------------------------------------------

CURSOR = {
    "mcpServers": {
        "Linear": {"url": URL, "headers": {"Authorization": f"Bearer {SECRET}"}},
        "Docs": {"type": "sse", "url": "https://docs.example.com/sse"},
    }
}
VS_CODE = {
    "inputs": [{"type": "promptString", "id": "linear-token", "password": True}],
    "servers": {
        "Linear": {
            "type": "http",
            "url": URL,
            "headers": {"Authorization": "Bearer ${input:linear-token}"},
        },
        "Files": {"type": "stdio", "command": "npx", "args": ["files", SECRET]},
    },
}
CLAUDE_DESKTOP = {
    "mcpServers": {
        "Linear": {
            "command": "npx",
            "args": ["-y", "mcp-remote", URL, "--header", "Authorization:${AUTH}"],
            "env": {"AUTH": f"Bearer {SECRET}"},
        },
        "Files": {"command": "npx", "args": ["-y", "files"], "env": {"KEY": SECRET}},
    }
}


def test_cursor_keeps_servers_with_their_headers():
    linear, docs = rows(CURSOR)
    assert (linear.name, linear.server_url) == ("Linear", URL)
    assert (linear.auth_type, linear.auth_config) == ("api_key", {"token": SECRET})
    assert (docs.auth_type, docs.auth_config) == ("none", None)


def test_vs_code_asks_for_its_secrets_and_so_do_we():
    linear, files = rows(VS_CODE)
    assert linear.blanks == ("Bearer token",)
    assert linear.missing == ["Bearer token"]
    assert files.problem is not None
    assert files.problem.code == "STDIO_SERVER"


def test_claude_desktop_reaches_servers_over_a_bridge_which_is_left_out():
    linear, files = rows(CLAUDE_DESKTOP)
    assert linear.server_url == URL
    assert linear.auth_config == {"token": SECRET}
    assert "mcp-remote" in linear.notes[0]
    assert files.problem is not None
    assert "stdio" in files.problem.message


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_a_file_may_be_written_as_windows_writes_it(encoding: str):
    marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    data = marks.get(encoding, b"") + json.dumps(CURSOR).encode(encoding)
    assert len(importing_file.read(importing_file.decode(data)).rows) == 2


def test_what_is_turned_off_is_said():
    assert row(url=URL, disabled=True).is_off
    assert row(url=URL, enabled=False).is_off
    assert not row(url=URL, enabled=True).is_off


# --- Secrets that are left out -----------------------------------------------


@pytest.mark.parametrize(
    ("value", "typed", "sent"),
    [
        ("${KEY}", "abc", "abc"),
        ("Token ${env:KEY}", "abc", "Token abc"),
        ("key=${KEY}; v=1", "abc", "key=abc; v=1"),
        ("{{key}}", "abc", "abc"),
        ("", "abc", "abc"),
        ("YOUR_API_KEY", "abc", "abc"),
    ],
)
def test_a_placeholder_in_a_header_is_asked_for(value: str, typed: str, sent: str):
    found = row(url=URL, headers={"X-Key": value})
    assert found.missing
    given = replace(found, values={0: typed})
    assert not given.missing
    assert given.auth_config == {"headers": {"X-Key": sent}}


@pytest.mark.parametrize(
    ("url", "label", "filled"),
    [
        (f"{URL}?api_key=${{input:linear-key}}", "linear-key", f"{URL}?api_key=abc"),
        (f"{URL}?a=1&api_key=YOUR_KEY", "api_key", f"{URL}?a=1&api_key=abc"),
        ("https://a.example/<key>/mcp", "key", "https://a.example/abc/mcp"),
    ],
)
def test_a_placeholder_in_an_address_is_asked_for(url: str, label: str, filled: str):
    found = row(url=url)
    assert found.missing == [label]
    assert replace(found, values={0: "abc"}).server_url == filled
    # A token is no part of an address.
    assert replace(found, token="abc").missing == [label]


def test_a_token_stands_for_the_headers_of_the_file():
    found = row(url=URL, headers={"X-Key": "${KEY}"})
    given = replace(found, token="abc")
    assert not given.missing
    assert given.auth_config == {"token": "abc"}


def test_several_placeholders_are_asked_for_one_by_one():
    headers = {"Authorization": "Bearer ${A}", "Host": "${B}", "X-Key": "${C}"}
    found = row(url=f"{URL}?k=${{D}}", headers=headers)
    assert found.missing == ["D", "Bearer token", "X-Key"]
    given = replace(found, values={0: "d", 1: "a", 2: "c"})
    assert given.server_url == f"{URL}?k=d"
    sent = {"Authorization": "Bearer a", "X-Key": "c"}
    assert given.auth_config == {"headers": sent}


def test_nothing_that_is_shown_has_a_secret():
    found = row(url=f"https://ada.example/mcp?key={SECRET}", headers={"X-Key": SECRET})
    assert found.address == "https://ada.example/mcp"
    assert SECRET not in repr(found)


# --- Files that are broken ---------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b" \n\t ", "EMPTY_FILE"),
        (b"\xef\xbb\xbf", "EMPTY_FILE"),
        (b"\x89PNG\r\n\x1a\n\0\0", "NOT_TEXT"),
        (b'{"mcpServers": "\xff\xfe\xfa"}', "NOT_TEXT"),
        (b"{" + b" " * importing_file.MAX_BYTES, "FILE_TOO_LARGE"),
        (b"{", "NOT_JSON"),
        (b'{"mcpServers": {"a": {"url": "https://a.example"', "NOT_JSON"),
        (b'{"mcpServers": {"a": {"url": "https://a.example}}}', "NOT_JSON"),
        (b"{'mcpServers': {}}", "NOT_JSON"),
        (b"mcpServers:\n  a:\n    url: https://a.example", "NOT_JSON"),
        (b'[mcp_servers.a]\nurl = "https://a.example"', "NOT_JSON"),
        (b"<!doctype html><title>mcp.json</title>", "NOT_JSON"),
        (b"/* " + b"{" * 100, "NOT_JSON"),
        (b"[" * 100_000, "NOT_JSON"),
        (b'{"a": ' * 20_000 + b"1" + b"}" * 20_000, "NOT_JSON"),
        (b'{"mcpServers": ' + b"9" * 5_000 + b"}", "NOT_JSON"),
        (b'"https://a.example/mcp"', "NOT_JSON"),
        (b"null", "NO_SERVERS"),
        (b"[]", "NO_SERVERS"),
        (b"{}", "NO_SERVERS"),
        (b'{"mcpServers": {}}', "NO_SERVERS"),
        (b'{"mcpServers": null}', "NO_SERVERS"),
        (b'{"name": "a-package", "dependencies": {"b": "^1"}}', "NO_SERVERS"),
    ],
)
def test_a_file_without_servers_is_refused_by_name(content: bytes, code: str):
    assert refused(content).code == code


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (None, "NOT_AN_ENTRY"),
        ("https://a.example/mcp", "NOT_AN_ENTRY"),
        ([1, 2], "NOT_AN_ENTRY"),
        ({}, "NO_URL"),
        ({"url": ""}, "NO_URL"),
        ({"url": 5}, "NO_URL"),
        ({"url": {"host": "a"}}, "NO_URL"),
        ({"command": "npx", "args": ["server"]}, "STDIO_SERVER"),
        ({"command": ["docker", "run"], "type": "local"}, "STDIO_SERVER"),
        ({"command": "npx", "args": "mcp-remote https://a.example"}, "STDIO_SERVER"),
        ({"url": "wss://a.example/mcp"}, "INVALID_URL"),
        ({"url": "a.example/mcp"}, "INVALID_URL"),
        ({"url": f"https://ada:{SECRET}@a.example/mcp"}, "INVALID_URL"),
        ({"url": "https://" + "a" * 3000}, "INVALID_URL"),
        ({"url": "https://a\ud800.example/"}, "INVALID_URL"),
        ({"url": "${URL}"}, "PLACEHOLDER_URL"),
        ({"url": "https://<your-tenant>.example/mcp"}, "PLACEHOLDER_URL"),
        ({"url": URL, "headers": "Authorization: x"}, "INVALID_HEADERS"),
        ({"url": URL, "headers": {"X-Key": 5}}, "INVALID_HEADERS"),
        (
            {"url": URL, "headers": {f"X-{n}": "v" for n in range(21)}},
            "INVALID_HEADERS",
        ),
        ({"url": URL, "headers": {"X-A": "1", "x-a": "2"}}, "INVALID_HEADERS"),
        # More than a page could send back.
        (
            {"url": URL, "headers": {f"a {n}": "" for n in range(999)}},
            "INVALID_HEADERS",
        ),
        ({"url": f"{URL}/{'{{}}' * 11}"}, "TOO_MANY_BLANKS"),
        (
            {"url": URL, "headers": {f"X-{n}": "${A}" for n in range(11)}},
            "TOO_MANY_BLANKS",
        ),
    ],
)
def test_an_entry_that_is_wrong_is_named_and_costs_the_others_nothing(
    entry: Any, code: str
):
    bad, good = rows({"mcpServers": {"bad": entry, "good": {"url": URL}}})
    assert bad.problem is not None
    assert bad.problem.code == code
    assert SECRET not in bad.problem.message
    assert SECRET not in bad.address
    assert good.problem is None


def test_a_value_that_is_named_thousands_of_times_is_not_written_out_as_often():
    args = ["mcp-remote", *["${A}" * 100] * 100, URL]
    entry = {"command": "npx", "args": args, "env": {"A": "x" * 50_000}}
    tracemalloc.start()
    found = row(**entry)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.address == URL
    assert most < 10 << 20


def test_where_a_file_stops_being_json_is_said_by_line():
    text = '{ // mine\n "servers": {\n  /* two\n lines */ "a": {"url": nothing}}}'
    assert "line 4" in refused(text).message


def test_a_name_that_is_there_twice_is_said():
    entry = f'"a": {{"url": "{URL}"}}'
    reading = importing_file.read(f'{{"servers": {{{entry}, {entry}}}}}')
    assert len(reading.rows) == 1
    assert "more than once" in reading.notes[0]


def test_of_too_many_servers_the_first_are_taken_and_that_is_said():
    many = {f"s{n}": {"url": URL} for n in range(importing_file.MAX_ROWS + 1)}
    reading = importing_file.read(json.dumps({"servers": many}))
    assert len(reading.rows) == importing_file.MAX_ROWS
    assert str(importing_file.MAX_ROWS + 1) in reading.notes[0]


def test_a_header_that_may_not_be_set_is_left_out_and_said():
    found = row(url=URL, headers={"Host": "evil.example", "Accept": "x", "X-A": "b"})
    assert found.auth_config == {"headers": {"X-A": "b"}}
    assert found.notes == ("The header Host cannot be set here and was left out.",)


# --- Hostile text ------------------------------------------------------------


def test_names_are_cleaned():
    [found] = rows({"servers": {"\u202eevil\0" + "x" * 300: {"url": URL}}})
    assert found.name.startswith("evilx")
    assert len(found.name) == 100


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str):
    for content in (text, "{" + text, f'{{"servers": {{"a": {text}}}}}'):
        with suppress(Refused):
            importing_file.read(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["url", "command", "args", "env", "headers", "mcp", "a"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_value_breaks_it(value: Any):
    for content in (value, {"mcpServers": value}, {"servers": {"a": value}}):
        with suppress(Refused):
            for found in rows(content):
                assert found.address.encode() is not None
                assert isinstance(found.missing, list)


@pytest.mark.parametrize(
    "text",
    [
        "{" + "/*" * 99_000,
        '{"' + 'a\\"' * 66_000,
        "{" + ",  " * 66_000,
        '{"servers": {"a": {"url": "' + "<" * 190_000 + '"}}}',
        '{"servers": {"a": {"url": "https://a/' + "${" * 90_000 + '"}}}',
        '{"servers": {"a": {"url": "https://a/?' + "&=x" * 60_000 + '"}}}',
        '{"url": "https://a/", "headers": {"a": "' + "{{" * 90_000 + '"}}',
        "{" + ",".join(f'"{n % 9}": 1' for n in range(20_000)) + "}",
    ],
    ids=range(8),
)
def test_hostile_text_is_done_with_at_once(text: str):
    began = time.monotonic()
    with suppress(Refused):
        importing_file.read(text)
    assert time.monotonic() - began < 2
