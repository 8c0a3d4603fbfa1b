"""Each reason has words of its own; a word that nobody knows has none."""

import ast
from pathlib import Path

import pytest
from pytest_django import Settings

from connectors import errors, sign_in_failures
from connectors.errors import (
    ClientNeeded,
    ConnectionFailed,
    SignInFailed,
    SignInNotOffered,
)

ROOM = Path(sign_in_failures.__file__).parent
WITHOUT_WORDS = {"failed", "oauth_failed"}


def _reasons() -> set[str]:
    """Every reason that is written down in the room."""
    found = set()
    for path in [*ROOM.glob("*.py"), *ROOM.glob("auth/oauth/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _is_failure(node):
                found |= {
                    str(word.value.value)
                    for word in node.keywords
                    if word.arg == "reason" and isinstance(word.value, ast.Constant)
                }
    return found


def _is_failure(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id.startswith("SignIn")


def test_every_reason_has_words() -> None:
    assert _reasons() >= {"access_denied", "issuer_mismatch", "no_pkce"}
    assert not _reasons() - set(sign_in_failures.TEXTS) - WITHOUT_WORDS


@pytest.mark.parametrize("reason", [*sign_in_failures.TEXTS, ""])
def test_each_says_what_happened_and_what_to_do(reason: str) -> None:
    failure = sign_in_failures.of(reason)
    assert failure.title.startswith("Not connected: ")
    for text in (failure.sentence, failure.advice):
        assert text.endswith(".")
        assert "{" not in text
        assert "!" not in text
        assert "please" not in text.lower()


def test_what_a_link_says_is_never_shown() -> None:
    failure = sign_in_failures.of("Call 0900 123456 at once")
    assert "0900" not in repr(failure)
    assert failure.reason == "oauth_failed"


def test_the_numbers_are_those_of_this_installation(settings: Settings) -> None:
    settings.OAUTH_FLOW_TTL_S = 90
    settings.CONNECTOR_LIMIT = 3
    assert "good for 1.5 min" in sign_in_failures.of("expired").sentence
    assert "You have 3 connectors" in sign_in_failures.of("limit_reached").sentence


def test_what_has_to_change_first_is_not_tried_again() -> None:
    assert not sign_in_failures.of("no_pkce").can_retry
    assert sign_in_failures.of("expired").can_retry


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (SignInFailed(reason="no_pkce"), "no_pkce"),
        (SignInNotOffered(), "oauth_not_offered"),
        (ClientNeeded(redirect_uri="https://a.example/cb"), "oauth_client_needed"),
        (ConnectionFailed(), "connection_failed"),
    ],
)
def test_a_failure_has_its_word(failure: errors.ServerFailure, reason: str) -> None:
    assert sign_in_failures.reason_of(failure) == reason
    assert sign_in_failures.of(reason).reason == reason


def test_what_may_be_tried_again_is_not_advised_against() -> None:
    failure = sign_in_failures.of("issuer_mismatch")
    assert failure.can_retry
    assert failure.advice.startswith("Try again; if it stays so")


def test_what_its_own_words_say_already_is_not_said_twice() -> None:
    failure = SignInFailed("No PKCE.", reason="no_pkce", suggestion="Ask.")
    assert sign_in_failures.said_of(failure) == ""
    other = ConnectionFailed("The name is not known.", suggestion="Check it.")
    said = sign_in_failures.said_of(other)
    assert said.endswith("The name is not known. Check it.")
