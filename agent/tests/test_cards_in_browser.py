"""Cards in Chromium: a sign-in in a tab of its own, and what a server asks."""

import asyncio
from collections.abc import Iterator

import pytest
from playwright.async_api import Locator, Page, expect
from pytest_django import Settings

from accounts.models import User
from agent import consumers
from config.tests.browser import OpenPage, Watch, assert_accessible, assert_fits
from config.tests.live import LiveServer, serve
from connectors.models import UserMCPConnection
from connectors.tests import curious, signing_in, verbs
from demo.authority.running import RunningAuthority

PATIENCE_S = 15


@pytest.fixture(autouse=True)
def _installation(
    settings: Settings, allow_loopback: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Let the live server start although connectors may reach this machine.
    settings.EGRESS_ALLOW_IN_PRODUCTION = True
    settings.LLM_MODEL = ""
    monkeypatch.setattr(consumers, "IDLE_S", 0.2)


@pytest.fixture
def journal(
    live_server_asgi: LiveServer,
    alice: User,
    authority: RunningAuthority,
    watch: Watch,
) -> UserMCPConnection:
    """A connector whose permission was withdrawn."""
    watch.allow(authority.origin)
    row = signing_in.connected(alice, authority)
    authority.withdraw()
    return row


async def ask(page: Page, row: UserMCPConnection, tool: str) -> Locator:
    """Have a tool called without arguments; return the thread."""
    return await say(page, f"[TOOL:{row.slug}__{tool}] {{}}")


async def say(page: Page, text: str) -> Locator:
    await page.goto("/chat")
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url("**/chat/*")
    return page.get_by_role("log", name="Messages")


async def reload_until(page: Page, there: Locator) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await there.count():
            await page.reload()


async def sign_in(tab: Page) -> None:
    """Do in a tab what a person does, up to the answer of the authority."""
    await tab.get_by_role("link", name="Continue to").click()
    await tab.get_by_role("button", name="Allow").click()


async def test_a_call_goes_on_after_a_sign_in_in_another_tab(
    page: Page, authority: RunningAuthority, journal: UserMCPConnection
) -> None:
    thread = await ask(page, journal, "whoami")
    name = f"{journal.name} needs you to sign in again"
    card = thread.get_by_role("region", name=name)
    await expect(card.get_by_text("whoami has not run.")).to_be_visible()
    await assert_accessible(page)
    async with page.context.expect_page() as opened:
        await card.get_by_role("link", name=f"Continue to {journal.name}").click()
    tab = await opened.value
    # It closes itself.
    async with tab.expect_event("close"):
        await sign_in(tab)
    await expect(card).to_have_count(0)
    receipt = thread.locator(".receipt")
    await expect(receipt).to_contain_text("whoami")
    await receipt.locator("summary").click()
    await expect(receipt.get_by_text("Ran after you signed in")).to_be_visible()
    await expect(thread.get_by_text("ada@").first).to_be_visible()
    assert [call["tool"] for call in authority.mcp_calls] == ["whoami"]


async def test_without_a_script_the_page_is_loaded_again(
    open_page: OpenPage,
    alice: User,
    authority: RunningAuthority,
    journal: UserMCPConnection,
) -> None:
    page = await open_page(user=alice, javascript=False)
    thread = await ask(page, journal, "whoami")
    link = thread.get_by_role("link", name="Continue to")
    await reload_until(page, link)
    async with page.context.expect_page() as opened:
        await link.click()
    tab = await opened.value
    await sign_in(tab)
    await expect(tab.get_by_text("Connected Successfully!").first).to_be_visible()
    await page.get_by_role("link", name="Reload after you signed in").click()
    await reload_until(page, page.get_by_text("ada@").first)
    await expect(page.locator(".receipt")).to_contain_text("whoami")
    assert [call["tool"] for call in authority.mcp_calls] == ["whoami"]


async def test_who_declines_is_back_at_the_composer(
    page: Page, journal: UserMCPConnection, authority: RunningAuthority
) -> None:
    thread = await ask(page, journal, "whoami")
    await thread.get_by_role("button", name="Decline").click()
    await expect(thread.get_by_text("You declined, nothing was sent")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_be_focused()
    assert not authority.mcp_calls


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
async def test_a_sign_in_fits_and_can_be_read(
    open_page: OpenPage,
    alice: User,
    journal: UserMCPConnection,
    width: int,
    dark: bool,
) -> None:
    page = await open_page(user=alice, width=width, dark=dark)
    # A call that found it out, and what was picked when it was known.
    for text in ("[TOOL:Journal: Who am I] {}", "[TOOL:Journal] {}"):
        thread = await say(page, text)
        await expect(thread.get_by_role("link", name="Continue to")).to_be_visible()
        await assert_fits(page)
        await assert_accessible(page)


# --- What a server asks -------------------------------------------------------


@pytest.fixture(scope="module")
def curious_url() -> Iterator[str]:
    with serve(curious.build().streamable_http_app()) as server:
        yield f"{server.url}/mcp"


@pytest.fixture
def asking(
    live_server_asgi: LiveServer, alice: User, curious_url: str
) -> UserMCPConnection:
    """A connector whose tools ask the person while the call is open."""
    row = verbs.add(alice, curious_url, "Curious")
    for tool in row.discovered_tools:
        tool["annotations"] = {"readOnlyHint": True}
    row.transport, row.protocol_version = "http", "2025-11-25"
    row.discover_cache = None
    row.save()
    return row


async def test_a_question_is_answered_in_its_place(
    page: Page, asking: UserMCPConnection
) -> None:
    thread = await ask(page, asking, "book")
    form = thread.get_by_role("form", name="Curious asks you something")
    await expect(form.get_by_label("row")).to_have_value("12")
    await expect(thread.get_by_text("Which seat?")).to_be_visible()
    await assert_accessible(page)
    await form.get_by_label("row").fill("no")
    await form.get_by_role("button", name="Send to Curious").click()
    await expect(form.get_by_label("row")).to_have_attribute("aria-invalid", "true")
    await form.get_by_label("row").fill("3")
    await form.get_by_label("window").uncheck()
    await form.get_by_role("button", name="Send to Curious").click()
    await expect(form).to_have_count(0)
    await expect(thread.get_by_text("You answered what it asked")).to_be_visible()
    await expect(thread.locator(".answer")).to_have_text("row 3, window False")


async def test_a_question_that_is_declined_is_told(
    page: Page, asking: UserMCPConnection
) -> None:
    thread = await ask(page, asking, "pay")
    card = thread.get_by_role("region", name="Curious asks you to open a page")
    await expect(card.get_by_text("pay.example.com", exact=True)).to_be_visible()
    link = card.get_by_role("link", name="Open pay.example.com")
    assert await link.get_attribute("href") == curious.PAGE
    await card.get_by_role("button", name="Decline").click()
    await expect(thread.get_by_text("You declined what it asked")).to_be_visible()
    await expect(thread.locator(".answer")).to_have_text("decline")


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (390, False)])
@pytest.mark.parametrize("tool", ["book", "pay"])
async def test_what_a_server_asks_fits_and_can_be_read(
    open_page: OpenPage,
    alice: User,
    asking: UserMCPConnection,
    width: int,
    dark: bool,
    tool: str,
) -> None:
    page = await open_page(user=alice, width=width, dark=dark)
    thread = await ask(page, asking, tool)
    await expect(thread.get_by_role("button", name="Decline")).to_be_visible()
    await assert_fits(page)
    await assert_accessible(page)
    await thread.get_by_role("button", name="Decline").click()
    await expect(thread.get_by_role("button", name="Decline")).to_have_count(0)
