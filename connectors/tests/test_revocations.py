"""A sign-in that is ended here is ended at its service as well, or that is said."""

import time
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from config.tests.rest import ApiClient
from connectors import grants, manager, revocations
from connectors.errors import GrantWithdrawn, InvalidInput, NotVerified
from connectors.models import (
    GrantState,
    OAuthClient,
    OAuthGrant,
    OAuthRevocation,
    Status,
    UserMCPConnection,
)
from connectors.revocations import Receipt
from connectors.tests import granted, rows, verbs
from demo.authority.running import RunningAuthority
from demo.fixtures import DemoServer

pytestmark = pytest.mark.usefixtures("allow_loopback")

CONNECTORS = UserMCPConnection.objects


@pytest.fixture
def grant(alice: User, authority: RunningAuthority) -> OAuthGrant:
    return granted.signed_in(alice, authority)


def remove(grant: OAuthGrant) -> Receipt | None:
    assert grant.connector_id
    return async_to_sync(manager.remove)(
        user_id=grant.user_id, connector_id=grant.connector_id
    )


# --- Deletion ----------------------------------------------------------------


def test_who_deletes_a_connector_is_signed_out_at_its_service(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    receipt = remove(grant)
    assert receipt is not None
    assert receipt.revoked
    assert "127.0.0.1 confirmed" in receipt.message
    assert not OAuthGrant.objects.exists()
    assert not OAuthRevocation.objects.exists()
    assert [one["account"] for one in authority.revocations] == ["ada", "ada"]
    # Our registration there is everybody's, and stays.
    assert OAuthClient.objects.count() == 1


def test_rest_says_what_became_of_the_sign_in(
    api: ApiClient, grant: OAuthGrant
) -> None:
    path = f"/api/connectors/{grant.connector_id}"
    assert api.send("DELETE", path).json()["message"] == (
        "The connector was deleted. 127.0.0.1 confirmed that the permission has ended."
    )


def test_a_connector_that_nobody_signed_in_to_leaves_no_receipt(alice: User) -> None:
    row = rows.connector(alice)
    found = async_to_sync(manager.remove)(user_id=alice.pk, connector_id=row.pk)
    assert found is None


@pytest.mark.parametrize(
    ("state", "told", "kept"),
    [("fails", "did not confirm", 1), ("not offered", "does not offer", 0)],
)
def test_a_deletion_stands_whatever_comes_of_it(
    alice: User, authority: RunningAuthority, state: str, told: str, kept: int
) -> None:
    authority.switches.revocation = state  # type: ignore[assignment]
    receipt = remove(granted.signed_in(alice, authority))
    assert receipt is not None
    assert not receipt.revoked
    assert told in receipt.message
    assert not CONNECTORS.exists()
    assert not OAuthGrant.objects.exists()
    assert OAuthRevocation.objects.count() == kept


def test_what_is_to_be_taken_back_is_sealed(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    authority.switches.revocation = "fails"
    token = granted.token_of(grant)
    remove(grant)
    row = OAuthRevocation.objects.get()
    assert row.tokens is not None
    assert row.tokens.open()["access_token"] == token
    assert row.attempts == 1
    assert row.due_at > timezone.now()


def test_a_service_that_never_answers_is_not_waited_for(
    grant: OAuthGrant, authority: RunningAuthority, silent_url: str
) -> None:
    assert grant.tokens is not None
    held = grant.tokens.open()
    held["server"]["revocation_endpoint"] = silent_url
    grant.tokens = held
    grant.save()
    began = time.monotonic()
    receipt = remove(grant)
    assert time.monotonic() - began < revocations.DEADLINE_S + 2
    assert receipt is not None
    assert not receipt.revoked


def test_only_one_token_of_a_pair_is_enough(
    alice: User, authority: RunningAuthority
) -> None:
    authority.switches.issues_refresh_token = False
    receipt = remove(granted.signed_in(alice, authority))
    assert receipt is not None
    assert receipt.revoked
    assert len(authority.revocations) == 1


def test_a_revocation_that_is_done_stays_done(alice: User) -> None:
    assert async_to_sync(revocations.carry_out)(404)


def test_a_grant_that_is_gone_already_is_forgotten(grant: OAuthGrant) -> None:
    with transaction.atomic():
        assert revocations.forget(grant) is not None
        assert revocations.forget(grant) is None


# --- Tokens that come too late -----------------------------------------------


def test_tokens_that_come_for_a_deleted_grant_are_taken_back(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    granted.end(grant)

    def forget() -> None:
        with transaction.atomic():
            row = revocations.forget(granted.reread(grant))
        assert row is not None
        row.delete()

    with granted.before_they_are_kept(forget), pytest.raises(GrantWithdrawn):
        async_to_sync(grants.bearer)(grant.pk)
    assert granted.refreshes(authority) == ["ok"]
    # The refresh token that just came, and its access token.
    assert [one["account"] for one in authority.revocations] == ["ada", "ada"]
    assert not OAuthRevocation.objects.exists()


def test_a_sign_in_during_a_renewal_wins(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    granted.end(grant)
    newer: list[str] = []

    def sign_in_again() -> None:
        row = granted.reread(grant)
        row.version += 1
        row.lease_owner = ""
        row.tokens = {**granted.tokens_of(row), "access_token": "newest"}
        row.save()
        newer.append("newest")

    with granted.before_they_are_kept(sign_in_again):
        found = async_to_sync(grants.bearer)(grant.pk)
    assert found.access_token == "newest"
    assert granted.token_of(grant) == "newest"


# --- Edits -------------------------------------------------------------------


def edit(grant: OAuthGrant, **changes: str) -> UserMCPConnection:
    assert grant.connector_id
    return verbs.update(grant.user, grant.connector_id, **changes)


def test_another_sign_in_in_its_place_ends_the_grant(
    grant: OAuthGrant, authority: RunningAuthority, notes_server: DemoServer
) -> None:
    edit(grant, server_url=notes_server.url, auth_type="none")
    assert not OAuthGrant.objects.exists()
    assert len(authority.revocations) == 2
    assert CONNECTORS.get().auth_type == "none"


def test_another_server_is_another_connector(
    grant: OAuthGrant, notes_server: DemoServer
) -> None:
    with pytest.raises(InvalidInput) as caught:
        edit(grant, server_url=notes_server.url)
    assert "Add it as a new connector" in caught.value.message
    assert OAuthGrant.objects.count() == 1


def test_another_path_of_the_server_keeps_the_grant(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    edit(grant, server_url=f"{authority.mcp_url}?view=1")
    assert granted.reread(grant).connector_id == grant.connector_id
    assert CONNECTORS.get().server_url.endswith("?view=1")


def test_an_edit_renews_a_token_that_ended(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    authority.expire_all()
    edit(grant, server_url=f"{authority.mcp_url}?view=1")
    assert granted.refreshes(authority) == ["ok"]


def test_an_edit_that_does_not_work_changes_nothing(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    origin = authority.mcp_url.removesuffix("/mcp")
    with pytest.raises(NotVerified):
        edit(grant, server_url=f"{origin}/elsewhere")
    row = CONNECTORS.get()
    assert (row.server_url, row.status) == (authority.mcp_url, Status.READY)


# --- Tests of what is stored -------------------------------------------------


def retest(grant: OAuthGrant) -> str | None:
    assert grant.connector_id
    return verbs.retest(grant.user, grant.connector_id).result.error_code


def test_a_test_goes_with_the_stored_sign_in(
    grant: OAuthGrant, authority: RunningAuthority, settings: Settings
) -> None:
    authority.expire_all()
    assert retest(grant) is None
    assert granted.refreshes(authority) == ["ok"]
    row = CONNECTORS.get()
    assert (row.status, row.tool_count) == (Status.READY, 4)


def test_a_test_finds_a_withdrawal(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    authority.withdraw()
    assert retest(grant) == "AUTH_FAILED"
    row = CONNECTORS.get()
    assert (row.status, row.consecutive_failures) == (Status.SIGN_IN_AGAIN, 1)
    assert retest(grant) == "AUTH_FAILED"
    assert granted.refreshes(authority) == ["invalid_grant"]


def test_a_test_with_a_service_that_is_away_says_that(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    authority.switches.token_endpoint = "503"
    granted.end(grant)
    report = verbs.retest(grant.user, grant.connector_id or 0)
    assert report.result.error_code == "SERVER_ERROR"
    assert "503" in (report.result.error_message or "")
    assert [step.status for step in report.result.steps][3:] == [
        "failed", "skipped", "skipped"
    ]  # fmt: skip
    row = CONNECTORS.get()
    assert (row.status, row.is_verified) == (Status.READY, True)


def test_a_test_takes_no_longer_for_a_renewal_that_somebody_else_makes(
    grant: OAuthGrant, settings: Settings
) -> None:
    settings.TEST_TIMEOUT_S = 1
    granted.end(grant)
    now = timezone.now()
    OAuthGrant.objects.update(
        state=GrantState.REFRESHING,
        lease_owner="somebody",
        lease_until=now + timedelta(seconds=10),
        refresh_started_at=now,
    )
    report = verbs.retest(grant.user, grant.connector_id or 0)
    assert report.result.error_code == "TIMEOUT"
    assert timezone.now() - now < timedelta(seconds=5)
    assert CONNECTORS.get().is_verified
