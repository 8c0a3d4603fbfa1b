"""What a loop shares, and what an operation without such a loop gets."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import Client
from pytest_django import Settings

from config.tests.live import LiveServer, serve
from connectors import egress, pools
from connectors.tests.loopback import always, hang, limited, listen, reply


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Settings) -> None:
    settings.EGRESS_ALLOW = ["127.0.0.1/32"]
    settings.DEVELOPMENT = True


async def get(url: str, deadline_s: float = 5) -> str:
    async with pools.http(limited(deadline_s=deadline_s)) as client:
        return (await client.get(url)).text


# --- One loop ----------------------------------------------------------------


async def test_operations_on_a_resident_loop_share_its_connections():
    async with listen(always(reply(b"ok"))) as peer, pools.resident():
        assert [await get(peer.url) for _ in range(3)] == ["ok"] * 3
        assert peer.connections == 1


async def test_without_a_resident_each_operation_closes_its_own():
    async with listen(always(reply(b"ok"))) as peer:
        assert [await get(peer.url) for _ in range(2)] == ["ok"] * 2
        assert peer.connections == 2


async def test_after_its_end_a_resident_is_used_by_nobody():
    async with listen(always(reply(b"ok"))) as peer:
        for _ in range(2):
            async with pools.resident():
                assert await get(peer.url) == "ok"
        assert await get(peer.url) == "ok"
        assert peer.connections == 3


async def test_a_loop_has_one_resident():
    async with pools.resident():
        with pytest.raises(RuntimeError, match="already"):
            async with pools.resident():
                pass


async def test_a_resident_that_failed_is_gone():
    with pytest.raises(LookupError):
        async with pools.resident():
            raise LookupError
    async with pools.resident():
        pass


def test_two_loops_share_nothing():
    async def outer() -> None:
        async with listen(always(reply(b"ok"))) as peer, pools.resident():
            await get(peer.url)
            assert peer.connections == 1
            elsewhere = await asyncio.to_thread(asyncio.run, get(peer.url))
            assert elsewhere == "ok"
            assert peer.connections == 2
            await get(peer.url)
            assert peer.connections == 2

    asyncio.run(outer())


async def test_credentials_of_one_operation_are_not_in_the_next():
    async with listen(always(reply())) as peer, pools.resident():
        async with pools.http(limited(), headers={"X-Key": "of alice"}) as client:
            await client.get(peer.url)
        await get(peer.url)
        assert peer.connections == 1
    assert peer.sent_header("x-key") == ["of alice"]


async def test_closing_one_client_leaves_the_others_running():
    async with (
        listen(always(reply(b"ok"))) as peer,
        pools.resident(),
        pools.http(limited()) as staying,
    ):
        async with pools.http(limited()) as leaving:
            await leaving.get(peer.url)
        assert (await staying.get(peer.url)).text == "ok"


async def test_one_failing_request_does_not_hurt_its_siblings():
    async def cut(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with (
        listen(always(reply(b"ok"))) as good,
        listen(cut) as bad,
        pools.resident(),
    ):
        tasks = [get(url) for url in [good.url, bad.url] * 10]
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[::2] == ["ok"] * 10
    assert all(isinstance(failed, httpx2.TransportError) for failed in results[1::2])


async def test_one_cancelled_operation_does_not_hurt_its_siblings():
    async with (
        listen(always(reply(b"ok"))) as good,
        listen(hang) as slow,
        pools.resident(),
    ):
        task = asyncio.create_task(get(slow.url))
        await slow.was_asked.wait()
        task.cancel()
        assert await get(good.url) == "ok"
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await get(good.url) == "ok"


async def test_a_hundred_hanging_servers_do_not_slow_a_good_one():
    async with (
        listen(always(reply(b"ok"))) as good,
        listen(hang) as slow,
        pools.resident(),
    ):
        hanging = [
            asyncio.create_task(get(slow.url, deadline_s=1.5)) for _ in range(100)
        ]
        await slow.was_asked.wait()
        started = time.monotonic()
        assert await get(good.url) == "ok"
        assert time.monotonic() - started < 1
        results = await asyncio.gather(*hanging, return_exceptions=True)
    assert all(isinstance(failed, httpx2.TimeoutException) for failed in results)


async def test_operations_wait_no_longer_than_their_deadline_for_a_connection(
    settings: Settings,
):
    settings.OPS_PER_PROCESS = 1  # the pool has twice as many connections
    async with listen(hang) as slow, pools.resident():
        hanging = [asyncio.create_task(get(slow.url, deadline_s=1)) for _ in range(2)]
        await slow.was_asked.wait()
        with pytest.raises((httpx2.PoolTimeout, httpx2.ConnectTimeout)):
            await get(slow.url, deadline_s=0.1)
        await asyncio.gather(*hanging, return_exceptions=True)
    assert slow.connections <= 2


async def test_workers_are_shared_by_a_resident_loop_and_ended_with_it():
    async with pools.resident():
        async with pools.workers() as pool, pool.borrow(wait_s=5) as first:
            pass
        async with pools.workers() as pool, pool.borrow(wait_s=5) as second:
            assert second is first
        assert first.is_alive
    assert not first.is_alive


async def test_workers_of_one_operation_end_with_it():
    async with pools.workers() as pool, pool.borrow(wait_s=5) as worker:
        assert worker.is_alive
    assert not worker.is_alive


# --- Which loop --------------------------------------------------------------


async def caller(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with the port that the connection comes from."""
    port = str(scope["client"][1]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": port})


@pytest.fixture
def asked() -> Iterator[LiveServer]:
    with serve(caller, lifespan="off") as server:
        yield server


@pytest.mark.usefixtures("transactional_db")
def test_views_of_both_colours_use_the_pool_of_the_servers_loop(
    settings: Settings, asked: LiveServer
):
    from config.asgi import application

    settings.ROOT_URLCONF = "connectors.tests.loop_urls"
    with serve(application) as server, httpx2.Client(base_url=server.url) as browser:
        seen = {
            browser.get(path, params={"url": asked.url}).json()["from"]
            for path in ("/async", "/sync", "/async", "/sync")
        }
    assert len(seen) == 1


@pytest.mark.usefixtures("db")
def test_the_test_client_gets_a_pool_for_each_operation(
    settings: Settings, asked: LiveServer, client: Client
):
    settings.ROOT_URLCONF = "connectors.tests.loop_urls"
    seen = {
        client.get(path, {"url": asked.url}).json()["from"]
        for path in ("/async", "/sync", "/async", "/sync")
    }
    assert len(seen) == 4


# --- The database ------------------------------------------------------------


@pytest.mark.usefixtures("transactional_db")
def test_a_connection_is_given_back_before_a_long_wait():
    connection.ensure_connection()
    async_to_sync(pools.release_db)()
    assert connection.connection is None


@pytest.mark.usefixtures("db")
def test_a_connection_in_a_transaction_is_kept():
    connection.ensure_connection()
    async_to_sync(pools.release_db)()
    assert connection.connection is not None


def test_the_policy_is_that_of_the_settings(settings: Settings):
    settings.EGRESS_ALLOW = []

    async def refused() -> egress.Operation:
        operation = limited()
        async with pools.http(operation) as client:
            with pytest.raises(httpx2.ConnectError):
                await client.get("http://127.0.0.1:1/")
        return operation

    assert async_to_sync(refused)().blocked
