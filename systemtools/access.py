"""Requests to a provider's API, in the name of who signed in there.

A token that is refused is renewed once, and the request sent once more: the provider
did nothing with it. What may have been done is never sent again.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import structlog
from asgiref.sync import sync_to_async
from django.conf import settings

from connectors import auth, grants, masking, pools, tool_grants
from connectors.egress import HttpClient, Operation
from connectors.errors import (
    ConnectionFailed,
    GrantWithdrawn,
    OutcomeUnknown,
    ResponseTooLarge,
    ServerError,
    ServerFailure,
    SignInRequired,
    TimedOut,
)
from connectors.grants import Bearer
from connectors.text import clean
from systemtools.base import Context, ToolError

# Of the time for a call, so that what went wrong is told by who knows it.
SHARE_OF_TIME: Final = 0.95
MESSAGE_CHARS: Final = 300
_BUSY: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})

log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class Access:
    """The requests of one call; `name` is the provider's, for people."""

    name: str
    context: Context
    http: HttpClient = field(repr=False)
    operation: Operation
    bearer: Bearer = field(repr=False)

    async def get(self, url: str, **params: Any) -> dict[str, Any]:
        """Read something.

        Raises:
            ToolError: the provider says no.
            SignInRequired: only the person can go on.
            ServerFailure: it could not be read.
        """
        return await self._ask("GET", url, params=params)

    async def post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        """Do something, at most once.

        Raises:
            OutcomeUnknown: it may have been done.
            ToolError, SignInRequired, ServerFailure: as `get`; it was not done.
        """
        return await self._ask("POST", url, json=body)

    async def _ask(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        used = self.bearer
        response = await self._send(method, url, **request)
        if response.status_code == httpx2.codes.UNAUTHORIZED:
            await self._renew(used)
            response = await self._send(method, url, **request)
        return await self._read(response, reads_only=method == "GET")

    async def _send(self, method: str, url: str, **request: Any) -> httpx2.Response:
        """Send once; once more if not a byte of it left and there is time."""
        delay_s = settings.RETRY_DELAY_S
        try:
            return await self._attempt(method, url, **request)
        except ConnectionFailed:
            if self.operation.blocked or self.operation.left_s <= delay_s:
                raise
        ids = {"user_id": self.context.user_id, "tool_id": self.context.tool_id}
        log.info("tool.call.retried", **ids)
        await self.context.progress(0, None, f"trying once more in {delay_s:g} s")
        await asyncio.sleep(delay_s)
        return await self._attempt(method, url, **request)

    async def _attempt(self, method: str, url: str, **request: Any) -> httpx2.Response:
        headers = auth.oauth.headers(self.bearer.access_token)
        begun = len(self.operation.exchanges)
        try:
            return await self.http.request(method, url, headers=headers, **request)
        except (httpx2.TransportError, TimeoutError, OSError) as problem:
            mine = self.operation.exchanges[begun:]
            sent = any(one.sent for one in mine)
            raise self._failure(problem, sent, reads_only=method == "GET") from None

    def _failure(
        self, problem: BaseException, sent: bool, *, reads_only: bool
    ) -> ServerFailure:
        if sent and not reads_only:
            return OutcomeUnknown(f"{self.name} did not answer.")
        if self.operation.too_large or self.operation.budget_spent:
            return ResponseTooLarge(suggestion="Ask for less at once.")
        if self.operation.blocked:
            return ConnectionFailed(
                f"This installation does not allow the address of {self.name}."
            )
        if isinstance(problem, httpx2.TimeoutException | TimeoutError):
            return TimedOut(after_s=self.operation.deadline_s)
        if sent:
            return ServerError(f"{self.name} broke off its answer.")
        return ConnectionFailed(f"{self.name} could not be reached.")

    async def _renew(self, used: Bearer) -> None:
        """Get a newer token than `used`; one that is new already ends the sign-in."""
        if self.bearer != used:
            # Another request of this call was first.
            return
        try:
            if used.is_fresh:
                await grants.refused(used)
                raise GrantWithdrawn
            self.bearer = await grants.renewed(used)
        except GrantWithdrawn:
            raise sign_in_again(self.name, self.context) from None
        finally:
            await pools.release_db()

    async def _read(
        self, response: httpx2.Response, *, reads_only: bool
    ) -> dict[str, Any]:
        status, body = response.status_code, _json(response)
        if 200 <= status < 300 and body is not None:
            return body
        if status == httpx2.codes.UNAUTHORIZED:
            await grants.refused(self.bearer)
            raise sign_in_again(self.name, self.context)
        message, reason = _said(body)
        if status == httpx2.codes.TOO_MANY_REQUESTS or reason in _BUSY:
            raise ToolError(
                f"{self.name} takes no more requests at the moment. Nothing was done; "
                "try again in a minute."
            )
        if reason == "insufficientPermissions":
            raise SignInRequired(
                f"{self.name} was not allowed this. Sign in again, and leave the "
                "permission ticked.",
                system_tool=self.context.tool_id,
            )
        if 400 <= status < 500:
            told = masking.hide(message, {self.bearer.access_token})
            raise ToolError(f"{self.name} refused it. {told}".strip())
        if reads_only:
            raise ServerError(f"{self.name} has HTTP status {status}.")
        # It may have done it before it failed.
        raise OutcomeUnknown(f"{self.name} has HTTP status {status}.")


@asynccontextmanager
async def opened(context: Context, *, name: str) -> AsyncIterator[Access]:
    """Open the requests of one call, with a token that is good now.

    Raises:
        SignInRequired: the person is not signed in, or not any more.
        SecretUnreadable, ServerFailure: there is no token to be had now.
    """
    grant = await sync_to_async(tool_grants.of)(
        user_id=context.user_id, system_tool=context.tool_id
    )
    if grant is None:
        raise sign_in_again(name, context)
    try:
        bearer = await grants.bearer(grant.pk)
    except GrantWithdrawn:
        raise sign_in_again(name, context) from None
    operation = Operation(
        max_bytes=settings.MAX_RESULT_BYTES,
        deadline_s=settings.CALL_TIMEOUT_S * SHARE_OF_TIME,
    )
    await pools.release_db()
    async with pools.http(operation) as http:
        yield Access(
            name=name, context=context, http=http, operation=operation, bearer=bearer
        )


def sign_in_again(name: str, context: Context) -> SignInRequired:
    return SignInRequired(
        f"Sign in to {name} again to use its tools.", system_tool=context.tool_id
    )


def _json(response: httpx2.Response) -> dict[str, Any] | None:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _said(body: dict[str, Any] | None) -> tuple[str, str]:
    """Return the message and the reason of an error of Google's APIs."""
    error = (body or {}).get("error")
    if not isinstance(error, dict):
        return "", ""
    errors = error.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    reason = first.get("reason", "") if isinstance(first, dict) else ""
    message = clean(error.get("message", ""), limit=MESSAGE_CHARS)
    return message, clean(reason, limit=60)
