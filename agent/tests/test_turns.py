"""The states of a turn: who may change them, and what is left of each."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from structlog.testing import capture_logs

from accounts.models import User
from agent import endings, turns
from agent.errors import LostTurn, NothingToRetry, TurnNotFound
from agent.models import Enforcement, Turn, TurnState
from agent.tests.boxes import connector
from agent.tests.turning import (
    OWNER,
    again,
    answer_of,
    ask,
    begin,
    kinds,
    leave_for_dead,
    part_of,
    pick,
)
from agent.tool_types import Pick
from agent.work import Work
from connectors.models import Outcome
from connectors.tests import rows


@pytest.fixture
def turn(alice: User) -> Turn:
    return ask(alice)


def picked(user: User) -> Turn:
    row = connector(user)
    return ask(user, pick=pick(row.pk, "search"))


def say(work: Work, text: str) -> None:
    async def said() -> None:
        await work.journal.text(text)
        await work.journal.flush()

    async_to_sync(said)()


def start_call(work: Work, **changes: Any) -> None:
    call = {
        "id": "a",
        "step": 1,
        "tool": "add",
        "connector": "Notes",
        "call_id": "00000000-0000-4000-8000-000000000001",
        **changes,
    }
    async_to_sync(work.journal.emit)("tool_started", **call)


def finish(turn: Turn, state: str = "done", **how: Any) -> Turn:
    return turns.finish(turn.pk, owner=OWNER, state=state, **how)


# --- Beginning ---------------------------------------------------------------


def test_a_queued_turn_is_begun_once(turn: Turn) -> None:
    with capture_logs() as logs:
        begun = turns.begin(turn.pk, owner="one")
        assert turns.begin(turn.pk, owner="two") is None
    assert begun is not None
    assert (begun.state, begun.attempts) == (TurnState.RUNNING, 1)
    assert again(turn).lease_owner == "one"
    assert [log["event"] for log in logs] == ["turn.started"]
    assert logs[0]["turn_id"] == turn.pk


def test_a_heartbeat_keeps_the_lease_of_its_owner_alone(turn: Turn) -> None:
    begin(turn)
    leave_for_dead(turn)
    before = again(turn).lease_until
    assert not turns.heartbeat(turn.pk, owner="another")
    assert again(turn).lease_until == before
    assert turns.heartbeat(turn.pk, owner=OWNER)
    after = again(turn).lease_until
    assert before and after and after > before  # noqa: PT018


def test_a_turn_that_ended_has_no_heartbeat(turn: Turn) -> None:
    begin(turn)
    finish(turn)
    assert not turns.heartbeat(turn.pk, owner=OWNER)


# --- Ending ------------------------------------------------------------------


def test_the_end_stores_the_answer_and_says_so(turn: Turn) -> None:
    work = begin(turn)
    say(work, "Two notes changed.")
    with capture_logs() as logs:
        finish(turn, usage={"input_tokens": 3, "model": "m"})
    ended = again(turn)
    assert (ended.state, ended.lease_owner, ended.lease_until) == ("done", "", None)
    assert ended.usage == {"input_tokens": 3, "model": "m"}
    answer = answer_of(turn)
    assert answer.text == "Two notes changed."
    assert answer.parts == [{"kind": "text", "text": "Two notes changed."}]
    assert kinds(turn) == ["text", "done"]
    assert [log["event"] for log in logs] == ["turn.finished"]
    assert "Two notes" not in str(logs)


def test_only_who_has_the_turn_ends_it(turn: Turn) -> None:
    begin(turn)
    with pytest.raises(LostTurn):
        turns.finish(turn.pk, owner="another", state="done")
    assert turns.stop(turn.pk)
    with pytest.raises(LostTurn):
        finish(turn)
    assert again(turn).state == TurnState.STOPPED
    assert kinds(turn) == ["done"]


def test_a_pick_that_was_used_is_enforced(alice: User) -> None:
    turn = picked(alice)
    begin(turn)
    with capture_logs() as logs:
        finish(turn, enforcement=Enforcement.USED)
    assert again(turn).enforcement == Enforcement.USED
    assert [log["event"] for log in logs] == ["turn.finished", "selection.enforced"]


def test_no_answer_passes_for_one_while_the_pick_was_not_used(alice: User) -> None:
    turn = picked(alice)
    begin(turn)
    finish(turn)
    ended = again(turn)
    assert (ended.state, ended.enforcement) == (TurnState.FAILED, Enforcement.ERROR)
    assert part_of(turn, "end")["message"] == endings.NOT_ENFORCED


def test_a_failure_with_a_pick_is_an_error_of_it(alice: User) -> None:
    turn = picked(alice)
    begin(turn)
    finish(turn, "failed", error_code="MODEL_BUSY", message="Busy.")
    ended = again(turn)
    assert (ended.enforcement, ended.error_code) == (Enforcement.ERROR, "MODEL_BUSY")
    assert part_of(turn, "end")["message"] == "Busy."


# --- Stopping ----------------------------------------------------------------


def test_a_stop_keeps_what_was_said(turn: Turn) -> None:
    work = begin(turn)
    say(work, "Two notes")
    assert turns.stop(turn.pk)
    assert not turns.stop(turn.pk)
    answer = answer_of(turn)
    assert answer.text == "Two notes"
    assert answer.parts[-1]["state"] == TurnState.STOPPED


def test_a_turn_that_was_stopped_says_nothing_more(turn: Turn) -> None:
    work = begin(turn)
    turns.stop(turn.pk)
    with pytest.raises(LostTurn):
        say(work, "More")
    assert kinds(turn) == ["done"]


def test_a_turn_that_was_deleted_says_nothing_more(turn: Turn) -> None:
    work = begin(turn)
    turn.conversation.delete()
    with pytest.raises(LostTurn):
        say(work, "More")
    assert not turns.stop(turn.pk)


def test_a_queued_turn_can_be_stopped(turn: Turn) -> None:
    assert turns.stop(turn.pk)
    assert turns.begin(turn.pk, owner=OWNER) is None


# --- Calls without an end ----------------------------------------------------


def test_a_call_without_evidence_is_unknown(turn: Turn) -> None:
    start_call(begin(turn))
    turns.stop(turn.pk)
    call = part_of(turn)
    assert (call["state"], call["error_code"]) == ("unknown", "OUTCOME_UNKNOWN")
    assert "may or may not have happened" in call["message"]
    assert "Do not repeat it" in call["model_text"]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.OK, "done"),
        (Outcome.TOOL_ERROR, "done"),
        (Outcome.FAILED, "done"),
        (Outcome.NOT_SENT, "done"),
        (Outcome.REFUSED, "refused"),
        (Outcome.CANCELLED, "cancelled"),
        (Outcome.UNKNOWN, "unknown"),
        (Outcome.STARTED, "unknown"),
    ],
)
def test_what_the_evidence_knows_of_a_call_is_said(
    turn: Turn, alice: User, outcome: Outcome, state: str
) -> None:
    call = rows.call_of(connector(alice), outcome=outcome)
    start_call(begin(turn), call_id=str(call.call_id))
    turns.stop(turn.pk)
    shown = part_of(turn)
    assert shown["state"] == state
    assert shown["message"]
    assert shown["model_text"]


def test_what_is_known_later_is_said_when_it_is_tried_again(
    turn: Turn, alice: User
) -> None:
    call = rows.call_of(connector(alice), outcome=Outcome.STARTED)
    start_call(begin(turn), call_id=str(call.call_id))
    turns.stop(turn.pk)
    type(call).objects.filter(pk=call.pk).finish(outcome=Outcome.OK)
    turns.retry(turn.pk)
    work = begin(turn)
    assert work.parts[0]["state"] == "done"
    assert "answer was lost" in work.parts[0]["message"]


# --- Trying again ------------------------------------------------------------


@pytest.mark.parametrize("state", ["failed", "stopped", "interrupted"])
def test_an_answer_that_ended_early_goes_on_with_what_there_is(
    turn: Turn, state: str
) -> None:
    say(begin(turn), "Two no")
    finish(turn, state, usage={"requests": 1})
    turns.retry(turn.pk)
    assert again(turn).state == TurnState.QUEUED
    assert [part["kind"] for part in answer_of(turn).parts] == ["text"]
    work = begin(turn)
    assert again(turn).attempts == 2
    # Who tries again begins anew with the limits, and what was used is still known.
    assert (work.usage, again(turn).usage) == ({"requests": 0}, {"requests": 1})
    say(work, "Two notes.")
    finish(turn, usage={"requests": 2})
    assert answer_of(turn).text == "Two no\n\nTwo notes."
    assert again(turn).usage == {"requests": 3}


def test_an_answer_that_is_done_is_not_tried_again(turn: Turn) -> None:
    begin(turn)
    finish(turn)
    with pytest.raises(NothingToRetry):
        turns.retry(turn.pk)


def test_an_answer_that_was_gone_on_from_is_not_tried_again(
    turn: Turn, alice: User
) -> None:
    begin(turn)
    finish(turn, "failed", error_code="MODEL_BUSY")
    ask(alice, conversation_id=turn.conversation_id)
    with pytest.raises(NothingToRetry):
        turns.retry(turn.pk)


def test_a_turn_that_is_gone_cannot_be_tried_again(turn: Turn) -> None:
    turn.conversation.delete()
    with pytest.raises(TurnNotFound):
        turns.retry(turn.pk)


def test_an_enforced_pick_stays_enforced_when_it_is_tried_again(alice: User) -> None:
    turn = picked(alice)
    begin(turn)
    finish(turn, "failed", enforcement=Enforcement.USED, error_code="MODEL_BUSY")
    turns.retry(turn.pk)
    begin(turn)
    finish(turn)
    assert again(turn).enforcement == Enforcement.USED


# --- Notices after the end ---------------------------------------------------


def test_a_notice_can_follow_an_answer(turn: Turn) -> None:
    begin(turn)
    finish(turn)
    assert turns.note(turn.pk, {"level": "info", "text": "Warehouse was left out."})
    assert part_of(turn, "notice")["text"] == "Warehouse was left out."


def test_a_notice_reaches_an_attempt_after_the_one_that_it_is_of(turn: Turn) -> None:
    begin(turn)
    finish(turn, "failed", error_code="MODEL_BUSY")
    turns.retry(turn.pk)
    notice = {"level": "review", "text": "Left out.", "connector_id": 7}
    assert turns.note(turn.pk, notice)
    work = begin(turn, "another")
    assert not turns.note(turn.pk, notice)
    assert turns.note(turn.pk, {**notice, "connector_id": 8})
    say(work, "Two notes.")
    turns.finish(turn.pk, owner="another", state="done")
    shown = [part.get("connector_id") for part in answer_of(turn).parts]
    assert shown == [7, 8, None]


def test_no_notice_follows_an_answer_that_ended_early(turn: Turn) -> None:
    turns.stop(turn.pk)
    assert not turns.note(turn.pk, {"level": "info", "text": "Late."})
    assert answer_of(turn).parts[-1]["kind"] == "end"


def test_a_pick_is_remembered_by_its_turn(alice: User) -> None:
    row = connector(alice)
    turn = ask(alice, pick=Pick(kind="connector", ref=str(row.pk)))
    assert turn.selection == f"connector:{row.pk}"
    assert turn.user_message.selection_label == "Notes"
