"""Calling a tool: who may, what is checked, and the evidence that remains."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from connectors import calls
from connectors.errors import (
    ConnectionFailed,
    ConnectorDisabled,
    ConnectorNotFound,
    InvalidInput,
    InvalidMcpServer,
    OutcomeUnknown,
    ResponseTooLarge,
    SecretUnreadable,
    ServerError,
    SignInRequired,
    TimedOut,
    ToolNotFound,
    TooManyRequests,
)
from connectors.models import Outcome, Source, Status, ToolCall, UserMCPConnection, Via
from connectors.tests import verbs
from connectors.tests.gate import gate
from demo.fixtures import DemoServer
from demo.hostile import (
    HOSTILE_TEXT,
    RIGHT_TOKEN,
    Exchange,
    Fault,
    Hostile,
    running,
)

pytestmark = pytest.mark.usefixtures("allow_loopback")

CONNECTORS = UserMCPConnection.objects


@pytest.fixture(autouse=True)
def short_limits(settings: Settings) -> None:
    settings.TEST_TIMEOUT_S = 5
    settings.DISCOVER_TIMEOUT_S = 0.5
    settings.CONNECT_TIMEOUT_S = 0.5
    settings.RETRY_DELAY_S = 0.05


@pytest.fixture
def good(alice: User, hostile: Hostile) -> UserMCPConnection:
    return verbs.add(alice, hostile.url("good"), "Good")


def add(user: User, hostile: Hostile, name: str) -> UserMCPConnection:
    """Add a connector whose calls go wrong as `name` says."""
    return verbs.add(user, hostile.url(name), name)


def evidence() -> tuple[str, str, int]:
    row = ToolCall.objects.get()
    assert row.duration_ms is not None
    return row.outcome, row.error_code, row.attempts


# --- Calls that work ---------------------------------------------------------


def test_a_call_answers_what_the_tool_said(
    alice: User, notes_server: DemoServer
) -> None:
    row = verbs.add(alice, notes_server.url)
    result = verbs.call(alice, row.pk, "search_notes", {"query": "release"})
    assert not result.is_error
    assert result.content[0]["type"] == "text"
    assert result.structured_content
    assert ToolCall.objects.get().call_id == result.call_id


def test_a_call_leaves_whole_evidence_and_no_argument(
    alice: User, good: UserMCPConnection
) -> None:
    with capture_logs() as logs:
        verbs.call(
            alice, good.pk, arguments={"text": "canary"}, via=Via.REST, token_id=7
        )
    row = ToolCall.objects.get()
    assert (row.user_id, row.username, row.token_id) == (alice.pk, "alice", 7)
    assert (row.source, row.source_id, row.source_label) == (
        Source.CONNECTOR, good.pk, "Good"
    )  # fmt: skip
    assert (row.tool, row.via) == ("echo", Via.REST)
    assert row.definition_hash == good.discovered_tools[0]["hash"]
    assert (row.outcome, row.error_code, row.attempts) == (Outcome.OK, "", 1)
    assert row.args_bytes == len('{"text":"canary"}')
    assert row.result_bytes
    assert row.result_digest
    assert [log["event"] for log in logs] == [
        "tool.call.started", "tool.call.finished"
    ]  # fmt: skip
    assert "canary" not in str(logs)
    assert "echo" not in str(logs)


def test_a_tool_that_fails_is_a_result(alice: User, hostile: Hostile) -> None:
    row = add(alice, hostile, "call-is-error")
    assert verbs.call(alice, row.pk).is_error
    assert evidence() == (Outcome.TOOL_ERROR, "", 1)
    assert CONNECTORS.get().status == Status.READY


def test_progress_is_told(alice: User, hostile: Hostile) -> None:
    row = add(alice, hostile, "call-slow")
    told: list[float] = []

    async def tell(progress: float, total: float | None, message: str) -> None:
        told.append(progress)

    verbs.call(alice, row.pk, on_progress=tell)
    assert told == [1, 2, 3, 4, 5]


def test_hostile_text_is_data_and_can_be_sent_on(alice: User, hostile: Hostile) -> None:
    row = add(alice, hostile, "call-hostile-text")
    said = verbs.call(alice, row.pk).content[0]["text"]
    assert said.encode()
    assert "\x00" not in said
    assert len(said) > len(HOSTILE_TEXT) / 2


# --- What is refused, and dials nobody ---------------------------------------


def test_a_stranger_leaves_no_trace(
    bob: User, alice: User, good: UserMCPConnection
) -> None:
    with pytest.raises(ConnectorNotFound):
        verbs.call(bob, good.pk)
    assert not ToolCall.objects.exists()


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"is_active": False}, ConnectorDisabled, "CONNECTOR_DISABLED"),
        ({"status": Status.PAUSED_AUTO}, ConnectorDisabled, "CONNECTOR_DISABLED"),
        (
            {"status": Status.REMOVED_BY_ADMIN, "slot": None},
            ConnectorDisabled,
            "CONNECTOR_DISABLED",
        ),
        (
            {"status": Status.SIGN_IN, "is_verified": False},
            SignInRequired,
            "SIGN_IN_REQUIRED",
        ),
        (
            {"status": Status.SIGN_IN_AGAIN, "is_verified": False},
            SignInRequired,
            "SIGN_IN_REQUIRED",
        ),
        (
            {"status": Status.SECRET_UNREADABLE, "is_verified": False},
            SecretUnreadable,
            "SECRET_UNREADABLE",
        ),
        (
            {"status": Status.NOT_MCP, "is_verified": False},
            InvalidMcpServer,
            "INVALID_MCP_SERVER",
        ),
    ],
)
def test_what_cannot_be_used_now_is_refused(
    alice: User,
    hostile: Hostile,
    good: UserMCPConnection,
    changes: dict[str, Any],
    error: type[Exception],
    code: str,
) -> None:
    CONNECTORS.update(**changes)
    hostile.clear()
    with capture_logs() as logs, pytest.raises(error):
        verbs.call(alice, good.pk)
    assert hostile.seen("good").requests == 0
    assert evidence() == (Outcome.REFUSED, code, 0)
    assert logs[-1]["event"] == "tool.call.refused"
    # A refusal of ours says nothing of the server.
    assert CONNECTORS.get().consecutive_failures == 0


def test_a_server_that_was_away_is_tried(alice: User, good: UserMCPConnection) -> None:
    CONNECTORS.update(status=Status.UNREACHABLE, last_error_code="TIMEOUT")
    verbs.call(alice, good.pk)
    assert CONNECTORS.get().status == Status.READY


@pytest.mark.parametrize("tool", ["gone", "ECHO", "", "x" * 500, "a\x00\ud800"])
def test_only_tools_that_were_discovered_are_called(
    alice: User, hostile: Hostile, good: UserMCPConnection, tool: str
) -> None:
    with pytest.raises(ToolNotFound):
        verbs.call(alice, good.pk, tool)
    assert evidence() == (Outcome.REFUSED, "TOOL_NOT_FOUND", 0)
    assert hostile.seen("good").tool_calls == 0


def test_arguments_that_do_not_fit_name_the_place(
    alice: User, hostile: Hostile, good: UserMCPConnection
) -> None:
    with pytest.raises(InvalidInput) as refused:
        verbs.call(alice, good.pk, arguments={"text": 7})
    loc = refused.value.errors[0]["loc"]
    assert loc == ["body", "arguments", "text", "type"]
    assert evidence() == (Outcome.REFUSED, "INVALID_INPUT", 0)
    assert hostile.seen("good").tool_calls == 0


def _too_deep() -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(100_000):
        value = {"a": value}
    return value


@pytest.mark.parametrize("value", ["\ud800", float("nan"), {1}, _too_deep()])
def test_what_is_no_json_is_no_call(
    alice: User, good: UserMCPConnection, value: Any
) -> None:
    with pytest.raises(InvalidInput) as refused:
        verbs.call(alice, good.pk, arguments={"text": value})
    assert refused.value.errors[0]["loc"] == ["body", "arguments", "json"]
    assert not ToolCall.objects.exists()


def test_an_unreadable_secret_is_noticed(
    alice: User, hostile: Hostile, settings: Settings
) -> None:
    row = verbs.add(alice, hostile.url("token"), **verbs.token(RIGHT_TOKEN))
    settings.ENCRYPTION_KEYS = {"k2": b"2" * 32}
    with pytest.raises(SecretUnreadable):
        verbs.call(alice, row.pk)
    assert evidence() == (Outcome.REFUSED, "SECRET_UNREADABLE", 0)
    assert hostile.seen("token").tool_calls == 0
    row = CONNECTORS.get()
    assert (row.status, row.is_verified) == (Status.SECRET_UNREADABLE, False)


def test_whose_turn_does_not_come_is_refused(
    alice: User, good: UserMCPConnection, settings: Settings
) -> None:
    settings.OPS_PER_PERSON = 0
    settings.ADMISSION_WAIT_S = 0.05
    with pytest.raises(TooManyRequests):
        verbs.call(alice, good.pk)
    assert evidence() == (Outcome.REFUSED, "TOO_MANY_REQUESTS", 0)


# --- What servers do ---------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "error", "status"),
    [
        ("call-500", ServerError, Status.SERVER_ERROR),
        ("call-429", ServerError, Status.SERVER_ERROR),
        ("call-error", ServerError, Status.SERVER_ERROR),
        ("call-html", InvalidMcpServer, Status.NOT_MCP),
        ("call-huge", ResponseTooLarge, Status.SERVER_ERROR),
    ],
)
def test_a_failure_that_the_server_answers_is_failed(
    alice: User, hostile: Hostile, name: str, error: type[Any], status: Status
) -> None:
    row = add(alice, hostile, name)
    with pytest.raises(error):
        verbs.call(alice, row.pk)
    assert evidence() == (Outcome.FAILED, error.code, 1)
    row = CONNECTORS.get()
    assert (row.status, row.last_error_code) == (status, error.code)
    assert row.consecutive_failures == 1
    assert row.last_used_at is not None


@pytest.mark.parametrize("name", ["call-401", "call-403"])
def test_a_refused_credential_asks_for_a_new_one(
    alice: User, hostile: Hostile, name: str
) -> None:
    row = verbs.add(alice, hostile.url(name), **verbs.token("old"))
    with pytest.raises(SignInRequired):
        verbs.call(alice, row.pk)
    assert evidence() == (Outcome.FAILED, "AUTH_FAILED", 1)
    row = CONNECTORS.get()
    assert (row.status, row.is_verified) == (Status.SIGN_IN_AGAIN, False)
    with pytest.raises(SignInRequired):
        verbs.call(alice, row.pk)
    assert hostile.seen(name).tool_calls == 1


def test_a_server_that_fails_before_the_call_did_not_get_it(
    alice: User, good: UserMCPConnection, hostile: Hostile
) -> None:
    # Known to speak with sessions, and now it does not answer the handshake.
    CONNECTORS.update(
        server_url=hostile.url("initialize-error"),
        protocol_version="2025-11-25",
        discover_cache=None,
    )
    with pytest.raises(ServerError):
        verbs.call(alice, good.pk)
    assert evidence() == (Outcome.NOT_SENT, "SERVER_ERROR", 1)
    assert CONNECTORS.get().last_used_at is None


def test_a_server_that_is_gone_is_unreachable(
    alice: User, good: UserMCPConnection, closed_url: str
) -> None:
    CONNECTORS.update(server_url=closed_url)
    with pytest.raises(ConnectionFailed):
        verbs.call(alice, good.pk)
    assert evidence() == (Outcome.NOT_SENT, "CONNECTION_FAILED", 2)
    row = CONNECTORS.get()
    assert (row.status, row.is_verified) == (Status.UNREACHABLE, True)
    assert (row.tool_count, row.last_used_at) == (2, None)


async def _send_to_where_the_token_is(exchange: Exchange) -> None:
    said = (exchange.request.header("authorization") or "").removeprefix("Bearer ")
    elsewhere = f"http://elsewhere.example/{said}/mcp"
    await exchange.wire.reply(307, b"", ("Location", elsewhere))


def test_a_secret_that_a_server_says_back_is_in_no_part_of_a_failure(
    alice: User, hostile: Hostile
) -> None:
    row = verbs.add(alice, hostile.url("good"), **verbs.token("canary-5ec2e7"))
    tells = Fault(about="", reply=_send_to_where_the_token_is)
    with running(faults={"tells": tells}) as server:
        # Without a transport that is known, the server is asked first.
        CONNECTORS.update(
            server_url=server.url("tells"), transport="", protocol_version=""
        )
        with pytest.raises(InvalidMcpServer) as refused:
            verbs.call(alice, row.pk)
    assert "elsewhere.example/[hidden]/mcp" in refused.value.suggestion
    assert "canary-5ec2e7" not in str(vars(refused.value))


def test_a_handshake_that_takes_too_long_is_a_timeout(
    alice: User, good: UserMCPConnection, hostile: Hostile, settings: Settings
) -> None:
    settings.CALL_TIMEOUT_S = 0.5
    CONNECTORS.update(
        server_url=hostile.url("initialize-hangs"),
        protocol_version="2025-11-25",
        discover_cache=None,
    )
    with pytest.raises(TimedOut):
        verbs.call(alice, good.pk)
    assert evidence() == (Outcome.NOT_SENT, "TIMEOUT", 1)


def test_silence_after_the_call_is_unknown(
    alice: User, hostile: Hostile, settings: Settings
) -> None:
    settings.CALL_TIMEOUT_S = 0.5
    row = add(alice, hostile, "call-hangs")
    with capture_logs() as logs, pytest.raises(OutcomeUnknown):
        verbs.call(alice, row.pk)
    assert evidence() == (Outcome.UNKNOWN, "OUTCOME_UNKNOWN", 1)
    assert logs[-1]["event"] == "tool.call.unknown"
    row = CONNECTORS.get()
    assert (row.status, row.consecutive_failures) == (Status.READY, 1)


# --- Callers who go away -----------------------------------------------------


def _leave_during(user: User, connector_id: int, *, held: Any) -> None:
    async def run() -> None:
        call = asyncio.ensure_future(
            calls.call_tool(
                user_id=user.pk,
                username=user.username,
                connector_id=connector_id,
                tool="echo",
                arguments={"text": "hello"},
                via=Via.TEST,
            )
        )
        await held.reached()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    async_to_sync(run)()


def test_who_leaves_after_the_call_was_sent_cannot_know(alice: User) -> None:
    with gate("tools/call") as server:
        row = verbs.add(alice, server.url)
        _leave_during(alice, row.pk, held=server)
    assert evidence() == (Outcome.UNKNOWN, "OUTCOME_UNKNOWN", 1)


def test_who_leaves_before_the_call_was_sent_cancelled_it(
    alice: User, hostile: Hostile
) -> None:
    with gate("initialize") as server:
        row = add(alice, hostile, "good")
        CONNECTORS.update(
            server_url=server.url, protocol_version="2025-11-25", discover_cache=None
        )
        _leave_during(alice, row.pk, held=server)
    assert evidence() == (Outcome.CANCELLED, "", 1)


def test_an_error_of_ours_leaves_no_call_open(
    alice: User, good: UserMCPConnection, closed_url: str
) -> None:
    async def fail(progress: float, total: float | None, message: str) -> None:
        raise ZeroDivisionError

    CONNECTORS.update(server_url=closed_url)
    with pytest.raises(ZeroDivisionError):
        verbs.call(alice, good.pk, on_progress=fail)
    assert evidence() == (Outcome.NOT_SENT, "INTERNAL_ERROR", 1)
    assert CONNECTORS.get().status == Status.READY


def test_the_row_is_there_before_the_call_leaves(alice: User) -> None:
    seen: list[str] = []

    def look() -> None:
        seen.append(ToolCall.objects.get().outcome)

    with gate("tools/call") as server:
        row = verbs.add(alice, server.url)
        server.meanwhile(
            lambda: calls.call_tool(
                user_id=alice.pk,
                username="alice",
                connector_id=row.pk,
                tool="echo",
                arguments={"text": "hello"},
                via=Via.TEST,
            ),
            look,
        )
    assert seen == [Outcome.STARTED]
    assert evidence() == (Outcome.OK, "", 1)
