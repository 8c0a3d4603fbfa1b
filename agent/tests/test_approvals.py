"""The person's word for a call: given once, for exactly that call, and kept."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from agent import approvals, calling, leftovers, turns
from agent.errors import ApprovalClosed, TurnNotFound
from agent.models import (
    Approval,
    ApprovalState,
    Enforcement,
    ToolSetting,
    Turn,
    TurnState,
)
from agent.tests.boxes import decide as set_policy
from agent.tests.turning import OWNER, again, answer_of, ask, begin, part_of, pick
from agent.work import Work
from connectors.errors import InvalidInput
from connectors.models import Outcome, ToolCall, UserMCPConnection
from connectors.tests import verbs
from demo.fixtures import DemoServer

pytestmark = pytest.mark.usefixtures("allow_loopback")

NOTE = {"note_id": "NOTE-104"}


@pytest.fixture
def notes(alice: User, notes_server: DemoServer) -> UserMCPConnection:
    return verbs.add(alice, notes_server.url, "Notes")


@pytest.fixture
def waiting(alice: User, notes: UserMCPConnection) -> Turn:
    """A turn that asks whether a note may be deleted."""
    turn = ask(alice, pick=pick(notes.pk, "delete_note"))
    question(begin(turn))
    pause(turn)
    return again(turn)


def question(work: Work, arguments: dict[str, Any] = NOTE) -> None:
    tool = next(t for t in work.toolbox.tools.values() if t.spec.name == "delete_note")
    async_to_sync(calling.call)(work, tool=tool, arguments=arguments, step=1)


def pause(turn: Turn) -> bool:
    return turns.pause(turn.pk, owner=OWNER, enforcement="approval", usage={})


def decide(user: User, decision: str = "once") -> Turn:
    approval = Approval.objects.order_by("pk").first()
    assert approval is not None
    return approvals.decide(user_id=user.pk, approval_id=approval.pk, decision=decision)


def go_on(turn: Turn) -> Work:
    """Begin the turn again, and run what was decided."""
    work = begin(turn)
    async_to_sync(calling.run_decided)(work)
    return work


# --- Deciding ----------------------------------------------------------------


def test_a_turn_waits_without_a_lease(waiting: Turn) -> None:
    assert (waiting.state, waiting.lease_owner, waiting.lease_until) == (
        TurnState.WAITING, "", None
    )  # fmt: skip
    assert waiting.enforcement == Enforcement.APPROVAL
    assert part_of(waiting)["state"] == "waiting"
    assert leftovers.reap() == []


def test_what_was_allowed_once_runs_with_what_was_asked(
    waiting: Turn, alice: User
) -> None:
    with capture_logs() as logs:
        assert decide(alice).state == TurnState.QUEUED
    assert [log["event"] for log in logs] == ["approval.decided"]
    assert "NOTE-104" not in str(logs)
    assert part_of(waiting)["state"] == "allowed"
    work = go_on(waiting)
    call = work.parts[0]
    assert (call["state"], call["decision"]) == ("done", "allowed")
    assert call["arguments"] == NOTE
    assert ToolCall.objects.get().tool == "delete_note"
    assert not ToolSetting.objects.exclude(policy="default").exists()


def test_two_clicks_are_one_decision(waiting: Turn, alice: User) -> None:
    decide(alice)
    for again_as in ("once", "decline"):
        with pytest.raises(ApprovalClosed):
            decide(alice, again_as)
    go_on(waiting)
    with pytest.raises(ApprovalClosed):
        decide(alice)
    assert ToolCall.objects.count() == 1


def test_what_runs_is_run_once(waiting: Turn, alice: User) -> None:
    decide(alice)
    work = go_on(waiting)
    async_to_sync(calling.run_decided)(work)
    turns.finish(waiting.pk, owner=OWNER, state="failed", enforcement="approval")
    turns.retry(waiting.pk)
    go_on(waiting)
    assert ToolCall.objects.count() == 1


def test_always_allow_is_remembered_for_this_tool(
    waiting: Turn, alice: User, notes: UserMCPConnection
) -> None:
    decide(alice, "always")
    setting = ToolSetting.objects.get()
    assert (setting.user, setting.source, setting.ref, setting.tool) == (
        alice, "connector", str(notes.pk), "delete_note"
    )  # fmt: skip
    assert setting.policy == "allow"
    work = go_on(waiting)
    assert work.parts[0]["state"] == "done"
    question(work)
    assert work.parts[1]["state"] == "done"


def test_a_call_that_was_declined_is_told_and_not_run(
    waiting: Turn, alice: User
) -> None:
    assert decide(alice, "decline").state == TurnState.QUEUED
    work = go_on(waiting)
    call = work.parts[0]
    assert (call["state"], call["decision"]) == ("declined", "declined")
    assert "declined" in call["model_text"]
    assert not ToolCall.objects.exists()


def test_another_word_is_no_decision(waiting: Turn, alice: User) -> None:
    with pytest.raises(InvalidInput):
        decide(alice, "yes")
    assert again(waiting).state == TurnState.WAITING


def test_another_person_has_no_word_in_it(waiting: Turn, bob: User) -> None:
    with pytest.raises(TurnNotFound):
        decide(bob)
    assert Approval.objects.get().state == ApprovalState.PENDING


def test_a_decision_about_nothing_is_not_found(waiting: Turn, alice: User) -> None:
    with pytest.raises(TurnNotFound):
        approvals.decide(user_id=alice.pk, approval_id=10**15, decision="once")


def test_a_turn_goes_on_when_all_is_decided(
    alice: User, notes: UserMCPConnection
) -> None:
    turn = ask(alice)
    work = begin(turn)
    question(work)
    question(work, {"note_id": "NOTE-105"})
    assert pause(turn)
    first, second = Approval.objects.order_by("pk")
    decided = [
        approvals.decide(user_id=alice.pk, approval_id=one.pk, decision="decline")
        for one in (second, first)
    ]
    assert [turn.state for turn in decided] == ["waiting", "queued"]


def test_a_word_that_comes_before_the_turn_waits_is_not_lost(
    alice: User, notes: UserMCPConnection
) -> None:
    turn = ask(alice)
    question(begin(turn))
    assert decide(alice).state == TurnState.RUNNING
    assert not pause(turn)
    assert again(turn).state == TurnState.RUNNING
    assert part_of(turn)["state"] == "allowed"


# --- What changed since ------------------------------------------------------


def refused(turn: Turn, alice: User) -> dict[str, Any]:
    decide(alice)
    part = go_on(turn).parts[0]
    assert part["state"] == "refused"
    assert part["message"]
    assert part["model_text"]
    assert not ToolCall.objects.exists()
    return part


def test_a_tool_that_is_gone_is_refused(
    waiting: Turn, alice: User, notes: UserMCPConnection
) -> None:
    UserMCPConnection.objects.update(discovered_tools=[], tool_count=0)
    assert refused(waiting, alice)["error_code"] == "TOOL_NOT_FOUND"


def test_a_tool_that_changed_is_refused(
    waiting: Turn, alice: User, notes: UserMCPConnection
) -> None:
    for tool in notes.discovered_tools:
        tool["hash"] = "f" * 64
    notes.save()
    assert refused(waiting, alice)["error_code"] == "TOOL_PENDING_REVIEW"


def test_a_tool_that_is_never_used_by_now_is_refused(
    waiting: Turn, alice: User, notes: UserMCPConnection
) -> None:
    set_policy(alice, notes, "delete_note", policy="never")
    assert refused(waiting, alice)["error_code"] == "TOOL_NOT_ALLOWED"


def test_a_connector_that_was_paused_is_refused_by_name(
    waiting: Turn, alice: User, notes: UserMCPConnection
) -> None:
    verbs.toggle(alice, notes.pk, is_active=False)
    assert "Notes" in refused(waiting, alice)["message"]


def test_arguments_that_cannot_be_opened_are_refused(
    waiting: Turn, alice: User, settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = {"k2": b"2" * 32}
    assert refused(waiting, alice)["error_code"] == "SECRET_UNREADABLE"


def test_arguments_of_another_call_cannot_be_slipped_in(
    waiting: Turn, alice: User
) -> None:
    """Whoever writes to the database cannot have another call's arguments run."""
    other = Approval(turn=waiting, call_key="x", source="connector", ref="1", tool="t")
    other.arguments = {"subject": {}, "arguments": {"note_id": "NOTE-1"}}
    other.save()
    Approval.objects.filter(call_key="x").update(state="expired")
    Approval.objects.exclude(call_key="x").update(arguments=other.arguments)
    assert refused(waiting, alice)["error_code"] == "SECRET_UNREADABLE"


# --- Overtaken, expired, stopped ---------------------------------------------


def closed(turn: Turn, alice: User, state: str) -> None:
    assert Approval.objects.get().state == state
    part = part_of(turn)
    assert (part["state"], part["decision"]) == (state, state)
    assert part["model_text"]
    with pytest.raises(ApprovalClosed):
        decide(alice)


def test_a_new_message_overtakes_the_question(waiting: Turn, alice: User) -> None:
    after = ask(alice, "Never mind.", conversation_id=waiting.conversation_id)
    ended = again(waiting)
    assert (ended.state, ended.enforcement) == (TurnState.DONE, Enforcement.APPROVAL)
    closed(waiting, alice, "superseded")
    assert after.user_message.seq == 3


def test_what_was_allowed_but_not_run_is_overtaken_too(
    alice: User, notes: UserMCPConnection
) -> None:
    turn = ask(alice)
    work = begin(turn)
    question(work)
    question(work, {"note_id": "NOTE-105"})
    pause(turn)
    decide(alice)
    ask(alice, "Never mind.", conversation_id=turn.conversation_id)
    states = set(Approval.objects.values_list("state", flat=True))
    assert states == {"superseded"}
    assert [part["state"] for part in answer_of(turn).parts] == ["superseded"] * 2


def test_a_stop_closes_the_question(waiting: Turn, alice: User) -> None:
    turns.stop(waiting.pk)
    closed(waiting, alice, "superseded")


def test_a_question_expires(waiting: Turn, alice: User, settings: Settings) -> None:
    assert leftovers.expire() == []
    settings.APPROVAL_TTL_S = 60
    Approval.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    with pytest.raises(ApprovalClosed):
        decide(alice)
    assert [turn.pk for turn in leftovers.expire()] == [waiting.pk]
    assert again(waiting).state == TurnState.DONE
    closed(waiting, alice, "expired")
    assert not ToolCall.objects.exists()


def test_an_approval_survives_the_process_that_asked(
    waiting: Turn, alice: User
) -> None:
    """Nothing of a waiting turn is in memory: any process can go on with it."""
    decide(alice)
    work = begin(waiting, "another process")
    async_to_sync(calling.run_decided)(work)
    assert work.parts[0]["outcome"] in (Outcome.OK, Outcome.TOOL_ERROR)


def test_what_was_allowed_is_asked_again_if_the_process_died_before_the_call(
    waiting: Turn, alice: User
) -> None:
    decide(alice)
    begin(waiting, "dies")
    Turn.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert leftovers.reap()
    assert not ToolCall.objects.exists()
    # Nothing runs later behind the person's back.
    closed(waiting, alice, "superseded")
