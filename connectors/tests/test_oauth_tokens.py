"""Codes and refresh tokens become tokens, whatever the other end answers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.auth import oauth
from connectors.auth.oauth import Client, Tokens
from connectors.auth.oauth.tokens import MAX_LIFETIME_S, _lifetime
from connectors.errors import (
    ClientRefused,
    ConnectionFailed,
    GrantWithdrawn,
    ResponseTooLarge,
    ServerError,
    ServerFailure,
    SignInFailed,
)
from connectors.tests.loopback import BIG_CHUNK, OPEN_BODY, endless
from connectors.tests.oauth_site import (
    Page,
    Site,
    as_json,
    pending_of,
    server_of,
    site,
    status,
)

pytestmark = pytest.mark.usefixtures("allow_loopback")

PUBLIC = Client(client_id="me")
GOOD = {"access_token": "at-1", "token_type": "Bearer", "expires_in": 3600}


async def exchanged(there: Site) -> Tokens:
    async with oauth.leg() as leg:
        return await oauth.exchange(
            leg, pending=pending_of(there.url), client=PUBLIC, code="c0de"
        )


async def refreshed(there: Site) -> Tokens:
    async with oauth.leg() as leg:
        return await oauth.refresh(
            leg,
            server=server_of(there.url),
            client=PUBLIC,
            refresh_token="rt-1",
            scope="read",
            resource="https://mcp.example/mcp",
        )


async def revoked(there: Site) -> None:
    async with oauth.leg() as leg:
        await oauth.revoke(
            leg,
            server=server_of(there.url, revocation_endpoint=f"{there.url}/revoke"),
            client=PUBLIC,
            token="rt-1",
            hint="refresh_token",
        )


async def failed(verb: Any, page: Page, path: str = "/token") -> ServerFailure:
    async with site() as there:
        there.publish({path: page})
        with pytest.raises(ServerFailure) as caught:
            await verb(there)
    return caught.value


async def got(verb: Any, body: dict[str, Any]) -> Tokens:
    async with site() as there:
        there.publish({"/token": body})
        tokens = await verb(there)
    assert isinstance(tokens, Tokens)
    return tokens


# --- What is good ------------------------------------------------------------


async def test_a_code_becomes_tokens():
    tokens = await got(exchanged, {**GOOD, "refresh_token": "rt-1", "scope": "a b"})
    assert (tokens.access_token, tokens.refresh_token) == ("at-1", "rt-1")
    assert (tokens.lifetime_s, tokens.scope) == (3600, "a b")


async def test_what_is_not_said_of_the_scope_was_granted_as_asked():
    assert (await got(exchanged, GOOD)).scope == "read"


async def test_tokens_are_in_no_text():
    tokens = await got(exchanged, {**GOOD, "refresh_token": "rt-1"})
    assert "at-1" not in repr(tokens)
    assert "rt-1" not in repr(tokens)


async def test_a_refresh_token_stays_if_no_other_one_comes():
    assert (await got(refreshed, GOOD)).refresh_token == "rt-1"
    rotated = {**GOOD, "refresh_token": "rt-2"}
    assert (await got(refreshed, rotated)).refresh_token == "rt-2"


@pytest.mark.parametrize("kind", ["bearer", "BEARER", "Bearer"])
async def test_the_kind_of_token_has_no_case(kind: str):
    assert (await got(exchanged, {**GOOD, "token_type": kind})).access_token == "at-1"


async def test_some_do_not_name_the_kind():
    assert (await got(exchanged, {"access_token": "at-1"})).lifetime_s is None


async def test_some_answer_201():
    async with site() as there:
        there.publish({"/token": as_json(GOOD, status="201 Created")})
        assert (await exchanged(there)).access_token == "at-1"


@pytest.mark.parametrize(
    ("said", "lifetime_s"),
    [
        (3600, 3600),
        ("3600", 3600),
        (3599.9, 3599),
        (0, None),
        (-1, None),
        (True, None),
        (None, None),
        ("soon", None),
        ("", None),
        ([], None),
        (float("inf"), None),
        (float("nan"), None),
        (10**400, None),
        ("9" * 5000, None),
    ],
)
def test_a_lifetime_is_a_number_of_seconds_or_not_known(
    said: Any, lifetime_s: int | None
):
    assert _lifetime(said) == lifetime_s


@given(
    st.one_of(
        st.integers(), st.floats(), st.text(), st.none(), st.booleans(), st.binary()
    )
)
def test_any_lifetime_is_read_without_a_failure(said: Any):
    found = _lifetime(said)
    assert found is None or 0 <= found <= MAX_LIFETIME_S


# --- What is no token --------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_token": ""},
        {"access_token": None},
        {"access_token": 7},
        {"access_token": ["at"]},
        {"access_token": "a b"},
        {"access_token": "a\r\nSet-Cookie: x"},
        {"access_token": "ä"},
        {"access_token": "a" * 8001},
        {**GOOD, "token_type": "DPoP"},
        {**GOOD, "token_type": "mac"},
        {**GOOD, "token_type": 7},
    ],
)
async def test_what_cannot_stand_in_a_header_is_no_token(body: dict[str, Any]):
    problem = await failed(exchanged, body)
    assert isinstance(problem, SignInFailed)
    assert problem.reason == "exchange_failed"


async def test_a_refresh_token_that_cannot_be_sent_is_none():
    tokens = await got(exchanged, {**GOOD, "refresh_token": "r\nt"})
    assert tokens.refresh_token == ""


@pytest.mark.parametrize(
    "page",
    [
        status("200 OK", b"<!doctype html><h1>Welcome</h1>", "Content-Type: text/html"),
        status("200 OK", b"[]"),
        status("200 OK", b"\x00\xff\xfe"),
        status("200 OK", b"[" * 100_000),
        status("200 OK", b""),
        status("302 Found", b"", "Location: https://evil.example/token"),
        status("404 Not Found", b"nothing"),
    ],
)
async def test_an_answer_that_is_none_is_refused(page: bytes):
    problem = await failed(exchanged, page)
    assert isinstance(problem, SignInFailed)
    assert problem.reason == "exchange_failed"


async def test_a_redirect_gets_no_code():
    async with site() as there, site() as other:
        there.publish({"/token": status("307 X", b"", f"Location: {other.url}/token")})
        with pytest.raises(SignInFailed):
            await exchanged(there)
    assert other.asked == []


async def test_gigabytes_are_given_up():
    assert isinstance(
        await failed(exchanged, endless(OPEN_BODY, BIG_CHUNK)), ResponseTooLarge
    )


async def test_an_error_in_a_good_answer_is_an_error():
    problem = await failed(exchanged, {"error": "invalid_grant"})
    assert isinstance(problem, SignInFailed)
    assert "invalid_grant" in str(problem)


async def test_of_a_refusal_only_the_short_code_is_told():
    page = as_json(
        {
            "error": "invalid_grant\x00\x1b[31m\r\n\u202e",
            "error_description": "c0de is wrong, call 0900",
        },
        status="400 Bad Request",
    )
    problem = await failed(exchanged, page)
    said = f"{problem} {problem.suggestion}"
    assert "c0de" not in said
    assert "0900" not in said
    assert said.isprintable()


@pytest.mark.parametrize("code", ["invalid_client", "unauthorized_client"])
async def test_a_client_that_is_not_known_is_told_apart(code: str):
    page = as_json({"error": code}, status="401 Unauthorized")
    assert isinstance(await failed(exchanged, page), ClientRefused)


@pytest.mark.parametrize("line", ["500 X", "502 X", "503 X", "429 X", "408 X"])
async def test_a_service_that_does_not_work_now_refused_nothing(line: str):
    for verb in (exchanged, refreshed):
        assert isinstance(await failed(verb, status(line)), ServerError)


async def test_a_service_that_is_gone_is_a_connection_that_failed():
    async with site() as there:
        pass
    with pytest.raises(ConnectionFailed):
        await exchanged(there)


# --- Renewing ----------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "invalid_grant",
        "invalid_scope",
        "access_denied",
    ],
)
async def test_a_grant_ends_by_the_word_of_its_service(code: str):
    page = as_json({"error": code}, status="400 Bad Request")
    assert isinstance(await failed(refreshed, page), GrantWithdrawn)


@pytest.mark.parametrize("code", ["invalid_client", "unauthorized_client"])
async def test_a_client_that_is_gone_is_told_apart_from_its_grant(code: str):
    page = as_json({"error": code}, status="401 Unauthorized")
    assert isinstance(await failed(refreshed, page), ClientRefused)


@pytest.mark.parametrize(
    "page",
    [
        as_json({"error": "temporarily_unavailable"}, status="400 X"),
        status("400 X", b"<h1>Bad gateway</h1>"),
        status("403 X"),
        status("404 X"),
        status("200 OK", b"<h1>Log in to the hotel's WLAN</h1>"),
    ],
)
async def test_a_grant_does_not_end_by_anything_else(page: bytes):
    assert not isinstance(await failed(refreshed, page), GrantWithdrawn)


# --- Taking back -------------------------------------------------------------


@pytest.mark.parametrize("line", ["200 OK", "204 No Content"])
async def test_a_token_is_taken_back(line: str):
    async with site() as there:
        there.publish({"/revoke": status(line)})
        await revoked(there)


@pytest.mark.parametrize("line", ["302 X", "400 X", "503 X"])
async def test_what_is_not_confirmed_is_not_done(line: str):
    assert isinstance(await failed(revoked, status(line), "/revoke"), ServerError)
