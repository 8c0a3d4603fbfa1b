"""Somebody asks, looks at what was done, allows it, takes it along, and deletes it.

In Direct mode, with the bundled notes server, through every part of the chat.
"""

import json

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Locator, Page, expect
from pytest_django import Settings

from accounts.models import User
from agent.models import Conversation, ToolSetting
from config.tests.browser import OpenPage, assert_accessible, assert_fits
from config.tests.live import LiveServer
from connectors.models import Outcome, ToolCall, UserMCPConnection
from connectors.tests import verbs
from demo.fixtures import DemoServer

WORDS = "what changed in the notes last week?"


@pytest.fixture(autouse=True)
def _installation(settings: Settings, allow_loopback: None) -> None:
    # Only in development may connectors reach the servers of a test.
    settings.DEVELOPMENT = True
    settings.RETRY_DELAY_S = 0


@pytest.fixture
def notes(
    live_server_asgi: LiveServer, alice: User, notes_server: DemoServer
) -> UserMCPConnection:
    return verbs.add(alice, notes_server.url, "Notes")


def message(page: Page) -> Locator:
    return page.get_by_label("Message", exact=True)


async def say(page: Page, words: str) -> Locator:
    """Send a message; return the thread."""
    await message(page).fill(words)
    await message(page).press("Enter")
    thread = page.get_by_role("log", name="Messages")
    await expect(thread.get_by_role("paragraph").get_by_text(words)).to_be_visible()
    return thread


async def answered(page: Page) -> None:
    state = page.locator("#composer-turn")
    await expect(state).to_have_attribute("data-state", "idle")


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_question_is_answered_by_the_picked_tool(
    open_page: OpenPage, alice: User, notes: UserMCPConnection, width: int
) -> None:
    page = await open_page(user=alice, width=width, height=844)
    await page.goto(f"/chat?pick=connector_tool:{notes.pk}:search_notes")
    thread = await say(page, WORDS)
    await expect(page.get_by_role("heading", level=1)).to_contain_text(WORDS)
    receipt = thread.locator(".receipt")
    await expect(receipt.get_by_text("Notes ·")).to_be_visible()
    await answered(page)
    await receipt.locator("summary").click()
    await expect(receipt.get_by_text(WORDS)).to_be_visible()
    await expect(receipt.get_by_text("this tool only reads")).to_be_visible()
    await assert_fits(page)
    await assert_accessible(page)
    await receipt.get_by_role("link", name="Recorded call").click()
    call = await ToolCall.objects.aget()
    title = f"Recorded call {call.pk}"
    await expect(page.get_by_role("heading", name=title)).to_be_visible()
    await expect(page.get_by_role("definition").get_by_text(WORDS)).to_be_visible()
    await assert_fits(page)
    await assert_accessible(page)


async def test_what_changes_things_runs_once_it_is_allowed(
    page: Page, notes: UserMCPConnection
) -> None:
    await page.goto(f"/chat?pick=connector_tool:{notes.pk}:delete_note")
    thread = await say(page, "N-1")
    allow = thread.get_by_role("button", name="Allow once")
    await expect(allow).to_be_visible()
    assert not await ToolCall.objects.aexists()
    await allow.dblclick()
    await answered(page)
    await expect(message(page)).to_be_focused()
    await expect(allow).to_have_count(0)
    await thread.locator(".receipt summary").click()
    await expect(thread.get_by_text("You allowed this once")).to_be_visible()
    call = await ToolCall.objects.aget()
    assert (call.tool, call.via) == ("delete_note", "chat")
    assert call.outcome in {Outcome.OK, Outcome.TOOL_ERROR}
    assert not await ToolSetting.objects.filter(policy="allow").aexists()


async def test_without_a_script_every_step_is_a_page(
    open_page: OpenPage, alice: User, notes: UserMCPConnection
) -> None:
    page = await open_page(user=alice, javascript=False)
    await page.goto("/")
    await expect(page).to_have_url("/chat")
    await message(page).fill("[TOOL:notes__delete_note] N-1")
    await page.get_by_role("button", name="Send").click()
    await _reload_until(page, page.get_by_role("button", name="Always allow"))
    await page.get_by_role("button", name="Always allow this tool").click()
    await _reload_until(page, page.locator(".answer"))
    assert await ToolSetting.objects.filter(policy="allow").acount() == 1
    await page.get_by_label("More: rename, export, delete").click()
    await page.get_by_role("link", name="Rename").click()
    await page.get_by_label("Name").fill("Tidying up")
    await page.get_by_role("button", name="Rename").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Tidying up")
    await page.get_by_label("More: rename, export, delete").click()
    await page.get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Delete conversation").click()
    await expect(page).to_have_url("/chat")
    assert not await Conversation.objects.aexists()
    assert await ToolCall.objects.acount() == 1


async def test_what_failed_is_tried_again_and_the_question_is_kept(
    page: Page, notes: UserMCPConnection, settings: Settings, closed_url: str
) -> None:
    settings.LLM_BASE_URL, settings.LLM_API_KEY = closed_url, "k"
    settings.LLM_MODEL = "qwen3-32b"
    await page.goto("/chat")
    await expect(page.get_by_text("qwen3-32b")).to_be_visible()
    thread = await say(page, WORDS)
    sentence = thread.get_by_text("The language model cannot be reached")
    await expect(sentence).to_be_visible()
    await assert_accessible(page)
    # As if the operator had put it right by taking it away.
    settings.LLM_MODEL = ""
    await thread.get_by_role("button", name="Retry").click()
    await expect(thread.get_by_text("Direct mode", exact=True)).to_be_visible()
    await expect(sentence).to_have_count(0)
    await expect(thread.get_by_text(WORDS)).to_have_count(1)
    tool = thread.get_by_role("link", name="Notes: Search notes")
    await tool.click()
    await expect(page.locator("#picked").get_by_text("Notes: Search")).to_be_visible()


async def _reload_until(page: Page, place: Locator) -> None:
    for _ in range(20):
        if await place.count():
            return
        reload = page.get_by_role("link", name="Reload to see how far it is")
        if await reload.count():
            await reload.click()
        await page.reload()
    raise AssertionError(await page.content())


async def test_a_conversation_is_saved_as_a_file(
    page: Page, notes: UserMCPConnection
) -> None:
    await page.goto(f"/chat?pick=connector_tool:{notes.pk}:search_notes")
    await say(page, WORDS)
    await answered(page)
    await page.get_by_label("More: rename, export, delete").click()
    async with page.expect_download() as saving:
        await page.get_by_role("link", name="Export as JSON").click()
    download = await saving.value
    assert download.suggested_filename == "what-changed-in-the-notes-last-week.json"
    path = await download.path()
    written = json.loads(await sync_to_async(path.read_text)())
    assert written["messages"][0]["text"] == WORDS
    kinds = [part["kind"] for part in written["messages"][1]["parts"]]
    assert kinds == ["notice", "call", "text"]
