"""The same moment: whoever is second finds it done, and nothing is done twice."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connections
from structlog.testing import capture_logs

from accounts.models import User
from agent import approvals, conversations, journal, preparing, runner, turns
from agent.errors import (
    AgentError,
    ApprovalClosed,
    ConversationNotFound,
    LostTurn,
    TurnRunning,
)
from agent.models import Approval, Conversation, Turn, TurnState
from agent.tests.turning import again, ask, begin, kinds

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_S = 30


def at_once(*operations: Callable[[], object]) -> list[object]:
    """Do these at the same moment, each in a thread; return what came of each."""
    barrier = threading.Barrier(len(operations))

    def do(operation: Callable[[], object]) -> object:
        barrier.wait(PATIENCE_S)
        try:
            return operation()
        except AgentError as error:
            return type(error)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(operations)) as threads:
        return list(threads.map(do, operations))


def test_of_two_messages_at_the_same_moment_one_is_answered(alice: User) -> None:
    turn = ask(alice)
    turns.stop(turn.pk)

    def send() -> str:
        return ask(alice, conversation_id=turn.conversation_id).state

    came = at_once(send, send, send)
    assert sorted(map(str, came)) == sorted(map(str, ["queued", *[TurnRunning] * 2]))


def test_of_the_same_message_at_the_same_moment_one_is_stored(alice: User) -> None:
    came = at_once(*[lambda: ask(alice, nonce="n").pk] * 4)
    assert len(set(came)) == 1
    assert Conversation.objects.count() == 1


def test_of_two_processes_one_begins_a_turn(alice: User) -> None:
    turn = ask(alice)
    owners = [f"p{number}" for number in range(4)]
    came = at_once(*[partial(turns.begin, turn.pk, owner=one) for one in owners])
    assert sum(one is not None for one in came) == 1


def test_of_a_stop_and_an_end_one_wins(alice: User) -> None:
    turn = ask(alice)
    begin(turn)

    def finish() -> str:
        return turns.finish(turn.pk, owner="tests", state="done").state

    came = at_once(finish, lambda: turns.stop(turn.pk))
    assert came in (["done", False], [LostTurn, True])
    assert again(turn).state in (TurnState.DONE, TurnState.STOPPED)
    assert kinds(turn) == ["done"]


def test_of_two_decisions_one_counts(alice: User) -> None:
    turn = ask(alice)
    begin(turn)
    about = {"id": "k", "step": 1, "tool": "t", "connector": "c"}
    journal.append(turn, "approval", {**about, "approval_id": 1})
    approval = Approval(turn=turn, call_key="k", source="connector", ref="1", tool="t")
    approval.arguments = {"arguments": {}}
    approval.save()

    def decide() -> str:
        how = {"user_id": alice.pk, "approval_id": approval.pk}
        return str(approvals.decide(**how, decision="once").state)

    came = at_once(decide, decide)
    assert sorted(map(str, came)) == sorted(map(str, ["running", ApprovalClosed]))


def test_what_is_deleted_as_its_work_begins_is_no_failure(alice: User) -> None:
    turn = ask(alice)
    begun = turns.begin(turn.pk, owner="one")
    assert begun is not None
    Conversation.objects.all().delete()
    with pytest.raises(LostTurn):
        preparing.prepare(begun, "one", None)


def test_what_is_deleted_at_any_moment_of_its_work_is_no_failure(alice: User) -> None:
    delete, run = async_to_sync(conversations.delete), async_to_sync(runner.run)
    with capture_logs() as logs:
        for _ in range(10):
            turn = ask(alice)
            which = {"user_id": alice.pk, "conversation_id": turn.conversation_id}
            at_once(partial(run, turn.pk), partial(delete, **which))
    assert "turn.failed" not in [log["event"] for log in logs]


def test_a_conversation_is_deleted_whatever_is_sent_to_it(alice: User) -> None:
    for _ in range(10):
        turn = ask(alice)
        turns.stop(turn.pk)
        which: dict[str, Any] = {"conversation_id": turn.conversation_id}
        delete = async_to_sync(conversations.delete)
        sent, deleted = at_once(
            partial(ask, alice, **which), partial(delete, user_id=alice.pk, **which)
        )
        assert isinstance(sent, Turn) or sent is ConversationNotFound
        assert deleted is None
        assert not Conversation.objects.exists()
