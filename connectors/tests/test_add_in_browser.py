"""The form that adds a connector in a real browser: what only its scripts do."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Locator, Page, expect
from pytest_django import Settings

from accounts.models import User
from config.tests.browser import OpenPage, assert_accessible, assert_fits
from connectors.models import UserMCPConnection
from connectors.tests import rows
from connectors.tests.add_pages import SECRET
from connectors.tests.gate import gate
from demo.fixtures import DemoServer
from demo.hostile import Hostile

pytestmark = pytest.mark.usefixtures("dialling")


@pytest.fixture
def dialling(allow_loopback: None, settings: Settings) -> None:
    """Let the live server start although connectors may reach this machine."""
    settings.EGRESS_ALLOW_IN_PRODUCTION = True


def url_of(page: Page) -> Locator:
    return page.get_by_label("Server URL")


def save_of(page: Page) -> Locator:
    return page.get_by_role("button", name="Save connector")


def card_of(page: Page, name: str) -> Locator:
    return page.locator("#overview article", has_text=name)


async def opened(page: Page) -> None:
    await page.goto("/connectors")
    await page.locator('[hx-get="/connectors/add"]').first.click()
    await expect(url_of(page)).to_be_focused()


async def passed(page: Page, text: str) -> None:
    """Paste, test, and wait for the success."""
    await url_of(page).fill(text)
    await url_of(page).press("Enter")
    await expect(save_of(page)).to_be_focused()
    await expect(save_of(page)).not_to_have_attribute("aria-disabled", "true")


async def ticket(page: Page) -> str:
    return await page.locator("[name=test_ticket]").input_value()


@pytest.mark.parametrize("change", ["url", "kind", "token"])
async def test_what_was_not_tested_cannot_be_saved(
    page: Page, token_server: DemoServer, change: str
) -> None:
    await opened(page)
    await page.get_by_role("radio", name="Token").check(force=True)
    await page.get_by_label("Bearer token").fill(token_server.token)
    await passed(page, token_server.url)
    await page.get_by_label("Name", exact=True).fill("A name is not tested")
    assert await ticket(page)
    match change:
        case "url":
            await url_of(page).press("x")
        case "kind":
            await page.get_by_role("radio", name="Detect").check(force=True)
        case "token":
            await page.get_by_label("Bearer token").fill("another")
    await expect(save_of(page)).to_have_attribute("aria-disabled", "true")
    await expect(page.get_by_text("Changed since the test.")).to_be_visible()
    assert not await ticket(page)
    await save_of(page).press("Enter")
    await expect(page.get_by_text("Test the connection first.")).to_be_visible()
    assert not await UserMCPConnection.objects.aexists()


async def test_a_name_that_is_typed_during_the_test_stays(page: Page) -> None:
    with gate("tools/list") as server:
        await opened(page)
        await url_of(page).fill(server.url)
        await url_of(page).press("Enter")
        await server.reached()
        name = page.get_by_label("Name", exact=True)
        await expect(name).to_have_value("127.0.0.1")
        await name.fill("Mine")
        server.open()
        await expect(save_of(page)).not_to_have_attribute("aria-disabled", "true")
        await expect(name).to_have_value("Mine")


async def test_what_was_pasted_fills_the_form_and_its_secret_is_nowhere(
    page: Page, token_server: DemoServer, alice: User
) -> None:
    await opened(page)
    header = f"Authorization: Bearer {token_server.token}"
    await passed(page, f"curl -s {token_server.url} \\  -H '{header}' -d '{{}}'")
    await expect(url_of(page)).to_have_value(token_server.url)
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Releases")
    await expect(page.get_by_role("radio", name="Token")).to_be_checked()
    await expect(page.get_by_label("Bearer token")).to_have_value("")
    assert token_server.token not in await page.content()
    await assert_accessible(page)
    await save_of(page).press("Enter")
    await expect(card_of(page, "Releases")).to_be_visible()
    row = await UserMCPConnection.objects.aget(user=alice)
    assert row.auth_config is not None
    assert row.auth_config.open() == {"token": token_server.token}


async def test_what_cannot_be_understood_stays_as_it_was_typed(page: Page) -> None:
    entry = {"command": "npx", "env": {"KEY": SECRET}}
    pasted = json.dumps({"mcpServers": {"local": entry}})
    await opened(page)
    await page.get_by_label("Name", exact=True).fill("Mine")
    await page.get_by_role("radio", name="Token").check(force=True)
    await page.get_by_label("Bearer token").fill("typed")
    await url_of(page).fill(pasted)
    await url_of(page).press("Enter")
    await expect(page.get_by_text("(stdio)")).to_be_visible()
    await expect(url_of(page)).to_be_focused()
    await expect(url_of(page)).to_have_value(pasted)
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Mine")
    await expect(page.get_by_label("Bearer token")).to_have_value("typed")
    await assert_accessible(page)


async def test_a_placeholder_opens_the_field_of_the_token(
    page: Page, token_server: DemoServer
) -> None:
    headers = {"Authorization": "Bearer ${input:token}"}
    entry: dict[str, Any] = {"url": token_server.url, "headers": headers}
    await opened(page)
    await url_of(page).fill(json.dumps({"servers": {"rel": entry}}))
    await url_of(page).press("Enter")
    token = page.get_by_label("Bearer token")
    await expect(token).to_be_focused()
    await token.fill(token_server.token)
    await token.press("Enter")
    await expect(save_of(page)).to_be_focused()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("rel")


async def test_a_name_that_is_taken_leaves_the_result_where_it_is(
    page: Page, hostile: Hostile, alice: User
) -> None:
    await sync_to_async(rows.connector)(alice, name="Taken")
    await opened(page)
    await passed(page, hostile.url("good"))
    name = page.get_by_label("Name", exact=True)
    await name.fill("taken")
    await save_of(page).click()
    await expect(page.get_by_text("already have a connector with this")).to_be_visible()
    await expect(name).to_be_focused()
    await expect(page.locator("#add-result", has_text="Connected.")).to_be_visible()
    await name.fill("Free")
    await save_of(page).click()
    await expect(card_of(page, "Free")).to_be_visible()


async def test_a_save_that_is_pressed_twice_saves_one(
    page: Page, hostile: Hostile
) -> None:
    await opened(page)
    await passed(page, hostile.url("good"))
    await save_of(page).dblclick()
    await expect(page.locator("#overview article")).to_have_count(1)
    assert await UserMCPConnection.objects.acount() == 1


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (390, False), (320, True)])
async def test_every_phase_fits_and_can_be_used_by_all(
    open_page: OpenPage, alice: User, hostile: Hostile, width: int, dark: bool
) -> None:
    page = await open_page(user=alice, width=width, dark=dark)
    await opened(page)
    for path, said in [
        ("html", "INVALID_MCP_SERVER"),
        ("401", "AUTH_REQUIRED"),
        ("empty-list", "NO_TOOLS"),
        ("hostile-texts", "tools found"),
    ]:
        await url_of(page).fill(hostile.url(path))
        await url_of(page).press("Enter")
        result = page.locator("#add-result")
        await expect(result.get_by_text(said).first).to_be_visible()
        for fold in await page.locator("#add-result summary").all():
            await fold.click()
        await assert_fits(page)
        await assert_accessible(page)
