"""Signing in over REST, and the way back from the provider."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from config.tests.rest import ApiClient
from connectors.models import OAuthFlow, OAuthGrant, UserMCPConnection
from demo.authority.running import RunningAuthority

INITIATE, CALLBACK = "/api/oauth/initiate", "/api/oauth/callback"

pytestmark = pytest.mark.usefixtures("allow_loopback")


def initiated(api: ApiClient, authority: RunningAuthority, **more: Any) -> Any:
    response = api.post(INITIATE, {"server_url": authority.mcp_url, **more})
    assert response.status_code == 200, response.text
    return response.json()


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def came_back(api: Client, location: str, path: str = CALLBACK) -> str:
    """Do what the browser does with the provider's redirect; return where it leads."""
    response = api.get(f"{path}?{urlsplit(location).query}")
    assert response.status_code == 302
    return response["Location"]


def test_initiate_oauth_returns_authorization_url(
    api: ApiClient, authority: RunningAuthority
):
    answer = initiated(api, authority)
    asked = query_of(answer["authorization_url"])
    assert answer["authorization_url"].startswith(f"{authority.origin}/authorize?")
    assert asked["state"] == answer["state"]
    assert asked["code_challenge_method"] == "S256"
    assert asked["resource"] == authority.mcp_url
    assert asked["redirect_uri"].endswith(CALLBACK)
    assert UserMCPConnection.objects.count() == 0


def test_initiate_oauth_requires_authentication(
    api_client: Any, authority: RunningAuthority
):
    response = api_client().post(INITIATE, {"server_url": authority.mcp_url})
    assert response.status_code == 401
    assert OAuthFlow.objects.count() == 0


def test_oauth_callback_creates_connector(api: ApiClient, authority: RunningAuthority):
    begun = initiated(api, authority, name="My journal")
    location = authority.sign_in(begun["authorization_url"])
    leads_to = came_back(api, location)
    connector = UserMCPConnection.objects.get()
    flow = OAuthFlow.objects.get()
    assert leads_to == f"/connectors/oauth/done?connector={connector.pk}&flow={flow.pk}"
    assert connector.name == "My journal"
    assert OAuthGrant.objects.get().connector_id == connector.pk


def test_oauth_callback_invalid_state(api: ApiClient):
    leads_to = came_back(api, f"{CALLBACK}?code=abc&state=forged")
    assert leads_to == "/connectors/oauth/error?error=invalid_state"
