"""Tools of the installation: connected, picked, approved, disconnected."""

import json

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Locator, Page, expect
from pytest_django import Settings

from accounts.models import User
from agent import consumers
from agent.tests import boxes
from agent.tests.composer_pages import box_of, chip_of, menu_of, menu_opened
from agent.tests.fake_llm import FakeLlm
from config.tests.browser import OpenPage, Watch
from config.tests.journeys.walking import assert_good, button, card, heading
from connectors.models import ToolCall
from connectors.tests import rows
from demo.google.running import RunningGoogle

# A test's first answer waits for imports.
SLOW_MS = 20_000
MAIL = {
    "to": ["john@example.com"],
    "subject": "The plan",
    "body": "Here is the plan.\n\nAlice",
}
WORDS = f"Send this to john@example.com: call gmail__send {json.dumps(MAIL)}"


@pytest.fixture(autouse=True)
def _installation(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # Let the live server start although connectors may reach this machine.
    settings.EGRESS_ALLOW_IN_PRODUCTION = True
    settings.LLM_MODEL = ""
    monkeypatch.setattr(consumers, "IDLE_S", 0.2)


@pytest.fixture
def google_there(google: RunningGoogle, watch: Watch) -> RunningGoogle:
    """Let pages lead to Google, which has no icon."""
    watch.allow(f"asked somebody else: {google.url}")
    watch.allow(f"{google.url}/favicon.ico")
    return google


async def connect_gmail(page: Page) -> None:
    """Connect it from the list, by the page that asks and by Google's own."""
    await page.goto("/system-tools")
    await card(page, "Gmail").get_by_role("link", name="Connect Gmail").click()
    await expect(heading(page, "Connect Gmail")).to_be_visible()
    await expect(
        page.get_by_text("Send a mail. You are asked each time")
    ).to_be_visible()
    await assert_good(page)
    await page.get_by_role("link", name="Continue to Gmail").click()
    await button(page, "Continue").click()
    await expect(heading(page, "Connected Successfully!")).to_be_visible()
    await assert_good(page)


async def send(page: Page, text: str) -> Locator:
    """Send what is written; return the thread."""
    await box_of(page).fill(text)
    await button(page, "Send").click()
    await page.wait_for_url("**/chat/*")
    return page.get_by_role("log", name="Messages")


@pytest.fixture
def model(llm: FakeLlm, _installation: None, settings: Settings) -> FakeLlm:
    settings.LLM_MODEL = "obey"
    return llm


async def test_from_googles_consent_to_a_mail_that_was_approved(
    page: Page, google_there: RunningGoogle, model: FakeLlm
) -> None:
    await connect_gmail(page)
    await page.get_by_role("link", name="Start Chat").click()
    await expect(chip_of(page)).to_have_text("Any Gmail tool")
    thread = await send(page, WORDS)
    ask = thread.get_by_role("region", name="Send a mail with Gmail?")
    await expect(ask).to_be_visible(timeout=SLOW_MS)
    for shown in ("john@example.com", "The plan", "Here is the plan."):
        await expect(ask.get_by_text(shown).first).to_be_visible()
    assert not google_there.sent
    await assert_good(page)
    await button(ask, "Allow once").click()
    await expect(thread.get_by_text("You allowed this once")).to_be_attached()
    await expect(thread.get_by_text("Done:")).to_be_visible(timeout=SLOW_MS)
    (sent,) = google_there.sent
    assert sent.header("To") == "john@example.com"
    await assert_good(page)
    await _disconnects(page, google_there)


async def _disconnects(page: Page, google: RunningGoogle) -> None:
    await page.goto("/system-tools/gmail")
    await page.get_by_role("link", name="Disconnect").click()
    dialog = page.get_by_role("dialog")
    await expect(heading(dialog, "Disconnect Gmail?")).to_be_visible()
    await button(dialog, "Disconnect").click()
    await expect(page.get_by_text("Available").first).to_be_visible()
    await assert_good(page)
    assert google.revocations[0]["outcome"] == "ok"


async def test_a_pick_waits_for_google_in_a_tab_of_its_own(
    page: Page, alice: User, google_there: RunningGoogle
) -> None:
    await page.goto("/chat")
    thread = await send(page, "[TOOL:gmail] in:inbox")
    ask = thread.get_by_role("region", name="Gmail needs you to sign in")
    await expect(ask).to_be_visible(timeout=SLOW_MS)
    async with page.context.expect_page() as opened:
        await ask.get_by_role("link", name="Continue to Gmail").click()
    tab = await opened.value
    await tab.get_by_role("link", name="Continue to Gmail").click()
    await tab.get_by_role("button", name="Continue").click()
    await expect(thread.get_by_text("You signed in")).to_be_visible(timeout=SLOW_MS)


async def test_a_question_about_ones_own_calls(page: Page, alice: User) -> None:
    await sync_to_async(rows.connector)(alice)
    await page.goto("/system-tools")
    await assert_good(page)
    one = card(page, "Analytics")
    await button(one, "Connect Analytics").click()
    # The card alone changes, and is where it was.
    go_on = one.get_by_role("link", name="Use in chat")
    await expect(go_on).to_be_focused()
    await expect(one.get_by_text("Connected")).to_be_visible()
    await go_on.click()
    await expect(chip_of(page)).to_have_text("Any Analytics tool")
    await page.wait_for_load_state()
    menu = await menu_opened(page)
    await expect(menu.get_by_text("System tools")).to_be_visible()
    await expect(menu.get_by_text("Coming soon").first).to_be_visible()
    await assert_good(page)
    await menu_of(page).get_by_role("button", name="Which of my tools failed").click()
    thread = await send(page, "Which of my tools failed this week?")
    receipt = thread.locator("details.receipt", has_text="failures")
    await expect(receipt).to_be_visible(timeout=SLOW_MS)
    await assert_good(page)
    call = await sync_to_async(ToolCall.objects.get)()
    assert (call.source, call.tool, call.outcome) == ("system", "failures", "ok")


async def test_a_conversation_as_a_file(page: Page, alice: User) -> None:
    await sync_to_async(boxes.connect)(alice, "export")
    await page.goto("/chat?pick=system_tool:export:conversation")
    thread = await send(page, "{}")
    receipt = thread.locator("details.receipt", has_text="conversation")
    await expect(receipt).to_be_visible(timeout=SLOW_MS)
    # Open already: what was made is what the person wants.
    await expect(receipt.locator("a[href^='/exports/']").first).to_be_visible()
    await assert_good(page)


@pytest.mark.usefixtures("sample_tools")
async def test_all_of_it_works_without_scripts(
    open_page: OpenPage, alice: User
) -> None:
    page = await open_page(user=alice, javascript=False)
    await page.goto("/system-tools")
    await card(page, "Weather").get_by_role("link", name="Connect Weather").click()
    await page.get_by_role("textbox", name="town").fill("Ulm")
    await page.get_by_role("textbox", name="key").fill("k3ys")
    await button(page, "Connect Weather").click()
    await expect(page.get_by_text("Weather is connected.")).to_be_visible()
    await page.get_by_role("link", name="Disconnect").click()
    await button(page, "Disconnect").click()
    await expect(page.get_by_text("Weather is disconnected.")).to_be_visible()
    await page.goto("/system-tools")
    await button(card(page, "Diary"), "Connect Diary").click()
    await expect(page.get_by_text("Diary is connected.")).to_be_visible()


@pytest.mark.usefixtures("sample_tools")
@pytest.mark.parametrize("path", ["", "/diary", "/weather/config", "/letters/sign-in"])
@pytest.mark.parametrize("look", ["light", "dark", "phone"])
async def test_the_pages_fit_and_can_be_read(
    open_page: OpenPage, alice: User, path: str, look: str
) -> None:
    await sync_to_async(boxes.connect)(alice, "diary")
    size = {"width": 390, "height": 844} if look == "phone" else {}
    page = await open_page(user=alice, dark=look == "dark", **size)
    await page.goto(f"/system-tools{path}")
    await assert_good(page)
