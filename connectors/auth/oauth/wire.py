"""The HTTP of a sign-in: bounded, through egress, and with typed failures.

Nothing that a server sent is repeated in a failure but short codes of its own
protocol: a body can echo a code, a token or a secret.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from django.conf import settings

from connectors import pools, server_url
from connectors.egress import HttpClient, Operation
from connectors.errors import (
    ConnectionFailed,
    InvalidUrl,
    ResponseTooLarge,
    ServerError,
    ServerFailure,
    SignInFailed,
    TimedOut,
)
from connectors.text import clean

MAX_BYTES = 256 << 10
MAX_REDIRECTS = 3
# Servers of revisions between 2025-06-18 and 2026-07-28 look at it.
VERSION = {"MCP-Protocol-Version": "2025-11-25", "Accept": "application/json"}
_BUSY = frozenset({408, 425, 429})


@dataclass(frozen=True, kw_only=True)
class Leg:
    """One operation of a sign-in: its client, its budget and its record."""

    http: HttpClient
    operation: Operation


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer: its status, and the JSON object in it, None if there is none."""

    status: int
    body: dict[str, Any] | None
    content_type: str = ""

    @property
    def is_unavailable(self) -> bool:
        """Whether it says nothing but that the server does not work now."""
        return self.status in _BUSY or self.status >= 500

    @property
    def error(self) -> str:
        """The error code of OAuth that it carries (RFC 6749 section 5.2)."""
        return clean((self.body or {}).get("error", ""), limit=60)


@asynccontextmanager
async def leg(*, deadline_s: float | None = None) -> AsyncIterator[Leg]:
    """Open the client of one operation, which ends after TEST_TIMEOUT_S seconds.

    Raises:
        ServerFailure: what its requests failed with, and nothing of httpx2.
    """
    operation = Operation(
        max_bytes=MAX_BYTES, deadline_s=deadline_s or settings.TEST_TIMEOUT_S
    )
    try:
        async with asyncio.timeout(operation.deadline_s), pools.http(operation) as http:
            yield Leg(http=http, operation=operation)
    except (httpx2.TransportError, TimeoutError, OSError) as problem:
        raise _failure(problem, operation) from None


async def get(leg: Leg, url: str, *, headers: Mapping[str, str] = VERSION) -> Answer:
    """Fetch a document; at most 3 redirects, within its origin.

    Raises:
        ServerFailure: it could not be fetched.
    """
    for _ in range(MAX_REDIRECTS + 1):
        response = await _send(leg, "GET", url, headers=dict(headers))
        target = response.next_request
        if target is None:
            return _read(response)
        if not _is_within(url, str(target.url)):
            return Answer(status=response.status_code, body=None)
        url = str(target.url)
    raise ServerError("Its sign-in service redirects again and again.")


async def post(
    leg: Leg,
    url: str,
    *,
    data: Mapping[str, str] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Post a form or JSON; redirects are not followed: a secret is in it.

    Raises:
        ServerFailure: no answer came.
    """
    sent: dict[str, Any] = {"json": json} if data is None else {"data": dict(data)}
    every = {"Accept": "application/json", **(headers or {})}
    return _read(await _send(leg, "POST", url, headers=every, **sent))


async def _send(leg: Leg, method: str, url: str, **request: Any) -> httpx2.Response:
    try:
        return await leg.http.request(method, url, **request)
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError, ValueError):
        raise SignInFailed(
            "Its sign-in service names an address that is none.",
            reason="provider_error",
        ) from None
    except (httpx2.TransportError, OSError) as problem:
        raise _failure(problem, leg.operation) from None


def _read(response: httpx2.Response) -> Answer:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = None
    kind = response.headers.get("content-type", "").partition(";")[0]
    return Answer(
        status=response.status_code,
        body=body if isinstance(body, dict) else None,
        content_type=clean(kind, limit=60),
    )


def _is_within(url: str, target: str) -> bool:
    try:
        return server_url.origin(url) == server_url.origin(target)
    except InvalidUrl:
        return False


def _failure(problem: BaseException, operation: Operation) -> ServerFailure:
    if operation.too_large or operation.budget_spent:
        return ResponseTooLarge("It was its sign-in service.")
    if operation.blocked:
        return ConnectionFailed(
            "This installation does not allow the address of its sign-in service.",
            suggestion="Ask the operator of this installation to allow it.",
        )
    if isinstance(problem, httpx2.TimeoutException | TimeoutError):
        return TimedOut("It was its sign-in service.", after_s=operation.deadline_s)
    return ConnectionFailed(
        "Its sign-in service could not be reached.",
        suggestion="Try again; if that does not help, ask the server's owner.",
    )
