"""Requests: what leaves, where to, how often; and what is written down of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from pytest_django import Settings

from connectors import egress
from connectors.egress.transport import MAX_RESUMES, MAX_STREAMS
from connectors.tests.loopback import (
    BIG_CHUNK,
    OPEN_BODY,
    always,
    dial,
    endless,
    hang,
    limited,
    listen,
    reply,
)

STREAM = {"accept": "text/event-stream"}


# --- Heads of requests -------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Key": "a\r\nHost: evil"},
        {"X-Key": "a\nb"},
        {"X-Key": "a\x00b"},
        {"X-Key": "schlüssel"},
        {"X-Key": " padded"},
        {"X-Key": "a" * 9000},
        {"X Key": "a"},
        {"X-Key\r\nHost": "evil"},
        {"": "a"},
        {"X-Ключ": "a"},
        {"Host": "internal"},
        {"content-length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "upgrade"},
        {"Cookie": "sid=1"},
        {"Accept-Encoding": "gzip"},
        {"Proxy-Authorization": "Basic eA=="},
        {"X-Patchbay-Hop": "0"},
    ],
)
async def test_a_header_that_steers_the_connection_is_refused(headers: dict[str, str]):
    with pytest.raises(ValueError, match="cannot be sent"):
        async with dial(headers=headers):
            pass


async def test_line_breaks_cannot_enter_by_a_single_request_either():
    async with listen(always(reply())) as peer, dial() as (client, operation):
        with pytest.raises(httpx2.LocalProtocolError):
            await client.get(peer.url, headers={"x-key": "a\r\nX-Evil: b"})
        assert peer.requests == []
    assert operation.last.error == "protocol"


async def test_credentials_go_with_each_request_to_their_origin():
    key = {"Authorization": "Bearer s3cret", "X-Key": ""}
    async with listen(always(reply())) as peer, dial(headers=key) as (client, _):
        await client.get(peer.url)
        await client.post(f"{peer.url}/other")
    assert peer.sent_header("authorization") == ["Bearer s3cret"] * 2


async def test_credentials_never_go_to_another_origin():
    async with (
        listen(always(reply())) as peer,
        listen(always(reply())) as other,
        dial(headers={"Authorization": "Bearer s3cret"}) as (client, operation),
    ):
        await client.get(peer.url)
        for url in (other.url, f"http://localhost:{peer.port}", f"{peer.url}1"):
            with pytest.raises((egress.RequestRefused, httpx2.InvalidURL)):
                await client.get(url)
        assert other.connections == 0
    assert operation.blocked


async def test_without_credentials_a_client_may_ask_several_origins():
    async with (
        listen(always(reply())) as peer,
        listen(always(reply())) as other,
        dial() as (client, _),
    ):
        await client.get(peer.url)
        await client.get(other.url)
    assert other.connections == 1


async def test_userinfo_in_a_url_is_refused():
    async with listen(always(reply())) as peer, dial() as (client, operation):
        with pytest.raises(egress.RequestRefused):
            await client.get(f"http://user:word@127.0.0.1:{peer.port}/")
        assert peer.connections == 0
    assert "word" not in str(operation.transcript())


async def test_the_hop_header_marks_what_we_send(settings: Settings):
    settings.PUBLIC_URL = "https://patchbay.example.com"
    async with listen(always(reply())) as peer, dial() as (client, _):
        await client.get(peer.url, headers={"x-patchbay-hop": "forged"})
    (value,) = peer.sent_header("x-patchbay-hop")
    assert egress.is_own_hop({"X-Patchbay-Hop": value})
    assert not egress.is_own_hop({"X-Patchbay-Hop": "forged"})
    assert not egress.is_own_hop({})
    settings.PUBLIC_URL = "https://another.example.com"
    assert not egress.is_own_hop({"X-Patchbay-Hop": value})


async def test_the_environment_does_not_choose_a_proxy_or_a_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password word\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with listen(hang) as proxy, listen(always(reply(b"direct"))) as peer:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with dial() as (client, _):
            assert (await client.get(peer.url)).text == "direct"
        assert proxy.connections == 0
    assert peer.sent_header("authorization") == []


# --- Redirects, streams, budgets ---------------------------------------------


@pytest.mark.parametrize("status", ["301 x", "302 x", "303 x", "307 x", "308 x"])
async def test_redirects_are_given_back_and_not_followed(status: str):
    async with listen(always(reply()), host="127.0.0.66") as internal:
        moved = reply(status=status, headers=(f"Location: {internal.url}/",))
        async with listen(always(moved)) as peer, dial() as (client, _):
            response = await client.get(peer.url)
            assert response.status_code == int(status[:3])
            assert client.max_redirects == 3
        assert internal.connections == 0


async def test_following_a_redirect_passes_the_same_door():
    async with listen(always(reply()), host="127.0.0.66") as internal:
        moved = reply(status="307 x", headers=(f"Location: {internal.url}/",))
        async with listen(always(moved)) as peer, dial() as (client, operation):
            with pytest.raises(httpx2.ConnectError):
                await client.get(peer.url, follow_redirects=True)
        assert internal.connections == 0
    assert operation.blocked


async def test_a_listening_stream_is_declined_without_asking_the_server():
    async with listen(always(reply())) as peer, dial() as (client, operation):
        assert (await client.get(peer.url, headers=STREAM)).status_code == 405
        assert peer.connections == 0
        operation.allow_get_stream = True
        assert (await client.get(peer.url, headers=STREAM)).status_code == 200
        assert (await client.post(peer.url, headers=STREAM)).status_code == 200


async def test_a_stream_that_is_wanted_is_opened_three_times():
    async with listen(always(reply())) as peer, dial() as (client, operation):
        operation.allow_get_stream = True
        statuses = [
            (await client.get(peer.url, headers=STREAM)).status_code
            for _ in range(MAX_STREAMS + 2)
        ]
    assert statuses == [200, 200, 200, 405, 405]


async def test_a_broken_stream_is_resumed_three_times():
    resuming = {**STREAM, "last-event-id": "7"}
    async with listen(always(reply())) as peer, dial() as (client, _):
        statuses = [
            (await client.get(peer.url, headers=resuming)).status_code
            for _ in range(MAX_RESUMES + 2)
        ]
    assert statuses == [200, 200, 200, 405, 405]
    assert len(peer.requests) == MAX_RESUMES


async def test_an_operation_has_a_budget_of_requests():
    operation = limited(max_requests=2)
    async with listen(always(reply())) as peer, dial(operation=operation) as (c, _):
        await c.get(peer.url)
        await c.get(peer.url)
        with pytest.raises(egress.BudgetSpent):
            await c.get(peer.url)
    assert operation.budget_spent
    assert len(peer.requests) == len(operation.exchanges) == 2


# --- The record --------------------------------------------------------------


async def test_a_transcript_holds_neither_secrets_nor_free_text():
    answer = always(
        reply(
            b"body-secret",
            status="401 reason-secret",
            headers=(
                'WWW-Authenticate: Bearer resource_metadata="https://a.test/x"',
                "Retry-After: 7",
                "Content-Type: text/\x7f\x1b[31mplain",
                "X-Value: header-secret",
            ),
        )
    )
    async with (
        listen(answer) as peer,
        dial(headers={"X-Key": "sent-secret"}) as (client, operation),
    ):
        await client.post(f"{peer.url}/mcp?token=query-secret#x", content=b"12345")
    (written,) = operation.transcript()
    assert written["url"] == f"{peer.url}/mcp"
    assert (written["method"], written["status"]) == ("POST", 401)
    assert (written["request_bytes"], written["response_bytes"]) == (5, 11)
    assert written["content_type"] == "text/[31mplain"
    assert "x-key" in written["request_headers"]
    assert "x-value" in written["response_headers"]
    for text in (str(written), repr(operation)):
        assert "secret" not in text
        assert "resource_metadata" not in text
    assert "resource_metadata" in operation.last.www_authenticate
    assert operation.last.retry_after == "7"


async def test_a_cancelled_request_is_recorded_and_gives_its_connection_back():
    async with listen(hang) as peer, dial() as (client, operation):
        task = asyncio.create_task(client.get(peer.url))
        await peer.was_asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert operation.last.error == "cancelled"


async def test_leaving_a_body_unread_closes_its_connection():
    async with (
        listen(endless(OPEN_BODY, BIG_CHUNK)) as peer,
        dial() as (client, operation),
    ):
        async with client.stream("GET", peer.url) as response:
            chunks: AsyncIterator[bytes] = response.aiter_bytes()
            await anext(chunks)
        async with client.stream("GET", peer.url) as response:
            assert response.status_code == 200
    assert peer.connections == 2
    assert operation.last.error == ""


async def test_closing_a_client_leaves_the_pool_to_others():
    policy = egress.Policy(allow=("127.0.0.1/32",))
    pool = egress.connection_pool(policy=policy, tls=egress.tls_context())
    async with listen(always(reply())) as peer, pool:
        for _ in range(3):
            async with egress.client(
                pool=pool, operation=limited(), timeout_s=1
            ) as client:
                await client.get(peer.url)
        assert peer.connections == 1
