"""Who we are at an authorization server, in the order of the specification."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from connectors import client_identity, sign_in
from connectors.auth.oauth import Client
from connectors.client_identity import Identity, redirect_uri
from connectors.errors import ClientNeeded, SignInFailed
from connectors.models import (
    CatalogueEntry,
    ClientKind,
    OAuthClient,
    UserMCPConnection,
)
from connectors.tests.signing_in import (
    connected,
    finished,
    params_of,
    signed_in,
    started,
)
from demo.authority.running import RunningAuthority

pytestmark = pytest.mark.usefixtures("allow_loopback")


def client_row(connector: UserMCPConnection) -> OAuthClient:
    """Return as whom a connector is signed in."""
    found = connector.grant.client
    assert found is not None
    return found


def test_everybody_shares_one_registration(
    alice: User, bob: User, authority: RunningAuthority, settings: Settings
):
    connected(alice, authority)
    connected(bob, authority, "grace")
    assert OAuthClient.objects.get().redirect_uri == (
        f"{settings.PUBLIC_URL}/api/oauth/callback"
    )


# --- Who we are there --------------------------------------------------------


def test_a_client_that_was_entered_comes_first(
    alice: User, authority: RunningAuthority
):
    client_id, secret = authority.register_client(redirect_uri())
    config = {"client_id": client_id, "client_secret": secret}
    row = connected(alice, authority, auth_config=config)
    client = client_row(row)
    assert (client.kind, client.client_id) == (ClientKind.MANUAL, client_id)
    assert client.connector_id == row.pk
    assert row.auth_config.open() == config
    assert authority.registrations == []
    # It is still there for the next sign-in.
    signed_in(alice, authority, connector_id=row.pk)
    assert OAuthClient.objects.count() == 1


def test_a_client_of_the_environment_is_used_for_everybody(
    alice: User, authority: RunningAuthority, settings: Settings
):
    client_id, secret = authority.register_client(redirect_uri())
    settings.OAUTH_CLIENTS = {
        "journal": {
            "client_id": client_id,
            "client_secret": secret,
            "issuer": f"{authority.issuer}/",
        }
    }
    client = client_row(connected(alice, authority))
    assert client.kind == ClientKind.PREREGISTERED
    assert client_identity.client_of(client).client_secret == secret
    assert authority.registrations == []


def test_a_client_of_the_admin_pages_is_used_for_everybody(
    alice: User, authority: RunningAuthority
):
    client_id, secret = authority.register_client(redirect_uri())
    stored = OAuthClient(
        issuer=authority.issuer,
        redirect_uri=redirect_uri(),
        kind=ClientKind.PREREGISTERED,
        client_id=client_id,
        secret={"client_secret": secret},
    )
    stored.save()
    assert client_row(connected(alice, authority)) == stored
    assert authority.registrations == []


def test_our_document_is_our_name_where_it_can_be_fetched(
    alice: User, authority: RunningAuthority, settings: Settings
):
    url = "https://patchbay.example/oauth/client-metadata.json"
    settings.OAUTH_CLIENT_METADATA_URL = url
    authority.switches.client_documents = True
    authority.publish_document(url, client_identity.document())
    client = client_row(connected(alice, authority))
    assert (client.kind, client.client_id) == (ClientKind.CIMD, url)
    assert authority.registrations == []


def test_a_document_that_nobody_can_fetch_is_not_our_name(
    alice: User, authority: RunningAuthority
):
    authority.switches.client_documents = True
    assert client_row(connected(alice, authority)).kind == ClientKind.DCR


def test_a_service_that_knows_nobody_says_what_to_register(
    alice: User, authority: RunningAuthority
):
    authority.switches.registration = "not offered"
    offer = async_to_sync(sign_in.look)(user_id=alice.pk, url=authority.mcp_url)
    assert offer.needs_client
    with pytest.raises(ClientNeeded) as caught:
        started(alice, authority.mcp_url)
    assert caught.value.redirect_uri == offer.redirect_uri
    assert offer.redirect_uri in caught.value.suggestion


def test_a_service_that_refuses_registrations_says_so(
    alice: User, authority: RunningAuthority
):
    authority.switches.registration = "refused"
    with pytest.raises(SignInFailed) as caught:
        started(alice, authority.mcp_url)
    assert caught.value.reason == "registration_refused"
    assert not OAuthClient.objects.exists()


def test_a_registration_that_has_ended_is_made_anew(
    alice: User, authority: RunningAuthority
):
    first = client_row(connected(alice, authority)).client_id
    OAuthClient.objects.update(expires_at=timezone.now())
    connected(alice, authority, "grace")
    client = OAuthClient.objects.get()
    assert client.client_id != first
    assert client.expires_at is None


def test_a_client_that_is_not_known_any_more_is_made_known_anew(
    alice: User, authority: RunningAuthority
):
    begun = started(alice, authority.mcp_url)
    location = authority.sign_in(begun.authorization_url)
    authority.authority.clients.clear()
    with pytest.raises(SignInFailed) as caught:
        finished(alice, params_of(location))
    assert caught.value.reason == "client_refused"
    assert not OAuthClient.objects.exists()
    assert signed_in(alice, authority, draft_id=begun.flow_id).is_new


def test_a_registration_that_nobody_came_back_with_is_made_anew(
    alice: User, authority: RunningAuthority, settings: Settings
):
    first = params_of(started(alice, authority.mcp_url).authorization_url)["client_id"]
    # The service has forgotten it, and shows people a page of its own.
    authority.authority.clients.clear()
    again = params_of(started(alice, authority.mcp_url).authorization_url)["client_id"]
    assert again == first
    since = timezone.now() - timedelta(seconds=settings.OAUTH_FLOW_TTL_S + 1)
    OAuthClient.objects.update(updated_at=since)
    client = client_row(connected(alice, authority))
    assert client.client_id != first
    # One that somebody signed in with is kept, however old it is.
    OAuthClient.objects.update(updated_at=since)
    assert client_row(connected(alice, authority, "grace")) == client


def test_of_two_registrations_at_once_the_first_is_kept(
    alice: User, authority: RunningAuthority
):
    first, second = (
        Identity(client=Client(client_id=name), kind=ClientKind.DCR)
        for name in ("first", "second")
    )
    keep_first = client_identity.keep_first
    assert keep_first(first, issuer=authority.issuer) == first
    assert keep_first(second, issuer=authority.issuer) == first
    assert OAuthClient.objects.get().client_id == "first"


@pytest.mark.django_db(transaction=True)
def test_of_many_who_begin_at_once_all_are_known_by_one_name(
    authority: RunningAuthority,
):
    people = [User.objects.create_user(f"person-{number}") for number in range(4)]
    together = threading.Barrier(len(people))

    def begin(user: User) -> str:
        together.wait(timeout=30)
        try:
            begun = started(user, authority.mcp_url)
            return params_of(begun.authorization_url)["client_id"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(people)) as pool:
        names = set(pool.map(begin, people))
    assert names == {OAuthClient.objects.get().client_id}


def test_who_began_as_another_client_stays_that_client(
    alice: User, bob: User, authority: RunningAuthority
):
    begun = started(alice, authority.mcp_url)
    # Meanwhile we are made known there anew.
    OAuthClient.objects.update(expires_at=timezone.now())
    shared = client_row(connected(bob, authority, "grace"))
    done = finished(alice, params_of(authority.sign_in(begun.authorization_url)))
    assert done.connector
    own = client_row(done.connector)
    assert own.client_id == params_of(begun.authorization_url)["client_id"]
    assert own.connector == done.connector
    shared.refresh_from_db()
    assert shared.client_id != own.client_id


def test_a_new_secret_of_the_operators_client_reaches_every_grant(
    alice: User, bob: User, authority: RunningAuthority, settings: Settings
):
    client_id, secret = authority.register_client(redirect_uri())
    entry = {"client_id": client_id, "client_secret": secret}
    settings.OAUTH_CLIENTS = {"journal": {**entry, "issuer": authority.issuer}}
    first = client_row(connected(alice, authority))
    stale = OAuthClient.objects.get()
    stale.secret = {"client_secret": "old"}
    stale.save()
    connected(bob, authority, "grace")
    first.refresh_from_db()
    assert client_identity.client_of(first).client_secret == secret


def test_a_client_with_grants_that_is_not_known_any_more_is_over(
    alice: User, authority: RunningAuthority
):
    client = client_row(connected(alice, authority))
    identity = Identity(client=client_identity.client_of(client), kind=ClientKind.DCR)
    client_identity.forget(identity, issuer=authority.issuer)
    client.refresh_from_db()
    assert client.expires_at
    assert client.expires_at <= timezone.now()


def test_what_others_registered_is_never_forgotten(alice: User):
    stored = OAuthClient.objects.create(
        issuer="https://as.example",
        redirect_uri=redirect_uri(),
        kind=ClientKind.PREREGISTERED,
        client_id="theirs",
    )
    identity = Identity(client=Client(client_id="theirs"), kind=stored.kind)
    client_identity.forget(identity, issuer=stored.issuer)
    stored.refresh_from_db()
    assert stored.expires_at is None


@pytest.mark.parametrize(
    "url", ["http://patchbay.example/oauth/x.json", "https://patchbay.example", ""]
)
def test_a_document_counts_only_by_https_and_with_a_path(
    alice: User, authority: RunningAuthority, settings: Settings, url: str
):
    settings.OAUTH_CLIENT_METADATA_URL = url
    authority.switches.client_documents = True
    begun = started(alice, authority.mcp_url)
    assert params_of(begun.authorization_url)["client_id"] != url


def test_a_client_registers_for_all_that_may_be_asked_for_later(
    alice: User, authority: RunningAuthority
):
    connected(alice, authority)
    described = authority.registrations[0]
    assert described["client_name"] == "Patchbay"
    assert described["redirect_uris"] == [redirect_uri()]


def test_an_identity_survives_the_way_to_the_provider():
    given: dict[str, Any] = {"client_id": "a", "client_secret": "b", "expires_at": 7}
    identity = Identity(client=Client(**given), kind=ClientKind.MANUAL)
    assert Identity.of(identity.stored()) == identity
    assert "'b'" not in repr(identity)


def test_a_client_of_a_known_server_is_used_for_everybody(
    alice: User, authority: RunningAuthority
):
    client_id, secret = authority.register_client(redirect_uri())
    entry = CatalogueEntry(
        key="journal",
        fields={"name": "Journal", "server_url": authority.mcp_url},
        client_id=client_id,
        client_secret={"client_secret": secret},
    )
    entry.save()
    authority.switches.registration = "not offered"
    offer = async_to_sync(sign_in.look)(user_id=alice.pk, url=authority.mcp_url)
    assert not offer.needs_client
    client = client_row(connected(alice, authority))
    assert (client.kind, client.client_id) == (ClientKind.PREREGISTERED, client_id)
    # A secret that was entered anew is the one that counts.
    entry.client_secret = {"client_secret": "newer"}
    entry.save()
    assert client_identity.client_of(client).client_secret == "newer"
