"""Add a connector from its page and from the dialog: form, test, save."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from connectors.models import ConnectionTest, UserMCPConnection
from connectors.tests import rows, verbs
from connectors.tests.add_pages import (
    ADD,
    SAVE,
    SECRET,
    TEST,
    chosen,
    from_dialog,
    may_save,
    send,
    value,
)
from connectors.tests.tool_pages import HTMX, plain
from demo.fixtures import DemoServer
from demo.hostile import Hostile

URL = "https://mcp.example.com/mcp"


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def proven(browser: Client, peer: Hostile) -> dict[str, str]:
    """What the form sends after a test that passed."""
    html = send(browser, TEST, server_url=peer.url("good")).text
    names = ("server_url", "name", "suggested_name", "test_ticket")
    return {name: value(html, name) for name in names}


@pytest.fixture
def reading(
    browser: Client, notes_server: DemoServer, allow_loopback: None
) -> dict[str, str]:
    """What the form sends after a test of a server with tools that only read."""
    html = send(browser, TEST, server_url=notes_server.url).text
    return {name: value(html, name) for name in ("server_url", "name", "test_ticket")}


def saved(user: User) -> list[UserMCPConnection]:
    return list(UserMCPConnection.objects.owned_by(user))


# --- The form ----------------------------------------------------------------


def test_the_form_is_a_page_of_its_own(browser: Client) -> None:
    html = browser.get(ADD).text
    assert "<h1>Add connector</h1>" in html
    assert 'action="/connectors/test"' in html
    assert not may_save(html)


def test_in_the_dialog_it_comes_alone(browser: Client) -> None:
    html = browser.get(ADD, headers=HTMX).text
    assert "<html" not in html
    assert 'id="add-title"' in html
    assert value(html, "in_dialog") == "true"


def test_a_link_fills_it_in_and_tests_nothing(browser: Client, peer: Hostile) -> None:
    html = browser.get(ADD, {"url": peer.url("good"), "name": "Peer"}).text
    assert value(html, "server_url") == peer.url("good")
    assert value(html, "name") == "Peer"
    assert peer.seen("good").requests == 0


@pytest.mark.parametrize(
    "url", [f'{{"env": {{"KEY": "{SECRET}"}}}}', f"https://ada:{SECRET}@a.example/"]
)
def test_a_link_cannot_make_it_show_a_secret(browser: Client, url: str) -> None:
    assert SECRET not in browser.get(ADD, {"url": url, "name": "x" * 999}).text


def test_hostile_text_in_a_link_stays_text(browser: Client) -> None:
    html = browser.get(ADD, {"url": '"><script>alert(1)', "name": "<blink>"}).text
    assert "<script>alert" not in html
    assert "<blink>" not in html
    assert value(html, "name") == "<blink>"


def test_at_the_limit_it_says_so_before_the_test(
    browser: Client, alice: User, settings: Settings
) -> None:
    settings.CONNECTOR_LIMIT = 1
    rows.connector(alice)
    assert "CONNECTOR_LIMIT_REACHED" in browser.get(ADD).text


# --- The test, without scripts -----------------------------------------------


def test_a_test_that_passed_is_shown_with_its_tools_and_a_ticket(
    browser: Client, notes_server: DemoServer, allow_loopback: None
) -> None:
    html = send(browser, TEST, server_url=notes_server.url).text
    assert "Connected. 10 tools found." in html
    assert "search_notes" in html
    assert value(html, "name") == value(html, "suggested_name") == "Notes"
    assert value(html, "test_ticket")
    assert may_save(html)


def test_a_test_that_failed_is_shown_with_code_fixes_steps_and_transcript(
    browser: Client, peer: Hostile
) -> None:
    response = send(browser, TEST, server_url=peer.url("html"))
    html = response.text
    assert response.status_code == 200
    assert "INVALID_MCP_SERVER" in html
    assert f'name="try_url" value="{peer.url("html")}/mcp"' in html
    assert "Failed at step 5 of 6" in html
    assert f"POST {peer.url('html')}" in html
    assert "MCP connection test of" in html
    assert not may_save(html)


def test_a_fix_changes_the_url_and_tests_again(
    browser: Client, notes_server: DemoServer, allow_loopback: None
) -> None:
    html = send(
        browser, TEST, server_url=notes_server.origin, try_url=notes_server.url
    ).text
    assert value(html, "server_url") == notes_server.url
    assert may_save(html)


@pytest.mark.parametrize("kind", ["token", "headers"])
def test_a_fix_that_asks_for_credentials_tests_nothing(
    browser: Client, peer: Hostile, kind: str
) -> None:
    html = send(browser, TEST, server_url=peer.url("401"), name="P", ask=kind).text
    assert chosen(html) == kind
    assert (value(html, "server_url"), value(html, "name")) == (peer.url("401"), "P")
    assert peer.seen("401").requests == 0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "Paste the address of the server."),
        ({"server_url": '{"a": {"command": "npx"}}'}, "stdio"),
        ({"server_url": URL, "sign_in": "token"}, "Enter the token."),
        ({"server_url": URL, "sign_in": "headers", "headers": "x"}, "Name: value"),
    ],
)
def test_a_form_that_cannot_be_read_is_422_and_dials_nobody(
    browser: Client, data: dict[str, str], said: str
) -> None:
    response = send(browser, TEST, **data)
    assert response.status_code == 422
    assert said in response.text
    assert not ConnectionTest.objects.exists()
    in_dialog = from_dialog(browser, TEST, **data)
    assert in_dialog.status_code == 422
    assert in_dialog["HX-Retarget"] == "#add"
    assert in_dialog["HX-Reswap"] == "outerMorph"
    assert "<html" not in in_dialog.text
    assert 'id="add-title"' in in_dialog.text


def test_too_many_tests_are_refused_with_their_wait(
    browser: Client, peer: Hostile, settings: Settings
) -> None:
    settings.TESTS_PER_MINUTE = 0
    response = send(browser, TEST, server_url=peer.url("good"))
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert "TOO_MANY_REQUESTS" in response.text
    assert value(response.text, "server_url") == peer.url("good")
    assert peer.seen("good").requests == 0


# --- Secrets -----------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        {"sign_in": "token", "token": SECRET},
        {"sign_in": "headers", "headers": f"X-Key: {SECRET}"},
        {"line": f"-H 'Authorization: Bearer {SECRET}'"},
        {"line": f"-u ada:{SECRET}"},
    ],
)
@pytest.mark.parametrize("path", ["good", "html", "401", "500"])
def test_no_secret_comes_back_in_a_page(
    browser: Client, peer: Hostile, data: dict[str, str], path: str
) -> None:
    line = data.get("line")
    url = f"curl {peer.url(path)} {line}" if line else peer.url(path)
    response = send(browser, TEST, **data, server_url=url)
    assert response.status_code == 200
    assert SECRET not in response.text
    assert "kept for this form and not shown" in plain(response.text)
    assert value(response.text, "server_url") == peer.url(path)


def test_a_token_that_was_tested_is_saved_without_typing_it_again(
    browser: Client, alice: User, token_server: DemoServer, allow_loopback: None
) -> None:
    page = send(
        browser,
        TEST,
        server_url=token_server.url,
        sign_in="token",
        token=token_server.token,
    ).text
    names = ("server_url", "name", "test_ticket", "kept")
    again = {name: value(page, name) for name in names}
    assert send(browser, SAVE, sign_in="token", **again).status_code == 303
    [row] = saved(alice)
    assert row.auth_config is not None
    assert row.auth_config.open() == {"token": token_server.token}


def test_a_fix_to_another_server_leaves_the_credentials_behind(
    browser: Client, peer: Hostile
) -> None:
    elsewhere = peer.url("trap").replace("127.0.0.1", "localhost")
    page = send(
        browser,
        TEST,
        server_url=peer.url("good"),
        try_url=elsewhere,
        sign_in="token",
        token=SECRET,
    ).text
    assert chosen(page) == "none"
    assert value(page, "kept") == ""
    assert not peer.seen("trap").holds(SECRET)


# --- Saving ------------------------------------------------------------------


def test_a_save_leads_to_a_first_tool_that_only_reads(
    browser: Client, alice: User, reading: dict[str, str]
) -> None:
    response = send(browser, SAVE, **reading)
    [row] = saved(alice)
    assert response.status_code == 303
    assert response["Location"] == f"/connectors/{row.pk}/tools/search_notes?first=1"
    offered = browser.get(response["Location"]).text
    assert "Notes was saved." in offered
    assert "autofocus" in offered


def test_from_the_page_htmx_goes_to_that_tool(
    browser: Client, alice: User, reading: dict[str, str]
) -> None:
    response = send(browser, SAVE, HTMX, **reading)
    [row] = saved(alice)
    expected = f"/connectors/{row.pk}/tools/search_notes?first=1"
    assert response["HX-Redirect"] == expected


def test_the_dialog_stays_and_offers_a_first_tool_filled_in(
    browser: Client, alice: User, reading: dict[str, str]
) -> None:
    response = from_dialog(browser, SAVE, **reading)
    [row] = saved(alice)
    assert response.status_code == 200
    assert response["HX-Retarget"] == "#overview"
    told = json.loads(response["HX-Trigger"])
    assert "dialog-close" not in told
    assert told["announce"] == {"value": "Notes was saved"}
    # The card is in the list already, and has the focus when the dialog closes.
    assert f'href="/connectors/{row.pk}" data-focus' in response.text
    offer = response.text.partition('id="add" hx-swap-oob="true"')[2]
    assert "Notes is connected" in offer
    assert f'action="/connectors/{row.pk}/tools/search_notes"' in offer
    assert offer.count("autofocus") == 1
    assert "data-close" in offer


def test_without_such_a_tool_the_dialog_closes_over_the_new_list(
    browser: Client, alice: User, proven: dict[str, str]
) -> None:
    ConnectionTest.objects.update(tools=[rows.TOOLS[1]])
    response = from_dialog(browser, SAVE, **proven)
    [row] = saved(alice)
    assert response.status_code == 200
    assert response["HX-Retarget"] == "#overview"
    told = json.loads(response["HX-Trigger"])
    assert "dialog-close" in told
    assert told["announce"] == {"value": f"{row.name} was saved"}
    assert f'id="connector-{row.pk}"' in response.text
    assert f'href="/connectors/{row.pk}" data-focus' in response.text
    assert "1 of 10 places used" in response.text
    assert "was saved." in response.text


def test_without_such_a_tool_the_page_leads_to_the_list(
    browser: Client, alice: User, proven: dict[str, str]
) -> None:
    ConnectionTest.objects.update(tools=[rows.TOOLS[1]])
    response = send(browser, SAVE, **proven)
    [row] = saved(alice)
    assert response.status_code == 303
    assert response["Location"] == f"/connectors#connector-{row.pk}"
    assert "was saved." in browser.get("/connectors").text


def test_nothing_is_saved_before_a_test(
    browser: Client, alice: User, peer: Hostile
) -> None:
    for response in (
        send(browser, SAVE, server_url=peer.url("good")),
        from_dialog(browser, SAVE, server_url=peer.url("good")),
    ):
        assert response.status_code == 422
        assert "Test the connection first." in response.text
    assert not saved(alice)
    assert peer.seen("good").requests == 0


def test_a_ticket_of_something_else_is_no_proof(
    browser: Client, alice: User, proven: dict[str, str], peer: Hostile
) -> None:
    response = send(browser, SAVE, **{**proven, "server_url": peer.url("html")})
    assert response.status_code == 422
    assert "INVALID_MCP_SERVER" in response.text
    assert not may_save(response.text)
    assert not saved(alice)


def test_what_is_no_url_cannot_be_saved(
    browser: Client, alice: User, proven: dict[str, str]
) -> None:
    response = send(browser, SAVE, **{**proven, "server_url": "nonsense"})
    assert response.status_code == 422
    assert "Invalid URL format." in response.text
    assert not saved(alice)


def test_in_the_dialog_a_save_that_failed_shows_its_test(
    browser: Client, proven: dict[str, str], peer: Hostile
) -> None:
    changed = {**proven, "server_url": peer.url("html")}
    response = from_dialog(browser, SAVE, **changed)
    assert response.status_code == 422
    assert response["HX-Reswap"] == "none"
    assert '<div id="add-result" hx-swap-oob="innerHTML">' in response.text
    assert "INVALID_MCP_SERVER" in response.text
    assert not may_save(response.text)


def test_nobody_elses_ticket_is_a_proof(
    client: Client, bob: User, alice: User, proven: dict[str, str], peer: Hostile
) -> None:
    seen = peer.seen("good").requests
    client.force_login(bob)
    assert send(client, SAVE, **proven).status_code == 303
    assert peer.seen("good").requests > seen
    assert not saved(alice)


def test_a_second_one_of_the_same_url_has_to_be_asked_for(
    browser: Client, alice: User, proven: dict[str, str]
) -> None:
    verbs.add(alice, proven["server_url"], "First")
    for response in (
        send(browser, SAVE, **proven),
        from_dialog(browser, SAVE, **proven),
    ):
        assert response.status_code == 422
        assert "Save a second one" in response.text
        assert "DUPLICATE_URL" in response.text
        assert value(response.text, "test_ticket") == proven["test_ticket"]
        assert may_save(response.text)
    again = send(browser, SAVE, allow_duplicate="true", **proven)
    assert again.status_code == 303
    assert len(saved(alice)) == 2


def test_a_name_that_is_taken_is_said_at_the_field(
    browser: Client, alice: User, proven: dict[str, str]
) -> None:
    rows.connector(alice, name="Taken")
    response = send(browser, SAVE, **{**proven, "name": "TAKEN"})
    assert response.status_code == 422
    assert "already have a connector with this name" in response.text
    assert value(response.text, "name") == "TAKEN"
    assert value(response.text, "test_ticket") == proven["test_ticket"]


def test_a_name_that_is_suggested_is_free(
    browser: Client, alice: User, notes_server: DemoServer, allow_loopback: None
) -> None:
    rows.connector(alice, name="notes")
    page = send(browser, TEST, server_url=notes_server.url).text
    assert value(page, "name") == "Notes 2"
    typed = send(browser, TEST, server_url=notes_server.url, name="Mine").text
    assert value(typed, "name") == "Mine"


def test_the_limit_is_said(
    browser: Client, alice: User, proven: dict[str, str], settings: Settings
) -> None:
    settings.CONNECTOR_LIMIT = 1
    rows.connector(alice)
    response = from_dialog(browser, SAVE, **proven)
    assert response.status_code == 422
    assert "limit of 1 connectors" in response.text


# --- Who may -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"), [("get", ADD), ("post", TEST), ("post", SAVE)]
)
@pytest.mark.usefixtures("db")
def test_a_stranger_is_sent_to_sign_in(client: Client, method: str, path: str) -> None:
    response = getattr(client, method)(path, {"server_url": URL})
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")
    live: Any = getattr(client, method)(path, headers=HTMX)
    assert live["HX-Redirect"].startswith("/accounts/login/")
    assert not ConnectionTest.objects.exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [("post", ADD), ("get", TEST), ("delete", SAVE), ("put", SAVE)],
)
def test_other_methods_are_refused(browser: Client, method: str, path: str) -> None:
    assert getattr(browser, method)(path).status_code == 405


def test_a_form_of_another_site_is_refused(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    for path in (TEST, SAVE):
        assert send(strict, path, server_url=URL).status_code == 403
