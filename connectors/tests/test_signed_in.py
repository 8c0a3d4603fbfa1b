"""What is told of a sign-in by OAuth: whose, at whom, for what, until when."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors import signed_in
from connectors.models import GrantState, OAuthGrant

NOW = timezone.now()
LATER = NOW + timedelta(minutes=59)


def shown(**changes: Any) -> signed_in.SignedIn:
    fields = {
        "issuer": "https://auth.example/tenant",
        "account_label": "ada@example.org",
        "scope": "journal:read",
        "expires_at": LATER,
        "has_refresh": True,
        "state": GrantState.ACTIVE,
    }
    return signed_in.of(OAuthGrant(**{**fields, **changes}))


def test_it_names_the_account_the_host_and_the_permissions() -> None:
    found = shown()
    assert (found.account, found.host) == ("ada@example.org", "auth.example")
    assert [one.words for one in found.permissions] == ["Read journal"]


@pytest.mark.parametrize("state", [GrantState.ACTIVE, GrantState.REFRESHING])
def test_what_can_be_renewed_has_no_end(state: GrantState) -> None:
    found = shown(state=state)
    assert (found.until, found.ends_at) == (
        "renewed by itself until you disconnect", None,
    )  # fmt: skip
    assert not found.has_ended


def test_without_a_refresh_token_it_has_an_end_and_says_why() -> None:
    found = shown(has_refresh=False)
    assert (found.until, found.ends_at) == ("ends at", LATER)
    assert found.why == "no refresh token, you will sign in again"


def test_one_without_a_refresh_token_that_is_over_has_ended() -> None:
    gone = NOW - timedelta(minutes=1)
    found = shown(has_refresh=False, expires_at=gone)
    assert (found.until, found.ends_at) == ("ended at", gone)
    assert found.why == "no refresh token, sign in again"
    assert found.has_ended


def test_where_nobody_said_when_it_ends_that_is_told() -> None:
    found = shown(has_refresh=False, expires_at=None)
    assert (found.until, found.ends_at) == ("until auth.example ends it", None)
    assert found.why == "it did not say when, and gave no refresh token"


def test_one_that_was_withdrawn_has_ended_whatever_it_could_be_renewed_with() -> None:
    found = shown(state=GrantState.SIGN_IN_AGAIN)
    assert found.until == "ended: auth.example accepts it no more"
    assert found.has_ended


def test_a_new_one_that_the_server_refused_says_who_can_help() -> None:
    found = shown(state=GrantState.SIGN_IN_AGAIN, fresh_rejected=True)
    assert found.until == "ended: the server refuses even a new sign-in"
    assert found.why == "ask its owner, or sign in with another account"
    assert found.has_ended


def test_an_issuer_that_is_no_address_is_shown_as_it_is() -> None:
    assert shown(issuer="nonsense").host == "nonsense"


def test_what_the_server_wants_beside_it_is_told() -> None:
    assert shown().wanted == ""
    assert shown(wanted_scope="journal:write").wanted == "journal:write"
