"""What is stored of a grant: its tokens, their times, and who renews them now.

Each function is one short transaction: none of them is open while the network is
asked. A grant is renewed by whoever has its lease; the result is stored only if the
version and the lease are still the ones that were taken.
Whoever locks both locks the connector before its grant.
"""

import random
import secrets
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from connectors import client_identity, health
from connectors.auth import oauth
from connectors.auth.oauth import Client, Pending, Tokens
from connectors.errors import AuthFailed, SecretUnreadable
from connectors.fields import Sealed
from connectors.models import (
    AuthType,
    GrantState,
    OAuthClient,
    OAuthGrant,
    Status,
    UserMCPConnection,
)

log = structlog.get_logger(__name__)

# In which there are tokens that can be used.
ALIVE = (GrantState.ACTIVE, GrantState.REFRESHING)
# The worker leaves a sign-in service alone that could not renew a grant.
RETRY_S = 60.0
SCOPE_CHARS = 2000
JITTER = 0.1
# How the owner of a lease begins who tries what a process that died had tried.
AGAIN = "again-"

_LEASE = ("state", "lease_owner", "lease_until", "refresh_started_at")
_LEASE_FIELDS = {*_LEASE, "updated_at"}
_TOKEN_FIELDS = {
    *_LEASE_FIELDS,
    "tokens",
    "scope",
    "expires_at",
    "refresh_at",
    "has_refresh",
    "version",
    "fresh_rejected",
}


def store(
    *,
    user_id: int,
    connector_id: int | None = None,
    system_tool: str = "",
    pending: Pending,
    client: OAuthClient | Client,
    tokens: Tokens,
    label: str,
) -> OAuthGrant:
    """Store what a person just granted for one of the two, in place of what was there.

    Call it in the transaction that stores the connector. Whoever renews the grant
    before it then finds another version, and throws away what they got.
    """
    target = {"connector_id": connector_id, "system_tool": system_tool}
    grants = OAuthGrant.objects.select_for_update()
    row = grants.filter(user=user_id, **target).first()
    row = row or OAuthGrant(user_id=user_id, version=0, **target)
    row.issuer, row.client = pending.server.issuer, None
    if isinstance(client, OAuthClient):
        row.client, client = client, client_identity.client_of(client)
    row.resource, row.account_label = pending.resource, label
    row.wanted_scope = ""
    place = {"server": pending.server.stored(), "client": asdict(client)}
    _fill(row, tokens, place=place, issued_at=timezone.now())
    row.save()
    return row


def opened(sealed: Sealed | None) -> dict[str, Any]:
    """Return what is sealed in a row that always has something.

    Raises:
        SecretUnreadable: it cannot be opened.
    """
    if sealed is None:
        raise SecretUnreadable
    return sealed.open()


def client_of(row: OAuthGrant) -> Client | None:
    """Return the client that the tokens were given to; no other one can renew them.

    Its row may be another client by now, registered anew for those who came later. If
    it is the same one, the row has its newest secret. A system tool has no such row:
    its client is the installation's.

    Raises:
        SecretUnreadable: it cannot be opened.
    """
    given = Client(**opened(row.tokens)["client"])
    if row.client is None:
        return client_identity.newest(given) if row.system_tool else None
    current = client_identity.client_of(row.client)
    return current if current.client_id == given.client_id else given


def is_held(row: OAuthGrant) -> bool:
    """Tell whether somebody renews the grant now.

    A lease that ends later than any can was taken by a clock that was wrong.
    """
    if not row.lease_owner or row.lease_until is None:
        return False
    longest = timedelta(seconds=settings.REFRESH_LEASE_S + settings.CLOCK_SKEW_S)
    now = timezone.now()
    return now < row.lease_until <= now + longest


def has_ended(row: OAuthGrant) -> bool:
    """Tell whether the access token is not to be sent any more.

    That is CLOCK_SKEW_S before its end, or a fifth of its life if that is less: the
    clock there may be ahead of ours, and the request takes its time.

    Raises:
        SecretUnreadable: the tokens cannot be opened.
    """
    if row.expires_at is None:
        return False
    early_s = 0.0
    if row.has_refresh:
        lifetime_s = opened(row.tokens)["lifetime_s"] or 0
        early_s = min(settings.CLOCK_SKEW_S, lifetime_s / 5)
    return timezone.now() >= row.expires_at - timedelta(seconds=early_s)


def take(*, grant_id: int, version: int) -> OAuthGrant | None:
    """Take the lease of a grant, and return it with its client; None if it is held.

    `refresh_started_at` is stored before anything leaves: if the process dies, the
    next knows that the refresh token may be spent, and tries it once.
    """
    with transaction.atomic():
        rows = OAuthGrant.objects.select_related("client")
        rows = rows.select_for_update(of=("self",))
        row = rows.filter(pk=grant_id, version=version, state__in=ALIVE).first()
        if row is None or is_held(row):
            return None
        died = row.refresh_started_at is not None
        if died and row.lease_owner.startswith(AGAIN):
            row.state = GrantState.SIGN_IN_AGAIN
            return row
        now = timezone.now()
        row.state = GrantState.REFRESHING
        row.lease_owner = f"{AGAIN if died else ''}{secrets.token_hex(16)}"
        row.lease_until = now + timedelta(seconds=settings.REFRESH_LEASE_S)
        row.refresh_started_at = now
        row.save(update_fields=_LEASE_FIELDS)
    return row


def keep(
    taken: OAuthGrant, tokens: Tokens, *, issued_at: datetime
) -> OAuthGrant | None:
    """Store renewed tokens and give the lease back; None if it is no longer ours."""
    with transaction.atomic():
        row = _still(taken).select_for_update().first()
        if row is None:
            return None
        _fill(row, tokens, place=opened(row.tokens), issued_at=issued_at)
        row.save(update_fields=_TOKEN_FIELDS)
    return row


def give_back(taken: OAuthGrant) -> None:
    """Give the lease back: the grant is as it was, and is tried again later."""
    _still(taken).update(
        state=GrantState.ACTIVE,
        lease_owner="",
        lease_until=None,
        refresh_started_at=None,
        refresh_at=timezone.now() + timedelta(seconds=RETRY_S),
    )


def end(seen: OAuthGrant, *, fresh_rejected: bool = False) -> bool:
    """Say that only the person can go on, on the grant and on its connector.

    Nothing happens if there are other tokens than those that were `seen`, or if
    somebody else is about to renew them.
    """
    with transaction.atomic():
        connector = _lock_connector(seen.connector_id)
        row = _still(seen).select_for_update().filter(state__in=ALIVE).first()
        if row is None:
            return False
        _release(row)
        row.state, row.refresh_at = GrantState.SIGN_IN_AGAIN, None
        row.fresh_rejected = fresh_rejected
        row.save(update_fields={*_LEASE_FIELDS, "refresh_at", "fresh_rejected"})
        before = connector.status if connector else ""
        if connector:
            health.failed(connector, error_code=AuthFailed.code)
            connector.save(update_fields=health.HEALTH_FIELDS)
    log.info("oauth.sign_in_again", **ids_of(seen), fresh_rejected=fresh_rejected)
    if connector:
        health.announce(connector, before=before)
    return True


def ids_of(row: OAuthGrant) -> dict[str, Any]:
    """Return what log events name of a grant."""
    ids = {"user_id": row.user_id, "connector_id": row.connector_id}
    return ids if row.connector_id else {**ids, "system_tool": row.system_tool}


def want_more(*, grant_id: int, scope: str) -> None:
    """Note that a refusal asked for `scope` beside what was granted."""
    with transaction.atomic():
        row = OAuthGrant.objects.select_for_update().filter(pk=grant_id).first()
        if row is None:
            return
        wanted = oauth.union(row.wanted_scope, scope)
        # Whoever asks for more than that asks for nonsense.
        if len(wanted) <= SCOPE_CHARS:
            row.wanted_scope = wanted
            row.save(update_fields={"wanted_scope", "updated_at"})


def due(*, limit: int) -> list[tuple[int, int]]:
    """Return id and version of the grants to be renewed now, or to be ended.

    Also those whose renewing ended with its process: nothing stays on its way.
    """
    now = timezone.now()
    died = Q(state=GrantState.REFRESHING, lease_until__lte=now)
    over = Q(has_refresh=False, expires_at__lte=now)
    ready = Q(refresh_at__lte=now) & (Q(lease_until=None) | Q(lease_until__lte=now))
    wanted = over | Q(has_refresh=True) & (ready | died)
    rows = OAuthGrant.objects.filter(wanted, state__in=ALIVE)
    found = rows.order_by("refresh_at", "pk").values_list("pk", "version")
    return list(found[:limit])


def _fill(
    row: OAuthGrant, tokens: Tokens, *, place: dict[str, Any], issued_at: datetime
) -> None:
    """Set tokens on `row`; `place` has the server and the client that they are of."""
    row.tokens = {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "lifetime_s": tokens.lifetime_s,
        "server": place["server"],
        "client": place["client"],
    }
    row.scope, row.has_refresh = tokens.scope, bool(tokens.refresh_token)
    row.expires_at = row.refresh_at = None
    if tokens.lifetime_s:
        row.expires_at = issued_at + timedelta(seconds=tokens.lifetime_s)
    if tokens.lifetime_s and row.has_refresh:
        # Many grants of one hour would else be renewed in one moment of it.
        share = settings.REFRESH_AT_FRACTION * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        row.refresh_at = issued_at + timedelta(seconds=tokens.lifetime_s * share)
    _release(row)
    row.state, row.fresh_rejected = GrantState.ACTIVE, False
    row.version += 1


def _release(row: OAuthGrant) -> None:
    row.lease_owner, row.lease_until, row.refresh_started_at = "", None, None


def _still(seen: OAuthGrant) -> QuerySet[OAuthGrant]:
    return OAuthGrant.objects.filter(
        pk=seen.pk, version=seen.version, lease_owner=seen.lease_owner
    )


def _lock_connector(connector_id: int | None) -> UserMCPConnection | None:
    """Lock the connector, if a sign-in still says something about it."""
    if connector_id is None:
        return None
    rows = UserMCPConnection.objects.select_for_update()
    found = rows.filter(pk=connector_id, auth_type=AuthType.OAUTH)
    return found.exclude(status=Status.REMOVED_BY_ADMIN).first()
