"""Turns from the message to the end, by the loop that has them and by none."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from agent import conversations, journal, leftovers, residents, runner, turns
from agent.models import ENDED, Approval, Enforcement, Turn, TurnState
from agent.receipts import receipt
from agent.tests import threads
from agent.tests.fake_llm import FakeLlm
from agent.tests.fake_models import Reply
from agent.tests.turning import again, answer_of, ask, begin, kinds, part_of, pick
from connectors.models import Outcome, ToolCall, UserMCPConnection
from connectors.tests import rows, verbs
from connectors.tests.gate import gate
from demo.fixtures import DemoServer

pytestmark = pytest.mark.usefixtures("allow_loopback")

PATIENCE_S = 20
LONG = "word " * 200


@pytest.fixture(autouse=True)
def short_limits(settings: Settings) -> None:
    settings.CONNECT_TIMEOUT_S = 0.5
    settings.RETRY_DELAY_S = 0.05


@pytest.fixture
def notes(alice: User, notes_server: DemoServer) -> UserMCPConnection:
    return verbs.add(alice, notes_server.url, "Notes")


def send(user: User, text: str = "What changed?", **changes: Any) -> Turn:
    turn = async_to_sync(conversations.send)(user_id=user.pk, text=text, **changes)
    return again(turn)


# --- Where the loop does not live on: done when it was sent -------------------


def test_a_picked_tool_is_run_without_a_model(
    alice: User, notes: UserMCPConnection
) -> None:
    with capture_logs() as logs:
        turn = send(alice, "release", pick=pick(notes.pk, "search_notes"))
    assert (turn.state, turn.enforcement) == (TurnState.DONE, Enforcement.USED)
    assert part_of(turn)["outcome"] == Outcome.OK
    own = {"turn.started", "turn.finished", "selection.enforced", "tool.call.finished"}
    assert own <= {log["event"] for log in logs}
    assert "release" not in str(logs)


def test_a_model_answers(alice: User, llm: FakeLlm) -> None:
    turn = send(alice, "Hello")
    assert turn.state == TurnState.DONE
    assert "You said: Hello" in answer_of(turn).text
    assert turn.usage["requests"] == 1


def test_a_model_that_fails_can_be_asked_again(
    alice: User, llm: FakeLlm, settings: Settings
) -> None:
    llm.script = [Reply(fault="busy")]
    turn = send(alice, "Hello")
    assert (turn.state, turn.error_code) == (TurnState.FAILED, "MODEL_BUSY")
    assert part_of(turn, "end")["message"]
    async_to_sync(conversations.retry)(user_id=alice.pk, turn_id=turn.pk)
    assert again(turn).state == TurnState.DONE
    assert "You said: Hello" in answer_of(turn).text
    assert again(turn).attempts == 2


def test_a_question_to_the_person_is_asked_and_answered(
    alice: User, notes: UserMCPConnection
) -> None:
    wanted = pick(notes.pk, "delete_note")
    turn = send(alice, '{"note_id": "NOTE-104"}', pick=wanted)
    assert (turn.state, turn.enforcement) == (TurnState.WAITING, Enforcement.APPROVAL)
    assert not ToolCall.objects.exists()
    decided = {"user_id": alice.pk, "approval_id": Approval.objects.get().pk}
    async_to_sync(conversations.decide)(**decided, decision="once")
    assert again(turn).state == TurnState.DONE
    assert part_of(turn)["state"] == "done"
    assert ToolCall.objects.get().outcome in (Outcome.OK, Outcome.TOOL_ERROR)


def test_a_defect_of_ours_is_a_sentence_and_can_be_tried_again(
    alice: User, llm: FakeLlm, settings: Settings
) -> None:
    settings.TURN_MAX_REQUESTS = None
    with capture_logs() as logs:
        turn = send(alice, "Hello")
    assert (turn.state, turn.error_code) == (TurnState.FAILED, "INTERNAL_ERROR")
    assert "at the installation" in part_of(turn, "end")["message"]
    assert "turn.failed" in [log["event"] for log in logs]
    settings.TURN_MAX_REQUESTS = 20
    async_to_sync(conversations.retry)(user_id=alice.pk, turn_id=turn.pk)
    assert again(turn).state == TurnState.DONE


def test_a_turn_that_is_not_queued_is_not_run(alice: User) -> None:
    turn = ask(alice)
    turns.stop(turn.pk)
    async_to_sync(runner.run)(turn.pk)
    assert again(turn).attempts == 0


def test_whoever_listens_is_told_everything_and_the_end(
    alice: User, llm: FakeLlm
) -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    async def sink(kind: str, payload: dict[str, Any]) -> None:
        told.append((kind, payload))

    turn = ask(alice, "Hello")
    async_to_sync(runner.run)(turn.pk, sink=sink)
    assert [kind for kind, _ in told] == kinds(turn)
    assert told[-1][0] == "done"
    assert told[-1][1]["state"] == "done"


def test_whoever_listens_is_told_that_it_waits(
    alice: User, notes: UserMCPConnection
) -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    async def sink(kind: str, payload: dict[str, Any]) -> None:
        told.append((kind, payload))

    wanted = pick(notes.pk, "delete_note")
    turn = ask(alice, '{"note_id": "NOTE-104"}', pick=wanted)
    async_to_sync(runner.run)(turn.pk, sink=sink)
    assert told[-1] == ("done", {"state": "waiting", "enforcement": "approval"})


def test_a_connector_that_is_away_is_named_and_costs_nothing_else(
    alice: User, notes: UserMCPConnection, closed_url: str, notes_server: DemoServer
) -> None:
    away = verbs.add(alice, notes_server.url, "Warehouse", allow_duplicate=True)
    UserMCPConnection.objects.filter(pk=away.pk).update(
        server_url=closed_url, status="unreachable", last_error_code="CONNECTION_FAILED"
    )
    turn = send(alice, "release", pick=pick(notes.pk, "search_notes"))
    assert turn.state == TurnState.DONE
    notices = [p for p in answer_of(turn).parts if p["kind"] == "notice"]
    said = [notice["text"] for notice in notices]
    assert "Warehouse was left out of this answer." in said


def test_a_connector_that_waits_for_its_person_is_mentioned_once(
    alice: User, notes: UserMCPConnection, token_server: DemoServer
) -> None:
    config = {"token": token_server.token}
    asks = verbs.add(
        alice, token_server.url, "Releases", auth_type="api_key", auth_config=config
    )
    UserMCPConnection.objects.filter(pk=asks.pk).update(
        status="sign_in_again", is_verified=False, last_error_code="AUTH_FAILED"
    )
    first = send(alice, "release", pick=pick(notes.pk, "search_notes"))
    second = send(
        alice,
        "release",
        pick=pick(notes.pk, "search_notes"),
        conversation_id=first.conversation_id,
    )
    about = [
        [part.get("connector_id") == asks.pk for part in answer_of(turn).parts]
        for turn in (first, second)
    ]
    assert [any(said) for said in about] == [True, False]


# --- Where it does ------------------------------------------------------------


@asynccontextmanager
async def looking(turn: Turn) -> AsyncIterator[Callable[[], Awaitable[Turn]]]:
    """Give a function that waits until something is new, and returns the turn."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(journal.group(turn.conversation_id), channel)

    async def look() -> Turn:
        async with asyncio.timeout(PATIENCE_S):
            await layer.receive(channel)
        return await sync_to_async(again)(turn)

    yield look


async def until(turn: Turn, *states: str) -> None:
    async with looking(turn) as look:
        now = await sync_to_async(again)(turn)
        while now.state not in states:
            now = await look()


async def until_nothing_runs() -> None:
    tasks = residents._residents[asyncio.get_running_loop()]
    if tasks:
        await asyncio.wait(set(tasks), timeout=PATIENCE_S)
    assert not tasks


async def test_sending_does_not_wait_for_the_answer(
    transactional_db: None, alice: User, llm: FakeLlm
) -> None:
    llm.script = [Reply(text="Hello to you.", pause_s=0.05)]
    async with residents.resident():
        turn = await conversations.send(user_id=alice.pk, text="Hello")
        assert (await sync_to_async(again)(turn)).state not in ENDED
        await until(turn, "done")
        assert (await sync_to_async(answer_of)(turn)).text == "Hello to you."


async def test_a_stop_ends_the_work_at_once(
    transactional_db: None, alice: User, llm: FakeLlm, settings: Settings
) -> None:
    settings.LLM_TIMEOUT_S = 60
    llm.script = [Reply(text=LONG, pause_s=0.05)]
    async with residents.resident():
        turn = await conversations.send(user_id=alice.pk, text="Hello")
        assert await asyncio.to_thread(llm.asked.wait, PATIENCE_S)
        stopped = await conversations.stop(user_id=alice.pk, turn_id=turn.pk)
        assert stopped.state == TurnState.STOPPED
        await until_nothing_runs()
        # The model is not left talking to nobody.
        assert await asyncio.to_thread(llm.left.wait, PATIENCE_S)


async def test_a_stop_from_another_process_is_noticed(
    transactional_db: None, alice: User, llm: FakeLlm, settings: Settings
) -> None:
    settings.TURN_LEASE_S = 0.3
    settings.LLM_TIMEOUT_S = 60
    llm.script = [Reply(fault="hang")]
    async with residents.resident():
        turn = await conversations.send(user_id=alice.pk, text="Hello")
        assert await asyncio.to_thread(llm.asked.wait, PATIENCE_S)
        await sync_to_async(turns.stop)(turn.pk)
        await until_nothing_runs()
    assert (await sync_to_async(again)(turn)).state == TurnState.STOPPED


async def test_a_turn_that_takes_long_keeps_its_lease(
    transactional_db: None, alice: User, llm: FakeLlm, settings: Settings
) -> None:
    settings.TURN_LEASE_S = 0.6
    llm.script = [Reply(text="One two three four five six seven", pause_s=0.5)]
    async with residents.resident():
        began = time.monotonic()
        turn = await conversations.send(user_id=alice.pk, text="Hello")
        async with looking(turn) as look:
            while (await look()).state != TurnState.DONE:
                assert not await sync_to_async(leftovers.reap)()
    assert time.monotonic() - began > settings.TURN_LEASE_S


async def test_a_shutdown_interrupts_and_keeps_the_text(
    transactional_db: None, alice: User, llm: FakeLlm
) -> None:
    llm.script = [Reply(text=LONG, pause_s=0.02)]
    async with residents.resident():
        turn = await conversations.send(user_id=alice.pk, text="Hello")
        async with looking(turn) as look:
            while "text" not in await sync_to_async(kinds)(turn):
                await look()
    interrupted = await sync_to_async(again)(turn)
    assert interrupted.state == TurnState.INTERRUPTED
    answer = await sync_to_async(answer_of)(turn)
    assert answer.text.startswith("word")
    assert answer.parts[-1]["state"] == "interrupted"


async def test_a_call_that_was_on_its_way_is_unknown_and_never_repeated(
    transactional_db: None, alice: User, llm: FakeLlm
) -> None:
    with gate("tools/call") as server:
        row = await sync_to_async(verbs.add)(alice, server.url, "Peer")
        async with residents.resident():
            turn = await conversations.send(
                user_id=alice.pk, text='{"text": "x"}', pick=pick(row.pk, "echo")
            )
            await server.reached()
        part = await sync_to_async(part_of)(turn)
        assert part["state"] == "unknown"
        assert (await ToolCall.objects.aget()).outcome == Outcome.UNKNOWN
        server.open()
        async with residents.resident():
            await conversations.retry(user_id=alice.pk, turn_id=turn.pk)
            await until(turn, *ENDED, "waiting")
    assert (await sync_to_async(again)(turn)).state == TurnState.DONE
    now = await sync_to_async(part_of)(turn)
    assert now == {**part, "is_earlier": True}
    assert await ToolCall.objects.acount() == 1


async def test_without_a_model_it_is_said_that_such_a_call_is_not_repeated(
    transactional_db: None, alice: User
) -> None:
    with gate("tools/call") as server:
        row = await sync_to_async(verbs.add)(alice, server.url, "Peer")
        async with residents.resident():
            turn = await conversations.send(
                user_id=alice.pk, text='{"text": "x"}', pick=pick(row.pk, "echo")
            )
            await server.reached()
            mine = {"user_id": alice.pk, "turn_id": turn.pk}
            await conversations.stop(**mine)
            await until_nothing_runs()
            server.open()
            await conversations.retry(**mine)
            await until(turn, *ENDED, "waiting")
    parts = (await sync_to_async(answer_of)(turn)).parts
    assert [part["kind"] for part in parts] == ["notice", "call", "notice"]
    assert parts[1]["state"] == "unknown"
    assert parts[2]["text"] == (
        "Nobody knows whether this call happened, so it was not made again. "
        "Send the message again if you want it to be."
    )
    assert "Not repeated on retry" in receipt(parts[1]).why
    assert await ToolCall.objects.acount() == 1


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome.OK, "The call succeeded, but its answer was lost. It was not made"),
        (Outcome.FAILED, "The server answered the call with a failure. It was not"),
    ],
)
def test_without_a_model_it_is_said_that_an_answer_was_lost(
    alice: User, notes: UserMCPConnection, outcome: Outcome, said: str
) -> None:
    turn = ask(alice, "release", pick=pick(notes.pk, "search_notes"))
    work = begin(turn)
    call = rows.call_of(notes, outcome=outcome)
    started = {
        **threads.call(),
        "ref": str(notes.pk),
        "tool": "search_notes",
        "call_id": str(call.call_id),
    }
    async_to_sync(work.journal.emit)("tool_started", **started)
    turns.stop(turn.pk)
    async_to_sync(conversations.retry)(user_id=alice.pk, turn_id=turn.pk)
    notices = [p for p in answer_of(turn).parts if p["kind"] != "call"]
    assert notices[-1]["text"].startswith(said)
    assert [notice["kind"] for notice in notices] == ["notice", "notice"]
    assert ToolCall.objects.count() == 1


async def test_deleting_a_conversation_ends_its_work(
    transactional_db: None, alice: User, llm: FakeLlm
) -> None:
    llm.script = [Reply(fault="hang")]
    async with residents.resident():
        turn = await conversations.send(user_id=alice.pk, text="Hello")
        assert await asyncio.to_thread(llm.asked.wait, PATIENCE_S)
        gone = {"user_id": alice.pk, "conversation_id": turn.conversation_id}
        await conversations.delete(**gone)
        await until_nothing_runs()
    assert not await Turn.objects.aexists()


async def test_a_listing_that_fails_after_the_answer_is_said_below_it(
    transactional_db: None,
    alice: User,
    closed_url: str,
    notes_server: DemoServer,
    settings: Settings,
) -> None:
    settings.RETRY_DELAY_S = 1
    row = await sync_to_async(verbs.add)(alice, notes_server.url, "Warehouse")
    await UserMCPConnection.objects.filter(pk=row.pk).aupdate(
        server_url=closed_url, status="unreachable", last_error_code="CONNECTION_FAILED"
    )
    async with residents.resident():
        turn = await conversations.send(user_id=alice.pk, text="hello")
        await until(turn, "done")
        await until_nothing_runs()
    parts = (await sync_to_async(answer_of)(turn)).parts
    assert parts[-1]["kind"] == "notice"
    assert parts[-1]["text"] == "Warehouse was left out of this answer."
