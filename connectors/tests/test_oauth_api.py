"""Signing in over REST, and the way back from the provider."""

from http.client import HTTPConnection
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import tokens
from accounts.models import User
from config.tests.rest import ApiClient
from connectors import client_identity
from connectors.models import OAuthFlow, OAuthGrant, UserMCPConnection
from connectors.tests import rows
from connectors.tests.processes import HOST, PATIENCE_S, Rest, web_process
from demo.authority.running import RunningAuthority
from demo.hostile import Hostile

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


def test_a_callback_leads_nowhere_but_to_our_own_pages(
    api: ApiClient, authority: RunningAuthority
):
    begun = initiated(api, authority)
    location = authority.sign_in(begun["authorization_url"])
    code, state = query_of(location)["code"], query_of(location)["state"]
    response = api.get(f"{CALLBACK}?{urlsplit(location).query}")
    assert code not in response["Location"]
    assert state not in response["Location"]
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] in ("no-referrer", "same-origin")


def test_a_callback_for_clients_with_an_address_for_each_connector_is_the_same(
    api: ApiClient, authority: RunningAuthority
):
    begun = initiated(api, authority)
    location = authority.sign_in(begun["authorization_url"])
    leads_to = came_back(api, location, f"{CALLBACK}/journal")
    assert leads_to.startswith("/connectors/oauth/done?connector=")


def test_a_callback_of_somebody_who_is_not_signed_in_tells_nothing(
    api: ApiClient, api_client: Any, authority: RunningAuthority
):
    begun = initiated(api, authority)
    location = authority.sign_in(begun["authorization_url"])
    failed = "/connectors/oauth/error?error=invalid_state"
    assert came_back(api_client(), location) == failed
    # It was not used up.
    assert "/done" in came_back(api, location)


def test_a_callback_of_another_person_tells_nothing(
    api: ApiClient, bob: User, authority: RunningAuthority
):
    begun = initiated(api, authority)
    location = authority.sign_in(begun["authorization_url"])
    browser = Client()
    browser.force_login(bob)
    failed = "/connectors/oauth/error?error=invalid_state"
    assert came_back(browser, location) == failed
    assert UserMCPConnection.objects.count() == 0


def test_a_session_must_come_back_itself(alice: User, authority: RunningAuthority):
    browser, other = ApiClient(), Client()
    browser.force_login(alice)
    other.force_login(alice)
    begun = initiated(browser, authority)
    location = authority.sign_in(begun["authorization_url"])
    assert came_back(other, location).endswith("error=invalid_state")
    assert "/done" in came_back(browser, location)


def test_who_only_looks_where_a_callback_leads_does_not_spend_it(
    api: ApiClient, authority: RunningAuthority
):
    begun = initiated(api, authority)
    location = authority.sign_in(begun["authorization_url"])
    response = api.head(f"{CALLBACK}?{urlsplit(location).query}")
    assert response.status_code == 405
    assert "/done" in came_back(api, location)


def test_a_failure_leads_to_the_page_that_explains_it(
    api: ApiClient, authority: RunningAuthority
):
    begun = initiated(api, authority)
    location = authority.sign_in(begun["authorization_url"], allow=False)
    flow = OAuthFlow.objects.get()
    failed = f"/connectors/oauth/error?error=access_denied&flow={flow.pk}"
    assert came_back(api, location) == failed


def test_what_came_with_a_callback_is_in_no_address_of_ours(api: ApiClient):
    leads_to = came_back(
        api, f"{CALLBACK}?error=%0d%0aSet-Cookie:x&error_description=evil&state=s"
    )
    assert leads_to == "/connectors/oauth/error?error=invalid_state"


def test_more_permissions_lead_back_to_the_provider(
    api: ApiClient, authority: RunningAuthority
):
    client_id, _ = authority.register_client(
        client_identity.redirect_uri(), secret=False
    )
    begun = initiated(api, authority, client_id=client_id, scope="openid")
    location = authority.sign_in(begun["authorization_url"])
    leads_to = came_back(api, location)
    assert leads_to.startswith(f"{authority.origin}/authorize?")
    assert "/done" in came_back(api, authority.sign_in(leads_to))


def test_a_connector_is_signed_in_to_by_its_id(
    api: ApiClient, alice: User, authority: RunningAuthority
):
    row = rows.connector(alice, server_url=authority.mcp_url)
    begun = api.post(INITIATE, {"connector_id": row.pk}).json()
    came_back(api, authority.sign_in(begun["authorization_url"]))
    status = api.get(f"/api/oauth/status/{row.pk}").json()
    assert status.pop("expires_at")
    assert status == {
        "connector_id": row.pk,
        "state": "active",
        "issuer": authority.issuer,
        "account_label": "ada@demo.example",
        "scopes": ["journal:read", "offline_access", "openid"],
        "wanted_scopes": [],
        "has_refresh": True,
        "warning": "",
    }
    answer = api.delete(f"/api/oauth/disconnect/{row.pk}").json()
    assert answer["success"]
    assert answer["revoked"]
    assert api.get(f"/api/oauth/status/{row.pk}").json()["state"] == "none"


def test_a_server_of_the_catalogue_is_called_by_its_name(api: ApiClient):
    # It is no address that the tests may reach, so it is the one that was dialled.
    response = api.post(INITIATE, {"connector_id": "notion"})
    assert response.status_code in (502, 504)
    assert OAuthFlow.objects.get().draft.open()["suggested_name"] == "Notion"


@pytest.mark.parametrize("connector_id", ["no-such-server", 0, 10**18])
def test_what_is_not_there_is_404(api: ApiClient, connector_id: Any):
    response = api.post(INITIATE, {"connector_id": connector_id})
    assert response.status_code == 404
    assert response.json()["error"] == "CONNECTOR_NOT_FOUND"


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["body", "connector_id", "required"]),
        ({"connector_id": 1, "server_url": "https://x.example/mcp"}, None),
        ({"connector_id": True}, ["body", "connector_id", "type"]),
        ({"connector_id": 1.5}, ["body", "connector_id", "type"]),
        ({"connector_id": None}, ["body", "connector_id", "null"]),
        ({"server_url": "ftp://x"}, ["body", "server_url", "url"]),
        ({"server_url": "https://x.example", "client_secret": "s"}, None),
        ({"server_url": "https://x.example", "client_id": "a\nb"}, None),
        ({"server_url": "https://x.example", "scope": 7}, None),
    ],
)
def test_a_body_of_the_wrong_shape_is_422(
    api: ApiClient, body: dict[str, Any], loc: list[str] | None
):
    response = api.post(INITIATE, body)
    assert response.status_code == 422
    if loc:
        assert response.json()["detail"][0]["loc"] == loc


def test_a_token_needs_the_scope_for_writing(api_client: Any, alice: User):
    reader = api_client(alice, scopes=["connectors:read"])
    assert reader.post(INITIATE, {"connector_id": 1}).status_code == 403
    assert reader.delete("/api/oauth/disconnect/1").status_code == 403


def test_a_server_that_wants_no_sign_in_says_so(api: ApiClient, peer: Hostile):
    response = api.post(INITIATE, {"server_url": peer.url("good")})
    assert response.status_code == 409
    assert response.json()["error"] == "OAUTH_NOT_OFFERED"


def test_a_client_that_is_needed_is_asked_for_with_our_address(
    api: ApiClient, authority: RunningAuthority
):
    authority.switches.registration = "not offered"
    response = api.post(INITIATE, {"server_url": authority.mcp_url})
    assert response.status_code == 409
    assert response.json()["error"] == "OAUTH_CLIENT_NEEDED"
    assert client_identity.redirect_uri() in response.json()["message"]


def test_our_document_says_who_we_are(client: Client, settings: Settings):
    settings.OAUTH_CLIENT_METADATA_URL = "https://patchbay.example/oauth/x.json"
    response = client.get("/oauth/client-metadata.json")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert "max-age=3600" in response["Cache-Control"]
    found = response.json()
    assert found["client_id"] == settings.OAUTH_CLIENT_METADATA_URL
    assert found["redirect_uris"] == [f"{settings.PUBLIC_URL}{CALLBACK}"]
    assert found["token_endpoint_auth_method"] == "none"


@pytest.mark.django_db(transaction=True)
def test_a_restart_between_start_and_callback_changes_nothing(
    alice: User, authority: RunningAuthority
):
    _, token = tokens.issue(user=alice, name="laptop")
    with web_process() as first:
        status, begun = Rest(first.port, token).send(
            "POST", INITIATE, {"server_url": authority.mcp_url}
        )
        assert status == 200, begun
    location = authority.sign_in(begun["authorization_url"])
    # The first process is gone; another one never heard of this sign-in.
    with web_process() as second:
        there = HTTPConnection(HOST, second.port, timeout=PATIENCE_S)
        path = f"{CALLBACK}?{urlsplit(location).query}"
        there.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = there.getresponse()
        there.close()
    assert response.status == 302
    connector = UserMCPConnection.objects.get()
    done = f"/connectors/oauth/done?connector={connector.pk}&flow="
    assert response.headers["Location"].startswith(done)
    assert connector.is_verified
