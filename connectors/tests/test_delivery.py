"""A call reaches its server once, or not at all."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings
from structlog.testing import capture_logs

from connectors.delivery import Delivery
from connectors.errors import ConnectionFailed, OutcomeUnknown, ServerError, TimedOut
from connectors.mcp_client import Endpoint
from demo.hostile import Exchange, Fault, Hostile, running
from demo.hostile.http import EVENTS
from demo.hostile.peer import polite
from demo.hostile.replies import hold

pytestmark = pytest.mark.usefixtures("allow_loopback")

SLACK_S = 3.0
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}
LEGACY = {"transport": "http", "protocol_version": "2025-11-25"}


@pytest.fixture(autouse=True)
def short_limits(settings: Settings) -> None:
    settings.CALL_TIMEOUT_S = 2
    settings.CONNECT_TIMEOUT_S = 0.3
    settings.RETRY_DELAY_S = 0.05


class Told:
    """Remembers what a person would have been shown."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    async def __call__(
        self, progress: float, total: float | None, message: str
    ) -> None:
        self.messages.append(message)


@pytest.fixture
def delivery() -> Delivery:
    return Delivery(
        tool="echo", input_schema=SCHEMA, arguments={"text": "a"}, on_progress=Told()
    )


def run(delivery: Delivery, url: str, **known: Any) -> Any:
    endpoint = Endpoint(url=url, **known)
    return async_to_sync(delivery.run)(endpoint, ids={"call_id": "c"})


def test_a_connection_that_fails_is_tried_once_more_and_said(
    delivery: Delivery, closed_url: str
) -> None:
    with capture_logs() as logs, pytest.raises(ConnectionFailed):
        run(delivery, closed_url)
    assert (delivery.attempts, delivery.sent) == (2, False)
    assert isinstance(delivery.on_progress, Told)
    assert delivery.on_progress.messages == ["trying once more in 0.05 s"]
    assert {"event": "tool.call.retried", "call_id": "c"}.items() <= logs[0].items()


def test_nobody_needs_to_listen_to_the_retry(
    delivery: Delivery, closed_url: str
) -> None:
    delivery.on_progress = None
    with pytest.raises(ConnectionFailed):
        run(delivery, closed_url)
    assert delivery.attempts == 2


def test_connecting_that_is_not_answered_is_tried_once_more(
    delivery: Delivery, unaccepting_url: str
) -> None:
    with pytest.raises(ConnectionFailed):
        run(delivery, unaccepting_url)
    assert (delivery.attempts, delivery.sent) == (2, False)


def test_the_wait_before_the_retry_counts(
    delivery: Delivery, closed_url: str, settings: Settings
) -> None:
    settings.RETRY_DELAY_S = 2
    settings.CALL_TIMEOUT_S = 1
    began = time.monotonic()
    with pytest.raises(ConnectionFailed):
        run(delivery, closed_url)
    assert delivery.attempts == 1
    assert time.monotonic() - began < settings.CALL_TIMEOUT_S + SLACK_S


def test_an_address_that_is_not_allowed_is_not_tried_again(
    delivery: Delivery, closed_url: str, settings: Settings
) -> None:
    settings.EGRESS_ALLOW = []
    with pytest.raises(ConnectionFailed):
        run(delivery, closed_url)
    assert delivery.attempts == 1


@pytest.mark.parametrize(
    "name", ["call-closes", "call-reset", "call-cut-body", "call-cut-events"]
)
def test_a_connection_that_breaks_after_the_request_is_unknown(
    delivery: Delivery, hostile: Hostile, name: str
) -> None:
    with pytest.raises(OutcomeUnknown):
        run(delivery, hostile.url(name))
    assert (delivery.attempts, delivery.sent) == (1, True)
    assert hostile.seen(name).tool_calls == 1


def test_a_server_that_never_answers_ends_at_the_deadline(
    delivery: Delivery, hostile: Hostile, settings: Settings
) -> None:
    settings.CALL_TIMEOUT_S = 0.5
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        run(delivery, hostile.url("call-drips"))
    assert time.monotonic() - began < settings.CALL_TIMEOUT_S + SLACK_S
    assert hostile.seen("call-drips").tool_calls == 1


def test_a_server_that_is_silent_before_the_call_is_a_timeout(
    delivery: Delivery, silent_url: str, settings: Settings
) -> None:
    settings.CALL_TIMEOUT_S = 0.5
    with pytest.raises(TimedOut) as late:
        run(delivery, silent_url, **LEGACY)
    assert "after 0.5 seconds" in late.value.message
    assert not delivery.sent


async def vanish(exchange: Exchange) -> None:
    """Begin to answer a call, then be gone: nobody listens here any more."""
    if exchange.method != "tools/call":
        await polite(exchange)
        return
    for listener in exchange.server._listeners:
        listener.close()
    head = (("Content-Type", EVENTS), ("Transfer-Encoding", "chunked"))
    await exchange.wire.head(200, *head)
    await exchange.wire.chunk(b"id: 1\nretry: 1\ndata: \n\n")
    exchange.wire.close()


async def moves_away(exchange: Exchange) -> None:
    """Send a call elsewhere, where nobody listens."""
    if exchange.method != "tools/call":
        await polite(exchange)
        return
    for listener in exchange.server._listeners:
        listener.close()
    head = (("Location", "/new"), ("Content-Length", "0"), ("Connection", "close"))
    await exchange.wire.head(307, *head)
    exchange.wire.close()


async def never_lets_go(exchange: Exchange) -> None:
    """Answer the call, and nothing to the end of the session."""
    await (hold if exchange.method == "DELETE" else polite)(exchange)


@pytest.fixture
def peculiar() -> Iterator[Hostile]:
    faults = {
        reply.__name__: Fault(about="", reply=reply, era="legacy")
        for reply in (vanish, moves_away, never_lets_go)
    }
    with running(faults=faults) as server:
        yield server


@pytest.mark.parametrize("name", ["vanish", "moves_away"])
def test_a_connection_that_fails_after_the_call_was_sent_is_unknown(
    delivery: Delivery, peculiar: Hostile, name: str
) -> None:
    with pytest.raises(OutcomeUnknown):
        run(delivery, peculiar.url(name), **LEGACY)
    assert (delivery.attempts, delivery.sent) == (1, True)
    assert peculiar.seen(name).tool_calls == 1


def test_a_session_that_the_server_forgot_is_opened_anew_once(
    delivery: Delivery, hostile: Hostile
) -> None:
    url = hostile.url("call-session-lost")
    assert run(delivery, url, **LEGACY).content == [{"type": "text", "text": "a"}]
    assert delivery.attempts == 2


def test_a_server_that_forgets_every_session_is_given_up(
    delivery: Delivery, hostile: Hostile
) -> None:
    with pytest.raises(ServerError):
        run(delivery, hostile.url("call-session-gone"), **LEGACY)
    assert hostile.seen("call-session-gone").tool_calls == 2


def test_an_answer_counts_although_the_session_does_not_end(
    delivery: Delivery, peculiar: Hostile, settings: Settings
) -> None:
    settings.CALL_TIMEOUT_S = 0.5
    answer = run(delivery, peculiar.url("never_lets_go"), **LEGACY)
    assert answer.content == [{"type": "text", "text": "a"}]
    assert peculiar.seen("never_lets_go").tool_calls == 1


def test_what_a_call_carries_is_not_shown(delivery: Delivery) -> None:
    delivery.arguments = {"text": "canary"}
    assert "canary" not in repr(delivery)
