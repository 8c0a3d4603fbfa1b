"""What a card says, state by state. Nothing is dialled or stored here."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from connectors import cards
from connectors.cards import Action
from connectors.looks import Group
from connectors.models import AuthType, OAuthGrant, Status, UserMCPConnection
from connectors.proof import LISTING_FIELDS

GOOD_AT = datetime(2026, 11, 22, 9, 7, tzinfo=UTC)
CHANGED_AT = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


def connector(**changes: Any) -> UserMCPConnection:
    fields: dict[str, Any] = {
        "pk": 4,
        "name": "Notes",
        "server_url": "https://notes.example/mcp",
        "status": Status.READY,
        "is_verified": True,
        "tool_count": 10,
        "last_verified_at": GOOD_AT,
        "updated_at": CHANGED_AT,
    }
    return UserMCPConnection(**{**fields, **changes})


def failed(status: Status, code: str, **changes: Any) -> UserMCPConnection:
    return connector(status=status, last_error_code=code, **changes)


def signed_in(label: str = "", **changes: Any) -> UserMCPConnection:
    row = connector(auth_type=AuthType.OAUTH, **changes)
    row.grant = OAuthGrant(connector=row, account_label=label)
    return row


# --- The ten states ----------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "state", "word", "glyph", "group"),
    [
        (connector(), "ready", "Ready", "plug", "working"),
        (
            failed(Status.SIGN_IN, "AUTH_REQUIRED"),
            "sign-in", "Sign in", "key-round", "look",
        ),
        (
            failed(Status.SIGN_IN_AGAIN, "AUTH_FAILED"),
            "sign-in-again", "Sign in again", "key-round", "look",
        ),
        (
            failed(Status.SECRET_UNREADABLE, "SECRET_UNREADABLE"),
            "sign-in-again", "Sign in again", "key-round", "look",
        ),
        (
            connector(status=Status.REVIEW),
            "review", "Review changes", "file-diff", "look",
        ),
        (
            failed(Status.UNREACHABLE, "CONNECTION_FAILED"),
            "unreachable", "Unreachable", "unplug", "look",
        ),
        (
            failed(Status.SERVER_ERROR, "SERVER_ERROR"),
            "unreachable", "Server error", "circle-alert", "look",
        ),
        (
            connector(status=Status.PAUSED_AUTO, consecutive_failures=5),
            "auto-paused", "Paused automatically", "octagon-pause", "look",
        ),
        (
            failed(Status.NOT_MCP, "INVALID_MCP_SERVER"),
            "not-mcp", "Not an MCP server any more", "file-question-mark", "look",
        ),
        (
            connector(is_active=False),
            "paused", "Paused by you", "circle-pause", "resting",
        ),
        (
            connector(status=Status.REMOVED_BY_ADMIN, is_active=False),
            "removed", "Removed by your administrator", "ban", "resting",
        ),
    ],
)  # fmt: skip
def test_each_state_has_its_colour_word_glyph_and_group(
    row: UserMCPConnection, state: str, word: str, glyph: str, group: str
) -> None:
    look = cards.card(row).look
    assert (look.state, look.word, look.glyph) == (state, word, glyph)
    assert look.group == group


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("is_active", [True, False])
def test_every_stored_status_makes_a_card(status: Status, is_active: bool) -> None:
    card = cards.card(connector(status=status, is_active=is_active))
    assert card.look.word
    assert card.sentence.strip()
    assert card.first.label


def test_a_paused_connector_that_also_failed_is_paused() -> None:
    row = failed(Status.UNREACHABLE, "TIMEOUT", is_active=False)
    assert cards.card(row).look.word == "Paused by you"


# --- Since when, and what happened -------------------------------------------


def test_a_good_connector_says_when_it_was_checked() -> None:
    card = cards.card(connector())
    assert (card.since, card.since_at, card.is_distance) == ("checked", GOOD_AT, True)
    assert card.sentence == "10 tools"


def test_a_good_connector_names_the_version_that_was_agreed_on() -> None:
    row = connector(tool_count=1, transport="http", protocol_version="2026-07-28")
    assert cards.card(row).sentence == "1 tool · MCP 2026-07-28"


def test_a_server_without_tools_is_said_to_have_none() -> None:
    row = connector(tool_count=0, last_error_code="NO_TOOLS")
    assert cards.card(row).sentence == "Connected, but it offers no tools."


def test_a_bad_connector_says_when_it_was_last_good() -> None:
    card = cards.card(failed(Status.UNREACHABLE, "TIMEOUT"))
    assert (card.since, card.since_at) == ("last good", GOOD_AT)
    assert not card.is_distance


def test_who_never_signed_in_is_not_told_of_a_time() -> None:
    row = failed(
        Status.SIGN_IN, "AUTH_REQUIRED", last_verified_at=None, is_verified=False
    )
    card = cards.card(row)
    assert (card.since, card.since_at) == ("not signed in yet", None)
    assert card.sentence == (
        "It asks you to sign in. Its tools wait until you sign in."
    )


def test_after_the_end_of_a_sign_in_nothing_has_failed() -> None:
    assert cards.card(connector(status=Status.SIGN_IN)).sentence == (
        "Nobody is signed in. Its tools wait until you sign in."
    )


def test_who_signed_out_is_not_told_that_they_never_signed_in() -> None:
    row = connector(status=Status.SIGN_IN, last_verified_at=None)
    assert cards.card(row).since == "signed out"


def test_what_was_never_good_has_no_time_at_all() -> None:
    card = cards.card(failed(Status.UNREACHABLE, "TIMEOUT", last_verified_at=None))
    assert (card.since, card.since_at) == ("", None)


def test_a_removed_one_says_since_when() -> None:
    row = connector(status=Status.REMOVED_BY_ADMIN, is_active=False)
    card = cards.card(row)
    assert (card.since, card.since_at) == ("since", CHANGED_AT)
    assert card.is_removed


def test_a_proved_connector_that_is_down_is_tried_by_each_call() -> None:
    row = failed(Status.UNREACHABLE, "TIMEOUT")
    assert cards.card(row).sentence == (
        "It did not answer in time. Its tools stay, and each call tries again."
    )


def test_a_disproved_connector_waits_for_a_test() -> None:
    row = failed(Status.UNREACHABLE, "CONNECTION_FAILED", is_verified=False)
    assert cards.card(row).sentence == (
        "No connection could be made. Calls wait until a test passes."
    )


def test_a_code_without_a_sentence_of_its_own_still_has_one() -> None:
    row = failed(Status.SERVER_ERROR, "SOMETHING_NEW")
    assert cards.card(row).sentence.startswith("The last test failed.")


# --- The first button --------------------------------------------------------


def test_a_good_connector_is_opened() -> None:
    assert cards.card(connector()).first == Action(label="Open", route="connector")


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Status.SIGN_IN, "Sign in"),
        (Status.SIGN_IN_AGAIN, "Sign in again"),
        (Status.SECRET_UNREADABLE, "Sign in again"),
    ],
)
def test_signing_in_is_the_filled_button_and_leads_to_the_sign_in(
    status: Status, word: str
) -> None:
    first = cards.card(signed_in(status=status)).first
    assert (first.label, first.route, first.variant) == (word, "connector-sign-in", "")


def test_who_never_signed_in_may_also_add_a_token() -> None:
    card = cards.card(connector(status=Status.SIGN_IN))
    assert (card.first.label, card.first.route) == ("Sign in", "connector-sign-in")
    assert card.second is not None
    assert (card.second.label, card.second.route) == ("Add a token", "connector-edit")
    assert card.second.after == "#sign-in"


def test_a_token_that_was_refused_is_entered_again() -> None:
    row = connector(status=Status.SIGN_IN_AGAIN, auth_type=AuthType.API_KEY)
    first = cards.card(row).first
    assert (first.label, first.route) == ("Sign in again", "connector-edit")
    assert (first.after, first.variant) == ("#sign-in", "")


def test_a_sign_in_that_was_withdrawn_says_what_waits_for_it() -> None:
    row = signed_in(status=Status.SIGN_IN_AGAIN, last_error_code="AUTH_FAILED")
    assert cards.card(row).sentence == (
        "Its permission was withdrawn or has ended. Calls wait until you sign in again."
    )


@pytest.mark.parametrize("status", [Status.READY, Status.REVIEW])
def test_a_sign_in_whose_time_has_come_is_over_before_anybody_notes_it(
    status: Status,
) -> None:
    row = signed_in(status=status)
    row.grant.expires_at = timezone.now()
    card = cards.card(row)
    assert (card.look.word, card.first.label) == ("Sign in again", "Sign in again")
    assert card.sentence == (
        "Its permission was withdrawn or has ended. Calls wait until you sign in again."
    )
    row.grant.has_refresh = True
    assert cards.card(row).look.state != "sign-in-again"


def test_a_new_sign_in_that_was_refused_is_not_called_withdrawn() -> None:
    row = signed_in(status=Status.SIGN_IN_AGAIN, last_error_code="AUTH_FAILED")
    row.grant.fresh_rejected = True
    assert cards.card(row).sentence == (
        "The server refuses even a new sign-in. "
        "Ask its owner, or sign in with another account."
    )


@pytest.mark.parametrize(
    "status", [Status.UNREACHABLE, Status.SERVER_ERROR, Status.PAUSED_AUTO]
)
def test_what_is_down_is_tested_now_and_shows_its_evidence(status: Status) -> None:
    card = cards.card(connector(status=status))
    assert (card.first.label, card.first.form) == ("Test now", "retest")
    assert card.second is not None
    assert card.second.after == "#history"


def test_an_address_that_is_no_mcp_server_gets_the_likely_one() -> None:
    row = connector(status=Status.NOT_MCP, server_url="https://notes.example/sse?k=1")
    card = cards.card(row)
    assert card.first.label == "Try /mcp"
    assert card.first.after == "?server_url=https%3A%2F%2Fnotes.example%2Fmcp"
    assert card.second is not None
    assert card.second.label == "Edit URL"


def test_the_likely_address_is_not_offered_where_it_is_the_one() -> None:
    assert cards.card(connector(status=Status.NOT_MCP)).first.label == "Test now"


def test_a_paused_one_is_resumed_and_a_removed_one_dismissed() -> None:
    assert cards.card(connector(is_active=False)).first.form == "toggle"
    removed = connector(status=Status.REMOVED_BY_ADMIN, is_active=False)
    assert cards.card(removed).first.label == "Dismiss"
    assert cards.card(removed).first.form == "delete"


# --- The small things --------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://notes.example/mcp", "notes.example/mcp"),
        ("https://notes.example/", "notes.example"),
        ("http://127.0.0.1:8101/mcp/?token=s3cret#x", "127.0.0.1:8101/mcp/"),
        ("https://notes.example?key=s3cret", "notes.example"),
    ],
)
def test_an_address_is_shown_without_scheme_and_query(url: str, shown: str) -> None:
    assert cards.address(url) == shown


@pytest.mark.parametrize(
    ("name", "letters"),
    [("GitHub", "Gi"), ("on-call rota", "On"), ("_7 up", "7u"), ("Ärzte", "Är"),
     ("…", "?"), ("数据", "数据")],
)  # fmt: skip
def test_a_monogram_is_the_first_two_letters(name: str, letters: str) -> None:
    assert cards.monogram(name) == letters


@pytest.mark.parametrize(
    ("auth_type", "word"),
    [(AuthType.NONE, "No sign-in"), (AuthType.API_KEY, "Token")],
)
def test_the_kind_of_sign_in_is_a_word(auth_type: AuthType, word: str) -> None:
    assert cards.card(connector(auth_type=auth_type)).sign_in == word


def test_a_card_names_the_account_that_is_signed_in() -> None:
    card = cards.card(signed_in("ada@example.org"))
    assert (card.sign_in, card.account) == ("OAuth", "ada@example.org")


def test_what_is_read_aloud_names_the_connector_and_its_state() -> None:
    assert cards.card(connector(is_active=False)).said == "Notes: Paused by you"


# --- Groups and search -------------------------------------------------------


def test_groups_keep_their_order_and_that_of_the_connectors() -> None:
    rows = [
        connector(name="A", is_active=False),
        connector(name="B"),
        failed(Status.UNREACHABLE, "TIMEOUT", name="C"),
        connector(name="D"),
    ]
    groups = cards.grouped(rows)
    assert list(groups) == [Group.LOOK, Group.WORKING, Group.RESTING]
    assert [group.heading for group in groups] == [
        "Needs a look", "Working", "Resting"
    ]  # fmt: skip
    names = {key: [c.connector.name for c in found] for key, found in groups.items()}
    assert names == {"look": ["C"], "working": ["B", "D"], "resting": ["A"]}


@pytest.mark.parametrize("query", ["", "NOTES", "example mcp", "team", " notes  team "])
def test_a_search_looks_at_name_address_and_description(query: str) -> None:
    assert cards.matches(connector(description="What the team knows"), query)


@pytest.mark.parametrize("query", ["releases", "notes releases", "https", "k=1"])
def test_a_search_finds_nothing_else(query: str) -> None:
    row = connector(server_url="https://notes.example/mcp?k=1")
    assert not cards.matches(row, query)


def test_a_card_reads_nothing_of_the_listing() -> None:
    row = connector()
    for name in LISTING_FIELDS:
        del row.__dict__[name]
    # Reading a field that was left out asks the database, which is not there.
    assert cards.card(row).look.word == "Ready"
