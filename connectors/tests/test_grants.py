"""Grants: a token that is good now, renewed once, and ended by one word alone."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from structlog.testing import capture_logs

from accounts.models import User
from connectors import grants
from connectors.models import GrantState, OAuthGrant
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
