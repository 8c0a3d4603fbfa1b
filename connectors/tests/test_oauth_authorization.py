"""The person is sent to sign in, and comes back."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.auth import oauth
from connectors.auth.oauth import AuthorizationServer, Discovery, Pending
from connectors.errors import SignInFailed
from connectors.tests.oauth_site import pending_of, server_of

ISSUER = "https://as.example"
BACK = "https://patchbay.example/api/oauth/callback"


def begun(
    *, scope: str = "read", resource: str = "https://mcp.example/mcp", **server: Any
) -> Pending:
    return oauth.begin(
        discovery=Discovery(
            server=server_of(ISSUER, **server), resource=resource, scope=scope
        ),
        client_id="me",
        redirect_uri=BACK,
        scope=scope,
    )


def query_of(pending: Pending) -> dict[str, list[str]]:
    return parse_qs(urlsplit(pending.url).query)


# --- The way there -----------------------------------------------------------


def test_the_address_has_all_that_the_service_needs():
    pending = begun()
    challenge = base64.urlsafe_b64encode(
        hashlib.sha256(pending.verifier.encode()).digest()
    )
    assert query_of(pending) == {
        "response_type": ["code"],
        "client_id": ["me"],
        "redirect_uri": [BACK],
        "state": [pending.state],
        "code_challenge": [challenge.rstrip(b"=").decode()],
        "code_challenge_method": ["S256"],
        "resource": ["https://mcp.example/mcp"],
        "scope": ["read"],
    }
    assert pending.verifier not in pending.url


def test_no_two_sign_ins_have_anything_in_common():
    one, other = begun(), begun()
    assert one.state != other.state
    assert one.verifier != other.verifier
    # RFC 7636 section 4.1; RFC 6749 section 10.10 for the state.
    assert 43 <= len(one.verifier) <= 128
    assert len(one.state) >= 43


def test_what_is_not_known_is_left_out():
    query = query_of(begun(scope="", resource=""))
    assert query.keys().isdisjoint({"scope", "resource", "prompt"})


def test_who_wants_to_stay_signed_in_asks_for_consent():
    assert query_of(begun(scope="read offline_access"))["prompt"] == ["consent"]


def test_whoever_has_an_account_there_is_asked_which():
    pending = oauth.begin(
        discovery=Discovery(server=server_of(ISSUER), resource="", scope=""),
        client_id="me",
        redirect_uri=BACK,
        scope="offline_access",
        prompt="select_account",
    )
    assert query_of(pending)["prompt"] == ["select_account consent"]


def test_the_services_own_parameters_stay_and_ours_win():
    pending = begun(
        authorization_endpoint=f"{ISSUER}/go?tenant=7&empty=&state=theirs&scope=all#x"
    )
    query = parse_qs(urlsplit(pending.url).query, keep_blank_values=True)
    assert (query["tenant"], query["empty"]) == (["7"], [""])
    assert query["state"] == [pending.state]
    assert query["scope"] == ["read"]
    assert "#" not in pending.url


def test_a_provider_that_wants_more_gets_it():
    query = query_of(
        begun(authorization_endpoint="https://accounts.google.com/o/oauth2/v2/auth")
    )
    assert query["access_type"] == ["offline"]


def test_a_lookalike_of_a_provider_gets_nothing():
    query = query_of(begun(authorization_endpoint="https://notaccounts.google.com.x/a"))
    assert "access_type" not in query


@pytest.mark.parametrize(
    "address",
    ["http://as.example/a", "javascript:alert(1)", "ftp://as.example", "/authorize"],
)
def test_nobody_is_sent_to_an_unsafe_address(address: str):
    server = AuthorizationServer(
        issuer=ISSUER, authorization_endpoint=address, token_endpoint=f"{ISSUER}/token"
    )
    with pytest.raises(SignInFailed):
        oauth.begin(
            discovery=Discovery(server=server, resource="", scope=""),
            client_id="me",
            redirect_uri=BACK,
            scope="",
        )


@pytest.mark.parametrize("host", ["127.0.0.1:7", "localhost:7"])
def test_loopback_may_be_in_clear_where_it_may_be_reached(
    host: str, allow_loopback: None
):
    pending = begun(authorization_endpoint=f"http://{host}/authorize")
    assert pending.url.startswith(f"http://{host}/authorize?")


def test_loopback_is_not_safe_where_it_may_not_be_reached():
    with pytest.raises(SignInFailed):
        server_of("http://127.0.0.1:7")


def test_a_sign_in_survives_being_stored():
    pending = begun()
    stored = Pending.of(pending.stored())
    assert stored.verifier == pending.verifier
    assert stored.server == pending.server
    # They are kept by the browser alone.
    assert stored.state == stored.url == ""
    for secret in (pending.verifier, pending.state):
        assert secret not in repr(pending)


# --- The way back ------------------------------------------------------------


def came_back(*, sends_issuer: bool = False, **params: Any) -> str:
    server = pending_of(
        ISSUER, authorization_response_iss_parameter_supported=sends_issuer
    ).server
    return oauth.check_callback(params, server)


def reason(*, sends_issuer: bool = False, **params: Any) -> str:
    with pytest.raises(SignInFailed) as caught:
        came_back(sends_issuer=sends_issuer, **params)
    for value in params.values():
        if len(value) > 4 and value not in ("access_denied", "server_error"):
            assert value not in str(caught.value)
    return caught.value.reason


def test_a_code_comes_back():
    assert came_back(code="c0de") == "c0de"
    assert came_back(code="c0de", iss=ISSUER) == "c0de"
    assert came_back(sends_issuer=True, code="c0de", iss=ISSUER) == "c0de"


@pytest.mark.parametrize(
    "iss", ["https://evil.example", f"{ISSUER}/", ISSUER.upper(), "", f"{ISSUER}:443"]
)
def test_the_issuer_is_compared_to_the_letter(iss: str):
    for sends_issuer in (False, True):
        assert (
            reason(sends_issuer=sends_issuer, code="c0de", iss=iss) == "issuer_mismatch"
        )


def test_an_issuer_that_was_promised_must_come():
    assert reason(sends_issuer=True, code="c0de") == "issuer_mismatch"


def test_the_issuer_is_looked_at_before_the_error():
    assert reason(error="access_denied", iss="https://evil.example") == (
        "issuer_mismatch"
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("access_denied", "access_denied"),
        ("login_required", "access_denied"),
        ("temporarily_unavailable", "unavailable"),
        ("server_error", "unavailable"),
        ("invalid_scope", "provider_error"),
        ("<script>", "provider_error"),
        ("", "provider_error"),
    ],
)
def test_an_error_is_told_in_our_own_words(error: str, expected: str):
    assert reason(error=error, error_description="call 0900-123") == expected


def test_an_error_beside_a_code_is_an_error():
    assert reason(error="access_denied", code="c0de-1") == "access_denied"


@pytest.mark.parametrize("code", ["", "x" * 9000])
def test_what_is_no_code_is_refused(code: str):
    assert reason(code=code) == "no_code"
    assert reason() == "no_code"


@given(st.dictionaries(st.sampled_from(["code", "error", "iss", "state"]), st.text()))
def test_any_callback_is_answered_or_refused(params: dict[str, str]):
    try:
        code = oauth.check_callback(params, server_of(ISSUER))
    except SignInFailed:
        return
    assert code == params["code"]
