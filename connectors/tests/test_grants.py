"""Grants: a token that is good now, renewed once, and ended by one word alone."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from connectors import cards, grant_rows, grants
from connectors.errors import (
    GrantWithdrawn,
    ResponseTooLarge,
    SecretUnreadable,
    ServerError,
    ServerFailure,
    TimedOut,
)
from connectors.models import GrantState, OAuthGrant, Status, UserMCPConnection
from connectors.tests import granted
from demo.authority.running import RunningAuthority

pytestmark = pytest.mark.usefixtures("allow_loopback")


@pytest.fixture
def grant(alice: User, authority: RunningAuthority) -> OAuthGrant:
    return granted.signed_in(alice, authority)


def bearer(grant: OAuthGrant) -> grants.Bearer:
    return async_to_sync(grants.bearer)(grant.pk)


# --- What is stored ----------------------------------------------------------


def test_a_grant_knows_when_it_ends_and_when_it_is_renewed(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    assert grant.expires_at is not None
    assert grant.refresh_at is not None
    left_s = (grant.expires_at - timezone.now()).total_seconds()
    assert 3590 < left_s <= 3600
    share = 1 - (grant.expires_at - grant.refresh_at).total_seconds() / 3600
    assert 0.71 < share < 0.89
    assert (grant.state, grant.version) == (GrantState.ACTIVE, 1)
    assert grant.issuer == authority.issuer
    assert grant.resource == authority.mcp_url
    assert grant.account_label == "ada"


def test_signing_in_again_replaces_the_tokens_and_keeps_the_row(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    before = granted.token_of(grant)
    OAuthGrant.objects.update(
        state=GrantState.SIGN_IN_AGAIN,
        fresh_rejected=True,
        wanted_scope="journal:write",
        lease_owner="somebody",
    )
    again = granted.sign_in_again(granted.reread(grant), authority)
    assert again.pk == grant.pk
    assert again.version == 2
    row = granted.reread(grant)
    assert (row.state, row.fresh_rejected) == (GrantState.ACTIVE, False)
    assert (row.wanted_scope, row.lease_owner) == ("", "")
    assert granted.token_of(grant) != before


def test_a_grant_without_a_refresh_token_is_not_renewed(
    alice: User, authority: RunningAuthority
) -> None:
    authority.switches.issues_refresh_token = False
    row = granted.signed_in(alice, authority)
    assert not row.has_refresh
    assert row.refresh_at is None


# --- A token that is good now ------------------------------------------------


def test_a_token_that_is_good_is_given_as_it_is(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    found = bearer(grant)
    assert found.access_token == granted.token_of(grant)
    assert found.access_token not in repr(found)
    assert not found.is_fresh
    assert granted.refreshes(authority) == []


def test_a_token_that_has_ended_is_renewed_first(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    before = granted.token_of(grant)
    granted.end(grant)
    with capture_logs() as logs:
        found = bearer(grant)
    assert found.is_fresh
    assert found.access_token == granted.token_of(grant) != before
    assert granted.refreshes(authority) == ["ok"]
    row = granted.reread(grant)
    assert (row.state, row.version) == (GrantState.ACTIVE, 2)
    assert (row.lease_owner, row.lease_until) == ("", None)
    assert row.refresh_started_at is None
    assert row.expires_at is not None
    assert row.expires_at > timezone.now() + timedelta(seconds=3500)
    assert [log["event"] for log in logs] == ["oauth.refreshed"]


def test_of_many_callers_one_renews(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    granted.end(grant)

    async def all_at_once() -> set[str]:
        found = await asyncio.gather(*(grants.bearer(grant.pk) for _ in range(16)))
        return {one.access_token for one in found}

    assert async_to_sync(all_at_once)() == {granted.token_of(grant)}
    assert granted.refreshes(authority) == ["ok"]
    assert authority.reuses == 0


def test_a_caller_who_leaves_does_not_end_the_renewal(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    granted.end(grant)
    authority.switches.token_delay_s = 0.3

    async def leave() -> grants.Bearer:
        first = asyncio.ensure_future(grants.bearer(grant.pk))
        await asyncio.to_thread(granted.until, lambda: authority.token_requests[1:])
        first.cancel()
        return await grants.bearer(grant.pk)

    assert async_to_sync(leave)().access_token == granted.token_of(grant)
    assert granted.refreshes(authority) == ["ok"]


def test_a_token_that_nobody_can_renew_is_used_to_its_end(
    alice: User, authority: RunningAuthority
) -> None:
    authority.switches.issues_refresh_token = False
    row = granted.signed_in(alice, authority)
    granted.end(row, by_s=-2)
    assert bearer(row).access_token == granted.token_of(row)
    granted.end(row)
    with pytest.raises(GrantWithdrawn):
        bearer(row)
    assert granted.refreshes(authority) == []
    connector = UserMCPConnection.objects.get()
    assert connector.status == Status.SIGN_IN_AGAIN
    assert cards.card(connector).look.word == "Sign in again"


def test_a_token_without_an_end_is_used_until_it_is_refused(
    alice: User, authority: RunningAuthority
) -> None:
    authority.switches.says_expiry = False
    row = granted.signed_in(alice, authority)
    assert (row.expires_at, row.refresh_at) == (None, None)
    old = bearer(row)
    new = async_to_sync(grants.renewed)(old)
    assert new.access_token != old.access_token
    assert new.is_fresh


# --- Clocks ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lifetime_s", "left_s", "is_renewed"),
    [(3600, 40, False), (3600, 20, True), (10, 3, False), (10, 1, True)],
)
def test_a_token_counts_as_ended_a_little_earlier(
    alice: User,
    authority: RunningAuthority,
    lifetime_s: int,
    left_s: float,
    is_renewed: bool,
) -> None:
    authority.switches.expires_in_s = lifetime_s
    row = granted.signed_in(alice, authority)
    granted.end(row, by_s=-left_s)
    assert bearer(row).is_fresh == is_renewed


def test_a_clock_that_jumps_ahead_costs_one_renewal(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    # As it is when our clock goes an hour ahead of when the token was stored.
    granted.end(grant, by_s=1800)
    assert bearer(grant).is_fresh
    assert not bearer(grant).is_fresh
    assert granted.refreshes(authority) == ["ok"]


def test_a_clock_that_jumps_back_keeps_nobody_out(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    # As it is when our clock goes back by an hour while somebody has the lease.
    hour = timedelta(hours=1)
    OAuthGrant.objects.update(
        state=GrantState.REFRESHING,
        lease_owner="somebody",
        lease_until=timezone.now() + hour,
        refresh_started_at=timezone.now() + hour,
        expires_at=timezone.now() + 2 * hour,
    )
    authority.expire_all()
    old = bearer(grant)
    assert async_to_sync(grants.renewed)(old).is_fresh
    assert granted.refreshes(authority) == ["ok"]
    row = granted.reread(grant)
    assert row.expires_at is not None
    assert row.expires_at < timezone.now() + hour


# --- A process that died -----------------------------------------------------


def die(grant: OAuthGrant, owner: str = "somebody") -> None:
    """Leave the row as a process does that was killed while it renewed."""
    then = timezone.now() - timedelta(seconds=31)
    OAuthGrant.objects.filter(pk=grant.pk).update(
        state=GrantState.REFRESHING,
        lease_owner=owner,
        lease_until=timezone.now() - timedelta(seconds=1),
        refresh_started_at=then,
        expires_at=then,
    )


def test_what_a_dead_process_tried_is_tried_once_more(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    die(grant)
    assert bearer(grant).is_fresh
    assert granted.refreshes(authority) == ["ok"]
    assert granted.reread(grant).state == GrantState.ACTIVE


def test_a_renewal_that_kills_its_process_twice_is_not_tried_again(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    die(grant, owner=f"{grant_rows.AGAIN}somebody")
    with pytest.raises(GrantWithdrawn):
        bearer(grant)
    assert granted.refreshes(authority) == []
    assert UserMCPConnection.objects.get().status == Status.SIGN_IN_AGAIN


def test_who_waits_for_a_dead_process_waits_no_longer_than_its_lease(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    die(grant)
    OAuthGrant.objects.update(lease_until=timezone.now() + timedelta(seconds=1))
    assert bearer(grant).is_fresh
    assert granted.refreshes(authority) == ["ok"]


def test_the_worker_finds_what_a_dead_process_left(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    die(grant)
    assert grant_rows.due(limit=50) == [(grant.pk, 1)]


# --- Token endpoints that do not work ----------------------------------------

AWAY = {
    "503": ServerError,
    "html": ServerError,
    "huge": ResponseTooLarge,
    "lost": ServerError,
    "silent": TimedOut,
}


@pytest.mark.parametrize(("how", "failure"), AWAY.items())
def test_a_service_that_does_not_work_ends_no_grant(
    grant: OAuthGrant,
    authority: RunningAuthority,
    settings: Settings,
    how: Any,
    failure: type[ServerFailure],
) -> None:
    settings.TEST_TIMEOUT_S = 1
    authority.switches.token_endpoint = how
    authority.switches.rotates = False
    granted.end(grant)
    with capture_logs() as logs, pytest.raises(failure) as caught:
        bearer(grant)
    assert not isinstance(caught.value, GrantWithdrawn)
    assert granted.tokens_of(grant)["refresh_token"] not in str(logs)
    row = granted.reread(grant)
    assert (row.state, row.version, row.lease_owner) == (GrantState.ACTIVE, 1, "")
    assert row.refresh_started_at is None
    authority.switches.token_endpoint = "works"
    assert bearer(grant).is_fresh


def test_a_token_that_is_still_good_is_used_while_the_service_is_away(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    authority.switches.token_endpoint = "503"
    granted.end(grant, by_s=-5)
    assert bearer(grant).access_token == granted.token_of(grant)
    granted.end(grant)
    with pytest.raises(ServerError):
        bearer(grant)


def test_who_waited_in_vain_does_not_ask_again(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    authority.switches.token_endpoint = "503"
    authority.switches.token_delay_s = 0.3
    granted.end(grant)

    async def all_at_once() -> list[object]:
        callers = [grants.bearer(grant.pk) for _ in range(8)]
        return await asyncio.gather(*callers, return_exceptions=True)

    found = async_to_sync(all_at_once)()
    assert {type(one) for one in found} == {ServerError}
    assert granted.refreshes(authority) == ["503"]


def test_what_the_service_says_is_shown_to_nobody(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    authority.switches.token_endpoint = "garbled"
    granted.end(grant)
    with capture_logs() as logs, pytest.raises(GrantWithdrawn) as caught:
        bearer(grant)
    assert "red" not in caught.value.message
    assert "bold" not in str(logs)


# --- Storing what came -------------------------------------------------------


def test_a_database_that_is_busy_loses_no_token(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    granted.end(grant)

    def fail() -> None:
        raise OperationalError("locked")

    with granted.before_they_are_kept(fail):
        found = bearer(grant)
    assert found.access_token == granted.token_of(grant)
    assert granted.refreshes(authority) == ["ok"]


def test_tokens_that_cannot_be_opened_are_said(
    grant: OAuthGrant, authority: RunningAuthority, settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = {"other": b"x" * 32}
    with pytest.raises(SecretUnreadable):
        bearer(grant)
    assert granted.refreshes(authority) == []


# --- What is wanted beside ---------------------------------------------------


def test_what_is_wanted_adds_up(grant: OAuthGrant) -> None:
    for scope in ("journal:write", "journal:write openid", "x" * 2001):
        grant_rows.want_more(grant_id=grant.pk, scope=scope)
    assert granted.reread(grant).wanted_scope == "journal:write openid"
    grant_rows.want_more(grant_id=404, scope="openid")


def test_a_refusal_of_what_was_replaced_changes_nothing(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    old = bearer(grant)
    granted.sign_in_again(grant, authority)
    async_to_sync(grants.refused)(old)
    assert granted.reread(grant).state == GrantState.ACTIVE
    assert UserMCPConnection.objects.get().status == Status.READY


# --- Whose it is -------------------------------------------------------------


def test_a_withdrawal_leaves_what_staff_removed_as_it_is(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    removed = Status.REMOVED_BY_ADMIN
    UserMCPConnection.objects.update(status=removed, slot=None)
    authority.withdraw()
    granted.end(grant)
    with pytest.raises(GrantWithdrawn):
        bearer(grant)
    assert granted.reread(grant).state == GrantState.SIGN_IN_AGAIN
    assert UserMCPConnection.objects.get().status == removed


def test_a_grant_of_a_system_tool_lives_without_a_connector(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    OAuthGrant.objects.update(connector=None, system_tool="mail")
    granted.end(grant)
    assert bearer(grant).is_fresh
    authority.withdraw()
    granted.end(grant)
    with pytest.raises(GrantWithdrawn):
        bearer(grant)
    assert granted.reread(grant).state == GrantState.SIGN_IN_AGAIN
    assert UserMCPConnection.objects.get().status == Status.READY
