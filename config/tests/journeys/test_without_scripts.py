"""Everything that a newcomer does, as full pages, in a browser without scripts."""

from playwright.async_api import Page, expect

from config.tests.browser import OpenPage
from config.tests.journeys.walking import (
    button,
    heading,
    save_button,
    saved,
    try_the_demo,
    url_field,
)
from connectors.models import UserMCPConnection
from demo.fixtures import DemoServer
from demo.hostile import Hostile


async def test_the_whole_journey_needs_no_scripts(open_page: OpenPage) -> None:
    page = await open_page(javascript=False)
    await try_the_demo(page)
    await _connects(page)
    await _runs(page)
    await _pauses_and_resumes(page)
    await _deletes(page)


async def _connects(page: Page) -> None:
    await page.get_by_role("link", name="Connect Notes").click()
    await expect(heading(page, "Add connector")).to_be_visible()
    await button(page, "Test connection").click()
    await expect(page.get_by_text("Connected. 10 tools found.")).to_be_visible()
    await save_button(page).click()
    await expect(page.get_by_text("Notes was saved.")).to_be_visible()


async def _runs(page: Page) -> None:
    await expect(heading(page, "Run search_notes")).to_be_visible()
    await button(page, "Run").last.click()
    result = page.locator("#run-result")
    await expect(result.get_by_text("Answered", exact=True)).to_be_visible()
    await result.get_by_role("radio", name="Table").check()
    await expect(result.get_by_role("table")).to_be_visible()
    await button(page, "Show as curl").click()
    await expect(result.get_by_text("curl ").first).to_be_visible()


async def _pauses_and_resumes(page: Page) -> None:
    await page.get_by_role("link", name="Notes", exact=True).click()
    await button(page, "Pause").click()
    await expect(page.locator("#header").get_by_text("Paused by you")).to_be_visible()
    await button(page, "Resume").click()
    await expect(page.locator("#header").get_by_text("Ready")).to_be_visible()
    await button(page, "Test again").click()
    await expect(page.locator("#history").get_by_text("Passed")).to_have_count(2)


async def _deletes(page: Page) -> None:
    await page.get_by_role("link", name="Delete Notes").click()
    await expect(heading(page, "Delete Notes?")).to_be_visible()
    await button(page, "Delete connector").click()
    await expect(heading(page, "Nothing is plugged in yet")).to_be_visible()
    assert not await UserMCPConnection.objects.aexists()


async def test_a_fix_and_a_token_are_pages_too(
    open_page: OpenPage, company_site: Hostile, token_server: DemoServer
) -> None:
    page = await open_page(javascript=False)
    await try_the_demo(page)
    await page.goto("/connectors/add")
    await url_field(page).fill(company_site.url(""))
    await button(page, "Test connection").click()
    await expect(page.get_by_text("INVALID_MCP_SERVER", exact=True)).to_be_visible()
    await button(page, "Try …/mcp").click()
    await expect(url_field(page)).to_have_value(company_site.url("mcp"))
    await url_field(page).fill(token_server.url)
    await button(page, "Test again").click()
    await expect(page.get_by_text("AUTH_REQUIRED", exact=True)).to_be_visible()
    await button(page, "Add a token").click()
    await page.get_by_label("Bearer token").fill(token_server.token)
    await button(page, "Test connection").click()
    await expect(page.get_by_text("Connected. 2 tools found.")).to_be_visible()
    assert token_server.token not in await page.content()
    await save_button(page).click()
    await expect(heading(page, "Run latest_release")).to_be_visible()
    assert (await saved()).auth_type == "api_key"
