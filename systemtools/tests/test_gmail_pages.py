"""Connecting Gmail on pages and over REST, with a Google on this machine."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from structlog.testing import capture_logs

from accounts.models import User
from config.tests.rest import ApiClient
from connectors.models import OAuthGrant
from demo.google.records import READONLY, SEND
from demo.google.running import RunningGoogle

PAGE = "/system-tools/gmail/sign-in"


@pytest.fixture
def browser(client: Client, alice: User, google: RunningGoogle) -> Client:
    client.force_login(alice)
    return client


def came_back(browser: Client, google: RunningGoogle, **answer: Any) -> Any:
    """Follow Continue, answer at Google, come back; return what is shown then."""
    gone = browser.get(f"{PAGE}/go")
    assert gone.status_code == 302
    parts = urlsplit(google.sign_in(str(gone["Location"]), **answer))
    return browser.get(f"{parts.path}?{parts.query}", follow=True)


def test_connecting_leads_to_the_page_that_asks(browser: Client):
    response = browser.post("/system-tools/gmail/connect")
    assert (response.status_code, response["Location"]) == (303, PAGE)
    html = browser.get(PAGE).text
    assert "Continue to Gmail" in html
    assert SEND in html
    assert READONLY in html


def test_who_allowed_it_is_connected(browser: Client, google: RunningGoogle):
    html = came_back(browser, google).text
    assert "Connected Successfully!" in html
    assert "ada@demo.example" in html


def test_what_was_not_allowed_is_named(browser: Client, google: RunningGoogle):
    html = came_back(browser, google, without=[READONLY]).text
    assert "Connected Successfully!" in html
    assert "Search mail" in html


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"allow": False}, "the sign-in was cancelled"),
        ({"without": [SEND, READONLY]}, "nothing was allowed"),
    ],
)
def test_who_did_not_allow_it_reads_why_not(
    browser: Client, google: RunningGoogle, answer: dict[str, Any], told: str
):
    html = came_back(browser, google, **answer).text
    assert told in html
    assert f'href="{PAGE}"' in html
    assert not OAuthGrant.objects.exists()


def test_a_google_that_is_down_is_told(browser: Client, google: RunningGoogle):
    google.switches.token_endpoint = "503"
    assert "does not work at the moment" in came_back(browser, google).text


def test_disconnecting_says_what_became_of_it(browser: Client, google: RunningGoogle):
    came_back(browser, google)
    html = browser.post("/system-tools/gmail/disconnect", follow=True).text
    assert "confirmed that the permission has ended" in html
    assert google.revocations[0]["outcome"] == "ok"


def test_connecting_over_rest_gives_the_address_of_the_page(
    api: ApiClient, google: RunningGoogle
):
    told = api.post("/api/tools/gmail/connect", {}).json()
    assert told["requires_oauth"] is True
    assert told["oauth_url"].endswith(PAGE)


def test_nothing_secret_is_said_on_the_way(browser: Client, google: RunningGoogle):
    with capture_logs() as logs:
        shown = came_back(browser, google)
    grant = OAuthGrant.objects.get()
    assert grant.tokens is not None
    held = grant.tokens.open()
    secrets = [held["access_token"], held["refresh_token"], "4/"]
    secrets.append(held["client"]["client_secret"])
    where = [str(logs), str(shown.redirect_chain), shown.text]
    for secret in secrets:
        assert not any(secret in text for text in where)


def test_what_was_not_allowed_can_be_allowed_from_its_page(
    browser: Client, google: RunningGoogle
):
    came_back(browser, google, without=[READONLY])
    html = browser.get("/system-tools/gmail").text
    assert "You did not allow everything" in html
    assert "Search mail" in html
    assert f'href="{PAGE}"' in html
    came_back(browser, google)
    assert "You did not allow" not in browser.get("/system-tools/gmail").text
