"""What the database itself keeps true of people and tokens."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from accounts.models import ApiToken, User


def test_a_username_is_taken_whatever_its_case(alice: User) -> None:
    with pytest.raises(IntegrityError):
        User.objects.create_user("ALICE")


def test_an_email_address_is_taken_whatever_its_case(alice: User) -> None:
    with pytest.raises(IntegrityError):
        User.objects.create_user("another", email="ALICE@example.com")


@pytest.mark.usefixtures("db")
def test_many_people_have_no_email_address() -> None:
    User.objects.create_user("one")
    User.objects.create_user("two")

    assert User.objects.filter(email="").count() == 2


def test_a_taken_username_is_told_before_the_database_refuses(alice: User) -> None:
    with pytest.raises(ValidationError, match="already exists"):
        User(username="Alice", password="x").full_clean()


@pytest.mark.parametrize("username", ["Änne", "аlice", "with space", "nul\0"])
@pytest.mark.usefixtures("db")
def test_a_username_that_databases_fold_differently_is_refused(username: str) -> None:
    with pytest.raises(ValidationError) as caught:
        User(username=username, password="x").full_clean()

    assert "username" in caught.value.message_dict


def test_a_person_is_found_whatever_the_case_of_the_username(alice: User) -> None:
    assert User.objects.get_by_natural_key("aLiCe") == alice


def test_two_live_tokens_of_one_person_cannot_share_a_name(alice: User) -> None:
    ApiToken.objects.create(user=alice, name="x", prefix="aaaaaaaa", digest="0")

    with pytest.raises(IntegrityError):
        ApiToken.objects.create(user=alice, name="x", prefix="bbbbbbbb", digest="1")


def test_tokens_go_with_their_person(alice: User) -> None:
    ApiToken.objects.create(user=alice, name="x", prefix="aaaaaaaa", digest="0")

    alice.delete()

    assert not ApiToken.objects.exists()
