"""A connector that a person signed in to, at the demo's authorization server."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from connectors import client_identity, grants
from connectors.auth import oauth
from connectors.auth.oauth import Client, Pending, Tokens
from connectors.client_identity import Identity
from connectors.models import ClientKind, OAuthGrant, UserMCPConnection
from connectors.tests import rows
from demo.authority.running import RunningAuthority

PATIENCE_S = 30
SCOPE = "journal:read offline_access"
LISTED = ["list_entries", "search_entries", "add_entry", "whoami"]
TOOLS = [
    {**rows.TOOLS[0], "name": name, "inputSchema": {"type": "object"}}
    for name in LISTED
]


def signed_in(
    user: User,
    authority: RunningAuthority,
    *,
    account: str = "ada",
    scope: str = SCOPE,
    **changes: Any,
) -> OAuthGrant:
    """Sign `user` in and store a connector with the grant, as a sign-in would."""
    pending, client, tokens = async_to_sync(_sign_in)(authority, account, scope)
    with transaction.atomic():
        fields = {"server_url": authority.mcp_url, "auth_type": "oauth", **changes}
        fields.setdefault("discovered_tools", TOOLS)
        connector = rows.connector(user, **fields)
        return keep(connector, pending, client, tokens, label=account)


def sign_in_again(
    grant: OAuthGrant, authority: RunningAuthority, *, scope: str = SCOPE
) -> OAuthGrant:
    """Sign the person of `grant` in once more, for the same connector."""
    account = grant.account_label
    pending, client, tokens = async_to_sync(_sign_in)(authority, account, scope)
    assert grant.connector is not None
    with transaction.atomic():
        return keep(grant.connector, pending, client, tokens, label=account)


def keep(
    connector: UserMCPConnection,
    pending: Pending,
    client: Client,
    tokens: Tokens,
    *,
    label: str,
) -> OAuthGrant:
    identity = Identity(client=client, kind=ClientKind.DCR)
    row = client_identity.keep(
        identity, issuer=pending.server.issuer, connector=connector
    )
    return grants.store(
        user_id=connector.user_id,
        connector_id=connector.pk,
        pending=pending,
        client=row,
        tokens=tokens,
        label=label,
    )


async def _sign_in(
    authority: RunningAuthority, account: str, scope: str
) -> tuple[Pending, Client, Tokens]:
    redirect_uri = client_identity.redirect_uri()
    async with oauth.leg() as leg:
        found = await oauth.discover(
            leg, url=authority.mcp_url, challenge=oauth.challenge("Bearer")
        )
        known = await client_identity.find(
            leg, server=found.server, entered=None, scope=scope
        )
        client = known.client
        pending = oauth.begin(
            discovery=found,
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            scope=scope,
        )
        back = authority.sign_in(pending.url, account)
        code = oauth.check_callback(_query(back), found.server)
        tokens = await oauth.exchange(leg, pending=pending, client=client, code=code)
    return pending, client, tokens


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def connector_of(grant: OAuthGrant) -> UserMCPConnection:
    """The connector as it is now."""
    found = OAuthGrant.objects.select_related("connector").get(pk=grant.pk).connector
    assert found is not None
    return found


def reread(grant: OAuthGrant) -> OAuthGrant:
    return OAuthGrant.objects.get(pk=grant.pk)


def end(grant: OAuthGrant, *, by_s: float = 0) -> None:
    """Let the access token have ended `by_s` seconds ago, by our own clock alone."""
    ended_at = timezone.now() - timedelta(seconds=by_s)
    OAuthGrant.objects.filter(pk=grant.pk).update(
        expires_at=ended_at, refresh_at=ended_at
    )


def tokens_of(grant: OAuthGrant) -> dict[str, Any]:
    row = reread(grant)
    assert row.tokens is not None
    return row.tokens.open()


def token_of(grant: OAuthGrant) -> str:
    token = tokens_of(grant)["access_token"]
    assert isinstance(token, str)
    return token


@contextmanager
def before_they_are_kept(act: Callable[[], None]) -> Iterator[None]:
    """Let something happen between the answer of a token endpoint and its storing."""
    acted: list[bool] = []

    def hook(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        # The first look at a row by its lease is that of who stores new tokens.
        if not acted and sql.startswith("SELECT") and '"lease_owner" = ' in sql:
            acted.append(True)
            act()
        return execute(sql, params, *rest)

    with connection.execute_wrapper(hook):
        yield
    assert acted


def until(happened: Callable[[], object]) -> None:
    """Wait for what another thread or process does."""
    patience = Event()
    for _ in range(100 * PATIENCE_S):
        if happened():
            return
        patience.wait(0.01)
    raise AssertionError("It did not happen.")


def refreshes(authority: RunningAuthority) -> list[str]:
    """The outcome of every request to renew a token."""
    return [
        one["outcome"]
        for one in authority.token_requests
        if one["grant_type"] == "refresh_token"
    ]


def keyring(keys: dict[str, bytes]) -> str:
    """Write keys as the environment of a process names them."""
    return ",".join(f"{kid}:{b64encode(key).decode()}" for kid, key in keys.items())
