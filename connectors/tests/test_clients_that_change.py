"""Clients that are removed, replaced or registered anew while grants depend on them."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from asgiref.sync import async_to_sync
from django.db import connections, transaction
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from connectors import client_identity, drafts, grants, revocations
from connectors.auth.oauth import Client
from connectors.client_identity import Identity, redirect_uri
from connectors.errors import GrantWithdrawn, ServerError
from connectors.models import (
    ClientKind,
    GrantState,
    OAuthClient,
    OAuthGrant,
    UserMCPConnection,
)
from connectors.tests import granted, rows
from connectors.tests.signing_in import (
    connected,
    finished,
    params_of,
    signed_in,
    started,
)
from demo.authority.running import RunningAuthority

pytestmark = pytest.mark.usefixtures("allow_loopback")


def grant_of(connector: UserMCPConnection) -> OAuthGrant:
    return OAuthGrant.objects.get(connector=connector)


def renewed(grant: OAuthGrant) -> grants.Bearer:
    granted.end(grant)
    return async_to_sync(grants.bearer)(grant.pk)


def of_the_operator(authority: RunningAuthority) -> dict[str, str]:
    client_id, secret = authority.register_client(redirect_uri())
    return {
        "client_id": client_id,
        "client_secret": secret,
        "issuer": authority.issuer,
    }


def test_a_client_that_a_renewal_finds_gone_is_made_known_anew(
    alice: User, authority: RunningAuthority
):
    connector = connected(alice, authority)
    authority.authority.clients.clear()
    with pytest.raises(GrantWithdrawn):
        renewed(grant_of(connector))
    assert grant_of(connector).state == GrantState.SIGN_IN_AGAIN
    signed_in(alice, authority, connector_id=connector.pk)
    assert len(authority.registrations) == 2
    assert renewed(grant_of(connector)).is_fresh


def test_a_registration_that_is_made_anew_leaves_the_grants_of_the_old_one_alone(
    alice: User, bob: User, authority: RunningAuthority
):
    before = grant_of(connected(alice, authority))
    OAuthClient.objects.update(expires_at=timezone.now())
    after = grant_of(connected(bob, authority, "grace"))
    assert renewed(before).is_fresh
    assert renewed(after).is_fresh


def test_tokens_are_taken_back_in_the_name_that_they_were_given_to(
    alice: User, bob: User, authority: RunningAuthority
):
    before = connected(alice, authority)
    OAuthClient.objects.update(expires_at=timezone.now())
    connected(bob, authority, "grace")
    with transaction.atomic():
        forgotten = revocations.forget_of(before.pk)
    assert forgotten
    assert async_to_sync(revocations.take_back)(forgotten).revoked


def test_a_new_secret_of_the_operator_counts_for_what_was_granted_before(
    alice: User, authority: RunningAuthority, settings: Settings
):
    client = of_the_operator(authority)
    settings.OAUTH_CLIENTS = {"journal": {**client}}
    grant = grant_of(connected(alice, authority))
    changed = authority.authority.clients[client["client_id"]]
    object.__setattr__(changed, "secret", "the-new-one")
    settings.OAUTH_CLIENTS = {"journal": {**client, "client_secret": "the-new-one"}}
    assert renewed(grant).is_fresh


def test_a_wrong_secret_of_the_operator_ends_nobodys_sign_in(
    alice: User, authority: RunningAuthority, settings: Settings
):
    client = of_the_operator(authority)
    settings.OAUTH_CLIENTS = {"journal": client}
    grant = grant_of(connected(alice, authority))
    settings.OAUTH_CLIENTS = {"journal": {**client, "client_secret": "mistyped"}}
    with pytest.raises(ServerError):
        renewed(grant)
    settings.OAUTH_CLIENTS = {"journal": client}
    assert renewed(grant).is_fresh


def test_a_sign_in_that_is_under_way_does_not_bring_an_old_secret_back(
    alice: User, authority: RunningAuthority
):
    client = of_the_operator(authority)
    row = OAuthClient.objects.create(
        issuer=authority.issuer,
        redirect_uri=redirect_uri(),
        kind=ClientKind.PREREGISTERED,
        client_id=client["client_id"],
        secret={"client_secret": client["client_secret"]},
    )
    begun = started(alice, authority.mcp_url)
    location = authority.sign_in(begun.authorization_url)
    row.secret = {"client_secret": "the-new-one"}
    row.save()
    finished(alice, params_of(location))
    row.refresh_from_db()
    assert row.secret.open() == {"client_secret": "the-new-one"}


def test_a_client_that_was_entered_is_not_told_to_another_service(
    alice: User, authority: RunningAuthority
):
    client_id, secret = authority.register_client(redirect_uri())
    entered = {"client_id": client_id, "client_secret": secret}
    connector = connected(alice, authority, auth_config=entered)
    # As if its server had named another service when that client was entered.
    OAuthClient.objects.update(issuer="https://before.example")
    begun = started(alice, connector_id=connector.pk)
    assert params_of(begun.authorization_url)["client_id"] != client_id
    # Who enters it anew means the service that there is now.
    draft = async_to_sync(drafts.with_client)(
        user_id=alice.pk, connector_id=connector.pk, auth_config=entered
    )
    begun = started(alice, draft_id=draft.pk)
    assert params_of(begun.authorization_url)["client_id"] == client_id


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_two_first_sign_ins_at_once_share_one_row(alice: User, bob: User):
    identity = Identity(client=Client(client_id="ours"), kind=ClientKind.CIMD)
    first, second = (rows.connector(user) for user in (alice, bob))
    stored, may_commit = Event(), Event()

    def keep(connector: UserMCPConnection, *, waits: bool) -> int:
        try:
            with transaction.atomic():
                row = client_identity.keep(
                    identity, issuer="https://as.example", connector=connector
                )
                stored.set()
                if waits:
                    may_commit.wait(granted.PATIENCE_S)
            return row.pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(keep, first, waits=True)
        stored.wait(granted.PATIENCE_S)
        other = threads.submit(keep, second, waits=False)
        granted.until(_somebody_waits)
        may_commit.set()
        assert one.result() == other.result()


def _somebody_waits() -> bool:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
