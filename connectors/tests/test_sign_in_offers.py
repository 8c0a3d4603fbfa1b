"""The form that adds a connector, where the server signs people in by OAuth."""

from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from connectors import reports
from connectors.models import OAuthGrant, UserMCPConnection
from connectors.offers import SignInOffer
from connectors.tests import rows
from connectors.tests.sign_in_pages import BEGIN, came_back, prepared
from connectors.tests.tool_pages import HTMX, plain
from connectors.validator import ValidationResult
from demo.authority.running import RunningAuthority
from demo.fixtures import DemoServer

SECRET = "s3cret-canary-value"


@pytest.fixture(autouse=True)
def _allowed(allow_loopback: None) -> None:
    pass


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def after_test(browser: Client, url: str, **fields: str) -> Any:
    return browser.post("/connectors/test", {"server_url": url, **fields})


def test_a_test_says_who_asks_and_leads_there(
    browser: Client, authority: RunningAuthority
) -> None:
    html = after_test(browser, authority.mcp_url, name="Diary").text
    words = plain(html)
    assert "What 127.0.0.1 will be asked for" in words
    assert "It will be able to read." in words
    assert "Continue to Diary" in words
    assert "Add a token" in words
    assert f'formaction="{BEGIN}"' in html
    assert '<details class="fold" id="advanced">' in html
    assert "/api/oauth/callback" in html


def test_where_a_client_is_needed_advanced_is_open(
    browser: Client, authority: RunningAuthority
) -> None:
    authority.switches.registration = "not offered"
    html = after_test(browser, authority.mcp_url).text
    assert '<details class="fold" id="advanced" open>' in html
    assert "wants a client that it knows" in html


def test_htmx_is_led_to_the_page_that_asks(
    browser: Client, authority: RunningAuthority
) -> None:
    response = browser.post(BEGIN, {"server_url": authority.mcp_url}, headers=HTMX)
    assert response["HX-Redirect"].startswith("/connectors/sign-in/")


def test_a_server_that_only_lets_in_with_a_token_is_no_place_to_sign_in(
    browser: Client, token_server: DemoServer
) -> None:
    html = after_test(browser, token_server.url).text
    assert "Continue to" not in html
    assert "Add a token" in html


def test_client_settings_that_are_wrong_are_said_on_the_form(
    browser: Client, authority: RunningAuthority
) -> None:
    given = {"server_url": authority.mcp_url, "client_secret": SECRET}
    response = browser.post(BEGIN, given)
    assert response.status_code == 422
    assert "A secret needs its client id." in response.text
    assert 'id="advanced" open' in response.text
    assert SECRET not in response.text
    assert authority.mcp_url in response.text


def test_at_the_limit_the_form_says_so(
    browser: Client, alice: User, authority: RunningAuthority, settings: Settings
) -> None:
    settings.CONNECTOR_LIMIT = 1
    rows.connector(alice)
    response = browser.post(BEGIN, {"server_url": authority.mcp_url})
    assert response.status_code == 422
    assert "CONNECTOR_LIMIT_REACHED" in response.text


def test_a_name_that_is_taken_is_said_at_its_field(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    rows.connector(alice, name="Taken")
    response = browser.post(BEGIN, {"server_url": authority.mcp_url, "name": "taken"})
    assert response.status_code == 422
    field = response.text.partition('id="name-field"')[2].partition("</div>")[0]
    assert 'aria-invalid="true"' in field
    assert "autofocus" in field
    assert "already have a connector with this name" in field
    assert response.text.count("already have a connector with this name") == 1


def test_signing_in_again_by_url_says_that_no_second_one_was_made(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    url, told = authority.mcp_url, "no new connector was made"
    assert told not in came_back(browser, authority, prepared(browser, url)).text
    assert told in came_back(browser, authority, prepared(browser, url)).text
    row = UserMCPConnection.objects.get()
    again = came_back(browser, authority, f"/connectors/{row.pk}/sign-in")
    assert told not in again.text


def test_what_ends_at_once_is_signed_in_again_now(
    browser: Client, authority: RunningAuthority
) -> None:
    authority.switches.issues_refresh_token = False
    done = came_back(browser, authority, prepared(browser, authority.mcp_url))
    soon = timezone.now() + timedelta(seconds=8)
    OAuthGrant.objects.update(expires_at=soon)
    address = done.redirect_chain[-1][0]
    assert "you will sign in again now." in plain(browser.get(address).text)


def test_who_is_signed_out_is_sent_to_the_sign_in(client: Client, db: None) -> None:
    for path in (BEGIN, reverse("connector-sign-in", args=[1])):
        assert client.get(path)["Location"].startswith("/accounts/login/?next=")


def test_a_server_that_lets_us_in_and_offers_a_sign_in_can_be_signed_in_to() -> None:
    offer = SignInOffer(issuer="https://auth.example", scopes=("notes:read",))
    result = ValidationResult(success=True, sign_in=offer, tools=rows.TOOLS)
    report = reports.of(
        result=result,
        url="https://notes.example/mcp",
        offered=False,
        tested_at=timezone.now(),
    )
    html = render_to_string("connectors/test.html#result", {"report": report})
    words = plain(html)
    assert "auth.example also signs people in to this server" in words
    assert "It will be able to read." in words
    assert "Sign in instead" in words
    assert f'formaction="{BEGIN}"' in html


def test_where_a_sign_in_is_only_guessed_a_token_comes_first() -> None:
    offer = SignInOffer(issuer="https://notes.example", is_guess=True)
    result = ValidationResult(
        success=False,
        error_code="AUTH_REQUIRED",
        error_message="This server asks you to sign in.",
        sign_in=offer,
    )
    report = reports.of(
        result=result,
        url="https://notes.example/mcp",
        offered=False,
        tested_at=timezone.now(),
    )
    words = plain(render_to_string("connectors/test.html#result", {"report": report}))
    assert words.index("Add a token") < words.index("Try to sign in at notes.example")
    assert "Continue to" not in words
