"""Which client we are at an authorization server, in the order of the specification.

A client that the person entered for one connector, one that the operator registered
there, the address of our metadata document, a registration of our own, which
everybody's connectors share.
Source: specification 2026-07-28, "Client Registration Approaches".
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, RestrictedError
from django.utils import timezone

from connectors import catalogue, pools
from connectors.auth import oauth
from connectors.auth.oauth import AuthorizationServer, Client, Leg
from connectors.errors import ClientNeeded
from connectors.models import ClientKind, OAuthClient, UserMCPConnection

CALLBACK = "/api/oauth/callback"
UNUSED_FOR = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who we are in one sign-in, and how that came to be known there."""

    client: Client
    kind: str

    def stored(self) -> dict[str, Any]:
        """Return it as JSON; it is to be sealed."""
        return {"client": asdict(self.client), "kind": str(self.kind)}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `stored` gave."""
        return cls(client=Client(**stored["client"]), kind=stored["kind"])


def redirect_uri() -> str:
    """Return where authorization servers send people back to."""
    return f"{settings.PUBLIC_URL}{CALLBACK}"


def document() -> dict[str, Any]:
    """Return what we publish of ourselves; its address is our client id.

    Source: draft-ietf-oauth-client-id-metadata-document section 4.
    """
    described = oauth.client_document(
        redirect_uri=redirect_uri(), uri=settings.PUBLIC_URL
    )
    return {"client_id": settings.OAUTH_CLIENT_METADATA_URL, **described}


async def find(
    leg: Leg,
    *,
    server: AuthorizationServer,
    entered: Client | None,
    scope: str,
    url: str = "",
) -> Identity:
    """Return who we are at `server`; register us there if nobody did.

    `entered` is the client of the connector's own settings; `scope` is what will be
    asked for; `url` is of the MCP server that people sign in to.

    Raises:
        ClientNeeded: it knows no client of ours, and takes no registrations.
        ServerFailure: the registration failed.
    """
    if entered:
        return Identity(client=entered, kind=ClientKind.MANUAL)
    if known := await sync_to_async(_preregistered)(server.issuer, url):
        return known
    if server.takes_documents and _has_document():
        address = settings.OAUTH_CLIENT_METADATA_URL
        return Identity(client=Client(client_id=address), kind=ClientKind.CIMD)
    if not server.registration_endpoint:
        raise ClientNeeded(redirect_uri=redirect_uri())
    if registered := await sync_to_async(_registered)(server.issuer):
        return registered
    return await _register(leg, server, scope)


async def is_known(
    *, server: AuthorizationServer, entered: Client | None, url: str = ""
) -> bool:
    """Tell whether `find` can name a client there without asking the person."""
    if entered or server.registration_endpoint:
        return True
    if server.takes_documents and _has_document():
        return True
    return await sync_to_async(_preregistered)(server.issuer, url) is not None


def keep(
    identity: Identity, *, issuer: str, connector: UserMCPConnection
) -> OAuthClient:
    """Store who we are for a grant of `connector`; return the row.

    Call it in a transaction. What everybody shares stays what it is: other grants are
    bound to it. If we are another client there by now, this connector keeps its own.
    """
    if identity.kind != ClientKind.MANUAL:
        shared = _insert(identity, issuer) or _shared(issuer, identity.kind)
        if shared and shared.client_id == identity.client.client_id:
            # The operator may have changed the secret since the sign-in began.
            is_ours = identity.kind != ClientKind.PREREGISTERED
            is_newest = is_ours or _of_environment(issuer) == identity.client
            return _fill(shared, identity) if is_newest else shared
    own: dict[str, Any] = {"issuer": issuer, "connector": connector}
    row = OAuthClient.objects.filter(**own).first() or OAuthClient(**own)
    return _fill(row, identity)


def keep_first(identity: Identity, *, issuer: str) -> Identity:
    """Store a registration for everybody; of two at once, return the first."""
    if _insert(identity, issuer):
        return identity
    with transaction.atomic():
        row = _shared(issuer, identity.kind)
        if row and not _lasts(row):
            _fill(row, identity)
    return Identity(client=client_of(row), kind=row.kind) if row else identity


def client_of(row: OAuthClient) -> Client:
    """Return the client of `row`; with the operator's newest secret, if it is theirs.

    Raises:
        SecretUnreadable: its secret cannot be opened.
    """
    if row.kind == ClientKind.PREREGISTERED:
        known = _of_environment(row.issuer)
        if known and known.client_id == row.client_id:
            return known
        if known := catalogue.newest(row.client_id):
            return known
    return _kept(row)


def newest(given: Client) -> Client:
    """Return a client of the operator with the secret that it has by now."""
    for client in settings.OAUTH_CLIENTS.values():
        if client["client_id"] == given.client_id:
            return replace(given, client_secret=client.get("client_secret", ""))
    return given


def _kept(row: OAuthClient) -> Client:
    secret = row.secret.open()["client_secret"] if row.secret else ""
    return Client(
        client_id=row.client_id,
        client_secret=str(secret),
        auth_method=str(row.metadata.get("auth_method", "")),
        expires_at=int(row.expires_at.timestamp()) if row.expires_at else 0,
    )


def forget(identity: Identity, *, issuer: str) -> None:
    """Let the next sign-in register anew: the server does not know us any more.

    A row that grants still name cannot go; it is over instead.
    """
    rows = _rows(issuer, ClientKind.DCR).filter(client_id=identity.client.client_id)
    if identity.kind != ClientKind.DCR:
        return
    try:
        with transaction.atomic():
            rows.delete()
    except RestrictedError:
        rows.update(expires_at=timezone.now())


def prune() -> None:
    """Delete registrations of our own that nobody uses, so that none is kept for ever.

    A service may have forgotten them, too; whoever signs in next registers anew.
    """
    unused = OAuthClient.objects.filter(kind=ClientKind.DCR, grants=None)
    unused.filter(updated_at__lt=timezone.now() - UNUSED_FOR).delete()


def _has_document() -> bool:
    """Tell whether our document can be fetched by others: https, and with a path."""
    parts = urlsplit(settings.OAUTH_CLIENT_METADATA_URL)
    return parts.scheme == "https" and parts.path not in ("", "/")


def _preregistered(issuer: str, url: str) -> Identity | None:
    """Return the operator's client: of the environment, else of the admin pages.

    What was entered for one known server comes before what is for its service.
    """
    client = _of_environment(issuer) or catalogue.client_for(url=url, issuer=issuer)
    if client:
        return Identity(client=client, kind=ClientKind.PREREGISTERED)
    return _stored(issuer, ClientKind.PREREGISTERED)


def _of_environment(issuer: str) -> Client | None:
    for client in settings.OAUTH_CLIENTS.values():
        if client.get("issuer", "").removesuffix("/") == issuer.removesuffix("/"):
            return Client(
                client_id=client["client_id"],
                client_secret=client.get("client_secret", ""),
            )
    return None


def _registered(issuer: str) -> Identity | None:
    """Return our own registration, if it outlives the sign-in that begins now."""
    return _stored(issuer, ClientKind.DCR)


def _stored(issuer: str, kind: ClientKind) -> Identity | None:
    row = _rows(issuer, kind).first()
    if row is None or not _lasts(row):
        return None
    return Identity(client=client_of(row), kind=kind)


def _rows(issuer: str, kind: str) -> QuerySet[OAuthClient]:
    """Return what everybody shares; there is one at most."""
    return OAuthClient.objects.filter(
        issuer=issuer, redirect_uri=redirect_uri(), kind=kind, connector=None
    )


def _shared(issuer: str, kind: str) -> OAuthClient | None:
    return _rows(issuer, kind).select_for_update().first()


def _lasts(row: OAuthClient) -> bool:
    """Tell whether it is good until a sign-in that begins now can have ended.

    A registration of our own that nobody came back with may be forgotten by the
    service, which then tells only the person, on a page of its own: it is not
    trusted for longer than a sign-in can take.
    """
    now, takes = timezone.now(), timedelta(seconds=settings.OAUTH_FLOW_TTL_S)
    is_old = row.kind == ClientKind.DCR and row.updated_at < now - takes
    if is_old and not row.grants.exists():
        return False
    return row.expires_at is None or row.expires_at > now + takes


async def _register(leg: Leg, server: AuthorizationServer, scope: str) -> Identity:
    """Register, and keep it for everybody; of two at once, the first is kept."""
    # A client may only ask for what it registered for, and a later step may need
    # more than this one.
    wanted = oauth.union(scope, *(server.scopes or ()))
    await pools.release_db()
    client = await oauth.register(leg, server=server, document=_own(), scope=wanted)
    identity = Identity(client=client, kind=ClientKind.DCR)
    return await sync_to_async(keep_first)(identity, issuer=server.issuer)


def _own() -> dict[str, Any]:
    return oauth.client_document(redirect_uri=redirect_uri(), uri=settings.PUBLIC_URL)


def _insert(identity: Identity, issuer: str) -> OAuthClient | None:
    """Store a client for everybody; None if there is one already."""
    if _rows(issuer, identity.kind).exists():
        return None
    row = OAuthClient(issuer=issuer)
    try:
        with transaction.atomic():
            return _fill(row, identity)
    except IntegrityError:
        return None


def _fill(row: OAuthClient, identity: Identity) -> OAuthClient:
    """Store `identity` in `row`, if that is not what it has."""
    if row.pk and _kept(row) == identity.client:
        return row
    client = identity.client
    row.kind, row.redirect_uri = identity.kind, redirect_uri()
    row.client_id = client.client_id
    secret = client.client_secret
    row.secret = {"client_secret": secret} if secret else None
    row.metadata = {"auth_method": client.auth_method}
    ends = client.expires_at
    row.expires_at = datetime.fromtimestamp(ends, UTC) if ends else None
    row.save()
    return row
