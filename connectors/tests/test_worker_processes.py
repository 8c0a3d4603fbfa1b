"""Processes that are borrowed, bounded and killed."""

import asyncio
import os
import sys
import time

import pytest

from connectors import worker_processes
from connectors.worker_processes import NoWorkerFree, Worker, WorkerDied, WorkerPool

ECHO = """
import sys
print("ready", flush=True)
for line in sys.stdin:
    print(line, end="", flush=True)
"""
SILENT = "print('ready', flush=True); import time; time.sleep(600)"


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-c", program)


def pool(program: str = ECHO, *, max_processes: int = 4, kept: int = 2) -> WorkerPool:
    return WorkerPool(max_processes=max_processes, kept=kept, command=python(program))


async def ask(workers: WorkerPool, line: bytes) -> bytes:
    async with workers.borrow(wait_s=10) as worker:
        await worker.send(line)
        return await worker.receive()


def exists(worker: Worker) -> bool:
    try:
        os.kill(worker._process.pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_worker_answers_line_by_line():
    async with pool() as workers, workers.borrow(wait_s=5) as worker:
        await worker.send(b"one")
        await worker.send(b"two")
        assert await worker.receive() == b"one\n"
        assert await worker.receive() == b"two\n"


async def test_a_worker_gets_no_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ENCRYPTION_KEYS", "secret")
    tell = "import os; print('ready', flush=True); print(dict(os.environ), flush=True)"
    async with pool(tell) as workers, workers.borrow(wait_s=5) as worker:
        told = await worker.receive()
    assert b"ENCRYPTION_KEYS" not in told
    assert b"secret" not in told


async def test_a_worker_has_no_descriptors_of_ours():
    tell = (
        "import os; print('ready', flush=True);"
        "print(len(os.listdir('/proc/self/fd')), flush=True)"
    )
    readable, writable = os.pipe()
    try:
        os.set_inheritable(*(writable, True))
        async with pool(tell) as workers, workers.borrow(wait_s=5) as worker:
            # Standard input, output, error, and the directory itself.
            assert int(await worker.receive()) == 4
    finally:
        os.close(readable)
        os.close(writable)


async def test_two_stay_warm_and_the_rest_end():
    async with pool() as workers:
        async with (
            workers.borrow(wait_s=5) as one,
            workers.borrow(wait_s=5) as two,
            workers.borrow(wait_s=5) as three,
        ):
            assert len({one, two, three}) == 3
        alive = [worker for worker in (one, two, three) if worker.is_alive]
        assert len(alive) == 2
        async with workers.borrow(wait_s=5) as again:
            assert again in alive
    assert not any(exists(worker) for worker in (one, two, three))


async def test_nobody_waits_longer_than_he_can_for_a_worker():
    async with (
        pool(max_processes=1) as workers,
        workers.borrow(wait_s=5),
    ):
        with pytest.raises(NoWorkerFree):
            async with workers.borrow(wait_s=0.05):
                pass


async def test_who_waits_gets_the_place_of_who_leaves():
    async with pool(max_processes=1) as workers:
        assert await asyncio.gather(*(ask(workers, b"x") for _ in range(5)))
        assert len(workers._idle) == 1


async def test_a_worker_whose_borrower_failed_is_killed():
    async with pool(SILENT) as workers:
        with pytest.raises(TimeoutError):
            async with workers.borrow(wait_s=5) as worker, asyncio.timeout(0.05):
                await worker.receive()
        assert not exists(worker)
        async with workers.borrow(wait_s=5) as other:
            assert other is not worker


async def test_a_worker_whose_borrower_was_cancelled_is_killed():
    async with pool(SILENT, max_processes=1) as workers:
        borrowed: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()

        async def use() -> None:
            async with workers.borrow(wait_s=5) as worker:
                borrowed.set_result(worker)
                await worker.receive()

        task = asyncio.create_task(use())
        worker = await borrowed
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not exists(worker)
        async with workers.borrow(wait_s=5) as other:
            assert other.is_alive


async def test_a_worker_that_ends_is_noticed_and_replaced():
    once = "print('ready', flush=True); input(); raise SystemExit(1)"
    async with pool(once) as workers:
        with pytest.raises(WorkerDied):
            await ask(workers, b"x")
        async with workers.borrow(wait_s=5) as other:
            assert other.is_alive


async def test_a_worker_that_ended_while_idle_is_not_lent():
    async with pool() as workers:
        async with workers.borrow(wait_s=5) as worker:
            pass
        worker._process.kill()
        await worker._process.wait()
        async with workers.borrow(wait_s=5) as other:
            assert other is not worker


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "import nothing_like_it"])
async def test_a_program_that_does_not_start_is_a_dead_worker(program: str):
    async with pool(program, max_processes=1) as workers:
        for _ in range(2):
            with pytest.raises(WorkerDied):
                async with workers.borrow(wait_s=5):
                    pass


async def test_a_program_that_is_never_ready_is_killed(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(worker_processes, "START_TIMEOUT_S", 0.2)
    started = time.monotonic()
    async with pool("import time; time.sleep(600)") as workers:
        with pytest.raises(WorkerDied):
            async with workers.borrow(wait_s=5):
                pass
    assert time.monotonic() - started < 5


async def test_an_answer_without_an_end_is_a_dead_worker(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(worker_processes, "MAX_LINE_BYTES", 1000)
    flood = "print('ready', flush=True)\nwhile 1: print('x' * 999, end='', flush=True)"
    async with pool(flood) as workers:
        with pytest.raises(WorkerDied):
            async with workers.borrow(wait_s=5) as worker:
                await worker.receive()


async def test_writing_to_a_worker_that_is_gone_says_so():
    async with pool() as workers, workers.borrow(wait_s=5) as worker:
        worker._process.kill()
        await worker._process.wait()
        with pytest.raises(WorkerDied):
            await worker.send(b"x" * 10_000_000)


def test_a_pool_works_on_a_loop_in_a_thread():
    async def use() -> bytes:
        async with pool() as workers:
            return await ask(workers, b"x")

    async def elsewhere() -> bytes:
        return await asyncio.to_thread(asyncio.run, use())

    assert asyncio.run(elsewhere()) == b"x\n"
