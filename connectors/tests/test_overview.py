"""The list of connectors, as a page and in the parts that htmx asks for."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from connectors.models import AuthType, Status
from connectors.tests import rows

HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    """Alice's browser, without JavaScript."""
    client.force_login(alice)
    return client


def groups_of(page: str) -> dict[str, list[str]]:
    """Return the names on the cards below each heading."""
    parts = re.split(r'<section class="group"[^>]*>', page)[1:]
    found = {}
    for part in parts:
        heading = re.findall(r"<h2[^>]*>(.*?)</h2>", part)[0]
        found[heading] = re.findall(r'<h3[^>]*><a href="[^"]+"[^>]*>(.*?)</a>', part)
    return found


def parts(target: str) -> dict[str, str]:
    return {**HTMX, "HX-Target": target}


# --- Groups and cards --------------------------------------------------------


def test_cards_stand_in_their_groups(browser: Client, alice: User) -> None:
    rows.connector(alice, 1, name="GitHub")
    rows.connector(alice, 2, name="Warehouse", status=Status.UNREACHABLE)
    rows.connector(alice, 3, name="Toolbox", is_active=False)
    rows.removed(alice)

    assert groups_of(browser.get("/connectors").text) == {
        "Needs a look · 1": ["Warehouse"],
        "Working · 1": ["GitHub"],
        "Resting · 2": ["Toolbox", "Scraper"],
    }


def test_a_card_says_what_it_is_and_how_it_is(browser: Client, alice: User) -> None:
    row = rows.connector(
        alice,
        name="Git <Hub>",
        server_url="https://git.example/mcp?key=s3cret",
        auth_type=AuthType.API_KEY,
        auth_config={"token": "t0ps3cret"},
    )
    page = browser.get("/connectors").text

    assert f'id="connector-{row.pk}" data-state="ready"' in page
    assert "Git &lt;Hub&gt;" in page
    assert "git.example/mcp<" in page
    assert "<b>Ready</b>" in page
    assert re.search(r"checked <time [^>]+>3 min ago</time>", page)
    assert "2 tools" in page
    assert '<span class="meta push trunc">Token</span>' in page
    assert "s3cret" not in page


def test_a_removed_connector_can_only_be_dismissed(
    browser: Client, alice: User
) -> None:
    row = rows.removed(alice)
    page = browser.get("/connectors").text

    assert "Removed by your administrator" in page
    assert "Dismiss" in page
    assert f"/connectors/{row.pk}/delete" in page
    for other in ("edit", "toggle", "retest"):
        assert f"/connectors/{row.pk}/{other}" not in page


def test_somebody_elses_connectors_are_not_there(browser: Client, bob: User) -> None:
    rows.connector(bob, name="Bobs own")
    assert "Bobs own" not in browser.get("/connectors").text


# --- Places ------------------------------------------------------------------


def test_used_places_are_counted_and_the_empty_socket_offered(
    browser: Client, alice: User
) -> None:
    for slot in range(1, 10):
        rows.connector(alice, slot)
    rows.removed(alice)
    page = browser.get("/connectors").text

    assert "9 of 10 places used." in page
    assert "Plug in another" in page
    assert "1 place left of 10" in page


def test_at_the_limit_there_is_no_socket_and_the_sentence_says_why(
    browser: Client, alice: User, settings: Settings
) -> None:
    settings.CONNECTOR_LIMIT = 1
    rows.connector(alice)
    page = browser.get("/connectors").text

    assert "1 of 1 places used. Delete one to plug in another." in page
    assert "place left" not in page
    assert 'aria-disabled="true" aria-describedby="count"' in page


@pytest.mark.parametrize(
    ("changes", "heading"),
    [({}, "Working"), ({"status": Status.NOT_MCP}, "Needs a look"),
     ({"is_active": False}, "Resting")],
)  # fmt: skip
def test_the_socket_is_there_whatever_works(
    browser: Client, alice: User, changes: dict[str, Any], heading: str
) -> None:
    rows.connector(alice, **changes)
    page = browser.get("/connectors").text
    assert page.count("Plug in another") == 1
    assert heading in page


# --- Search ------------------------------------------------------------------


def test_a_search_needs_no_script(browser: Client, alice: User) -> None:
    rows.connector(alice, 1, name="GitHub")
    rows.connector(alice, 2, name="Sentry")
    page = browser.get("/connectors?q=git").text

    assert groups_of(page) == {"Working · 1": ["GitHub"]}
    assert 'name="q" type="search" value="git"' in page
    assert "2 of 10 places used." in page
    assert "place left" not in page


def test_a_search_that_finds_nothing_says_so(browser: Client, alice: User) -> None:
    rows.connector(alice)
    page = browser.get("/connectors", {"q": "<b>zzz"}).text
    assert "No connector matches “&lt;b&gt;zzz”" in page
    assert 'href="/connectors">Show all connectors' in page


def test_typing_swaps_the_groups_alone(browser: Client, alice: User) -> None:
    rows.connector(alice, name="GitHub")
    part = browser.get("/connectors?q=git", headers=parts("div#groups")).text
    assert part.strip().startswith('<div class="overview" id="groups">')
    assert "<h1" not in part


# --- The first page ----------------------------------------------------------


def test_who_has_nothing_is_told_what_to_do(browser: Client) -> None:
    page = browser.get("/connectors").text
    assert '<h1 id="title" tabindex="-1">Nothing is plugged in yet</h1>' in page
    assert page.count("<h1") == 1
    assert 'href="/connectors/add"' in page
    assert "Paste a URL" in page
    assert "No server at hand?" not in page


DEMO = [
    {"name": "Notes", "url": "http://127.0.0.1:8101/mcp", "about": "Works."},
    {"name": "Releases", "url": "http://127.0.0.1:8103/mcp", "about": "Wants a token."},
    {"name": "Broken", "url": "http://127.0.0.1:8104/mcp", "about": "Fails."},
]


def test_in_development_demo_servers_are_offered(
    browser: Client, settings: Settings
) -> None:
    settings.DEVELOPMENT, settings.DEMO_SERVERS = True, DEMO
    page = browser.get("/connectors").text
    assert "3 demo servers run on this machine." in page
    links = re.findall(r'href="(/connectors/add\?[^"]+)"', page)
    assert links[0] == (
        "/connectors/add?url=http%3A%2F%2F127.0.0.1%3A8101%2Fmcp&amp;name=Notes"
    )
    assert len(links) == 3


def test_elsewhere_they_are_not(browser: Client, settings: Settings) -> None:
    settings.DEVELOPMENT, settings.DEMO_SERVERS = False, DEMO
    assert "demo server" not in browser.get("/connectors").text


# --- What it costs, who may see it -------------------------------------------


def test_ten_cost_as_many_queries_as_one(browser: Client, alice: User) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get("/connectors").status_code == 200
        return len(queries)

    rows.connector(alice, 1)
    one = cost()
    for slot in range(2, 11):
        rows.connector(alice, slot, last_verified_at=timezone.now())
    assert cost() == one
    # Session, person, connectors; in the rail, how many need a look.
    assert one == 4


def test_the_listing_is_not_read_for_the_list(browser: Client, alice: User) -> None:
    rows.connector(alice)
    with CaptureQueriesContext(connection) as queries:
        browser.get("/connectors")
    assert not any("discovered_tools" in query["sql"] for query in queries)


def test_nobody_keeps_a_copy(browser: Client) -> None:
    page = browser.get("/connectors")
    assert "no-store" in page["Cache-Control"]
    assert "HX-Request" in page["Vary"]


@pytest.mark.usefixtures("db")
def test_strangers_are_sent_to_the_sign_in(client: Client) -> None:
    page = client.get("/connectors")
    assert (page.status_code, page["Location"]) == (
        302, "/accounts/login/?next=/connectors"
    )  # fmt: skip


def test_other_methods_have_a_page(browser: Client) -> None:
    assert browser.delete("/connectors").status_code == 405
