"""How clients come to be known to the demo authorization server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from config.tests.live import serve
from demo.authority.running import RunningAuthority
from demo.tests.walking import REDIRECT, Walk, get, query

WAYS = ["none", "client_secret_basic", "client_secret_post"]
DOCUMENT = "https://patchbay.example/oauth/client"


@pytest.fixture
def walk(authority: RunningAuthority) -> Walk:
    return Walk(authority=authority)


def document(url: str = DOCUMENT, **changes: Any) -> dict[str, Any]:
    usual = {
        "client_id": url,
        "client_name": "Patchbay",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    }
    return usual | changes


# --- Registration ------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_a_client_proves_itself_as_it_registered(walk: Walk, way: str) -> None:
    given = walk.registered(way).tokens()
    assert walk.refresh(given["refresh_token"]).status_code == 200


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("other", WAYS)
def test_another_way_to_prove_it_is_refused(walk: Walk, way: str, other: str) -> None:
    code = walk.registered(way).code()
    walk.auth, walk.secret = other, walk.secret or "made up"
    answer = walk.redeem(code)
    assert answer.status_code == (200 if way == other else 401)


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_post"])
def test_a_wrong_secret_is_refused(walk: Walk, way: str) -> None:
    code = walk.registered(way).code()
    walk.secret = "wrong"
    answer = walk.redeem(code)
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_who_registers_is_told_what_was_understood(
    authority: RunningAuthority, walk: Walk
) -> None:
    answer = walk.register(token_endpoint_auth_method="client_secret_post")
    assert answer.status_code == 201
    told = answer.json()
    assert told["token_endpoint_auth_method"] == "client_secret_post"
    assert told["client_secret"]
    assert told["client_secret_expires_at"] == 0
    assert authority.registrations == [
        {
            "client_id": told["client_id"],
            "client_name": "Walker <b>",
            "redirect_uris": [REDIRECT],
        }
    ]


def test_a_client_without_a_secret_is_given_none(walk: Walk) -> None:
    told = walk.register(token_endpoint_auth_method="none").json()
    assert "client_secret" not in told


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": "https://patchbay.example"}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://patchbay.example/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.example/#b"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://[a/"]}, "invalid_redirect_uri"),
        ({"token_endpoint_auth_method": "magic"}, "invalid_client_metadata"),
        ({"grant_types": "all"}, "invalid_client_metadata"),
    ],
)
def test_a_description_that_is_wrong_is_refused(
    authority: RunningAuthority, walk: Walk, changes: dict[str, Any], code: str
) -> None:
    answer = walk.register(**changes)
    assert (answer.status_code, answer.json()["error"]) == (400, code)
    assert authority.registrations == []


def test_a_client_on_this_machine_may_use_http(authority: RunningAuthority) -> None:
    uri = "http://127.0.0.1:8000/api/oauth/callback"
    walk = Walk(authority=authority, redirect_uri=uri).registered()
    assert walk.tokens()["access_token"]


def test_a_client_without_refresh_tokens_gets_none(walk: Walk) -> None:
    told = walk.register(
        grant_types=["authorization_code"], token_endpoint_auth_method="none"
    ).json()
    walk.client_id = told["client_id"]
    assert "refresh_token" not in walk.tokens()
    assert walk.refresh("any").json()["error"] == "unauthorized_client"


@pytest.mark.parametrize("secret", [True, False])
def test_a_client_is_registered_by_hand(
    authority: RunningAuthority, walk: Walk, secret: bool
) -> None:
    walk.client_id, walk.secret = authority.register_client(REDIRECT, secret=secret)
    walk.auth = "client_secret_basic" if secret else "none"
    assert bool(walk.secret) is secret
    assert walk.tokens()["refresh_token"]
    assert authority.registrations == []


# --- Documents ---------------------------------------------------------------


@contextmanager
def published(**changes: Any) -> Iterator[str]:
    """Serve a client's document; the block gets its address."""

    async def answer(request: Request) -> Response:
        return JSONResponse(document(str(request.url), **changes))

    with serve(Starlette(routes=[Route("/client", answer)])) as server:
        yield f"{server.url}/client"


def test_a_client_is_known_by_its_document(
    authority: RunningAuthority, walk: Walk
) -> None:
    authority.switches.client_documents = True
    metadata = get(f"{authority.issuer}/.well-known/oauth-authorization-server").json()
    assert metadata["client_id_metadata_document_supported"] is True
    with published() as url:
        walk.client_id = url
        assert "Patchbay asks for your journal" in get(walk.url()).text
        given = walk.tokens()
        assert walk.refresh(given["refresh_token"]).status_code == 200
    assert authority.registrations == []


def test_a_document_need_not_be_on_the_web(
    authority: RunningAuthority, walk: Walk
) -> None:
    authority.switches.client_documents = True
    authority.publish_document(DOCUMENT, document())
    walk.client_id = DOCUMENT
    assert query(authority.sign_in(walk.url()))["code"]


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "https://other.example/client"},
        {"redirect_uris": ["https://other.example/callback"]},
        {"redirect_uris": []},
        {"token_endpoint_auth_method": "client_secret_basic"},
    ],
)
def test_a_document_of_somebody_else_is_refused(
    authority: RunningAuthority, walk: Walk, changes: dict[str, Any]
) -> None:
    authority.switches.client_documents = True
    authority.publish_document(DOCUMENT, document(**changes))
    walk.client_id = DOCUMENT
    assert get(walk.url()).status_code == 400


@pytest.mark.parametrize("path", ["", "/", "/missing"])
def test_a_document_that_is_not_there_is_refused(
    authority: RunningAuthority, walk: Walk, path: str
) -> None:
    authority.switches.client_documents = True
    with published() as url:
        walk.client_id = url.removesuffix("/client") + path
        assert get(walk.url()).status_code == 400


def test_documents_are_unknown_unless_switched_on(
    authority: RunningAuthority, walk: Walk
) -> None:
    authority.publish_document(DOCUMENT, document())
    walk.client_id = DOCUMENT
    assert get(walk.url()).status_code == 400
