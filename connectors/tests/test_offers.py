"""The connection test says who asks for a sign-in, and for what."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings
from starlette.responses import JSONResponse

from accounts.models import User
from config.tests.live import serve
from connectors import manager, offers
from connectors.egress import Exchange, Operation
from connectors.errors import ConnectionFailed, TimedOut
from connectors.tests.signing_in import connected, started
from connectors.validator import ValidationResult, avalidate_mcp_connection
from demo import journal, notes
from demo.authority.metadata import resource_metadata
from demo.authority.running import RunningAuthority
from demo.hostile import Hostile

pytestmark = pytest.mark.usefixtures("allow_loopback")


def examined(url: str, *credentials: Any) -> ValidationResult:
    return async_to_sync(avalidate_mcp_connection)(url, *credentials)


def sign_in_step(result: ValidationResult) -> tuple[str, str]:
    step = next(step for step in result.steps if step.step == "sign_in")
    return step.status, step.message


def test_the_result_says_who_asks_and_for_what(authority: RunningAuthority):
    result = examined(authority.mcp_url)
    assert result.error_code == "AUTH_REQUIRED"
    assert result.error_message == (
        "This server asks you to sign in. It asks for OAuth at 127.0.0.1 with the"
        " scopes journal:read offline_access openid."
    )
    assert result.suggestion.startswith("Sign in with OAuth")
    assert "POST /api/oauth/initiate" in str(result.suggestion)
    offer = result.sign_in
    assert offer.issuer == authority.issuer
    assert offer.scopes == ("journal:read", "offline_access", "openid")
    assert not offer.is_guess
    assert sign_in_step(result) == ("failed", result.error_message)
    assert authority.registrations == []


def test_the_record_has_the_requests_for_it(authority: RunningAuthority):
    asked = [one["url"] for one in examined(authority.mcp_url).transcript]
    assert any("/.well-known/oauth-protected-resource" in url for url in asked)
    assert any(url.startswith(f"{authority.issuer}/.well-known/") for url in asked)


def test_who_asks_is_found_without_a_header_that_says_so(authority: RunningAuthority):
    authority.switches.challenges = False
    result = examined(authority.mcp_url)
    assert result.error_code == "AUTH_REQUIRED"
    assert result.sign_in.issuer == authority.issuer


@pytest.mark.parametrize(
    ("switch", "state", "said"),
    [
        ("pkce_in_metadata", False, "does not protect sign-ins with PKCE"),
        ("wrong_issuer", True, "says that it is another one"),
        ("wrong_resource", True, "is about another server"),
    ],
)
def test_a_sign_in_that_cannot_be_used_is_a_sentence(
    authority: RunningAuthority, switch: str, state: bool, said: str
):
    setattr(authority.switches, switch, state)
    result = examined(authority.mcp_url)
    assert result.error_code == "AUTH_REQUIRED"
    assert said in str(result.error_message)
    assert result.sign_in is None
    assert result.suggestion


def test_a_plain_token_is_not_taken_for_oauth(peer: Hostile):
    result = examined(peer.url("401"))
    assert result.error_code == "AUTH_REQUIRED"
    assert "OAuth at" not in str(result.error_message)
    assert result.sign_in is None or result.sign_in.is_guess


def test_a_server_that_asks_for_basic_offers_no_sign_in(peer: Hostile):
    assert examined(peer.url("401-basic")).sign_in is None


def test_a_token_that_is_refused_asks_for_no_other_sign_in(
    authority: RunningAuthority,
):
    result = examined(authority.mcp_url, "api_key", {"token": "wrong"})
    assert result.error_code == "AUTH_FAILED"
    assert result.sign_in is None


def test_finding_out_takes_no_longer_than_the_test(
    authority: RunningAuthority, settings: Settings, silent_url: str
):
    settings.TEST_TIMEOUT_S = 1

    async def examine() -> ValidationResult:
        async with asyncio.timeout(5):
            return await avalidate_mcp_connection(silent_url)

    assert async_to_sync(examine)().error_code == "TIMEOUT"


def test_a_good_token_that_may_too_little_is_told_from_a_bad_one():
    operation = Operation(max_bytes=1, deadline_s=1)
    operation.exchanges.append(
        Exchange(
            method="POST",
            url="https://x.example/mcp",
            status=403,
            www_authenticate='Bearer error="insufficient_scope", scope="a b"',
        )
    )
    assert offers.wanted_scope(operation) == "a b"
    operation.exchanges.append(
        Exchange(method="POST", url="https://x.example/mcp", status=401)
    )
    assert offers.wanted_scope(operation) == ""


def test_a_refusal_after_the_handshake_counts_too():
    operation = Operation(max_bytes=1, deadline_s=1)
    for status, header in ((200, ""), (401, 'Bearer scope="a"'), (200, "")):
        operation.exchanges.append(
            Exchange(
                method="POST",
                url="https://x.example/mcp",
                status=status,
                www_authenticate=header,
            )
        )
    assert offers.newest_refusal(operation).scope == "a"


def test_nothing_refused_is_no_challenge():
    operation = Operation(max_bytes=1, deadline_s=1)
    assert offers.newest_refusal(operation) is None
    operation.exchanges.append(
        Exchange(method="POST", url="https://x.example/mcp", status=403)
    )
    assert offers.newest_refusal(operation) is None


def test_a_server_that_is_not_there_begins_no_sign_in(alice: User, closed_url: str):
    with pytest.raises(ConnectionFailed):
        started(alice, closed_url)


def test_a_server_that_is_silent_begins_no_sign_in(
    alice: User, silent_url: str, settings: Settings
):
    settings.TEST_TIMEOUT_S = 0.5
    with pytest.raises(TimedOut):
        started(alice, silent_url)


def test_an_operation_without_time_asks_nobody():
    operation = Operation(max_bytes=1, deadline_s=0)
    operation.exchanges.append(
        Exchange(method="POST", url="https://x.example/mcp", status=401)
    )
    for ask in (offers.inquire, offers.beside):
        found = async_to_sync(ask)("https://x.example/mcp", operation)
        assert found == offers.Inquiry()


def test_a_service_that_is_away_is_a_sentence(
    authority: RunningAuthority, closed_url: str
):
    authority.authority.issuer, issuer = closed_url, authority.issuer
    try:
        result = examined(authority.mcp_url)
    finally:
        authority.authority.issuer = issuer
    assert result.error_code == "AUTH_REQUIRED"
    assert "It asks for OAuth, which cannot be used now." in str(result.error_message)
    assert result.sign_in is None


# --- A server that lets everybody in, and offers a sign-in beside it -----------


@pytest.fixture
def open_journal(authority: RunningAuthority) -> Iterator[str]:
    """A server that asks for nothing, and publishes a sign-in."""
    app = notes.build().streamable_http_app()
    path = "/.well-known/oauth-protected-resource/mcp"
    said = resource_metadata(authority.authority, journal.NAME)
    app.add_route(path, lambda _: JSONResponse(said))
    with serve(app) as server:
        yield f"{server.url}/mcp"


def test_a_sign_in_beside_an_open_door_is_told(
    open_journal: str, authority: RunningAuthority
):
    result = examined(open_journal)
    assert result.success
    assert result.error_code is None
    assert result.sign_in.issuer == authority.issuer
    status, message = sign_in_step(result)
    assert status == "passed"
    assert message == (
        "The server lets us in. It also offers to sign in at 127.0.0.1, and may then"
        " do more."
    )


def test_who_offers_nothing_beside_it_is_not_asked_twice(peer: Hostile):
    result = examined(peer.url("good"))
    assert result.sign_in is None
    assert sign_in_step(result)[1] == "The server lets us in."


def test_a_test_with_credentials_does_not_look_for_others(
    alice: User, authority: RunningAuthority
):
    row = connected(alice, authority)
    report = async_to_sync(manager.retest)(user_id=alice.pk, connector_id=row.pk)
    assert report.result.success
    assert report.result.sign_in is None
