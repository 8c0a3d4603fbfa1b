"""Every state of the pages on phones and in the dark: fits, and can be read."""

import pytest
from playwright.async_api import Page, expect

from accounts.models import User
from config.tests.browser import OpenPage
from config.tests.journeys.walking import (
    assert_good,
    button,
    heading,
    open_form,
    put_away_offer,
    save_button,
    url_field,
)
from connectors.models import UserMCPConnection
from connectors.tests import verbs
from demo.fixtures import DemoServer
from demo.hostile import Hostile

# WCAG 2.2, 2.5.8. Links in a sentence are as high as its line; who presses the label
# of a control presses the control.
SMALL = """
() => [...document.querySelectorAll(
  ".btn, .rail a, .opt, .input, .select, .textarea, .seg label, summary")]
  .filter((place) => place.checkVisibility())
  .map((place) => [
    place.outerHTML.slice(0, 100),
    [place, ...(place.labels ?? [])].map((part) => part.getBoundingClientRect()),
  ])
  .filter(([, boxes]) => boxes.some((box) => box.width))
  .filter(([, boxes]) => !boxes.some((box) => box.width >= 24 && box.height >= 24))
  .map(([name]) => name)
"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
SIZES = pytest.mark.parametrize(
    ("width", "dark"), [(390, False), (390, True), (320, False), (1280, True)]
)
IS_DARK = "document.documentElement.classList.contains('dark')"


async def assert_fine(page: Page) -> None:
    await assert_good(page)
    small = await page.evaluate(SMALL)
    assert not small, small


@pytest.fixture
def notes(
    live_server_asgi: object, alice: User, notes_server: DemoServer
) -> UserMCPConnection:
    return verbs.add(alice, notes_server.url, "Notes")


# --- Every state -------------------------------------------------------------


@SIZES
async def test_adding_fits_and_can_be_read(
    open_page: OpenPage,
    alice: User,
    notes_server: DemoServer,
    company_site: Hostile,
    width: int,
    dark: bool,
) -> None:
    page = await open_page(user=alice, width=width, dark=dark)
    await page.goto("/connectors")
    await assert_fine(page)
    dialog = await open_form(page, url=company_site.url(""))
    await assert_fine(page)
    await url_field(dialog).press("Enter")
    await dialog.get_by_text("Transcript, secrets removed").click()
    await expect(button(dialog, "Copy for the server’s owner")).to_be_visible()
    await assert_fine(page)
    await url_field(dialog).fill(notes_server.url)
    await url_field(dialog).press("Enter")
    await expect(save_button(dialog)).to_be_focused()
    await expect(save_button(dialog)).to_be_in_viewport(ratio=1)
    await assert_fine(page)
    await save_button(dialog).click()
    await expect(button(dialog, "Run")).to_be_in_viewport(ratio=1)
    await assert_fine(page)
    await button(dialog, "Run").click()
    await expect(dialog.get_by_text("Answered", exact=True)).to_be_in_viewport()
    await assert_fine(page)
    await put_away_offer(page, name="Notes")
    await page.get_by_label("More actions for Notes").click()
    await expect(page.get_by_role("link", name="Delete")).to_be_in_viewport(ratio=1)
    await assert_fine(page)


@SIZES
async def test_running_tools_fits_and_can_be_read(
    open_page: OpenPage, alice: User, notes: UserMCPConnection, width: int, dark: bool
) -> None:
    page = await open_page(user=alice, width=width, dark=dark)
    one = f"/connectors/{notes.pk}"
    await page.goto(f"{one}/tools/search_notes")
    await button(page, "Run").last.click()
    result = page.locator("#run-result")
    await expect(result.get_by_text("Answered", exact=True)).to_be_in_viewport()
    await result.get_by_role("radio", name="Table").check()
    await expect(result.get_by_role("table")).to_be_visible()
    await assert_fine(page)
    await page.goto(f"{one}/tools/chart")
    await assert_fine(page)
    await button(page, "Run").last.click()
    await expect(result.get_by_role("img", name="Picture")).to_be_visible()
    await assert_fine(page)
    await page.goto(f"{one}/tools/delete_note")
    await button(page, "Run").last.click()
    await expect(result.get_by_text("Nothing has run yet")).to_be_visible()
    await assert_fine(page)


@SIZES
async def test_managing_fits_and_can_be_read(
    open_page: OpenPage, alice: User, notes: UserMCPConnection, width: int, dark: bool
) -> None:
    page = await open_page(user=alice, width=width, dark=dark)
    one = f"/connectors/{notes.pk}"
    for path in (one, f"{one}/edit", "/connectors/add", "/settings"):
        await page.goto(path)
        await assert_fine(page)
    await page.goto("/settings/tokens")
    await page.get_by_label("Name").fill("laptop")
    await button(page, "Make token").click()
    await expect(page.locator("#new-token").get_by_text("pb_")).to_be_visible()
    await assert_fine(page)
    await page.goto(one)
    await page.get_by_role("link", name="Delete Notes").click()
    await expect(heading(page, "Delete Notes?")).to_be_visible()
    await assert_fine(page)


# --- Phones ------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 320])
async def test_phones_have_the_places_in_a_bar_below(
    open_page: OpenPage, alice: User, width: int
) -> None:
    page = await open_page(user=alice, width=width, height=844)
    await page.goto("/connectors")
    places = page.get_by_role("navigation", name="Main")
    box = await places.bounding_box()
    assert box is not None
    assert (box["x"], box["width"], box["y"] + box["height"]) == (0, width, 844)
    await places.get_by_role("link", name="Settings").click()
    await expect(heading(page, "Settings")).to_be_visible()
    # What is last on the page is not below the bar.
    sign_out = button(page.get_by_role("main"), "Sign out")
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await expect(sign_out).to_be_in_viewport(ratio=1)


async def test_on_phones_the_form_is_a_sheet_with_its_buttons_in_sight(
    open_page: OpenPage, alice: User
) -> None:
    page = await open_page(user=alice, width=390, height=844)
    dialog = await open_form(page, url="")
    for name in ("Test connection", "Save connector"):
        await expect(button(dialog, name)).to_be_in_viewport(ratio=1)
    box = await dialog.locator("#add").bounding_box()
    assert box is not None
    assert (box["x"], box["width"], box["y"] + box["height"]) == (0, 390, 844)


# --- Light and dark ----------------------------------------------------------


async def test_the_theme_follows_the_system_until_somebody_chooses(
    open_page: OpenPage, alice: User
) -> None:
    page = await open_page(user=alice, dark=True)
    await page.goto("/settings")
    dark = await page.evaluate(BACKGROUND)
    assert await page.evaluate(IS_DARK)
    themes = page.get_by_role("main").get_by_role("group", name="Colours")
    await themes.get_by_role("radio", name="Light").check()
    light = await page.evaluate(BACKGROUND)
    assert light != dark
    await assert_good(page)
    await page.goto("/connectors")
    assert await page.evaluate(BACKGROUND) == light
    await page.goto("/settings")
    await expect(themes.get_by_role("radio", name="Light")).to_be_checked()
    await themes.get_by_role("radio", name="System").check()
    assert await page.evaluate(BACKGROUND) == dark
    await page.emulate_media(color_scheme="light")
    await expect(page.locator("html.dark")).to_have_count(0)
    assert await page.evaluate(BACKGROUND) == light
