"""The Apps menu as the server draws it: rows, searches, what stands behind "more"."""

import re
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from agent.apps_menu import App, Menu, MenuTool
from agent.models import Policy, ToolSetting
from agent.tests.composer_pages import many, plugged_in, tool
from agent.views.apps import Shown
from connectors import looks
from connectors.models import Status
from connectors.tests import rows

pytestmark = pytest.mark.usefixtures("no_system_tools")

HTMX = {"HX-Request": "true"}
SEARCH = {**HTMX, "HX-Target": "div#apps-body"}


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def menu(browser: Client, **query: str) -> str:
    return browser.get("/apps", query, headers=HTMX).text


def search(browser: Client, query: str) -> str:
    return browser.get("/apps", {"q": query}, headers=SEARCH).text


def picks(html: str) -> list[str]:
    return re.findall(r'data-pick="([^"]+)"', html)


def labels(html: str) -> list[str]:
    return re.findall(r'data-label="([^"]+)"', html)


def test_what_works_can_be_picked_and_what_does_not_says_why(
    browser: Client, alice: User
) -> None:
    first = plugged_in(alice)
    html = menu(browser)

    assert f"connector:{first.pk}" in picks(html)
    assert f"connector_tool:{first.pk}:search_issues" in picks(html)
    assert "GitHub: Create an issue" in labels(html)
    (sign_in,) = re.findall(r"/sign-in\?from=chat.*?</a>", html)
    assert "Sign in to use its 2 tools" in sign_in
    assert "Sign in again" in sign_in
    (disabled,) = re.findall(r"aria-disabled.*?</button>", html)
    assert "No connection could be made." in disabled
    assert "Unreachable" in disabled


def test_what_reads_and_what_asks_is_said(browser: Client, alice: User) -> None:
    row = rows.connector(
        alice, discovered_tools=[tool("a"), tool("b", reads=False), tool("c")]
    )
    setting = {"user": alice, "source": "connector", "ref": str(row.pk)}
    ToolSetting.objects.create(**setting, tool="c", policy=Policy.NEVER)

    words = re.findall(
        r'<b>([abc])</b>.*?<span class="meta nowrap">([^<]+)', menu(browser)
    )
    assert words == [
        ("a", "Reads"),
        ("b", "Changes · asks you"),
        ("c", "Never used, as you set it"),
    ]
    assert f"connector_tool:{row.pk}:c" not in picks(menu(browser))


def test_the_first_are_shown_and_the_rest_is_asked_for(
    browser: Client, alice: User, settings: Settings
) -> None:
    first = plugged_in(alice)
    html = menu(browser, pick=f"connector_tool:{first.pk}:tool_30")
    shown = [pick for pick in picks(html) if f":{first.pk}:" in pick]
    assert len(shown) == 7
    assert shown[-1].endswith(":tool_30")
    assert ">31 more<" in html
    assert html.count('aria-pressed="true"') == 1

    query = {"app": f"connector:{first.pk}", "pick": shown[-1]}
    rest = menu(browser, **query)
    assert len(picks(rest)) == 31
    assert not set(picks(rest)) & set(shown)
    assert "more are not shown" not in rest

    settings.TOOLS_SHOWN = 10
    rest = menu(browser, **query)
    assert len(picks(rest)) == 3
    assert "28 more are not shown. Search finds them by name." in rest


def test_one_more_needs_no_button(browser: Client, alice: User) -> None:
    rows.connector(alice, discovered_tools=many(7), tool_count=7)
    html = menu(browser)
    assert len(picks(html)) == 8
    assert 'hx-target="this" hx-swap="outerHTML">' not in html


@pytest.mark.parametrize("ref", ["connector:1234567", "nonsense", ""])
def test_the_rest_of_what_is_not_there_is_nothing(
    browser: Client, alice: User, ref: str
) -> None:
    plugged_in(alice)
    response = browser.get("/apps", {"app": ref}, headers=HTMX)
    assert response.status_code == 200
    assert not picks(response.text)


def test_nobody_sees_what_is_another_persons(
    client: Client, alice: User, bob: User
) -> None:
    first = plugged_in(alice)
    client.force_login(bob)
    for query in ({}, {"app": f"connector:{first.pk}"}, {"q": "github"}):
        assert "GitHub" not in client.get("/apps", query, headers=HTMX).text


def test_a_search_that_finds_a_tool_leaves_the_whole_connector_out(
    browser: Client, alice: User
) -> None:
    first = plugged_in(alice)
    html = search(browser, "Find place")
    assert labels(html) == ["Atlas: Find a place"]
    assert "1 tool found. Enter picks Atlas: Find a place." in html

    html = search(browser, "git")
    assert picks(html)[0] == f"connector:{first.pk}"
    assert len(picks(html)) == 21
    assert "38 tools found. Enter picks Any GitHub tool." in html
    rest = menu(browser, q="git", app=f"connector:{first.pk}")
    assert len(picks(rest)) == 18


def test_a_search_says_what_it_did_not_find(browser: Client, alice: User) -> None:
    plugged_in(alice)
    html = search(browser, "<nothing>")
    assert "Nothing matches “&lt;nothing&gt;”" in html
    assert ">Nothing matches.<" in html
    # It cannot be picked, but it is there.
    html = search(browser, "stripe")
    assert "Sign in to use" in html
    assert ">Nothing matches.<" in html


def test_the_costs_are_said_and_when_they_are_too_high(
    browser: Client, alice: User, settings: Settings
) -> None:
    plugged_in(alice)
    html = menu(browser)
    found = re.search(r"<span class=\"push num\">([\d.]+k?) of 12k tokens", html)
    assert found
    assert f"40 tools · {found[1]} tokens" in html
    assert "More than fits" not in html
    settings.TOOL_BUDGET_TOKENS = 900
    html = menu(browser)
    assert "of 900 tokens" in html
    assert "More than fits" in html


def test_the_menu_asks_as_little_however_much_there_is(
    browser: Client, alice: User
) -> None:
    rows.connector(alice, 1, discovered_tools=many(2), tool_count=2)
    menu(browser)
    with CaptureQueriesContext(
        connection,
    ) as few:
        menu(browser)
    for slot in range(2, 11):
        slug = {"slug": f"s{slot}", "tool_count": 50}
        rows.connector(alice, slot, discovered_tools=many(50), **slug)
    menu(browser)
    with CaptureQueriesContext(connection) as much:
        menu(browser)
    assert len(much) == len(few)


def test_an_empty_menu_leads_to_where_a_server_is_connected(browser: Client) -> None:
    html = menu(browser)
    assert "Nothing is plugged in yet" in html
    assert 'href="/connectors">' in html
    assert "Connect a server</a>" in html


def test_by_its_address_the_menu_is_the_chat(browser: Client) -> None:
    response = browser.get("/apps")
    assert (response.status_code, response["Location"]) == (302, "/chat")


# --- System tools -----------------------------------------------------------------


def mail(*, is_usable: bool = True) -> App:
    known: dict[str, Any] = {
        "source": "system_tool",
        "ref": "gmail",
        "name": "Gmail",
        "slug": "gmail",
        "monogram": "Gm",
        "look": looks.LOOKS[Status.READY],
    }
    send = MenuTool(
        name="send",
        label="Send a mail",
        title="Send a mail",
        wire_name="gmail__send",
        reads_only=False,
        asks=True,
        is_never=False,
        cost=60,
        pick="system_tool:gmail:send",
        description="",
    )
    return App(
        **known,
        is_usable=is_usable,
        note="Connect it first",
        tools=[send],
        tool_count=1,
    )


def drawn(*system_tools: App, query: str = "") -> str:
    menu = Menu(
        system_tools=list(system_tools),
        connectors=[],
        tool_count=1,
        cost=60,
        budget=12_000,
        query=query,
    )
    shown = Shown(menu=menu, query=query, pick="")
    return render_to_string("agent/apps.html#menu", {"menu": shown})


def test_system_tools_stand_above_a_line() -> None:
    html = drawn(mail())
    above, line, below = html.partition("<hr>")
    assert line
    assert "System tools" in above
    assert "Gmail: Send a mail" in labels(above)
    assert "Your connectors" in below
    assert "System tools" not in drawn()
    assert "<hr>" not in drawn()
    assert "Your connectors" not in drawn(mail(), query="mail")


def test_a_system_tool_is_picked_as_a_whole_or_one_tool_of_it() -> None:
    assert picks(drawn(mail())) == ["system_tool:gmail", "system_tool:gmail:send"]
    html = drawn(mail(is_usable=False))
    assert not picks(html)
    assert "Connect it first" in html
