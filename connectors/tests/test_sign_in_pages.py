"""The pages of a sign-in: what is asked for, away and back, connected or why not."""

import re
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from connectors.models import AuthType, OAuthFlow, OAuthGrant, Status, UserMCPConnection
from connectors.tests import rows
from connectors.tests.sign_in_pages import (
    came_back,
    connected,
    left,
    prepared,
)
from connectors.tests.tool_pages import HTMX, plain
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


@pytest.fixture
def page(browser: Client, authority: RunningAuthority) -> str:
    """The page that asks whether to sign in to the journal."""
    return prepared(browser, authority.mcp_url, name="Diary")


# --- The page that asks ------------------------------------------------------


def test_the_form_leads_to_a_page_and_dials_nobody(
    browser: Client, authority: RunningAuthority, page: str
) -> None:
    assert re.fullmatch(r"/connectors/sign-in/\d+", page)
    assert not authority.mcp_refusals
    assert not UserMCPConnection.objects.exists()


def test_the_page_has_the_promised_texts(browser: Client, page: str) -> None:
    words = plain(browser.get(page).text)
    for text in (
        "Connect Diary",
        "Developed by 127.0.0.1",
        "Permissions always respected",
        "You're in control",
        "Connectors may introduce risk",
        "Continue to Diary",
        "Not now",
    ):
        assert text in words


def test_continue_is_a_link_and_no_form(browser: Client, page: str) -> None:
    html = browser.get(page).text
    assert f'href="{page}/go"' in html
    assert "<form" not in html


def test_a_page_that_knows_nothing_yet_asks_by_itself(
    browser: Client, authority: RunningAuthority, page: str
) -> None:
    html = browser.get(page).text
    assert "Asking 127.0.0.1 what it wants…" in html
    assert f'hx-get="{page}?look=1" hx-trigger="load"' in html
    assert f'<noscript><a class="link" href="{page}?look=1">' in html
    assert not authority.mcp_refusals


def test_what_was_asked_is_shown_in_words(browser: Client, page: str) -> None:
    part = browser.get(f"{page}?look=1", headers=HTMX)
    assert "<html" not in part.text
    words = plain(part.text)
    assert "127.0.0.1 will be asked for" in words
    assert "Read journal journal:read" in words
    assert "Stay signed in until you disconnect offline_access" in words
    whole = browser.get(f"{page}?look=1").text
    assert "<html" in whole
    assert "Read journal" in whole
    assert "htmx" not in whole


def test_a_server_that_cannot_be_asked_leaves_the_page_usable(
    browser: Client, closed_url: str
) -> None:
    page = prepared(browser, closed_url)
    words = plain(browser.get(f"{page}?look=1").text)
    assert "CONNECTION_FAILED" in words
    assert "Ask again" in words
    assert "Continue to" in words


def test_a_server_without_a_sign_in_says_so(
    browser: Client, notes_server: DemoServer
) -> None:
    page = prepared(browser, notes_server.url)
    assert "OAUTH_NOT_OFFERED" in browser.get(f"{page}?look=1").text


def test_a_sign_in_that_was_begun_is_known_when_the_page_is_opened_again(
    browser: Client, authority: RunningAuthority, page: str
) -> None:
    left(browser, page)
    asked = len(authority.mcp_refusals)
    assert "Read journal" in browser.get(page).text
    assert len(authority.mcp_refusals) == asked


@pytest.mark.parametrize("end", ["", "/go", "/client"])
def test_somebody_elses_is_not_there(
    client: Client, bob: User, page: str, end: str
) -> None:
    client.force_login(bob)
    assert client.get(page + end).status_code == 404


# --- Away --------------------------------------------------------------------


def test_continue_leads_to_the_provider(
    browser: Client, authority: RunningAuthority, page: str
) -> None:
    assert left(browser, page).startswith(f"{authority.issuer}/authorize?")


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Purpose": "prefetch"}]
)
def test_nobody_is_sent_away_who_did_not_follow_our_link(
    browser: Client, authority: RunningAuthority, page: str, headers: dict[str, str]
) -> None:
    response = browser.get(f"{page}/go", headers=headers)
    assert (response.status_code, response["Location"]) == (302, page)
    assert not authority.mcp_refusals
    assert browser.head(f"{page}/go")["Location"] == page
    assert not authority.mcp_refusals


def test_a_sign_in_that_cannot_begin_says_why_and_can_be_tried_again(
    browser: Client, authority: RunningAuthority, page: str
) -> None:
    authority.switches.pkce_in_metadata = False
    html = browser.get(f"{page}/go").text
    assert "Not connected: the sign-in service is not safe to use" in html
    assert f'href="{page}"' in html
    assert "Try Again" in html
    assert "no_pkce" in html


def test_where_a_client_is_needed_it_is_asked_for(
    browser: Client, authority: RunningAuthority, page: str
) -> None:
    authority.switches.registration = "not offered"
    response = browser.get(f"{page}/go", follow=True)
    words = plain(response.text)
    assert "Client id" in words
    assert "http://127.0.0.1:8000/api/oauth/callback" in words or (
        "/api/oauth/callback" in words
    )
    assert 'data-copy="#redirect-uri"' in response.text


def test_a_client_that_was_entered_signs_in(
    browser: Client, authority: RunningAuthority, page: str, settings: Settings
) -> None:
    authority.switches.registration = "not offered"
    redirect = f"{settings.PUBLIC_URL}/api/oauth/callback"
    client_id, secret = authority.register_client(redirect)
    form = {"client_id": client_id, "client_secret": secret, "scope": "journal:read"}
    response = browser.post(f"{page}/client", form)
    assert response.status_code == 303
    again = browser.get(f"{response['Location']}/client").text
    assert client_id in again
    assert secret not in again
    assert "Connected Successfully!" in came_back(
        browser, authority, response["Location"]
    ).text  # fmt: skip


def test_a_secret_that_stands_already_need_not_be_typed_again(
    browser: Client, page: str
) -> None:
    given = {"client_id": "abc", "client_secret": SECRET}
    page = browser.post(f"{page}/client", given)["Location"]
    page = browser.post(f"{page}/client", {"client_id": "abc", "scope": "a:read"})[
        "Location"
    ]
    kept = OAuthFlow.objects.get(pk=page.rpartition("/")[2]).draft
    assert kept is not None
    assert kept.open()["auth_config"] == {
        "client_id": "abc",
        "client_secret": SECRET,
        "scope": "a:read",
    }


def test_a_client_that_is_none_is_refused_at_its_field(
    browser: Client, page: str
) -> None:
    response = browser.post(f"{page}/client", {"client_secret": SECRET})
    assert response.status_code == 422
    assert "A secret needs its client id." in response.text
    assert SECRET not in response.text


# --- Connected ---------------------------------------------------------------


def test_a_sign_in_ends_at_the_page_that_says_so(
    browser: Client, authority: RunningAuthority, page: str
) -> None:
    html = came_back(browser, authority, page).text
    row = UserMCPConnection.objects.get()
    words = plain(html)
    assert "Connected Successfully!" in words
    assert "You are signed in to Diary as ada" in words
    assert f'href="/chat?pick=connector:{row.pk}"' in html
    assert "Start Chat" in words
    assert f'href="/connectors/{row.pk}"' in html
    assert "Go to Settings" in words
    assert "done.js" not in html


def test_where_nobody_can_renew_it_that_is_said(
    browser: Client, authority: RunningAuthority, page: str
) -> None:
    authority.switches.issues_refresh_token = False
    words = plain(came_back(browser, authority, page).text)
    assert "127.0.0.1 gave no refresh token" in words
    assert "you will sign in again in 60 min" in words or (
        "you will sign in again in 1 h" in words
    )


def test_from_the_chat_the_tab_closes_itself(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    row = connected(browser, alice, authority)
    html = came_back(browser, authority, f"/connectors/{row.pk}/sign-in?from=chat").text
    assert "done.js" in html
    assert "This tab closes by itself" in html
    assert "data-close-tab" in html


def test_what_was_prepared_and_is_connected_leads_to_the_connector(
    browser: Client, authority: RunningAuthority, page: str
) -> None:
    came_back(browser, authority, page)
    row = UserMCPConnection.objects.get()
    assert "Connect Diary" in browser.get(page).text
    assert f'href="/connectors/{row.pk}/sign-in/go"' in browser.get(page).text


def test_the_page_of_a_connector_that_nobody_signed_in_to_is_its_own(
    browser: Client, alice: User
) -> None:
    row = rows.connector(alice)
    response = browser.get(f"/connectors/oauth/done?connector={row.pk}")
    assert response["Location"] == f"/connectors/{row.pk}"


@pytest.mark.parametrize("query", ["", "?connector=x", "?connector=9", "?connector=-1"])
def test_a_page_of_no_connector_is_not_there(browser: Client, query: str) -> None:
    assert browser.get(f"/connectors/oauth/done{query}").status_code == 404


def test_somebody_elses_is_not_shown_as_connected(
    client: Client, alice: User, bob: User
) -> None:
    row = rows.connector(alice)
    client.force_login(bob)
    response = client.get(f"/connectors/oauth/done?connector={row.pk}")
    assert response.status_code == 404


# --- Not connected -----------------------------------------------------------


def test_a_sign_in_that_was_cancelled_can_be_tried_again(
    browser: Client, authority: RunningAuthority, page: str
) -> None:
    html = came_back(browser, authority, page, allow=False).text
    assert "Not connected: the sign-in was cancelled" in html
    assert f'href="{page}"' in html
    for detail in ("access_denied", "Diary", "127.0.0.1", "request"):
        assert detail in html
    assert "Connected Successfully!" in came_back(browser, authority, page).text


def test_the_error_page_can_be_read_by_anybody(client: Client, db: None) -> None:
    response = client.get("/connectors/oauth/error?error=expired&flow=1")
    assert response.status_code == 200
    assert "this sign-in had expired" in response.text
    assert 'href="/connectors"' in response.text
    assert "Try Again" in response.text


@pytest.mark.parametrize(
    "query", [{"error": "Call 0900 123"}, {"error": "<b>x", "flow": "9" * 30}, {}]
)
def test_nothing_of_the_address_is_on_the_error_page(
    browser: Client, query: dict[str, str]
) -> None:
    html = browser.get("/connectors/oauth/error", query).text
    assert "0900" not in html
    assert "<b>x" not in html
    assert "Not connected: the sign-in did not work" in html


def test_of_somebody_elses_sign_in_nothing_is_told(
    browser: Client, authority: RunningAuthority, page: str, bob: User
) -> None:
    came_back(browser, authority, page, allow=False)
    flow = OAuthFlow.objects.get()
    browser.force_login(bob)
    url = f"/connectors/oauth/error?error=access_denied&flow={flow.pk}"
    html = browser.get(url).text
    assert "the sign-in was cancelled" in html
    assert "Diary" not in html
    assert page not in html


def test_a_sign_in_that_cannot_be_read_any_more_still_says_why(
    browser: Client, page: str
) -> None:
    flow = OAuthFlow.objects.get()
    OAuthFlow.objects.update(vault_id=uuid4())
    url = f"/connectors/oauth/error?error=access_denied&flow={flow.pk}"
    assert "the sign-in was cancelled" in browser.get(url).text


# --- Again, as somebody else, and no more ------------------------------------


def test_two_accounts_are_two_connectors_with_their_labels(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    connected(browser, alice, authority, "ada")
    grace = connected(browser, alice, authority, "grace")
    html = browser.get("/connectors").text
    assert "ada@" in html
    assert "grace@" in html
    detail = plain(browser.get(f"/connectors/{grace.pk}").text)
    assert "signed in as grace@" in detail


def test_the_page_of_a_connector_tells_of_its_sign_in(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    row = connected(browser, alice, authority)
    words = plain(browser.get(f"/connectors/{row.pk}").text)
    assert "renewed by itself until you disconnect" in words
    assert "Read journal journal:read" in words
    assert "Sign in as somebody else" in words
    assert "Disconnect" in words


def test_a_sign_in_that_was_withdrawn_is_made_again_from_the_card(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    row = connected(browser, alice, authority)
    authority.withdraw()
    browser.post(f"/connectors/{row.pk}/retest")
    row.refresh_from_db()
    assert row.status == Status.SIGN_IN_AGAIN
    html = browser.get("/connectors").text
    assert f'href="/connectors/{row.pk}/sign-in"' in html
    assert "Sign in again" in html
    page = f"/connectors/{row.pk}/sign-in"
    # Nobody has to be asked: what was granted is known.
    assert "Read journal" in browser.get(page).text
    assert "Connected Successfully!" in came_back(browser, authority, page).text
    row.refresh_from_db()
    assert row.status == Status.READY


def test_disconnecting_asks_first_and_gives_a_receipt(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    row = connected(browser, alice, authority)
    asked = browser.get(f"/connectors/{row.pk}/disconnect", headers=HTMX)
    assert "Disconnect " in asked.text
    assert "<html" not in asked.text
    assert OAuthGrant.objects.exists()
    response = browser.post(f"/connectors/{row.pk}/disconnect", follow=True)
    words = plain(response.text)
    assert "127.0.0.1 confirmed that the permission has ended." in words
    assert "Nobody is signed in." in words
    assert authority.revocations
    assert not OAuthGrant.objects.exists()


def test_a_receipt_says_where_nothing_could_be_revoked(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    authority.switches.revocation = "not offered"
    row = connected(browser, alice, authority)
    response = browser.post(f"/connectors/{row.pk}/disconnect", follow=True)
    assert "does not offer to end permissions from outside" in response.text


def test_who_is_not_signed_in_there_has_nothing_to_disconnect(
    browser: Client, alice: User
) -> None:
    row = rows.connector(alice)
    response = browser.get(f"/connectors/{row.pk}/disconnect")
    assert response["Location"] == f"/connectors/{row.pk}"


def test_deleting_tells_whether_the_sign_in_was_revoked(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    row = connected(browser, alice, authority)
    assert "Its sign-in is taken back" in browser.get(
        f"/connectors/{row.pk}/delete"
    ).text  # fmt: skip
    response = browser.post(f"/connectors/{row.pk}/delete", follow=True)
    words = plain(response.text)
    assert f"{row.name} was deleted. 127.0.0.1 confirmed" in words


def test_who_edits_it_sees_as_whom_it_is_signed_in(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    row = connected(browser, alice, authority)
    html = browser.get(f"/connectors/{row.pk}/edit").text
    assert "Signed in as ada@" in plain(html)
    assert f'href="/connectors/{row.pk}/sign-in"' in html


def test_a_connector_with_a_token_can_be_signed_in_to_instead(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    row = rows.connector(alice, name="Diary", server_url=authority.mcp_url)
    assert f"/connectors/{row.pk}/sign-in" in browser.get(
        f"/connectors/{row.pk}/edit"
    ).text  # fmt: skip
    came_back(browser, authority, f"/connectors/{row.pk}/sign-in")
    row.refresh_from_db()
    assert row.auth_type == AuthType.OAUTH


def test_a_client_of_ones_own_is_entered_for_a_connector_too(
    browser: Client, alice: User, authority: RunningAuthority, settings: Settings
) -> None:
    row = connected(browser, alice, authority)
    redirect = f"{settings.PUBLIC_URL}/api/oauth/callback"
    client_id, _ = authority.register_client(redirect, secret=False)
    given = {"client_id": client_id}
    page = browser.post(f"/connectors/{row.pk}/sign-in/client", given)["Location"]
    assert "Connected Successfully!" in came_back(browser, authority, page).text
    assert UserMCPConnection.objects.count() == 1
    assert OAuthGrant.objects.get().client.client_id == client_id


def test_a_permission_that_a_tool_missed_is_asked_for_the_next_time(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    row = connected(browser, alice, authority)
    OAuthGrant.objects.update(wanted_scope="journal:write")
    words = plain(browser.get(f"/connectors/{row.pk}").text)
    assert "Sign in again to allow journal:write as well." in words
    assert "Create and change journal" in browser.get(
        f"/connectors/{row.pk}/sign-in"
    ).text  # fmt: skip
    assert "journal%3Awrite" in left(browser, f"/connectors/{row.pk}/sign-in")


def test_another_server_is_no_edit_of_one_that_is_signed_in_to(
    browser: Client, alice: User, authority: RunningAuthority
) -> None:
    row = connected(browser, alice, authority)
    form = {"name": row.name, "sign_in": "oauth", "server_url": "https://a.example/mcp"}
    response = browser.post(f"/connectors/{row.pk}/edit", form)
    assert response.status_code == 422
    assert 'id="url-note">' in response.text
    assert re.search(r'class="err" id="url-note">[^<]*sign in there', response.text)
