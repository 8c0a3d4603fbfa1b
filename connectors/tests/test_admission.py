"""Who may go on at once, who waits, and who is asked to come back."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import cache
from pytest_django import Settings
from structlog.testing import capture_logs

from connectors import admission
from connectors.admission import admit, count_test
from connectors.errors import TooManyRequests

NOTES = "https://notes.example.test"


@pytest.fixture(autouse=True)
def _small_limits(settings: Settings) -> None:
    settings.OPS_PER_PERSON = 2
    settings.CONNECTIONS_PER_ORIGIN = 3
    settings.OPS_PER_PROCESS = 4
    settings.ADMISSION_WAIT_S = 0.1


async def is_admitted(user_id: int, origin: str) -> bool:
    try:
        async with admit(user_id=user_id, origin=origin):
            return True
    except TooManyRequests:
        return False


async def enter(held: AsyncExitStack, user_id: int, origin: str) -> None:
    await held.enter_async_context(admit(user_id=user_id, origin=origin))


async def test_a_person_has_so_many_places():
    async with AsyncExitStack() as held:
        for n in range(2):
            await enter(held, 1, f"https://{n}.test")
        with pytest.raises(TooManyRequests) as seen:
            await enter(held, 1, "https://2.test")
        assert seen.value.retry_after_s == 1
        assert await is_admitted(2, "https://2.test")
    assert await is_admitted(1, "https://2.test")


async def test_an_origin_has_so_many_places():
    async with AsyncExitStack() as held:
        for user_id in range(3):
            await enter(held, user_id, NOTES)
        assert not await is_admitted(9, NOTES)
        assert await is_admitted(9, "https://other.test")
    assert await is_admitted(9, NOTES)


async def test_who_waits_for_a_person_holds_no_place():
    async with admit(user_id=1, origin=NOTES) as turn, AsyncExitStack() as held:
        async with turn.given_back(), AsyncExitStack() as others:
            for _ in range(2):
                await enter(others, 1, NOTES)
            assert not await is_admitted(1, NOTES)
        await enter(held, 1, NOTES)
        assert not await is_admitted(1, NOTES)
    assert await is_admitted(1, NOTES)


async def test_a_place_that_was_given_back_is_waited_for():
    async with admit(user_id=1, origin=NOTES) as turn, AsyncExitStack() as others:
        async with turn.given_back():
            for _ in range(2):
                await enter(others, 1, NOTES)
            back = asyncio.get_running_loop().call_later(
                0.2, lambda: asyncio.ensure_future(others.aclose())
            )
        assert back.when() <= asyncio.get_running_loop().time()


async def test_a_process_has_so_many_places():
    async with AsyncExitStack() as held:
        for n in range(4):
            await enter(held, n, f"https://{n}.test")
        assert not await is_admitted(9, "https://9.test")
    assert await is_admitted(9, "https://9.test")


async def test_who_is_over_his_own_limit_takes_nothing_from_others(settings: Settings):
    settings.ADMISSION_WAIT_S = 5
    async with AsyncExitStack() as held:
        for _ in range(2):
            await enter(held, 1, NOTES)
        greedy = [asyncio.create_task(is_admitted(1, NOTES)) for _ in range(50)]
        await asyncio.sleep(0)
        async with admit(user_id=2, origin=NOTES):
            pass
        assert not any(task.done() for task in greedy)
    assert all(await asyncio.gather(*greedy))


async def test_a_wait_is_over_when_a_place_is_free(settings: Settings):
    settings.ADMISSION_WAIT_S = 5
    async with AsyncExitStack() as held:
        for _ in range(2):
            await enter(held, 1, NOTES)
        waiting = asyncio.create_task(is_admitted(1, NOTES))
        await asyncio.sleep(0)
        started = time.monotonic()
        await held.aclose()
        assert await waiting
    assert time.monotonic() - started < 2


async def test_who_came_first_goes_first(settings: Settings):
    settings.ADMISSION_WAIT_S = 5
    settings.OPS_PER_PERSON = settings.CONNECTIONS_PER_ORIGIN = 1
    order: list[int] = []

    async def go(user_id: int) -> None:
        async with admit(user_id=user_id, origin=NOTES):
            order.append(user_id)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for user_id in range(10):
            group.create_task(go(user_id))
            await asyncio.sleep(0)
    assert order == list(range(10))


@pytest.mark.parametrize("steps", range(6))
async def test_whoever_is_cancelled_while_waiting_leaves_no_place_taken(
    settings: Settings, steps: int
):
    """Also at the very moment in which the place is handed over."""
    settings.ADMISSION_WAIT_S = 5
    settings.OPS_PER_PERSON = 1
    async with AsyncExitStack() as held:
        await enter(held, 1, NOTES)
        waiting = [asyncio.create_task(is_admitted(1, NOTES)) for _ in range(3)]
        await asyncio.sleep(0)
        await held.aclose()
        for _ in range(steps):
            await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    settings.ADMISSION_WAIT_S = 0.1
    assert await is_admitted(1, NOTES)


async def test_a_failing_operation_gives_its_place_back():
    for _ in range(5):
        with pytest.raises(LookupError):
            async with admit(user_id=1, origin=NOTES):
                raise LookupError


async def test_a_timeout_of_the_operation_is_not_a_refusal():
    with pytest.raises(TimeoutError):
        async with admit(user_id=1, origin=NOTES):
            raise TimeoutError


async def test_nothing_is_remembered_of_who_is_gone():
    async with admit(user_id=1, origin=NOTES):
        assert len(admission._places[asyncio.get_running_loop()]) == 3
    await is_admitted(2, "https://other.test")
    assert len(admission._places[asyncio.get_running_loop()]) == 0


async def test_loops_have_their_own_places():
    async with AsyncExitStack() as held:
        for _ in range(2):
            await enter(held, 1, NOTES)
        assert await asyncio.to_thread(asyncio.run, is_admitted(1, NOTES))


# --- So many a minute --------------------------------------------------------


def count(user_id: int, times: int = 1) -> None:
    for _ in range(times):
        async_to_sync(count_test)(user_id=user_id)


@pytest.mark.stores
def test_so_many_tests_a_minute_are_made(settings: Settings):
    settings.TESTS_PER_MINUTE = 3
    # Two windows may be touched, never three.
    with pytest.raises(TooManyRequests) as seen:
        count(1, times=7)
    assert 1 <= seen.value.retry_after_s <= 60
    count(2)


@pytest.mark.stores
def test_a_count_that_was_flushed_starts_again(settings: Settings):
    settings.TESTS_PER_MINUTE = 1
    count(1)
    cache.clear()
    count(1)


@pytest.mark.stores
def test_a_cache_that_keeps_nothing_limits_nobody(settings: Settings):
    settings.TESTS_PER_MINUTE = 1
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
    }
    count(1, times=5)


@pytest.mark.stores
def test_a_cache_that_is_down_limits_nobody_and_is_reported_once(settings: Settings):
    settings.TESTS_PER_MINUTE = 1
    working = settings.CACHES
    away = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://127.0.0.1:1",
    }
    for user_id in (1, 2):
        settings.CACHES = {"default": away}
        with capture_logs() as logs:
            count(user_id, times=5)
        assert [entry["event"] for entry in logs] == ["limits.unavailable"]
        settings.CACHES = working
        count(user_id)
