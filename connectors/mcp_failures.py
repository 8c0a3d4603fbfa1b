"""Turn whatever the SDK, HTTP or the server's answer said into one typed failure.

The SDK flattens HTTP statuses to -32603 and groups exceptions, so the verdict
comes from what was recorded on the wire first, and from the exception last.
"""

import re
from collections.abc import Iterable, Iterator

import httpx2
from mcp.shared.exceptions import MCPError
from mcp_types import REQUEST_TIMEOUT
from pydantic import ValidationError

from connectors.auth.oauth import Challenge, challenge
from connectors.egress import Exchange, Operation
from connectors.errors import (
    AuthFailed,
    AuthRequired,
    ConnectionFailed,
    ConnectorError,
    InvalidMcpServer,
    OutcomeUnknown,
    ResponseTooLarge,
    ServerError,
    ServerFailure,
    SessionGone,
    TimedOut,
)
from connectors.text import clean

# What the SDK itself answers for a response that was not MCP, or that broke off.
_NOT_MCP = (
    "Not Found",
    "Server returned an error response",
    "Unexpected content type",
    "server answered a request with 202",
    "Failed to parse",
)
_BROKEN_OFF = ("SSE stream", "Connection closed")
# What egress noted of a connection that was not made.
_DETAILS = {
    "name": ("The host name was not found.", "Check the spelling of the address."),
    "tls": (
        "No secure connection could be made.",
        "Ask the server's owner to renew or correct its TLS certificate.",
    ),
    "connect_timeout": ("Nobody answered at that address in time.", ""),
}
_REFUSED = ("The connection was refused.", "")
# Nothing of the request was written when one of these is raised.
_BEFORE_WRITING = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions of a group, of groups in groups, or the one itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def classify(
    error: BaseException,
    *,
    operation: Operation,
    offered: bool,
    calling: bool = False,
    accepted: bool = False,
) -> ConnectorError:
    """Return the failure that `error` stands for.

    `offered` tells whether a credential was sent; `calling` whether a tool call
    was under way, after which a broken connection is an unknown outcome; `accepted`
    whether its server had taken it. Then no status is a verdict on it: another request
    was refused, such as the person's answer with a token that ended while they thought.
    """
    found = list(leaves(error))
    last = None if accepted else operation.last
    return (
        next((leaf for leaf in found if isinstance(leaf, ConnectorError)), None)
        or _from_record(operation, found)
        or _first(_from_transport(leaf, operation, calling=calling) for leaf in found)
        or (from_status(last, offered=offered) if last else None)
        or _first(
            _from_answer(leaf, operation, calling=calling)
            for leaf in found
            if isinstance(leaf, MCPError)
        )
        or _unexplained(found, last, calling=calling)
    )


def _first(failures: Iterable[ServerFailure | None]) -> ServerFailure | None:
    return next((failure for failure in failures if failure), None)


def _from_record(
    operation: Operation, found: list[BaseException]
) -> ServerFailure | None:
    if operation.too_large or operation.budget_spent or _too_deep(found):
        return ResponseTooLarge()
    if operation.blocked:
        return ConnectionFailed(
            "This installation does not allow that address.",
            suggestion="Use a public address, or ask the operator of this "
            "installation to allow it.",
        )
    return None


def _unexplained(
    found: list[BaseException], last: Exchange | None, *, calling: bool
) -> ServerFailure:
    if calling and not any(isinstance(leaf, ValidationError) for leaf in found):
        return OutcomeUnknown()
    return InvalidMcpServer(_unreadable(last))


def from_status(exchange: Exchange, *, offered: bool) -> ServerFailure | None:
    """Return what an HTTP status alone says, or None if it says nothing for sure.

    Source: contract of the error codes; RFC 9110 section 15.
    """
    status = exchange.status or 0
    if status in (401, 403):
        return _refused(exchange, offered=offered)
    if status in (408, 429) or status >= 500:
        return ServerError(f"It answered with HTTP status {status}.{_wait(exchange)}")
    return None


def _wait(exchange: Exchange) -> str:
    asked = exchange.retry_after
    # A date, or more digits than anybody would wait for, is left out.
    if re.fullmatch("[0-9]{1,5}", asked):
        return f" It asks to wait {int(asked)} seconds."
    return ""


def unsupported_version(versions: list[str]) -> InvalidMcpServer:
    """Return the failure of a server that speaks no version that we speak."""
    named = ", ".join(clean(version, limit=20) for version in versions[:8])
    return InvalidMcpServer(
        f"It speaks protocol versions that are not supported here: {named}.",
        suggestion="Ask the server's owner to update it.",
    )


def _refused(exchange: Exchange, *, offered: bool) -> ServerFailure:
    asked = challenge(exchange.www_authenticate)
    if offered:
        return AuthFailed(
            f"It answered with HTTP status {exchange.status}.",
            # RFC 6750 section 3.1: what is too little is not renewed.
            refused_token=exchange.status == 401 and not asked.wants_more,
            wanted_scope=asked.scope if asked.wants_more else None,
        )
    if exchange.status == 403 and not asked.scheme:
        return AuthFailed(
            "It refuses access (HTTP status 403) and names no sign-in.",
            suggestion="Ask the server's owner whether it wants a token, or allows "
            "requests from this installation.",
        )
    return AuthRequired(_wish(asked), suggestion=_way_in(asked))


def _wish(asked: Challenge) -> str:
    if asked.wants_oauth:
        scopes = f" with the scopes {asked.scope}" if asked.scope else ""
        return f"It asks for OAuth{scopes}."
    if asked.scheme:
        realm = f' for "{asked.realm}"' if asked.realm else ""
        return f"It asks for a {asked.scheme} credential{realm}."
    return "It does not say which sign-in it wants."


def _way_in(asked: Challenge) -> str:
    if asked.wants_oauth:
        return "Add an API token, if the server's owner gives you one instead of OAuth."
    return "Add an API token or headers; the server's owner can give you one."


def _from_transport(
    leaf: BaseException, operation: Operation, *, calling: bool
) -> ServerFailure | None:
    out_of_time = isinstance(leaf, httpx2.TimeoutException) and not operation.left_s
    if isinstance(leaf, _BEFORE_WRITING) and not out_of_time:
        return _not_connected(operation.last)
    if isinstance(leaf, httpx2.TimeoutException | TimeoutError):
        return TimedOut(after_s=operation.deadline_s)
    if isinstance(leaf, httpx2.TransportError | OSError):
        return OutcomeUnknown() if calling else _cut_off(operation.last)
    return None


def _not_connected(last: Exchange | None) -> ConnectionFailed:
    detail, suggestion = _DETAILS.get(last.error if last else "", _REFUSED)
    return ConnectionFailed(detail, suggestion=suggestion)


def _cut_off(last: Exchange | None) -> ConnectionFailed:
    if last and last.error == "encoding":
        return ConnectionFailed(
            "It sent a compressed answer, which is not accepted.",
            suggestion="Ask the server's owner to answer uncompressed.",
        )
    return ConnectionFailed("The connection broke before a whole answer came.")


def _from_answer(
    error: MCPError, operation: Operation, *, calling: bool
) -> ServerFailure:
    message = error.error.message
    if _ran_out_of_time(error, operation):
        return TimedOut(after_s=operation.deadline_s)
    if message.startswith("Unsupported protocol version"):
        return InvalidMcpServer("It speaks a protocol version that is not supported.")
    if message.startswith("Redirect to"):
        return InvalidMcpServer("It redirects to another address.")
    if message == "Session terminated":
        return SessionGone()
    if calling and message.startswith(_BROKEN_OFF):
        return OutcomeUnknown()
    if message.startswith((*_BROKEN_OFF, *_NOT_MCP)):
        return InvalidMcpServer(_sdk_detail(message) or _unreadable(operation.last))
    said = clean(message, limit=300)
    return ServerError(f"It said: {said}" if said else "")


def _ran_out_of_time(error: MCPError, operation: Operation) -> bool:
    message = error.error.message
    if message.startswith(_BROKEN_OFF):
        ended = {exchange.error for exchange in operation.exchanges}
        return bool(ended & {"timeout", "deadline"})
    # -32001 is the SDK's own time limit, and many servers' "unauthorized".
    return error.error.code == REQUEST_TIMEOUT and "timed out" in message


def _sdk_detail(message: str) -> str:
    if message.startswith("Unexpected content type"):
        kind = clean(message.partition(":")[2].partition(";")[0], limit=60)
        return f"It answered with {kind.strip() or 'no content type'}."
    if message.startswith("Failed to parse"):
        return "Its answer is not JSON-RPC."
    if message == "Not Found":
        return "Nothing answers at this path."
    if message.startswith("SSE stream"):
        return "Its event stream ended without an answer."
    return ""


def _unreadable(last: Exchange | None) -> str:
    if last and last.status and last.status >= 400:
        return f"It answered with HTTP status {last.status}."
    return "Its answer does not follow the protocol."


def _too_deep(found: list[BaseException]) -> bool:
    return any(
        isinstance(leaf, MCPError) and "recursion limit" in leaf.error.message
        for leaf in found
    )
