"""Signing in by OAuth, with a real authorization server and a server behind it."""

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from accounts.models import User
from connectors import sign_in
from connectors.models import AuthType, ClientKind, OAuthClient, OAuthGrant, Status
from connectors.tests.signing_in import connected, signed_in
from demo.authority.running import RunningAuthority

pytestmark = pytest.mark.usefixtures("allow_loopback")


def test_the_permission_page_is_told_who_asks_and_for_what(
    alice: User, authority: RunningAuthority
):
    offer = async_to_sync(sign_in.look)(user_id=alice.pk, url=authority.mcp_url)
    assert offer.issuer == authority.issuer
    assert offer.host == "127.0.0.1"
    assert offer.scopes == ("journal:read", "offline_access", "openid")
    assert offer.has_refresh_hint
    assert not offer.needs_client
    assert authority.registrations == []


def test_a_sign_in_makes_a_connector_with_its_grant(
    alice: User, authority: RunningAuthority
):
    found = signed_in(alice, authority)
    assert found.is_new
    assert found.account_label == "ada@demo.example"
    connector = found.connector
    connector.refresh_from_db()
    assert connector.name == "Journal"
    assert connector.auth_type == AuthType.OAUTH
    assert connector.status == Status.READY
    assert connector.tool_count == 4
    grant = OAuthGrant.objects.get(connector=connector)
    assert grant.issuer == authority.issuer
    assert grant.account_label == "ada@demo.example"
    assert grant.client.kind == ClientKind.DCR
    assert grant.has_refresh
    assert grant.tokens.open()["access_token"]


def test_two_accounts_are_two_connectors_with_their_labels(
    alice: User, authority: RunningAuthority
):
    ada = connected(alice, authority, "ada")
    grace = connected(alice, authority, "grace")
    assert ada.pk != grace.pk
    assert grace.name == "Journal (grace@demo.example)"
    assert len(authority.registrations) == 1


def test_the_same_account_again_is_the_same_connector(
    alice: User, authority: RunningAuthority
):
    first = connected(alice, authority)
    again = signed_in(alice, authority)
    assert again.connector.pk == first.pk
    assert not again.is_new
    assert OAuthGrant.objects.get(connector=first).version == 2


def test_everybody_shares_one_registration(
    alice: User, bob: User, authority: RunningAuthority, settings: Settings
):
    connected(alice, authority)
    connected(bob, authority, "grace")
    assert OAuthClient.objects.get().redirect_uri == (
        f"{settings.PUBLIC_URL}/api/oauth/callback"
    )
