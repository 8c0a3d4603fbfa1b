"""One operation with one server: what a call brings, and what each failure is."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from connectors.egress import Operation
from connectors.errors import (
    AuthFailed,
    AuthRequired,
    ConnectionFailed,
    ConnectorError,
    InvalidMcpServer,
    OutcomeUnknown,
    ResponseTooLarge,
    ServerError,
    SessionGone,
    TimedOut,
    ToolNotFound,
)
from connectors.mcp_client import Endpoint, ToolOutcome, connect
from connectors.mcp_input import Unfinished
from demo.fixtures import DemoServer
from demo.hostile import Exchange, Fault, Hostile, running
from demo.hostile.peer import MODERN, unsupported
from demo.hostile.replies import instead, once

pytestmark = pytest.mark.usefixtures("allow_loopback")


def operation(deadline_s: float = 5) -> Operation:
    return Operation(max_bytes=8 << 20, deadline_s=deadline_s)


def finished(reply: ToolOutcome | Unfinished) -> ToolOutcome:
    assert isinstance(reply, ToolOutcome)
    return reply


async def _call(endpoint: Endpoint, deadline_s: float, **call: Any) -> ToolOutcome:
    async with connect(endpoint, operation(deadline_s)) as session:
        return finished(await session.call_tool(**call))


def call(
    url: str,
    *,
    name: str = "echo",
    arguments: dict[str, Any] | None = None,
    deadline_s: float = 5,
    **known: Any,
) -> ToolOutcome:
    return async_to_sync(_call)(
        Endpoint(url=url, **known),
        deadline_s,
        name=name,
        arguments={"text": "x"} if arguments is None else arguments,
    )


async def _known(url: str) -> dict[str, Any]:
    async with connect(Endpoint(url=url), operation()) as session:
        server = session.server
    return {
        "transport": server.transport,
        "protocol_version": server.protocol_version,
        "discover": server.discover,
    }


def text_of(outcome: ToolOutcome) -> Any:
    return outcome.content[0]["text"]


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_a_call_brings_the_result_of_either_era(hostile: Hostile, era: Any):
    outcome = call(hostile.url("good", era))
    assert not outcome.is_error
    assert text_of(outcome) == "x"


def test_a_call_works_over_sse(hostile: Hostile):
    assert text_of(call(hostile.url("sse-good"))) == "x"


def test_what_is_known_of_a_modern_server_saves_every_other_request(hostile: Hostile):
    url = hostile.url("good")
    known = async_to_sync(_known)(url)
    hostile.clear()
    assert text_of(call(url, **known)) == "x"
    assert dict(hostile.seen("good").methods) == {"tools/call": 1}


async def wants_another(exchange: Exchange) -> None:
    raise unsupported([MODERN], exchange.request.header("mcp-protocol-version"))


def test_a_server_that_names_the_version_it_wants_is_asked_again():
    fault = Fault(about="refuses once", reply=once("server/discover", wants_another))
    with running(faults={"peer": fault}) as peer:
        assert async_to_sync(_known)(peer.url("peer"))["protocol_version"] == MODERN
        seen = peer.seen("peer").methods
    assert (seen["server/discover"], seen["initialize"]) == (2, 0)


def test_a_server_that_refuses_the_version_it_wants_is_asked_twice_at_most():
    reply = instead("server/discover", wants_another)
    fault = Fault(about="refuses", reply=reply, era="both")
    with running(faults={"peer": fault}) as peer:
        assert async_to_sync(_known)(peer.url("peer"))["discover"] is None
        assert peer.seen("peer").methods["server/discover"] == 2


@pytest.mark.parametrize(("name", "era"), [("good", "legacy"), ("sse-good", None)])
def test_what_is_known_of_an_older_server_saves_the_negotiation(
    hostile: Hostile, name: str, era: Any
):
    url = hostile.url(name, era)
    known = async_to_sync(_known)(url)
    hostile.clear()
    assert text_of(call(url, **known)) == "x"
    assert hostile.seen(name).methods["server/discover"] == 0


def test_a_call_never_lists_the_tools_behind_our_back(hostile: Hostile):
    call(hostile.url("call-bad-structured"))
    assert hostile.seen("call-bad-structured").methods["tools/list"] == 0


@pytest.mark.parametrize(
    ("name", "structured"),
    [
        ("call-bad-structured", {"result": "three"}),
        ("call-no-structured", None),
        ("call-list-structured", [1, 2]),
    ],
)
def test_structured_content_is_kept_whatever_its_schema(
    hostile: Hostile, name: str, structured: Any
):
    assert call(hostile.url(name)).structured_content == structured


def test_a_tool_that_fails_is_a_result(hostile: Hostile):
    outcome = call(hostile.url("call-is-error"))
    assert outcome.is_error
    assert text_of(outcome) == "No."


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("call-image", ["image"]),
        ("call-unknown-content", ["text", "hologram"]),
        ("call-no-content", []),
        ("call-bare", ["text"]),
    ],
)
def test_content_of_any_kind_is_kept(hostile: Hostile, name: str, kinds: list[str]):
    outcome = call(hostile.url(name))
    assert [block["type"] for block in outcome.content] == kinds


@pytest.mark.parametrize(
    "name",
    [
        *("call-closes", "call-reset", "call-cut-head", "call-cut-body"),
        *("call-cut-events", "call-no-result", "sse-call-ends"),
    ],
)
def test_a_call_that_breaks_off_has_an_unknown_outcome(hostile: Hostile, name: str):
    with pytest.raises(OutcomeUnknown):
        call(hostile.url(name))
    assert hostile.seen(name).tool_calls == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("call-hangs", TimedOut),
        ("call-drips", TimedOut),
        ("call-400", InvalidMcpServer),
        ("call-404", InvalidMcpServer),
        ("call-202", InvalidMcpServer),
        ("call-html", InvalidMcpServer),
        ("call-not-json", InvalidMcpServer),
        ("call-empty", InvalidMcpServer),
        ("call-500", ServerError),
        ("call-503", ServerError),
        ("call-429", ServerError),
        ("call-error", ServerError),
        ("call-refused", ServerError),
        ("call-input-required", ServerError),
        ("sse-call-500", ServerError),
        ("call-session-gone", SessionGone),
        ("call-401", AuthRequired),
        ("call-403", AuthFailed),
        ("call-huge", ResponseTooLarge),
        ("call-huge-events", ResponseTooLarge),
        ("call-deep", ResponseTooLarge),
        ("call-very-deep", ResponseTooLarge),
    ],
)
def test_each_failure_of_a_call_is_one_of_ours_and_is_sent_once(
    hostile: Hostile, name: str, kind: type[ConnectorError]
):
    with pytest.raises(kind):
        call(hostile.url(name), deadline_s=1)
    assert hostile.seen(name).tool_calls == 1


def test_a_call_to_nobody_says_that_nothing_was_sent(closed_url: str):
    with pytest.raises(ConnectionFailed) as caught:
        call(closed_url, transport="http")
    assert caught.value.retryable


def test_a_failure_carries_nothing_of_the_request(hostile: Hostile):
    with pytest.raises(OutcomeUnknown) as caught:
        call(hostile.url("call-closes"), headers={"Authorization": "Bearer canary"})
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "canary" not in repr(Endpoint(url="x", headers={"A": "canary"}))


def test_what_the_body_raises_is_raised(notes_server: DemoServer):
    async def stumble() -> None:
        async with connect(Endpoint(url=notes_server.url), operation()):
            raise ToolNotFound

    with pytest.raises(ToolNotFound):
        async_to_sync(stumble)()


def test_progress_is_heard_and_cleaned(hostile: Hostile):
    heard: list[tuple[float, float | None, str]] = []

    async def hear(progress: float, total: float | None, message: str) -> None:
        heard.append((progress, total, message))

    async def run() -> ToolOutcome:
        endpoint = Endpoint(url=hostile.url("call-slow"))
        async with connect(endpoint, operation()) as session:
            reply = await session.call_tool("echo", {"text": "x"}, on_progress=hear)
        return finished(reply)

    assert text_of(async_to_sync(run)()) == "x"
    assert heard


def test_arguments_are_sent_exactly_as_given(hostile: Hostile):
    arguments = {"text": "x", "nested": {"list": [1, None, True, "\u202e"]}}
    call(hostile.url("good"), arguments=arguments)
    message = hostile.seen("good").log[-1].message()
    assert message is not None
    assert message["params"]["arguments"] == arguments


def test_arguments_that_a_tool_wants_in_headers_are_mirrored(hostile: Hostile):
    schema = {
        "type": "object",
        "properties": {"text": {"type": "string", "x-mcp-header": "Text"}},
    }

    async def run() -> None:
        async with connect(Endpoint(url=hostile.url("good")), operation()) as session:
            await session.call_tool("echo", {"text": "x"}, input_schema=schema)

    async_to_sync(run)()
    assert hostile.seen("good").log[-1].header("mcp-param-text") == "x"


async def test_a_cancelled_call_leaves_no_connection_and_no_task(hostile: Hostile):
    task = asyncio.create_task(
        _call(
            Endpoint(url=hostile.url("call-hangs")),
            60,
            name="echo",
            arguments={"text": "x"},
        )
    )
    while not hostile.seen("call-hangs").tool_calls:
        await asyncio.wait([task], timeout=0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert hostile.wait_until_idle()
    assert len(asyncio.all_tasks()) == 1
