"""A newcomer: from the front door to a tool's answer, and back to nothing."""

from playwright.async_api import Locator, Page, expect

from config.tests.journeys.walking import (
    MARK,
    MARKED,
    assert_closed,
    assert_good,
    button,
    card,
    heading,
    record_steps,
    recorded_steps,
    save_button,
    try_the_demo,
)
from connectors.models import UserMCPConnection


async def test_from_the_front_door_to_a_tool_and_back(signed_out_page: Page) -> None:
    page = signed_out_page
    await page.goto("/")
    await assert_good(page)
    await try_the_demo(page)
    await assert_good(page)
    await page.evaluate(MARK)
    await _connects_notes(page)
    await _runs_what_is_offered(page)
    assert await page.evaluate(MARKED), "the page was loaded again"
    await _pauses_and_resumes(page)
    await _deletes(page)


async def _connects_notes(page: Page) -> None:
    await page.get_by_role("link", name="Connect Notes").click()
    dialog = page.get_by_role("dialog", name="Add connector")
    await expect(button(dialog, "Test connection")).to_be_focused()
    await expect(save_button(dialog)).to_have_attribute("aria-disabled", "true")
    await assert_good(page)
    await record_steps(page)
    await button(dialog, "Test connection").click()
    await expect(save_button(dialog)).to_be_focused()
    await expect(save_button(dialog)).not_to_have_attribute("aria-disabled", "true")
    await expect(dialog.get_by_text("Connected. 10 tools found.")).to_be_visible()
    await _ticked(page, dialog)
    await assert_good(page)
    await save_button(dialog).click()
    await expect(heading(page, "Notes is connected")).to_be_visible()


async def _ticked(page: Page, dialog: Locator) -> None:
    said = await recorded_steps(page)
    for number in range(1, 7):
        assert any(text.startswith(f"Step {number} of 6.") for text in said), said
    await dialog.get_by_text("Show the steps and the transcript").click()
    await expect(dialog.locator(".steps .done")).to_have_count(6)


async def _runs_what_is_offered(page: Page) -> None:
    dialog = page.get_by_role("dialog", name="Notes is connected")
    await expect(heading(dialog, "Run search_notes")).to_be_visible()
    await expect(button(dialog, "Run")).to_be_focused()
    assert await dialog.get_by_label("query").input_value()
    await assert_good(page)
    await page.keyboard.press("Enter")
    result = dialog.locator("#run-result")
    await expect(result.get_by_text("Answered", exact=True)).to_be_visible()
    await expect(result.get_by_role("group", name="Show the result as")).to_be_visible()
    await assert_good(page)
    await dialog.get_by_role("link", name="Done").click()
    await assert_closed(page)
    await expect(card(page, "Notes").get_by_text("Ready")).to_be_visible()
    await expect(page.get_by_role("link", name="Notes", exact=True)).to_be_focused()
    await assert_good(page)


async def _pauses_and_resumes(page: Page) -> None:
    await page.get_by_role("link", name="Notes", exact=True).click()
    await expect(heading(page, "10 tools")).to_be_visible()
    await assert_good(page)
    await button(page, "Pause").click()
    await expect(page.locator("#header").get_by_text("Paused by you")).to_be_visible()
    await assert_good(page)
    await button(page, "Resume").click()
    await expect(page.locator("#header").get_by_text("Ready")).to_be_visible()


async def _deletes(page: Page) -> None:
    await page.get_by_role("link", name="Delete Notes").click()
    dialog = page.get_by_role("dialog", name="Delete Notes?")
    await expect(dialog.get_by_role("link", name="Keep it")).to_be_focused()
    await assert_good(page)
    await button(dialog, "Delete connector").click()
    await expect(heading(page, "Nothing is plugged in yet")).to_be_visible()
    await assert_good(page)
    assert not await UserMCPConnection.objects.aexists()
