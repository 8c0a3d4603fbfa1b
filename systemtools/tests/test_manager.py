"""What a person can do with a system tool."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from connectors.errors import InvalidInput, SecretUnreadable, SignInRequired
from connectors.models import GrantState, OAuthGrant
from systemtools import calls, manager, registry, statuses
from systemtools.base import SystemTool
from systemtools.models import UserToolStatus
from systemtools.statuses import State

pytestmark = pytest.mark.usefixtures("sample_tools")

CONFIG = {"town": "Ulm", "key": "k3ys"}


def connect(user: User, tool_id: str, **more: Any) -> manager.Connected:
    return async_to_sync(manager.connect)(user_id=user.pk, tool_id=tool_id, **more)


def disconnect(user: User, tool_id: str) -> manager.Disconnected:
    return async_to_sync(manager.disconnect)(user_id=user.pk, tool_id=tool_id)


def save(user: User, **config: Any) -> None:
    async_to_sync(manager.save_config)(
        user_id=user.pk, tool_id="weather", config=config
    )


def entered(user: User) -> Any:
    config = statuses.one_of(user_id=user.pk, tool_id="weather").config()
    return config and config.model_dump()


def grant(user: User, *, scope: str = "letters.read", **facts: Any) -> OAuthGrant:
    return OAuthGrant.objects.create(
        user=user,
        system_tool="letters",
        tokens={"access_token": "t0ken"},
        issuer="https://post.example",
        scope=scope,
        **facts,
    )


def call(user: User, name: str, **arguments: Any) -> calls.CallResult:
    return async_to_sync(calls.call_tool)(
        user_id=user.pk,
        username=user.username,
        tool_id="letters",
        name=name,
        arguments=arguments,
        via="page",
    )


# --- Settings ----------------------------------------------------------------


def test_a_secret_is_sealed_and_the_rest_is_not(alice: User) -> None:
    connect(alice, "weather", config=CONFIG)
    row = UserToolStatus.objects.get()
    assert row.config == {"town": "Ulm", "days": 3}
    assert row.credentials is not None
    assert row.credentials.open() == {"key": "k3ys"}
    assert "k3ys" not in row.credentials.text
    assert entered(alice) == CONFIG | {"days": 3}


def test_a_secret_that_is_not_sent_again_stays(alice: User) -> None:
    connect(alice, "weather", config=CONFIG)
    again = connect(alice, "weather", config={"town": "Bonn", "days": 5})
    assert again.message == "Weather is connected, and what you entered is saved."
    assert entered(alice) == {"town": "Bonn", "days": 5, "key": "k3ys"}
    save(alice, town="Kiel", key="other")
    assert entered(alice) == {"town": "Kiel", "days": 3, "key": "other"}


def test_what_does_not_suit_changes_nothing(alice: User) -> None:
    connect(alice, "weather", config=CONFIG)
    with pytest.raises(InvalidInput):
        save(alice, town="")
    assert entered(alice) == CONFIG | {"days": 3}


def test_settings_alone_connect_nothing(alice: User) -> None:
    save(alice, **CONFIG)
    assert statuses.status_of(user_id=alice.pk)["weather"] == State.AVAILABLE
    connect(alice, "weather")
    assert statuses.status_of(user_id=alice.pk)["weather"] == State.CONNECTED


def test_a_secret_that_cannot_be_read_is_entered_again(
    alice: User, settings: Any
) -> None:
    connect(alice, "weather", config=CONFIG)
    settings.ENCRYPTION_KEYS = {"k9": b"9" * 32}
    with pytest.raises(SecretUnreadable):
        save(alice, town="Bonn")
    save(alice, **CONFIG)
    assert entered(alice) == CONFIG | {"days": 3}


def test_to_disconnect_forgets_what_was_entered(alice: User) -> None:
    connect(alice, "weather", config=CONFIG)
    assert disconnect(alice, "weather").message == "Weather is disconnected."
    assert not UserToolStatus.objects.exists()
    with pytest.raises(InvalidInput):
        connect(alice, "weather")


def test_a_connected_tool_has_a_time(alice: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        UserToolStatus.objects.create(user=alice, tool_id="diary", is_connected=True)
    UserToolStatus.objects.create(user=alice, tool_id="diary")
    with pytest.raises(IntegrityError), transaction.atomic():
        UserToolStatus.objects.create(user=alice, tool_id="diary")


# --- Signing in --------------------------------------------------------------


def test_a_tool_that_is_signed_in_to_answers_where_to_go(alice: User) -> None:
    assert connect(alice, "letters", session_key="s1") == manager.Connected(
        success=True,
        message="Open the address to connect Letters.",
        requires_oauth=True,
        oauth_url="https://post.example/letters?session=s1",
    )
    assert statuses.status_of(user_id=alice.pk)["letters"] == State.AVAILABLE


def test_who_has_signed_in_is_connected_with_what_was_granted(alice: User) -> None:
    grant(alice, account_label="alice@post.example")
    manager.mark_connected(user_id=alice.pk, tool_id="letters")
    status = statuses.one_of(user_id=alice.pk, tool_id="letters")
    assert status.is_connected
    assert status.account_label == "alice@post.example"
    assert [spec["name"] for spec in status.definitions] == ["look"]
    assert connect(alice, "letters").message == "Letters is already connected."


def test_a_grant_is_enough_where_the_row_is_late(alice: User) -> None:
    row = grant(alice)
    status = statuses.one_of(user_id=alice.pk, tool_id="letters")
    assert (status.is_connected, status.connected_at) == (True, row.created_at)


def test_a_grant_that_was_withdrawn_asks_for_a_new_sign_in(alice: User) -> None:
    grant(alice, state=GrantState.SIGN_IN_AGAIN)
    manager.mark_connected(user_id=alice.pk, tool_id="letters")
    status = statuses.one_of(user_id=alice.pk, tool_id="letters")
    assert (status.is_connected, status.signs_in_again) == (False, True)
    assert connect(alice, "letters").requires_oauth
    with pytest.raises(SignInRequired) as caught:
        call(alice, "look")
    assert caught.value.message == "Sign in to Letters again to use its tools."
    assert caught.value.system_tool == "letters"
    assert caught.value.is_oauth


def test_what_was_not_granted_asks_for_a_sign_in_that_allows_it(alice: User) -> None:
    grant(alice)
    assert not call(alice, "look").is_error
    with pytest.raises(SignInRequired) as caught:
        call(alice, "send", text="hello")
    assert caught.value.system_tool == "letters"
    message = "You have not allowed this to Letters. Sign in again to allow it."
    assert caught.value.message == message


def test_to_disconnect_ends_the_sign_in(alice: User) -> None:
    grant(alice)
    manager.mark_connected(user_id=alice.pk, tool_id="letters")
    ended = disconnect(alice, "letters")
    assert (ended.success, ended.revoked) == (True, True)
    assert not OAuthGrant.objects.exists()
    assert not UserToolStatus.objects.exists()


# --- What is there of them ---------------------------------------------------


def test_only_what_is_connected_is_usable(alice: User, bob: User) -> None:
    connect(alice, "diary")
    grant(bob)
    assert [s.tool.id for s in statuses.usable(user_id=alice.pk)] == ["diary"]
    assert [s.tool.id for s in statuses.usable(user_id=bob.pk)] == ["letters"]


def test_a_row_of_a_tool_that_is_gone_harms_nobody(alice: User) -> None:
    UserToolStatus.objects.create(
        user=alice, tool_id="gone", is_connected=True, connected_at=timezone.now()
    )
    assert "gone" not in statuses.status_of(user_id=alice.pk)


def test_a_tool_says_what_keeps_it_from_being_offered() -> None:
    class Unset(SystemTool):
        @classmethod
        def why_not(cls) -> str:
            return "The operator has set no key."

    assert registry.why_not(Unset) == "The operator has set no key."
    assert registry.why_not(SystemTool) == ""
