"""Sending a message: once, whole, with what was picked, in its turn."""

import pytest
from django.db import IntegrityError
from pytest_django import Settings

from accounts.models import User
from agent import sending, turns
from agent.errors import ConversationNotFound, TurnRunning
from agent.models import Conversation, Enforcement, Message, Role, Turn, TurnState
from agent.tests.boxes import connector
from agent.tests.turning import (
    OWNER,
    again,
    answer_of,
    ask,
    begin,
    leave_for_dead,
    pick,
)
from connectors.errors import InvalidInput, TooManyRequests


def test_a_first_message_begins_a_conversation(alice: User) -> None:
    turn = ask(alice, "  What changed in the notes last week?\n")
    conversation = turn.conversation
    assert conversation.title == "What changed in the notes last week?"
    asked, answer = conversation.messages.order_by("seq")
    assert (asked.seq, asked.role, asked.text) == (
        1, Role.USER, "What changed in the notes last week?"
    )  # fmt: skip
    assert (answer.seq, answer.role, answer.parts) == (2, Role.ASSISTANT, [])
    assert (turn.state, turn.user_message) == (TurnState.QUEUED, asked)


def test_a_long_message_is_a_short_title(alice: User) -> None:
    title = ask(alice, "several words, " * 100).conversation.title
    assert title == "several words, several words, several words, several words…"
    assert len(title) <= sending.TITLE_TAKEN
    title = ask(alice, "Which payouts failed since " + "w" * 100).conversation.title
    assert title == "Which payouts failed since…"
    title = ask(alice, "w" * 100).conversation.title
    assert title == "w" * (sending.TITLE_TAKEN - 1) + "…"
    title = ask(alice, "w" * sending.TITLE_TAKEN).conversation.title
    assert title == "w" * sending.TITLE_TAKEN


def test_what_was_said_before_stands_before_it(alice: User) -> None:
    earlier = [("user", "Hello"), ("assistant", "Hi."), ("user", "What is new?")]
    turn = ask(alice, "And today?", earlier=earlier)
    messages = turn.conversation.messages.order_by("seq")
    assert [m.text for m in messages][:4] == [
        "Hello",
        "Hi.",
        "What is new?",
        "And today?",
    ]
    assert messages[1].parts == [{"kind": "text", "text": "Hi."}]
    assert [m.text for m in begin(turn).earlier] == ["Hello", "Hi.", "What is new?"]


@pytest.mark.parametrize("text", ["", "  \n ", "\x00"])
def test_nothing_is_no_message(alice: User, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask(alice, text)
    assert caught.value.errors[0]["loc"] == ["body", "text", "required"]
    assert not Conversation.objects.exists()


def test_too_much_is_no_message(alice: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask(alice, "x" * (sending.TEXT_CHARS + 1))
    assert caught.value.errors[0]["loc"] == ["body", "text", "max_length"]


def test_what_a_database_cannot_keep_is_left_out(alice: User) -> None:
    assert ask(alice, "a\x00b\ud800c").user_message.text == "abc"


# --- Once --------------------------------------------------------------------


def test_the_same_nonce_is_the_same_conversation(alice: User, bob: User) -> None:
    first, second = (ask(alice, nonce="n1") for _ in range(2))
    assert first == second
    assert ask(bob, nonce="n1") != first
    assert Conversation.objects.owned_by(alice).count() == 1


def test_the_same_nonce_is_the_same_message(alice: User) -> None:
    begun = ask(alice)
    turns.stop(begun.pk)
    sent = [
        ask(alice, conversation_id=begun.conversation_id, nonce="n1") for _ in range(2)
    ]
    assert sent[0] == sent[1]
    assert Message.objects.count() == 4


def test_a_message_that_is_sent_again_after_its_answer_is_still_the_same(
    alice: User,
) -> None:
    turn = ask(alice, nonce="n1")
    begin(turn)
    turns.finish(turn.pk, owner=OWNER, state="done")
    assert ask(alice, nonce="n1") == turn


# --- In its turn -------------------------------------------------------------


@pytest.mark.parametrize("is_begun", [False, True])
def test_one_answer_at_a_time(alice: User, is_begun: bool) -> None:
    turn = ask(alice)
    if is_begun:
        begin(turn)
    with pytest.raises(TurnRunning):
        ask(alice, conversation_id=turn.conversation_id)
    assert Message.objects.count() == 2


def test_a_turn_whose_process_is_gone_does_not_hold_the_conversation(
    alice: User,
) -> None:
    turn = ask(alice)
    begin(turn)
    leave_for_dead(turn)
    after = ask(alice, "Are you there?", conversation_id=turn.conversation_id)
    assert again(turn).state == TurnState.INTERRUPTED
    assert after.user_message.seq == 3
    assert answer_of(turn).parts[-1]["state"] == "interrupted"


def test_a_message_goes_to_ones_own_conversation(alice: User, bob: User) -> None:
    turn = ask(alice)
    turns.stop(turn.pk)
    for conversation_id in (turn.conversation_id, 10**15):
        with pytest.raises(ConversationNotFound):
            ask(bob, conversation_id=conversation_id)


def test_a_message_brings_an_archived_conversation_back(alice: User) -> None:
    turn = ask(alice)
    turns.stop(turn.pk)
    Conversation.objects.update(archived_at=turn.created_at, updated_at=turn.created_at)
    ask(alice, conversation_id=turn.conversation_id)
    found = Conversation.objects.get()
    assert found.archived_at is None
    assert found.updated_at > turn.created_at


def test_the_first_message_names_a_conversation_without_a_title(alice: User) -> None:
    empty = Conversation.objects.create(user=alice, title=sending.UNTITLED)
    named = Conversation.objects.create(user=alice, title="Payouts")
    for row in (empty, named):
        ask(alice, "What is new?", conversation_id=row.pk)
        row.refresh_from_db()
    assert (empty.title, named.title) == ("What is new?", "Payouts")


def test_a_person_has_so_many_answers_written_at_once(
    alice: User, bob: User, settings: Settings
) -> None:
    settings.OPS_PER_PERSON = 2
    first, second = ask(alice), ask(alice)
    with pytest.raises(TooManyRequests):
        ask(alice)
    ask(bob)
    leave_for_dead(first)
    third = ask(alice)
    for one in (second, third):
        turns.stop(one.pk)
    ask(alice, conversation_id=second.conversation_id)
    ask(alice)
    with pytest.raises(TooManyRequests):
        ask(alice, conversation_id=third.conversation_id)


# --- With what was picked ----------------------------------------------------


def test_a_pick_is_stored_with_its_label(alice: User) -> None:
    row = connector(alice, "Notes")
    turn = ask(alice, pick=pick(row.pk, "search"))
    message = turn.user_message
    assert message.selection_kind == "connector_tool"
    assert message.selection_ref == f"{row.pk}:search"
    assert message.selection_label == "Notes: search"
    assert turn.selection == f"connector_tool:{row.pk}:search"


def test_a_prefix_is_a_pick(alice: User) -> None:
    row = connector(alice, "Notes")
    message = ask(alice, "[TOOL:Notes: search] What is new?").user_message
    assert message.text == "What is new?"
    assert message.selection_ref == f"{row.pk}:search"


def test_a_prefix_of_a_tool_that_nobody_knows_is_kept_to_be_refused(
    alice: User,
) -> None:
    message = ask(alice, "[TOOL:nothing] What is new?").user_message
    assert (message.selection_label, message.text) == ("nothing", "What is new?")
    assert message.selection_kind


def test_a_prefix_alone_is_a_message(alice: User) -> None:
    connector(alice, "Notes")
    turn = ask(alice, "[TOOL:Notes]")
    assert turn.user_message.text == ""
    assert turn.conversation.title == "Notes"


def test_what_was_picked_by_hand_stands_above_a_prefix(alice: User) -> None:
    row = connector(alice, "Notes")
    message = ask(alice, "[TOOL:x] y", pick=pick(row.pk, "add")).user_message
    assert message.selection_ref == f"{row.pk}:add"
    assert message.text == "[TOOL:x] y"


def test_no_answer_to_a_pick_can_be_stored_without_its_enforcement(
    alice: User,
) -> None:
    """The database keeps the promise, whatever the code does."""
    row = connector(alice)
    turn = ask(alice, pick=pick(row.pk))
    with pytest.raises(IntegrityError, match="turn_pick_is_enforced"):
        Turn.objects.filter(pk=turn.pk).update(
            state="done", enforcement=Enforcement.NONE
        )
