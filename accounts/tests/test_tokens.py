"""The life of a token: made, used, worn out, revoked."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from structlog.testing import capture_logs

from accounts import tokens
from accounts.errors import (
    InvalidToken,
    TokenLimitReached,
    TokenNameTaken,
    TokenNotFound,
)
from accounts.models import SCOPES, ApiToken, User


def issue(user: User, name: str = "laptop") -> tuple[ApiToken, str]:
    return tokens.issue(user=user, name=name)


def secret(text: str) -> str:
    return text.split("_", 2)[2]


def test_a_token_reads_pb_its_prefix_and_its_secret(alice: User) -> None:
    token, text = issue(alice)

    assert tokens.TOKEN.fullmatch(text)
    assert text.startswith(f"pb_{token.prefix}_")
    assert len(text) == len("pb_") + 8 + 1 + 43


def test_a_token_authenticates_its_person(alice: User) -> None:
    token, text = issue(alice)

    found = tokens.authenticate(text)

    assert found == token
    assert found.user == alice


def test_neither_the_token_nor_its_secret_is_stored(alice: User) -> None:
    _token, text = issue(alice)

    (row,) = ApiToken.objects.values()

    assert text not in str(row)
    assert secret(text) not in str(row)


def test_a_token_carries_every_scope_and_ends_after_the_setting(
    alice: User, settings: Settings
) -> None:
    settings.TOKEN_TTL_DAYS = 7
    token, _text = issue(alice)

    assert token.scopes == list(SCOPES)
    assert token.expires_at is not None
    assert timedelta(days=6) < token.expires_at - timezone.now() <= timedelta(days=7)


def test_a_token_carries_the_scopes_asked_for_in_one_order(alice: User) -> None:
    token, _text = tokens.issue(
        user=alice, name="two", scopes=["tools:call", "connectors:read"]
    )

    assert token.scopes == ["connectors:read", "tools:call"]
    assert token.allows("tools:call")
    assert not token.allows("chat")


@pytest.mark.parametrize("scopes", [[], ["root"], ["chat", "connectors"]])
def test_a_token_of_unknown_or_no_scopes_is_refused(
    alice: User, scopes: list[str]
) -> None:
    with pytest.raises(InvalidToken) as caught:
        tokens.issue(user=alice, name="odd", scopes=scopes)

    assert (caught.value.code, caught.value.field) == ("INVALID_INPUT", "scopes")
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_token_that_never_lives_or_lives_too_long_is_refused(
    alice: User, days: int
) -> None:
    with pytest.raises(InvalidToken) as caught:
        tokens.issue(user=alice, name="odd", days=days)

    assert caught.value.field == "days"


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "nul\0", "turn\u202ed"])
def test_a_name_that_cannot_be_shown_is_refused(alice: User, name: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        tokens.issue(user=alice, name=name)

    assert caught.value.field == "name"


def test_a_live_token_keeps_its_name_from_the_same_person_only(
    alice: User, bob: User
) -> None:
    issue(alice, "laptop")
    issue(bob, "laptop")

    with pytest.raises(TokenNameTaken):
        issue(alice, " laptop ")


def test_a_revoked_token_gives_its_name_free(alice: User) -> None:
    token, _text = issue(alice, "laptop")
    tokens.revoke(token=token)

    assert issue(alice, "laptop")[0] != token


def test_an_expired_token_gives_its_name_free(alice: User) -> None:
    token, _text = issue(alice, "laptop")
    expire(token)

    issue(alice, "laptop")

    token.refresh_from_db()
    assert token.revoked_at is not None


def expire(token: ApiToken) -> None:
    token.expires_at = timezone.now() - timedelta(seconds=1)
    token.save()


def test_a_person_holds_at_most_the_limit_of_live_tokens(
    alice: User, bob: User, settings: Settings
) -> None:
    settings.TOKENS_PER_PERSON = 3
    made = [issue(alice, f"t{n}")[0] for n in range(3)]
    with pytest.raises(TokenLimitReached):
        issue(alice, "one more")

    tokens.revoke(token=made[0])
    expire(made[1])
    issue(alice, "t3")
    issue(alice, "t4")
    issue(bob)

    assert tokens.list_for(user_id=alice.pk).count() == 3


@pytest.mark.usefixtures("transactional_db")
def test_a_race_for_the_last_place_ends_at_the_limit(settings: Settings) -> None:
    alice = User.objects.create_user("alice")
    settings.TOKENS_PER_PERSON = 20
    for n in range(18):
        issue(alice, f"t{n}")
    start = threading.Barrier(6, timeout=10)

    def race(n: int) -> bool:
        try:
            start.wait()
            issue(alice, f"racer {n}")
        except TokenLimitReached:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(race, range(6)))

    assert won.count(True) == 2
    assert tokens.list_for(user_id=alice.pk).count() == 20


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pb_",
        "pb_aaaaaaaa",
        "pb_aaaaaaaa_" + "a" * 42,
        "pb_aaaaaaaa_" + "a" * 44,
        "pb_aaaaaaaa_" + "a" * 43,
        "pb_aaaaaaa\0_" + "a" * 43,
        "pb_aaaaaaaa_" + "a" * 43 + "\n",
        "xx_aaaaaaaa_" + "a" * 43,
        "ſ" * 55,
    ],
)
@pytest.mark.usefixtures("db")
def test_what_no_token_is_authenticates_nobody(text: str) -> None:
    assert tokens.authenticate(text) is None


def test_a_token_with_another_secret_authenticates_nobody(alice: User) -> None:
    token, text = issue(alice)
    other = text[:-1] + ("A" if text[-1] != "A" else "B")

    assert tokens.authenticate(other) is None
    token.refresh_from_db()
    assert token.last_used_at is None


def test_an_unknown_prefix_takes_the_same_queries_as_a_wrong_secret(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token, text = issue(alice)
    unknown = "zzzzzzzz" if token.prefix != "zzzzzzzz" else "yyyyyyyy"

    with django_assert_num_queries(1):
        tokens.authenticate(text[:-5] + "_____")
    with django_assert_num_queries(1):
        tokens.authenticate(text.replace(token.prefix, unknown))


def test_a_revoked_token_authenticates_nobody_for_good(alice: User) -> None:
    token, text = issue(alice)
    tokens.revoke(token=token)
    first = token.revoked_at
    tokens.revoke(token=token)

    assert tokens.authenticate(text) is None
    assert token.revoked_at == first


def test_an_expired_token_authenticates_nobody(alice: User) -> None:
    token, text = issue(alice)
    expire(token)

    assert tokens.authenticate(text) is None


def test_a_token_without_an_end_keeps_authenticating(alice: User) -> None:
    token, text = issue(alice)
    token.expires_at = None
    token.save()

    assert tokens.authenticate(text) == token


def test_the_token_of_an_inactive_person_authenticates_nobody(alice: User) -> None:
    _token, text = issue(alice)
    alice.is_active = False
    alice.save()

    assert tokens.authenticate(text) is None


def test_the_last_use_is_written_at_most_once_a_minute(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token, text = issue(alice)
    with django_assert_num_queries(2):
        tokens.authenticate(text)
    with django_assert_num_queries(1):
        tokens.authenticate(text)

    token.refresh_from_db()
    assert token.last_used_at is not None
    changed_at = token.updated_at
    ApiToken.objects.update(last_used_at=token.last_used_at - timedelta(minutes=1))
    with django_assert_num_queries(2):
        tokens.authenticate(text)
    token.refresh_from_db()
    assert token.updated_at == changed_at


def test_only_its_owner_finds_a_token(alice: User, bob: User) -> None:
    token, _text = issue(alice)

    assert tokens.get(user_id=alice.pk, token_id=token.pk) == token
    with pytest.raises(TokenNotFound):
        tokens.get(user_id=bob.pk, token_id=token.pk)


def test_the_list_shows_live_tokens_of_the_person_newest_first(
    alice: User, bob: User
) -> None:
    first, second, third = (issue(alice, name)[0] for name in "abc")
    issue(bob)
    tokens.revoke(token=second)

    assert list(tokens.list_for(user_id=alice.pk)) == [third, first]


def test_what_happens_to_a_token_is_logged_without_the_token(alice: User) -> None:
    with capture_logs() as logs:
        token, text = issue(alice)
        tokens.authenticate("pb_nonsense")
        tokens.authenticate(text[:-5] + "_____")
        tokens.revoke(token=token)
        tokens.authenticate(text)

    seen = [(line["event"], line.get("reason")) for line in logs]
    assert seen == [
        ("token.issued", None),
        ("token.rejected", "malformed"),
        ("token.rejected", "unknown"),
        ("token.revoked", None),
        ("token.rejected", "revoked"),
    ]
    assert secret(text)[:20] not in str(logs)
    assert "pb_" not in str(logs)


def test_what_is_shown_of_a_token_is_its_name_and_its_prefix(alice: User) -> None:
    token, _text = issue(alice, "laptop")

    assert str(token) == f"laptop (pb_{token.prefix}…)"
