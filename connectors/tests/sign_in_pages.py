"""The way through the pages of a sign-in, as a browser without scripts takes it."""

from typing import Any
from urllib.parse import urlsplit

from django.test import Client

from accounts.models import User
from connectors.models import UserMCPConnection
from demo.authority.running import RunningAuthority

BEGIN = "/connectors/sign-in"


def prepared(client: Client, url: str, **fields: str) -> str:
    """Send the form that adds a connector; return the path of the page that asks."""
    response = client.post(BEGIN, {"server_url": url, **fields})
    assert response.status_code == 303
    return str(response["Location"])


def left(client: Client, page: str) -> str:
    """Follow Continue; return the address of the provider's page."""
    path, _, query = page.partition("?")
    response = client.get(f"{path}/go{'?' if query else ''}{query}")
    assert response.status_code == 302, response.text
    return str(response["Location"])


def came_back(
    client: Client,
    authority: RunningAuthority,
    page: str,
    account: str = "ada",
    *,
    allow: bool = True,
) -> Any:
    """Sign in at the provider, come back, and return the page that is shown then."""
    location = authority.sign_in(left(client, page), account, allow=allow)
    parts = urlsplit(location)
    return client.get(f"{parts.path}?{parts.query}", follow=True)


def connected(
    client: Client, user: User, authority: RunningAuthority, account: str = "ada"
) -> UserMCPConnection:
    """Connect the journal as `account`, and return the connector."""
    before = set(UserMCPConnection.objects.owned_by(user).values_list("pk", flat=True))
    came_back(client, authority, prepared(client, authority.mcp_url), account)
    rows = UserMCPConnection.objects.owned_by(user).exclude(pk__in=before)
    return rows.get()
