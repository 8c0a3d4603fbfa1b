"""Whose turn it is: what may be under way at once, and how often.

Nobody's operations may take the places of everybody else. Limits at once are of
this process, those in time are counted in the cache that all processes share.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Hashable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from math import ceil
from weakref import WeakKeyDictionary

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from connectors.errors import TooManyRequests

WINDOW_S = 60

log = structlog.get_logger(__name__)


class _Places:
    """The semaphores of one event loop, each kept only while somebody uses it."""

    def __init__(self) -> None:
        self._semaphores: dict[Hashable, asyncio.Semaphore] = {}
        self._users: Counter[Hashable] = Counter()

    @asynccontextmanager
    async def one(self, key: Hashable, limit: int) -> AsyncGenerator[None]:
        """Hold one of `limit` places of `key`; who waits is served in turn."""
        semaphore = self._semaphores.setdefault(key, asyncio.Semaphore(limit))
        self._users[key] += 1
        try:
            async with semaphore:
                yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._semaphores[key]

    def __len__(self) -> int:
        return len(self._semaphores)


_places: WeakKeyDictionary[asyncio.AbstractEventLoop, _Places] = WeakKeyDictionary()


class Turn:
    """The places that one operation holds."""

    def __init__(self, wanted: Sequence[tuple[Hashable, int]]) -> None:
        self._places = _places.setdefault(asyncio.get_running_loop(), _Places())
        self._wanted = wanted
        self._held = AsyncExitStack()

    async def take(self) -> None:
        for key, limit in self._wanted:
            await self._held.enter_async_context(self._places.one(key, limit))

    async def leave(self) -> None:
        await self._held.aclose()

    @asynccontextmanager
    async def given_back(self) -> AsyncGenerator[None]:
        """Hold nothing during the block, and wait for the places after it."""
        await self.leave()
        yield
        await self.take()


@asynccontextmanager
async def admit(
    *, user_id: int, origin: str, in_background: bool = False
) -> AsyncGenerator[Turn]:
    """Hold a place for one operation towards `origin` while the block runs.

    The person's own limit comes first, so that whoever exceeds it waits for
    himself and holds no place that others could use. What nobody waits for
    (`in_background`) has places of its own there.

    Raises:
        TooManyRequests: no place became free in time.
    """
    own = ("background" if in_background else "person", user_id)
    turn = Turn(
        (
            (own, settings.OPS_PER_PERSON),
            (("origin", origin), settings.CONNECTIONS_PER_ORIGIN),
            ("process", settings.OPS_PER_PROCESS),
        )
    )
    try:
        try:
            async with asyncio.timeout(settings.ADMISSION_WAIT_S):
                await turn.take()
        except TimeoutError as problem:
            raise TooManyRequests(ceil(settings.ADMISSION_WAIT_S)) from problem
        yield turn
    finally:
        await turn.leave()


async def count_test(*, user_id: int) -> None:
    """Count one connection test of this minute.

    A cache that does not answer limits nobody: the tests still pass admission.

    Raises:
        TooManyRequests: TESTS_PER_MINUTE were made already.
    """
    now = time.time()
    key = f"connectors.tests.{user_id}.{int(now // WINDOW_S)}"
    try:
        made = await sync_to_async(_count, thread_sensitive=False)(key)
    except (RedisError, OSError):
        _outage.begin()
        return
    _outage.end()
    if made > settings.TESTS_PER_MINUTE:
        raise TooManyRequests(ceil(WINDOW_S - now % WINDOW_S))


def _count(key: str) -> int:
    cache.add(key, 0, timeout=2 * WINDOW_S)
    try:
        return int(cache.incr(key))
    except ValueError:
        # Evicted or flushed between the two: then it is the first again.
        return 1


class _Outage:
    """Says once that the cache is away, however many tests notice."""

    def __init__(self) -> None:
        self._is_on = False

    def begin(self) -> None:
        if not self._is_on:
            log.warning("limits.unavailable")
        self._is_on = True

    def end(self) -> None:
        self._is_on = False


_outage = _Outage()
