"""The demo authorization server speaks the protocol, strictly."""

from typing import Any

import pytest

from demo.authority.records import ACCOUNTS
from demo.authority.running import RunningAuthority
from demo.tests.walking import REDIRECT, SCOPE, Walk, challenge, get, query


@pytest.fixture
def walk(authority: RunningAuthority) -> Walk:
    return Walk(authority=authority).registered()


def error(answer: Any, status: int = 400) -> Any:
    assert answer.status_code == status
    return answer.json()["error"]


# --- The way through ---------------------------------------------------------


def test_a_sign_in_gives_tokens(authority: RunningAuthority, walk: Walk) -> None:
    sent_back = authority.sign_in(walk.url())
    assert sent_back.startswith(f"{REDIRECT}?")
    answer = query(sent_back)
    assert (answer["state"], answer["iss"]) == ("a state", authority.issuer)
    told = walk.redeem(answer["code"])
    assert told.headers["cache-control"] == "no-store"
    given = told.json()
    assert given["scope"] == SCOPE
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 3600)
    assert given["access_token"] != given["refresh_token"]
    assert authority.token_requests == [
        {
            "grant_type": "authorization_code",
            "client_id": walk.client_id,
            "account": "ada",
            "outcome": "ok",
        }
    ]


def test_the_person_sees_who_asks_for_what(
    authority: RunningAuthority, walk: Walk
) -> None:
    page = get(walk.url())
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Walker &lt;b&gt; asks for your journal" in page.text
    assert "Read your journal" in page.text
    assert "Write into your journal" not in page.text
    for account in ACCOUNTS.values():
        assert account.email in page.text


def test_who_cancels_is_sent_back_without_a_code(
    authority: RunningAuthority, walk: Walk
) -> None:
    answer = query(authority.sign_in(walk.url(), allow=False))
    assert answer["error"] == "access_denied"
    assert (answer["state"], answer["iss"]) == ("a state", authority.issuer)
    assert "code" not in answer


def test_a_redirect_keeps_its_own_query(authority: RunningAuthority) -> None:
    uri = "https://patchbay.example/callback?from=demo"
    walk = Walk(authority=authority, redirect_uri=uri).registered()
    answer = query(authority.sign_in(walk.url()))
    assert answer["from"] == "demo"
    assert walk.redeem(answer["code"]).status_code == 200


def test_a_question_is_answered_once(authority: RunningAuthority, walk: Walk) -> None:
    ticket = get(walk.url()).text.partition('name="ticket" value="')[2][:22]
    form = {"ticket": ticket, "account": "ada", "answer": "allow"}
    assert walk.post("/authorize", form).status_code == 302
    again = walk.post("/authorize", form)
    assert again.status_code == 400
    assert "answered before" in again.text


def test_userinfo_says_whose_token_it_is(
    authority: RunningAuthority, walk: Walk
) -> None:
    url = f"{authority.issuer}/userinfo"
    token = walk.tokens("grace")["access_token"]
    assert get(url, authorization=f"Bearer {token}").json() == {
        "sub": "demo-2",
        "email": "grace@demo.example",
        "name": "Grace",
    }
    assert get(url).status_code == 401
    closed = walk.tokens(scope="journal:read")["access_token"]
    assert get(url, authorization=f"Bearer {closed}").status_code == 403


# --- The question is refused -------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "client-unknown"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": f"{REDIRECT}/"},
        {"redirect_uri": f"{REDIRECT}?more"},
        {"redirect_uri": "https://patchbay.example.evil.example/callback"},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_the_clients(
    walk: Walk, changes: dict[str, str | None]
) -> None:
    page = get(walk.url(**changes))
    assert page.status_code == 400
    assert "location" not in page.headers


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"resource": None}, "invalid_target"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"scope": "journal:read admin"}, "invalid_scope"),
    ],
)
def test_a_question_that_is_wrong_is_sent_back(
    authority: RunningAuthority,
    walk: Walk,
    changes: dict[str, str | None],
    code: str,
) -> None:
    answer = query(authority.sign_in(walk.url(**changes)))
    assert answer["error"] == code
    assert (answer["state"], answer["iss"]) == ("a state", authority.issuer)


def test_a_page_without_a_question_is_an_error_of_the_test(
    authority: RunningAuthority, walk: Walk
) -> None:
    with pytest.raises(ValueError, match="400"):
        authority.sign_in(walk.url(client_id="client-unknown"))


# --- Codes -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (
            {"code_verifier": "another-verifier-of-forty-three-characters-or-so"},
            "grant",
        ),
        ({"code_verifier": None}, "grant"),
        ({"code_verifier": challenge()}, "grant"),
        ({"redirect_uri": f"{REDIRECT}/"}, "grant"),
        ({"redirect_uri": None}, "grant"),
        ({"code": "another"}, "grant"),
        ({"resource": "https://elsewhere.example/mcp"}, "target"),
        ({"resource": None}, "target"),
    ],
)
def test_a_code_is_exchanged_only_as_it_was_asked_for(
    authority: RunningAuthority, walk: Walk, changes: dict[str, Any], code: str
) -> None:
    assert error(walk.redeem(walk.code(), **changes)) == f"invalid_{code}"
    assert authority.token_requests[-1]["outcome"] == f"invalid_{code}"


def test_a_code_belongs_to_its_client(authority: RunningAuthority, walk: Walk) -> None:
    thief = Walk(authority=authority).registered()
    code = walk.code()
    assert error(thief.redeem(code)) == "invalid_grant"
    assert walk.redeem(code).status_code == 200


def test_a_code_that_comes_twice_ends_what_it_gave(
    authority: RunningAuthority, walk: Walk
) -> None:
    code = walk.code()
    given = walk.redeem(code).json()
    assert error(walk.redeem(code)) == "invalid_grant"
    assert error(walk.refresh(given["refresh_token"])) == "invalid_grant"


def test_without_offline_access_there_is_no_refresh_token(walk: Walk) -> None:
    assert "refresh_token" not in walk.tokens(scope="journal:read openid")


def test_other_grants_are_not_offered(walk: Walk) -> None:
    for grant_type, code in (
        ("password", "unsupported_grant_type"),
        ("client_credentials", "unsupported_grant_type"),
        ("", "unsupported_grant_type"),
    ):
        assert error(walk.post("/token", {"grant_type": grant_type})) == code


# --- Refreshing --------------------------------------------------------------


def test_a_refresh_gives_new_tokens(authority: RunningAuthority, walk: Walk) -> None:
    first = walk.tokens("grace")
    second = walk.refresh(first["refresh_token"]).json()
    assert first["access_token"] != second["access_token"]
    assert first["refresh_token"] != second["refresh_token"]
    assert second["scope"] == SCOPE
    assert authority.token_requests[-1]["account"] == "grace"
    assert walk.refresh(second["refresh_token"]).status_code == 200
    assert authority.reuses == 0


def test_a_used_refresh_token_that_comes_again_ends_the_sign_in(
    authority: RunningAuthority, walk: Walk
) -> None:
    other = walk.tokens()
    first = walk.tokens()["refresh_token"]
    second = walk.refresh(first).json()
    assert error(walk.refresh(first)) == "invalid_grant"
    assert authority.reuses == 1
    assert error(walk.refresh(second["refresh_token"])) == "invalid_grant"
    assert authority.reuses == 1
    bearer = f"Bearer {second['access_token']}"
    userinfo = f"{authority.issuer}/userinfo"
    assert get(userinfo, authorization=bearer).status_code == 401
    # What was allowed another time is another sign-in.
    assert walk.refresh(other["refresh_token"]).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"scope": f"{SCOPE} journal:write"}, "invalid_scope"),
        ({"refresh_token": "another"}, "invalid_grant"),
    ],
)
def test_a_refresh_gives_no_more_than_was_allowed(
    walk: Walk, changes: dict[str, Any], code: str
) -> None:
    token = walk.tokens()["refresh_token"]
    assert error(walk.refresh(token, **changes)) == code
    assert walk.refresh(token).status_code == 200


def test_a_refresh_can_ask_for_less(walk: Walk) -> None:
    token = walk.tokens()["refresh_token"]
    assert walk.refresh(token, scope="openid").json()["scope"] == "openid"


def test_a_refresh_token_belongs_to_its_client(
    authority: RunningAuthority, walk: Walk
) -> None:
    thief = Walk(authority=authority).registered()
    token = walk.tokens()["refresh_token"]
    assert error(thief.refresh(token)) == "invalid_grant"
    assert walk.refresh(token).status_code == 200


# --- Revoking ----------------------------------------------------------------


def test_revoking_the_refresh_token_ends_the_sign_in(
    authority: RunningAuthority, walk: Walk
) -> None:
    given = walk.tokens()
    assert walk.revoke(given["refresh_token"]).status_code == 200
    assert error(walk.refresh(given["refresh_token"])) == "invalid_grant"
    assert authority.authority.access(given["access_token"]) is None
    (seen,) = authority.revocations
    assert (seen["account"], seen["outcome"]) == ("ada", "ok")


def test_revoking_an_access_token_ends_nothing_else(
    authority: RunningAuthority, walk: Walk
) -> None:
    given = walk.tokens()
    assert walk.revoke(given["access_token"]).status_code == 200
    assert authority.authority.access(given["access_token"]) is None
    assert walk.refresh(given["refresh_token"]).status_code == 200


def test_an_unknown_token_is_revoked_already(
    authority: RunningAuthority, walk: Walk
) -> None:
    assert walk.revoke("unknown").status_code == 200
    assert authority.revocations[-1]["outcome"] == "unknown token"


def test_nobody_revokes_what_is_somebody_elses(
    authority: RunningAuthority, walk: Walk
) -> None:
    given = walk.tokens()
    thief = Walk(authority=authority).registered()
    assert thief.revoke(given["refresh_token"]).status_code == 200
    assert walk.refresh(given["refresh_token"]).status_code == 200


# --- Metadata ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
def test_the_metadata_says_what_is_offered(
    authority: RunningAuthority, name: str
) -> None:
    said = get(f"{authority.issuer}/.well-known/{name}").json()
    assert said["issuer"] == authority.issuer
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["authorization_response_iss_parameter_supported"] is True
    for endpoint in ("authorization", "token", "registration", "revocation"):
        assert said[f"{endpoint}_endpoint"].startswith(f"{authority.issuer}/")
    assert "client_id_metadata_document_supported" not in said
