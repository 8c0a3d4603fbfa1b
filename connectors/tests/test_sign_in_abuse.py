"""Sign-ins that are not what they seem: nobody gets in, and nobody is told more."""

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import structlog
from asgiref.sync import async_to_sync
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from connectors import sign_in
from connectors.errors import ConnectorNotFound, SignInFailed
from connectors.models import (
    OAuthClient,
    OAuthFlow,
    OAuthGrant,
    OAuthRevocation,
    UserMCPConnection,
)
from connectors.sign_in import Finished, Started
from connectors.tests import rows
from connectors.tests.signing_in import (
    SESSION,
    connected,
    finished,
    params_of,
    signed_in,
    started,
)
from demo.authority.running import RunningAuthority
from demo.hostile import Hostile

pytestmark = pytest.mark.usefixtures("allow_loopback")


@pytest.fixture
def begun(alice: User, authority: RunningAuthority) -> Started:
    """A sign-in of alice's, who is at the provider now."""
    return started(alice, authority.mcp_url)


@pytest.fixture
def params(begun: Started, authority: RunningAuthority) -> dict[str, str]:
    """What she comes back with."""
    return params_of(authority.sign_in(begun.authorization_url))


def _wait_until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(3000):
        if is_so():
            return
        pause.wait(0.01)
    raise AssertionError


def refused(
    user: User, params: dict[str, str], *, session_key: str = SESSION
) -> SignInFailed:
    with pytest.raises(SignInFailed) as caught:
        finished(user, params, session_key=session_key)
    return caught.value


# --- The state ---------------------------------------------------------------


@pytest.mark.parametrize("state", ["", "forged", "x" * 9000, "\x00", "\ud800"])
def test_a_forged_state_is_not_known(
    alice: User, params: dict[str, str], state: str, authority: RunningAuthority
):
    failure = refused(alice, {**params, "state": state})
    assert failure.reason == "invalid_state"
    assert failure.flow_id is None
    assert authority.token_requests == []


def test_without_a_state_there_is_no_sign_in(alice: User, params: dict[str, str]):
    del params["state"]
    assert refused(alice, params).reason == "invalid_state"


def test_a_sign_in_of_another_person_is_not_known(
    bob: User, params: dict[str, str], authority: RunningAuthority
):
    assert refused(bob, params).reason == "invalid_state"
    assert authority.token_requests == []
    assert UserMCPConnection.objects.count() == 0


def test_a_stranger_does_not_use_up_a_sign_in(
    alice: User, bob: User, params: dict[str, str]
):
    refused(bob, params)
    refused(alice, params, session_key="another session")
    assert finished(alice, params).is_new


def test_another_session_of_the_same_person_is_told_nothing_more(
    alice: User, params: dict[str, str], authority: RunningAuthority
):
    failure = refused(alice, params, session_key="another session")
    assert failure.reason == "invalid_state"
    assert failure.flow_id is None
    assert authority.token_requests == []


def test_a_sign_in_that_a_token_began_needs_the_person_alone(
    alice: User, bob: User, authority: RunningAuthority
):
    begun = started(alice, authority.mcp_url, session_key="")
    params = params_of(authority.sign_in(begun.authorization_url))
    assert refused(bob, params).reason == "invalid_state"
    assert finished(alice, params, session_key="a browser").is_new


def test_a_sign_in_is_used_once(
    alice: User, params: dict[str, str], authority: RunningAuthority
):
    first = finished(alice, params)
    failure = refused(alice, params)
    assert failure.reason == "used"
    assert failure.flow_id == first.flow_id
    # The code was not sent again, which would end the grant at the provider.
    assert len(authority.token_requests) == 1
    assert OAuthGrant.objects.get().version == 1


def test_a_replay_does_not_spoil_what_the_first_one_did(
    alice: User, params: dict[str, str]
):
    flow_id = finished(alice, params).flow_id
    refused(alice, params)
    shown = sign_in.failed_flow(user_id=alice.pk, flow_id=flow_id)
    assert shown.reason == ""
    assert shown.connector_id == UserMCPConnection.objects.get().pk


def test_a_sign_in_that_took_too_long_has_expired(
    alice: User, params: dict[str, str], authority: RunningAuthority
):
    OAuthFlow.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    failure = refused(alice, params)
    assert failure.reason == "expired"
    assert failure.flow_id
    assert authority.token_requests == []
    shown = sign_in.failed_flow(user_id=alice.pk, flow_id=failure.flow_id)
    assert shown.reason == "expired"


def test_its_time_is_a_setting(
    alice: User, authority: RunningAuthority, settings: Settings
):
    settings.OAUTH_FLOW_TTL_S = 0
    begun = started(alice, authority.mcp_url)
    params = params_of(authority.sign_in(begun.authorization_url))
    assert refused(alice, params).reason == "expired"


def test_a_newer_sign_in_makes_the_older_one_void(
    alice: User, begun: Started, params: dict[str, str], authority: RunningAuthority
):
    again = started(alice, draft_id=begun.flow_id)
    assert refused(alice, params).reason == "invalid_state"
    newer = params_of(authority.sign_in(again.authorization_url))
    assert finished(alice, newer).is_new


def test_a_newer_sign_in_to_a_connector_makes_the_older_one_void(
    alice: User, authority: RunningAuthority
):
    connector = connected(alice, authority)
    older = started(alice, connector_id=connector.pk)
    newer = started(alice, connector_id=connector.pk)
    assert newer.state != older.state
    params = params_of(authority.sign_in(older.authorization_url))
    assert refused(alice, params).reason == "invalid_state"
    params = params_of(authority.sign_in(newer.authorization_url))
    assert finished(alice, params).connector.pk == connector.pk


def test_nobody_begins_what_is_somebody_elses(
    alice: User, bob: User, begun: Started, authority: RunningAuthority
):
    connector = connected(alice, authority)
    targets: list[dict[str, Any]] = [
        {"draft_id": begun.flow_id},
        {"connector_id": connector.pk},
    ]
    for target in targets:
        with pytest.raises(ConnectorNotFound):
            started(bob, **target)
    with pytest.raises(ConnectorNotFound):
        sign_in.failed_flow(user_id=bob.pk, flow_id=begun.flow_id)
    with pytest.raises(ConnectorNotFound):
        sign_in.status(user_id=bob.pk, connector_id=connector.pk)


def test_a_token_is_not_sent_to_where_the_connector_was_moved(
    alice: User, authority: RunningAuthority, peer: Hostile
):
    row = rows.connector(alice, server_url=authority.mcp_url)
    begun = started(alice, connector_id=row.pk)
    params = params_of(authority.sign_in(begun.authorization_url))
    row.server_url = peer.url("good")
    row.save()
    before = peer.connections
    assert refused(alice, params).reason == "connector_changed"
    assert peer.connections == before
    assert not OAuthGrant.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_callbacks_at_once_one_succeeds(
    alice: User, params: dict[str, str], authority: RunningAuthority
):
    together = threading.Barrier(4)

    def come_back() -> Finished | SignInFailed:
        together.wait(timeout=30)
        try:
            return finished(alice, params)
        except SignInFailed as failure:
            return failure
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        ends = [task.result() for task in [pool.submit(come_back) for _ in range(4)]]
    reasons = [end.reason for end in ends if isinstance(end, SignInFailed)]
    assert reasons == ["used"] * 3
    assert UserMCPConnection.objects.count() == 1
    assert len(authority.token_requests) == 1


# --- Whose answer it is ------------------------------------------------------


def test_an_answer_of_another_issuer_is_not_used(
    alice: User, params: dict[str, str], authority: RunningAuthority
):
    failure = refused(alice, {**params, "iss": "https://evil.example"})
    assert failure.reason == "issuer_mismatch"
    assert authority.token_requests == []


def test_a_promised_issuer_must_come(alice: User, params: dict[str, str]):
    del params["iss"]
    assert refused(alice, params).reason == "issuer_mismatch"


def test_the_issuer_is_looked_at_before_an_error_is_shown(alice: User, begun: Started):
    params = {
        "state": begun.state,
        "error": "access_denied",
        "iss": "https://evil.example",
    }
    assert refused(alice, params).reason == "issuer_mismatch"


def test_a_sign_in_that_is_cancelled_says_so(
    alice: User, begun: Started, authority: RunningAuthority
):
    location = authority.sign_in(begun.authorization_url, allow=False)
    failure = refused(alice, params_of(location))
    assert failure.reason == "access_denied"
    shown = sign_in.failed_flow(user_id=alice.pk, flow_id=failure.flow_id or 0)
    assert shown.reason == "access_denied"
    assert shown.name == "127.0.0.1"


def test_words_in_an_error_are_nobodys_to_read(alice: User, begun: Started):
    failure = refused(
        alice,
        {
            "state": begun.state,
            "error": "<script>alert(1)</script>",
            "error_description": "Call 0900-123",
            "iss": params_of(begun.authorization_url).get("iss", "")
            or OAuthFlow.objects.get().issuer,
        },
    )
    assert failure.reason == "provider_error"
    assert "script" not in str(failure)
    assert "0900" not in str(failure)


def test_a_callback_without_a_code_is_refused(alice: User, params: dict[str, str]):
    del params["code"]
    assert refused(alice, params).reason == "no_code"


def test_a_code_that_is_not_of_this_sign_in_is_refused(
    alice: User, params: dict[str, str]
):
    failure = refused(alice, {**params, "code": "stolen"})
    assert failure.reason == "exchange_failed"
    assert "invalid_grant" in str(failure)
    assert OAuthFlow.objects.get().verifier is None


# --- What the token endpoint answers -----------------------------------------


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("503", "unavailable"),
        ("html", "exchange_failed"),
        ("huge", "exchange_failed"),
        ("garbled", "exchange_failed"),
    ],
)
def test_a_token_endpoint_that_answers_nonsense_saves_nothing(
    alice: User,
    params: dict[str, str],
    authority: RunningAuthority,
    how: Any,
    reason: str,
):
    authority.switches.token_endpoint = how
    failure = refused(alice, params)
    assert failure.reason == reason
    assert str(failure).isprintable()
    assert UserMCPConnection.objects.count() == OAuthGrant.objects.count() == 0


def test_a_token_endpoint_that_is_silent_is_given_up(
    alice: User,
    params: dict[str, str],
    authority: RunningAuthority,
    settings: Settings,
):
    settings.TEST_TIMEOUT_S = 0.5
    authority.switches.token_delay_s = 60
    assert refused(alice, params).reason == "unavailable"


def test_who_leaves_while_the_code_is_exchanged_is_connected_all_the_same(
    alice: User, params: dict[str, str], authority: RunningAuthority
):
    authority.switches.token_delay_s = 0.3

    async def leave() -> None:
        task = asyncio.ensure_future(
            sign_in.finish(user_id=alice.pk, session_key=SESSION, params=params)
        )
        await asyncio.to_thread(_wait_until, lambda: bool(authority.token_requests))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async_to_sync(leave)()
    assert refused(alice, params).reason == "used"
    assert UserMCPConnection.objects.get().status == "ready"


# --- Secrets -----------------------------------------------------------------


def test_no_secret_of_a_sign_in_is_logged_or_kept_in_clear(
    alice: User, authority: RunningAuthority, caplog: pytest.LogCaptureFixture
):
    with structlog.testing.capture_logs() as logs:
        begun = started(alice, authority.mcp_url)
        params = params_of(authority.sign_in(begun.authorization_url))
        done = finished(alice, params)
        async_to_sync(sign_in.disconnect)(
            user_id=alice.pk, connector_id=done.connector.pk
        )
        done = signed_in(alice, authority)
    tokens = OAuthGrant.objects.get().tokens.open()
    secrets = {
        begun.state,
        params["code"],
        tokens["access_token"],
        tokens["refresh_token"],
    }
    stored = [
        *OAuthFlow.objects.values(),
        *OAuthGrant.objects.values(),
        *OAuthClient.objects.values(),
        *OAuthRevocation.objects.values(),
        *UserMCPConnection.objects.values(),
    ]
    written = json.dumps([logs, stored], default=str) + caplog.text
    assert not [secret for secret in secrets if secret in written]


def test_what_may_be_told_of_a_sign_in_has_no_secret(
    alice: User, params: dict[str, str], authority: RunningAuthority
):
    authority.switches.refuses_tokens = True
    failure = refused(alice, params)
    assert failure.reason == "test_failed"
    assert params["code"] not in repr(failure)
    begun = started(alice, authority.mcp_url)
    assert begun.state not in repr(begun)
