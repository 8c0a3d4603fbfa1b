"""What is told of a sign-in by OAuth: whose, at whom, for what, until when.

Made from the stored grant alone, of which nothing secret is read.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from connectors import permissions, server_url
from connectors.errors import InvalidUrl
from connectors.models import GrantState, OAuthGrant
from connectors.permissions import Permission

SOON = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A sign-in in words: `until`, then maybe `ends_at`, then maybe `why`."""

    account: str
    host: str
    permissions: list[Permission]
    until: str
    has_ended: bool
    ends_at: datetime | None = None
    why: str = ""
    # What the server asked for beside it, for the next sign-in to bring.
    wanted: str = ""

    @property
    def ends_soon(self) -> bool:
        """Whether it ends before anybody could do much with it."""
        return self.ends_at is not None and self.ends_at - timezone.now() < SOON


def of(grant: OAuthGrant) -> SignedIn:
    """Return what is shown of `grant`."""
    host = host_of(grant.issuer)
    until, ends_at, why = _end(grant, host)
    return SignedIn(
        account=grant.account_label,
        host=host,
        permissions=permissions.of(grant.scope),
        until=until,
        ends_at=ends_at,
        why=why,
        wanted=grant.wanted_scope,
        has_ended=until.startswith("ended"),
    )


def host_of(issuer: str) -> str:
    """Return the host of an authorization server, for people."""
    try:
        return server_url.host(issuer)
    except InvalidUrl:
        return issuer


def _end(grant: OAuthGrant, host: str) -> tuple[str, datetime | None, str]:
    """Return how long it lasts, the time in that if there is one, and the reason."""
    ends_at = grant.expires_at
    if grant.state not in (GrantState.ACTIVE, GrantState.REFRESHING):
        if grant.fresh_rejected:
            why = "ask its owner, or sign in with another account"
            return "ended: the server refuses even a new sign-in", None, why
        return f"ended: {host} accepts it no more", None, ""
    if grant.has_refresh:
        return "renewed by itself until you disconnect", None, ""
    if ends_at is None:
        why = "it did not say when, and gave no refresh token"
        return f"until {host} ends it", None, why
    if ends_at <= timezone.now():
        return "ended at", ends_at, "no refresh token, sign in again"
    return "ends at", ends_at, "no refresh token, you will sign in again"
