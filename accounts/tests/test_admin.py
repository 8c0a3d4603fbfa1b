"""What staff see and do with people and tokens."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts import tokens
from accounts.models import ApiToken, User

LIST = "admin:accounts_apitoken_changelist"


@pytest.fixture
def staff(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


def make(user: User, name: str = "laptop") -> ApiToken:
    return tokens.issue(user=user, name=name)[0]


def change(token: ApiToken) -> str:
    return reverse("admin:accounts_apitoken_change", args=[token.pk])


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as context:
        assert client.get(url).status_code == 200
    return len(context)


@pytest.mark.usefixtures("db")
def test_strangers_sign_in_at_the_page_that_counts_their_attempts(
    client: Client,
) -> None:
    answer = client.get("/admin/login/?next=/admin/")

    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=%2Fadmin%2F"


def test_people_who_are_not_staff_are_refused(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert client.get("/admin/login/").status_code == 403
    assert client.get(reverse(LIST)).status_code == 302


def test_a_token_is_shown_without_its_digest(staff: Client, alice: User) -> None:
    token = make(alice)

    for page in (staff.get(reverse(LIST)), staff.get(change(token))):
        assert token.prefix in page.text
        assert "connectors:read, connectors:write" in page.text
        assert token.digest not in page.text


def test_a_token_cannot_be_made_or_deleted_by_hand(staff: Client, alice: User) -> None:
    token = make(alice)

    assert staff.get(reverse("admin:accounts_apitoken_add")).status_code == 403
    delete = reverse("admin:accounts_apitoken_delete", args=[token.pk])
    assert staff.post(delete, {"post": "yes"}).status_code == 403
    assert ApiToken.objects.filter(pk=token.pk).exists()


def test_staff_revoke_tokens_and_it_is_recorded(
    staff: Client, alice: User, bob: User
) -> None:
    first, second, other = make(alice), make(bob), make(bob, "other")
    chosen = {"action": "revoke", "_selected_action": [first.pk, second.pk]}

    page = staff.post(reverse(LIST), chosen, follow=True)

    assert "Revoked: 2." in page.text
    assert list(ApiToken.objects.filter(revoked_at=None)) == [other]
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize("ends", [True, False])
def test_staff_choose_when_a_token_ends_and_nothing_else(
    staff: Client, alice: User, ends: bool
) -> None:
    token = make(alice)
    at = timezone.now().replace(microsecond=0) + timedelta(days=1000)
    data = {
        "expires_at_0": f"{at:%Y-%m-%d}" if ends else "",
        "expires_at_1": f"{at:%H:%M:%S}" if ends else "",
        "name": "renamed",
        "scopes": "[]",
        "user": "1",
    }

    assert staff.post(change(token), data).status_code == 302

    before = (token.name, token.user_id, token.scopes, token.digest)
    token.refresh_from_db()
    assert token.expires_at == (at if ends else None)
    assert (token.name, token.user_id, token.scopes, token.digest) == before


def test_deleting_a_person_deletes_their_tokens(staff: Client, alice: User) -> None:
    make(alice)

    url = reverse("admin:accounts_user_delete", args=[alice.pk])
    answer = staff.post(url, {"post": "yes"})

    assert answer.status_code == 302
    assert not ApiToken.objects.exists()
    assert not User.objects.filter(pk=alice.pk).exists()


@pytest.mark.parametrize("looked_for", ["nightly", "alice", "alice@example.com"])
def test_tokens_are_found_by_name_and_person(
    staff: Client, alice: User, bob: User, looked_for: str
) -> None:
    found, missed = make(alice, "nightly report"), make(bob)

    page = staff.get(reverse(LIST), {"q": looked_for})

    assert found.prefix in page.text
    assert missed.prefix not in page.text


def test_revoked_tokens_can_be_filtered_away(staff: Client, alice: User) -> None:
    live, dead = make(alice, "live"), make(alice, "dead")
    tokens.revoke(token=dead)

    page = staff.get(reverse(LIST), {"revoked_at__isempty": "1"})

    assert live.prefix in page.text
    assert dead.prefix not in page.text


@pytest.mark.parametrize(
    "lookup", ["digest__startswith", "digest", "user__password__startswith", "scopes"]
)
def test_what_is_not_shown_cannot_be_guessed_by_a_filter(
    staff: Client, alice: User, lookup: str
) -> None:
    make(alice)

    assert staff.get(reverse(LIST), {lookup: "a"}).status_code == 400


def test_a_long_list_costs_as_many_queries_as_a_short_one(
    staff: Client, settings: Settings
) -> None:
    settings.TOKENS_PER_PERSON = 100

    def grow(count: int) -> tuple[int, int]:
        for _ in range(count):
            user = User.objects.create_user(f"u{User.objects.count()}")
            make(user)
        people = reverse("admin:accounts_user_changelist")
        return queries(staff, reverse(LIST)), queries(staff, people)

    assert grow(2) == grow(20)
