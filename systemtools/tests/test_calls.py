"""A call of a system tool: checked, made once, recorded."""

import asyncio
import json
import uuid
from contextlib import suppress
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from accounts.models import User
from connectors.errors import (
    ConnectionFailed,
    ConnectorError,
    InvalidInput,
    OutcomeUnknown,
    ResponseTooLarge,
    SecretUnreadable,
    TimedOut,
    ToolNotFound,
    ToolPendingReview,
)
from connectors.models import ToolCall
from systemtools import calls, manager, registry
from systemtools.errors import SystemToolNotFound, ToolNotConnected, ToolUnavailable
from systemtools.models import UserToolStatus

pytestmark = pytest.mark.usefixtures("sample_tools")


@pytest.fixture
def person(alice: User) -> User:
    """alice, who has connected the diary."""
    connect(alice, "diary")
    return alice


def connect(user: User, tool_id: str, **config: Any) -> manager.Connected:
    return async_to_sync(manager.connect)(
        user_id=user.pk, tool_id=tool_id, config=config or None
    )


def call(user: User, name: str, tool_id: str = "diary", **more: Any) -> Any:
    given = {"via": "page", "arguments": {}} | more
    return async_to_sync(calls.call_tool)(
        user_id=user.pk, username=user.username, tool_id=tool_id, name=name, **given
    )


def evidence() -> ToolCall:
    """The one row that there is."""
    return ToolCall.objects.get()


def test_a_call_answers_and_is_recorded(person: User) -> None:
    call_id = uuid.uuid4()
    result = call(
        person,
        "write",
        arguments={"text": "rain", "day": "2026-02-03", "copy": 2},
        conversation_id=5,
        call_id=call_id,
    )
    answer = {"day": "2026-02-03", "text": "alice: rain (good) x2"}
    assert result.structured_content == answer
    assert json.loads(result.content[0]["text"]) == answer
    assert not result.is_error
    assert result.call_id == call_id
    row = evidence()
    assert (row.call_id, row.outcome, row.attempts) == (call_id, "ok", 1)
    assert (row.source, row.source_id, row.source_label) == ("system", None, "Diary")
    assert (row.tool, row.via, row.conversation_id) == ("write", "page", 5)
    diary = registry.get("diary")
    assert row.definition_hash == registry.methods(diary)["write"].definition["hash"]


def test_text_is_content_alone_and_json_is_both(person: User) -> None:
    assert call(person, "read").content == [{"type": "text", "text": "Dear diary"}]
    assert call(person, "read").structured_content is None
    counted = call(person, "count").structured_content
    assert counted == {"days": [{"day": "2026-01-01", "entries": 2}]}


def test_progress_is_told(person: User) -> None:
    told: list[Any] = []

    async def tell(*progress: Any) -> None:
        told.append(progress)

    call(person, "write", arguments={"text": "sun"}, on_progress=tell)
    assert told == [(1, 2, "the pen is found")]


@pytest.mark.parametrize(
    ("arguments", "loc"),
    [
        ({}, ["text", "required"]),
        ({"text": ""}, ["text", "minLength"]),
        ({"text": 5}, ["text", "type"]),
        ({"text": "x", "copy": 4}, ["copy", "maximum"]),
        ({"text": "x", "copy": "1"}, ["copy", "type"]),
        ({"text": "x", "mood": "so-so"}, ["mood", "enum"]),
        ({"text": "x", "day": "soon"}, ["day", "format"]),
        ({"text": "x", "weather": "sun"}, ["weather", "additionalProperties"]),
        ({"text": "x", "self": 1}, ["self", "additionalProperties"]),
    ],
)
def test_arguments_that_do_not_suit_are_refused_by_place_and_constraint(
    person: User, arguments: dict[str, Any], loc: list[str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        call(person, "write", arguments=arguments)
    assert caught.value.errors[0]["loc"] == ["body", "arguments", *loc]
    row = evidence()
    assert (row.outcome, row.error_code) == ("refused", "INVALID_INPUT")
    assert row.attempts == 0


def test_what_is_no_json_leaves_no_row(person: User) -> None:
    with pytest.raises(InvalidInput):
        call(person, "write", arguments={"text": float("nan")})
    assert not ToolCall.objects.exists()


def test_a_tool_that_says_it_failed_answers_so(person: User) -> None:
    result = call(person, "burn")
    assert result.is_error
    assert result.content[0]["text"] == "It does not burn: it is wet."
    assert evidence().outcome == "tool_error"


@pytest.mark.parametrize(
    ("name", "failure", "outcome", "code"),
    [
        ("wait", TimedOut, "failed", "TIMEOUT"),
        ("lend", OutcomeUnknown, "unknown", "OUTCOME_UNKNOWN"),
        ("tear", ConnectorError, "failed", "INTERNAL_ERROR"),
        ("smear", OutcomeUnknown, "unknown", "OUTCOME_UNKNOWN"),
        ("sing", ConnectorError, "failed", "INTERNAL_ERROR"),
        ("post", ConnectionFailed, "not_sent", "CONNECTION_FAILED"),
        ("nothing", ToolNotFound, "refused", "TOOL_NOT_FOUND"),
    ],
)
def test_a_call_that_fails_has_one_outcome(
    person: User,
    settings: Settings,
    name: str,
    failure: type[ConnectorError],
    outcome: str,
    code: str,
) -> None:
    settings.CALL_TIMEOUT_S = 0.05
    with pytest.raises(failure) as caught:
        call(person, name)
    assert caught.value.code == code
    assert "secret" not in str(caught.value)
    row = evidence()
    assert (row.outcome, row.error_code) == (outcome, code)


def test_an_answer_that_is_too_large_is_none(person: User, settings: Settings) -> None:
    settings.MAX_RESULT_BYTES = 100
    with pytest.raises(ResponseTooLarge):
        call(person, "fill", arguments={"size": 101})
    assert evidence().error_code == "RESPONSE_TOO_LARGE"


def test_a_tool_that_changed_is_not_called(person: User) -> None:
    with pytest.raises(ToolPendingReview):
        call(person, "read", definition_hash="another")
    assert evidence().outcome == "refused"


def test_a_tool_that_is_not_connected_is_not_called(alice: User) -> None:
    with pytest.raises(ToolNotConnected) as caught:
        call(alice, "read")
    assert (
        caught.value.message == "Diary is not connected. Connect it to use its tools."
    )
    assert evidence().outcome == "refused"


def test_what_one_person_connected_another_cannot_use(person: User, bob: User) -> None:
    with pytest.raises(ToolNotConnected):
        call(bob, "read")


def test_a_tool_that_is_only_announced_is_not_called(alice: User) -> None:
    with pytest.raises(ToolUnavailable):
        call(alice, "search", tool_id="google-drive")


def test_a_tool_that_is_not_there_leaves_no_row(alice: User) -> None:
    with pytest.raises(SystemToolNotFound):
        call(alice, "read", tool_id="nothing")
    assert not ToolCall.objects.exists()


def test_a_tool_works_with_what_the_person_entered(alice: User) -> None:
    connect(alice, "weather", town="Ulm", key="k3ys")
    assert call(alice, "forecast", "weather").content[0]["text"] == "Ulm, 3 days, 4"


def test_what_was_entered_and_does_not_suit_any_more_is_said(alice: User) -> None:
    connect(alice, "weather", town="Ulm", key="k3ys")
    UserToolStatus.objects.update(config={"town": ""})
    with pytest.raises(SecretUnreadable) as caught:
        call(alice, "forecast", "weather")
    assert "Enter it again" in caught.value.message
    assert evidence().outcome == "refused"


@pytest.mark.parametrize(
    ("name", "outcome"), [("wait", "cancelled"), ("lend", "unknown")]
)
@pytest.mark.django_db(transaction=True)
async def test_who_hangs_up_leaves_an_outcome(name: str, outcome: str) -> None:
    user = await User.objects.acreate(username="alice")
    await manager.connect(user_id=user.pk, tool_id="diary")
    begun = asyncio.Event()

    async def tell(*progress: Any) -> None:
        begun.set()

    who: dict[str, Any] = {"user_id": user.pk, "username": "alice", "via": "chat"}
    task = asyncio.create_task(
        calls.call_tool(
            tool_id="diary", name=name, arguments={}, on_progress=tell, **who
        )
    )
    async with asyncio.timeout(10):
        await begun.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert (await ToolCall.objects.aget()).outcome == outcome
