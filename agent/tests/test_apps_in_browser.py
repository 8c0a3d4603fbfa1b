"""The Apps menu in a real browser: found, searched, picked from, left."""

import re
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Locator, Page, expect
from pytest_django import Settings

from accounts.models import User
from agent.tests.composer_pages import (
    apps_button,
    box_of,
    chip_of,
    menu_of,
    menu_opened,
    opened,
    picked,
    search_of,
    tool,
)
from config.tests.browser import OpenPage, Watch, assert_accessible, assert_fits
from connectors.models import UserMCPConnection
from connectors.tests import rows
from demo.fixtures import DemoServer

pytestmark = pytest.mark.usefixtures("no_system_tools")


def row_of(page: Page, name: str) -> Locator:
    return menu_of(page).get_by_role("button", name=name)


def folder_of(page: Page, name: str) -> Locator:
    return menu_of(page).locator("summary", has_text=name)


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"width": 390, "height": 844}])
async def test_the_menu_fits_and_can_be_read(
    open_page: OpenPage, alice: User, look: dict[str, Any]
) -> None:
    page = await open_page(user=alice, **look)
    await opened(page, alice, "/chat?pick=connector_tool:{id}:search_issues")
    menu = await menu_opened(page)
    await expect(search_of(page)).to_be_focused()
    await expect(menu.get_by_text("Your connectors")).to_be_visible()
    await expect(menu.get_by_text("System tools")).to_have_count(0)
    await expect(menu.get_by_text("Cost per message")).to_be_visible()
    await expect(row_of(page, "Search issues")).to_have_attribute(
        "aria-pressed", "true"
    )
    await assert_fits(page)
    await assert_accessible(page)


async def test_on_a_phone_it_is_a_sheet_over_all_that_is_below(
    open_page: OpenPage, alice: User
) -> None:
    page = await open_page(user=alice, width=390, height=844)
    await opened(page, alice)
    menu = await menu_opened(page)
    box = await menu.bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 390)
    assert box["y"] + box["height"] == pytest.approx(844)
    # Nothing of the composer or of the tab bar lies over it.
    last = menu.get_by_role("link", name="Manage connectors")
    await last.click(trial=True)
    await menu.get_by_role("button", name="Close apps").click()
    await expect(menu_of(page)).to_be_hidden()
    await expect(apps_button(page)).to_be_focused()


async def test_a_tool_that_is_picked_is_a_chip_and_goes_with_the_form(
    page: Page, alice: User
) -> None:
    first = await opened(page, alice)
    await menu_opened(page)
    await folder_of(page, "GitHub").click()
    await row_of(page, "Create an issue").click()
    await expect(menu_of(page)).to_be_hidden()
    await expect(box_of(page)).to_be_focused()
    await expect(chip_of(page)).to_have_text("GitHub: Create an issue")
    assert await picked(page) == f"connector_tool:{first.pk}:create_issue"
    await assert_accessible(page)


async def test_another_pick_replaces_the_first_and_the_same_takes_it_back(
    page: Page, alice: User
) -> None:
    first = await opened(page, alice)
    await menu_opened(page)
    await folder_of(page, "GitHub").click()
    await row_of(page, "list_commits").click()
    await menu_opened(page)
    await row_of(page, "Any GitHub tool").click()
    await expect(chip_of(page)).to_have_text("Any GitHub tool")
    assert await picked(page) == f"connector:{first.pk}"
    await menu_opened(page)
    await row_of(page, "Any GitHub tool").click()
    await expect(chip_of(page)).to_have_count(0)
    assert not await picked(page)


async def test_what_cannot_be_picked_says_why_and_stays_unpicked(
    page: Page, alice: User
) -> None:
    await opened(page, alice)
    await menu_opened(page)
    row = row_of(page, "Warehouse")
    await expect(row).to_contain_text("Unreachable")
    await expect(row).to_have_attribute("aria-disabled", "true")
    await row.click(force=True)
    await expect(page.locator("#announcer")).to_contain_text("Warehouse")
    # What waits for a sign-in leads there, in a tab of its own.
    link = menu_of(page).get_by_role("link", name="Stripe")
    await expect(link).to_contain_text("Sign in again")
    await expect(link).to_have_attribute("href", re.compile(r"/sign-in\?from=chat$"))
    await expect(link).to_have_attribute("target", "_blank")
    await expect(menu_of(page)).to_be_visible()
    assert not await picked(page)


async def test_the_rest_of_the_tools_is_behind_a_button(
    page: Page, alice: User
) -> None:
    await opened(page, alice)
    await menu_opened(page)
    await folder_of(page, "GitHub").click()
    await expect(row_of(page, "tool_35")).to_have_count(0)
    await row_of(page, "32 more of GitHub").press("Enter")
    await expect(row_of(page, "tool_35")).to_be_visible()
    await expect(row_of(page, "tool_4")).to_be_focused()
    await expect(row_of(page, "more of")).to_have_count(0)
    assert await menu_of(page).locator(".tools").first.locator("button").count() == 39


async def test_a_search_finds_tools_in_what_is_folded(page: Page, alice: User) -> None:
    first = await opened(page, alice)
    await menu_opened(page)
    await page.keyboard.type("tool_34", delay=20)
    await expect(row_of(page, "tool_34")).to_be_visible()
    await expect(folder_of(page, "Atlas")).to_have_count(0)
    await expect(page.locator("#apps-said")).to_have_text(
        "1 tool found. Enter picks GitHub: tool_34."
    )
    await assert_accessible(page)
    await page.keyboard.press("Enter")
    await expect(chip_of(page)).to_have_text("GitHub: tool_34")
    assert await picked(page) == f"connector_tool:{first.pk}:tool_34"


async def test_enter_waits_for_what_the_search_finds(page: Page, alice: User) -> None:
    await opened(page, alice)
    await menu_opened(page)
    await page.keyboard.type("route")
    await page.keyboard.press("Enter")
    await expect(chip_of(page)).to_have_text("Atlas: route")


async def test_a_search_finds_connectors_and_says_when_nothing_matches(
    page: Page, alice: User
) -> None:
    await opened(page, alice)
    await menu_opened(page)
    await page.keyboard.type("atlas", delay=20)
    await expect(row_of(page, "Any Atlas tool")).to_be_visible()
    await expect(row_of(page, "Find a place")).to_be_visible()
    await expect(folder_of(page, "GitHub")).to_have_count(0)
    await page.keyboard.type("zzz", delay=20)
    await expect(
        menu_of(page).get_by_text("Nothing matches “atlaszzz”")
    ).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(menu_of(page)).to_be_visible()
    await search_of(page).fill("")
    await expect(folder_of(page, "GitHub")).to_be_visible()


async def test_keys_walk_through_the_rows(page: Page, alice: User) -> None:
    await opened(page, alice)
    await apps_button(page).press("Enter")
    await expect(search_of(page)).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(folder_of(page, "GitHub")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(folder_of(page, "Atlas")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowDown")
    await expect(row_of(page, "Any Atlas tool")).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await expect(folder_of(page, "Atlas")).to_be_focused()
    await expect(row_of(page, "Any Atlas tool")).to_be_hidden()
    await page.keyboard.press("End")
    await expect(row_of(page, "Warehouse")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(row_of(page, "Warehouse")).to_be_focused()
    await page.keyboard.press("Home")
    await expect(folder_of(page, "GitHub")).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(search_of(page)).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(menu_of(page)).to_be_hidden()
    await expect(apps_button(page)).to_be_focused()
    await expect(apps_button(page)).to_have_attribute("aria-expanded", "false")


async def test_a_tool_is_picked_by_keys_alone(page: Page, alice: User) -> None:
    await opened(page, alice)
    await apps_button(page).press("Enter")
    await expect(search_of(page)).to_be_focused()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowDown", "ArrowDown"):
        await page.keyboard.press(key)
    await expect(row_of(page, "Find a place")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(chip_of(page)).to_have_text("Atlas: Find a place")
    await page.keyboard.type("the old town")
    await expect(box_of(page)).to_have_value("the old town")


async def test_it_closes_when_somebody_goes_elsewhere(page: Page, alice: User) -> None:
    await opened(page, alice)
    await menu_opened(page)
    await page.get_by_role("heading", name="New conversation").click()
    await expect(menu_of(page)).to_be_hidden()
    await menu_opened(page)
    await menu_of(page).get_by_role("link", name="Manage connectors").focus()
    await page.keyboard.press("Tab")
    await expect(menu_of(page)).to_be_hidden()
    await menu_opened(page)
    await apps_button(page).click()
    await expect(menu_of(page)).to_be_hidden()


async def test_who_has_nothing_is_led_to_where_connectors_are(
    page: Page, alice: User
) -> None:
    await page.goto("/chat")
    await expect(page.get_by_text("No tools yet")).to_be_visible()
    await menu_opened(page)
    await expect(menu_of(page).get_by_text("Nothing is plugged in yet")).to_be_visible()
    await menu_of(page).get_by_role("link", name="Manage connectors").click()
    await expect(page.get_by_role("link", name="Paste a URL")).to_be_visible()
    await assert_accessible(page)


# --- Managing connectors over the chat -----------------------------------------------


def manage_of(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Manage connectors")


async def managing(page: Page) -> Locator:
    await menu_opened(page)
    await menu_of(page).get_by_role("link", name="Manage connectors").click()
    await expect(manage_of(page).get_by_role("heading", name="Working")).to_be_visible()
    return manage_of(page)


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"width": 390, "height": 844}])
async def test_connectors_are_managed_over_the_chat(
    open_page: OpenPage, alice: User, look: dict[str, Any]
) -> None:
    page = await open_page(user=alice, **look)
    await opened(page, alice)
    await box_of(page).fill("What I was about to ask")
    title = await page.title()
    await managing(page)
    assert page.url.endswith("/chat")
    assert await page.title() == title
    await assert_fits(page)
    await assert_accessible(page)
    await page.keyboard.press("Escape")
    await expect(manage_of(page)).to_have_count(0)
    await expect(box_of(page)).to_have_value("What I was about to ask")
    await expect(menu_of(page).get_by_role("link", name="Manage")).to_be_focused()


async def test_what_was_changed_there_is_in_the_menu_afterwards(
    page: Page, alice: User
) -> None:
    await opened(page, alice)
    await expect(page.get_by_text("40 tools ·")).to_be_visible()
    manage = await managing(page)
    card = manage.get_by_role("article").filter(has_text="GitHub")
    await card.get_by_label("More actions for GitHub").click()
    await card.get_by_role("button", name="Pause").click()
    await expect(card.get_by_text("Paused by you")).to_be_visible()
    await manage.get_by_role("button", name="Back to the chat").click()
    await expect(row_of(page, "GitHub")).to_contain_text("Paused by you")
    await expect(row_of(page, "GitHub")).to_have_attribute("aria-disabled", "true")
    await expect(page.get_by_text("2 tools ·").first).to_be_visible()


async def test_no_dialog_is_opened_over_another(page: Page, alice: User) -> None:
    await opened(page, alice)
    manage = await managing(page)
    card = manage.get_by_role("article").filter(has_text="Atlas")
    await card.get_by_label("More actions for Atlas").click()
    await card.get_by_role("link", name="Delete").click()
    await expect(page.get_by_role("heading", name="Delete Atlas?")).to_be_visible()
    assert await page.locator("dialog:modal").count() == 1
    await page.keyboard.press("Escape")
    await expect(manage.get_by_role("heading", name="Working")).to_be_visible()
    assert await page.locator("dialog:modal").count() == 1
    await card.get_by_label("More actions for Atlas").click()
    await card.get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Delete connector").click()
    await expect(manage.get_by_role("heading", name="Working · 1")).to_be_visible()
    await expect(manage.get_by_role("heading", name="Working")).to_be_focused()
    assert not await UserMCPConnection.objects.filter(name="Atlas").aexists()
    await page.keyboard.press("Escape")
    await expect(folder_of(page, "Atlas")).to_have_count(0)


@pytest.fixture
def dialling(allow_loopback: None, settings: Settings) -> None:
    """Let the live server start although connectors may reach this machine."""
    settings.EGRESS_ALLOW_IN_PRODUCTION = True


@pytest.mark.usefixtures("dialling")
async def test_a_connector_that_is_added_there_can_be_picked_at_once(
    page: Page, alice: User, notes_server: DemoServer
) -> None:
    await page.goto("/chat")
    await box_of(page).fill("Stays")
    await menu_opened(page)
    await menu_of(page).get_by_role("link", name="Manage connectors").click()
    await page.get_by_role("link", name="Paste a URL").click()
    await page.get_by_label("Server URL").fill(notes_server.url)
    assert await page.locator("dialog:modal").count() == 1
    await page.keyboard.press("Enter")
    save = page.get_by_role("button", name="Save connector")
    await expect(save).to_be_focused()
    await page.keyboard.press("Enter")
    offer = page.get_by_role("heading", name="Notes is connected")
    await expect(offer).to_be_visible()
    assert await page.locator("dialog:modal").count() == 1
    await page.keyboard.press("Escape")
    manage = manage_of(page)
    await expect(manage.get_by_role("link", name="Notes", exact=True)).to_be_focused()
    await assert_accessible(page)
    await page.keyboard.press("Escape")
    await row_of(page, "Search notes").click()
    await expect(chip_of(page)).to_have_text("Notes: Search notes")
    await expect(box_of(page)).to_have_value("Stays")
    assert page.url.endswith("/chat")


async def test_a_search_there_leaves_the_address_of_the_chat(
    page: Page, alice: User
) -> None:
    await opened(page, alice)
    manage = await managing(page)
    await manage.get_by_label("Search connectors").press_sequentially("git")
    await expect(manage.get_by_role("article")).to_have_count(1)
    await manage.get_by_label("Search connectors").press("Enter")
    await expect(manage.get_by_role("article")).to_have_count(1)
    assert page.url.endswith("/chat")


async def test_names_from_elsewhere_are_shown_as_they_are(
    page: Page, alice: User, watch: Watch
) -> None:
    hostile = '<img src=x onerror="alert(1)">"\''
    tools = [tool("x", hostile), tool(hostile)]
    row = await sync_to_async(rows.connector)(
        alice, name=hostile[:60], discovered_tools=tools, tool_count=2
    )
    await page.goto("/chat")
    await menu_opened(page)
    await menu_of(page).locator("[data-pick]").last.click()
    await expect(chip_of(page)).to_have_text(f"{row.name}: {hostile}")
    assert await picked(page) == f"connector_tool:{row.pk}:{hostile}"
    await page.reload()
    await expect(chip_of(page)).to_have_text(f"{row.name}: {hostile}")
