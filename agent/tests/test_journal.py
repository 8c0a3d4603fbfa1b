"""The journal: rows without gaps, by one writer; whoever looks on is woken."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from agent import journal, turns
from agent.errors import LostTurn
from agent.models import Turn, TurnEvent
from agent.tests.turning import ask, begin, kinds
from agent.work import Work


@pytest.fixture
def turn(alice: User) -> Turn:
    return ask(alice)


@pytest.fixture
def work(turn: Turn) -> Work:
    return begin(turn)


def seqs(turn: Turn) -> list[int]:
    return list(turn.events.order_by("seq").values_list("seq", flat=True))


def test_text_is_gathered_and_stands_before_what_follows(
    work: Work, turn: Turn
) -> None:
    async def write() -> None:
        for word in ("One ", "two ", "three."):
            await work.journal.text(word)
        await work.journal.emit("notice", level="info", text="Hm.")

    async_to_sync(write)()
    assert kinds(turn) == ["text", "text", "notice"]
    assert seqs(turn) == [1, 2, 3]
    # The first word is stored at once, the others together.
    payloads = list(turn.events.order_by("seq").values_list("payload", flat=True))
    assert [p.get("delta") for p in payloads] == ["One ", "two three.", None]
    assert work.parts[0]["text"] == "One two three."
    assert work.parts is work.journal.parts


async def test_text_is_stored_before_long_also_if_nothing_follows(
    transactional_db: None, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = await sync_to_async(ask)(alice)
    work = await sync_to_async(begin)(turn)
    stored = asyncio.Event()

    async def told(kind: str, payload: dict[str, Any]) -> None:
        if payload["delta"] == "two":
            stored.set()

    work.journal.sink = told
    await work.journal.text("One ")
    await work.journal.text("two")
    async with asyncio.timeout(10):
        await stored.wait()
    assert await sync_to_async(kinds)(turn) == ["text", "text"]


def test_nothing_is_no_event(work: Work, turn: Turn) -> None:
    async_to_sync(work.journal.flush)()
    async_to_sync(work.journal.text)("")
    assert kinds(turn) == []


def test_what_a_database_cannot_keep_is_left_out(work: Work, turn: Turn) -> None:
    async_to_sync(work.journal.emit)(
        "notice", level="info", text="a\x00b\ud800c", detail=float("nan")
    )
    stored = TurnEvent.objects.get().payload
    assert stored == {"level": "info", "text": "abc", "detail": None}
    assert work.parts[0]["text"] == "abc"


def test_something_else_can_be_stored_with_an_event_or_not_at_all(
    work: Work, turn: Turn
) -> None:
    def rename(turn: Turn) -> dict[str, Any]:
        turn.conversation.title = "Renamed"
        turn.conversation.save()
        return {"code": "7"}

    stored = async_to_sync(work.journal.emit)(
        "notice", also=rename, level="info", text="x"
    )
    assert stored["code"] == "7"
    turn.conversation.refresh_from_db()
    assert turn.conversation.title == "Renamed"

    def fail(turn: Turn) -> None:
        raise ValueError("nothing of it stays")

    with pytest.raises(ValueError, match="nothing of it stays"):
        async_to_sync(work.journal.emit)("notice", also=fail, level="info", text="y")
    assert seqs(turn) == [1]


def test_what_others_wrote_meanwhile_is_part_of_it(work: Work, turn: Turn) -> None:
    async_to_sync(work.journal.emit)("notice", level="info", text="first")
    journal.append(turn, "notice", {"level": "info", "text": "from outside"})
    async_to_sync(work.journal.emit)("notice", level="info", text="third")
    said = [part["text"] for part in work.parts]
    assert said == ["first", "from outside", "third"]
    assert (seqs(turn), work.journal.seq) == ([1, 2, 3], 3)


def test_a_writer_that_lost_the_turn_writes_nothing(work: Work, turn: Turn) -> None:
    turns.stop(turn.pk)
    turns.retry(turn.pk)
    begin(turn, "another")
    before = kinds(turn)
    with pytest.raises(LostTurn):
        async_to_sync(work.journal.emit)("notice", level="info", text="late")
    assert kinds(turn) == before


def test_the_sink_is_told_what_was_stored(work: Work) -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    async def sink(kind: str, payload: dict[str, Any]) -> None:
        told.append((kind, payload))

    work.journal.sink = sink
    async_to_sync(work.journal.emit)("notice", level="info", text="x\x00")
    assert told == [("notice", {"level": "info", "text": "x"})]


def test_what_others_wrote_can_be_told_at_once(work: Work, turn: Turn) -> None:
    told: list[str] = []

    async def sink(kind: str, payload: dict[str, Any]) -> None:
        told.append(payload["text"])

    work.journal.sink = sink
    journal.append(turn, "notice", {"level": "info", "text": "from outside"})
    async_to_sync(work.journal.catch_up)()
    assert told == ["from outside"]
    async_to_sync(work.journal.emit)("notice", level="info", text="own")
    assert (told, seqs(turn)) == (["from outside", "own"], [1, 2])


# --- Waking ------------------------------------------------------------------


async def test_who_shows_the_conversation_is_told_to_look(
    transactional_db: None, alice: User
) -> None:
    turn = await sync_to_async(ask)(alice)
    work = await sync_to_async(begin)(turn)
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(journal.group(turn.conversation_id), channel)
    await work.journal.emit("notice", level="info", text="x")
    async with asyncio.timeout(10):
        assert await layer.receive(channel) == {"type": "look"}


async def test_a_layer_that_fails_is_logged_once_and_survived(
    settings: Settings, closed_url: str
) -> None:
    redis = f"redis://{urlsplit(closed_url).netloc}"
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [redis]},
        }
    }
    with capture_logs() as logs:
        await journal.wake(1)
        await journal.wake(1)
    assert [log["event"] for log in logs] == ["channels.failing"]
