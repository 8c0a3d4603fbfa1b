"""The pages of known servers: looked for, read about, and connected."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from connectors import catalogue, catalogue_cards
from connectors.models import CatalogueEntry, OAuthFlow, Status, UserMCPConnection
from connectors.tests import rows
from connectors.tests.add_pages import ADD, chosen, value
from connectors.tests.sign_in_pages import came_back, left
from connectors.tests.tool_pages import HTMX, plain
from demo.authority.running import RunningAuthority

LIST = "/catalogue"
HOSTILE = "<script>alert(1)</script>"
# As htmx asks for the part of the list that a search changes.
SEARCH = HTMX | {"HX-Target": "div#catalogue"}


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def journal(authority: RunningAuthority, allow_loopback: None) -> CatalogueEntry:
    """A known server that people sign in to, added by an administrator."""
    entry = CatalogueEntry(
        key="journal",
        fields={
            "name": "Journal",
            "server_url": authority.mcp_url,
            "sign_in": "oauth",
            "registration": "dcr",
            "developer": "Demo authority",
            "description": "A diary.",
        },
    )
    entry.save()
    return entry


def shown(html: str) -> list[str]:
    """Return the keys of the servers that are listed."""
    return re.findall(r'class="opt[^"]*" href="/catalogue/([a-z0-9-]+)"', html)


# --- The list ----------------------------------------------------------------


def test_every_known_server_is_listed_with_the_day_it_was_read(browser: Client):
    html = browser.get(LIST).text
    assert {"notion", "github", "deepwiki"} <= set(shown(html))
    assert "since 22 November 2026; no server was asked" in plain(html)


def test_servers_are_looked_for_by_words_and_category(browser: Client):
    assert shown(browser.get(LIST, {"q": "refunds"}).text) == ["paypal", "stripe"]
    html = browser.get(LIST, {"category": "payments"}).text
    assert shown(html) == ["paypal", "stripe"]
    assert shown(browser.get(LIST, {"q": "linear", "category": "payments"}).text) == []


def test_a_search_changes_only_what_was_found(browser: Client):
    html = browser.get(LIST, {"q": "refunds"}, headers=SEARCH).text
    assert html.lstrip().startswith('<div class="stack tight" id="catalogue">')
    assert shown(html) == ["paypal", "stripe"]
    assert "2 found" in html


def test_where_nothing_is_found_that_is_said(browser: Client):
    html = browser.get(LIST, {"q": HOSTILE}).text
    assert "No known server matches" in html
    assert HOSTILE not in html


def test_a_server_that_needs_a_client_says_so_until_there_is_one(
    browser: Client, settings: Settings
):
    html = plain(browser.get(LIST, {"q": "asana"}).text)
    assert "An administrator must register a client with Asana first" in html
    assert "Needs set-up" in html
    settings.OAUTH_CLIENTS = {"asana": {"client_id": "abc"}}
    html = plain(browser.get(LIST, {"q": "asana"}).text)
    assert "An administrator" not in html
    assert "OAuth" in html


def test_a_server_that_takes_a_token_as_well_is_not_locked(browser: Client):
    html = browser.get(LIST, {"q": "github pull"}).text
    assert shown(html) == ["github"]
    assert "Needs set-up" not in html
    assert re.search(r'nowrap">Token<', html)


def test_what_a_person_has_is_marked(browser: Client, alice: User, bob: User):
    url = "https://mcp.linear.app/mcp"
    rows.connector(bob, server_url=url)
    assert "Connected" not in browser.get(LIST, {"q": "linear"}).text
    rows.connector(
        alice, server_url=url, status=Status.SIGN_IN_AGAIN, is_verified=False
    )
    assert "Sign in again" in browser.get(LIST, {"q": "linear"}).text
    rows.connector(alice, slot=2, server_url=f"{url}/")
    html = browser.get(LIST, {"q": "linear"}).text
    assert "Connected" in html
    assert "Sign in again" not in html


def test_a_long_list_of_connectors_costs_no_more_queries(browser: Client, alice: User):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            browser.get(LIST)
        return len(captured)

    before = queries()
    for slot in range(1, 6):
        rows.connector(alice, slot=slot)
    assert queries() == before


# --- One server --------------------------------------------------------------


def test_a_server_is_told_about_before_it_is_connected(browser: Client):
    html = browser.get(f"{LIST}/attio").text
    words = plain(html)
    for text in (
        "Search and change a CRM",
        "https://mcp.attio.com/mcp",
        "OAuth",
        "Patchbay registers itself there",
        "Tasks",
        "Attio Ltd",
        "Connect Attio",
    ):
        assert text in words
    assert 'href="https://attio.com/legal/privacy" target="_blank"' in html
    # Where it was read, and when.
    assert 'href="https://github.com/openai/plugins/blob/' in html
    assert "github.com/openai/plugins in a new tab , 30 Nov 2026" in words
    assert not OAuthFlow.objects.exists()


def test_what_is_not_known_is_not_there(browser: Client):
    words = plain(browser.get(f"{LIST}/cloudflare-docs").text)
    assert "Website" not in words
    assert "Capabilities" not in words


def test_a_server_opens_in_the_dialog(browser: Client):
    html = browser.get(f"{LIST}/notion", headers=HTMX).text
    assert "<html" not in html
    assert "data-close" in html
    assert 'id="known-title"' in html


@pytest.mark.parametrize("key", ["no-such", "NOTION", "notion%2F"])
def test_a_server_that_nobody_knows_is_not_there(browser: Client, key: str):
    assert browser.get(f"{LIST}/{key}").status_code == 404


def test_a_server_that_is_hidden_is_nowhere(browser: Client):
    CatalogueEntry.objects.create(key="notion", hidden=True)
    assert browser.get(f"{LIST}/notion").status_code == 404
    assert "notion" not in shown(browser.get(LIST).text)
    assert "notion" not in shown(browser.get(ADD).text)


def test_words_of_an_administrator_are_words(browser: Client):
    fields = {"name": HOSTILE, "server_url": "https://a.example", "note": HOSTILE}
    CatalogueEntry.objects.create(key="bad", fields=fields)
    for url in (LIST, f"{LIST}/bad", ADD):
        assert HOSTILE not in browser.get(url).text
    assert "Said by the administrators" in browser.get(f"{LIST}/bad").text


# --- Choosing ----------------------------------------------------------------


def test_a_server_without_a_sign_in_fills_the_form(browser: Client):
    html = browser.get(f"{LIST}/deepwiki").text
    address = _link(html, "url=https%3A%2F%2Fmcp.deepwiki.com")
    form = browser.get(address).text
    assert value(form, "server_url") == "https://mcp.deepwiki.com/mcp"
    assert value(form, "name") == "DeepWiki"
    assert chosen(form) == "none"
    # It is filled in, so there is nothing to choose any more.
    assert "Or choose a known server" not in form


def test_a_server_with_a_token_fills_the_form_and_asks_for_it(browser: Client):
    html = browser.get(f"{LIST}/github").text
    assert "signs in only programs that it knows" in html
    assert "OAUTH_CLIENT_GITHUB_ID" in html
    assert "/api/oauth/callback" in html
    assert "Connect GitHub" not in html
    form = browser.get(_link(html, "sign_in=token")).text
    assert value(form, "server_url") == "https://api.githubcopilot.com/mcp/"
    assert chosen(form) == "token"


def test_a_name_that_is_taken_is_counted_on(browser: Client, alice: User):
    rows.connector(alice, name="deepwiki")
    html = browser.get(f"{LIST}/deepwiki").text
    form = browser.get(_link(html, "name=DeepWiki+2")).text
    assert value(form, "name") == "DeepWiki 2"


def test_choosing_leads_to_the_page_that_asks_with_all_that_is_known(
    browser: Client, authority: RunningAuthority, journal: CatalogueEntry
):
    response = browser.post(f"{LIST}/journal")
    assert response.status_code == 303
    assert not authority.mcp_refusals
    words = plain(browser.get(response["Location"]).text)
    assert "Connect Journal" in words
    assert "Developed by Demo authority" in words
    came_back(browser, authority, response["Location"])
    row = UserMCPConnection.objects.get()
    assert row.name.startswith("Journal")
    assert row.description == "A diary."
    assert "Connected" in browser.get(f"{LIST}/journal").text


def test_a_client_that_the_operator_set_opens_a_server(
    browser: Client,
    authority: RunningAuthority,
    journal: CatalogueEntry,
    settings: Settings,
):
    authority.switches.registration = "not offered"
    journal.fields["registration"] = "static"
    journal.save()
    assert browser.post(f"{LIST}/journal").status_code == 422
    assert not OAuthFlow.objects.exists()
    redirect = f"{settings.PUBLIC_URL}/api/oauth/callback"
    client_id, secret = authority.register_client(redirect)
    settings.OAUTH_CLIENTS = {
        "journal": {"client_id": client_id, "client_secret": secret}
    }
    page = browser.post(f"{LIST}/journal")["Location"]
    assert f"client_id={client_id}" in left(browser, page)
    assert "Connected Successfully!" in came_back(browser, authority, page).text


def test_a_person_without_a_place_left_is_told(
    browser: Client, alice: User, settings: Settings
):
    settings.CONNECTOR_LIMIT = 1
    rows.connector(alice)
    response = browser.post(f"{LIST}/notion")
    assert response.status_code == 422
    assert "CONNECTOR_LIMIT_REACHED" in response.text


def test_a_server_that_nobody_signs_in_to_has_no_sign_in(browser: Client):
    assert browser.post(f"{LIST}/deepwiki").status_code == 422
    assert not OAuthFlow.objects.exists()


# --- Beside the form ---------------------------------------------------------


def test_the_form_offers_known_servers(browser: Client):
    for headers in ({}, HTMX):
        html = browser.get(ADD, headers=headers).text
        assert "Or choose a known server" in html
        assert "notion" in shown(html)
        # Enter in the search must not begin a test.
        assert '<form id="catalogue-form" action="/catalogue"' in html


def test_a_link_into_the_form_only_fills_it(browser: Client, closed_url: str):
    query = {"url": closed_url, "name": "Theirs", "sign_in": "headers"}
    html = browser.get(ADD, query).text
    assert value(html, "server_url") == closed_url
    assert value(html, "name") == "Theirs"
    assert chosen(html) == "headers"
    assert not UserMCPConnection.objects.exists()


def test_a_link_with_a_kind_that_there_is_not_is_read_without_it(browser: Client):
    assert chosen(browser.get(ADD, {"sign_in": "oauth"}).text) == "none"


# --- What is shown -----------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("notion", "OAuth"),
        ("linear", "OAuth or token"),
        ("github", "Token"),
        ("deepwiki", "No sign-in"),
        ("huggingface", "No sign-in or token"),
    ],
)
def test_kinds_of_sign_in_in_words(db: None, key: str, words: str):
    assert catalogue_cards.sign_in_words(catalogue.find(key)) == words


def test_a_category_of_one_is_offered_only_where_it_is_chosen(db: None):
    fields = {"name": "Wiki", "server_url": "https://wiki.example/mcp"}
    CatalogueEntry.objects.create(key="wiki", fields=fields)
    known = catalogue.entries()
    shown = catalogue_cards.categories(known, chosen="")
    assert ("payments", "Payments") in shown
    assert "other" not in dict(shown)
    assert catalogue_cards.categories(known, chosen="other")[-1] == ("other", "Other")
    assert catalogue_cards.categories(known, chosen="no such") == shown


def _link(html: str, part: str) -> str:
    """Return the address of the form that holds `part`."""
    found: list[str] = re.findall(rf'href="({reverse("connector-add")}\?[^"]*)"', html)
    return next(one.replace("&amp;", "&") for one in found if part in one)
