"""Every way to dial a stored connector: with a token that is good, or none at all."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from connectors import activity, credentials, refreshing
from connectors.errors import (
    GrantWithdrawn,
    ServerError,
    ServerFailure,
    SignInRequired,
)
from connectors.models import (
    GrantState,
    OAuthGrant,
    Outcome,
    Status,
    ToolCall,
    UserMCPConnection,
)
from connectors.tests import granted, rows, verbs
from demo.authority.running import RunningAuthority

pytestmark = pytest.mark.usefixtures("allow_loopback")

CONNECTORS = UserMCPConnection.objects
ENTRY = {"title": "Rain"}


@pytest.fixture(autouse=True)
def short_limits(settings: Settings) -> None:
    settings.RETRY_DELAY_S = 0.05


@pytest.fixture
def grant(alice: User, authority: RunningAuthority) -> OAuthGrant:
    return granted.signed_in(alice, authority)


def call(user: User, grant: OAuthGrant, tool: str = "whoami", **given: Any) -> Any:
    assert grant.connector_id
    return verbs.call(user, grant.connector_id, tool, given)


def evidence() -> tuple[str, str, int]:
    row = ToolCall.objects.get()
    return row.outcome, row.error_code, row.attempts


# --- Calls -------------------------------------------------------------------


def test_a_call_goes_with_the_token_of_its_grant(
    alice: User, authority: RunningAuthority, grant: OAuthGrant
) -> None:
    assert call(alice, grant).structured_content["name"] == "Ada"
    assert granted.refreshes(authority) == []


def test_a_token_that_ended_unnoticed_is_renewed_and_the_call_sent_again(
    alice: User, authority: RunningAuthority, grant: OAuthGrant
) -> None:
    authority.expire_all()
    assert not call(alice, grant).is_error
    assert granted.refreshes(authority) == ["ok"]
    assert [one["tool"] for one in authority.mcp_calls] == ["whoami"]
    assert evidence() == (Outcome.OK, "", 2)
    assert CONNECTORS.get().status == Status.READY


def test_a_withdrawn_grant_ends_the_call_and_shows_on_the_connector(
    alice: User, authority: RunningAuthority, grant: OAuthGrant
) -> None:
    authority.withdraw()
    with capture_logs() as logs, pytest.raises(SignInRequired) as caught:
        call(alice, grant)
    assert caught.value.connector_id == grant.connector_id
    assert caught.value.is_oauth
    assert granted.refreshes(authority) == ["invalid_grant"]
    row = CONNECTORS.get()
    assert (row.status, row.is_verified) == (Status.SIGN_IN_AGAIN, False)
    assert (row.last_error_code, row.consecutive_failures) == ("AUTH_FAILED", 1)
    assert granted.reread(grant).state == GrantState.SIGN_IN_AGAIN
    assert "oauth.sign_in_again" in [log["event"] for log in logs]
    # Nobody is asked again in vain.
    with pytest.raises(SignInRequired):
        call(alice, grant)
    assert len(granted.refreshes(authority)) == 1


def test_a_new_token_that_is_refused_ends_the_grant(
    alice: User, authority: RunningAuthority, grant: OAuthGrant
) -> None:
    authority.switches.refuses_tokens = True
    with pytest.raises(SignInRequired, match="refuses even a new sign-in") as caught:
        call(alice, grant)
    assert "another account" in caught.value.message
    row = granted.reread(grant)
    assert (row.state, row.fresh_rejected) == (GrantState.SIGN_IN_AGAIN, True)
    assert granted.refreshes(authority) == ["ok"]
    assert CONNECTORS.get().status == Status.SIGN_IN_AGAIN
    # It is still so for who calls later, or tests.
    with pytest.raises(SignInRequired, match="refuses even a new sign-in"):
        call(alice, grant)
    report = verbs.retest(alice, granted.connector_of(grant).pk)
    assert "another account" in (report.result.suggestion or "")


def test_a_sign_in_service_that_is_away_ends_nothing(
    alice: User, authority: RunningAuthority, grant: OAuthGrant
) -> None:
    authority.expire_all()
    authority.switches.token_endpoint = "503"
    with pytest.raises(ServerError):
        call(alice, grant)
    assert granted.reread(grant).state == GrantState.ACTIVE
    assert CONNECTORS.get().is_verified
    authority.switches.token_endpoint = "works"
    assert not call(alice, grant).is_error
    assert CONNECTORS.get().status == Status.READY


@pytest.mark.parametrize("how", ["503", "silent"])
@pytest.mark.parametrize("is_noticed", [True, False])
def test_a_sign_in_service_that_is_away_says_nothing_of_the_server(
    alice: User,
    authority: RunningAuthority,
    grant: OAuthGrant,
    settings: Settings,
    how: Any,
    is_noticed: bool,
) -> None:
    settings.TEST_TIMEOUT_S = 0.5
    granted.end(grant) if is_noticed else authority.expire_all()
    authority.switches.token_endpoint = how
    with pytest.raises(ServerFailure) as caught:
        call(alice, grant)
    assert caught.value.message.startswith("Its sign-in service ")
    assert "Try again" in caught.value.suggestion
    assert evidence()[0] == Outcome.NOT_SENT
    assert refresh(grant).failure is not None
    report = verbs.retest(alice, granted.connector_of(grant).pk)
    assert (report.result.error_message or "").startswith("Its sign-in service ")
    assert not report.ticket
    row = CONNECTORS.get()
    assert (row.status, row.is_verified) == (Status.READY, True)
    assert (row.last_error_code, row.consecutive_failures) == ("", 0)


def test_a_call_that_needs_more_says_so_and_disproves_nothing(
    alice: User, authority: RunningAuthority, grant: OAuthGrant
) -> None:
    with pytest.raises(SignInRequired) as caught:
        call(alice, grant, "add_entry", **ENTRY)
    assert "journal:write" in caught.value.message
    assert caught.value.connector_id == grant.connector_id
    assert evidence() == (Outcome.REFUSED, "SIGN_IN_REQUIRED", 1)
    verdict = activity.of_call(ToolCall.objects.get())
    assert verdict.word == "Needs one more permission"
    assert granted.reread(grant).wanted_scope == "journal:write"
    assert granted.refreshes(authority) == []
    row = CONNECTORS.get()
    assert (row.status, row.is_verified) == (Status.READY, True)
    assert row.consecutive_failures == 0
    assert not call(alice, grant).is_error


def test_a_refusal_of_an_older_token_says_nothing_of_a_newer_sign_in(
    alice: User, authority: RunningAuthority, grant: OAuthGrant
) -> None:
    assert grant.connector is not None
    old = async_to_sync(credentials.of)(grant.connector)
    granted.sign_in_again(grant, authority)
    assert async_to_sync(old.renew)()
    assert granted.refreshes(authority) == []
    assert old.access_token == granted.token_of(grant)


def test_who_is_signed_in_nowhere_dials_with_nothing(alice: User) -> None:
    row = rows.connector(alice, auth_type="oauth")
    found = async_to_sync(credentials.of)(row)
    assert (found.headers, found.access_token) == ({}, "")
    assert not async_to_sync(found.renew)()


def test_the_token_of_another_server_is_not_sent_to_where_a_connector_was(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    as_it_was = granted.connector_of(grant)
    as_it_was.server_url = "https://before.example/mcp"
    assert async_to_sync(credentials.of)(as_it_was).access_token == ""
    # Another path is the same server.
    as_it_was.server_url = authority.mcp_url + "/v2"
    assert async_to_sync(credentials.of)(as_it_was).access_token


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ({"auth_type": "none"}, {}),
        (verbs.token("secret-token"), {"Authorization": "Bearer secret-token"}),
    ],
)
def test_other_kinds_of_sign_in_have_nothing_to_renew(
    alice: User, kind: dict[str, Any], headers: dict[str, str]
) -> None:
    found = async_to_sync(credentials.of)(rows.connector(alice, **kind))
    assert found.headers == headers
    assert "secret-token" not in repr(found)
    assert not async_to_sync(found.renew)()


def test_a_grant_that_is_over_is_said_without_dialling(
    authority: RunningAuthority, grant: OAuthGrant
) -> None:
    OAuthGrant.objects.update(state=GrantState.SIGN_IN_AGAIN)
    assert grant.connector is not None
    with pytest.raises(GrantWithdrawn):
        async_to_sync(credentials.of)(grant.connector)


# --- Listings ----------------------------------------------------------------


def refresh(grant: OAuthGrant) -> refreshing.Refreshed:
    row = granted.connector_of(grant)
    return async_to_sync(refreshing.refresh_listing)(row)


def test_a_listing_renews_a_token_that_ended_unnoticed(
    authority: RunningAuthority, grant: OAuthGrant
) -> None:
    authority.expire_all()
    assert refresh(grant).failure is None
    assert granted.refreshes(authority) == ["ok"]
    assert CONNECTORS.get().tool_count == 4


def test_a_listing_finds_that_a_grant_was_withdrawn(
    authority: RunningAuthority, grant: OAuthGrant
) -> None:
    authority.withdraw()
    assert isinstance(refresh(grant).failure, GrantWithdrawn)
    row = CONNECTORS.get()
    assert (row.status, row.consecutive_failures) == (Status.SIGN_IN_AGAIN, 1)
