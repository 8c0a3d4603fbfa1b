"""What is left behind: turns of dead processes, and events that nobody needs."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from structlog.testing import capture_logs

from accounts.models import User
from agent import jobs, journal, leftovers, runner, turns
from agent.errors import NothingToRetry
from agent.models import Conversation, Turn, TurnEvent, TurnState
from agent.tests.turning import (
    OWNER,
    again,
    answer_of,
    ask,
    begin,
    kinds,
    leave_for_dead,
)


@pytest.fixture
def turn(alice: User) -> Turn:
    return ask(alice)


def day_old(turn: Turn, *, days: int = 1) -> None:
    Turn.objects.filter(pk=turn.pk).update(
        updated_at=timezone.now() - timedelta(days=days, minutes=1)
    )


def test_a_turn_whose_process_is_gone_is_interrupted_with_its_text(turn: Turn) -> None:
    begin(turn)
    journal.append(turn, "text", {"delta": "Two no"})
    assert leftovers.reap() == []
    leave_for_dead(turn)
    with capture_logs() as logs:
        assert leftovers.reap() == [turn]
    assert leftovers.reap() == []
    assert again(turn).state == TurnState.INTERRUPTED
    assert answer_of(turn).text == "Two no"
    assert answer_of(turn).parts[-1]["state"] == "interrupted"
    assert [log["event"] for log in logs] == ["turn.interrupted"]


def test_a_turn_that_nobody_began_is_interrupted(turn: Turn) -> None:
    leave_for_dead(turn)
    assert leftovers.reap() == [turn]
    assert turns.begin(turn.pk, owner=OWNER) is None


def test_one_conversation_can_be_looked_after_alone(turn: Turn, bob: User) -> None:
    other = ask(bob)
    for one in (turn, other):
        leave_for_dead(one)
    reaped = async_to_sync(runner.reap)(conversation_id=other.conversation_id)
    assert reaped == 1
    assert again(turn).state == TurnState.QUEUED


def test_a_heartbeat_in_time_saves_a_turn(turn: Turn) -> None:
    begin(turn)
    leave_for_dead(turn)
    assert turns.heartbeat(turn.pk, owner=OWNER)
    assert leftovers.reap() == []


def test_the_worker_does_all_of_it(turn: Turn) -> None:
    leave_for_dead(turn)
    for job in jobs.JOBS:
        async_to_sync(job.run)()
    assert again(turn).state == TurnState.INTERRUPTED


# --- Events ------------------------------------------------------------------


def test_events_of_answers_that_are_done_go_after_a_day(
    turn: Turn, alice: User
) -> None:
    begin(turn)
    journal.append(turn, "text", {"delta": "Two notes."})
    turns.finish(turn.pk, owner=OWNER, state="done")
    assert leftovers.prune_events() == 0
    day_old(turn)
    assert leftovers.prune_events() == 2
    assert answer_of(turn).text == "Two notes."
    assert not TurnEvent.objects.exists()


def test_events_of_what_can_be_tried_again_stay(turn: Turn, alice: User) -> None:
    turns.stop(turn.pk)
    day_old(turn)
    assert leftovers.prune_events() == 0
    turns.stop(ask(alice, "And?", conversation_id=turn.conversation_id).pk)
    assert leftovers.prune_events() == 1
    assert kinds(turn) == []


@pytest.mark.parametrize("state", ["failed", "stopped", "interrupted"])
def test_events_of_what_nobody_tried_again_go_after_a_month(
    turn: Turn, state: str
) -> None:
    begin(turn)
    journal.append(turn, "text", {"delta": "Two no"})
    turns.finish(turn.pk, owner=OWNER, state=state)
    before = answer_of(turn)
    day_old(turn, days=29)
    assert leftovers.prune_events() == 0
    day_old(turn, days=30)
    assert leftovers.prune_events() == 2
    with pytest.raises(NothingToRetry, match="too long ago to be tried again"):
        turns.retry(turn.pk)
    assert again(turn).state == state
    assert (answer_of(turn).text, answer_of(turn).parts) == ("Two no", before.parts)


def test_events_of_what_waits_stay(turn: Turn) -> None:
    begin(turn)
    journal.append(turn, "text", {"delta": "Hm."})
    day_old(turn)
    assert leftovers.prune_events() == 0


# --- What clients of /v1 asked -------------------------------------------------


def archived_long_ago() -> None:
    before = timezone.now() - timedelta(hours=2)
    Conversation.objects.update(archived_at=before)


def test_what_a_client_asked_and_nobody_cleared_away_goes(alice: User) -> None:
    left = ask(alice, via="v1")
    assert left.conversation.archived_at is not None
    turns.stop(left.pk)
    assert leftovers.prune_archived() == 0
    archived_long_ago()
    assert leftovers.prune_archived() == 1
    assert not Conversation.objects.exists()


def test_what_a_person_archived_or_wrote_in_stays(alice: User) -> None:
    own, mixed, open_one = ask(alice), ask(alice, via="v1"), ask(alice, via="v1")
    for one in (own, mixed):
        turns.stop(one.pk)
    turns.stop(ask(alice, conversation_id=mixed.conversation_id).pk)
    archived_long_ago()
    assert leftovers.prune_archived() == 0
    assert open_one.is_open
