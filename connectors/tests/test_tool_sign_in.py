"""Signing in to a tool of this installation, which is no connector."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from connectors import grants, tool_grants, tool_sign_in
from connectors.auth.oauth import AuthorizationServer, Client
from connectors.errors import GrantWithdrawn, SignInFailed
from connectors.models import (
    GrantState,
    OAuthClient,
    OAuthFlow,
    OAuthGrant,
    OAuthRevocation,
    UserMCPConnection,
)
from connectors.sign_in import Finished
from connectors.tests.signing_in import SESSION, finished, params_of
from connectors.tool_sign_in import Service
from connectors.upkeep import carry_out_revocations, refresh_grants
from demo.google.records import CLIENT_ID, CLIENT_SECRET, READONLY, SEND
from demo.google.running import RunningGoogle

TOOL = "gmail"


def service(google: RunningGoogle) -> Service:
    return Service(
        server=AuthorizationServer(
            issuer=google.url,
            authorization_endpoint=f"{google.url}/o/oauth2/v2/auth",
            token_endpoint=f"{google.url}/token",
            revocation_endpoint=f"{google.url}/revoke",
            auth_methods=("client_secret_post",),
        ),
        client=Client(client_id=CLIENT_ID, client_secret=CLIENT_SECRET),
        scope=f"openid email {SEND} {READONLY}",
        extra={"access_type": "offline", "prompt": "consent"},
    )


def begun(user: User, google: RunningGoogle, **given: Any) -> str:
    started = async_to_sync(tool_sign_in.start)(
        user_id=user.pk,
        session_key=SESSION,
        system_tool=TOOL,
        service=service(google),
        **given,
    )
    return started.authorization_url


def signed_in(user: User, google: RunningGoogle, **answer: Any) -> Finished:
    return finished(user, params_of(google.sign_in(begun(user, google), **answer)))


def grant_of(user: User) -> OAuthGrant:
    found = tool_grants.of(user_id=user.pk, system_tool=TOOL)
    assert found is not None
    return found


def token_of(user: User) -> str:
    return async_to_sync(grants.bearer)(grant_of(user).pk).access_token


def test_a_sign_in_leaves_a_grant_and_no_connector(alice: User, google: RunningGoogle):
    found = signed_in(alice, google)
    assert (found.system_tool, found.connector) == (TOOL, None)
    assert found.account_label == "ada@demo.example"
    grant = grant_of(alice)
    assert grant.account_label == "ada@demo.example"
    assert {SEND, READONLY} <= set(grant.scope.split())
    assert grant.has_refresh
    assert google.google.access(token_of(alice))
    assert not UserMCPConnection.objects.exists()
    assert not OAuthClient.objects.exists()


def test_fewer_permissions_than_were_asked_for_are_kept_as_they_are(
    alice: User, google: RunningGoogle
):
    signed_in(alice, google, without=[READONLY])
    assert READONLY not in grant_of(alice).scope
    assert SEND in grant_of(alice).scope


def test_nothing_that_it_is_for_is_a_failure_and_keeps_nothing(
    alice: User, google: RunningGoogle
):
    with pytest.raises(SignInFailed) as caught:
        signed_in(alice, google, without=[SEND, READONLY])
    assert caught.value.reason == "nothing_granted"
    assert caught.value.system_tool == TOOL
    assert tool_grants.of(user_id=alice.pk, system_tool=TOOL) is None
    assert [one["outcome"] for one in google.revocations][:1] == ["ok"]


def test_who_says_no_is_not_signed_in(alice: User, google: RunningGoogle):
    with pytest.raises(SignInFailed) as caught:
        signed_in(alice, google, allow=False)
    assert caught.value.reason == "access_denied"


def test_a_newer_sign_in_overtakes_the_one_before(alice: User, google: RunningGoogle):
    first = google.sign_in(begun(alice, google))
    second = google.sign_in(begun(alice, google), "grace")
    with pytest.raises(SignInFailed, match="not known here"):
        finished(alice, params_of(first))
    finished(alice, params_of(second))
    assert grant_of(alice).account_label == "grace@demo.example"


def test_another_person_cannot_finish_it(alice: User, bob: User, google: RunningGoogle):
    back = params_of(google.sign_in(begun(alice, google)))
    with pytest.raises(SignInFailed):
        finished(bob, back)
    assert not OAuthGrant.objects.exists()


def test_signing_in_again_replaces_what_there_was(alice: User, google: RunningGoogle):
    signed_in(alice, google)
    version = grant_of(alice).version
    signed_in(alice, google, account="grace")
    assert grant_of(alice).version > version
    assert OAuthGrant.objects.count() == 1


def test_a_token_that_has_ended_is_renewed(
    alice: User, google: RunningGoogle, settings: Settings
):
    signed_in(alice, google)
    OAuthGrant.objects.update(expires_at=timezone.now(), refresh_at=timezone.now())
    # The operator has given the client another secret meanwhile.
    settings.OAUTH_CLIENTS["google"]["client_secret"] = CLIENT_SECRET
    before = token_of(alice)
    assert google.google.access(before)
    assert [one["grant_type"] for one in google.token_requests][-1] == "refresh_token"


def test_the_worker_renews_it_ahead_of_time(alice: User, google: RunningGoogle):
    signed_in(alice, google)
    OAuthGrant.objects.update(refresh_at=timezone.now())
    async_to_sync(refresh_grants)()
    assert google.token_requests[-1]["outcome"] == "ok"
    assert grant_of(alice).version == 2


def test_a_client_that_the_operator_broke_ends_nobodys_sign_in(
    alice: User, google: RunningGoogle, settings: Settings
):
    signed_in(alice, google)
    settings.OAUTH_CLIENTS["google"]["client_secret"] = "wrong"
    OAuthGrant.objects.update(refresh_at=timezone.now())
    async_to_sync(refresh_grants)()
    assert google.token_requests[-1]["outcome"] == "invalid_client"
    assert grant_of(alice).state == GrantState.ACTIVE


def test_what_was_withdrawn_wants_another_sign_in(alice: User, google: RunningGoogle):
    signed_in(alice, google)
    google.withdraw()
    OAuthGrant.objects.update(expires_at=timezone.now())
    with pytest.raises(GrantWithdrawn):
        token_of(alice)
    assert grant_of(alice).state == GrantState.SIGN_IN_AGAIN


def test_disconnecting_forgets_it_and_takes_it_back(alice: User, google: RunningGoogle):
    signed_in(alice, google)
    token = token_of(alice)
    receipt = async_to_sync(tool_sign_in.disconnect)(user_id=alice.pk, system_tool=TOOL)
    assert receipt is not None
    assert receipt.revoked
    assert not OAuthGrant.objects.exists()
    assert google.google.access(token) is None
    # The second token had ended with the first, which Google calls an error.
    outcomes = [one["outcome"] for one in google.revocations]
    assert outcomes == ["ok", "invalid_token"]
    assert not OAuthRevocation.objects.exists()


def test_a_google_that_is_down_is_asked_again(alice: User, google: RunningGoogle):
    signed_in(alice, google)
    token = token_of(alice)
    google.switches.revocation = "503"
    receipt = async_to_sync(tool_sign_in.disconnect)(user_id=alice.pk, system_tool=TOOL)
    assert receipt is not None
    assert not receipt.revoked
    assert "asked again" in receipt.message
    assert not OAuthGrant.objects.exists()
    google.switches.revocation = "works"
    OAuthRevocation.objects.update(due_at=timezone.now())
    async_to_sync(carry_out_revocations)()
    assert google.google.access(token) is None
    assert not OAuthRevocation.objects.exists()


def test_who_is_not_signed_in_has_nothing_to_end(alice: User, google: RunningGoogle):
    end = async_to_sync(tool_sign_in.disconnect)
    assert end(user_id=alice.pk, system_tool=TOOL) is None


def test_nothing_secret_is_kept_of_a_sign_in(alice: User, google: RunningGoogle):
    signed_in(alice, google)
    flow = OAuthFlow.objects.get()
    assert (flow.system_tool, flow.verifier, flow.error) == (TOOL, None, "")
