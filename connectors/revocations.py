"""Tokens that are taken back at their authorization server.

What is forgotten here is written down in the same transaction, asked for at once, and
again by the worker until it succeeds or a day has passed.
Source: RFC 7009.
"""

from datetime import timedelta
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from connectors import pools
from connectors.auth import oauth
from connectors.auth.oauth import AuthorizationServer, Client, Tokens
from connectors.client_identity import client_of
from connectors.errors import ConnectorError, SecretUnreadable
from connectors.models import OAuthGrant, OAuthRevocation

log = structlog.get_logger(__name__)

# A person waits for the first attempt.
DEADLINE_S = 5.0
FIRST_RETRY_S = 60
# After that a token has mostly ended by itself.
KEPT_FOR = timedelta(hours=24)
_KINDS = ("refresh_token", "access_token")


def forget(grant: OAuthGrant) -> OAuthRevocation | None:
    """Delete a grant; return what is to be taken back, None if that is not offered.

    Call it in a transaction, and `carry_out` after it. The tokens are the newest: who
    renews them at this moment finds no grant any more, and forgets them as well.
    """
    rows = OAuthGrant.objects.select_related("client")
    row = rows.select_for_update(of=("self",)).filter(pk=grant.pk).first()
    if row is None:
        return None
    found = _written(row, _held(row))
    row.delete()
    return found


@transaction.atomic
def forget_tokens(grant: OAuthGrant, tokens: Tokens) -> OAuthRevocation | None:
    """Write down tokens that came for a grant which was forgotten meanwhile."""
    if not User.objects.filter(pk=grant.user_id).exists():
        return None
    return _written(
        grant,
        {
            **_held(grant),
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
        },
    )


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
    held = row.tokens.open()
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
    if row.client is None:
        return {}
    try:
        held, client = row.tokens.open(), client_of(row.client)
    except SecretUnreadable:
        return {}
    return {
        "access_token": held["access_token"],
        "refresh_token": held["refresh_token"],
        "server": held["server"],
        "client": {
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "auth_method": client.auth_method,
        },
    }


def _written(row: OAuthGrant, held: dict[str, Any]) -> OAuthRevocation | None:
    if not held.get("server", {}).get("revocation_endpoint"):
        return None
    # The first attempt is made at once, by whoever asked for it.
    due_at = timezone.now() + timedelta(seconds=FIRST_RETRY_S)
    return OAuthRevocation.objects.create(
        user_id=row.user_id, issuer=row.issuer, tokens=held, due_at=due_at
    )


def _postpone(row: OAuthRevocation) -> None:
    wait_s = min(FIRST_RETRY_S * 2**row.attempts, KEPT_FOR.total_seconds() / 6)
    OAuthRevocation.objects.filter(pk=row.pk).update(
        attempts=row.attempts + 1, due_at=timezone.now() + timedelta(seconds=wait_s)
    )
