"""Conversations and what people do with them; another person's is not there."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.models import User
from agent import conversations, journal, turns
from agent.errors import ConversationNotFound, NothingToRetry, TurnNotFound
from agent.models import Conversation, ToolResult, Turn, TurnState
from agent.tests.boxes import connector
from agent.tests.turning import OWNER, again, ask, begin, leave_for_dead
from connectors.errors import InvalidInput
from connectors.models import ToolCall
from connectors.tests import rows


@pytest.fixture
def turn(alice: User) -> Turn:
    return ask(alice)


def which(user: User, turn: Turn) -> dict[str, Any]:
    return {"user_id": user.pk, "conversation_id": turn.conversation_id}


def test_the_newest_conversation_stands_first(alice: User, bob: User) -> None:
    first, second = (conversations.create(user_id=alice.pk) for _ in range(2))
    conversations.create(user_id=bob.pk)
    turns.stop(ask(alice, conversation_id=first.pk).pk)
    assert conversations.recent(user_id=alice.pk) == [first, second]
    conversations.archive(user_id=alice.pk, conversation_id=first.pk)
    assert conversations.recent(user_id=alice.pk) == [second]
    conversations.unarchive(user_id=alice.pk, conversation_id=first.pk)
    assert conversations.recent(user_id=alice.pk) == [first, second]


def test_a_conversation_can_be_renamed(turn: Turn, alice: User) -> None:
    before = turn.conversation.updated_at
    renamed = conversations.rename(**which(alice, turn), title="  Pay\u202eouts\n ")
    assert renamed.title == "Payouts"
    stored = Conversation.objects.get()
    assert (stored.title, stored.updated_at) == ("Payouts", before)
    with pytest.raises(InvalidInput):
        conversations.rename(**which(alice, turn), title=" \u200b ")


def test_a_conversation_that_is_opened_has_no_dead_answer(
    turn: Turn, alice: User
) -> None:
    begin(turn)
    leave_for_dead(turn)
    conversations.get(**which(alice, turn))
    assert again(turn).state == TurnState.INTERRUPTED


def test_deleting_takes_everything_but_the_evidence(turn: Turn, alice: User) -> None:
    call = rows.call_of(connector(alice), conversation_id=turn.conversation_id)
    begin(turn)
    journal.append(turn, "text", {"delta": "Hm."})
    ToolResult.objects.create(turn=turn, call_id=call.call_id)
    async_to_sync(conversations.delete)(**which(alice, turn))
    assert not Conversation.objects.exists()
    assert not Turn.objects.exists()
    assert not ToolResult.objects.exists()
    assert ToolCall.objects.get() == call


def test_nothing_was_asked_in_an_empty_conversation(alice: User) -> None:
    empty = conversations.create(user_id=alice.pk)
    with pytest.raises(TurnNotFound):
        conversations.newest_turn(user_id=alice.pk, conversation_id=empty.pk)


def test_the_newest_turn_is_that_of_the_newest_message(turn: Turn, alice: User) -> None:
    turns.stop(turn.pk)
    after = ask(alice, conversation_id=turn.conversation_id)
    assert conversations.newest_turn(**which(alice, turn)) == after


def test_stopping_twice_is_stopping(turn: Turn, alice: User) -> None:
    for _ in range(2):
        stopped = async_to_sync(conversations.stop)(user_id=alice.pk, turn_id=turn.pk)
        assert stopped.state == TurnState.STOPPED
    begun = ask(alice, conversation_id=turn.conversation_id)
    begin(begun)
    turns.finish(begun.pk, owner=OWNER, state="done")
    stopped = async_to_sync(conversations.stop)(user_id=alice.pk, turn_id=begun.pk)
    assert stopped.state == TurnState.DONE
    with pytest.raises(NothingToRetry):
        async_to_sync(conversations.retry)(user_id=alice.pk, turn_id=begun.pk)


def test_what_is_another_persons_is_not_there(turn: Turn, bob: User) -> None:
    theirs = which(bob, turn)
    verbs = (conversations.get, conversations.newest_turn)
    for verb in (*verbs, conversations.archive, conversations.unarchive):
        with pytest.raises(ConversationNotFound):
            verb(**theirs)
    with pytest.raises(ConversationNotFound):
        conversations.rename(**theirs, title="Mine")
    with pytest.raises(ConversationNotFound):
        async_to_sync(conversations.delete)(**theirs)
    for end in (conversations.stop, conversations.retry):
        with pytest.raises(TurnNotFound):
            async_to_sync(end)(user_id=bob.pk, turn_id=turn.pk)
    assert again(turn).state == TurnState.QUEUED


def test_a_message_that_is_sent_begins_the_answer(alice: User) -> None:
    sent = async_to_sync(conversations.send)(user_id=alice.pk, text="Hello")
    assert again(sent).state == TurnState.DONE


def test_a_message_can_be_left_to_who_sent_it(alice: User) -> None:
    sent = async_to_sync(conversations.send)(
        user_id=alice.pk, text="Hello", via="v1", token_id=7, launch=False
    )
    assert again(sent).state == TurnState.QUEUED
    work = begin(sent)
    assert (work.caller.via, work.caller.token_id) == ("v1", 7)
    assert work.caller.conversation_id == sent.conversation_id


def test_archived_conversations_keep_their_time(turn: Turn, alice: User) -> None:
    before = timezone.now()
    conversations.archive(**which(alice, turn))
    stored = Conversation.objects.get()
    assert stored.archived_at is not None
    assert stored.archived_at >= before > stored.updated_at
