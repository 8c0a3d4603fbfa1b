"""Lookups on threads of their own."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from connectors.egress.resolver import SystemResolver


class Stuck:
    """A system whose lookups hang until the test ends."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.asked = 0

    def __call__(self, name: str, port: None, *, type: int) -> list[object]:
        self.asked += 1
        self.release.wait(20)
        return []


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    system = Stuck()
    yield system
    system.release.set()


def told(*addresses: str):
    def lookup(name: str, port: None, *, type: int) -> list[object]:
        return [(2, 1, 6, "", (address, 0)) for address in addresses]

    return lookup


async def test_each_address_is_given_once_and_in_its_order():
    resolve = SystemResolver(lookup=told("192.0.2.2", "192.0.2.1", "192.0.2.2"))
    assert await resolve("example.test.") == ["192.0.2.2", "192.0.2.1"]


async def test_the_system_is_asked():
    assert "127.0.0.1" in await SystemResolver()("127.0.0.1")


async def test_a_name_that_does_not_exist_is_an_os_error():
    def missing(name: str, port: None, *, type: int) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(OSError, match="not known"):
        await SystemResolver(lookup=missing)("example.test.")


async def test_a_bug_in_a_lookup_reaches_who_asked():
    def broken(name: str, port: None, *, type: int) -> list[object]:
        raise RuntimeError("bug")

    resolve = SystemResolver(lookup=broken, max_lookups=1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="bug"):
            await resolve("example.test.")


async def test_hanging_lookups_leave_the_default_executor_alone(stuck: Stuck):
    resolve = SystemResolver(lookup=stuck, max_lookups=100)
    started = time.monotonic()
    waiting = [asyncio.create_task(resolve(f"n{n}.test.")) for n in range(50)]
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 5) == "free"
    assert time.monotonic() - started < 5
    stuck.release.set()
    assert await asyncio.gather(*waiting) == [[]] * 50


async def test_no_more_threads_than_the_limit_are_stuck(stuck: Stuck):
    resolve = SystemResolver(lookup=stuck, max_lookups=3)
    for _ in range(10):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await resolve("example.test.")
    assert stuck.asked == 3
    stuck.release.set()
    assert await asyncio.wait_for(resolve("example.test."), 5) == []


def test_an_answer_after_the_loop_ended_disturbs_nobody(stuck: Stuck):
    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await SystemResolver(lookup=stuck)("example.test.")

    asyncio.run(give_up())
    threads = [t for t in threading.enumerate() if t.name == "lookup"]
    stuck.release.set()
    for thread in threads:
        assert thread.daemon
        thread.join(5)
        assert not thread.is_alive()
