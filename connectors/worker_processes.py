"""Processes for work that may have to be killed.

A worker is a program that writes one line when it is ready, and then answers each
line that it reads with one line or more. It gets no environment: secrets stay here.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, cast

MAX_PROCESSES = 4
KEPT = 2
START_TIMEOUT_S = 10.0
# No answer is nearly as long as this.
MAX_LINE_BYTES = 1 << 20
# -I: neither the environment nor the directory decides what is imported.
COMMAND = (sys.executable, "-I", str(Path(__file__).with_name("schema_worker.py")))


class WorkerDied(Exception):
    """The process ended, or could not start, before it answered."""


class NoWorkerFree(Exception):
    """Every process was busy for as long as the caller could wait."""


class Worker:
    """One process. Whoever borrows it has it alone."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        # Both are pipes, as `start` asks for.
        self._stdin = cast("asyncio.StreamWriter", process.stdin)
        self._stdout = cast("asyncio.StreamReader", process.stdout)

    @classmethod
    async def start(cls, command: Sequence[str]) -> "Worker":
        """Start `command` and wait until it is ready.

        Raises:
            WorkerDied: it never was.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=MAX_LINE_BYTES,
            env={},
            cwd="/",
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await worker.receive()
        except TimeoutError as problem:
            await worker.kill()
            raise WorkerDied from problem
        except BaseException:
            await worker.kill()
            raise
        return worker

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def send(self, line: bytes) -> None:
        """Send one job. Raises: WorkerDied."""
        try:
            self._stdin.write(line + b"\n")
            await self._stdin.drain()
        except OSError as problem:
            raise WorkerDied from problem

    async def receive(self) -> bytes:
        """Wait for one line of answer. Raises: WorkerDied."""
        try:
            line = await self._stdout.readline()
        except ValueError as problem:
            raise WorkerDied from problem
        if not line.endswith(b"\n"):
            raise WorkerDied
        return line

    async def kill(self) -> None:
        """End the process, whatever it does, and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._stdin.close()
        # Whoever is cancelled meanwhile leaves the end to run on.
        await asyncio.shield(self._end())

    async def _end(self) -> None:
        # Its output first: while some is unread, asyncio does not notice the end.
        await self._stdout.read()
        await self._process.wait()


class WorkerPool:
    """At most `max_processes` workers at once; `kept` of them stay warm.

    They start when they are needed. One that failed, or whose borrower did, is
    killed and not given to anybody else.
    """

    def __init__(
        self,
        *,
        max_processes: int = MAX_PROCESSES,
        kept: int = KEPT,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._command = command
        self._kept = kept
        self._free = asyncio.Semaphore(max_processes)
        self._idle: list[Worker] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        while self._idle:
            await self._idle.pop().kill()
        self._kept = 0

    @asynccontextmanager
    async def borrow(self, *, wait_s: float) -> AsyncGenerator[Worker]:
        """Have one worker alone for the block; when that raises, it is killed.

        Raises:
            NoWorkerFree: none was within `wait_s` seconds.
            WorkerDied: none could be started.
        """
        try:
            async with asyncio.timeout(wait_s):
                await self._free.acquire()
        except TimeoutError as problem:
            raise NoWorkerFree from problem
        try:
            worker = await self._take()
            try:
                yield worker
            except BaseException:
                await worker.kill()
                raise
            await self._give_back(worker)
        finally:
            self._free.release()

    async def _take(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            await worker.kill()
        return await Worker.start(self._command)

    async def _give_back(self, worker: Worker) -> None:
        if worker.is_alive and len(self._idle) < self._kept:
            self._idle.append(worker)
        else:
            await worker.kill()
