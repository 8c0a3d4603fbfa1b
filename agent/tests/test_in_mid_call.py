"""What a server asks in the middle of a call: a card, while the call stays open."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings

from accounts.models import User
from agent import conversations, hearing
from agent.errors import InputClosed, TurnNotFound
from agent.models import InputRequest, Turn, TurnState
from agent.residents import resident
from agent.tests.chatting import Said, as_it_is, pick
from config.tests.live import serve
from connectors.errors import InvalidInput
from connectors.models import ToolCall, UserMCPConnection
from connectors.tests import curious, verbs

pytestmark = [
    pytest.mark.usefixtures("allow_loopback"),
    pytest.mark.django_db(transaction=True),
]

PATIENCE_S = 20


@pytest.fixture(scope="module")
def curious_url() -> Iterator[str]:
    with serve(curious.build().streamable_http_app()) as server:
        yield f"{server.url}/mcp"


@pytest.fixture
def row(alice: User, curious_url: str) -> UserMCPConnection:
    row = verbs.add(alice, curious_url, "Curious")
    for tool in row.discovered_tools:
        # Only reads: nobody is asked before.
        tool["annotations"] = {"readOnlyHint": True}
    row.save()
    return row


@pytest.fixture
def older(row: UserMCPConnection) -> UserMCPConnection:
    """The same, of an era in which a server asks while the call is open."""
    row.transport, row.protocol_version = "http", "2025-11-25"
    row.discover_cache = None
    row.save()
    return row


@pytest.fixture
async def _resident() -> AsyncIterator[None]:
    async with resident():
        yield


async def begin(user: User, row: UserMCPConnection, tool: str, **more: Any) -> Turn:
    """Call a tool, and wait until its server asks."""
    turn = await conversations.send(
        user_id=user.pk, text="{}", pick=pick(row, tool), **more
    )
    await until(turn, lambda said: bool(questions(said)) or not said.turn.is_open)
    return turn


async def until(turn: Turn, condition: Callable[[Said], bool]) -> Said:
    heard = asyncio.Event()
    listening = asyncio.ensure_future(hearing.listen(turn.conversation_id, heard))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition(said := await sync_to_async(as_it_is)(turn)):
                await heard.wait()
                heard.clear()
    finally:
        listening.cancel()
    return said


async def ended(turn: Turn) -> Said:
    return await until(turn, lambda said: not said.turn.is_open)


def questions(said: Said) -> list[dict[str, Any]]:
    return [part for part in said.parts if part["kind"] == "question"]


def answered(said: Said) -> tuple[str, str]:
    """What became of the question, and what the tool answered."""
    (question,), (call,) = questions(said), said.calls
    return question["state"], call["summary"]


@pytest.mark.usefixtures("_resident")
async def test_a_question_is_asked_while_the_turn_runs(
    alice: User, row: UserMCPConnection, curious_url: str
) -> None:
    turn = await begin(alice, row, "book")
    said = await sync_to_async(as_it_is)(turn)
    (asked,) = questions(said)
    assert (said.turn.state, asked["state"]) == (TurnState.RUNNING, "form")
    assert asked["origin"] == curious_url.removesuffix("/mcp")
    assert (asked["connector"], asked["tool"]) == ("Curious", "book")
    assert (asked["said"], asked["values"]) == (
        "Which seat?", {"row": 12, "window": True}
    )  # fmt: skip
    assert said.calls[0]["state"] == "running"
    await conversations.submit(
        user_id=alice.pk,
        input_id=asked["input_id"],
        arguments={"row": 3, "window": False},
    )
    said = await ended(turn)
    assert answered(said) == ("sent", "row 3, window False")
    assert "arguments" not in questions(said)[0]
    assert said.outcome == ("done", "used")
    assert await ToolCall.objects.acount() == 1


@pytest.mark.usefixtures("_resident")
async def test_values_that_do_not_fit_leave_the_question_open(
    alice: User, row: UserMCPConnection
) -> None:
    turn = await begin(alice, row, "book")
    request = await InputRequest.objects.aget()
    wrong: list[dict[str, object]] = [{"row": "x"}, {"row": 3, "window": "perhaps"}]
    for values in wrong:
        with pytest.raises(InvalidInput):
            await conversations.submit(
                user_id=alice.pk, input_id=request.pk, arguments=values
            )
    await conversations.submit(user_id=alice.pk, input_id=request.pk, arguments={})
    assert (await ended(turn)).turn.state == TurnState.DONE


@pytest.mark.usefixtures("_resident")
async def test_a_no_is_told_to_the_server(
    alice: User, older: UserMCPConnection
) -> None:
    turn = await begin(alice, older, "pay")
    request = await InputRequest.objects.aget()
    await conversations.decline(user_id=alice.pk, input_id=request.pk)
    assert answered(await ended(turn)) == ("declined", "decline")


@pytest.mark.usefixtures("_resident")
async def test_a_page_is_shown_whole_and_opened_by_the_person(
    alice: User, older: UserMCPConnection
) -> None:
    turn = await begin(alice, older, "pay")
    (asked,) = questions(await sync_to_async(as_it_is)(turn))
    assert (asked["state"], asked["url"]) == ("url", curious.PAGE)
    await conversations.opened(user_id=alice.pk, input_id=asked["input_id"])
    assert answered(await ended(turn)) == ("opened", "accept")


@pytest.mark.usefixtures("_resident")
@pytest.mark.parametrize("wait_s", [0.2, 0.001])
async def test_what_nobody_answers_in_time_is_cancelled_and_said(
    alice: User, older: UserMCPConnection, settings: Settings, wait_s: float
) -> None:
    settings.INPUT_WAIT_S = wait_s
    turn = await begin(alice, older, "pay")
    assert answered(await ended(turn)) == ("expired", "cancel")
    with pytest.raises(InputClosed):
        await conversations.opened(
            user_id=alice.pk, input_id=(await InputRequest.objects.aget()).pk
        )


@pytest.mark.usefixtures("_resident")
async def test_who_stops_the_answer_closes_the_question(
    alice: User, older: UserMCPConnection
) -> None:
    turn = await begin(alice, older, "pay")
    await conversations.stop(user_id=alice.pk, turn_id=turn.pk)
    said = await ended(turn)
    assert said.turn.state == TurnState.STOPPED
    assert [one["state"] for one in questions(said)] == ["superseded"]


@pytest.mark.usefixtures("_resident")
async def test_another_person_answers_nothing(
    alice: User, bob: User, older: UserMCPConnection
) -> None:
    turn = await begin(alice, older, "pay")
    request = await InputRequest.objects.aget()
    for verb in (conversations.opened, conversations.decline):
        with pytest.raises(TurnNotFound):
            await verb(user_id=bob.pk, input_id=request.pk)
    await conversations.decline(user_id=alice.pk, input_id=request.pk)
    await ended(turn)


@pytest.mark.usefixtures("_resident")
@pytest.mark.parametrize("via", ["rest", "v1"])
async def test_a_program_is_not_asked(
    alice: User, older: UserMCPConnection, via: str
) -> None:
    turn = await begin(alice, older, "pay", via=via)
    said = await ended(turn)
    assert not questions(said)
    assert not await InputRequest.objects.aexists()


@pytest.mark.usefixtures("_resident")
async def test_two_questions_come_one_after_the_other(
    alice: User, row: UserMCPConnection
) -> None:
    turn = await begin(alice, row, "dine")
    first = await InputRequest.objects.aget()
    await conversations.submit(
        user_id=alice.pk, input_id=first.pk, arguments={"row": 9}
    )
    said = await until(turn, lambda said: len(questions(said)) > 1)
    assert questions(said)[1]["said"] == "Which meal in row 9?"
    second = await InputRequest.objects.exclude(pk=first.pk).aget()
    await conversations.submit(
        user_id=alice.pk, input_id=second.pk, arguments={"meal": "bread"}
    )
    assert (await ended(turn)).calls[0]["summary"] == "bread"
