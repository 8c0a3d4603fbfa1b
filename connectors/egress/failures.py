"""Why egress gave up, as exceptions that httpcore2 and httpx2 understand.

The SDK turns most causes into one generic error, so each is also written down as
a short code on the exchange, and as flags on the operation.
"""

import asyncio
import ssl

import h11
import httpcore2
import httpx2

HEADER_TOO_LARGE = 431  # h11's hint that it gave up on an endless header


class EgressBlocked(httpcore2.ConnectError):
    """The policy refuses. Never says which address: a scanner would be told."""

    def __init__(self) -> None:
        super().__init__("This address is not allowed.")


class NameNotFound(httpcore2.ConnectError):
    """A name has no address, or the lookup failed or took too long."""

    def __init__(self) -> None:
        super().__init__("The name of the server could not be resolved.")


class RequestRefused(httpx2.ConnectError):
    """A request that must not leave: scheme, userinfo or somebody else's origin."""


class BudgetSpent(httpx2.TransportError):
    """The operation made as many requests as it may."""


class BodyTooLarge(httpx2.ReadError):
    """The server sent more than the operation takes."""


class CompressedReply(httpx2.RemoteProtocolError):
    """The server packed what it was asked not to: caps would count too little."""


CODES: tuple[tuple[type[BaseException], str], ...] = (
    (asyncio.CancelledError, "cancelled"),
    (EgressBlocked, "blocked"),
    (RequestRefused, "blocked"),
    (NameNotFound, "name"),
    (ssl.SSLError, "tls"),
    (BodyTooLarge, "too_large"),
    (CompressedReply, "encoding"),
    (httpx2.ConnectTimeout, "connect_timeout"),
    (httpx2.PoolTimeout, "connect_timeout"),
    (httpx2.ConnectError, "connect"),
    (httpx2.TimeoutException, "timeout"),
    (httpx2.ProtocolError, "protocol"),
)


def error_code(problem: BaseException) -> str:
    """Give the code of an exchange's `error`, from what is behind `problem` too."""
    if isinstance(problem, TimeoutError):
        return "deadline"
    chain = [problem]
    # httpcore2 re-raises `from None`, which leaves the cause to its first argument.
    while nested := _behind(chain[-1]):
        chain.append(nested)
    if any(getattr(e, "error_status_hint", 0) == HEADER_TOO_LARGE for e in chain):
        return "too_large"
    for kind, code in CODES:
        if any(isinstance(e, kind) for e in chain):
            return code
    return "network"


def _behind(problem: BaseException) -> BaseException | None:
    if isinstance(problem, h11.ProtocolError | ssl.SSLError | TimeoutError):
        return None
    first = problem.args[0] if problem.args else None
    return first if isinstance(first, BaseException) else problem.__cause__
