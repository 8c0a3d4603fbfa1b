"""Answers that wait for a sign-in: the card, and what goes on after it."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from agent import conversations, inputs, leftovers
from agent.errors import InputClosed, TurnNotFound
from agent.models import InputRequest, TurnState
from agent.tests import signed_out
from agent.tests.chatting import Said, as_it_is, pick, retry, say, stop
from agent.tests.fake_llm import FakeLlm
from agent.tests.turning import ask
from connectors.models import Status, ToolCall, UserMCPConnection
from connectors.tests import verbs
from demo.fixtures import DemoServer

pytestmark = pytest.mark.usefixtures("allow_loopback")


@pytest.fixture
def notes(alice: User, notes_server: DemoServer) -> UserMCPConnection:
    return signed_out.connector(alice, notes_server.url)


@pytest.fixture
def waiting(alice: User, notes: UserMCPConnection) -> Said:
    """An answer in Direct mode that waits for the sign-in of what was picked."""
    return say(alice, "release", pick(notes, "search_notes"))


def card(said: Said) -> dict[str, object]:
    (found,) = [part for part in said.parts if part["kind"] == "sign_in"]
    return found


# --- What was picked ----------------------------------------------------------


def test_what_was_picked_waits_for_the_sign_in(waiting: Said) -> None:
    assert waiting.outcome == ("waiting", "approval")
    shown = card(waiting)
    assert (shown["state"], shown["connector"]) == ("sign_in", "Notes")
    assert shown["is_again"]
    assert not ToolCall.objects.exists()


def test_what_waits_is_not_said_to_be_left_out(waiting: Said) -> None:
    assert [one["level"] for one in waiting.notices] == ["direct"]


def test_a_first_sign_in_is_told_from_another_one(
    alice: User, notes_server: DemoServer
) -> None:
    row = signed_out.connector(alice, notes_server.url, status=Status.SIGN_IN)
    assert not card(say(alice, "release", pick(row)))["is_again"]


def test_after_the_sign_in_what_was_picked_is_used(
    alice: User, notes: UserMCPConnection, waiting: Said
) -> None:
    signed_out.sign_in(alice, notes)
    said = as_it_is(waiting.turn)
    assert said.outcome == ("done", "used")
    assert card(said)["state"] == "signed_in"
    assert [call["tool"] for call in said.calls] == ["search_notes"]
    assert ToolCall.objects.get().outcome == "ok"


def test_a_model_is_asked_only_after_the_sign_in(
    alice: User, notes: UserMCPConnection, llm: FakeLlm
) -> None:
    said = say(alice, "release", pick(notes))
    assert said.outcome == ("waiting", "approval")
    assert not llm.bodies
    signed_out.sign_in(alice, notes)
    said = as_it_is(said.turn)
    assert said.outcome == ("done", "used")
    assert said.text


def test_who_declines_is_told_that_it_was_not_used(alice: User, waiting: Said) -> None:
    said = signed_out.decline(alice, waiting)
    assert said.outcome == ("done", "refused")
    assert card(said)["state"] == "declined"
    assert (
        said.notices[-1]["text"] == "You did not sign in to Notes, so it was not used."
    )
    assert not ToolCall.objects.exists()


def test_a_token_is_not_asked_for_by_a_card(
    alice: User, notes_server: DemoServer
) -> None:
    row = verbs.add(alice, notes_server.url, "Notes", **verbs.token("x"))
    row.status, row.is_verified = Status.SIGN_IN_AGAIN, False
    row.save()
    said = say(alice, "release", pick(row))
    assert said.outcome == ("done", "refused")
    assert said.notices[-1]["link"] == f"/connectors/{row.pk}/edit#sign-in"


def test_what_may_want_a_token_is_no_card_either(
    alice: User, notes_server: DemoServer
) -> None:
    row = verbs.add(alice, notes_server.url, "Notes")
    row.status, row.is_verified = Status.SIGN_IN, False
    row.save()
    said = say(alice, "release", pick(row))
    assert said.outcome == ("done", "refused")
    assert said.notices[-1]["link"] == f"/connectors/{row.pk}/sign-in"


def test_a_connector_that_is_paused_asks_for_no_sign_in(
    alice: User, notes: UserMCPConnection
) -> None:
    notes.is_active = False
    notes.save()
    assert say(alice, "release", pick(notes)).outcome == ("done", "refused")


# --- Who may answer, and when -------------------------------------------------


def test_a_sign_in_of_another_person_answers_nothing(
    bob: User, notes: UserMCPConnection, waiting: Said
) -> None:
    signed_out.go_on(bob, notes)
    assert as_it_is(waiting.turn).turn.state == TurnState.WAITING


def test_a_sign_in_elsewhere_answers_nothing(
    alice: User, notes_server: DemoServer, waiting: Said
) -> None:
    other = verbs.add(alice, notes_server.url, "Other", allow_duplicate=True)
    signed_out.go_on(alice, other)
    assert as_it_is(waiting.turn).turn.state == TurnState.WAITING


def test_one_sign_in_is_for_every_conversation_that_waits(
    alice: User, notes: UserMCPConnection, waiting: Said
) -> None:
    second = say(alice, "release", pick(notes, "search_notes"))
    signed_out.sign_in(alice, notes)
    for said in (waiting, second):
        assert as_it_is(said.turn).outcome == ("done", "used")


def test_two_sign_ins_are_one_answer(
    alice: User, notes: UserMCPConnection, waiting: Said
) -> None:
    signed_out.sign_in(alice, notes)
    signed_out.go_on(alice, notes)
    assert as_it_is(waiting.turn).turn.attempts == 2
    assert ToolCall.objects.count() == 1


def test_a_new_message_overtakes_the_sign_in(
    alice: User, notes: UserMCPConnection, waiting: Said
) -> None:
    ask(alice, "Never mind.", conversation_id=waiting.turn.conversation_id)
    said = as_it_is(waiting.turn)
    assert said.outcome == ("done", "approval")
    assert card(said)["state"] == "superseded"
    signed_out.sign_in(alice, notes)
    assert as_it_is(waiting.turn).turn.attempts == 1
    assert not ToolCall.objects.exists()


def test_a_sign_in_that_nobody_makes_expires(
    alice: User, notes: UserMCPConnection, waiting: Said
) -> None:
    InputRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    signed_out.go_on(alice, notes)
    assert as_it_is(waiting.turn).turn.state == TurnState.WAITING
    leftovers.expire()
    assert card(as_it_is(waiting.turn))["state"] == "expired"


def test_who_stopped_can_try_again_and_is_asked_again(
    alice: User, notes: UserMCPConnection, waiting: Said
) -> None:
    assert card(stop(alice, waiting))["state"] == "superseded"
    said = retry(alice, waiting)
    states = [p["state"] for p in said.parts if p["kind"] == "sign_in"]
    assert states == ["superseded", "sign_in"]
    signed_out.sign_in(alice, notes)
    assert as_it_is(said.turn).outcome == ("done", "used")


def test_a_sign_in_is_no_form_that_could_be_sent(alice: User, waiting: Said) -> None:
    request = InputRequest.objects.get()
    with pytest.raises(InputClosed):
        async_to_sync(conversations.submit)(
            user_id=alice.pk, input_id=request.pk, arguments={}
        )
    assert as_it_is(waiting.turn).turn.state == TurnState.WAITING


def test_another_person_declines_nothing(bob: User, waiting: Said) -> None:
    with pytest.raises(TurnNotFound):
        inputs.decline(user_id=bob.pk, input_id=InputRequest.objects.get().pk)
    assert as_it_is(waiting.turn).turn.state == TurnState.WAITING


def test_who_waits_too_long_cannot_decline_any_more(
    alice: User, waiting: Said, settings: Settings
) -> None:
    InputRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(InputClosed):
        signed_out.decline(alice, waiting)
