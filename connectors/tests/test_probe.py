import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from config.tests import openapi
from demo.hostile import RIGHT_TOKEN, Hostile

# No test here asks for the database: the command must not touch it.


def _probe(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("probe", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def test_a_good_server_is_shown_step_by_step(peer: Hostile) -> None:
    status, out = _probe(peer.url("good"))
    assert status == 0
    steps = [line.split()[:2] for line in out.splitlines()[:6]]
    assert [name for _, name in steps] == [
        "url", "address", "connection", "sign_in", "handshake", "tools"
    ]  # fmt: skip
    assert {mark for mark, _ in steps} == {"ok"}
    assert "2 tools found" in out
    assert "echo  Says back what it is told." in out


@pytest.mark.parametrize(
    ("fault", "code"), [("html", "INVALID_MCP_SERVER"), ("token", "AUTH_REQUIRED")]
)
def test_a_bad_server_is_exit_1_with_the_code_and_what_to_do(
    peer: Hostile, fault: str, code: str
) -> None:
    status, out = _probe(peer.url(fault))
    assert status == 1
    assert f"\n{code}: " in out
    assert "\nno  " in out or out.startswith("no  ")
    assert out.rstrip().splitlines()[-1]


def test_a_server_without_tools_is_a_success_with_a_warning(peer: Hostile) -> None:
    status, out = _probe(peer.url("empty-list"))
    assert status == 0
    assert "NO_TOOLS: " in out


@pytest.mark.parametrize(("fault", "status"), [("good", 0), ("html", 1)])
def test_json_is_the_result_of_the_api(peer: Hostile, fault: str, status: int) -> None:
    ended, out = _probe(peer.url(fault), "--json")
    assert ended == status
    result = json.loads(out)
    assert result["success"] is (status == 0)
    openapi.assert_valid(result, openapi.at("components", "schemas", "TestResult"))


def test_no_url_at_all_is_a_result_too(settings: Settings) -> None:
    status, out = _probe("not-a-url", "--json")
    assert status == 1
    assert json.loads(out)["error_code"] == "INVALID_URL"


def test_headers_are_offered_and_not_shown(peer: Hostile) -> None:
    header = f"Authorization: Bearer {RIGHT_TOKEN}"
    status, out = _probe(peer.url("token"), "--header", header, "--header", "X-A: b")
    assert status == 0
    assert RIGHT_TOKEN not in out
    assert peer.seen("token").header("x-a")[0] == "b"
    status, out = _probe(peer.url("token"), "--header", "Authorization: Bearer x")
    assert "AUTH_FAILED" in out


@pytest.mark.parametrize(
    "headers",
    [
        ["no colon"],
        [": x"],
        ["X-Key:"],
        ["X-Key: a\r\nHost: inside"],
        ["Host: inside"],
        ["Cookie: a=b"],
        ["Transfer-Encoding: chunked"],
        ["X-Key: a", "X-Key: b"],
        ["X-Key: a", "x-key: b"],
    ],
)
def test_a_bad_header_is_wrong_usage(peer: Hostile, headers: list[str]) -> None:
    arguments = [part for header in headers for part in ("--header", header)]
    with pytest.raises(CommandError) as refused:
        _probe(peer.url("good"), *arguments)
    assert refused.value.returncode == 2
    assert peer.seen("good").requests == 0


def test_no_url_is_wrong_usage() -> None:
    with pytest.raises(CommandError):
        call_command("probe")


def test_text_from_a_server_cannot_move_the_cursor(peer: Hostile) -> None:
    _, out = _probe(peer.url("hostile-texts"))
    forbidden: Any = {"\x1b", "\x07", "\u202e", "\u200b"}
    assert not forbidden & set(out)
