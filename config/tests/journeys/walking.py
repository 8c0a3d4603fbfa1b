"""Steps that several journeys take, and what is looked at after each."""

from typing import Any

from asgiref.sync import sync_to_async
from playwright.async_api import Locator, Page, expect

from config.tests.browser import assert_accessible, assert_fits
from connectors.models import UserMCPConnection

# Kept in the document: a page that is loaded again has lost it.
MARK = "document.documentElement.dataset.loaded = 'once'"
MARKED = "document.documentElement.dataset.loaded === 'once'"
RECORD = """
const seen = (globalThis.seen = []);
new MutationObserver(() => {
  const text = document.querySelector("#add-note")?.textContent.trim();
  if (text && text !== seen.at(-1)) seen.push(text);
}).observe(document.body, { childList: true, subtree: true, characterData: true });
"""


async def assert_good(page: Page) -> None:
    """Fail if the page as it is now scrolls sideways, or shuts somebody out."""
    await assert_fits(page)
    await assert_accessible(page)


async def try_the_demo(page: Page) -> None:
    """Go from the front door to the first page of somebody who has nothing yet."""
    await page.goto("/")
    await page.get_by_role("button", name="Try the demo").click()
    await expect(heading(page, "Nothing is plugged in yet")).to_be_visible()


async def open_form(page: Page, *, url: str) -> Locator:
    """Open the dialog that adds a connector, and paste into it; return the dialog."""
    await page.goto("/connectors")
    await page.get_by_role("link", name="Paste a URL").click()
    dialog = page.get_by_role("dialog")
    await expect(url_field(dialog)).to_be_focused()
    await url_field(dialog).fill(url)
    return dialog


async def assert_closed(page: Page) -> None:
    """Fail if a dialog is still open."""
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def record_steps(page: Page) -> None:
    """Begin to note what the form says of how far its test is."""
    await page.evaluate(RECORD)


async def recorded_steps(page: Page) -> list[str]:
    """Return what was said, each text once in a row."""
    seen: list[str] = await page.evaluate("globalThis.seen")
    return seen


async def saved(**fields: Any) -> UserMCPConnection:
    """Return the one connector that was saved."""
    return await sync_to_async(UserMCPConnection.objects.get)(**fields)


async def put_away_offer(page: Page, *, name: str) -> None:
    """Close what is offered after a save; the focus goes to the new card."""
    await expect(heading(page, f"{name} is connected")).to_be_visible()
    await page.keyboard.press("Escape")
    await assert_closed(page)
    await expect(page.get_by_role("link", name=name, exact=True).first).to_be_focused()


def heading(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("heading", name=name)


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name)


def url_field(page: Page | Locator) -> Locator:
    return page.get_by_label("Server URL")


def save_button(page: Page | Locator) -> Locator:
    return page.get_by_role("button", name="Save connector")


def card(page: Page, name: str) -> Locator:
    """Return the card of a connector."""
    return page.get_by_role("article").filter(
        has=page.get_by_role("link", name=name, exact=True)
    )
