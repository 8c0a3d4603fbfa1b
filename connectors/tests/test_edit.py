"""The form that edits a connector: what it asks, tests, keeps and never shows."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from connectors import kept
from connectors.edit_form import EditForm
from connectors.models import Status, UserMCPConnection
from connectors.tests import rows, verbs
from demo.hostile import RIGHT_TOKEN, Hostile

CONNECTORS = UserMCPConnection.objects
HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def notes(alice: User) -> UserMCPConnection:
    """A connector that nobody dials: what is edited of it needs no test."""
    return rows.connector(alice, name="Notes", description="Old words")


@pytest.fixture
def with_token(alice: User, peer: Hostile, settings: Settings) -> UserMCPConnection:
    """A connector with a stored token, to a server that may be dialled."""
    settings.TEST_TIMEOUT_S = 5
    return verbs.add(alice, peer.url("token"), "Notes", **verbs.token(RIGHT_TOKEN))


def body(row: UserMCPConnection, **changes: Any) -> dict[str, Any]:
    """What the form sends if nothing else was touched."""
    sign_in = "token" if row.auth_type == "api_key" else row.auth_type
    given = {"name": row.name, "description": row.description}
    return {**given, "server_url": row.server_url, "sign_in": sign_in, **changes}


def post(browser: Client, row: UserMCPConnection, **changes: Any) -> Any:
    return browser.post(f"/connectors/{row.pk}/edit", body(row, **changes))


def secret_of(row: UserMCPConnection) -> Any:
    stored = CONNECTORS.get(pk=row.pk).auth_config
    return stored and stored.open()


# --- The form ----------------------------------------------------------------


def test_the_form_shows_what_is_stored_but_no_credentials(
    browser: Client, alice: User
) -> None:
    row = rows.connector(
        alice,
        name="No<tes",
        description="Old words",
        auth_type="api_key",
        auth_config={"token": "t0ps3cret"},
    )
    page = browser.get(f"/connectors/{row.pk}/edit").text
    assert 'value="No&lt;tes"' in page
    assert ">Old words</textarea>" in page
    assert f'value="{row.server_url}"' in page
    assert 'value="token" checked' in page
    assert "One is stored. Leave it empty to keep that one." in page
    assert "t0ps3cret" not in page


def test_stored_headers_are_not_shown_either(browser: Client, alice: User) -> None:
    config = {"headers": {"X-Name": "v4lue"}}
    row = rows.connector(alice, auth_type="api_key", auth_config=config)
    page = browser.get(f"/connectors/{row.pk}/edit").text
    assert 'value="headers" checked' in page
    assert "Some are stored. Leave it empty to keep those." in page
    assert "v4lue" not in page
    assert "X-Name" not in page


def test_a_link_may_suggest_another_address(
    browser: Client, notes: UserMCPConnection
) -> None:
    address = f"/connectors/{notes.pk}/edit?server_url=https://x.example/<mcp"
    assert 'value="https://x.example/&lt;mcp"' in browser.get(address).text
    assert CONNECTORS.get().server_url == notes.server_url


def test_credentials_that_cannot_be_read_can_be_entered_again(
    alice: User, settings: Settings
) -> None:
    row = rows.connector(alice, auth_type="api_key", auth_config={"token": "x"})
    settings.ENCRYPTION_KEYS = {"other": bytes(32)}
    assert EditForm(connector=CONNECTORS.get(pk=row.pk)).kind == "token"


# --- What needs no test ------------------------------------------------------


def test_a_new_name_is_saved_without_a_test(
    browser: Client, notes: UserMCPConnection
) -> None:
    answer = post(browser, notes, name="Wiki", description="")
    assert (answer.status_code, answer["Location"]) == (303, f"/connectors/{notes.pk}")
    row = CONNECTORS.get()
    assert (row.name, row.description) == ("Wiki", "")
    assert "Wiki was saved." in browser.get(answer["Location"]).text


def test_htmx_is_sent_to_the_connector(
    browser: Client, notes: UserMCPConnection
) -> None:
    address = f"/connectors/{notes.pk}/edit"
    answer = browser.post(address, body(notes, name="Wiki"), headers=HTMX)
    assert answer["HX-Redirect"] == f"/connectors/{notes.pk}"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": " "}, "id_name_note", "This field is required."),
        ({"name": "Taken"}, "id_name_note", "Choose another one."),
        ({"server_url": "nonsense"}, "url-note", "Invalid URL format."),
        ({"server_url": ""}, "url-note", "This field is required."),
        ({"server_url": "https://a:b@x.example"}, "url-note", "password out of it"),
        ({"sign_in": "token"}, "token-note", "none of this kind is stored"),
        ({"sign_in": "headers"}, "headers-note", "none of this kind is stored"),
        ({"sign_in": "headers", "headers": "x"}, "headers-note", "Line 1 is not"),
        (
            {"sign_in": "headers", "headers": "A: 1\n\na: 2"},
            "headers-note",
            "Line 3 names a header a second time",
        ),
        (
            {"sign_in": "headers", "headers": "Host: x"},
            "headers-note",
            "The header Host cannot be set here.",
        ),
        ({"sign_in": "token", "token": "a b"}, "token-note", "characters that no"),
        ({"sign_in": "magic"}, "sign-in-note", "Select a valid choice."),
        ({"description": "x" * 501}, "description-note", "at most 500 characters"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    browser: Client,
    notes: UserMCPConnection,
    changes: dict[str, str],
    field: str,
    words: str,
) -> None:
    rows.connector(notes.user, 2, name="Taken")
    answer = post(browser, notes, **changes)
    assert answer.status_code == 422
    at_field = answer.text[answer.text.index(f'class="err" id="{field}"') :]
    assert words in at_field[: at_field.index("</p>")]
    notes.refresh_from_db()
    assert notes.name == "Notes"


def test_what_was_typed_stays_and_a_secret_does_not(
    browser: Client, notes: UserMCPConnection
) -> None:
    changes = {"name": "", "description": "New words", "sign_in": "token"}
    answer = browser.post(
        f"/connectors/{notes.pk}/edit",
        body(notes, token="t0ps3cret", **changes),
        headers=HTMX,
    )
    assert answer.status_code == 422
    assert answer.text.strip().startswith("<form")
    assert ">New words</textarea>" in answer.text
    assert 'value="token" checked' in answer.text
    assert "t0ps3cret" not in answer.text


# --- What is tested before it counts -----------------------------------------


def test_left_empty_the_credentials_are_kept(
    browser: Client, with_token: UserMCPConnection, peer: Hostile
) -> None:
    peer.clear()
    assert post(browser, with_token, name="Wiki").status_code == 303
    assert secret_of(with_token) == {"token": RIGHT_TOKEN}
    assert peer.seen("token").requests == 0


def test_new_credentials_are_tested_and_a_failure_changes_nothing(
    browser: Client, with_token: UserMCPConnection
) -> None:
    answer = post(browser, with_token, token="wrong-token")
    assert answer.status_code == 422
    assert "Nothing was saved: the test failed" in answer.text
    assert "AUTH_FAILED" in answer.text
    assert "Authentication failed. Please check your credentials." in answer.text
    assert '<li class="fail">' in answer.text
    assert "wrong-token" not in answer.text
    assert secret_of(with_token) == {"token": RIGHT_TOKEN}


def test_new_credentials_are_carried_sealed_until_they_are_saved(
    browser: Client, alice: User, peer: Hostile
) -> None:
    row = verbs.add(alice, peer.url("good"), "Notes")
    changes = {"server_url": peer.url("token"), "sign_in": "token", "name": ""}
    answer = post(browser, row, **changes, token=RIGHT_TOKEN)
    assert RIGHT_TOKEN not in answer.text
    assert "The one you typed is kept for this form and not shown." in answer.text
    (sealed,) = re.findall(r'name="kept" value="([^"]+)"', answer.text)
    saved = post(browser, row, **{**changes, "name": "Notes"}, kept=sealed)
    assert saved.status_code == 303
    assert secret_of(row) == {"token": RIGHT_TOKEN}


def test_what_is_carried_is_good_for_nobody_else_and_nowhere_else(
    browser: Client, bob: User, notes: UserMCPConnection
) -> None:
    config = {"token": "t0ps3cret"}
    for sealed in (
        kept.seal(user_id=bob.pk, url=notes.server_url, auth_config=config),
        kept.seal(user_id=notes.user_id, url="https://x.example", auth_config=config),
        "nonsense",
    ):
        answer = post(browser, notes, sign_in="token", kept=sealed)
        assert answer.status_code == 422
        assert "none of this kind is stored" in answer.text


def test_a_kind_of_sign_in_can_be_given_up(
    browser: Client, with_token: UserMCPConnection
) -> None:
    answer = post(browser, with_token, sign_in="none")
    assert "AUTH_REQUIRED" in answer.text
    assert secret_of(with_token) == {"token": RIGHT_TOKEN}


def test_headers_replace_a_token_once_they_work(
    browser: Client, with_token: UserMCPConnection
) -> None:
    lines = f"Authorization: Bearer {RIGHT_TOKEN}\n\n"
    answer = post(browser, with_token, sign_in="headers", headers=lines)
    assert answer.status_code == 303
    expected = {"headers": {"Authorization": f"Bearer {RIGHT_TOKEN}"}}
    assert secret_of(with_token) == expected


def test_for_another_server_the_credentials_are_asked_for_again(
    browser: Client, with_token: UserMCPConnection
) -> None:
    answer = post(browser, with_token, server_url="https://elsewhere.example/mcp")
    assert answer.status_code == 422
    note = answer.text[answer.text.index('class="err" id="token-note"') :]
    assert note.split(">")[1].startswith("The new URL is another server.")
    assert CONNECTORS.get().server_url == with_token.server_url


def test_the_second_connector_to_one_server_is_asked_about_and_allowed(
    browser: Client, with_token: UserMCPConnection, peer: Hostile
) -> None:
    other = verbs.add(with_token.user, peer.url("good"), "Other")
    again = {"server_url": with_token.server_url, "sign_in": "token"}
    changes = {**again, "token": RIGHT_TOKEN}
    answer = post(browser, other, **changes)
    assert answer.status_code == 422
    assert "You already have a connector with this URL" in answer.text
    assert 'name="allow_duplicate" value="true"' in answer.text
    assert post(browser, other, **changes, allow_duplicate="true").status_code == 303
    other.refresh_from_db()
    assert other.server_url == with_token.server_url


def test_stored_credentials_that_cannot_be_read_are_said_at_their_field(
    browser: Client, with_token: UserMCPConnection, settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = {"other": bytes(32)}
    answer = post(browser, with_token, server_url=f"{with_token.server_url}/x")
    assert answer.status_code == 422
    assert "The stored credentials cannot be read. Enter them again." in answer.text


def test_too_many_tests_leave_the_form_as_it_is(
    browser: Client, with_token: UserMCPConnection, settings: Settings
) -> None:
    settings.TESTS_PER_MINUTE = 0
    answer = post(browser, with_token, name="Wiki", token="t0ps3cret")
    assert answer.status_code == 422
    assert "Too many requests at once." in answer.text
    assert 'value="Wiki"' in answer.text


def test_a_sign_in_that_is_not_offered_to_others_is_kept(
    browser: Client, alice: User
) -> None:
    row = rows.connector(alice, auth_type="oauth", status=Status.SIGN_IN)
    page = browser.get(f"/connectors/{row.pk}/edit").text
    assert 'value="oauth" checked' in page
    assert post(browser, row, name="Wiki").status_code == 303
    row.refresh_from_db()
    assert (row.auth_type, row.name) == ("oauth", "Wiki")
