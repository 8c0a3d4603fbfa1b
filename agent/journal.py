"""What happens in a turn, written down as it happens.

Each event is a row, numbered without gaps; whoever shows the turn reads the rows
and is only told to look. One process writes, as long as the turn is its own: the
condition stands in the same transaction as the row. What a person decides in the
meantime is written by `append` too, and found by the writer at its next row.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import DatabaseError, transaction
from django.db.models import Max

from agent.errors import LostTurn
from agent.models import Turn, TurnEvent, TurnState
from agent.parts import Parts, fold
from connectors import pools
from connectors.text import clean_json

# Text is written at most this often: a row for every word would be too many.
TEXT_EVERY_S = 0.08
WAKE_TIMEOUT_S = 1.0
WAKE_AGAIN_S = 5.0

Event = tuple[str, dict[str, Any]]
# Something that is stored in the same transaction as an event; what it returns
# is added to the event.
Also = Callable[[Turn], dict[str, Any] | None]
# Is told every event after it was stored.
Sink = Callable[[str, dict[str, Any]], Awaitable[None]]

log = structlog.get_logger(__name__)
# Layers that failed, and until when nobody waits for them again.
_failing_until: WeakKeyDictionary[Any, float] = WeakKeyDictionary()


@dataclass(kw_only=True)
class Journal:
    """The writer of one attempt at a turn; `parts` is what its events make.

    `seq` is the number of the newest event that `parts` has.
    """

    turn_id: int
    conversation_id: int
    owner: str
    parts: Parts
    seq: int = 0
    sink: Sink | None = None
    _unwritten: str = field(default="", init=False)
    _written_at: float = field(default=0.0, init=False)
    _timer: asyncio.TimerHandle | None = field(default=None, init=False)
    _writing: asyncio.Task[None] | None = field(default=None, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def text(self, delta: str) -> None:
        """Add text; it is stored within TEXT_EVERY_S.

        Raises:
            LostTurn: the turn is somebody else's by now, or was stopped.
        """
        self._unwritten += delta
        wait_s = self._written_at + TEXT_EVERY_S - time.monotonic()
        if wait_s <= 0:
            await self.flush()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(wait_s, self._begin_to_flush)

    async def emit(
        self, kind: str, *, also: Also | None = None, **payload: Any
    ) -> dict[str, Any]:
        """Store an event, after the text before it; return what was stored.

        Raises:
            LostTurn: the turn is somebody else's by now, or was stopped.
        """
        return await self._write((kind, payload), also)

    async def flush(self) -> None:
        """Store the text that still waits.

        Raises:
            LostTurn: the turn is somebody else's by now, or was stopped.
        """
        await self._write(None, None)

    async def catch_up(self) -> None:
        """Take up, and tell, what others stored in the meantime.

        Raises:
            LostTurn: the turn is somebody else's by now, or was stopped.
        """
        async with self._lock:
            try:
                stored = await sync_to_async(self._store)([], None)
            finally:
                await pools.release_db()
            await self._tell(stored)

    def _begin_to_flush(self) -> None:
        self._writing = asyncio.ensure_future(self._flush_quietly())

    async def _flush_quietly(self) -> None:
        # The next write says so to who can do something about it.
        with suppress(LostTurn, DatabaseError):
            await self.flush()

    async def _write(self, event: Event | None, also: Also | None) -> dict[str, Any]:
        async with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            text, self._unwritten = self._unwritten, ""
            events: list[Event] = [("text", {"delta": text})] if text else []
            if event is not None:
                events.append(event)
            if not events:
                return {}
            try:
                stored = await sync_to_async(self._store)(events, also)
            except DatabaseError:
                self._unwritten = text + self._unwritten
                raise
            finally:
                self._written_at = time.monotonic()
                await pools.release_db()
            await self._tell(stored)
        await wake(self.conversation_id)
        return stored[-1][1]

    @transaction.atomic
    def _store(self, events: list[Event], also: Also | None) -> list[Event]:
        """Store `events` if the turn is still ours; return all that `parts` lacks.

        Those are more than `events` if a person decided something meanwhile.
        """
        turn = lock(self.turn_id)
        if (
            turn is None
            or turn.state != TurnState.RUNNING
            or turn.lease_owner != self.owner
        ):
            raise LostTurn
        missed = events_after(self.turn_id, self.seq)
        if also is not None:
            kind, payload = events.pop()
            events.append((kind, {**payload, **(also(turn) or {})}))
        stored = [(kind, append(turn, kind, payload)) for kind, payload in events]
        return missed + stored

    async def _tell(self, events: list[Event]) -> None:
        for kind, payload in events:
            self.seq += 1
            fold(self.parts, kind, payload)
            if self.sink is not None:
                await self.sink(kind, payload)


def lock(turn_id: int) -> Turn | None:
    """Return the turn, locked until the end of the transaction."""
    # Not the rows that it belongs to: they are locked for their own reasons.
    turns = Turn.objects.select_for_update(of=("self",)).select_related("conversation")
    return turns.filter(pk=turn_id).first()


def append(turn: Turn, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Store the next event of a turn that is locked; return it as it is stored."""
    stored: dict[str, Any] = clean_json(payload)
    newest = turn.events.aggregate(newest=Max("seq"))["newest"] or 0
    TurnEvent.objects.create(turn=turn, seq=newest + 1, kind=kind, payload=stored)
    return stored


def events_after(turn_id: int, seq: int) -> list[Event]:
    """Return the events of a turn that are newer than `seq`, in order."""
    events = TurnEvent.objects.filter(turn=turn_id, seq__gt=seq).order_by("seq")
    return list(events.values_list("kind", "payload"))


def group(conversation_id: int) -> str:
    """Return the name of the group of those who show this conversation."""
    return f"chat.{conversation_id}"


async def wake(conversation_id: int) -> None:
    """Tell those who show this conversation to look; they also do so unasked.

    A layer that fails costs them seconds and nobody an answer.
    """
    layer = get_channel_layer()
    now = time.monotonic()
    if now < _failing_until.get(layer, now):
        return
    try:
        async with asyncio.timeout(WAKE_TIMEOUT_S):
            await layer.group_send(group(conversation_id), {"type": "look"})
    except Exception as failure:  # noqa: BLE001 - of whatever a layer is made
        layer_fails(layer, failure)
        _failing_until[layer] = time.monotonic() + WAKE_AGAIN_S
    else:
        layer_works(layer)


def layer_fails(layer: Any, failure: Exception) -> None:
    """Say that a layer fails: once in an outage, however many notice."""
    if layer not in _failing_until:
        log.warning("channels.failing", reason=type(failure).__name__)
    _failing_until.setdefault(layer, 0.0)


def layer_works(layer: Any) -> None:
    """Note that there is no outage, or that it is over."""
    _failing_until.pop(layer, None)
