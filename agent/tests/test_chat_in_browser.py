"""A conversation in Chromium: what arrives while it is open, whatever breaks."""

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Locator, Page, expect
from pytest_django import Settings

from accounts.models import User
from agent import approvals, consumers, inputs, journal
from agent.models import Approval, Conversation, InputRequest, Turn, TurnState
from agent.questions import Subject
from agent.tests import threads
from agent.tests.threads import asked, done, finished, happen, started, text
from config.tests.browser import OpenPage, Watch, assert_accessible, assert_fits
from config.tests.forwarder import Forwarder, forwarded
from config.tests.live import LiveServer

SUBJECT = Subject(
    source="connector", ref="12", tool="list_payouts", definition_hash="x"
)


@pytest.fixture(autouse=True)
def _looks_often(live_server_asgi: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "AT_WORK_S", 0.1)
    monkeypatch.setattr(consumers, "IDLE_S", 0.1)


@pytest.fixture
def one(live_server_asgi: LiveServer, alice: User) -> Conversation:
    return threads.conversation(alice)


@pytest.fixture
def turn(one: Conversation) -> Turn:
    turn = threads.turn(one)
    happen(turn, text("One"))
    return turn


@pytest.fixture
def line(
    live_server_asgi: LiveServer, watch: Watch, settings: Settings
) -> Iterator[Forwarder]:
    """A line to the server, which every page of the test goes over."""
    with forwarded(live_server_asgi.host, live_server_asgi.port) as line:
        watch.url = f"http://127.0.0.1:{line.port}"
        settings.CSRF_TRUSTED_ORIGINS = [watch.url]
        for problem in ("WebSocket connection", "htmx:ws:error"):
            watch.allow(problem)
        yield line


async def write(turn: Turn, *events: Any, state: str = "") -> None:
    await sync_to_async(happen)(turn, *events, state=state)
    await journal.wake(turn.conversation_id)


async def opened(page: Page, one: Conversation) -> Locator:
    await page.goto(f"/chat/{one.pk}")
    return page.get_by_role("log", name="Messages")


async def is_seen_whole(card: Locator) -> bool:
    """Whether it is between the header of the page and the composer."""
    over = await card.page.locator(".chat > header").bounding_box()
    dock = await card.page.locator(".dock").bounding_box()
    box = await card.bounding_box()
    assert over
    assert dock
    assert box
    below = over["y"] + over["height"] <= box["y"]
    return below and box["y"] + box["height"] <= dock["y"]


async def test_an_answer_arrives_as_it_is_written(page: Page, turn: Turn) -> None:
    thread = await opened(page, turn.conversation)
    await page.get_by_label("Message", exact=True).fill("A draft")
    await write(turn, text(" *two*"))
    await expect(thread.get_by_text("One two")).to_be_visible()
    await expect(thread.locator(".writing[aria-busy=true]")).to_have_count(1)
    await write(turn, started())
    await expect(thread.get_by_text("list_payouts")).to_be_visible()
    await expect(thread.locator(".writing")).to_have_count(0)
    await assert_accessible(page)
    await write(turn, finished(), text("Done."))
    await expect(thread.get_by_text("Stripe · 1 payout")).to_be_visible()
    await write(turn, done(), state=TurnState.DONE)
    await expect(page.get_by_text("The answer is complete")).to_be_attached()
    await expect(page.get_by_text("Working", exact=True)).to_have_count(0)
    await expect(page.locator("#composer-turn")).to_have_attribute("data-state", "idle")
    # Nothing of it is there twice, and nobody's draft is gone.
    await expect(thread.get_by_role("article")).to_have_count(2)
    await expect(thread.get_by_text("One two")).to_have_count(1)
    await expect(page.get_by_label("Message", exact=True)).to_be_focused()
    await expect(page.get_by_label("Message", exact=True)).to_have_value("A draft")
    # As it arrived, so it is loaded.
    arrived = await thread.locator("#entries").inner_text()
    await page.reload()
    assert await thread.locator("#entries").inner_text() == arrived


async def test_two_tabs_show_the_same(
    open_page: OpenPage, alice: User, one: Conversation
) -> None:
    first, second = await open_page(user=alice), await open_page(user=alice)
    logs = [await opened(page, one) for page in (first, second)]
    turn = await sync_to_async(threads.turn)(one, text="And who asks?")
    await write(turn, text("You"))
    for log in logs:
        await expect(log.get_by_text("And who asks?")).to_have_count(1)
        await expect(log.get_by_text("You", exact=True).last).to_be_visible()


async def test_after_a_break_everything_is_there_once(
    open_page: OpenPage, alice: User, turn: Turn, line: Forwarder
) -> None:
    page = await open_page(user=alice)
    thread = await opened(page, turn.conversation)
    await write(turn, text(" two"))
    await expect(thread.get_by_text("One two")).to_be_visible()
    longest = "_htmx.ws.connection.config.reconnectMaxDelay"
    assert await thread.evaluate(f"thread => thread.{longest}") == 8000
    for number in ("three", "four"):
        line.cut()
        await write(turn, text(f" {number}"), started(number), finished(number))
        await expect(page.get_by_text("The connection is lost.")).to_be_visible()
        line.mend()
        await expect(thread.get_by_text(number)).to_be_visible()
        await expect(page.get_by_text("The connection is lost.")).to_be_hidden()
    await write(turn, text("Last."), done(), state=TurnState.DONE)
    await expect(thread.get_by_text("Last.")).to_be_visible()
    await expect(thread.get_by_text("One two three")).to_have_count(1)
    await expect(thread.locator(".receipt")).to_have_count(2)
    await expect(thread.get_by_role("article")).to_have_count(2)


async def test_a_receipt_that_is_open_stays_open(page: Page, turn: Turn) -> None:
    thread = await opened(page, turn.conversation)
    await write(turn, started())
    await thread.locator(".receipt summary").click()
    await expect(thread.get_by_text("Sent", exact=True)).to_be_visible()
    await write(turn, finished())
    await expect(thread.get_by_text("po_1RkT9q")).to_be_visible()


async def test_who_reads_further_up_is_left_there(page: Page, turn: Turn) -> None:
    await write(turn, text("\n\nline" * 100))
    await opened(page, turn.conversation)
    away = "document.documentElement.scrollHeight - innerHeight - scrollY"
    assert await page.evaluate(away) < 5
    await write(turn, text("\n\nmore" * 20))
    await expect(page.get_by_text("more").last).to_be_in_viewport()
    await page.evaluate("scrollTo(0, 0)")
    await write(turn, text("\n\nend"))
    await expect(page.get_by_text("end", exact=True)).to_have_count(1)
    assert await page.evaluate("scrollY") == 0


async def test_who_sends_sees_what_becomes_of_it(
    page: Page, one: Conversation, alice: User
) -> None:
    turn = await sync_to_async(threads.turn)(one)
    await write(turn, text("\n\nline" * 100), done(), state=TurnState.DONE)
    await opened(page, one)
    await page.evaluate("scrollTo(0, 0)")
    await page.get_by_label("Message", exact=True).fill("And these?")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("And these?")).to_be_in_viewport()
    await expect(page.get_by_text("You have no tools")).to_be_in_viewport()


async def test_a_question_is_seen_whole_whatever_came_before_it(
    page: Page, turn: Turn
) -> None:
    await write(turn, text("\n\nline" * 60))
    await opened(page, turn.conversation)
    for _ in range(3):
        await write(turn, text("\n\nmore" * 40), started(), finished())
    await write(turn, asked("k2"), state=TurnState.WAITING)
    card = page.locator(".ask")
    await expect(card.get_by_role("button", name="Decline")).to_be_in_viewport()
    assert await is_seen_whole(card)
    # Also by who was further up, with a long draft, when the page was loaded again.
    await page.get_by_label("Message", exact=True).fill("line\n" * 20)
    await page.evaluate("scrollTo(0, scrollY - 300)")
    await page.reload()
    await expect(card.get_by_role("button", name="Decline")).to_be_in_viewport()
    assert await is_seen_whole(card)


async def test_a_session_that_ended_is_said(
    page: Page, alice: User, turn: Turn
) -> None:
    await opened(page, turn.conversation)
    alice.set_password("another one entirely")
    await alice.asave()
    await expect(page.get_by_text("You were signed out.")).to_be_visible()


async def test_a_conversation_that_is_gone_is_said(
    page: Page, one: Conversation
) -> None:
    await opened(page, one)
    await one.adelete()
    await expect(page.get_by_text("is not there any more")).to_be_visible()


async def test_hostile_text_stays_text(page: Page, turn: Turn) -> None:
    hostile = "<img src=x onerror=alert(1)><hx-partial hx-target='body'>x</hx-partial>"
    thread = await opened(page, turn.conversation)
    await write(turn, text(hostile), started(label=hostile, tool=hostile))
    await write(turn, finished(summary=hostile, model_text=hostile))
    await expect(thread.locator(".receipt")).to_have_count(1)
    assert await thread.locator("img, hx-partial, template").count() == 0
    assert hostile in await thread.inner_text()


def _ask(turn: Turn) -> Approval:
    approval = approvals.ask(
        turn, call_key="k9", subject=SUBJECT, arguments={"status": "failed"}
    )
    happen(
        turn,
        asked("k9", approval_id=approval.pk, arguments={"status": "failed"}),
        state=TurnState.WAITING,
    )
    return approval


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_question_is_answered_in_its_place(
    open_page: OpenPage, alice: User, turn: Turn, javascript: bool
) -> None:
    page = await open_page(user=alice, javascript=javascript)
    thread = await opened(page, turn.conversation)
    await sync_to_async(_ask)(turn)
    await journal.wake(turn.conversation_id)
    if not javascript:
        await page.reload()
    card = thread.get_by_role("region", name="Open an issue on GitHub?")
    await expect(card.get_by_text("failed")).to_be_visible()
    if javascript:
        await assert_accessible(page)
    await card.get_by_role("button", name="Decline").click()
    await expect(thread.get_by_text("You declined, nothing was sent")).to_be_visible()
    await expect(card).to_have_count(0)
    if javascript:
        await expect(page.get_by_label("Message", exact=True)).to_be_focused()


async def test_on_a_phone_the_buttons_of_a_question_share_a_row(
    open_page: OpenPage, alice: User, turn: Turn
) -> None:
    page = await open_page(user=alice, width=390, height=844)
    thread = await opened(page, turn.conversation)
    await write(turn, asked("k2"), state=TurnState.WAITING)
    card = thread.get_by_role("region", name="Open an issue on GitHub?")
    names = ("Allow once", "Always allow this tool", "Decline")
    places = [
        await card.get_by_role("button", name=name).bounding_box() for name in names
    ]
    assert len({place["y"] for place in places if place}) == 1
    await assert_fits(page)
    await assert_accessible(page)


def _ask_for_more(turn: Turn) -> InputRequest:
    schema = {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"type": "string", "minLength": 3}},
    }
    request = inputs.ask(
        turn, call_key="k9", subject=SUBJECT, arguments={}, schema=schema
    )
    form = {"input_id": request.pk, "schema": schema, "values": {}, "errors": []}
    happen(turn, ("input", {**threads.call("k9"), **form}), state=TurnState.WAITING)
    return request


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_form_is_filled_in_in_its_place(
    open_page: OpenPage, alice: User, turn: Turn, javascript: bool
) -> None:
    page = await open_page(user=alice, javascript=javascript)
    request = await sync_to_async(_ask_for_more)(turn)
    thread = await opened(page, turn.conversation)
    form = thread.get_by_role("form", name="Fill in what is missing")
    await form.get_by_label("status").fill("no")
    await form.get_by_role("button", name="Edit as JSON").click()
    await expect(form.get_by_role("textbox")).to_have_value('{\n  "status": "no"\n}')
    if javascript:
        edit = form.get_by_role("button", name="Edit as fields")
        await expect(edit).to_be_focused()
        await form.get_by_role("textbox").fill('{"status": ')
        await form.get_by_role("button", name="Run").click()
        await expect(form.get_by_role("textbox")).to_have_attribute(
            "aria-invalid", "true"
        )
        await expect(form.get_by_role("textbox")).to_be_focused()
        await form.get_by_role("textbox").fill('{"status": "no"}')
    await form.get_by_role("button", name="Edit as fields").click()
    await expect(form.get_by_label("status")).to_have_value("no")
    await form.get_by_role("button", name="Run").click()
    await expect(form.get_by_label("status")).to_have_attribute("aria-invalid", "true")
    await expect(form.get_by_label("status")).to_have_value("no")
    if javascript:
        await expect(form.get_by_label("status")).to_be_focused()
        await assert_accessible(page)
    await form.get_by_label("status").fill("failed")
    await form.get_by_role("button", name="Run").click()
    await expect(form).to_have_count(0)
    await request.arefresh_from_db()
    assert request.state != "pending"


async def test_a_conversation_is_renamed_and_deleted_in_dialogs(
    page: Page, one: Conversation
) -> None:
    await opened(page, one)
    more = page.get_by_label("More: rename, export, delete")
    await more.click()
    await page.get_by_role("link", name="Rename").click()
    dialog = page.get_by_role("dialog", name="Rename this conversation")
    await expect(dialog.get_by_label("Name")).to_be_focused()
    await dialog.get_by_label("Name").fill(" ")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_text("A conversation needs a name.")).to_be_visible()
    await assert_accessible(page)
    await dialog.get_by_label("Name").fill("Payouts")
    await page.keyboard.press("Enter")
    await expect(
        page.get_by_role("heading", name="Conversation: Payouts")
    ).to_be_visible()
    await more.click()
    await page.get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete “Payouts”?")
    await expect(dialog.get_by_role("link", name="Keep it")).to_be_focused()
    await dialog.get_by_role("button", name="Delete conversation").click()
    messages = page.get_by_role("region", name="Messages")
    await expect(messages.get_by_text("“Payouts” was deleted.")).to_be_visible()
    await expect(page).to_have_url("/chat")


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (390, False), (320, True)])
async def test_every_part_fits_and_can_be_read(
    open_page: OpenPage, alice: User, one: Conversation, width: int, dark: bool
) -> None:
    def fill() -> None:
        turn = threads.turn(one, text="A" * 300)
        long = {"word": "B" * 500, "list": ["C" * 200]}
        happen(
            turn,
            ("notice", {"level": "direct", "text": "D" * 100}),
            ("notice", {"level": "review", "text": "E" * 100, "link": "/connectors"}),
            started(tool="F" * 100, label=f"{'G' * 100}: x", arguments=long),
            finished(summary="H" * 200),
            text(
                "I" * 300
                + "\n\n```\n"
                + "J" * 300
                + "\n```\n\n| K |\n|-|\n|"
                + "L" * 300
            ),
            asked("k2", arguments=long, question="M" * 100),
            ("input", {**threads.call("k3"), "input_id": 1, "schema": {}}),
            done("failed", "It failed."),
            state=TurnState.FAILED,
        )

    await sync_to_async(fill)()
    page = await open_page(user=alice, width=width, dark=dark)
    thread = await opened(page, one)
    await thread.locator(".receipt summary").click()
    await expect(thread.get_by_role("button", name="Retry")).to_be_visible()
    await assert_fits(page)
    await assert_accessible(page)
