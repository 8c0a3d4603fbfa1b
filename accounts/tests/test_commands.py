"""`manage.py issue_token` and `manage.py demo_user`."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts import demo, tokens
from accounts.models import SCOPES, User


def run(*argv: str, **options: Any) -> str:
    out = StringIO()
    call_command(*argv, stdout=out, **options)
    return out.getvalue()


def test_the_token_stands_alone_on_its_line(alice: User) -> None:
    out = run("issue_token", "alice")

    assert re.fullmatch(r"pb_\w{8}_[\w-]{43}\n", out)
    token = tokens.authenticate(out.strip())
    assert token is not None
    assert token.user == alice
    assert token.scopes == list(SCOPES)


def test_issuing_again_and_again_needs_no_name(alice: User) -> None:
    for _ in range(3):
        run("issue_token", "ALICE")

    assert tokens.list_for(user_id=alice.pk).count() == 3


@pytest.mark.parametrize(
    "argv",
    [
        ["--scope", "chat", "tools:call"],
        ["--scope", "tools:call", "--scope", "chat"],
    ],
)
def test_the_name_and_the_scopes_can_be_chosen(alice: User, argv: list[str]) -> None:
    run("issue_token", "alice", "--name", "nightly report", *argv)

    (token,) = tokens.list_for(user_id=alice.pk)
    assert (token.name, token.scopes) == ("nightly report", ["tools:call", "chat"])


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["nobody"], "There is no user 'nobody'."),
        (["alice", "--scope", "root"], "connectors:read"),
        (["alice", "--name", "taken"], "already have a live token"),
        (["alice", "--name", "x" * 81], "1 to 80"),
        (["bob"], "not active"),
    ],
)
def test_what_cannot_be_issued_is_said_in_a_sentence(
    alice: User, bob: User, argv: list[str], sentence: str
) -> None:
    bob.is_active = False
    bob.save()
    tokens.issue(user=alice, name="taken")

    with pytest.raises(CommandError, match=sentence):
        run("issue_token", *argv)


def test_one_token_too_many_is_said_in_a_sentence(
    alice: User, settings: Settings
) -> None:
    settings.TOKENS_PER_PERSON = 1
    run("issue_token", "alice")

    with pytest.raises(CommandError, match="limit of 1 live token"):
        run("issue_token", "alice")


@pytest.mark.usefixtures("db")
def test_outside_of_development_there_is_no_demo_user() -> None:
    with pytest.raises(CommandError, match="development"):
        run("demo_user")

    assert not User.objects.exists()


@pytest.mark.usefixtures("db")
def test_the_demo_user_is_made_once_and_can_sign_in(settings: Settings) -> None:
    settings.DEVELOPMENT = True

    assert run("demo_user") == "demo / demo\n"
    first = User.objects.get()
    run("demo_user")

    again = User.objects.get()
    assert again.check_password(demo.PASSWORD)
    # The same hash: whoever is signed in stays so.
    assert again.password == first.password
    assert not again.is_staff


@pytest.mark.usefixtures("db")
def test_a_demo_user_that_was_changed_can_sign_in_again(settings: Settings) -> None:
    settings.DEVELOPMENT = True
    User.objects.create_user("demo", password="forgotten", is_active=False)

    run("demo_user")

    user = User.objects.get()
    assert user.is_active
    assert user.check_password(demo.PASSWORD)
