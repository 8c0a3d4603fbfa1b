"""Signing in by OAuth, with a real authorization server and a server behind it."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from connectors import flows, manager, sign_in
from connectors.client_identity import redirect_uri
from connectors.errors import (
    ConnectorDisabled,
    InvalidInput,
    LimitReached,
    SignInFailed,
    TooManyRequests,
)
from connectors.models import (
    AuthType,
    ClientKind,
    GrantState,
    OAuthFlow,
    OAuthGrant,
    OAuthRevocation,
    Status,
    UserMCPConnection,
)
from connectors.tests import rows
from connectors.tests.signing_in import (
    connected,
    finished,
    params_of,
    signed_in,
    started,
)
from demo.authority.running import RunningAuthority

pytestmark = pytest.mark.usefixtures("allow_loopback")


def failed(user: User, authority: RunningAuthority, **given: Any) -> SignInFailed:
    with pytest.raises(SignInFailed) as caught:
        signed_in(user, authority, **given)
    return caught.value


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


def test_a_second_account_is_asked_for_and_a_first_one_is_not(
    alice: User, bob: User, authority: RunningAuthority
):
    prompts = []
    for user in (alice, bob, alice):
        begun = started(user, authority.mcp_url)
        prompts.append(params_of(begun.authorization_url)["prompt"])
        finished(user, params_of(authority.sign_in(begun.authorization_url)))
    assert prompts == ["consent", "consent", "select_account consent"]


def test_the_same_account_again_is_the_same_connector(
    alice: User, authority: RunningAuthority
):
    first = connected(alice, authority)
    again = signed_in(alice, authority)
    assert again.connector.pk == first.pk
    assert not again.is_new
    assert OAuthGrant.objects.get(connector=first).version == 2


# --- What there is already ---------------------------------------------------


def test_a_connector_keeps_its_id_and_name_when_it_is_signed_in_to(
    alice: User, authority: RunningAuthority
):
    row = rows.connector(alice, name="Mine", server_url=authority.mcp_url)
    found = signed_in(alice, authority, connector_id=row.pk)
    assert not found.is_new
    row.refresh_from_db()
    assert (row.name, row.auth_type) == ("Mine", AuthType.OAUTH)
    assert row.status == Status.READY
    assert row.discovered_tools[0]["name"] == "list_entries"
    assert row.grant.account_label == "ada@demo.example"


def test_the_sign_in_replaces_a_token_that_was_entered(
    alice: User, authority: RunningAuthority
):
    row = rows.connector(
        alice,
        server_url=authority.mcp_url,
        auth_type=AuthType.API_KEY,
        auth_config={"token": "old"},
    )
    signed_in(alice, authority, connector_id=row.pk)
    row.refresh_from_db()
    assert row.auth_type == AuthType.OAUTH
    assert row.auth_config is None


def test_a_sign_in_that_does_not_work_leaves_an_entered_token_alone(
    alice: User, authority: RunningAuthority
):
    row = rows.connector(
        alice,
        server_url=authority.mcp_url,
        auth_type=AuthType.API_KEY,
        auth_config={"token": "old"},
    )
    authority.switches.refuses_tokens = True
    assert failed(alice, authority, connector_id=row.pk).reason == "test_failed"
    row.refresh_from_db()
    assert row.auth_config.open() == {"token": "old"}
    assert row.status == Status.READY
    assert not OAuthGrant.objects.exists()


def test_a_fresh_token_that_is_refused_shows_on_the_connector(
    alice: User, authority: RunningAuthority
):
    row = connected(alice, authority)
    authority.switches.refuses_tokens = True
    failure = failed(alice, authority, connector_id=row.pk)
    assert (failure.reason, failure.test_code) == ("test_failed", "AUTH_FAILED")
    row.refresh_from_db()
    assert row.status == Status.SIGN_IN_AGAIN
    assert not row.is_verified
    assert row.grant.state == GrantState.SIGN_IN_AGAIN
    assert row.grant.fresh_rejected


def test_after_a_withdrawal_the_person_signs_in_again(
    alice: User, authority: RunningAuthority
):
    row = connected(alice, authority)
    authority.withdraw()
    report = async_to_sync(manager.retest)(user_id=alice.pk, connector_id=row.pk)
    assert not report.result.success
    row.refresh_from_db()
    assert row.status == Status.SIGN_IN_AGAIN
    signed_in(alice, authority, connector_id=row.pk)
    row.refresh_from_db()
    assert row.status == Status.READY
    assert row.grant.state == GrantState.ACTIVE


def test_what_an_administrator_removed_is_not_signed_in_to(
    alice: User, authority: RunningAuthority
):
    row = rows.removed(alice, server_url=authority.mcp_url)
    with pytest.raises(ConnectorDisabled):
        started(alice, connector_id=row.pk)


def test_a_connector_that_is_deleted_meanwhile_stays_deleted(
    alice: User, authority: RunningAuthority
):
    row = connected(alice, authority)
    failure = failed(alice, authority, connector_id=row.pk, first=lambda: row.delete())
    # Its sign-ins went with it.
    assert failure.reason == "invalid_state"
    assert not OAuthGrant.objects.exists()


# --- What is prepared --------------------------------------------------------


def test_what_was_prepared_is_kept_until_the_person_is_back(
    alice: User, authority: RunningAuthority
):
    flow = async_to_sync(sign_in.prepare)(
        user_id=alice.pk,
        server_url=f" {authority.mcp_url}#top",
        name="Mine",
        description="Of everything.",
    )
    draft = sign_in.draft_of(user_id=alice.pk, flow_id=flow.pk)
    assert draft.server_url == authority.mcp_url
    found = signed_in(alice, authority, draft_id=flow.pk)
    assert (found.connector.name, found.connector.description) == (
        "Mine",
        "Of everything.",
    )
    flow.refresh_from_db()
    assert flow.draft is None
    assert sign_in.draft_of(user_id=alice.pk, flow_id=flow.pk).connector_id


def test_a_name_that_was_taken_meanwhile_gets_a_number(
    alice: User, authority: RunningAuthority
):
    found = signed_in(
        alice,
        authority,
        name="Mine",
        first=lambda: rows.connector(alice, slot=5, name="mine"),
    )
    assert found.connector.name == "Mine-2"


def test_a_name_that_is_only_suggested_may_be_taken(
    alice: User, authority: RunningAuthority
):
    names = [
        connected(alice, authority, account, suggested_name="Diary").name
        for account in ("ada", "grace")
    ]
    assert names == ["Diary", "Diary (grace@demo.example)"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"server_url": "ftp://x"}, "server_url"),
        ({"auth_config": {"client_secret": "x"}}, "auth_config"),
        ({"auth_config": {"token": "x"}}, "auth_config"),
    ],
)
def test_what_has_the_wrong_shape_is_not_prepared(
    alice: User, given: dict[str, Any], field: str
):
    prepare = async_to_sync(sign_in.prepare)
    with pytest.raises(InvalidInput) as caught:
        prepare(**{"user_id": alice.pk, "server_url": "https://x.example/mcp", **given})
    assert caught.value.errors[0]["loc"][1] == field
    assert not OAuthFlow.objects.exists()


def test_what_has_no_place_is_not_prepared(
    alice: User, authority: RunningAuthority, settings: Settings
):
    settings.CONNECTOR_LIMIT = 1
    rows.connector(alice)
    with pytest.raises(LimitReached):
        started(alice, authority.mcp_url)


def test_the_last_place_that_went_meanwhile_takes_the_tokens_back(
    alice: User, authority: RunningAuthority, settings: Settings
):
    settings.CONNECTOR_LIMIT = 1
    failure = failed(alice, authority, first=lambda: rows.connector(alice))
    assert failure.reason == "limit_reached"
    assert authority.revocations[0]["outcome"] == "ok"
    assert not OAuthGrant.objects.exists()


def test_a_connection_that_does_not_work_saves_nothing_and_takes_the_tokens_back(
    alice: User, authority: RunningAuthority
):
    authority.switches.refuses_tokens = True
    failure = failed(alice, authority)
    assert (failure.reason, failure.test_code) == ("test_failed", "AUTH_FAILED")
    assert not UserMCPConnection.objects.exists()
    assert [one["outcome"] for one in authority.revocations] == ["ok", "ok"]
    shown = sign_in.failed_flow(user_id=alice.pk, flow_id=failure.flow_id or 0)
    assert (shown.reason, shown.test_code) == ("test_failed", "AUTH_FAILED")
    # It can be tried again from there.
    authority.switches.refuses_tokens = False
    assert signed_in(alice, authority, draft_id=shown.flow_id).is_new


def test_tokens_that_cannot_be_taken_back_now_are_left_to_the_worker(
    alice: User, authority: RunningAuthority
):
    authority.switches.refuses_tokens = True
    authority.switches.revocation = "fails"
    failed(alice, authority)
    assert OAuthRevocation.objects.get().attempts == 1


def test_too_many_tests_a_minute_count_sign_ins_too(
    alice: User, authority: RunningAuthority, settings: Settings
):
    settings.TESTS_PER_MINUTE = 1
    failure = failed(alice, authority)
    assert failure.reason == "busy"
    with pytest.raises(TooManyRequests):
        started(alice, authority.mcp_url)


# --- More permissions --------------------------------------------------------


def test_a_wanted_permission_is_asked_for_beside_those_that_were_granted(
    alice: User, authority: RunningAuthority
):
    row = connected(alice, authority)
    OAuthGrant.objects.update(wanted_scope="journal:write")
    begun = started(alice, connector_id=row.pk)
    scope = params_of(begun.authorization_url)["scope"].split()
    assert scope == ["journal:read", "offline_access", "openid", "journal:write"]
    finished(alice, params_of(authority.sign_in(begun.authorization_url)))
    grant = OAuthGrant.objects.get()
    assert "journal:write" in grant.scope.split()
    assert grant.wanted_scope == ""


def test_a_test_that_wants_more_sends_the_person_on(
    alice: User, authority: RunningAuthority
):
    narrow = {"auth_config": {"client_id": "x", "scope": "openid"}}
    client_id, _ = authority.register_client(redirect_uri(), secret=False)
    narrow["auth_config"]["client_id"] = client_id
    begun = started(alice, authority.mcp_url, resume={"turn": 7}, **narrow)
    on = finished(alice, params_of(authority.sign_in(begun.authorization_url)))
    assert on.connector is None
    asked = params_of(on.authorization_url)
    assert asked["scope"].split() == ["openid", "offline_access", "journal:read"]
    assert asked["state"] != begun.state
    assert not UserMCPConnection.objects.exists()
    done = finished(alice, params_of(authority.sign_in(on.authorization_url)))
    assert done.connector.status == Status.READY
    assert done.resume == {"turn": 7}


# --- The end of it -----------------------------------------------------------


def test_disconnecting_takes_the_tokens_back_and_says_so(
    alice: User, authority: RunningAuthority
):
    row = connected(alice, authority)
    receipt = async_to_sync(sign_in.disconnect)(user_id=alice.pk, connector_id=row.pk)
    assert receipt.revoked
    assert receipt.message == (
        "Disconnected. 127.0.0.1 confirmed that the permission has ended."
    )
    assert {one["token_type_hint"] for one in authority.revocations} == {
        "refresh_token",
        "access_token",
    }
    row.refresh_from_db()
    assert row.status == Status.SIGN_IN
    assert not row.is_verified
    assert not OAuthGrant.objects.exists()
    assert sign_in.status(user_id=alice.pk, connector_id=row.pk).state == "none"


@pytest.mark.parametrize(
    ("how", "said"),
    [("fails", "asked again for a day"), ("not offered", "in your account there")],
)
def test_a_provider_that_does_not_take_them_back_changes_nothing_here(
    alice: User, authority: RunningAuthority, how: Any, said: str
):
    authority.switches.revocation = how
    row = connected(alice, authority)
    receipt = async_to_sync(sign_in.disconnect)(user_id=alice.pk, connector_id=row.pk)
    assert not receipt.revoked
    assert said in receipt.message
    assert not OAuthGrant.objects.exists()


def test_there_may_be_nothing_to_end(alice: User):
    row = rows.connector(alice)
    receipt = async_to_sync(sign_in.disconnect)(user_id=alice.pk, connector_id=row.pk)
    assert (receipt.issuer, receipt.revoked) == ("", False)
    row.refresh_from_db()
    assert row.status == Status.READY


def test_the_state_of_a_sign_in_is_told_without_its_tokens(
    alice: User, authority: RunningAuthority
):
    row = connected(alice, authority)
    status = sign_in.status(user_id=alice.pk, connector_id=row.pk)
    assert status.state == "active"
    assert status.account_label == "ada@demo.example"
    assert status.scopes == ("journal:read", "offline_access", "openid")
    assert status.has_refresh
    assert status.warning == ""


def test_a_sign_in_that_does_not_renew_itself_says_until_when(
    alice: User, authority: RunningAuthority
):
    authority.switches.issues_refresh_token = False
    row = connected(alice, authority)
    status = sign_in.status(user_id=alice.pk, connector_id=row.pk)
    assert status.warning == "No refresh token: you will sign in again in 59 min."


def test_other_rooms_hear_of_a_sign_in(alice: User, authority: RunningAuthority):
    heard.clear()
    config: Any = apps.get_app_config("connectors")
    config.after_sign_in = f"{__name__}.hear"
    try:
        found = signed_in(alice, authority)
    finally:
        del config.after_sign_in
    assert heard == [(alice.pk, found.connector.pk)]


heard: list[tuple[int, int]] = []


async def hear(*, user_id: int, connector_id: int) -> None:
    heard.append((user_id, connector_id))
    raise RuntimeError("the sign-in is as good")


def test_sign_ins_that_nobody_comes_back_to_are_deleted(
    alice: User, authority: RunningAuthority
):
    old, new = (started(alice, authority.mcp_url).flow_id for _ in range(2))
    ended_at = timezone.now() - timedelta(days=2)
    OAuthFlow.objects.filter(pk=old).update(expires_at=ended_at)
    flows.prune()
    assert OAuthFlow.objects.get().pk == new
