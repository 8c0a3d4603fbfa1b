"""Tokens that are taken back at their authorization server.

What is forgotten here is written down in the same transaction, asked for at once, and
again by the worker until it succeeds or a day has passed.
Source: RFC 7009.
"""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from connectors import pools, server_url
from connectors.auth import oauth
from connectors.auth.oauth import AuthorizationServer, Client, Tokens
from connectors.errors import ConnectorError, InvalidUrl, SecretUnreadable
from connectors.grant_rows import client_of, opened
from connectors.models import OAuthGrant, OAuthRevocation

log = structlog.get_logger(__name__)

# A person waits for the first attempt.
DEADLINE_S = 5.0
FIRST_RETRY_S = 60
# After that a token has mostly ended by itself.
KEPT_FOR = timedelta(hours=24)
_KINDS = ("refresh_token", "access_token")


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """A grant that is gone here; `revocation_id` is None if that is all there is."""

    issuer: str
    revocation_id: int | None


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of a sign-in that was ended, at the service that it was made at."""

    issuer: str
    revoked: bool
    message: str


def forget_of(connector_id: int) -> Forgotten | None:
    """Forget the grant of a connector, as `forget`; None if nobody is signed in."""
    return _forget_first(OAuthGrant.objects.filter(connector_id=connector_id))


@transaction.atomic
def forget_tool(*, user_id: int, system_tool: str) -> Forgotten | None:
    """Forget what a person granted for a system tool, as `forget_of`."""
    grants = OAuthGrant.objects.filter(user=user_id, system_tool=system_tool)
    return _forget_first(grants)


def _forget_first(grants: QuerySet[OAuthGrant]) -> Forgotten | None:
    grant = grants.first()
    if grant is None:
        return None
    row = forget(grant)
    return Forgotten(issuer=grant.issuer, revocation_id=row.pk if row else None)


def forget(grant: OAuthGrant) -> OAuthRevocation | None:
    """Delete a grant; return what is to be taken back, None if that is not offered.

    Call it in a transaction, and `carry_out` after it. The tokens are the newest: who
    renews them at this moment finds no grant any more, and forgets them as well.
    """
    rows = OAuthGrant.objects.select_related("client")
    row = rows.select_for_update(of=("self",)).filter(pk=grant.pk).first()
    if row is None:
        return None
    found = _written(_held(row), user_id=row.user_id, issuer=row.issuer)
    row.delete()
    return found


@transaction.atomic
def forget_unkept(
    *, user_id: int, server: AuthorizationServer, client: Client, tokens: Tokens
) -> OAuthRevocation | None:
    """Write down tokens that came and are not stored; as `forget`."""
    # Who deleted their account meanwhile has nothing here any more.
    if not User.objects.filter(pk=user_id).exists():
        return None
    held = {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "server": server.stored(),
        "client": asdict(client),
    }
    return _written(held, user_id=user_id, issuer=server.issuer)


async def take_back(forgotten: Forgotten) -> Receipt:
    """Take back at once what was forgotten; say what became of it."""
    host = _host(forgotten.issuer)
    if forgotten.revocation_id is None:
        message = (
            f"{host} does not offer to end permissions from outside: end it in your "
            "account there."
        )
        return Receipt(issuer=forgotten.issuer, revoked=False, message=message)
    revoked = await carry_out(forgotten.revocation_id)
    message = f"{host} confirmed that the permission has ended."
    if not revoked:
        message = f"{host} did not confirm it yet; it is asked again for a day."
    return Receipt(issuer=forgotten.issuer, revoked=revoked, message=message)


async def carry_out(revocation_id: int) -> bool:
    """Take the tokens of a revocation back; tell whether that is done.

    A failure is written down: the worker tries again.
    """
    row = await OAuthRevocation.objects.filter(pk=revocation_id).afirst()
    if row is None:
        return True
    ids = {"user_id": row.user_id, "revocation_id": row.pk}
    try:
        await _revoke(row)
    except ConnectorError as failure:
        await sync_to_async(_postpone)(row)
        log.warning("oauth.failed", **ids, error_code=failure.code)
        return False
    await OAuthRevocation.objects.filter(pk=row.pk).adelete()
    log.info("oauth.revoked", **ids)
    return True


def due(*, limit: int) -> list[int]:
    """Return the revocations that are to be tried now; those of yesterday go."""
    now = timezone.now()
    OAuthRevocation.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    rows = OAuthRevocation.objects.filter(due_at__lte=now).order_by("due_at")
    return list(rows.values_list("pk", flat=True)[:limit])


async def _revoke(row: OAuthRevocation) -> None:
    """Take back the refresh token, then the access token.

    Raises:
        SecretUnreadable, ServerFailure: it is not known to be done.
    """
    held = opened(row.tokens)
    await pools.release_db()
    async with oauth.leg(deadline_s=DEADLINE_S) as leg:
        for kind in _KINDS:
            if token := held[kind]:
                await oauth.revoke(
                    leg,
                    server=AuthorizationServer.of(held["server"]),
                    client=Client(**held["client"]),
                    token=token,
                    hint=kind,
                )


def _held(row: OAuthGrant) -> dict[str, Any]:
    """Return what is needed to take tokens back; {} if it cannot be read."""
    try:
        held, client = opened(row.tokens), client_of(row)
    except SecretUnreadable:
        return {}
    if client is None:
        return {}
    return {
        "access_token": held["access_token"],
        "refresh_token": held["refresh_token"],
        "server": held["server"],
        "client": asdict(client),
    }


def _written(
    held: dict[str, Any], *, user_id: int, issuer: str
) -> OAuthRevocation | None:
    if not held.get("server", {}).get("revocation_endpoint"):
        return None
    # The first attempt is made at once, by whoever asked for it.
    due_at = timezone.now() + timedelta(seconds=FIRST_RETRY_S)
    return OAuthRevocation.objects.create(
        user_id=user_id, issuer=issuer, tokens=held, due_at=due_at
    )


def _host(issuer: str) -> str:
    try:
        return server_url.host(issuer)
    except InvalidUrl:
        return "Its sign-in service"


def _postpone(row: OAuthRevocation) -> None:
    wait_s = min(FIRST_RETRY_S * 2**row.attempts, KEPT_FOR.total_seconds() / 6)
    OAuthRevocation.objects.filter(pk=row.pk).update(
        attempts=row.attempts + 1, due_at=timezone.now() + timedelta(seconds=wait_s)
    )
