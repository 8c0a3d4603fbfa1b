"""Calling a tool over REST."""

from typing import Any
from urllib.parse import quote

import pytest
from pytest_django import Settings

from config.tests.rest import ApiClient
from connectors.models import ToolCall
from connectors.tests.over_rest import add, at
from demo.hostile import Hostile


def _call(api: ApiClient, connector: Any, tool: str, body: Any) -> Any:
    return api.post(at(connector, f"/tools/{tool}/call"), body)


def test_a_tool_is_called(api: ApiClient, added: Any) -> None:
    response = _call(api, added, "add", {"arguments": {"a": 1, "b": 2}})
    assert response.status_code == 200
    result = response.json()
    assert result.keys() == {
        "is_error", "content", "structured_content", "duration_ms"
    }  # fmt: skip
    assert result["is_error"] is False
    assert result["structured_content"] == {"result": 3}
    row = ToolCall.objects.get()
    assert (row.username, row.via, row.outcome) == ("alice", "rest", "ok")
    assert row.token_id


def test_a_tool_that_fails_is_a_result(api: ApiClient, peer: Hostile) -> None:
    added = add(api, peer, server_url=peer.url("call-is-error"))
    response = _call(api, added, "echo", {"arguments": {"text": "a"}})
    assert response.status_code == 200
    assert response.json()["is_error"] is True


def test_arguments_are_checked_against_the_schema(
    api: ApiClient, peer: Hostile, added: Any
) -> None:
    peer.clear()
    response = _call(api, added, "add", {"arguments": {"a": "one", "b": 2}})
    assert response.status_code == 422
    loc = response.json()["detail"][0]["loc"]
    assert loc == ["body", "arguments", "a", "type"]
    assert peer.seen("good").tool_calls == 0


def test_an_unknown_tool_is_404(api: ApiClient, added: Any) -> None:
    response = _call(api, added, "nothing", {"arguments": {}})
    assert response.status_code == 404
    assert response.json()["error"] == "TOOL_NOT_FOUND"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("call-html", 502, "INVALID_MCP_SERVER"),
        ("call-closes", 502, "OUTCOME_UNKNOWN"),
        ("call-hangs", 502, "OUTCOME_UNKNOWN"),
        ("call-error", 502, "SERVER_ERROR"),
        ("call-401", 409, "SIGN_IN_REQUIRED"),
    ],
)
def test_a_server_that_fails_a_call_is_answered_with_its_status(
    api: ApiClient,
    peer: Hostile,
    settings: Settings,
    fault: str,
    status: int,
    code: str,
) -> None:
    settings.CALL_TIMEOUT_S = 2
    added = add(api, peer, server_url=peer.url(fault))
    response = _call(api, added, "echo", {"arguments": {"text": "a"}})
    assert (response.status_code, response.json()["error"]) == (status, code)


@pytest.mark.parametrize(
    "tool",
    ["a/b", "a b", "é", "..", "%", "?", "a/call", "x" * 2000, "<b>", "\x00", "call"],
    ids=ascii,
)
def test_any_name_of_a_tool_arrives_as_it_is(
    api: ApiClient, added: Any, tool: str
) -> None:
    """A name that no tool has: what counts is that the address was understood."""
    response = _call(api, added, quote(tool, safe=""), {"arguments": {}})
    assert response.status_code == 404
    assert response.json()["error"] == "TOOL_NOT_FOUND"
