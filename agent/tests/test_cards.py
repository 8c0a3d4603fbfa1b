"""Cards of an answer that wait for the person: a sign-in, a server's question."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from agent.asked import Address, asked
from agent.models import InputRequest, Turn, TurnState
from agent.tests import signed_out, threads
from agent.tests.chatting import as_it_is, pick, say
from agent.tests.over_rest import at, begin, connect
from agent.tests.test_chat_views import shown_part
from agent.tests.threads import happen
from config.tests.rest import ApiClient
from connectors.models import ToolCall, UserMCPConnection
from demo.fixtures import DemoServer

HTMX = {"HX-Request": "true"}
OF_PICK = {
    "id": "k1",
    "part": "sign_in",
    "asks": "sign_in",
    "source": "connector",
    "ref": "12",
    "connector": "Stripe",
    "label": "Stripe",
    "input_id": 31,
    "is_again": True,
}
QUESTION = {
    "id": "q1",
    "part": "question",
    "asks": "form",
    "connector": "Curious",
    "tool": "book",
    "origin": "https://curious.example",
    "said": "Which <b>seat</b>?",
    "schema": {"properties": {"row": {"type": "integer"}}, "type": "object"},
    "values": {"row": 12},
    "input_id": 32,
}
URL = "https://pay.example.com/orders/7?token=t"


@pytest.fixture
def client(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def turn(alice: User) -> Turn:
    return threads.turn(threads.conversation(alice))


@pytest.fixture
def notes(
    alice: User, notes_server: DemoServer, allow_loopback: None
) -> UserMCPConnection:
    return signed_out.sign_out(connect(alice, notes_server))


def card(client: Client, turn: Turn, asks: dict[str, Any]) -> str:
    return shown_part(client, turn, ("input", asks), state=TurnState.WAITING)


# --- Signing in ---------------------------------------------------------------


def test_a_sign_in_opens_a_tab_that_comes_back(client: Client, turn: Turn) -> None:
    html = card(client, turn, OF_PICK)
    assert "Stripe needs you to sign in again" in html
    assert 'href="/connectors/12/sign-in?from=chat" target="_blank"' in html
    assert "Continue to Stripe" in html
    assert 'action="/chat/inputs/31"' in html
    assert 'value="decline"' in html
    assert "You picked it" in html
    assert "Reload after you signed in" in html


def test_a_first_sign_in_is_not_another_one(client: Client, turn: Turn) -> None:
    html = card(client, turn, OF_PICK | {"is_again": False})
    assert "Stripe needs you to sign in</h3>" in html
    assert 'data-state="sign-in"' in html


def test_a_call_that_waits_says_what_it_will_send(client: Client, turn: Turn) -> None:
    asks = threads.call() | {"asks": "sign_in", "input_id": 31, "is_again": True}
    html = card(client, turn, asks | {"connector": "Stripe", "reason": "No <more>."})
    assert "<code>list_payouts</code> has not run" in html
    assert "What will be sent" in html
    assert "No &lt;more&gt;." in html


@pytest.mark.parametrize(
    ("count", "title"), [(1, "one more permission"), (2, "more permissions")]
)
def test_a_permission_that_is_missing_is_no_sign_in_that_ended(
    client: Client, turn: Turn, count: int, title: str
) -> None:
    more = {"needs_more": count, "permissions": ["Create and change <journal>"]}
    asks = threads.call() | {"asks": "sign_in", "input_id": 31, "is_again": True}
    html = card(client, turn, asks | {"connector": "Stripe", "reason": ""} | more)
    assert f"Stripe needs {title}</h3>" in html
    assert "Create and change &lt;journal&gt;" in html
    assert "needs you to sign in" not in html
    assert "withdrawn" not in html


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        ("signed_in", "You signed in"),
        ("declined", "You declined to sign in"),
        ("superseded", "You wrote on instead of signing in"),
        ("expired", "Nobody signed in in time"),
    ],
)
def test_a_sign_in_that_is_over_is_one_line(
    client: Client, turn: Turn, decision: str, sentence: str
) -> None:
    over = ("input", {"id": "k1", "decision": decision})
    html = shown_part(client, turn, ("input", OF_PICK), over)
    assert sentence in html
    assert "<form" not in html


def test_a_call_that_ran_after_the_sign_in_says_so(client: Client, turn: Turn) -> None:
    html = shown_part(
        client,
        turn,
        threads.started(),
        ("input", threads.call() | {"asks": "sign_in", "input_id": 31}),
        ("input", {"id": "k1", "decision": "signed_in"}),
        threads.started(),
        threads.finished(),
    )
    assert "Ran after you signed in" in html


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_declining_ends_it_with_and_without_a_script(
    client: Client, alice: User, notes: UserMCPConnection, headers: Any
) -> None:
    waiting = say(alice, "release", pick(notes))
    request = InputRequest.objects.get()
    response = client.post(
        f"/chat/inputs/{request.pk}", {"decision": "decline"}, headers=headers
    )
    assert response.status_code == (204 if headers else 303)
    assert as_it_is(waiting.turn).outcome == ("done", "refused")


def test_nobody_can_claim_to_have_signed_in(
    client: Client, alice: User, notes: UserMCPConnection
) -> None:
    waiting = say(alice, "release", pick(notes))
    path = f"/chat/inputs/{InputRequest.objects.get().pk}"
    for said in ({"decision": "opened"}, {"decision": "signed_in"}, {}):
        assert client.post(path, said, headers=HTMX).status_code == 409
    assert as_it_is(waiting.turn).turn.state == TurnState.WAITING
    assert not ToolCall.objects.exists()


def test_a_conversation_that_is_taken_along_says_that_somebody_signed_in(
    client: Client, turn: Turn
) -> None:
    over = ("input", {"id": "k1", "decision": "signed_in"})
    happen(turn, ("input", OF_PICK), over, state="done")
    page = client.get(f"/chat/{turn.conversation_id}/export?format=md")
    assert "*Stripe: You signed in*" in page.content.decode()


# --- What a server asks -------------------------------------------------------


def test_a_question_says_who_asks_and_is_filled_in(client: Client, turn: Turn) -> None:
    html = card(client, turn, QUESTION)
    assert "Curious asks you something" in html
    assert "Which &lt;b&gt;seat&lt;/b&gt;?" in html
    assert "<bdi>https://curious.example</bdi>" in html
    assert 'value="12"' in html
    assert 'action="/chat/inputs/32"' in html
    assert "Send to Curious" in html
    assert 'value="decline"' in html


def test_an_address_is_shown_whole_with_its_host_marked(
    client: Client, turn: Turn
) -> None:
    html = card(client, turn, QUESTION | {"asks": "url", "url": URL})
    assert "https://<b>pay.example.com</b>/orders/7?token=t" in html
    assert f'href="{URL}" target="_blank" rel="noopener noreferrer"' in html
    assert 'value="opened"' in html


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (URL, "pay.example.com"),
        ("http://127.0.0.1:8000/x", "127.0.0.1:8000"),
        ("https://a.example/https://b.example/", "a.example"),
    ],
)
def test_the_host_is_that_of_the_address(url: str, host: str) -> None:
    shown = asked({"kind": "question", "state": "url", "url": url}).address
    assert isinstance(shown, Address)
    assert (shown.host, shown.whole) == (host, url)


@pytest.mark.parametrize("url", ["", "https://", "https://[::1", "no address"])
def test_what_is_no_address_is_not_linked(url: str) -> None:
    assert asked({"kind": "question", "state": "url", "url": url}).address is None


# --- Programs -----------------------------------------------------------------


def test_a_program_is_led_to_where_the_person_signs_in(
    api: ApiClient, notes: UserMCPConnection, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://patchbay.example"
    conversation = begin(api, title="Notes")
    sent = api.post(
        at(conversation, "/messages"),
        {"text": "release", "pick": {"connector_id": notes.pk}},
    ).json()
    assert sent["turn"]["state"] == "waiting"
    assert sent["turn"]["pending"] == [
        {
            "kind": "sign_in",
            "tool": "",
            "label": "Notes",
            "arguments": {},
            "approval_url": f"https://patchbay.example/connectors/{notes.pk}/sign-in",
        }
    ]
    assert "input_id" not in str(sent)


def test_the_apps_menu_leads_to_the_sign_in(
    client: Client, notes: UserMCPConnection
) -> None:
    page = client.get("/apps", headers=HTMX).content.decode()
    assert f'href="/connectors/{notes.pk}/sign-in?from=chat" target="_blank"' in page
    assert "Sign in again" in page


def test_a_pick_that_needs_a_sign_in_leads_there(
    client: Client, notes: UserMCPConnection
) -> None:
    page = client.get(f"/chat?pick=connector:{notes.pk}").content.decode()
    assert "Notes cannot be picked now." in page
    assert f'href="/connectors/{notes.pk}/sign-in"' in page


def test_who_has_a_token_is_not_led_to_a_sign_in(
    client: Client, notes: UserMCPConnection
) -> None:
    notes.auth_type, notes.auth_config = "api_key", {"token": "x"}
    notes.save()
    assert "/sign-in" not in client.get("/apps", headers=HTMX).content.decode()
