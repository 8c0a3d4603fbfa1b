"""What is streamed of a turn, from what was asked to its end or its next question.

Who leaves stops a turn that is at work, and with it the language model: what was said
is kept, and what waits for the person goes on waiting.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import structlog
from asgiref.sync import async_to_sync, sync_to_async
from chatkit.types import (
    ErrorEvent,
    NoticeEvent,
    ProgressUpdateEvent,
    StreamOptions,
    StreamOptionsEvent,
    TaskItem,
    ThreadItem,
    ThreadItemRemovedEvent,
    ThreadStreamEvent,
    WorkflowItem,
)
from django.http.response import HttpResponseBase
from pydantic import BaseModel

from agent import conversations
from agent.chatkit import items, tasks, threads
from agent.chatkit.changes import Changes
from agent.chatkit.drawn import Drawn
from agent.chatkit.following import Seen, follow
from agent.chatkit.places import Place
from agent.errors import ConversationNotFound, TurnNotFound
from agent.models import Message, Turn
from agent.parts import Part
from connectors import pools
from connectors.views import stream
from systemtools.export.markdown import escaped

type Events = AsyncGenerator[ThreadStreamEvent]
# What is told first is read when the stream has begun, and somebody answers for it.
type First = Callable[[], Sequence[ThreadStreamEvent]]

# After so much silence, that it is still at work is said.
SILENCE_S: Final = 5.0
# Never reached, as silences are broken before: comments are not in the protocol.
_NO_COMMENTS_S: Final = 60.0
_LEVELS: Final[dict[str, Literal["info", "warning", "danger"]]] = {
    "review": "warning", "bad": "danger"
}  # fmt: skip
_STILL: Final = "Still working"
_FAILED: Final = "Something went wrong on our side. What was said is kept: try again."

log = structlog.get_logger(__name__)


async def answer(events: Events) -> HttpResponseBase:
    """Answer with an event stream, one event of the protocol in each.

    The events have begun when it returns: from then on who leaves is noticed, even if
    nobody has read the first byte.
    """
    lines = _written(events)
    first = await anext(lines, None)
    response = stream.answer(_after(first, lines), heartbeat_s=_NO_COMMENTS_S)
    response.streaming_content = _Closing(response.streaming_content, lines)
    return response


@dataclass(frozen=True)
class _Closing:
    """What is streamed; closed with the response, also if it was never read."""

    # Of an async response this is one: its type knows the other kind, too.
    content: Any
    lines: AsyncGenerator[str]

    def __aiter__(self) -> AsyncIterator[bytes]:
        content: AsyncIterator[bytes] = self.content
        return content

    def close(self) -> None:
        async_to_sync(self._close)()

    async def _close(self) -> None:
        await self.lines.aclose()


def written(said: BaseModel) -> str:
    """Return what is said as the JSON of the protocol."""
    return said.model_dump_json(
        by_alias=True, exclude_none=True, context={"exclude_metadata": True}
    )


async def said(*events: ThreadStreamEvent) -> Events:
    """Yield what is known already."""
    for event in events:
        yield event


async def of_turn(
    turn: Turn,
    *,
    user_id: int,
    first: First = tuple,
    seen: Sequence[ThreadItem] = (),
    gone: Sequence[ThreadItem] = (),
) -> Events:
    """Yield `first`, then what makes of the items that were `seen` those that are.

    Items that are `gone` may be there still, or not any more; they are removed, and
    told anew. It ends with the turn, or when that waits for the person.
    """
    has_ended = False
    try:
        for event in await sync_to_async(first)():
            yield event
        yield StreamOptionsEvent(stream_options=StreamOptions(allow_cancel=True))
        for item in gone:
            yield ThreadItemRemovedEvent(item_id=item.id)
        message = await sync_to_async(threads.answer_to)(turn)
        said = {item.id for item in gone}
        told = _Told(message=message, changes=Changes(seen), said=said)
        async with aclosing(follow(turn)) as looks:
            async for look in looks:
                for event in told.of(look):
                    yield event
        has_ended = True
    except ConversationNotFound as deleted:
        yield ErrorEvent(message=deleted.message)
    finally:
        if not has_ended:
            # Shielded: who leaves twice leaves nothing at work.
            await asyncio.shield(asyncio.ensure_future(_leave(user_id, turn.pk)))


async def _leave(user_id: int, turn_id: int) -> None:
    with suppress(TurnNotFound):
        await conversations.leave(user_id=user_id, turn_id=turn_id)
    await pools.release_db()


@dataclass(kw_only=True)
class _Told:
    """What one client was told of one answer."""

    message: Message
    changes: Changes
    # Items of which it was said before that they are there.
    said: set[str]
    _drawn: Drawn = field(default_factory=Drawn, init=False)
    _told_at: float = field(default_factory=time.monotonic, init=False)

    def of(self, seen: Seen) -> Iterator[ThreadStreamEvent]:
        """Yield what is new in what was seen."""
        now = time.monotonic()
        if not seen.is_news and now - self._told_at < SILENCE_S:
            return
        self._told_at = now
        if not seen.is_news:
            yield ProgressUpdateEvent(text=_STILL)
            return
        end = next((part for part in seen.parts if part["kind"] == "end"), None)
        # An error says it while somebody looks; only a list shows it as an item.
        shown = [part for part in seen.parts if part["kind"] != "end"]
        now_there = items.of_answer(self.message, shown, self._drawn)
        for item in now_there:
            is_known = item.id in self.said or not self.changes.is_new(item)
            if isinstance(item, TaskItem) and not is_known:
                yield from notices_of(shown[Place.at(item.id).index])
        growing = _growing(now_there) if seen.is_at_work else set()
        yield from self.changes.to(now_there, growing=growing)
        if end is not None:
            yield ErrorEvent(message=tasks.end_message(end), allow_retry=True)


def notices_of(part: Part) -> Iterator[NoticeEvent]:
    """Yield a notice as what ChatKit shows above the composer.

    That there is no model is so for every answer: its item says it.
    """
    title, details = tasks.notice_title(part), tasks.notice_details(part)
    level = _LEVELS.get(part["level"], "info")
    if part["level"] == "direct":
        return
    if details:
        yield NoticeEvent(level=level, title=title, message="\n\n".join(details))
    else:
        # Markdown, as a title is not.
        yield NoticeEvent(level=level, message=escaped(title))


def _growing(there: list[ThreadItem]) -> set[str]:
    """Return the ids of items that may still get more: the last one, and calls."""
    growing = {
        item.id
        for item in there
        if isinstance(item, WorkflowItem)
        and any(task.status_indicator == "loading" for task in item.workflow.tasks)
    }
    last = there[-1:] and there[-1]
    if last and last.type in ("assistant_message", "workflow"):
        growing.add(last.id)
    return growing


async def _after(first: str | None, lines: AsyncGenerator[str]) -> AsyncGenerator[str]:
    async with aclosing(lines):
        if first is not None:
            yield first
        async for line in lines:
            yield line


async def _written(events: Events) -> AsyncGenerator[str]:
    try:
        async with aclosing(events) as told:
            async for event in told:
                yield written(event)
    except Exception:
        # The status is sent, so the stream says it.
        log.exception("chatkit.failed")
        yield written(ErrorEvent(message=_FAILED, allow_retry=True))
