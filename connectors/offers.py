"""Which sign-in a server offers: who asks, and for what. Nothing is stored here."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from connectors import mcp_client, server_url
from connectors.auth import oauth
from connectors.auth.oauth import AuthorizationServer, Challenge, Discovery
from connectors.egress import Operation
from connectors.errors import (
    ConnectionFailed,
    InvalidUrl,
    ServerError,
    ServerFailure,
    SignInNotOffered,
    TimedOut,
)

SIGN_IN = (
    "Sign in with OAuth (over REST: POST /api/oauth/initiate), or add an API token if "
    "the server's owner gives you one."
)
_UNHEARD = (ConnectionFailed, InvalidUrl, TimedOut)
# A server that refuses and names no scheme wants what most do.
UNNAMED = Challenge(scheme="Bearer")


@dataclass(frozen=True, kw_only=True)
class SignInOffer:
    """A sign-in by OAuth: at whose service, with which scopes.

    `is_guess` tells that nothing is published: it may be that there is none.
    `server` is what the service says of itself, where it was asked.
    """

    issuer: str
    scopes: tuple[str, ...] = ()
    is_guess: bool = False
    server: AuthorizationServer | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """What people know the service by."""
        return server_url.host(self.issuer)


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """What was found out about a server's sign-in, and the requests it took."""

    offer: SignInOffer | None = None
    sentence: str = ""
    suggestion: str = ""
    transcript: list[dict[str, Any]] = field(default_factory=list)


def offer_of(found: Discovery) -> SignInOffer:
    return SignInOffer(
        issuer=found.issuer,
        scopes=tuple(found.scope.split()),
        is_guess=found.server.is_assumed,
        server=found.server,
    )


def newest_refusal(operation: Operation) -> Challenge | None:
    """Return what the newest refusal asked for; None if nothing was refused.

    A server may answer the handshake and refuse what comes after it.
    """
    for exchange in reversed(operation.exchanges):
        asked = oauth.challenge(exchange.www_authenticate)
        if exchange.status == 401:
            return asked if asked.scheme else UNNAMED
        if exchange.status == 403 and asked.scheme:
            return asked
    return None


async def knock(*, url: str, operation: Operation) -> Challenge:
    """Connect without a credential; return what the server says to that.

    An empty challenge means that it refused nothing.

    Raises:
        ServerFailure: it was not reached, so it said nothing.
    """
    failure: ServerFailure | None = None
    endpoint = mcp_client.Endpoint(url=url)
    try:
        async with (
            asyncio.timeout(operation.left_s),
            mcp_client.connect(endpoint, operation) as session,
        ):
            await session.list_tools()
    except TimeoutError:
        failure = TimedOut(after_s=operation.deadline_s)
    except ServerFailure as error:
        failure = error
    refusal = newest_refusal(operation)
    if refusal is None and isinstance(failure, _UNHEARD):
        raise failure
    return refusal or Challenge()


def wanted_scope(operation: Operation) -> str:
    """Return what a good token was refused for the lack of; "" for nothing.

    Source: RFC 6750 section 3.1.
    """
    refusal = newest_refusal(operation)
    return refusal.scope if refusal and refusal.wants_more else ""


async def inquire(url: str, operation: Operation) -> Inquiry:
    """Find out who signs people in to a server that refused `operation`.

    That takes no longer than the operation has left, and never fails.
    """
    refusal = newest_refusal(operation)
    if refusal is None or not operation.left_s:
        return Inquiry()
    record: list[dict[str, Any]] = []
    try:
        async with oauth.leg(deadline_s=operation.left_s) as leg:
            try:
                found = await oauth.discover(leg, url=url, challenge=refusal)
            finally:
                record += leg.operation.transcript()
    except SignInNotOffered:
        return Inquiry(transcript=record)
    except ServerFailure as failure:
        if not refusal.wants_oauth and isinstance(failure, ServerError):
            return Inquiry(transcript=record)
        said = failure.detail or failure.message
        return Inquiry(
            sentence=f"It asks for OAuth, which cannot be used now. {said}",
            suggestion=failure.suggestion,
            transcript=record,
        )
    offer = offer_of(found)
    if offer.is_guess:
        return Inquiry(offer=offer, transcript=record)
    scopes = f" with the scopes {found.scope}" if found.scope else ""
    return Inquiry(
        offer=offer,
        sentence=f"It asks for OAuth at {offer.host}{scopes}.",
        suggestion=SIGN_IN,
        transcript=record,
    )


async def beside(url: str, operation: Operation) -> Inquiry:
    """Find out whether a server that let us in would show more after a sign-in.

    Only its well-known places are looked at, for a short time; never fails.
    Source: RFC 9728 section 3.
    """
    limit_s = min(settings.DISCOVER_TIMEOUT_S, operation.left_s)
    if not limit_s:
        return Inquiry()
    record: list[dict[str, Any]] = []
    try:
        async with oauth.leg(deadline_s=limit_s) as leg:
            try:
                found = await oauth.protected_resource(leg, url=url)
            finally:
                record += leg.operation.transcript()
        if found is None:
            return Inquiry(transcript=record)
        issuer = found.authorization_servers[0]
        offer = SignInOffer(issuer=issuer, scopes=found.scopes or ())
        sentence = f"It also offers to sign in at {offer.host}, and may then do more."
    except ServerFailure:
        return Inquiry(transcript=record)
    return Inquiry(offer=offer, sentence=sentence, transcript=record)
