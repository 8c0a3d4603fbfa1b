"""The way back from a sign-in: a code becomes tokens, a test, and a connector.

Nothing is saved of a new connector unless its connection works; tokens that lead
nowhere are taken back. A server that then wants more permissions sends the person
to sign in once more, at most ASK_AT_MOST times for one end.
Source: specification 2026-07-28, "Authorization Flow Steps" and "Step-Up
Authorization Flow".
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from asgiref.sync import sync_to_async

from connectors import (
    exchanges,
    flows,
    proof,
    sign_in_rows,
    tool_grants,
)
from connectors.auth import oauth
from connectors.auth.oauth import Discovery, Tokens
from connectors.errors import (
    ConnectorDisabled,
    ConnectorError,
    ConnectorNotFound,
    LimitReached,
    ResponseTooLarge,
    ServerFailure,
    SignInFailed,
    TooManyRequests,
)
from connectors.flows import Begun
from connectors.models import AuthType, UserMCPConnection
from connectors.sign_in_rows import Granted
from connectors.targets import Target
from connectors.validator import ValidationResult

# A server that asks for more and more would send the person around for ever.
ASK_AT_MOST = 3
# What a person is told of what stopped a sign-in after the provider had agreed.
_REASONS: tuple[tuple[type[ConnectorError], str], ...] = (
    (LimitReached, "limit_reached"),
    (TooManyRequests, "busy"),
    (ConnectorNotFound, "connector_gone"),
    (ConnectorDisabled, "connector_gone"),
    (ResponseTooLarge, "exchange_failed"),
    (ServerFailure, "unavailable"),
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A sign-in that led to a connector or a system tool, or on.

    That is to `authorization_url`, where the person has to go once more.
    """

    flow_id: int
    system_tool: str = ""
    connector: UserMCPConnection | None = None
    is_new: bool = False
    # Whether it was looked for by URL, and this account had it already.
    is_known: bool = False
    account_label: str = ""
    authorization_url: str = field(default="", repr=False)
    resume: dict[str, Any] | None = None

    @property
    def where(self) -> dict[str, Any]:
        """What it led to, by its name in logs and hooks; {} for nothing yet."""
        if self.system_tool:
            return {"system_tool": self.system_tool}
        return {"connector_id": self.connector.pk} if self.connector else {}


async def finish(
    *, user_id: int, session_key: str, params: Mapping[str, str]
) -> Finished:
    """Finish the sign-in that a callback's parameters belong to.

    Whose answer it is, is looked at before what it says, and that before the code is
    spent (RFC 9207 section 2.4).

    Raises:
        SignInFailed: `reason` is invalid_state, used, expired, issuer_mismatch,
            access_denied, unavailable, provider_error, no_code, exchange_failed,
            client_refused, test_failed, limit_reached, busy, connector_gone,
            connector_changed, nothing_granted, or failed for what is none of these.
    """
    work = asyncio.ensure_future(_claimed(user_id, session_key, params))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # Who left, or loads the page again, has spent the code: it counts all the same.
        await asyncio.wait([work])
        raise


async def _claimed(
    user_id: int, session_key: str, params: Mapping[str, str]
) -> Finished:
    """Claim the sign-in, finish it, and say what became of it."""
    begun: Begun | None = None
    try:
        begun = await sync_to_async(flows.claim)(
            user_id=user_id, session_key=session_key, state=params.get("state", "")
        )
        is_tool = bool(begun.flow.system_tool)
        finished = await (_finish_tool if is_tool else _finish)(begun, params)
    except ConnectorError as error:
        failure = _as_failure(error)
        if begun is not None:
            failure.flow_id = begun.flow.pk
            failure.system_tool = begun.flow.system_tool
            await sync_to_async(flows.end)(begun, failure=failure)
        flow_id = failure.flow_id
        log.info(
            "oauth.failed", user_id=user_id, flow_id=flow_id, error_code=failure.reason
        )
        raise failure from None
    if where := finished.where:
        log.info("oauth.finished", user_id=user_id, **where)
        await exchanges.tell(user_id=user_id, **where)
    return finished


async def _finish_tool(begun: Begun, params: Mapping[str, str]) -> Finished:
    code = oauth.check_callback(params, begun.pending.server)
    tokens, label = await exchanges.exchange(begun, code)
    try:
        await sync_to_async(tool_grants.keep)(begun, tokens, label=label)
    except Exception:
        await exchanges.take_back(begun, tokens)
        raise
    return Finished(
        flow_id=begun.flow.pk,
        system_tool=begun.flow.system_tool,
        account_label=label,
        resume=begun.flow.resume,
    )


async def _finish(begun: Begun, params: Mapping[str, str]) -> Finished:
    code = oauth.check_callback(params, begun.pending.server)
    tokens, label = await exchanges.exchange(begun, code)
    seen = None
    try:
        seen, target = await sync_to_async(_target)(begun, tokens, label)
        result = await proof.last(proof.dial(user_id=begun.flow.user_id, target=target))
        if more := _more(begun, result):
            return await _ask_again(begun, more)
        granted = Granted(
            pending=begun.pending,
            identity=begun.identity,
            tokens=tokens,
            label=label,
            target=target,
            result=result,
        )
        connector = await _save(begun, granted, seen)
    except Exception:
        await exchanges.take_back(begun, tokens)
        raise
    if not result.success:
        raise _test_failed(result)
    return Finished(
        flow_id=begun.flow.pk,
        connector=connector,
        is_new=seen is None,
        is_known=seen is not None and begun.flow.connector_id is None,
        account_label=label,
        resume=begun.flow.resume,
    )


def _target(
    begun: Begun, tokens: Tokens, label: str
) -> tuple[UserMCPConnection | None, Target]:
    """Return the connector that is signed in, None for a new one, and what it dials.

    A second sign-in of the same account at the same server is no second connector.

    Raises:
        ConnectorNotFound: it was deleted meanwhile.
        SignInFailed: it is another server now, which must not get this token.
    """
    flow = begun.flow
    wanted = flow.draft.open() if flow.draft else {}
    seen: UserMCPConnection | None
    if flow.connector_id is not None:
        seen = flows.connector(user_id=flow.user_id, connector_id=flow.connector_id)
    else:
        seen = sign_in_rows.same_account(
            user_id=flow.user_id,
            url=begun.server_url,
            issuer=flow.issuer,
            label=label,
        )
    if seen is not None:
        sign_in_rows.refuse_moved(seen, begun)
    return seen, Target(
        server_url=seen.server_url if seen else begun.server_url,
        auth_type=AuthType.OAUTH,
        auth_config=wanted.get("auth_config") or flows.client_settings(seen),
        access_token=tokens.access_token,
    )


def _more(begun: Begun, result: ValidationResult) -> str:
    """Return the permissions to ask for beside those that were; "" for no more."""
    wanted = oauth.union(begun.pending.scope, result.wanted_scope)
    if wanted == oauth.union(begun.pending.scope) or begun.asked >= ASK_AT_MOST:
        return ""
    return wanted


async def _ask_again(begun: Begun, scope: str) -> Finished:
    flow, before = begun.flow, begun.pending
    found = Discovery(server=before.server, resource=before.resource, scope=scope)
    pending = oauth.begin(
        discovery=found,
        client_id=begun.identity.client.client_id,
        redirect_uri=before.redirect_uri,
        scope=scope,
    )
    await sync_to_async(flows.ask_again)(begun, pending=pending)
    return Finished(flow_id=flow.pk, authorization_url=pending.url, resume=flow.resume)


async def _save(
    begun: Begun, granted: Granted, seen: UserMCPConnection | None
) -> UserMCPConnection:
    """Save the connector with its grant, if the test lets us.

    Raises:
        SignInFailed: the test failed, and nothing is saved: there is no connector
            yet, or it has another credential, which may still be good.
        LimitReached, ConnectorNotFound, ConnectorDisabled: there is no place for it.
    """
    result, user_id = granted.result, begun.flow.user_id
    if seen is not None and (result.success or seen.auth_type == AuthType.OAUTH):
        return await sync_to_async(sign_in_rows.renew)(
            begun, granted, connector_id=seen.pk
        )
    if not result.success:
        await proof.keep(user_id=user_id, target=granted.target, result=result)
        raise _test_failed(result)
    connector = await sync_to_async(sign_in_rows.add)(begun, granted)
    log.info("connector.added", user_id=user_id, connector_id=connector.pk)
    return connector


def _test_failed(result: ValidationResult) -> SignInFailed:
    failure = SignInFailed(
        f"You are signed in, but the connection does not work. {result.error_message}",
        reason="test_failed",
        suggestion=result.suggestion or "",
    )
    failure.test_code = result.error_code or ""
    return failure


def _as_failure(error: ConnectorError) -> SignInFailed:
    if isinstance(error, SignInFailed):
        return error
    kinds = (reason for kind, reason in _REASONS if isinstance(error, kind))
    return SignInFailed(error.message, reason=next(kinds, "failed"))
