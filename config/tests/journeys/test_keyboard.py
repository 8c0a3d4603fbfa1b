"""The newcomer's journey by keys alone: every place is reached, and can be seen."""

from asgiref.sync import sync_to_async
from playwright.async_api import Locator, Page, expect

from accounts.models import User
from config.tests.browser import OpenPage
from config.tests.journeys.walking import (
    assert_closed,
    assert_good,
    button,
    heading,
    put_away_offer,
    save_button,
    saved,
    url_field,
)
from connectors.models import UserMCPConnection
from connectors.tests import verbs
from demo.fixtures import DemoServer

FARTHEST = 60
# Whether what has the focus shows it: its own outline, or that of its label.
FOCUS = """
() => {
  const focused = document.activeElement;
  if (focused === document.body) return "nothing has the focus";
  const box = focused.getBoundingClientRect();
  const around = [focused, ...(focused.labels ?? [])];
  // A name that is cut off would cut off its own outline.
  const frame = focused.closest(".trunc");
  if (frame) around.splice(0, 1, frame);
  around.push(...around.flatMap((element) => [...element.children]));
  const isShown = around.some((element) => {
    const style = getComputedStyle(element);
    return parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== "none";
  });
  const name = focused.outerHTML.slice(0, 120);
  if (!isShown) return `no outline: ${name}`;
  const isNear = box.bottom > 0 && box.top < innerHeight;
  if (!isNear) return `out of sight: ${name}`;
  // WCAG 2.2, 2.4.11. Whatever lies over it has to leave a part of it to be seen.
  const heights = [box.top + 1, (box.top + box.bottom) / 2, box.bottom - 1];
  const isFree = heights.some((y) => {
    const found = document.elementFromPoint(box.left + Math.min(box.width / 2, 8), y);
    return found && around.some((one) => one.contains(found) || found.contains(one));
  });
  return isFree ? "" : `covered: ${name}`;
}
"""


async def assert_focus_is_seen(page: Page) -> None:
    problem = await page.evaluate(FOCUS)
    assert not problem, problem


async def tab_to(page: Page, place: Locator, *, key: str = "Tab") -> None:
    """Press Tab until `place` has the focus, which is seen all along."""
    for _ in range(FARTHEST):
        await page.keyboard.press(key)
        await assert_focus_is_seen(page)
        if await place.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{place} was not reached")


async def follow(page: Page, place: Locator) -> None:
    """Go to a link or a button, and press Enter."""
    await tab_to(page, place)
    await page.keyboard.press("Enter")


async def has_focus(page: Page, place: Locator) -> None:
    await expect(place).to_be_focused()
    await assert_focus_is_seen(page)


async def test_the_whole_journey_needs_no_mouse(signed_out_page: Page) -> None:
    page = signed_out_page
    await page.goto("/")
    await follow(page, button(page, "Try the demo"))
    await expect(heading(page, "Nothing is plugged in yet")).to_be_visible()
    await _connects(page)
    await _runs(page)
    await _pauses_and_resumes(page)
    await _deletes(page)


async def _connects(page: Page) -> None:
    await follow(page, page.get_by_role("link", name="Connect Notes"))
    dialog = page.get_by_role("dialog")
    await has_focus(page, button(dialog, "Test connection"))
    await page.keyboard.press("Enter")
    await has_focus(page, save_button(dialog))
    await page.keyboard.press("Enter")


async def _runs(page: Page) -> None:
    dialog = page.get_by_role("dialog", name="Notes is connected")
    await has_focus(page, button(dialog, "Run"))
    await page.keyboard.press("Enter")
    result = page.locator("#run-result")
    await expect(result.get_by_text("Answered", exact=True)).to_be_visible()
    await has_focus(page, button(dialog, "Run"))
    await tab_to(page, page.get_by_role("radio", name="Text"))
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_label("JSON", exact=True).last).to_be_visible()
    await assert_good(page)
    await page.keyboard.press("Escape")
    await assert_closed(page)


async def _pauses_and_resumes(page: Page) -> None:
    await has_focus(page, page.get_by_role("link", name="Notes", exact=True))
    await page.keyboard.press("Enter")
    await expect(heading(page, "10 tools")).to_be_visible()
    await follow(page, button(page, "Pause"))
    header = page.locator("#header")
    await expect(header.get_by_text("Paused by you")).to_be_visible()
    await tab_to(page, button(page, "Resume"))
    await page.keyboard.press("Enter")
    await expect(header.get_by_text("Ready")).to_be_visible()


async def _deletes(page: Page) -> None:
    delete = page.get_by_role("link", name="Delete Notes")
    await follow(page, delete)
    dialog = page.get_by_role("dialog")
    keep = dialog.get_by_role("link", name="Keep it")
    await has_focus(page, keep)
    await page.keyboard.press("Escape")
    await assert_closed(page)
    await has_focus(page, delete)
    await page.keyboard.press("Enter")
    await has_focus(page, keep)
    await follow(page, button(dialog, "Delete connector"))
    await has_focus(page, heading(page, "Nothing is plugged in yet"))
    assert not await UserMCPConnection.objects.aexists()


async def test_on_phones_nothing_lies_over_what_has_the_focus(
    open_page: OpenPage, alice: User, notes_server: DemoServer
) -> None:
    row = await sync_to_async(verbs.add)(alice, notes_server.url, "Notes")
    page = await open_page(user=alice, width=390, height=600)
    for path in ("", "/tools/chart"):
        await page.goto(f"/connectors/{row.pk}{path}")
        await page.keyboard.press("Tab")
        last = page.get_by_role("main").locator("a, button, summary").last
        await tab_to(page, last)
        await tab_to(page, page.get_by_role("link", name="Skip"), key="Shift+Tab")


async def test_keys_open_close_and_search(page: Page, notes_server: DemoServer) -> None:
    await page.goto("/connectors")
    paste = page.get_by_role("link", name="Paste a URL")
    await follow(page, paste)
    dialog = page.get_by_role("dialog")
    await has_focus(page, url_field(dialog))
    await page.keyboard.press("Escape")
    await assert_closed(page)
    await has_focus(page, paste)
    await page.keyboard.press("?")
    await expect(heading(dialog, "Keyboard shortcuts")).to_be_visible()
    await assert_good(page)
    await page.keyboard.press("Escape")
    await assert_closed(page)
    await has_focus(page, paste)
    await page.keyboard.press("Enter")
    await has_focus(page, url_field(dialog))
    await page.keyboard.type(notes_server.url)
    await page.keyboard.press("Enter")
    await has_focus(page, save_button(dialog))
    await page.keyboard.press("Enter")
    await put_away_offer(page, name="Notes")
    await page.keyboard.press("/")
    await has_focus(page, page.get_by_role("searchbox"))
    await page.keyboard.type("no/t?")
    await expect(page.get_by_role("searchbox")).to_have_value("no/t?")
    await expect(page.get_by_text("No connector matches")).to_be_visible()


async def test_a_menu_opens_and_closes_by_keys(
    page: Page, notes_server: DemoServer
) -> None:
    await page.goto(f"/connectors/add?url={notes_server.url}")
    await has_focus(page, button(page, "Test connection"))
    await page.keyboard.press("Enter")
    await has_focus(page, save_button(page))
    await page.keyboard.press("Enter")
    await expect(heading(page, "Run search_notes")).to_be_visible()
    await page.goto("/connectors")
    more = page.get_by_label("More actions for Notes")
    await follow(page, more)
    await tab_to(page, page.get_by_role("link", name="Edit"))
    await page.keyboard.press("Escape")
    await has_focus(page, more)
    await expect(page.get_by_role("link", name="Edit")).to_be_hidden()
    await page.keyboard.press("Enter")
    await follow(page, page.get_by_role("link", name="Edit"))
    await expect(heading(page, "Edit Notes")).to_be_visible()
    name = page.get_by_label("Name")
    await tab_to(page, name)
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type("Minutes", delay=50)
    await page.keyboard.press("Enter")
    await expect(heading(page, "Minutes").first).to_be_visible()
    assert (await saved()).name == "Minutes"
