"""The composer as the server draws it, and what it does with what is sent."""

import re

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from agent import composing
from agent.models import Conversation, Message, Role, Turn, TurnState
from agent.sending import TEXT_CHARS
from agent.tests.composer_pages import plugged_in
from agent.views import composer
from config.templatetags.patchbay import icon
from connectors.models import Status, UserMCPConnection
from connectors.tests import rows

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _no_second_try_later(settings: Settings) -> None:
    settings.RETRY_DELAY_S = 0


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def first(alice: User) -> UserMCPConnection:
    return plugged_in(alice)


def begun(user: User, state: str = TurnState.DONE) -> Conversation:
    conversation = Conversation.objects.create(user=user, title="Payouts")
    message = Message.objects.create(
        conversation=conversation, seq=1, role=Role.USER, text="Which ones?"
    )
    Message.objects.create(conversation=conversation, seq=2, role=Role.ASSISTANT)
    Turn.objects.create(conversation=conversation, user_message=message, state=state)
    return conversation


def sent() -> list[tuple[str, str]]:
    rows = Message.objects.filter(role=Role.USER).order_by("pk")
    return [(row.text, row.selection_ref) for row in rows]


def value(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found
    return found[1]


# --- What it shows --------------------------------------------------------------------


def test_a_link_may_pick_a_tool_or_a_whole_connector(
    browser: Client, first: UserMCPConnection
) -> None:
    for pick, label in {
        f"connector:{first.pk}": "Any GitHub tool",
        f"connector_tool:{first.pk}:tool_35": "GitHub: tool_35",
    }.items():
        html = browser.get("/chat", {"pick": pick}).text
        assert value(html, "pick") == pick
        assert f'data-label="{label}"' in html
        assert f"Remove {label}" in html
        assert f'value="{pick}" selected' in html


@pytest.mark.parametrize(
    ("pick", "said"),
    [
        ("connector:{first}", ""),
        ("connector:{stripe}", "Stripe cannot be picked now. Sign in to use"),
        ("connector:{other}", "What was to be picked is not there any more."),
        ("connector_tool:{first}:gone", "What was to be picked is not there"),
        ("nonsense", "What was to be picked is not there any more."),
        ("<script>", "What was to be picked is not there any more."),
    ],
)
def test_a_link_that_picks_what_cannot_be_used_says_so(
    browser: Client, bob: User, first: UserMCPConnection, pick: str, said: str
) -> None:
    mine = UserMCPConnection.objects.filter(user=first.user)
    ids = {
        "first": first.pk,
        "stripe": mine.get(status=Status.SIGN_IN_AGAIN).pk,
        "other": plugged_in(bob).pk,
    }
    html = browser.get("/chat", {"pick": pick.format(**ids)}).text
    problem = html.partition('id="composer-problem"')[2].partition('id="picked"')[0]
    assert (said in problem) if said else ("<p>" not in problem)
    assert bool(value(html, "pick")) is not bool(said)


def test_the_composer_knows_whether_an_answer_is_written(alice: User) -> None:
    for state, shown in {
        TurnState.QUEUED: "running",
        TurnState.RUNNING: "running",
        TurnState.WAITING: "waiting",
        TurnState.DONE: "idle",
        TurnState.FAILED: "idle",
        TurnState.STOPPED: "idle",
        TurnState.INTERRUPTED: "idle",
    }.items():
        turn = begun(alice, state).turns.get()
        known = composer.context(user_id=alice.pk, conversation_id=1, turn=turn)
        assert known["composer"].state == shown
        assert known["composer"].turn_id == turn.pk
        waits = known["composer"].placeholder == composing.WAITING
        assert waits is (shown == "waiting")


def test_who_has_connectors_that_do_not_work_is_not_told_to_have_none(
    browser: Client, alice: User
) -> None:
    rows.connector(alice, 1, status=Status.UNREACHABLE)
    rows.connector(alice, 2, is_active=False)
    page = browser.get("/chat").text
    assert "None of your connectors can be used now." in page
    assert "Manage connectors</a></div>" in page
    assert "Nothing is plugged in yet" not in page
    rows.connector(alice, 3)
    assert "None of your connectors" not in browser.get("/chat").text


def test_every_page_has_a_nonce_of_its_own(browser: Client) -> None:
    nonces = {value(browser.get("/chat").text, "nonce") for _ in range(2)}
    assert len(nonces) == 2
    assert all(re.fullmatch(r"[0-9a-f-]{36}", nonce) for nonce in nonces)


# --- What is sent ---------------------------------------------------------------------


def test_a_first_message_leads_to_its_conversation(
    browser: Client, first: UserMCPConnection
) -> None:
    pick = f"connector_tool:{first.pk}:list_commits"
    given = {"text": "Since Friday?", "pick": pick, "nonce": "n1"}
    response = browser.post("/chat", given)
    conversation = Conversation.objects.get()
    assert response.status_code == 303
    assert response["Location"] == f"/chat/{conversation.pk}"
    assert sent() == [("Since Friday?", f"{first.pk}:list_commits")]

    again = browser.post("/chat", given, headers=HTMX)
    assert again["HX-Redirect"] == f"/chat/{conversation.pk}"
    assert again["Message-Stored"]
    assert len(sent()) == 1


def test_htmx_gets_an_empty_composer_for_the_next_message(
    browser: Client, alice: User, first: UserMCPConnection
) -> None:
    conversation = begun(alice)
    given = {"text": "And now?", "pick": f"connector:{first.pk}", "nonce": "n1"}
    html = browser.post(f"/chat/{conversation.pk}", given, headers=HTMX).text
    assert html.strip().startswith('<form class="composer"')
    assert "And now?" not in html
    assert value(html, "pick") == ""
    assert value(html, "nonce") not in {"", "n1"}
    assert "<select" not in html
    assert sent()[1:] == [("And now?", str(first.pk))]
    newest = Turn.objects.latest("pk")
    assert f'data-turn="{newest.pk}"' in html


def test_what_is_refused_is_said_and_without_a_script_everything_stays(
    browser: Client, alice: User, first: UserMCPConnection
) -> None:
    conversation = begun(alice)
    pick = f"connector:{first.pk}"
    long = {"text": "w" * (TEXT_CHARS + 1), "pick": pick, "nonce": "n1"}
    for path in ("/chat", f"/chat/{conversation.pk}"):
        part = browser.post(path, long, headers=HTMX)
        assert part.status_code == 422
        assert 'role="alert"' in part.text
        assert "<form" not in part.text
        page = browser.post(path, long)
        assert page.status_code == 422
        assert long["text"] in page.text
        assert value(page.text, "nonce") == "n1"
        assert value(page.text, "pick") == pick
        assert "longer than 32,000 characters" in page.text
    assert len(sent()) == 1


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"text": " \n"},
        {"text": "x", "pick": "nonsense"},
        {"text": "x", "pick": "connector_tool:" + "9" * 300},
    ],
)
def test_what_is_no_message_is_not_stored(
    browser: Client, given: dict[str, str]
) -> None:
    assert browser.post("/chat", given, headers=HTMX).status_code == 422
    assert browser.post("/chat", given).status_code == 422
    assert not sent()


def test_while_an_answer_is_written_there_is_no_other(
    browser: Client, alice: User
) -> None:
    conversation = begun(alice, TurnState.RUNNING)
    answer = browser.post(f"/chat/{conversation.pk}", {"text": "x"}, headers=HTMX)
    assert answer.status_code == 422
    assert "An answer is being written." in answer.text
    assert len(sent()) == 1


def test_who_is_signed_out_is_not_told_that_it_is_stored(client: Client) -> None:
    response = client.post("/chat", {"text": "Hello", "nonce": "n1"}, headers=HTMX)
    assert response["HX-Redirect"].startswith("/accounts/login/")
    assert "Message-Stored" not in response


def test_what_was_picked_has_no_tick_that_says_it_was_used(
    browser: Client, alice: User
) -> None:
    paused = rows.connector(alice, is_active=False)
    pick = f"connector_tool:{paused.pk}:search_notes"
    browser.post("/chat", {"text": "x", "pick": pick})
    page = browser.get(f"/chat/{Conversation.objects.get().pk}").text
    (mine,) = re.findall(r'<article class="mine".*?</article>', page, re.DOTALL)
    assert "Must be used: " in mine
    assert icon("blocks") in mine
    assert icon("check") not in mine


def test_a_nonce_that_is_none_of_ours_makes_no_two_messages_one(
    browser: Client,
) -> None:
    for text in ("one", "two"):
        browser.post("/chat", {"text": text, "nonce": "n" * 37})
    assert [text for text, _ in sent()] == ["one", "two"]


def test_nobody_writes_into_what_is_another_persons(
    client: Client, alice: User, bob: User
) -> None:
    conversation = begun(alice)
    client.force_login(bob)
    for headers in ({}, HTMX):
        path = f"/chat/{conversation.pk}"
        answer = client.post(path, {"text": "x"}, headers=headers)
        assert answer.status_code == 404
    assert len(sent()) == 1
