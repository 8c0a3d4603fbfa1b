import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from structlog.testing import capture_logs

from accounts.models import User
from connectors import ticker
from connectors.models import Lease, Outcome, ToolCall
from connectors.ticker import Job, attempt


class Counter:
    """A job that counts; with `failure` it fails after that."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.runs = 0
        self.failure = failure

    async def __call__(self) -> None:
        self.runs += 1
        if self.failure:
            raise self.failure


def job(run: Callable[[], Awaitable[object]], **fields: float) -> Job:
    return Job(name="count", run=run, **{"every_s": 60, **fields})


@pytest.mark.django_db
def test_a_job_that_is_due_runs_and_is_due_again_after_its_period() -> None:
    counter = Counter()
    assert async_to_sync(attempt)(job(counter), owner="one") == 60
    assert counter.runs == 1
    lease = Lease.objects.get(name="count")
    assert lease.owner == ""
    assert timedelta(seconds=50) < lease.until - timezone.now() < timedelta(seconds=61)


@pytest.mark.django_db
def test_a_job_that_is_not_due_waits() -> None:
    counter = Counter()
    async_to_sync(attempt)(job(counter), owner="one")
    wait_s = async_to_sync(attempt)(job(counter), owner="two")
    assert counter.runs == 1
    assert 50 < wait_s <= 60


@pytest.mark.django_db
def test_a_job_that_another_worker_does_is_left_to_it() -> None:
    counter = Counter()
    until = timezone.now() + timedelta(seconds=30)
    Lease.objects.create(name="count", owner="other", until=until)
    assert 20 < async_to_sync(attempt)(job(counter), owner="one") <= 30
    assert counter.runs == 0


@pytest.mark.django_db
def test_the_job_of_a_worker_that_died_is_taken_over() -> None:
    counter = Counter()
    until = timezone.now() - timedelta(seconds=1)
    Lease.objects.create(name="count", owner="dead", until=until)
    async_to_sync(attempt)(job(counter), owner="one")
    assert counter.runs == 1


@pytest.mark.django_db
def test_a_lease_that_was_taken_over_is_not_given_back_by_its_old_owner() -> None:
    Lease.objects.create(name="count", owner="new", until=timezone.now())
    ticker.give_back(job(Counter()), owner="old")
    assert Lease.objects.get(name="count").owner == "new"


@pytest.mark.django_db
@pytest.mark.parametrize("failure", [RuntimeError("x"), OperationalError("host=db")])
def test_a_failing_job_is_logged_and_tried_again_later(failure: Exception) -> None:
    counter = Counter(failure)
    with capture_logs() as logged:
        assert async_to_sync(attempt)(job(counter), owner="one") == 60
    assert [(e["event"], e["job"]) for e in logged] == [("job.failed", "count")]
    assert "host=db" not in str(logged)
    assert Lease.objects.get(name="count").owner == ""


@pytest.mark.django_db
def test_a_job_that_takes_too_long_is_ended() -> None:
    never = job(asyncio.Event().wait, hold_s=0.05)
    with capture_logs() as logged:
        async_to_sync(attempt)(never, owner="one")
    assert logged[0]["event"] == "job.failed"


async def test_of_several_workers_one_does_a_job(transactional_db: None) -> None:
    counter = Counter()
    attempts = [attempt(job(counter), owner=f"w{n}") for n in range(5)]
    await asyncio.gather(*attempts)
    assert counter.runs == 1


async def test_a_failing_job_costs_the_others_nothing(transactional_db: None) -> None:
    stop = asyncio.Event()
    done = asyncio.Event()

    async def good() -> None:
        done.set()

    failing = Counter(RuntimeError("boom"))
    jobs = [
        Job(name="bad", every_s=60, run=failing),
        Job(name="good", every_s=60, run=good),
    ]
    running = asyncio.create_task(ticker.run(stop=stop, jobs=jobs))
    async with asyncio.timeout(20):
        await done.wait()
        stop.set()
        await running


async def test_a_job_is_repeated_after_its_period(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticker, "MIN_WAIT_S", 0.01)
    stop = asyncio.Event()
    counter = Counter()

    async def count() -> None:
        await counter()
        if counter.runs == 3:
            stop.set()

    async with asyncio.timeout(20):
        await ticker.run(stop=stop, jobs=[job(count, every_s=0.05)])
    assert counter.runs >= 3


async def test_stopping_cancels_what_hangs_and_gives_the_lease_back(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticker, "LAST_JOB_S", 0.05)
    stop = asyncio.Event()

    async def hang() -> None:
        stop.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(20):
        await ticker.run(stop=stop, jobs=[job(hang)])
    assert (await Lease.objects.aget(name="count")).owner == ""


def test_every_job_has_a_name_of_its_own() -> None:
    names = [job.name for job in ticker.all_jobs()]
    assert len(set(names)) == len(names)


def test_other_rooms_bring_jobs_of_their_own() -> None:
    names = {job.name for job in ticker.all_jobs()}
    assert names > {job.name for job in ticker.JOBS}
    assert "turns.reap" in names


def test_calls_that_nobody_finished_become_unknown(alice: User) -> None:
    ToolCall.objects.create(
        user_id=alice.pk,
        username=alice.username,
        tool="add",
        source="connector",
        via="rest",
        args_bytes=2,
        started_at=timezone.now() - timedelta(minutes=11),
    )
    async_to_sync(ticker.end_orphaned_calls)()
    assert ToolCall.objects.get().outcome == Outcome.UNKNOWN


@pytest.mark.django_db
def test_pruning_runs_on_an_empty_installation() -> None:
    async_to_sync(ticker.prune_tests)()


@pytest.mark.django_db
def test_tasks_that_ended_long_ago_are_forgotten() -> None:
    now = timezone.now()
    for status, days in (("SUCCESSFUL", 31), ("FAILED", 31), ("FAILED", 29)):
        DBTaskResult.objects.create(
            status=status,
            task_path="connectors.tasks.test_again",
            args_kwargs={},
            backend_name="default",
            run_after=now,
            finished_at=now - timedelta(days=days),
        )
    waiting = DBTaskResult.objects.create(
        task_path="x", args_kwargs={}, backend_name="default", run_after=now
    )
    async_to_sync(ticker.prune_tasks)()
    left = {(row.status, row.pk == waiting.pk) for row in DBTaskResult.objects.all()}
    assert left == {("FAILED", False), ("READY", True)}
