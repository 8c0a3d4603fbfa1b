"""Forms of tools in a conversation: filled in by the person, checked, run once."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from agent import calling, inputs, leftovers, turns
from agent.errors import InputClosed, TurnNotFound
from agent.models import Enforcement, InputRequest, Turn, TurnState
from agent.tests.turning import OWNER, again, ask, begin, part_of, pick
from agent.work import Work
from connectors.errors import InvalidInput
from connectors.models import ToolCall, UserMCPConnection
from connectors.tests import verbs
from demo.fixtures import DemoServer

pytestmark = pytest.mark.usefixtures("allow_loopback")


@pytest.fixture
def notes(alice: User, notes_server: DemoServer) -> UserMCPConnection:
    return verbs.add(alice, notes_server.url, "Notes")


@pytest.fixture
def waiting(alice: User, notes: UserMCPConnection) -> Turn:
    """A turn that shows the form for deleting a note."""
    turn = ask(alice, pick=pick(notes.pk, "delete_note"))
    work = begin(turn)
    tool = next(t for t in work.toolbox.tools.values() if t.spec.name == "delete_note")
    async_to_sync(calling.ask_form)(work, tool=tool, arguments={}, step=1, forced=True)
    turns.pause(turn.pk, owner=OWNER, enforcement="form", usage={})
    return again(turn)


def submit(user: User, **arguments: Any) -> Turn:
    return async_to_sync(inputs.submit)(
        user_id=user.pk,
        input_id=InputRequest.objects.get().pk,
        arguments=arguments,
    )


def go_on(turn: Turn) -> Work:
    work = begin(turn)
    async_to_sync(calling.run_decided)(work)
    return work


def test_what_the_person_sends_is_their_word_for_the_call(
    waiting: Turn, alice: User
) -> None:
    assert submit(alice, note_id="NOTE-104").state == TurnState.QUEUED
    part = part_of(waiting)
    assert (part["state"], part["arguments"]) == ("sent", {"note_id": "NOTE-104"})
    call = go_on(waiting).parts[0]
    assert (call["state"], call["arguments"]) == ("done", {"note_id": "NOTE-104"})
    assert call["forced"]
    assert ToolCall.objects.get().tool == "delete_note"


def test_what_does_not_fit_leaves_the_form_open(waiting: Turn, alice: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        submit(alice, note_id=7)
    assert caught.value.errors[0]["loc"][:3] == ["body", "arguments", "note_id"]
    assert again(waiting).state == TurnState.WAITING
    assert submit(alice, note_id="NOTE-104").state == TurnState.QUEUED


def test_two_clicks_are_one_call(waiting: Turn, alice: User) -> None:
    submit(alice, note_id="NOTE-104")
    with pytest.raises(InputClosed):
        submit(alice, note_id="NOTE-105")
    go_on(waiting)
    assert ToolCall.objects.count() == 1
    assert part_of(waiting)["arguments"] == {"note_id": "NOTE-104"}


def test_another_person_fills_in_nothing(waiting: Turn, bob: User) -> None:
    with pytest.raises(TurnNotFound):
        submit(bob, note_id="NOTE-104")


def test_what_is_sealed_does_not_show(waiting: Turn, alice: User) -> None:
    submit(alice, note_id="NOTE-104")
    with_values = InputRequest.objects.get()
    assert "NOTE-104" not in str(with_values.__dict__)


def test_a_new_message_overtakes_the_form(waiting: Turn, alice: User) -> None:
    ask(alice, "Never mind.", conversation_id=waiting.conversation_id)
    ended = again(waiting)
    assert (ended.state, ended.enforcement) == (TurnState.DONE, Enforcement.FORM)
    assert part_of(waiting)["state"] == "superseded"
    with pytest.raises(InputClosed):
        submit(alice, note_id="NOTE-104")


def test_a_form_expires(waiting: Turn, alice: User, settings: Settings) -> None:
    late = timezone.now() - timedelta(seconds=1)
    InputRequest.objects.update(expires_at=late)
    with pytest.raises(InputClosed):
        submit(alice, note_id="NOTE-104")
    assert [turn.pk for turn in leftovers.expire()] == [waiting.pk]
    assert part_of(waiting)["state"] == "expired"


def test_a_tool_that_changed_since_is_refused(
    waiting: Turn, alice: User, notes: UserMCPConnection
) -> None:
    submit(alice, note_id="NOTE-104")
    for tool in notes.discovered_tools:
        tool["hash"] = "f" * 64
    notes.save()
    assert go_on(waiting).parts[0]["state"] == "refused"
    assert not ToolCall.objects.exists()
