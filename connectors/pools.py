"""What a running event loop shares: HTTP pool, TLS context, worker processes.

`resident()` opens them for a loop that lives long: the web server's (its lifespan)
and the worker's. On any other loop (a command, a task, a test client) each
operation gets its own, closed at its end. Nothing of this may live in a module: a
pool that outlives its loop hangs the next one.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections

from connectors import egress
from connectors.worker_processes import WorkerPool


@dataclass(frozen=True, slots=True)
class _Resident:
    http: egress.HttpPool
    workers: WorkerPool
    operator: egress.HttpClient


_residents: WeakKeyDictionary[asyncio.AbstractEventLoop, _Resident] = (
    WeakKeyDictionary()
)


async def release_db() -> None:
    """Give this thread's database connections back before a long wait.

    Call it before anything that dials, streams or waits for a person. Inside a
    transaction it does nothing, so a test's connection survives it.
    """
    await sync_to_async(_release_db)()


def _release_db() -> None:
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def close_databases() -> None:
    """Close this thread's connections and the process's pools, at its end.

    The threads of a pool that is left open delay the end of the process.
    """
    _release_db()
    for connection in connections.all():
        if hasattr(connection, "close_pool"):
            connection.close_pool()


@asynccontextmanager
async def resident() -> AsyncGenerator[None]:
    """Open what the running loop shares, until the end of the block.

    Raises:
        RuntimeError: the running loop has it already.
    """
    loop = asyncio.get_running_loop()
    if loop in _residents:
        raise RuntimeError("This event loop has its pools already.")
    async with (
        _connections() as http_pool,
        WorkerPool() as worker_pool,
        _operator() as operator,
    ):
        _residents[loop] = _Resident(http_pool, worker_pool, operator)
        try:
            yield
        finally:
            del _residents[loop]


@asynccontextmanager
async def http(
    operation: egress.Operation, *, headers: Mapping[str, str] | None = None
) -> AsyncGenerator[egress.HttpClient]:
    """Give the client of `operation`, on the running loop's pool if it has one.

    `headers` are the credentials; see `egress.client`.
    """
    found = _residents.get(asyncio.get_running_loop())
    if found is not None:
        async with _client(found.http, operation, headers) as client:
            yield client
        return
    async with (
        _connections() as pool,
        _client(pool, operation, headers) as client,
    ):
        yield client


@asynccontextmanager
async def workers() -> AsyncGenerator[WorkerPool]:
    """Give the running loop's worker processes, or some that end with the block."""
    found = _residents.get(asyncio.get_running_loop())
    if found is not None:
        yield found.workers
        return
    async with WorkerPool(max_processes=1) as pool:
        yield pool


@asynccontextmanager
async def operator() -> AsyncGenerator[egress.HttpClient]:
    """Give the running loop's client for what the operator chose: the model."""
    found = _residents.get(asyncio.get_running_loop())
    if found is not None:
        yield found.operator
        return
    async with _operator() as client:
        yield client


def is_resident() -> bool:
    """Tell whether the running loop lives on: work may be left to it."""
    return asyncio.get_running_loop() in _residents


def _operator() -> egress.HttpClient:
    return egress.operator_client(
        tls=egress.tls_context(), timeout_s=settings.LLM_TIMEOUT_S
    )


def _connections() -> egress.HttpPool:
    return egress.connection_pool(
        policy=egress.Policy.from_settings(), tls=egress.tls_context()
    )


def _client(
    pool: egress.HttpPool,
    operation: egress.Operation,
    headers: Mapping[str, str] | None,
) -> egress.HttpClient:
    # The operation's deadline is the limit; a single read may take all of it, and as
    # long as a person is waited for.
    return egress.client(
        pool=pool,
        operation=operation,
        headers=headers,
        timeout_s=operation.deadline_s + operation.waits_s,
    )
