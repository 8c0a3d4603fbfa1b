"""A tool call as a command line: a shell runs nothing but curl."""

import json
import shlex
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import curl


def words_of(tool: str, arguments: Any) -> list[str]:
    """Let Python split the command line as a POSIX shell does."""
    command = curl.command(
        base_url="https://patchbay.example",
        connector_id=7,
        tool=tool,
        arguments=arguments,
    )
    return shlex.split(command.replace("\\\n", ""))


def test_the_command_makes_the_call() -> None:
    assert words_of("search_notes", {"query": "a"}) == [
        "curl",
        "-H",
        "Authorization: Bearer $TOKEN",
        "-H",
        "Content-Type: application/json",
        "-d",
        '{"arguments": {"query": "a"}}',
        "https://patchbay.example/api/connectors/7/tools/search_notes/call",
    ]


def test_a_shell_substitutes_the_token_and_nothing_else() -> None:
    arguments = {"q": "$(touch /tmp/x) `id` $HOME 'a' \"b\" \\ !! \n ; rm\u202e"}
    command = curl.command(
        base_url="https://patchbay.example",
        connector_id=7,
        tool="a b'$(id)",
        arguments=arguments,
    )
    script = f'curl() {{ printf "%s\\0" "$@"; }}\n{command}'
    run = subprocess.run(
        ["sh", "-c", script], env={"TOKEN": "pb_x"}, capture_output=True, check=True
    )
    sent = run.stdout.decode().split("\0")
    assert sent[1] == "Authorization: Bearer pb_x"
    assert json.loads(sent[5]) == {"arguments": arguments}
    assert sent[6].endswith("/tools/a%20b%27%24%28id%29/call")


def test_a_command_is_plain_ascii() -> None:
    command = curl.command(
        base_url="https://a.example",
        connector_id=1,
        tool="né",
        arguments={"é": "\u202e"},
    )
    assert command.isascii()


@given(tool=st.text(min_size=1), arguments=st.dictionaries(st.text(), st.text()))
def test_any_tool_and_any_arguments_are_one_word_each(
    tool: str, arguments: dict[str, str]
) -> None:
    words = words_of(tool, arguments)
    body = words[words.index("-d") + 1]
    assert json.loads(body) == {"arguments": arguments}
    assert words[-1].startswith("https://patchbay.example/api/connectors/7/tools/")


@pytest.mark.parametrize("tool", ["../../1/tools/x", "a/./b", "."])
def test_dots_in_the_name_of_a_tool_stay(tool: str) -> None:
    assert words_of(tool, {})[1] == "--path-as-is"
