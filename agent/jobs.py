"""Periodic work of this room; the worker's ticker does it."""

from asgiref.sync import sync_to_async

from agent import leftovers, runner
from agent.journal import wake
from connectors.ticker import Job


async def reap_turns() -> None:
    await runner.reap()


async def expire_questions() -> None:
    for turn in await sync_to_async(leftovers.expire)():
        await wake(turn.conversation_id)


async def prune_events() -> None:
    await sync_to_async(leftovers.prune_events)()


async def prune_archived() -> None:
    await sync_to_async(leftovers.prune_archived)()


JOBS = (
    # With the lease of a turn, this is how long a dead process goes unnoticed.
    Job(name="turns.reap", every_s=2, run=reap_turns, hold_s=30),
    Job(name="questions.expire", every_s=60, run=expire_questions),
    Job(name="turn_events.prune", every_s=3600, run=prune_events),
    Job(name="conversations.prune", every_s=3600, run=prune_archived),
)
