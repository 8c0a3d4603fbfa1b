"""The form of a tool in a conversation: how it opens, and what it does not send."""

import re

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from agent.tests.chatting import Said, as_it_is, pick, say
from connectors.models import ToolCall, UserMCPConnection
from connectors.tests import verbs
from demo.fixtures import DemoServer

pytestmark = pytest.mark.usefixtures("allow_loopback")

WORDS = "please convert the time"
BLANK = {"arg.time": WORDS, "arg.from_zone": "", "arg.to_zone": ""}
FILLED = {"arg.time": "14:30", "arg.from_zone": "UTC", "arg.to_zone": "UTC"}


@pytest.fixture(autouse=True)
def no_model(settings: Settings) -> None:
    settings.LLM_MODEL = ""


@pytest.fixture
def notes(alice: User, notes_server: DemoServer) -> UserMCPConnection:
    return verbs.add(alice, notes_server.url, "Notes")


@pytest.fixture
def client(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def form_of(client: Client, said: Said) -> str:
    page = client.get(f"/chat/{said.turn.conversation_id}").content.decode()
    found = re.search(r'<form class="card ask".*?</form>', page, re.DOTALL)
    assert found
    return found[0]


def where(said: Said) -> str:
    return f"/chat/inputs/{said.calls[0]['input_id']}"


def test_a_form_opens_with_what_was_said_and_without_complaints(
    alice: User, client: Client, notes: UserMCPConnection
) -> None:
    html = form_of(client, say(alice, WORDS, pick(notes, "convert_time")))
    assert "Fill in what is missing" in html
    assert f'value="{WORDS}"' in html
    assert "notice" not in html
    assert "aria-invalid" not in html
    assert "required property" not in html


def test_words_are_not_put_into_the_field_of_a_number(
    alice: User, client: Client, notes: UserMCPConnection
) -> None:
    html = form_of(client, say(alice, "a=many b=2", pick(notes, "add")))
    assert "many" not in html
    assert 'value="2"' in html
    assert "aria-invalid" not in html


def test_a_form_says_whether_its_tool_changes_things(
    alice: User, client: Client, notes: UserMCPConnection
) -> None:
    html = form_of(client, say(alice, WORDS, pick(notes, "convert_time")))
    assert "Reads" in html
    assert ">Run</button>" in html
    assert "Send to" not in html


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_required_text_that_is_empty_is_refused_at_its_field(
    alice: User, client: Client, notes: UserMCPConnection, headers: dict[str, str]
) -> None:
    said = say(alice, WORDS, pick(notes, "convert_time"))
    answer = client.post(where(said), BLANK, headers=headers)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert html.count("Fill this in.") == 2
    assert html.count('aria-invalid="true"') == 2
    assert f'value="{WORDS}"' in html
    assert as_it_is(said.turn).outcome == ("waiting", "form")
    assert not ToolCall.objects.exists()
    assert client.post(where(said), FILLED).status_code == 303
    after = as_it_is(said.turn)
    assert after.outcome == ("done", "used")
    assert "14:30 in UTC" in after.text
