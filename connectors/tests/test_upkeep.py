"""What the worker does for sign-ins."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from structlog.testing import capture_logs

from accounts.models import User
from connectors import manager, ticker, upkeep
from connectors.models import (
    ClientKind,
    GrantState,
    OAuthClient,
    OAuthFlow,
    OAuthGrant,
    OAuthRevocation,
    Status,
    UserMCPConnection,
)
from connectors.tests import granted, verbs
from demo.authority.running import RunningAuthority

pytestmark = pytest.mark.usefixtures("allow_loopback")


@pytest.fixture
def grant(alice: User, authority: RunningAuthority) -> OAuthGrant:
    return granted.signed_in(alice, authority)


def work() -> None:
    async_to_sync(upkeep.refresh_grants)()


def make_due(grant: OAuthGrant) -> None:
    OAuthGrant.objects.filter(pk=grant.pk).update(refresh_at=timezone.now())


def test_the_worker_has_these_jobs() -> None:
    periods = {job.name: job.every_s for job in ticker.JOBS}
    assert periods["grants.refresh"] == 15
    assert periods["revocations.carry_out"] == 60
    assert periods["flows.prune"] == 3600


def test_a_grant_is_renewed_ahead_of_its_end(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    work()
    assert granted.refreshes(authority) == []
    make_due(grant)
    work()
    assert granted.refreshes(authority) == ["ok"]
    assert granted.reread(grant).version == 2
    work()
    assert granted.refreshes(authority) == ["ok"]


def test_a_paused_connector_stays_signed_in(
    alice: User, grant: OAuthGrant, authority: RunningAuthority
) -> None:
    assert grant.connector_id
    verbs.toggle(alice, grant.connector_id, is_active=False)
    make_due(grant)
    work()
    assert granted.refreshes(authority) == ["ok"]


def test_a_service_that_is_away_is_left_alone_for_a_minute(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    authority.switches.token_endpoint = "503"
    make_due(grant)
    with capture_logs() as logs:
        work()
        work()
    assert granted.refreshes(authority) == ["503"]
    row = granted.reread(grant)
    assert (row.state, row.version, row.lease_owner) == (GrantState.ACTIVE, 1, "")
    assert row.refresh_at is not None
    assert row.refresh_at > timezone.now() + timedelta(seconds=50)
    assert [log["event"] for log in logs] == ["oauth.failed"]
    assert UserMCPConnection.objects.get().status == Status.READY


def test_a_withdrawal_is_found_before_anybody_calls(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    authority.withdraw()
    make_due(grant)
    work()
    assert UserMCPConnection.objects.get().status == Status.SIGN_IN_AGAIN
    work()
    assert granted.refreshes(authority) == ["invalid_grant"]


def test_what_cannot_be_renewed_ends_when_its_time_has_come(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    OAuthGrant.objects.update(has_refresh=False, refresh_at=None)
    work()
    assert granted.reread(grant).state == GrantState.ACTIVE
    OAuthGrant.objects.update(expires_at=timezone.now())
    with capture_logs() as logs:
        work()
        work()
    assert granted.reread(grant).state == GrantState.SIGN_IN_AGAIN
    row = UserMCPConnection.objects.get()
    assert (row.status, row.is_verified) == (Status.SIGN_IN_AGAIN, False)
    events = [log["event"] for log in logs]
    assert events == ["oauth.sign_in_again", "connector.status_changed"]
    assert granted.refreshes(authority) == []


def test_one_that_fails_costs_the_others_nothing(
    alice: User, bob: User, authority: RunningAuthority
) -> None:
    gone = granted.signed_in(alice, authority, account="ada")
    good = granted.signed_in(bob, authority, account="grace")
    authority.withdraw("ada")
    make_due(gone)
    make_due(good)
    work()
    assert granted.reread(gone).state == GrantState.SIGN_IN_AGAIN
    assert granted.reread(good).version == 2


def test_what_could_not_be_taken_back_is_tried_again(
    alice: User, grant: OAuthGrant, authority: RunningAuthority
) -> None:
    authority.switches.revocation = "fails"
    assert grant.connector_id
    receipt = async_to_sync(manager.remove)(
        user_id=alice.pk, connector_id=grant.connector_id
    )
    assert receipt is not None
    assert not receipt.revoked
    authority.switches.revocation = "works"
    async_to_sync(upkeep.carry_out_revocations)()
    assert OAuthRevocation.objects.count() == 1
    OAuthRevocation.objects.update(due_at=timezone.now())
    async_to_sync(upkeep.carry_out_revocations)()
    assert not OAuthRevocation.objects.exists()
    assert len(authority.revocations) >= 1


def test_what_cannot_be_taken_back_for_a_day_is_given_up(
    alice: User, grant: OAuthGrant, authority: RunningAuthority
) -> None:
    authority.switches.revocation = "fails"
    assert grant.connector_id
    verbs.remove(alice, grant.connector_id)
    yesterday = timezone.now() - timedelta(hours=25)
    OAuthRevocation.objects.update(created_at=yesterday, due_at=yesterday)
    async_to_sync(upkeep.carry_out_revocations)()
    assert not OAuthRevocation.objects.exists()


def test_sign_ins_that_ended_are_deleted_a_day_later(alice: User) -> None:
    for number, days in enumerate((2, 0)):
        ended_at = timezone.now() - timedelta(days=days)
        OAuthFlow.objects.create(
            user=alice, state_digest=str(number), expires_at=ended_at
        )
    async_to_sync(upkeep.prune_flows)()
    assert OAuthFlow.objects.get().state_digest == "1"


def test_registrations_that_nobody_uses_are_deleted(grant: OAuthGrant) -> None:
    for kind in (ClientKind.DCR, ClientKind.PREREGISTERED):
        OAuthClient.objects.create(
            issuer="https://as.example", redirect_uri="", kind=kind, client_id="unused"
        )
    async_to_sync(upkeep.prune_flows)()
    assert OAuthClient.objects.count() == 3
    OAuthClient.objects.update(updated_at=timezone.now() - timedelta(days=8))
    async_to_sync(upkeep.prune_flows)()
    left = OAuthClient.objects.filter(client_id="unused")
    assert left.get().kind == ClientKind.PREREGISTERED
    assert grant.client in OAuthClient.objects.all()
