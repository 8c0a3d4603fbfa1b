"""Follow one turn while it is at work, whichever process writes it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from asgiref.sync import sync_to_async

from agent import hearing, runner, turns
from agent.journal import events_after
from agent.models import Turn, TurnState
from agent.parts import Parts, fold
from connectors import pools

# How long nobody looks unasked, and after which a silence is broken.
LOOK_AGAIN_S: Final = 2.0


@dataclass(kw_only=True)
class Seen:
    """A turn as it was last seen; `is_news` unless nothing has changed since."""

    turn_id: int
    parts: Parts = field(default_factory=list)
    state: str = TurnState.QUEUED
    is_news: bool = False
    _seq: int = field(default=0, init=False)

    @property
    def is_at_work(self) -> bool:
        return self.state in turns.AT_WORK

    def look(self) -> None:
        """Read what is new. Of a turn that was deleted, nothing is at work."""
        # Before the events: the end of a turn is among those that are read after it.
        states = Turn.objects.filter(pk=self.turn_id).values_list("state", flat=True)
        state = states.first() or TurnState.STOPPED
        events = events_after(self.turn_id, self._seq)
        for kind, payload in events:
            fold(self.parts, kind, payload)
        self._seq += len(events)
        self.is_news = bool(events) or state != self.state
        self.state = state


async def follow(turn: Turn) -> AsyncGenerator[Seen]:
    """Yield a turn whenever it may have changed, until it ends or waits.

    After LOOK_AGAIN_S without news it is yielded all the same. A turn whose process
    is gone is ended meanwhile.
    """
    seen = Seen(turn_id=turn.pk)
    heard = asyncio.Event()
    listening = asyncio.ensure_future(hearing.listen(turn.conversation_id, heard))
    try:
        while True:
            heard.clear()
            await sync_to_async(seen.look)()
            await pools.release_db()
            yield seen
            if not seen.is_at_work:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await heard.wait()
            if not heard.is_set():
                await runner.reap(conversation_id=turn.conversation_id)
    finally:
        listening.cancel()
        await asyncio.wait([listening])
