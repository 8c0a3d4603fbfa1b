"""The page of one tool in a real browser: keyboard, progress, views of a result."""

import pytest
from playwright.async_api import Page, expect
from pytest_django import Settings

from accounts.models import User
from config.tests.browser import OpenPage, assert_accessible, assert_fits
from connectors import manager
from connectors.models import Outcome, ToolCall, UserMCPConnection
from demo.fixtures import DemoServer


@pytest.fixture(autouse=True)
def _loopback_first(allow_loopback: None, settings: Settings) -> None:
    """Settle what the live server may dial before it starts."""
    settings.EGRESS_ALLOW_IN_PRODUCTION = True


@pytest.fixture
async def notes(alice: User, notes_server: DemoServer) -> UserMCPConnection:
    return await manager.add(
        user_id=alice.pk, name="Notes", description="", server_url=notes_server.url,
        auth_type="none", auth_config=None,
    )  # fmt: skip


async def go(page: Page, row: UserMCPConnection, tool: str) -> None:
    await page.goto(f"/connectors/{row.pk}/tools/{tool}")


async def run(page: Page) -> None:
    await page.locator("#run-form footer").get_by_role("button", name="Run").click()


async def test_a_slow_tool_shows_how_far_it_is_and_keeps_the_focus(
    page: Page, notes: UserMCPConnection
) -> None:
    await go(page, notes, "slow_report")
    await page.get_by_label("seconds").fill("2")
    await run(page)
    result = page.locator("#run-result")
    await expect(result.get_by_role("progressbar")).to_be_visible()
    await assert_accessible(page)
    await expect(result.locator("#part-1")).to_be_visible()
    await expect(page.locator("#run-form footer button").first).to_be_focused()
    await expect(page.locator("#announcer")).to_contain_text("Answered after")


async def test_who_cancels_is_told_and_can_run_it_again(
    page: Page, notes: UserMCPConnection
) -> None:
    await go(page, notes, "slow_report")
    await page.get_by_label("seconds").fill("20")
    await run(page)
    result = page.locator("#run-result")
    await expect(result.get_by_role("progressbar")).to_be_visible()
    cancel = result.get_by_role("button", name="Cancel")
    await cancel.focus()
    await page.keyboard.press("Enter")
    await expect(result.get_by_text("You stopped waiting")).to_be_visible()
    await expect(result.locator("[data-first]")).to_be_focused()
    await page.get_by_label("seconds").fill("0")
    await run(page)
    await expect(result.get_by_text("Answered")).to_be_visible()
    outcomes = [call.outcome async for call in ToolCall.objects.order_by("id")]
    assert outcomes == [Outcome.UNKNOWN, Outcome.OK]


async def test_a_tool_that_deletes_is_run_by_two_presses_of_enter(
    page: Page, notes: UserMCPConnection
) -> None:
    await go(page, notes, "delete_note")
    await page.get_by_label("note_id").fill("N-999")
    await page.keyboard.press("Enter")
    sure = page.get_by_role("button", name="Run, it may change things")
    await expect(sure).to_be_focused()
    await assert_accessible(page)
    assert await ToolCall.objects.acount() == 0
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("reported an error")
    assert await ToolCall.objects.acount() == 1


async def test_what_is_wrong_takes_the_focus_and_nothing_is_cleared(
    page: Page, notes: UserMCPConnection
) -> None:
    await go(page, notes, "search_notes")
    await page.get_by_label("query").fill("waiting list")
    await page.get_by_label("limit").fill("99")
    await run(page)
    await expect(page.get_by_label("limit")).to_be_focused()
    await expect(page.get_by_label("query")).to_have_value("waiting list")
    await page.get_by_role("button", name="Edit as JSON").click()
    await expect(page.get_by_role("textbox", name="arguments")).to_have_value(
        '{\n  "query": "waiting list",\n  "limit": 99\n}'
    )


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_a_result_is_looked_at_as_text_as_json_and_as_a_table(
    open_page: OpenPage,
    alice: User,
    notes: UserMCPConnection,
    javascript: bool,
    dark: bool,
) -> None:
    page = await open_page(user=alice, javascript=javascript, dark=dark, width=390)
    await go(page, notes, "search_notes")
    await run(page)
    result = page.locator("#run-result")
    for view, shown in (("JSON", '"total":'), ("Table", "updated"), ("Text", "shown.")):
        await result.get_by_role("radio", name=view).check(force=True)
        await expect(result.locator(f"[data-view={view.lower()}]")).to_be_visible()
        await expect(result.locator("[data-view]:visible")).to_have_count(1)
        await expect(result.locator("[data-view]:visible")).to_contain_text(shown)
        await assert_fits(page)
        if javascript:
            await assert_accessible(page)


async def test_the_command_line_can_be_copied(
    page: Page, notes: UserMCPConnection
) -> None:
    await go(page, notes, "note_stats")
    await page.get_by_role("button", name="Show as curl").click()
    await page.get_by_role("button", name="Copy as curl").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl \\\n")


async def test_a_run_whose_connection_breaks_says_so(
    page: Page, notes: UserMCPConnection
) -> None:
    await go(page, notes, "slow_report")
    await page.get_by_label("seconds").fill("20")
    await run(page)
    await expect(page.get_by_role("progressbar")).to_be_visible()
    await page.evaluate(
        "document.getElementById('run-form').dispatchEvent("
        "new CustomEvent('htmx:sse:error', {bubbles: true}))"
    )
    await expect(page.get_by_role("alert")).to_contain_text("may or may not have")
