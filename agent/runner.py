"""Do the turns of this process: begin, keep the lease, answer, end.

On a loop that lives on, a turn is a task of its own; anywhere else it is done to its
end by who asks for it.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from agent import (
    calling,
    direct,
    enforcement,
    leftovers,
    preparing,
    providers,
    refreshing,
    residents,
    turns,
)
from agent.errors import LostTurn
from agent.journal import Sink, wake
from agent.models import Turn, TurnEvent, TurnState
from agent.spoken_names import key_of
from agent.work import Ending, Work
from connectors import pools
from connectors.errors import ConnectorError
from connectors.models import Source

log = structlog.get_logger(__name__)


async def launch(turn_id: int) -> None:
    """Begin the work on a queued turn; if the loop does not live on, do it all."""
    if not residents.leave(partial(run, turn_id), turn_id):
        await run(turn_id)


async def run(turn_id: int, *, sink: Sink | None = None) -> None:
    """Do a queued turn until it ends, or waits for the person.

    Nothing is done if it is not queued any more. `sink` is told every event, and at
    last `done`: also where the turn waits.
    """
    owner = secrets.token_hex(8)
    turn = await sync_to_async(turns.begin)(turn_id, owner=owner)
    if turn is None:
        return
    try:
        done = await _attempt(turn, owner, sink)
    except LostTurn:
        # Stopped, or taken for dead: who did that has written the end.
        done = await sync_to_async(_end_of)(turn_id)
    except BaseException as failure:
        done = await asyncio.shield(_fail(turn_id, owner, failure))
        if not isinstance(failure, Exception):
            raise
    finally:
        await pools.release_db()
        await wake(turn.conversation_id)
    if sink is not None:
        await sink("done", done)


async def reap(*, conversation_id: int | None = None) -> int:
    """Interrupt turns whose process is gone, and tell who shows them; count them."""
    reaped = await sync_to_async(leftovers.reap)(conversation_id)
    await pools.release_db()
    for turn in reaped:
        await wake(turn.conversation_id)
    return len(reaped)


async def _while_ours(
    answer: Coroutine[Any, Any, Ending], turn_id: int, owner: str
) -> Ending:
    """Await `answer` while the lease is kept.

    Raises:
        LostTurn: the lease is lost; the answer was cancelled.
    """
    answering = asyncio.ensure_future(answer)
    beating = asyncio.ensure_future(_beat(turn_id, owner))
    try:
        await asyncio.wait({answering, beating}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise LostTurn
        return answering.result()
    finally:
        answering.cancel()
        beating.cancel()
        await asyncio.gather(answering, beating, return_exceptions=True)


async def _beat(turn_id: int, owner: str) -> None:
    """Renew the lease until it is lost: to another, or for want of a database."""
    until = timezone.now() + timedelta(seconds=settings.TURN_LEASE_S)
    while timezone.now() < until:
        await asyncio.sleep(settings.TURN_LEASE_S / 3)
        with suppress(DatabaseError):
            now = timezone.now()
            if not await sync_to_async(turns.heartbeat)(turn_id, owner=owner):
                return
            until = now + timedelta(seconds=settings.TURN_LEASE_S)
        await pools.release_db()


async def _attempt(turn: Turn, owner: str, sink: Sink | None) -> dict[str, Any]:
    """Answer until there is an end, or something to wait for; return what is done."""
    while True:
        work = await sync_to_async(preparing.prepare)(turn, owner, sink)
        await pools.release_db()
        try:
            answer = _answer(work, is_first=turn.attempts == 1)
            ending = await _while_ours(answer, turn.pk, owner)
        finally:
            # What was said is kept, also if the answer breaks off here.
            await work.journal.flush()
        if ending.state != TurnState.WAITING:
            return await sync_to_async(_finish)(turn.pk, owner, ending)
        waits = await sync_to_async(turns.pause)(
            turn.pk, owner=owner, enforcement=ending.enforcement, usage=ending.usage
        )
        if waits:
            return {"state": str(TurnState.WAITING), "enforcement": ending.enforcement}


async def _answer(work: Work, *, is_first: bool) -> Ending:
    """Answer with the model, or in Direct mode; listings are refreshed beside it."""
    # A loop that lives on lets it take its time, also after the end of the answer.
    refresh = partial(_refresh, work)
    beside = None
    if not residents.leave(refresh, residents.NO_TURN):
        beside = asyncio.ensure_future(refresh())
    try:
        if is_first and not work.parts:
            for notice in _news(work):
                await work.journal.emit("notice", **notice)
        await calling.run_decided(work)
        ending = enforcement.still_waits(work) or await _answering()(work)
        if beside is not None:
            await beside
        return ending
    finally:
        if beside is not None:
            beside.cancel()


def _news(work: Work) -> list[dict[str, Any]]:
    """Return what is absent and was not said in this conversation yet.

    Of what was picked more is said than that it was left out.
    """
    said = {
        (_about(part), part.get("code"))
        for message in work.earlier
        for part in message.parts
        if part["kind"] == "notice"
    }
    picked = key_of(work.pick)[:2] if work.pick else ()
    return [
        one
        for one in work.toolbox.notices
        if (_about(one), one["code"]) not in said and _about(one) != picked
    ]


def _about(notice: dict[str, Any]) -> tuple[str, str]:
    """Return the source and the reference of what a notice is about."""
    if tool_id := notice.get("system_tool"):
        return str(Source.SYSTEM), tool_id
    return str(Source.CONNECTOR), str(notice.get("connector_id"))


def _answering() -> Callable[[Work], Awaitable[Ending]]:
    if providers.is_direct():
        return direct.answer
    # Slow to import, and nobody in Direct mode needs it.
    from agent import engine

    return engine.answer


async def _refresh(work: Work) -> None:
    """Refresh what is stale, and say what was left out of the answer.

    It costs the answer nothing, and may come after its end.
    """
    try:
        async with aclosing(refreshing.refresh(work.caller.user_id)) as notices:
            async for notice in notices:
                await _note(work, notice)
    except Exception:
        log.exception("listing.refresh_failed", turn_id=work.turn_id)
    finally:
        await pools.release_db()


async def _note(work: Work, notice: dict[str, Any]) -> None:
    """Say it once, though another attempt may be at work by now, or none."""
    if await sync_to_async(turns.note)(work.turn_id, notice):
        with suppress(LostTurn):
            await work.journal.catch_up()
        await wake(work.journal.conversation_id)


async def _fail(turn_id: int, owner: str, failure: BaseException) -> dict[str, Any]:
    """End an attempt that broke off; what it said is kept."""
    ending = Ending(state=TurnState.INTERRUPTED)
    if isinstance(failure, ConnectorError):
        ending = Ending(
            state="failed", error_code=failure.code, message=failure.message
        )
    elif isinstance(failure, Exception):
        log.error("turn.failed", turn_id=turn_id, exc_info=failure)
        ending = Ending(
            state="failed",
            error_code=ConnectorError.code,
            message=ConnectorError.message,
        )
    try:
        return await sync_to_async(_finish)(turn_id, owner, ending)
    except LostTurn:
        return await sync_to_async(_end_of)(turn_id)


def _finish(turn_id: int, owner: str, ending: Ending) -> dict[str, Any]:
    turns.finish(
        turn_id,
        owner=owner,
        state=ending.state,
        enforcement=ending.enforcement,
        error_code=ending.error_code,
        message=ending.message,
        usage=ending.usage,
    )
    return _end_of(turn_id)


def _end_of(turn_id: int) -> dict[str, Any]:
    """Return the payload of `done` as it is stored; of a turn that is gone, stopped."""
    ends = TurnEvent.objects.filter(turn=turn_id, kind="done").order_by("-seq")
    stored: dict[str, Any] | None = ends.values_list("payload", flat=True).first()
    return stored or {"state": str(TurnState.STOPPED)}
