"""Pause, resume, test again, delete: by pages without a script, and by htmx."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from connectors import manager
from connectors.models import ConnectionTest, Status, UserMCPConnection
from connectors.tests import rows, verbs
from demo.hostile import Hostile

CONNECTORS = UserMCPConnection.objects
HTMX = {"HX-Request": "true"}
LIST = {"from": "list"}


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def notes(alice: User) -> UserMCPConnection:
    return rows.connector(alice, name="Notes")


@pytest.fixture
def good(alice: User, peer: Hostile, settings: Settings) -> UserMCPConnection:
    """A connector to the good server, which may be dialled."""
    settings.TEST_TIMEOUT_S = 5
    return verbs.add(alice, peer.url("good"), name="Good")


def at(row: UserMCPConnection, action: str) -> str:
    return f"/connectors/{row.pk}/{action}"


def events(response: Any) -> Any:
    return json.loads(response["HX-Trigger"])


def said(client: Client, address: str) -> str:
    """Return the next page, which has the message of what was done."""
    return client.get(address).text


# --- Pause and resume --------------------------------------------------------


def test_pausing_leads_back_to_the_connector(
    browser: Client, notes: UserMCPConnection
) -> None:
    answer = browser.post(at(notes, "toggle"), {"is_active": "false"})
    assert (answer.status_code, answer["Location"]) == (303, f"/connectors/{notes.pk}")
    notes.refresh_from_db()
    assert not notes.is_active
    page = said(browser, answer["Location"])
    assert "Notes: Paused by you" in page
    assert '<input type="hidden" name="is_active" value="true">' in page


def test_resuming_from_the_list_leads_back_to_the_card(
    browser: Client, alice: User
) -> None:
    row = rows.connector(alice, is_active=False)
    answer = browser.post(at(row, "toggle"), {"is_active": "true", **LIST})
    assert answer["Location"] == f"/connectors#connector-{row.pk}"
    row.refresh_from_db()
    assert row.is_active


def test_htmx_gets_the_card_and_it_is_read_aloud(
    browser: Client, notes: UserMCPConnection
) -> None:
    body = {"is_active": "false", **LIST}
    answer = browser.post(at(notes, "toggle"), body, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.strip().startswith("<article")
    assert 'data-state="paused"' in answer.text
    assert events(answer) == {"announce": {"value": "Notes: Paused by you"}}


def test_htmx_on_its_page_gets_the_header_and_what_stands_beside_it(
    browser: Client, notes: UserMCPConnection
) -> None:
    answer = browser.post(at(notes, "toggle"), {"is_active": "false"}, headers=HTMX)
    assert 'id="header"' in answer.text
    for part in ("sign-in", "tools", "about", "history"):
        assert f'id="{part}"' in answer.text
    assert answer.text.count('hx-swap-oob="true"') == 4


@pytest.mark.parametrize("action", ["toggle", "retest", "edit"])
def test_a_removed_connector_cannot_be_used_again(
    browser: Client, alice: User, action: str
) -> None:
    row = rows.removed(alice)
    answer = browser.post(at(row, action), {"is_active": "true"})
    assert answer.status_code == 409
    assert "An administrator removed this connector." in answer.text
    row.refresh_from_db()
    assert row.status == Status.REMOVED_BY_ADMIN


# --- Test again --------------------------------------------------------------


def test_a_test_that_passes_leads_back_and_is_evidence(
    browser: Client, good: UserMCPConnection
) -> None:
    CONNECTORS.filter(pk=good.pk).update(status=Status.UNREACHABLE)
    answer = browser.post(at(good, "retest"))
    assert (answer.status_code, answer["Location"]) == (303, f"/connectors/{good.pk}")
    assert "Good: Ready" in said(browser, answer["Location"])
    assert ConnectionTest.objects.filter(connector=good).count() == 2


def test_htmx_gets_the_card_as_the_test_left_it(
    browser: Client, good: UserMCPConnection, peer: Hostile
) -> None:
    CONNECTORS.filter(pk=good.pk).update(server_url=peer.url("html"))
    answer = browser.post(at(good, "retest"), LIST, headers=HTMX)
    assert answer.status_code == 200
    assert 'data-state="not-mcp"' in answer.text
    assert events(answer)["announce"]["value"] == "Good: Not an MCP server any more"


def test_unreadable_credentials_are_a_state_of_the_card(
    browser: Client, alice: User, settings: Settings
) -> None:
    row = rows.connector(alice, auth_type="api_key", auth_config={"token": "x"})
    settings.ENCRYPTION_KEYS = {"other": bytes(32)}
    answer = browser.post(at(row, "retest"), LIST, headers=HTMX)
    assert 'data-state="sign-in-again"' in answer.text
    assert "cannot be read" in answer.text


def test_too_many_tests_are_refused_with_the_seconds_to_wait(
    browser: Client, notes: UserMCPConnection, settings: Settings
) -> None:
    settings.TESTS_PER_MINUTE = 0
    answer = browser.post(at(notes, "retest"))
    assert answer.status_code == 429
    assert answer["Retry-After"]
    beside = browser.post(at(notes, "retest"), LIST, headers=HTMX)
    # The card stays: the notice goes to the place of the messages.
    assert (beside.status_code, beside["HX-Retarget"]) == (429, "#messages")


# --- Delete ------------------------------------------------------------------


def test_a_get_asks_and_changes_nothing(
    browser: Client, notes: UserMCPConnection
) -> None:
    page = browser.get(at(notes, "delete")).text
    assert "Delete Notes?</h2>" in page
    assert f'href="/connectors/{notes.pk}"' in page
    assert f'method="post" action="/connectors/{notes.pk}/delete"' in page
    assert CONNECTORS.exists()


def test_htmx_gets_the_question_for_the_dialog(
    browser: Client, notes: UserMCPConnection
) -> None:
    dialog = browser.get(f"{at(notes, 'delete')}?from=list", headers=HTMX).text
    assert dialog.strip().startswith('<form class="narrow"')
    assert "Delete Notes?</h2>" in dialog
    assert '<input type="hidden" name="from" value="list">' in dialog
    assert 'hx-target="#overview"' in dialog


def test_deleting_leads_to_the_heading_of_its_group(
    browser: Client, alice: User, notes: UserMCPConnection
) -> None:
    rows.connector(alice, 2)
    answer = browser.post(at(notes, "delete"))
    assert (answer.status_code, answer["Location"]) == (303, "/connectors#working")
    assert not CONNECTORS.filter(pk=notes.pk).exists()
    page = said(browser, "/connectors")
    assert "Notes was deleted." in page
    # A heading that can have the focus is where a link to it puts it.
    assert '<h2 id="working" tabindex="-1">' in page


def test_htmx_gets_the_list_with_the_focus_on_the_heading(
    browser: Client, alice: User, notes: UserMCPConnection
) -> None:
    rows.connector(alice, 2)
    answer = browser.post(at(notes, "delete"), LIST, headers=HTMX)
    assert answer.text.strip().startswith('<div class="overview" id="overview">')
    assert '<h2 id="working" tabindex="-1" data-focus>' in answer.text
    assert "1 of 10 places used." in answer.text
    assert events(answer) == {
        "dialog-close": {}, "announce": {"value": "Notes was deleted"}
    }  # fmt: skip


def test_after_the_last_one_the_first_page_is_back(
    browser: Client, notes: UserMCPConnection
) -> None:
    answer = browser.post(at(notes, "delete"), LIST, headers=HTMX)
    heading = '<h1 id="title" tabindex="-1" data-focus>Nothing is plugged in yet</h1>'
    assert heading in answer.text


def test_htmx_on_its_page_is_sent_to_the_list(
    browser: Client, notes: UserMCPConnection
) -> None:
    answer = browser.post(at(notes, "delete"), headers=HTMX)
    assert answer["HX-Redirect"] == "/connectors#title"
    assert '<h1 id="title" tabindex="-1">' in said(browser, "/connectors")


def test_with_the_last_of_its_group_the_heading_of_the_page_is_next(
    browser: Client, alice: User, notes: UserMCPConnection
) -> None:
    rows.connector(alice, 2, is_active=False)
    answer = browser.post(at(notes, "delete"), LIST, headers=HTMX)
    assert '<h1 id="title" tabindex="-1" data-focus>Connectors</h1>' in answer.text


def test_a_removed_one_is_dismissed_by_deleting_it(
    browser: Client, alice: User
) -> None:
    row = rows.removed(alice)
    answer = browser.post(at(row, "delete"))
    assert answer.status_code == 303
    assert not CONNECTORS.exists()


# --- Who may not -------------------------------------------------------------

ROUTES = [
    ("GET", ""), ("POST", "/toggle"), ("POST", "/retest"), ("GET", "/edit"),
    ("POST", "/edit"), ("GET", "/delete"), ("POST", "/delete"), ("GET", "/tests/1"),
]  # fmt: skip


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_a_stranger_finds_nothing_to_do_anything_with(
    client: Client,
    alice: User,
    bob: User,
    carol: User,
    method: str,
    route: str,
    headers: dict[str, str],
) -> None:
    row = rows.connector(alice, name="Hers alone")
    before = CONNECTORS.values().get()
    for stranger in (bob, carol):
        client.force_login(stranger)
        answer = client.generic(
            method,
            f"/connectors/{row.pk}{route}",
            "is_active=false&name=Mine&server_url=https://x.example&sign_in=none",
            content_type="application/x-www-form-urlencoded",
            headers=headers,
        )
        assert answer.status_code == 404
        assert "Hers alone" not in answer.text
    assert CONNECTORS.values().get() == before


@pytest.mark.parametrize("action", ["toggle", "retest", "delete", "edit"])
def test_every_post_needs_its_csrf_token(
    alice: User, notes: UserMCPConnection, action: str
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    before = CONNECTORS.values().get()
    assert client.post(at(notes, action), {"is_active": "false"}).status_code == 403
    assert CONNECTORS.values().get() == before


@pytest.mark.parametrize("action", ["toggle", "retest"])
def test_what_changes_something_is_never_a_get(
    browser: Client, notes: UserMCPConnection, action: str
) -> None:
    assert browser.get(at(notes, action)).status_code == 405


def test_a_test_holds_no_session_of_somebody_who_signed_out(
    client: Client, notes: UserMCPConnection
) -> None:
    answer = client.post(at(notes, "retest"), headers=HTMX)
    assert answer["HX-Redirect"].startswith("/accounts/login/?next=")
    assert manager.get(user_id=notes.user_id, connector_id=notes.pk)
