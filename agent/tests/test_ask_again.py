"""That a tool is always allowed can be taken back, where it is said and in the menu."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from agent.models import Policy, ToolSetting
from agent.tests import boxes, chatting
from agent.tests.chatting import Said, pick, say
from connectors.models import UserMCPConnection
from connectors.tests import verbs
from demo.fixtures import DemoServer

pytestmark = pytest.mark.usefixtures("allow_loopback")

HTMX = {"HX-Request": "true"}
WHERE = "/apps/ask-again"


@pytest.fixture(autouse=True)
def no_model(settings: Settings) -> None:
    settings.LLM_MODEL = ""


@pytest.fixture
def notes(alice: User, notes_server: DemoServer) -> UserMCPConnection:
    return verbs.add(alice, notes_server.url, "Notes")


@pytest.fixture
def always(alice: User, notes: UserMCPConnection) -> Said:
    """What was said after a tool was always allowed: it ran without asking."""
    first = say(alice, "N-0", pick(notes, "delete_note"))
    chatting.decide(alice, first, "always")
    return say(alice, "N-1", pick(notes, "delete_note"))


def client_of(user: User, **how: Any) -> Client:
    client = Client(**how)
    client.force_login(user)
    return client


def form(notes: UserMCPConnection, **more: Any) -> dict[str, Any]:
    return {"pick": f"connector_tool:{notes.pk}:delete_note", **more}


def policy() -> str:
    return str(ToolSetting.objects.get(tool="delete_note").policy)


def test_it_is_offered_where_a_call_ran_because_of_it(
    alice: User, notes: UserMCPConnection, always: Said
) -> None:
    client = client_of(alice)
    page = client.get(f"/chat/{always.turn.conversation_id}").content.decode()
    assert "Ran without asking: you always allow this tool" in page
    assert "Ask again before delete_note runs" in page
    conversation = always.turn.conversation_id
    answer = client.post(WHERE, form(notes, conversation=conversation))
    assert (answer.status_code, answer["Location"]) == (303, f"/chat/{conversation}")
    assert policy() == Policy.DEFAULT
    asked = say(alice, "N-2", pick(notes, "delete_note"))
    assert asked.outcome == ("waiting", "approval")


def test_the_receipt_of_the_call_that_was_decided_offers_it_too(
    alice: User, notes: UserMCPConnection
) -> None:
    said = say(alice, "N-0", pick(notes, "delete_note"))
    chatting.decide(alice, said, "always")
    page = client_of(alice).get(f"/chat/{said.turn.conversation_id}")
    assert b"You always allow this tool" in page.content
    assert b"Ask again</button>" in page.content


def test_a_call_that_was_allowed_once_or_reads_offers_nothing(
    alice: User, notes: UserMCPConnection
) -> None:
    said = say(alice, "N-0", pick(notes, "delete_note"))
    chatting.decide(alice, said, "once")
    read = say(alice, "release", pick(notes, "search_notes"))
    for one in (said, read):
        page = client_of(alice).get(f"/chat/{one.turn.conversation_id}")
        assert b"Ask again" not in page.content


def test_the_menu_offers_it_until_it_is_taken_back(
    alice: User, notes: UserMCPConnection, always: Said
) -> None:
    client = client_of(alice)
    menu = client.get("/apps", {"q": "delete"}, headers=HTMX).text
    assert "Changes · always allowed" in menu
    assert "Ask again before Delete a note runs" in menu
    answer = client.post(WHERE, form(notes), headers=HTMX)
    assert answer.status_code == 200
    assert "It asks you again from now on." in answer.text
    assert policy() == Policy.DEFAULT
    menu = client.get("/apps", {"q": "delete"}, headers=HTMX).text
    assert "Changes · asks you" in menu
    assert "Ask again" not in menu


def test_twice_is_once_and_without_a_conversation_it_leads_to_the_chat(
    alice: User, notes: UserMCPConnection, always: Said
) -> None:
    client = client_of(alice)
    for _ in range(2):
        answer = client.post(WHERE, form(notes, conversation="//evil.example"))
        assert (answer.status_code, answer["Location"]) == (303, "/chat")
    assert policy() == Policy.DEFAULT


@pytest.mark.parametrize("wish", ["", "connector_tool:999:delete_note", "connector:1"])
def test_what_was_never_decided_is_not_found(alice: User, wish: str) -> None:
    assert client_of(alice).post(WHERE, {"pick": wish}).status_code == 404


def test_another_person_takes_back_nothing(
    bob: User, notes: UserMCPConnection, always: Said
) -> None:
    assert client_of(bob).post(WHERE, form(notes)).status_code == 404
    assert policy() == Policy.ALLOW


def test_a_page_of_somebody_else_takes_back_nothing(
    alice: User, notes: UserMCPConnection, always: Said
) -> None:
    client = client_of(alice, enforce_csrf_checks=True)
    assert client.post(WHERE, form(notes)).status_code == 403
    assert policy() == Policy.ALLOW


def test_what_is_never_used_does_not_become_what_is_asked_about(
    alice: User, notes: UserMCPConnection
) -> None:
    boxes.decide(alice, notes, "delete_note", policy=Policy.NEVER)
    client_of(alice).post(WHERE, form(notes))
    assert policy() == Policy.NEVER
