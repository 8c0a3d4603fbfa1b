"""Periodic work, shared out among the workers of an installation.

A `Lease` says who does a job, and until when; its end is when the job is next due.
So one row both keeps two workers apart and keeps the time, also after a worker
died in the middle.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog
from asgiref.sync import sync_to_async
from django.apps import apps
from django.db import DatabaseError
from django.utils import timezone
from django.utils.module_loading import import_string
from django_tasks_db.models import DBTaskResult

from connectors import evidence, pools, upkeep
from connectors.models import Lease

log = structlog.get_logger(__name__)

# Between two looks at a job that another worker has, or that failed to start.
MIN_WAIT_S = 1.0
LAST_JOB_S = 2.0
# How long it can be looked up what became of a one-off task.
TASKS_KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something to do every `every_s`; nobody else begins within `hold_s`."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[object]]
    hold_s: float = 300.0


async def prune_tests() -> None:
    await sync_to_async(evidence.prune_tests)()


async def end_orphaned_calls() -> None:
    await sync_to_async(evidence.orphans_to_unknown)()


async def prune_tasks() -> None:
    ended = DBTaskResult.objects.finished()
    await ended.filter(finished_at__lt=timezone.now() - TASKS_KEPT_FOR).adelete()


JOBS = (
    Job(name="tests.prune", every_s=300, run=prune_tests),
    Job(name="calls.end_orphaned", every_s=60, run=end_orphaned_calls),
    Job(name="tasks.prune", every_s=3600, run=prune_tasks),
    Job(name="grants.refresh", every_s=15, run=upkeep.refresh_grants),
    Job(name="revocations.carry_out", every_s=60, run=upkeep.carry_out_revocations),
    Job(name="flows.prune", every_s=3600, run=upkeep.prune_flows),
)


def all_jobs() -> tuple[Job, ...]:
    """Return these jobs and those of other rooms, which their apps name as `jobs`."""
    paths = [getattr(app, "jobs", "") for app in apps.get_app_configs()]
    return (*JOBS, *(job for path in paths if path for job in import_string(path)))


async def run(*, stop: asyncio.Event, jobs: Sequence[Job] = JOBS) -> None:
    """Do every job whenever it is due, until `stop` is set.

    A job that runs then has `LAST_JOB_S` to end before it is cancelled; its lease
    is given back.
    """
    owner = secrets.token_hex(8)
    async with pools.resident(), asyncio.TaskGroup() as group:
        log.info("worker.started", worker=owner, jobs=[job.name for job in jobs])
        keepers = [group.create_task(_keep(job, owner, stop)) for job in jobs]
        await stop.wait()
        _, late = await asyncio.wait(keepers, timeout=LAST_JOB_S)
        for keeper in late:
            keeper.cancel()
    log.info("worker.stopped", worker=owner)


async def _keep(job: Job, owner: str, stop: asyncio.Event) -> None:
    while not stop.is_set():
        wait_s = await attempt(job, owner=owner)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await stop.wait()


async def attempt(job: Job, *, owner: str) -> float:
    """Do `job` if it is due and nobody has it; return the seconds until the next look.

    A failure is logged and costs the other jobs nothing.
    """
    try:
        wait_s = await sync_to_async(take)(job, owner=owner)
        if not wait_s:
            await _do(job, owner)
            wait_s = job.every_s
        return min(max(wait_s, MIN_WAIT_S), job.every_s)
    except DatabaseError as error:
        # Its text names hosts and data; the traceback would repeat every time.
        log.error("job.failed", job=job.name, reason=type(error).__name__)  # noqa: TRY400
    except Exception:
        log.exception("job.failed", job=job.name)
    finally:
        await pools.release_db()
    return job.every_s


async def _do(job: Job, owner: str) -> None:
    began = time.monotonic()
    try:
        async with asyncio.timeout(job.hold_s):
            await job.run()
    finally:
        await sync_to_async(give_back)(job, owner=owner)
    took_ms = round((time.monotonic() - began) * 1000)
    log.debug("job.finished", job=job.name, duration_ms=took_ms)


def take(job: Job, *, owner: str) -> float:
    """Take the lease of `job`: 0, or the seconds until it may be tried again."""
    now = timezone.now()
    Lease.objects.get_or_create(name=job.name, defaults={"until": now})
    until = now + timedelta(seconds=job.hold_s)
    due = Lease.objects.filter(name=job.name, until__lte=now)
    # The condition is part of the update: of several workers one succeeds.
    if due.update(owner=owner, until=until):
        return 0.0
    lease = Lease.objects.get(name=job.name)
    return max(MIN_WAIT_S, (lease.until - now).total_seconds())


def give_back(job: Job, *, owner: str) -> None:
    """End the lease of `job`, which is due again after `every_s`."""
    due_at = timezone.now() + timedelta(seconds=job.every_s)
    Lease.objects.filter(name=job.name, owner=owner).update(owner="", until=due_at)
