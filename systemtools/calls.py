"""Call one tool of a system tool: at most once, and with evidence of it.

The outcomes are those of connectors.calls. A method that only reads may be given up
on; any other that was begun and did not answer is *unknown*, and never begun again.
"""

import asyncio
import time
import traceback
from dataclasses import dataclass, field
from typing import Any, Unpack

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings

from connectors import admission, evidence, pools, recording
from connectors.errors import (
    ConnectionFailed,
    ConnectorError,
    GrantWithdrawn,
    InvalidInput,
    OutcomeUnknown,
    SecretUnreadable,
    SignInRequired,
    TimedOut,
    ToolNotFound,
    ToolPendingReview,
)
from connectors.models import Outcome, Source, ToolCall
from connectors.recording import CallResult, Record
from systemtools import registry, schema, statuses
from systemtools.base import Context, Method, Progress, ToolError
from systemtools.errors import ToolNotConnected, ToolUnavailable
from systemtools.statuses import Status

__all__ = ["CallResult", "call_tool"]

# What keeps a call from being made, whenever it is found out.
_REFUSALS = (SignInRequired, GrantWithdrawn, SecretUnreadable, InvalidInput)

log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class _Call:
    """One call: of which tool, its evidence, and how far it came."""

    user_id: int
    status: Status
    method: Method | None
    row: ToolCall
    arguments: dict[str, Any] = field(repr=False)
    # What the caller takes the tool for; "" if it does not say.
    expected: str = ""
    on_progress: Progress | None = None
    began: bool = False
    is_error: bool = False
    answer: tuple[schema.Blocks, Any] | None = field(default=None, repr=False)
    since: float = field(default_factory=time.monotonic)

    @property
    def ids(self) -> dict[str, Any]:
        return {
            "user_id": self.user_id,
            "tool_id": self.status.tool.id,
            "call_id": str(self.row.call_id),
        }


async def call_tool(
    *,
    user_id: int,
    username: str,
    tool_id: str,
    name: str,
    arguments: dict[str, Any],
    via: str,
    definition_hash: str = "",
    on_progress: Progress | None = None,
    **record: Unpack[Record],
) -> CallResult:
    """Call the tool `name` of a system tool within CALL_TIMEOUT_S, with evidence.

    A failure by the tool's own word is a result with `is_error`, not an exception.
    `definition_hash` is what the caller knows of it: it is not called if it changed.

    Raises:
        SystemToolNotFound, ToolNotFound: there is none of that name.
        ToolNotConnected, ToolUnavailable, SignInRequired, SecretUnreadable: not now.
        ToolPendingReview: the tool is not the one that the caller knows.
        InvalidInput: the arguments are no JSON, or do not suit the tool.
        TooManyRequests: too much at once.
        OutcomeUnknown: it was begun and may have happened; it is not begun again.
        ConnectorError: any other; with the code of what went wrong.
    """
    recording.check_json(arguments)
    call = await sync_to_async(_begin)(
        user_id=user_id,
        username=username,
        tool_id=tool_id,
        name=name,
        arguments=arguments,
        via=via,
        **record,
    )
    call.expected, call.on_progress = definition_hash, on_progress
    log.info("tool.call.started", **call.ids)
    try:
        content, structured = await _perform(call)
    except BaseException as failure:
        await _finish(call, failure)
        raise
    return CallResult(
        call_id=call.row.call_id,
        is_error=call.is_error,
        content=content,
        structured_content=structured,
        duration_ms=await _finish(call, None),
    )


def _begin(
    *, user_id: int, tool_id: str, name: str, arguments: dict[str, Any], **who: Any
) -> _Call:
    """Find the tool, and insert the evidence that a call starts."""
    status = statuses.one_of(user_id=user_id, tool_id=tool_id)
    method = status.methods.get(name)
    row = evidence.start_call(
        user_id=user_id,
        source=Source.SYSTEM,
        source_id=None,
        source_label=status.tool.name,
        tool=name,
        arguments=arguments,
        definition_hash=method.definition["hash"] if method else "",
        **who,
    )
    return _Call(
        user_id=user_id, status=status, method=method, row=row, arguments=arguments
    )


async def _perform(call: _Call) -> tuple[schema.Blocks, Any]:
    """Check the call, wait for its turn, make it; return the answer."""
    _refuse_unusable(call.status)
    if call.method is None:
        raise _missing(call)
    if call.expected and call.expected != call.row.definition_hash:
        raise ToolPendingReview
    given = schema.read_arguments(call.method.arguments, call.arguments)
    tool = call.status.tool(_context(call))
    await pools.release_db()
    origin = f"system:{call.status.tool.id}"
    async with admission.admit(user_id=call.user_id, origin=origin):
        call.began = True
        call.answer = await _answer(call, call.method, tool, given)
    return call.answer


def _missing(call: _Call) -> ConnectorError:
    """Return what is raised for a method that is not there, or was not granted."""
    tool = call.status.tool
    if call.row.tool not in registry.methods(tool):
        return ToolNotFound(f"{tool.name} has no tool of this name.")
    message = f"You have not allowed this to {tool.name}. Sign in again to allow it."
    return SignInRequired(message, system_tool=tool.id)


def _context(call: _Call) -> Context:
    told: dict[str, Any] = {"progress": call.on_progress} if call.on_progress else {}
    return Context(
        user_id=call.user_id,
        username=call.row.username,
        tool_id=call.status.tool.id,
        via=call.row.via,
        config=call.status.config(),
        conversation_id=call.row.conversation_id,
        **told,
    )


def _refuse_unusable(status: Status) -> None:
    """Refuse a tool that the person cannot use now.

    Raises:
        ToolUnavailable, SignInRequired, ToolNotConnected.
    """
    tool = status.tool
    if status.why_not:
        raise ToolUnavailable(status.why_not)
    if status.is_connected:
        return
    if tool.auth_type == "oauth":
        again = " again" if status.signs_in_again else ""
        message = f"Sign in to {tool.name}{again} to use its tools."
        raise SignInRequired(message, system_tool=tool.id)
    raise ToolNotConnected(tool.name)


async def _answer(
    call: _Call, method: Method, tool: Any, given: dict[str, Any]
) -> tuple[schema.Blocks, Any]:
    """Run the method in time, and return what it answered as content."""
    try:
        async with asyncio.timeout(settings.CALL_TIMEOUT_S):
            return schema.blocks(await method.function(tool, **given))
    except ToolError as failure:
        call.is_error = True
        return [schema.text_block(str(failure))], None
    except ConnectorError:
        raise
    except TimeoutError:
        raise _gone(method, TimedOut(after_s=settings.CALL_TIMEOUT_S)) from None
    except Exception as fault:  # noqa: BLE001 - whatever a tool's developer missed
        # Not its text: it may quote what the person wrote.
        where = traceback.extract_tb(fault.__traceback__)[-1]
        log.error(  # noqa: TRY400
            "system_tool.failed",
            **call.ids,
            reason=type(fault).__name__,
            where=f"{where.filename}:{where.lineno}",
        )
        raise _gone(method, ConnectorError()) from None


def _gone(method: Method, failure: ConnectorError) -> ConnectorError:
    """Return what is raised for a method that was begun and did not answer."""
    return failure if method.reads_only else OutcomeUnknown()


async def _finish(call: _Call, failure: BaseException | None) -> int:
    """Store the outcome; return the duration.

    Shielded: a caller who goes away cannot take the evidence along.
    """
    outcome, error_code = _verdict(call, failure)
    duration_ms = round((time.monotonic() - call.since) * 1000)
    store = sync_to_async(evidence.finish_call)(
        call.row,
        outcome=outcome,
        error_code=error_code,
        attempts=int(call.began),
        duration_ms=duration_ms,
        result=call.answer and list(call.answer),
    )
    await asyncio.shield(asyncio.ensure_future(store))
    log.info(
        recording.event_of(outcome),
        **call.ids,
        outcome=str(outcome),
        error_code=error_code or None,
        duration_ms=duration_ms,
    )
    return duration_ms


def _verdict(call: _Call, failure: BaseException | None) -> tuple[Outcome, str]:
    """Return the outcome and the error code of a call that has ended."""
    if call.answer is not None:
        return (Outcome.TOOL_ERROR if call.is_error else Outcome.OK), ""
    if isinstance(failure, ConnectorError):
        return _outcome_of(call, failure), failure.code
    # The caller went away.
    if call.began and call.method and not call.method.reads_only:
        return Outcome.UNKNOWN, OutcomeUnknown.code
    return Outcome.CANCELLED, ""


def _outcome_of(call: _Call, failure: ConnectorError) -> Outcome:
    if isinstance(failure, OutcomeUnknown):
        return Outcome.UNKNOWN
    if not call.began or isinstance(failure, _REFUSALS):
        return Outcome.REFUSED
    if isinstance(failure, ConnectionFailed):
        return Outcome.NOT_SENT
    return Outcome.FAILED
