"""ChatKit while something waits for the person elsewhere: a sign-in, a question."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from accounts.models import User
from agent import conversations
from agent.models import InputRequest, Turn
from agent.tests import signed_out
from agent.tests.chatkit_client import ChatKit, buttons, dumped, message, read, texts
from agent.tests.chatkit_fixtures import KitOf
from agent.tests.chatting import pick
from agent.tests.fake_llm import FakeLlm
from config.tests.live import serve
from connectors.models import ToolCall, UserMCPConnection
from connectors.tests import curious, verbs

GO_ON = "I signed in, go on"


def card(kit: ChatKit) -> dict[str, Any]:
    """The newest card that is shown."""
    return dumped(kit.screen.of("widget")[-1].widget)


# --- A sign-in -----------------------------------------------------------------------


@pytest.fixture
def waits(kit: ChatKit, notes: UserMCPConnection, llm: FakeLlm) -> ChatKit:
    """A front end in which what was picked waits for a sign-in."""
    signed_out.sign_out(notes)
    kit.begin("reminders", str(pick(notes, "search_notes")))
    assert "Notes needs you to sign in" in texts(card(kit))
    assert f"/connectors/{notes.pk}/sign-in?from=chat)" in texts(card(kit))
    assert not llm.bodies
    return kit


def test_nothing_goes_on_before_the_sign_in(waits: ChatKit):
    (notice,) = waits.press(GO_ON)
    assert notice.type == "notice"
    assert "not signed in yet" in notice.message
    assert Turn.objects.get().state == "waiting"


def test_after_the_sign_in_the_answer_is_there(
    waits: ChatKit, notes: UserMCPConnection, alice: User
):
    (shown,) = waits.screen.of("widget")
    signed_out.sign_in(alice, notes)
    # The front end still shows the card, and its button brings what came since.
    waits.press(GO_ON)
    assert ToolCall.objects.get().outcome == "ok"
    assert waits.screen.text
    assert "You signed in" in texts(dumped(waits.screen.items[shown.id].widget))
    assert list(waits.screen.items.values()) == waits.listed()


def test_who_does_not_sign_in_is_told_that_it_was_not_used(waits: ChatKit):
    waits.press("Decline")
    assert not ToolCall.objects.exists()
    (notice,) = waits.screen.told("notice")
    assert "did not sign in" in notice.title
    assert Turn.objects.get().enforcement == "refused"


# --- A question of a server, in the middle of a call ---------------------------------


@pytest.fixture(scope="module")
def curious_url() -> Iterator[str]:
    with serve(curious.build().streamable_http_app()) as server:
        yield f"{server.url}/mcp"


@pytest.fixture
def curious_row(kit: ChatKit, alice: User, curious_url: str) -> UserMCPConnection:
    row = verbs.add(alice, curious_url, "Curious")
    for tool in row.discovered_tools:
        tool["annotations"] = {"readOnlyHint": True}
    row.save()
    return row


def events_of(
    kit: ChatKit, row: UserMCPConnection, tool: str, answer: Callable[[], None]
) -> None:
    """Call a tool; when its server asks, do `answer`; read on to the end."""
    has_answered = False
    with kit.opened(
        "threads.create", input=message("{}", str(pick(row, tool)))
    ) as response:
        for event in read(response.iter_lines()):
            kit.screen.apply(event)
            if not has_answered and kit.screen.of("widget"):
                has_answered = True
                answer()
    assert has_answered


def press_beside(kit: ChatKit, label: str, other: ChatKit | None = None) -> list[Any]:
    """Press a button of the newest card while the answer is streamed."""
    other = other or ChatKit(str(kit.http.base_url), **dict(kit.http.headers))
    shown = kit.screen.of("widget")[-1]
    other.screen.thread_id = kit.screen.thread_id
    other.screen.items = {shown.id: shown.model_copy(deep=True)}
    try:
        return other.press(label)
    finally:
        other.http.close()


def test_a_question_leads_to_the_page_where_it_is_answered(
    kit: ChatKit, curious_row: UserMCPConnection, alice: User
):
    def answer() -> None:
        said = texts(card(kit))
        assert "Curious asks you something" in said
        assert f"/chat/{kit.screen.thread_id}" in said
        asked = InputRequest.objects.get(state="pending")
        async_to_sync(conversations.submit)(
            user_id=alice.pk, input_id=asked.pk, arguments={"row": 3, "window": False}
        )

    events_of(kit, curious_row, "book", answer)
    assert "row 3, window False" in kit.screen.tasks[0].content
    assert "answered" in texts(card(kit))
    assert list(kit.screen.items.values()) == kit.listed()


def test_a_question_is_declined_where_it_is_shown(
    kit: ChatKit, curious_row: UserMCPConnection, llm: FakeLlm
):
    def answer() -> None:
        # The answer is streamed already: only the card changes.
        (replaced,) = press_beside(kit, "Decline")
        assert replaced.type == "thread.item.replaced"
        assert "declined" in texts(dumped(replaced.item.widget))

    events_of(kit, curious_row, "book", answer)
    assert ToolCall.objects.get().via == "chatkit"
    assert list(kit.screen.items.values()) == kit.listed()


def test_a_page_is_opened_by_the_person_alone(
    kit: ChatKit,
    kit_of: KitOf,
    alice: User,
    curious_row: UserMCPConnection,
    llm: FakeLlm,
):
    # Of an era in which a server asks while the call is open.
    curious_row.transport, curious_row.protocol_version = "http", "2025-11-25"
    curious_row.discover_cache = None
    curious_row.save()

    def answer() -> None:
        said = texts(card(kit))
        assert "Curious asks you to open a page" in said
        assert curious.PAGE in said
        # A token that cannot give their word says nothing for them.
        *_, error = press_beside(kit, "I opened it, go on", kit_of(alice, ["chat"]))
        assert "tools:call" in error.message
        assert InputRequest.objects.get().state == "pending"
        press_beside(kit, "I opened it, go on")

    events_of(kit, curious_row, "pay", answer)
    assert "accept" in kit.screen.tasks[0].content


# --- Direct mode ---------------------------------------------------------------------


def test_a_tool_that_is_proposed_is_used_at_a_press(
    kit: ChatKit, notes: UserMCPConnection, settings: Settings
):
    settings.LLM_MODEL = ""
    kit.begin("what do my notes say about reminders?")
    # That there is no model is an item of every answer, and no news.
    assert not kit.screen.told("notice")
    offered = [button["label"] for button in buttons(card(kit))]
    assert "Use Notes: Search notes" in offered
    kit.press("Use Notes: Search notes")
    call = ToolCall.objects.get()
    assert (call.tool, call.via, call.outcome) == ("search_notes", "chatkit", "ok")
    assert kit.screen.kinds.count("user_message") == 2
    assert list(kit.screen.items.values()) == kit.listed()
