"""Settings: the account, and the API tokens of a person, shown once."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import tokens
from accounts.models import ApiToken, User

HTMX = {"HX-Request": "true"}
TOKEN = re.compile(r"pb_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")
FORM: dict[str, Any] = {"name": "laptop", "scopes": ["tools:call"], "days": "30"}


@pytest.fixture
def client(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def test_the_account_page_leads_to_what_a_person_can_change(client: Client) -> None:
    page = client.get("/settings").text
    assert "alice@example.com" in page
    for address in ("password/change/", "email/", "logout/"):
        assert f"/accounts/{address}" in page
    assert 'href="/settings/tokens"' in page


def test_the_token_page_lists_live_tokens_without_their_text(
    client: Client, alice: User, bob: User
) -> None:
    _, text = tokens.issue(user=alice, name="laptop", scopes=["tools:call"])
    revoked, _ = tokens.issue(user=alice, name="lost phone")
    tokens.revoke(token=revoked)
    tokens.issue(user=bob, name="of bob")
    page = client.get("/settings/tokens").text
    assert "laptop" in page
    assert text[:11] in page
    assert text not in page
    assert "lost phone" not in page
    assert "of bob" not in page


def test_a_person_without_tokens_is_told_what_they_are_for(client: Client) -> None:
    assert "No tokens yet" in client.get("/settings/tokens").text


def test_a_token_is_made_and_shown_this_once(client: Client, alice: User) -> None:
    page = client.post("/settings/tokens", FORM)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    (text,) = set(TOKEN.findall(page.text))
    token = tokens.authenticate(text)
    assert token is not None
    assert (token.user, token.name, token.scopes) == (alice, "laptop", ["tools:call"])
    assert token.expires_at is not None
    assert token.expires_at - timezone.now() < timedelta(days=30)
    assert not TOKEN.findall(client.get("/settings/tokens").text)


def test_with_htmx_the_fragments_arrive_and_nothing_else(client: Client) -> None:
    answer = client.post("/settings/tokens", FORM, headers=HTMX)
    assert "<html" not in answer.text
    assert len(set(TOKEN.findall(answer.text))) == 1
    for place in ('id="token-form"', 'id="new-token"', 'id="tokens"'):
        assert answer.text.count(place) == 1
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": " "}, "required"),
        ({"name": "x" * 81}, "80"),
        ({"name": "\x07bell"}, "printable"),
        ({"scopes": []}, "required"),
        ({"scopes": ["everything"]}, "everything"),
        ({"days": "4000"}, "4000"),
        ({"days": ""}, "required"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_form_that_is_wrong_comes_back_with_what_was_typed(
    client: Client, wrong: dict[str, Any], says: str, headers: dict[str, str]
) -> None:
    answer = client.post("/settings/tokens", {**FORM, **wrong}, headers=headers)
    assert answer.status_code == 422
    assert ("<html" in answer.text) == (not headers)
    (error,) = re.findall(r'<p class="err"[^>]*>([^<]+)</p>', answer.text)
    assert says in error
    assert 'aria-invalid="true"' in answer.text
    assert not ApiToken.objects.exists()


def test_a_name_in_use_and_the_limit_are_said_at_the_form(
    client: Client, alice: User, settings: Settings
) -> None:
    tokens.issue(user=alice, name="laptop")
    answer = client.post("/settings/tokens", FORM)
    assert answer.status_code == 422
    assert "already have a live token with this name" in answer.text
    settings.TOKENS_PER_PERSON = 1
    answer = client.post("/settings/tokens", {**FORM, "name": "other"})
    assert answer.status_code == 422
    assert "limit of 1 live tokens" in answer.text


def test_a_lifetime_of_the_installation_can_be_chosen(
    client: Client, settings: Settings
) -> None:
    settings.TOKEN_TTL_DAYS = 14
    page = client.get("/settings/tokens").text
    assert re.search(r'<option value="14" selected>14 days', page)


def test_a_token_is_revoked_after_a_question(client: Client, alice: User) -> None:
    token, text = tokens.issue(user=alice, name="laptop")
    address = f"/settings/tokens/{token.pk}/revoke"
    question = client.get(address)
    assert "Revoke “laptop”?" in question.text
    assert tokens.authenticate(text) is not None
    answer = client.post(address)
    assert (answer.status_code, answer["Location"]) == (303, "/settings/tokens")
    assert tokens.authenticate(text) is None
    assert "“laptop” was revoked" in client.get("/settings/tokens").text


def test_with_htmx_the_question_is_a_dialog_and_the_list_comes_back(
    client: Client, alice: User
) -> None:
    token, _ = tokens.issue(user=alice, name="laptop")
    address = f"/settings/tokens/{token.pk}/revoke"
    assert "<html" not in client.get(address, headers=HTMX).text
    answer = client.post(address, headers=HTMX)
    assert answer.status_code == 200
    assert answer["HX-Trigger"] == "dialog-close"
    assert 'id="tokens"' in answer.text
    assert "“laptop” was revoked" in answer.text
    assert "<html" not in answer.text


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_token_of_somebody_else_is_not_there(
    client: Client, bob: User, method: str
) -> None:
    token, text = tokens.issue(user=bob, name="of bob")
    answer = getattr(client, method)(f"/settings/tokens/{token.pk}/revoke")
    assert answer.status_code == 404
    assert "of bob" not in answer.text
    assert tokens.authenticate(text) is not None


def test_a_token_that_was_revoked_is_not_there(client: Client, alice: User) -> None:
    token, _ = tokens.issue(user=alice, name="laptop")
    tokens.revoke(token=token)
    assert client.get(f"/settings/tokens/{token.pk}/revoke").status_code == 404


def test_the_list_of_tokens_costs_as_much_for_twenty_as_for_one(
    client: Client, alice: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        tokens.issue(user=alice, name=f"token {number}")
    # Session, person, tokens; in the rail, the connectors that need a look.
    with django_assert_max_num_queries(4):
        client.get("/settings/tokens")


def test_what_a_token_may_do_is_said_in_words(client: Client, alice: User) -> None:
    scopes = ["connectors:read", "tools:call"]
    tokens.issue(user=alice, name="laptop", scopes=scopes)
    tokens.issue(user=alice, name="everything")
    page = client.get("/settings/tokens").text
    assert "see connectors, run tools" in page
    assert "everything" in page
