"""Call one tool of a person's connector: at most once, and with evidence of it.

A row of evidence is committed before anything leaves and gets exactly one outcome:

ok, tool_error  the server ran the tool; tool_error is the tool's own word
refused         nothing was dialled: paused, signed out, no such tool, arguments that
                do not fit, unreadable credentials, too much at once; or the server
                did not do it for want of a permission
not_sent        the server could not be reached, or failed before the call was sent, or
                its sign-in service failed
failed          the server answered the call with a failure
unknown         the call was sent and nobody knows whether it happened
cancelled       the caller went away before the call was sent

A call on somebody else's connector leaves no row: nothing of the caller's is named.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Unpack

import structlog
from asgiref.sync import sync_to_async

from connectors import (
    admission,
    credentials,
    evidence,
    health,
    pools,
    recording,
    schema_check,
    server_url,
)
from connectors.delivery import Delivery
from connectors.elicitation import OnInput
from connectors.errors import (
    AuthFailed,
    AuthRequired,
    ConnectorError,
    ConnectorNotFound,
    GrantWithdrawn,
    OutcomeUnknown,
    SecretUnreadable,
    ServerFailure,
    SignInRequired,
    ToolNotFound,
    ToolPendingReview,
)
from connectors.mcp_client import ToolOutcome
from connectors.mcp_session import Progress
from connectors.models import Outcome, Source, ToolCall, UserMCPConnection
from connectors.recording import CallResult, Record

__all__ = ["CallResult", "Record", "call_tool"]

log = structlog.get_logger(__name__)

_WANT_A_SIGN_IN = (AuthRequired, AuthFailed, GrantWithdrawn, SignInRequired)


@dataclass(kw_only=True)
class _Call:
    """One call: of which connector, its evidence, and how far it came."""

    connector: UserMCPConnection
    row: ToolCall
    delivery: Delivery
    # What the caller takes the tool for; "" if it does not say.
    expected: str = ""
    began: float = field(default_factory=time.monotonic)

    @property
    def ids(self) -> dict[str, Any]:
        """What events name. Not the tool: its name is the server's text."""
        return {
            "user_id": self.connector.user_id,
            "connector_id": self.connector.pk,
            "call_id": str(self.row.call_id),
        }


async def call_tool(
    *,
    user_id: int,
    username: str,
    connector_id: int,
    tool: str,
    arguments: dict[str, Any],
    via: str,
    definition_hash: str = "",
    on_progress: Progress | None = None,
    on_input: OnInput | None = None,
    **record: Unpack[Record],
) -> CallResult:
    """Call `tool` of the person's connector within CALL_TIMEOUT_S, with evidence.

    A failure by the tool's own word is a result with `is_error`, not an exception.
    `definition_hash` is what the caller knows of it: it is not called if it changed.
    `on_input` is called for each question of the server; that time does not count.

    Raises:
        ConnectorNotFound, ToolNotFound: the caller has none of that name.
        ConnectorDisabled, SignInRequired, SecretUnreadable: it cannot be used now.
        ToolPendingReview: the tool is not the one that the caller knows.
        InvalidInput: the arguments are no JSON, or do not fit the tool's schema.
        TooManyRequests: too much at once.
        OutcomeUnknown: it was sent and may have happened; it is not sent again.
        ServerFailure: any other; it was not sent, or answered with a failure.
    """
    recording.check_json(arguments)
    call = await sync_to_async(_begin)(
        user_id=user_id,
        username=username,
        connector_id=connector_id,
        tool=tool,
        arguments=arguments,
        via=via,
        **record,
    )
    call.delivery.on_progress, call.delivery.on_input = on_progress, on_input
    call.expected = definition_hash
    log.info("tool.call.started", **call.ids)
    try:
        answer = await _perform(call)
    except BaseException as failure:
        await _finish(call, failure)
        if isinstance(failure, _WANT_A_SIGN_IN):
            raise await _sign_in_required(call, failure) from None
        raise
    return _result(call, answer, await _finish(call, None))


async def _sign_in_required(call: _Call, failure: BaseException) -> SignInRequired:
    wanted = getattr(failure, "wanted_scope", None)
    told = sync_to_async(health.sign_in_required)
    return await told(call.connector, wanted=wanted)


def _result(call: _Call, answer: ToolOutcome, duration_ms: int) -> CallResult:
    return CallResult(
        call_id=call.row.call_id,
        is_error=answer.is_error,
        content=answer.content,
        structured_content=answer.structured_content,
        duration_ms=duration_ms,
    )


def _begin(
    *,
    user_id: int,
    connector_id: int,
    tool: str,
    arguments: dict[str, Any],
    **who: Any,
) -> _Call:
    """Find the person's connector, and insert the evidence that a call starts."""
    owned = UserMCPConnection.objects.owned_by(user_id)
    connector = owned.filter(pk=connector_id).first()
    if connector is None:
        raise ConnectorNotFound
    tools: list[dict[str, Any]] = connector.discovered_tools
    spec = next((spec for spec in tools if spec["name"] == tool), {})
    row = evidence.start_call(
        user_id=user_id,
        source=Source.CONNECTOR,
        source_id=connector.pk,
        source_label=connector.name,
        tool=tool,
        arguments=arguments,
        definition_hash=spec.get("hash", ""),
        **who,
    )
    delivery = Delivery(
        tool=tool, input_schema=spec.get("inputSchema"), arguments=arguments
    )
    return _Call(connector=connector, row=row, delivery=delivery)


async def _perform(call: _Call) -> ToolOutcome:
    """Check the call, wait for its turn, send it; return the answer."""
    connector, delivery = call.connector, call.delivery
    health.refuse_unusable(connector)
    if delivery.input_schema is None:
        raise ToolNotFound
    if call.expected and call.expected != call.row.definition_hash:
        raise ToolPendingReview
    await pools.release_db()
    await schema_check.check_arguments(
        schema=delivery.input_schema, arguments=delivery.arguments
    )
    credential = await credentials.of(connector)
    delivery.renew = credential.after
    await pools.release_db()
    endpoint = credential.endpoint(connector)
    origin = server_url.origin(connector.server_url)
    async with admission.admit(user_id=connector.user_id, origin=origin) as turn:
        delivery.away = turn.given_back
        try:
            return await delivery.run(endpoint, ids=call.ids)
        except ServerFailure as failure:
            credential.hide_in(failure)
            raise


async def _finish(call: _Call, failure: BaseException | None) -> int:
    """Store the outcome and what it says of the connector; return the duration.

    Shielded: a caller who goes away cannot take the evidence along.
    """
    outcome, error_code = _verdict(call.delivery, failure)
    if credentials.lacks_permission(call.connector, failure):
        outcome, error_code = Outcome.REFUSED, SignInRequired.code
    duration_ms = round((time.monotonic() - call.began) * 1000)
    store = sync_to_async(_store)(call, failure, outcome, error_code, duration_ms)
    await asyncio.shield(asyncio.ensure_future(store))
    log.info(
        recording.event_of(outcome),
        **call.ids,
        outcome=str(outcome),
        error_code=error_code or None,
        duration_ms=duration_ms,
    )
    return duration_ms


def _verdict(delivery: Delivery, failure: BaseException | None) -> tuple[Outcome, str]:
    """Return the outcome and the error code of a call that has ended."""
    if delivery.answer is not None:
        return Outcome.TOOL_ERROR if delivery.answer.is_error else Outcome.OK, ""
    if isinstance(failure, ConnectorError) and not isinstance(failure, OutcomeUnknown):
        if isinstance(failure, ServerFailure) and failure.at_sign_in:
            return Outcome.NOT_SENT, failure.code
        if not delivery.attempts:
            return Outcome.REFUSED, failure.code
        return (Outcome.FAILED if delivery.sent else Outcome.NOT_SENT), failure.code
    if delivery.sent:
        return Outcome.UNKNOWN, OutcomeUnknown.code
    if isinstance(failure, asyncio.CancelledError):
        return Outcome.CANCELLED, ""
    return Outcome.NOT_SENT, ConnectorError.code


def _store(
    call: _Call,
    failure: BaseException | None,
    outcome: Outcome,
    error_code: str,
    duration_ms: int,
) -> None:
    answer = call.delivery.answer
    evidence.finish_call(
        call.row,
        outcome=outcome,
        error_code=error_code,
        attempts=call.delivery.attempts,
        duration_ms=duration_ms,
        result=answer and [answer.content, answer.structured_content],
    )
    if answer is not None:
        health.settle(call.connector, used=True)
    elif _is_news(call, failure):
        used = call.delivery.sent
        health.settle(call.connector, error_code=error_code, used=used)


def _is_news(call: _Call, failure: BaseException | None) -> bool:
    """Tell a failure that says something new of the connector.

    One that was refused for what is known does not, nor what its grant has said.
    """
    if not isinstance(failure, ServerFailure | SecretUnreadable):
        return False
    is_found = bool(call.delivery.attempts) or call.connector.is_verified
    return is_found and not credentials.is_told(call.connector, failure)
