"""What a thread shows, and what is new in it for whoever comes with a place."""

import pytest

from accounts.models import User
from agent import thread
from agent.following import Follower, News
from agent.models import Conversation, TurnState
from agent.places import Place
from agent.tests import threads
from agent.tests.threads import asked, done, finished, happen, started, text


@pytest.fixture
def one(alice: User) -> Conversation:
    return threads.conversation(alice)


def follow(one: Conversation) -> Follower:
    """Follow from what the page shows now."""
    loaded = thread.load(one)
    return Follower(conversation_id=one.pk, since=loaded.place, state=loaded.state)


def looked(follower: Follower) -> News:
    news = follower.look()
    assert news is not None
    return news


def shown(news: News) -> list[str]:
    """Name all that a piece of news changes."""
    entries = [f"+m{entry.message.seq}" for entry in news.entries]
    added = [f"+{part.part.get('text', part.part['kind'])}" for part in news.added]
    changed = [f"={part.part.get('text', part.part['kind'])}" for part in news.changed]
    return [*changed, *(f"-{gone}" for gone in news.gone), *added, *entries]


# --- The page ----------------------------------------------------------------


@pytest.mark.parametrize("written", ["", "x", "1", "1.x", "-1.2", "1.2.3", "9" * 30])
def test_a_place_that_is_none_is_the_beginning(written: str) -> None:
    assert Place.read(written) == Place()


def test_a_place_is_read_as_it_was_written() -> None:
    place = Place(message=4, event=17)
    assert Place.read(str(place)) == place


def test_a_thread_has_its_messages_in_order_and_says_how_far_it_is(
    one: Conversation,
) -> None:
    turn = threads.turn(one)
    happen(turn, text("Three."), done(), state=TurnState.DONE)
    later = threads.turn(one, text="And since when?")
    happen(later, started(), text("Since"))
    loaded = thread.load(one)
    assert [entry.message.seq for entry in loaded.entries] == [1, 2, 3, 4]
    assert [entry.is_mine for entry in loaded.entries] == [True, False, True, False]
    assert str(loaded.place) == "4.2"
    assert loaded.turn == later
    # Running: from its events, since nothing of it is stored yet.
    assert [part.part["kind"] for part in loaded.entries[3].parts] == ["call", "text"]
    assert [part.is_live for part in loaded.entries[3].parts] == [False, True]
    assert not loaded.entries[1].parts[0].is_live


def test_a_recorded_call_has_a_number(alice: User, one: Conversation) -> None:
    calls = [threads.recorded(alice, key=key) for key in ("k1", "k2")]
    before = threads.turn(one)
    happen(before, started("k1"), finished("k1"), done(), state=TurnState.DONE)
    turn = threads.turn(one)
    follower = follow(one)
    follower.look()
    happen(turn, started("k2"))
    [added] = looked(follower).added
    shown = [part for entry in thread.load(one).entries for part in entry.parts]
    assert [part.number for part in shown] == [call.pk for call in calls]
    assert added.number == calls[1].pk


def test_an_empty_conversation_is_at_its_beginning(one: Conversation) -> None:
    loaded = thread.load(one)
    assert (loaded.entries, str(loaded.place), loaded.state) == ([], "0.0", "")


def test_what_was_pruned_is_shown_as_it_was_stored(one: Conversation) -> None:
    turn = threads.turn(one)
    happen(turn, text("Three."), done(), state=TurnState.DONE)
    turn.events.all().delete()
    [_, answer] = thread.load(one).entries
    assert [part.part["text"] for part in answer.parts] == ["Three."]


def test_of_a_long_thread_the_newest_are_shown(one: Conversation) -> None:
    for _ in range(4):
        turn = threads.turn(one)
        happen(turn, text("x"), done(), state=TurnState.DONE)
    loaded = thread.load(one, limit=4)
    assert [entry.message.seq for entry in loaded.entries] == [5, 6, 7, 8]
    assert loaded.hidden == 4
    assert len(thread.load(one, limit=None).entries) == 8


# --- What is new -------------------------------------------------------------


def test_nothing_is_new_until_something_happens(one: Conversation) -> None:
    turn = threads.turn(one)
    happen(turn, text("Thr"))
    follower = follow(one)
    assert follower.look() is None
    assert follower.look() is None
    happen(turn, text("ee."))
    news = looked(follower)
    assert shown(news) == ["=Three."]
    assert (news.since, news.at) == ("2.1", "2.2")
    assert follower.look() is None


def test_text_grows_and_parts_come_after_it(one: Conversation) -> None:
    turn = threads.turn(one)
    follower = follow(one)
    follower.look()
    happen(turn, text("Let me look."))
    assert shown(looked(follower)) == ["+Let me look."]
    happen(turn, started())
    news = looked(follower)
    # The text is not written on any more.
    assert shown(news) == ["=Let me look.", "+call"]
    assert not news.changed[0].is_live
    happen(turn, finished(), text("One"), text(" payout."))
    assert shown(looked(follower)) == ["=call", "+One payout."]
    happen(turn, done(), state=TurnState.DONE)
    news = looked(follower)
    assert shown(news) == ["=One payout."]
    assert (news.state, news.is_other_turn) == ("done", True)
    assert not news.changed[0].is_live


def test_a_question_and_its_answer_change_one_part(one: Conversation) -> None:
    turn = threads.turn(one)
    follower = follow(one)
    follower.look()
    happen(turn, asked(), state=TurnState.WAITING)
    news = looked(follower)
    assert shown(news) == ["+call"]
    assert news.added[0].receipt.kind == "ask"
    assert news.state == "waiting"
    happen(turn, ("approval", {"id": "k1", "decision": "declined"}))
    [changed] = looked(follower).changed
    assert (changed.receipt.kind, changed.receipt.state) == ("line", "paused")


def test_an_end_goes_when_the_answer_is_tried_again(one: Conversation) -> None:
    turn = threads.turn(one)
    happen(turn, text("Half a"), done("failed", "It failed."), state=TurnState.FAILED)
    follower = follow(one)
    assert follower.look() is None
    turn.state = TurnState.RUNNING
    turn.save()
    happen(turn, ("notice", {"level": "retry"}))
    news = looked(follower)
    assert shown(news) == ["=Half a", f"-part-{turn.pk}-1"]
    happen(turn, text("Whole."))
    assert shown(looked(follower)) == ["=Half a", "+Whole."]


def test_an_end_that_is_written_over_in_one_go_is_replaced(one: Conversation) -> None:
    turn = threads.turn(one)
    happen(turn, done("failed", "It failed."), state=TurnState.FAILED)
    follower = follow(one)
    follower.look()
    turn.state = TurnState.RUNNING
    turn.save()
    happen(turn, ("notice", {"level": "retry"}), text("Whole."))
    assert shown(looked(follower)) == ["=Whole."]


def test_new_messages_come_after_the_end_of_the_answer_before(
    one: Conversation,
) -> None:
    turn = threads.turn(one)
    happen(turn, asked(), state=TurnState.WAITING)
    follower = follow(one)
    assert follower.look() is None
    happen(turn, ("approval", {"id": "k1", "decision": "superseded"}), done())
    happen(turn, state=TurnState.DONE)
    later = threads.turn(one, text="Never mind.")
    happen(later, text("Fine"))
    news = looked(follower)
    assert shown(news) == ["=call", "+m3", "+m4"]
    assert (news.since, news.at) == ("2.1", "4.1")
    assert news.turn == later
    happen(later, text("."))
    assert shown(looked(follower)) == ["=Fine."]


def test_the_first_message_of_all_is_new(one: Conversation) -> None:
    follower = follow(one)
    assert follower.look() is None
    threads.turn(one)
    assert shown(looked(follower)) == ["+m1", "+m2"]
    assert follower.is_at_work


# --- Coming back -------------------------------------------------------------


def test_who_comes_back_late_gets_the_answer_whole(one: Conversation) -> None:
    turn = threads.turn(one)
    happen(turn, text("One"))
    page = thread.load(one)
    happen(turn, text(" two"), started(), finished())
    back = Follower(conversation_id=one.pk, since=page.place, state=page.state)
    news = looked(back)
    assert shown(news) == ["+m2"]
    assert [part.part["kind"] for part in news.entries[0].parts] == ["text", "call"]
    assert (news.since, news.at) == ("2.1", "2.4")
    assert back.look() is None


def test_who_comes_back_after_other_messages_gets_all_of_them(
    one: Conversation,
) -> None:
    turn = threads.turn(one)
    happen(turn, text("One"))
    page = thread.load(one)
    happen(turn, text(" two"), done(), state=TurnState.DONE)
    threads.turn(one, text="More")
    back = Follower(conversation_id=one.pk, since=page.place, state=page.state)
    assert shown(looked(back)) == ["+m2", "+m3", "+m4"]


def test_a_state_that_changed_without_an_event_is_told(one: Conversation) -> None:
    turn = threads.turn(one)
    happen(turn, text("One"))
    page = thread.load(one)
    happen(turn, state=TurnState.WAITING)
    back = Follower(conversation_id=one.pk, since=page.place, state=page.state)
    news = looked(back)
    assert news.is_other_turn
    assert not news.entries[0].parts[0].is_live


def test_of_what_was_deleted_there_is_no_news(one: Conversation) -> None:
    turn = threads.turn(one)
    follower = follow(one)
    happen(turn, text("Two"))
    looked(follower)
    one.delete()
    assert follower.look() is None


@pytest.mark.parametrize("since", ["0.0", "1.0", "99.0", "2.99"])
def test_a_place_that_nobody_was_at_does_no_harm(one: Conversation, since: str) -> None:
    turn = threads.turn(one)
    happen(turn, text("One"))
    follower = Follower(conversation_id=one.pk, since=Place.read(since), state="")
    follower.look()
    happen(turn, text(" two"))
    news = follower.look()
    assert news is None or news.at == "2.2"


# --- Parts -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("/connectors/3/tests/4", "/connectors/3/tests/4"),
        ("https://evil.example", ""),
        ("//evil.example", ""),
        ("javascript:alert(1)", ""),
        ("/\\evil.example", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_evidence_is_a_page_of_ours(link: str, expected: str) -> None:
    part = thread.show_part(None, 0, {"kind": "notice", "link": link})
    assert part.evidence == expected
