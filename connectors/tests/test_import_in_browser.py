"""Import a file in a real browser: read, test live, fill in, save."""

import json
from typing import Any

import pytest
from playwright.async_api import FilePayload, Locator, Page, expect
from pytest_django import Settings

from accounts.models import User
from config.tests.browser import OpenPage, assert_accessible, assert_fits
from connectors.models import UserMCPConnection
from connectors.tests.gate import gate
from demo.fixtures import DemoServer
from demo.hostile import Hostile

pytestmark = pytest.mark.usefixtures("dialling")


@pytest.fixture
def dialling(allow_loopback: None, settings: Settings) -> None:
    """Let the live server start although connectors may reach this machine."""
    settings.EGRESS_ALLOW_IN_PRODUCTION = True


def row(page: Page, number: int) -> Locator:
    return page.locator(f"#row-{number}")


async def chosen_file(page: Page, entries: dict[str, Any]) -> None:
    """Choose a file with these servers, and have it read."""
    await page.goto("/connectors/import")
    content = json.dumps({"servers": entries}).encode()
    file = FilePayload(name="mcp.json", mimeType="application/json", buffer=content)
    await page.get_by_label("File", exact=True).set_input_files(file)
    await page.get_by_role("button", name="Read it").click()
    await expect(page.get_by_role("button", name="Test all")).to_be_visible()


async def test_a_file_is_tested_live_completed_and_saved(
    page: Page, alice: User, hostile: Hostile, token_server: DemoServer
) -> None:
    placeholder = {"Authorization": "Bearer ${input:token}"}
    await chosen_file(
        page,
        {
            "Good": {"url": hostile.url("good")},
            "Releases": {"url": token_server.url, "headers": placeholder},
            "Page": {"url": hostile.url("html")},
            "Files": {"command": "npx", "args": ["files"]},
        },
    )
    await expect(page.get_by_text("STDIO_SERVER")).to_be_visible()
    token = page.get_by_label("Bearer token of Releases")
    await token.fill(token_server.token)
    await page.get_by_role("button", name="Test all").click()
    await expect(page.get_by_text("3 of 3 tested, 2 passed.")).to_be_visible()
    await expect(row(page, 0).get_by_text("Connected.")).to_be_visible()
    await expect(row(page, 2).get_by_text("INVALID_MCP_SERVER")).to_be_visible()
    await expect(token).to_have_value(token_server.token)
    await assert_accessible(page)
    await row(page, 2).get_by_role("checkbox").uncheck()
    await page.get_by_role("button", name="Save chosen").click()
    await expect(page.get_by_text("Good, Releases were saved.").first).to_be_visible()
    await expect(page).to_have_url("/connectors")
    assert await UserMCPConnection.objects.acount() == 2


async def test_what_cannot_be_read_stays_as_it_was_pasted(page: Page) -> None:
    await page.goto("/connectors/import")
    text = page.get_by_label("Or paste it")
    await text.fill('{\n"servers": nothing}')
    await page.get_by_role("button", name="Read it").click()
    await expect(page.get_by_text("line 2")).to_be_visible()
    await expect(text).to_have_value('{\n"servers": nothing}')
    await assert_accessible(page)
    await text.fill('{"servers": {"a": {"url": "https://a.example/mcp"}}}')
    await page.get_by_role("button", name="Read it").click()
    await expect(page.get_by_text("1 can be imported")).to_be_visible()


async def test_tests_can_be_stopped(page: Page) -> None:
    with gate("tools/list") as server:
        await chosen_file(page, {"Slow": {"url": server.url}})
        await page.get_by_role("button", name="Test all").click()
        await server.reached()
        await expect(row(page, 0).get_by_text("Testing…")).to_be_visible()
        await page.get_by_role("button", name="Stop the tests").click()
        await expect(page.get_by_text("The tests were stopped.")).to_be_visible()
        await expect(row(page, 0).get_by_text("Not tested yet")).to_be_visible()


async def test_a_row_that_fails_to_be_saved_says_why_and_the_others_go(
    page: Page, hostile: Hostile
) -> None:
    await chosen_file(
        page, {"Good": {"url": hostile.url("good")}, "Bad": {"url": hostile.url("500")}}
    )
    await page.get_by_role("button", name="Save chosen").click()
    notice = page.get_by_role("alert").filter(has_text="1 of 2 could not be saved.")
    await expect(notice).to_be_focused()
    await expect(page.get_by_text("Good was saved.").first).to_be_visible()
    await expect(row(page, 1).get_by_text("SERVER_ERROR")).to_be_visible()
    await expect(row(page, 0)).to_have_count(0)


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (390, False)])
async def test_it_fits_and_can_be_used_by_all(
    open_page: OpenPage, alice: User, hostile: Hostile, width: int, dark: bool
) -> None:
    page = await open_page(user=alice, width=width, dark=dark)
    await page.goto("/connectors/import")
    await assert_fits(page)
    await assert_accessible(page)
    long = "https://" + "a" * 60 + ".example/" + "b" * 200
    await chosen_file(
        page,
        {
            "Good": {"url": hostile.url("good")},
            "W" * 100: {"url": long, "headers": {"X-Key": "${KEY}", "Host": "x"}},
            "Token": {"url": hostile.url("401")},
            "Files": {"command": "npx"},
        },
    )
    await row(page, 2).get_by_role("button", name="Test").click()
    await expect(row(page, 2).get_by_text("AUTH_REQUIRED")).to_be_visible()
    await assert_fits(page)
    await assert_accessible(page)
    await page.get_by_role("button", name="Save chosen").click()
    await expect(page.get_by_text("Good was saved.").first).to_be_visible()
    await page.goto("/connectors/export")
    await assert_fits(page)
    await assert_accessible(page)
    await page.goto("/connectors")
    await page.get_by_label("Import and export").click()
    await assert_fits(page)
    await assert_accessible(page)
