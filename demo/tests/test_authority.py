"""The demo authorization server speaks the protocol, strictly."""

import pytest

from demo.authority.running import RunningAuthority
from demo.tests.walking import REDIRECT, SCOPE, Walk, get, query


@pytest.fixture
def walk(authority: RunningAuthority) -> Walk:
    return Walk(authority=authority).registered()


def test_a_sign_in_gives_tokens(authority: RunningAuthority, walk: Walk) -> None:
    sent_back = authority.sign_in(walk.url())
    assert sent_back.startswith(f"{REDIRECT}?")
    answer = query(sent_back)
    assert (answer["state"], answer["iss"]) == ("a state", authority.issuer)
    told = walk.redeem(answer["code"])
    assert told.headers["cache-control"] == "no-store"
    assert set(told.json()) == {
        "access_token",
        "token_type",
        "scope",
        "expires_in",
        "refresh_token",
    }
    assert told.json()["scope"] == SCOPE
    (seen,) = authority.token_requests
    assert seen == {
        "grant_type": "authorization_code",
        "client_id": walk.client_id,
        "account": "ada",
        "outcome": "ok",
    }


def test_a_used_refresh_token_that_comes_again_ends_the_sign_in(
    authority: RunningAuthority, walk: Walk
) -> None:
    first = walk.tokens()["refresh_token"]
    second = walk.refresh(first).json()
    assert second["refresh_token"] != first
    again = walk.refresh(first)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert authority.reuses == 1
    assert walk.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    assert authority.reuses == 1
    bearer = f"Bearer {second['access_token']}"
    userinfo = f"{authority.issuer}/userinfo"
    assert get(userinfo, authorization=bearer).status_code == 401
