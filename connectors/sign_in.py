"""Signing in to connectors by OAuth: what a person can do, from the first look on.

A sign-in is two requests with the person's way to the provider between them; any
process finishes what another one began. `callbacks` has the second.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction

from connectors import (
    admission,
    client_identity,
    flows,
    health,
    offers,
    pools,
    revocations,
    saving,
    server_url,
    targets,
    text,
)
from connectors.auth import oauth
from connectors.auth.oauth import Client, Discovery
from connectors.callbacks import Finished, finish
from connectors.egress import Operation
from connectors.models import NAME_CHARS, AuthType, OAuthClient, OAuthFlow, Status
from connectors.revocations import Forgotten, Receipt
from connectors.sign_in_status import (
    Draft,
    Failed,
    GrantStatus,
    draft_of,
    failed_flow,
    status,
)

__all__ = [
    "Draft",
    "Failed",
    "Finished",
    "GrantStatus",
    "Offer",
    "Receipt",
    "Started",
    "disconnect",
    "draft_of",
    "failed_flow",
    "finish",
    "look",
    "prepare",
    "start",
    "status",
]

DESCRIPTION_CHARS = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Who signs people in to a server, for a page that asks for permission.

    `needs_client`: nobody can sign in before somebody registers a client there with
    `redirect_uri`. `has_refresh_hint`: it offers to stay signed in.
    """

    issuer: str
    host: str
    scopes: tuple[str, ...]
    redirect_uri: str
    needs_client: bool
    has_refresh_hint: bool


@dataclass(frozen=True, kw_only=True)
class Started:
    """Where the person is sent, and the state that comes back with them."""

    flow_id: int
    authorization_url: str = field(repr=False)
    state: str = field(repr=False)


async def look(
    *, user_id: int, url: str, auth_config: dict[str, Any] | None = None
) -> Offer:
    """Look, without a credential, who signs people in to the server at `url`.

    Raises:
        SignInNotOffered: nobody.
        ServerFailure: it cannot be told now, or not be used.
        TooManyRequests: too many tests a minute, or too much at once.
    """
    found = await _discover(user_id, url)
    scope = _scope(found, auth_config, more="")
    known = await client_identity.is_known(
        server=found.server, entered=oauth.client_of(auth_config), url=url
    )
    return Offer(
        issuer=found.issuer,
        host=server_url.host(found.issuer),
        scopes=tuple(scope.split()),
        redirect_uri=client_identity.redirect_uri(),
        needs_client=not known,
        has_refresh_hint="offline_access" in scope.split(),
    )


async def prepare(
    *,
    user_id: int,
    server_url: str,
    name: str = "",
    suggested_name: str = "",
    description: str = "",
    auth_config: dict[str, Any] | None = None,
) -> OAuthFlow:
    """Store what is to become a connector when the person has signed in.

    A name that is only suggested may be taken: then the account stands behind it.

    Raises:
        InvalidInput: a field has the wrong shape.
        LimitReached, DuplicateName: there would be no place for it.
    """
    target = targets.checked(
        url=server_url, auth_type=AuthType.OAUTH, auth_config=auth_config
    )
    name = text.clean(name, limit=NAME_CHARS)
    await sync_to_async(saving.check_room)(
        user_id=user_id,
        url=target.server_url,
        name=name or None,
        allow_duplicate=True,
    )
    kept = {
        "server_url": target.server_url,
        "name": name,
        "suggested_name": text.clean(suggested_name, limit=NAME_CHARS),
        "description": text.clean(description, limit=DESCRIPTION_CHARS, multiline=True),
        "auth_config": target.auth_config,
    }
    return await sync_to_async(flows.draft)(user_id=user_id, kept=kept)


async def start(
    *,
    user_id: int,
    session_key: str,
    connector_id: int | None = None,
    draft_id: int | None = None,
    resume: dict[str, Any] | None = None,
) -> Started:
    """Begin a sign-in to a connector, or to what was prepared; dials the server.

    What was begun before for the same is void. `session_key` is "" for a caller
    with an API token: then the person alone must come back.

    Raises:
        ConnectorNotFound, ConnectorDisabled: gone, or removed by an administrator.
        SignInNotOffered, ClientNeeded, SignInFailed: it cannot begin.
        ServerFailure: a server did not answer.
        TooManyRequests: as `look`.
    """
    wanted = await sync_to_async(flows.wanted)(
        user_id=user_id, connector_id=connector_id, draft_id=draft_id
    )
    found = await _discover(user_id, wanted.server_url)
    more = wanted.scope if found.issuer == wanted.issuer else ""
    scope = _scope(found, wanted.auth_config, more=more)
    entered = await sync_to_async(_entered)(wanted, found.issuer)
    async with oauth.leg() as leg:
        identity = await client_identity.find(
            leg,
            server=found.server,
            entered=entered,
            scope=scope,
            url=wanted.server_url,
        )
    pending = oauth.begin(
        discovery=found,
        client_id=identity.client.client_id,
        redirect_uri=client_identity.redirect_uri(),
        scope=scope,
        prompt=_prompt(found, wanted),
    )
    flow = await sync_to_async(flows.begin)(
        wanted,
        session_key=session_key,
        pending=pending,
        identity=identity,
        resume=resume,
    )
    log.info("oauth.started", user_id=user_id, connector_id=flow.connector_id)
    return Started(flow_id=flow.pk, authorization_url=pending.url, state=pending.state)


async def disconnect(*, user_id: int, connector_id: int) -> Receipt:
    """End a connector's sign-in here, and take it back at the provider.

    The connector stays and can be signed in to again.

    Raises:
        ConnectorNotFound: there is none, or it is somebody else's.
    """
    forgotten = await sync_to_async(_forget)(user_id, connector_id)
    if forgotten is None:
        message = "This connector was not signed in, so there was nothing to end."
        return Receipt(issuer="", revoked=False, message=message)
    receipt = await revocations.take_back(forgotten)
    done = "Disconnected." if receipt.revoked else "Disconnected here."
    return replace(receipt, message=f"{done} {receipt.message}")


async def _discover(user_id: int, url: str) -> Discovery:
    """Knock at a server, and find who signs people in to it."""
    await pools.release_db()
    await admission.count_test(user_id=user_id)
    async with admission.admit(user_id=user_id, origin=server_url.origin(url)):
        operation = Operation(
            max_bytes=settings.MAX_LISTING_BYTES, deadline_s=settings.TEST_TIMEOUT_S
        )
        refusal = await offers.knock(url=url, operation=operation)
        async with oauth.leg() as leg:
            return await oauth.discover(leg, url=url, challenge=refusal)


def _entered(wanted: flows.Wanted, issuer: str) -> Client | None:
    """Return the client that the person entered, if it may be named at `issuer`.

    One that was used at a service is not told to another one that its server names by
    now; the person can enter it anew.
    Source: specification 2026-07-28, "Authorization Server Binding".
    """
    client = oauth.client_of(wanted.auth_config)
    if client is None or wanted.flow.draft:
        return client
    used = OAuthClient.objects.filter(
        connector=wanted.flow.connector_id, client_id=client.client_id
    )
    issuers = set(used.values_list("issuer", flat=True))
    return client if not issuers or issuer in issuers else None


def _prompt(found: Discovery, wanted: flows.Wanted) -> str:
    """Return what to have the person asked: which account, for a second one.

    A provider would else take the account that is signed in there without a word.
    Source: OpenID Connect Core section 3.1.2.1, for those that speak it.
    """
    speaks = "openid" in (found.server.scopes or ())
    return "select_account" if speaks and wanted.is_second else ""


def _scope(found: Discovery, config: dict[str, Any] | None, *, more: str) -> str:
    """Return what to ask for: the person's own choice, or what the server wants."""
    chosen = (config or {}).get("scope", "")
    if chosen:
        offered = found.server.scopes
        chosen = oauth.requested_scope(
            challenged=chosen, published=None, offered=offered
        )
    return oauth.union(chosen or found.scope, more)


@transaction.atomic
def _forget(user_id: int, connector_id: int) -> Forgotten | None:
    """Delete the grant, and what was proved with it; None if nobody is signed in."""
    row = saving.locked(user_id=user_id, connector_id=connector_id)
    forgotten = revocations.forget_of(row.pk)
    if forgotten is None:
        return None
    if row.status != Status.REMOVED_BY_ADMIN:
        before = row.status
        row.status, row.is_verified = Status.SIGN_IN, False
        # Nothing that was proved is left: the next sign-in is a first one.
        row.last_error_code, row.last_verified_at = "", None
        row.save(update_fields=health.HEALTH_FIELDS)
        transaction.on_commit(lambda: health.announce(row, before=before))
    return forgotten
