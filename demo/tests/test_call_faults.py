"""Each fault of `tools/call`; everything before the call is correct."""

import base64
import json
from typing import Any

import httpx2
import pytest

from demo.hostile import HOSTILE_TEXT, Hostile
from demo.hostile.call_faults import CALL_FAULTS, STEPS
from demo.tests.dialling import (
    Session,
    ask,
    dial,
    error,
    raw,
    read_until,
    request_bytes,
    result,
)

CALL = "tools/call"
CALLED = {"name": "add", "arguments": {"a": 1, "b": 2}}


def call(hostile: Hostile, name: str, **params: Any) -> httpx2.Response:
    return ask(hostile.url(name), CALL, CALLED | params)


@pytest.mark.parametrize("name", CALL_FAULTS)
def test_everything_before_the_call_is_correct(hostile: Hostile, name: str) -> None:
    if CALL_FAULTS[name].era == "modern":
        assert result(ask(hostile.url(name), "server/discover"))
        listed = ask(hostile.url(name), "tools/list")
        assert len(result(listed)["tools"]) == 2
    session = Session(hostile.url(name, "legacy"))
    assert result(session.opening)
    assert session.ask("notifications/initialized").status_code == 202
    assert len(result(session.ask("tools/list"))["tools"]) == 2
    assert hostile.seen(name).tool_calls == 0


# --- Answers that are lost ---------------------------------------------------


def test_a_call_hangs(hostile: Hostile) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        ask(hostile.url("call-hangs"), CALL, CALLED, timeout_s=0.1)
    assert hostile.seen("call-hangs").tool_calls == 1


def test_a_call_is_hung_up_on(hostile: Hostile) -> None:
    assert raw(hostile.url("call-closes"), CALL) == b""
    with pytest.raises(ConnectionResetError):
        raw(hostile.url("call-reset"), CALL)


@pytest.mark.parametrize(
    ("name", "ends"), [("call-cut-head", b"\r\n\r\n"), ("call-cut-events", b"\r\n")]
)
def test_an_answer_is_cut_short(hostile: Hostile, name: str, ends: bytes) -> None:
    answer = raw(hostile.url(name), CALL)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(ends)
    assert b"result" not in answer
    with pytest.raises(httpx2.RemoteProtocolError):
        call(hostile, name)


def test_a_body_is_cut_in_the_middle(hostile: Hostile) -> None:
    with pytest.raises(httpx2.RemoteProtocolError, match="without sending complete"):
        call(hostile, "call-cut-body")
    assert hostile.seen("call-cut-body").bytes_sent > 0


def test_a_stream_ends_without_a_result(hostile: Hostile) -> None:
    answer = call(hostile, "call-no-result")
    assert "notifications/progress" in answer.text
    assert "result" not in answer.text


@pytest.mark.parametrize(
    ("name", "marker"),
    [("call-drips", b"1\r\n \r\n1\r\n"), ("call-progress", b'"progress":7')],
)
def test_an_answer_goes_on_for_ever(hostile: Hostile, name: str, marker: bytes) -> None:
    hostile.pace_s = 0.001
    with dial(hostile.url(name)) as connection:
        connection.sendall(request_bytes(hostile.url(name), CALL))
        assert b'"result"' not in read_until(connection, marker)


def test_another_request_is_answered(hostile: Hostile) -> None:
    assert call(hostile, "call-wrong-id").json()["id"] == 987_654


def test_the_session_is_forgotten_once(hostile: Hostile) -> None:
    session = Session(hostile.url("call-session-lost"))
    assert session.ask(CALL, CALLED).status_code == 404
    assert session.ask(CALL, CALLED).status_code == 404
    again = Session(hostile.url("call-session-lost"))
    assert result(again.ask(CALL, CALLED))["structuredContent"] == {"result": 3}
    assert hostile.seen("call-session-lost").tool_calls == 3


def test_the_session_is_forgotten_every_time(hostile: Hostile) -> None:
    for _ in range(2):
        session = Session(hostile.url("call-session-gone"))
        assert session.ask(CALL, CALLED).status_code == 404


def test_it_is_too_busy_once(hostile: Hostile) -> None:
    busy = call(hostile, "call-503-once")
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "1")
    assert result(call(hostile, "call-503-once"))["structuredContent"] == {"result": 3}


# --- Answers that are no result ----------------------------------------------


@pytest.mark.parametrize("code", [202, 400, 401, 403, 404, 429, 500, 502, 503])
def test_a_call_is_answered_with_a_status(hostile: Hostile, code: int) -> None:
    assert call(hostile, f"call-{code}").status_code == code


def test_a_call_is_redirected(hostile: Hostile) -> None:
    answer = call(hostile, "call-redirect")
    assert (answer.status_code, answer.headers["location"]) == (307, "/trap")


def test_a_call_is_answered_with_something_else(hostile: Hostile) -> None:
    assert call(hostile, "call-html").headers["content-type"] == "text/html"
    with pytest.raises(json.JSONDecodeError):
        call(hostile, "call-not-json").json()


@pytest.mark.parametrize(
    ("name", "code"), [("call-error", -32603), ("call-refused", -32602)]
)
def test_a_call_is_answered_with_an_error(
    hostile: Hostile, name: str, code: int
) -> None:
    assert error(call(hostile, name))["code"] == code


# --- Results -----------------------------------------------------------------


def test_a_tool_fails(hostile: Hostile) -> None:
    failed = result(call(hostile, "call-is-error"))
    assert failed["isError"] is True
    assert failed["content"] == [{"type": "text", "text": "No."}]


def test_a_result_takes_a_while_with_progress(hostile: Hostile) -> None:
    hostile.pace_s = 0.001
    answer = call(hostile, "call-slow", _meta={"progressToken": "p-1"})
    events = [
        json.loads(line.removeprefix("data: "))
        for line in answer.text.splitlines()
        if line.startswith("data: ")
    ]
    steps = [event["params"] for event in events[:-1]]
    assert [step["progress"] for step in steps] == list(range(1, STEPS + 1))
    assert {step["progressToken"] for step in steps} == {"p-1"}
    assert events[-1]["result"]["structuredContent"] == {"result": 3}


def test_a_result_takes_a_while_without_a_word(hostile: Hostile) -> None:
    hostile.pace_s = 0.001
    assert result(call(hostile, "call-quiet"))["structuredContent"] == {"result": 3}


def test_a_word_from_the_person_is_wanted_first(hostile: Hostile) -> None:
    asked = result(call(hostile, "call-input-required"))
    assert asked["resultType"] == "input_required"
    assert asked["requestState"] == "state-1"
    request = asked["inputRequests"]["environment"]
    assert request["method"] == "elicitation/create"
    answered = call(
        hostile,
        "call-input-required",
        inputResponses={"environment": {"action": "accept", "content": {}}},
        requestState="state-1",
    )
    assert result(answered)["structuredContent"] == {"result": 3}


@pytest.mark.parametrize("name", ["call-huge", "call-huge-events"])
def test_a_result_is_huge(hostile: Hostile, name: str) -> None:
    answer = call(hostile, name)
    assert len(answer.content) > 9 << 20


@pytest.mark.parametrize(
    ("name", "levels"), [("call-deep", 200), ("call-very-deep", 100_000)]
)
def test_a_result_is_deep(hostile: Hostile, name: str, levels: int) -> None:
    assert call(hostile, name).text.count('{"a":') == levels


@pytest.mark.parametrize(
    ("name", "structured"),
    [
        ("call-bad-structured", {"result": "three"}),
        ("call-no-structured", None),
        ("call-list-structured", [1, 2]),
    ],
)
def test_structured_content_breaks_the_promise(
    hostile: Hostile, name: str, structured: Any
) -> None:
    assert result(call(hostile, name))["structuredContent"] == structured


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("call-no-content", []),
        ("call-image", ["image"]),
        ("call-audio", ["audio"]),
        ("call-resource", ["resource", "resource"]),
        ("call-link", ["resource_link"]),
        ("call-mixed", ["text", "image", "audio", "resource", "resource_link"]),
        ("call-unknown-content", ["text", "hologram"]),
    ],
)
def test_content_is_of_every_kind(
    hostile: Hostile, name: str, kinds: list[str]
) -> None:
    blocks = result(call(hostile, name))["content"]
    assert [block["type"] for block in blocks] == kinds


def test_pictures_and_sounds_are_real(hostile: Hostile) -> None:
    _, picture, sound, *_ = result(call(hostile, "call-mixed"))["content"]
    assert base64.b64decode(picture["data"]).startswith(b"\x89PNG")
    assert base64.b64decode(sound["data"]).startswith(b"RIFF")


def test_content_is_none_at_all(hostile: Hostile) -> None:
    assert result(call(hostile, "call-bad-content"))["content"] == [
        "text",
        {"type": "image"},
    ]
    assert result(call(hostile, "call-empty")) == {}


def test_a_result_is_bare(hostile: Hostile) -> None:
    assert set(result(call(hostile, "call-bare"))) == {"content"}


def test_text_deceives(hostile: Hostile) -> None:
    (block,) = result(call(hostile, "call-hostile-text"))["content"]
    assert block["text"] == HOSTILE_TEXT
