"""Who we are at a sign-in service, and how we prove it."""

import base64
import json
import time
from typing import Any
from urllib.parse import unquote

import pytest

from connectors.auth import oauth
from connectors.auth.oauth import Client, client_document
from connectors.errors import ServerError, ServerFailure, SignInFailed
from connectors.tests.oauth_site import CLIENT, as_json, server_of, site, status

pytestmark = pytest.mark.usefixtures("allow_loopback")

ISSUER = "https://as.example"
DOCUMENT = client_document(
    redirect_uri="https://patchbay.example/api/oauth/callback",
    uri="https://patchbay.example",
)
FORM = {"grant_type": "refresh_token"}


def proof(client: Client, **server: Any) -> tuple[dict[str, str], dict[str, str]]:
    return client.authenticate(FORM, server=server_of(ISSUER, **server))


async def registered(answer: Any, **server: Any) -> tuple[Client, dict[str, Any]]:
    async with site() as there:
        there.publish({"/register": answer})
        wanted = server_of(
            ISSUER, registration_endpoint=f"{there.url}/register", **server
        )
        async with oauth.leg() as leg:
            client = await oauth.register(
                leg, server=wanted, document=DOCUMENT, scope="read"
            )
        sent = [part for part in there.peer.requests if part.startswith(b"POST")]
    assert len(sent) == 1
    return client, {}


async def failed(answer: bytes) -> ServerFailure:
    with pytest.raises(ServerFailure) as caught:
        await registered(answer)
    return caught.value


# --- Proving it --------------------------------------------------------------


def test_a_public_client_says_who_it_is():
    form, headers = proof(Client(client_id="me"))
    assert form == {**FORM, "client_id": "me"}
    assert headers == {}


@pytest.mark.parametrize("offered", [None, [], ["client_secret_basic"], ["other"]])
def test_basic_is_what_nobody_need_name(offered: Any):
    form, headers = proof(CLIENT, token_endpoint_auth_methods_supported=offered)
    assert form == FORM
    encoded = headers["Authorization"].removeprefix("Basic ")
    client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
    # Each is form-encoded: a colon in one does not move the border.
    assert (unquote(client_id), unquote(secret)) == ("me", CLIENT.client_secret)
    assert ":" not in secret


def test_the_secret_is_posted_where_only_that_is_offered():
    form, headers = proof(
        CLIENT, token_endpoint_auth_methods_supported=["client_secret_post", "none"]
    )
    assert form == {**FORM, "client_id": "me", "client_secret": CLIENT.client_secret}
    assert headers == {}


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_a_client_proves_itself_as_it_registered(method: str):
    client = Client(client_id="me", client_secret="s", auth_method=method)
    other = ["client_secret_basic", "client_secret_post"]
    form, headers = proof(client, token_endpoint_auth_methods_supported=other)
    assert ("client_secret" in form) == (method == "client_secret_post")
    assert bool(headers) == (method == "client_secret_basic")


def test_a_client_that_registered_without_a_secret_sends_none():
    client = Client(client_id="me", client_secret="left over", auth_method="none")
    form, headers = proof(client)
    assert form == {**FORM, "client_id": "me"}
    assert headers == {}


def test_a_secret_is_in_no_text():
    assert CLIENT.client_secret not in repr(CLIENT)


# --- Registering -------------------------------------------------------------


async def test_a_client_is_registered():
    answer = {
        "client_id": "abc",
        "client_secret": "s3cret",
        "token_endpoint_auth_method": "client_secret_post",
        "client_secret_expires_at": int(time.time()) + 5000,
    }
    client, _ = await registered(as_json(answer, status="201 Created"))
    assert (client.client_id, client.client_secret) == ("abc", "s3cret")
    assert client.auth_method == "client_secret_post"
    assert client.expires_at == answer["client_secret_expires_at"]


async def test_a_public_client_is_preferred():
    client, _ = await registered(as_json({"client_id": "abc"}))
    assert client == Client(client_id="abc", auth_method="none")


async def test_a_secret_is_taken_where_nothing_else_is_offered():
    client, _ = await registered(
        as_json({"client_id": "abc", "client_secret": "s"}),
        token_endpoint_auth_methods_supported=["client_secret_post"],
    )
    assert client.auth_method == "client_secret_post"


@pytest.mark.parametrize("said", [0, -5, 1, True, "soon", None, float("nan")])
async def test_an_end_in_the_past_is_none(said: Any):
    client, _ = await registered(
        as_json({"client_id": "abc", "client_secret_expires_at": said})
    )
    assert client.expires_at == 0


@pytest.mark.parametrize(
    "answer",
    [
        as_json({"error": "access_denied"}, status="403 Forbidden"),
        as_json({"error": "invalid_client_metadata"}, status="400 Bad Request"),
        as_json({}, status="201 Created"),
        as_json({"client_id": ""}, status="201 Created"),
        as_json({"client_id": 7}, status="201 Created"),
        as_json({"client_id": "a\nb"}, status="201 Created"),
        as_json({"client_id": "x" * 501}, status="201 Created"),
        status("200 OK", b"<h1>Hello</h1>"),
        status("302 Found", b"", "Location: https://evil.example"),
        status("404 Not Found"),
    ],
)
async def test_a_registration_that_is_refused_says_so(answer: bytes):
    problem = await failed(answer)
    assert isinstance(problem, SignInFailed)
    assert problem.reason == "registration_refused"


async def test_a_service_that_does_not_work_now_refused_nothing():
    assert isinstance(await failed(status("503 Busy")), ServerError)


# --- What we say of ourselves ------------------------------------------------


def test_our_document_describes_a_program_on_the_web():
    assert DOCUMENT["application_type"] == "web"
    assert DOCUMENT["redirect_uris"] == ["https://patchbay.example/api/oauth/callback"]
    assert json.dumps(DOCUMENT)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_on_ones_own_machine_it_is_a_native_one(host: str):
    found = client_document(redirect_uri=f"http://{host}/back", uri=f"http://{host}")
    assert found["application_type"] == "native"
