"""The pages of connectors in a real browser: what scripts add, and what axe finds."""

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Locator, Page, expect
from pytest_django import Settings

from accounts.models import User
from config.tests.browser import OpenPage, assert_accessible, assert_fits
from connectors.models import ConnectionTest, Status, UserMCPConnection
from connectors.tests import rows
from demo.hostile import Hostile

pytestmark = pytest.mark.usefixtures("dialling")

SIZES = [(1280, False), (1280, True), (390, False), (320, True), (2560, False)]


@pytest.fixture
def dialling(allow_loopback: None, settings: Settings) -> None:
    """Let the live server start although connectors may reach this machine."""
    settings.EGRESS_ALLOW_IN_PRODUCTION = True


@pytest.fixture
def notes(live_server_asgi: object, alice: User) -> UserMCPConnection:
    return rows.connector(alice, name="Notes")


@pytest.fixture
def slow(
    live_server_asgi: object, alice: User, hostile: Hostile, settings: Settings
) -> UserMCPConnection:
    """A connector whose server never answers."""
    settings.TEST_TIMEOUT_S = 60
    return rows.connector(alice, name="Slow", server_url=hostile.url("never-answers"))


@pytest.fixture
def every_state(live_server_asgi: object, alice: User) -> UserMCPConnection:
    """A card of each state; the one returned has evidence of all kinds."""
    for slot, status in enumerate(Status, start=2):
        if status == Status.REMOVED_BY_ADMIN:
            rows.removed(alice)
        else:
            rows.connector(alice, slot, status=status)
    rows.connector(alice, 20, is_active=False)
    full = rows.connector(
        alice,
        name="Everything",
        description="What it is for",
        dropped_tools=[{"name": "bad", "reason": "It has no name."}],
        server_info={"name": "S", "version": "1", "instructions": "Be kind."},
    )
    rows.test_of(full)
    rows.test_of(full, success=False, error_code="TIMEOUT")
    rows.call_of(full)
    return full


def card(page: Page, row: UserMCPConnection) -> Locator:
    return page.locator(f"#connector-{row.pk}")


# --- Every page, in every size -----------------------------------------------


@pytest.mark.parametrize(("width", "dark"), SIZES)
async def test_pages_fit_and_can_be_read_by_everybody(
    open_page: OpenPage,
    alice: User,
    every_state: UserMCPConnection,
    width: int,
    dark: bool,
) -> None:
    page = await open_page(user=alice, width=width, dark=dark)
    test = await sync_to_async(every_state.tests.first)()
    assert test is not None
    one = f"/connectors/{every_state.pk}"
    paths = ["/connectors", "/connectors?q=nothing", one, f"{one}/edit"]
    for path in [*paths, f"{one}/delete", f"{one}/tests/{test.pk}"]:
        await page.goto(path)
        await assert_fits(page)
        await assert_accessible(page)


async def test_the_first_page_fits_and_can_be_read_by_everybody(
    open_page: OpenPage, alice: User, settings: Settings
) -> None:
    server = {"name": "Notes", "url": "http://127.0.0.1:1/mcp", "about": "Works."}
    settings.DEVELOPMENT, settings.DEMO_SERVERS = True, [server]
    for width in (1280, 320):
        page = await open_page(user=alice, width=width)
        await page.goto("/connectors")
        await expect(page.get_by_text("No server at hand?")).to_be_visible()
        await assert_fits(page)
        await assert_accessible(page)


# --- The list ----------------------------------------------------------------


async def test_a_slash_goes_to_the_search_and_typing_finds(
    page: Page, alice: User, notes: UserMCPConnection
) -> None:
    other = await sync_to_async(rows.connector)(alice, 2, name="Releases")
    await page.goto("/connectors")
    await page.keyboard.press("/")
    await page.keyboard.type("rel", delay=50)
    await expect(card(page, notes)).to_have_count(0)
    await expect(card(page, other)).to_be_visible()
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await expect(page).to_have_url("/connectors?q=rel")
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.press("Delete")
    await expect(card(page, notes)).to_be_visible()


async def test_a_connector_is_paused_in_place_and_keeps_the_focus(
    page: Page, notes: UserMCPConnection
) -> None:
    await page.goto("/connectors")
    await page.get_by_label("More actions for Notes").click()
    await card(page, notes).get_by_role("button", name="Pause").click()
    await expect(card(page, notes).get_by_text("Paused by you")).to_be_visible()
    await expect(page.locator("#announcer")).to_have_text("Notes: Paused by you")
    resume = card(page, notes).get_by_role("button", name="Resume Notes")
    await expect(resume).to_be_focused()
    await resume.press("Enter")
    await expect(card(page, notes).get_by_text("Ready")).to_be_visible()


async def test_a_card_that_is_tested_says_so_and_the_test_can_be_given_up(
    page: Page, slow: UserMCPConnection, hostile: Hostile
) -> None:
    await page.goto("/connectors")
    await card(page, slow).get_by_role("button", name="Refresh").click()
    await expect(card(page, slow).get_by_text("Checking")).to_be_visible()
    await expect(page.locator("#announcer")).to_have_text("Checking Slow")
    cancel = card(page, slow).get_by_role("button", name="Cancel")
    await expect(cancel).to_be_focused()
    await assert_accessible(page)
    await cancel.press("Enter")
    await expect(card(page, slow).get_by_text("Ready")).to_be_visible()
    await expect(card(page, slow).get_by_text("Checking")).to_be_hidden()
    await expect(card(page, slow).get_by_role("link", name="Open Slow")).to_be_focused()
    # Nothing goes on behind the person's back either.
    assert await sync_to_async(hostile.wait_until_idle)()
    assert await ConnectionTest.objects.acount() == 0


async def test_a_test_that_ends_shows_what_it_found(
    page: Page, slow: UserMCPConnection, hostile: Hostile
) -> None:
    url = hostile.url("html")
    await UserMCPConnection.objects.filter(pk=slow.pk).aupdate(server_url=url)
    await page.goto("/connectors")
    await page.get_by_label("More actions for Slow").click()
    await card(page, slow).get_by_role("button", name="Test now").click()
    await expect(card(page, slow)).to_have_attribute("data-state", "not-mcp")
    await expect(page.get_by_role("link", name="Try /mcp Slow")).to_be_focused()
    await assert_accessible(page)


async def test_after_a_deletion_the_heading_of_the_group_has_the_focus(
    page: Page, alice: User, notes: UserMCPConnection
) -> None:
    await sync_to_async(rows.connector)(alice, 2)
    await page.goto("/connectors")
    for left in ("Working · 1", "Nothing is plugged in yet"):
        await page.get_by_label("More actions").first.click()
        await page.get_by_role("link", name="Delete").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_role("link", name="Keep it")).to_be_focused()
        await assert_accessible(page)
        await dialog.get_by_role("button", name="Delete connector").click()
        await expect(page.get_by_role("heading", name=left)).to_be_focused()
    assert await UserMCPConnection.objects.acount() == 0


async def test_who_keeps_it_is_back_where_they_were(
    page: Page, notes: UserMCPConnection
) -> None:
    await page.goto("/connectors")
    more = page.get_by_label("More actions for Notes")
    await more.click()
    await page.get_by_role("link", name="Delete").click()
    await page.get_by_role("link", name="Keep it").click()
    await expect(more).to_be_focused()
    await expect(card(page, notes)).to_be_visible()


# --- One connector -----------------------------------------------------------


async def test_a_tool_is_found_while_typing(
    page: Page, notes: UserMCPConnection
) -> None:
    await page.goto(f"/connectors/{notes.pk}")
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    # As fast as people type, so that the page hears the last key at the latest.
    await page.keyboard.type("for good", delay=50)
    await expect(page.get_by_role("link", name="search_notes")).to_have_count(0)
    await expect(page.get_by_role("link", name="delete_note")).to_be_visible()
    await expect(page.get_by_role("searchbox")).to_be_focused()


async def test_a_test_on_its_page_renews_all_that_it_found(
    page: Page, slow: UserMCPConnection, hostile: Hostile
) -> None:
    url = hostile.url("good")
    await UserMCPConnection.objects.filter(pk=slow.pk).aupdate(server_url=url)
    await page.goto(f"/connectors/{slow.pk}")
    await expect(page.get_by_text("No test is kept.")).to_be_visible()
    await page.get_by_role("button", name="Test again").click()
    await expect(
        page.locator("#tools").get_by_role("link", name="echo")
    ).to_be_visible()
    await expect(page.locator("#history").get_by_text("Passed")).to_be_visible()
    await expect(page.locator("#about").get_by_text("Hostile peer")).to_be_visible()
    await expect(page.get_by_role("button", name="Test again")).to_be_focused()
    await assert_accessible(page)


async def test_a_test_on_its_page_can_be_given_up(
    page: Page, slow: UserMCPConnection
) -> None:
    await page.goto(f"/connectors/{slow.pk}")
    await page.get_by_role("button", name="Test again").click()
    await expect(page.locator("#header").get_by_text("Checking")).to_be_visible()
    cancel = page.get_by_role("button", name="Cancel")
    await expect(cancel).to_be_focused()
    await cancel.press("Enter")
    await expect(page.get_by_role("button", name="Test again")).to_be_focused()


async def test_a_connector_deleted_on_its_page_leads_to_the_list(
    page: Page, alice: User, notes: UserMCPConnection
) -> None:
    await sync_to_async(rows.connector)(alice, 2)
    await page.goto(f"/connectors/{notes.pk}")
    await page.get_by_role("link", name="Delete Notes").click()
    await page.get_by_role("button", name="Delete connector").click()
    await expect(page).to_have_url("/connectors#working")
    await expect(page.get_by_text("Notes was deleted.").first).to_be_visible()
    await expect(page.get_by_role("heading", name="Working · 1")).to_be_focused()


async def test_a_failed_edit_keeps_what_was_typed(
    page: Page, slow: UserMCPConnection, hostile: Hostile
) -> None:
    await page.goto(f"/connectors/{slow.pk}/edit")
    await page.get_by_label("Server URL").fill(hostile.url("token"))
    await page.get_by_role("radio", name="Token").check(force=True)
    token = page.get_by_role("textbox", name="Token")
    await token.fill("wrong-token")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert").first).to_be_focused()
    await expect(page.get_by_text("AUTH_FAILED")).to_be_visible()
    await expect(token).to_have_value("wrong-token")
    await assert_accessible(page)
