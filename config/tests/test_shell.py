"""What every page has from the shell, in a real browser."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from accounts.models import User
from config.tests.browser import OpenPage, Watch, assert_accessible, assert_fits


@pytest.fixture(autouse=True)
def _page_for_the_shell(settings: Any) -> None:
    settings.ROOT_URLCONF = "config.tests.shell_urls"


async def is_dark(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.matches('.dark')"))


async def test_the_system_decides_the_theme_until_a_person_does(
    open_page: OpenPage, alice: User
) -> None:
    page = await open_page(user=alice, dark=True)
    await page.goto("/shell")
    assert await is_dark(page)
    await page.get_by_text("alice, account menu").click()
    await page.get_by_role("radio", name="Light").check(force=True)
    assert not await is_dark(page)
    await page.goto("/settings")
    assert not await is_dark(page)
    themes = page.locator("main").get_by_role("radio")
    await expect(themes.and_(page.get_by_label("Light"))).to_be_checked()
    await themes.and_(page.get_by_label("System")).check(force=True)
    assert await is_dark(page)


async def test_a_menu_closes_by_escape_and_by_a_click_elsewhere(page: Page) -> None:
    await page.goto("/shell")
    more = page.get_by_text("More")
    await more.click()
    await page.get_by_role("button", name="Rename").focus()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Rename")).to_be_hidden()
    await expect(more).to_be_focused()
    await more.click()
    await page.get_by_role("heading", name="Shell").click()
    await expect(page.get_by_role("button", name="Rename")).to_be_hidden()


async def test_a_key_opens_the_sheet_of_keys_and_another_the_search(
    page: Page,
) -> None:
    await page.goto("/shell")
    await page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(sheet.get_by_role("heading")).to_be_visible()
    await assert_accessible(page)
    await page.keyboard.press("Escape")
    await expect(sheet).to_have_count(0)
    await page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Search")
    await expect(search).to_be_focused()
    await page.keyboard.type("/?")
    await expect(search).to_have_value("/?")


async def test_single_keys_can_be_switched_off(page: Page) -> None:
    await page.goto("/shell")
    await page.keyboard.press("?")
    await page.get_by_label("Single-key shortcuts").uncheck()
    await page.keyboard.press("Escape")
    for _ in range(2):
        await page.keyboard.press("/")
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(page.get_by_role("searchbox")).not_to_be_focused()
        await page.reload()


async def test_the_sheet_opened_from_the_menu_returns_the_focus_to_it(
    page: Page,
) -> None:
    await page.goto("/shell")
    await page.get_by_text("alice, account menu").click()
    await page.get_by_role("button", name="Keyboard shortcuts").click()
    await page.keyboard.press("Escape")
    await expect(page.locator(".who > summary")).to_be_focused()


async def test_a_dialog_is_fetched_named_and_gives_the_focus_back(page: Page) -> None:
    await page.goto("/shell")
    for way_out in ("Escape", "Cancel"):
        await page.get_by_role("link", name="Add").click()
        dialog = page.get_by_role("dialog", name="Add a row")
        await expect(dialog.get_by_label("Name")).to_be_focused()
        if way_out == "Escape":
            await page.keyboard.press(way_out)
        else:
            await dialog.get_by_role("link", name=way_out).click()
        await expect(dialog).to_have_count(0)
        await expect(page.locator("#dialog > *")).to_have_count(0)
        await expect(page.get_by_role("link", name="Add")).to_be_focused()


async def test_a_dialog_that_is_opened_again_at_once_keeps_what_is_in_it(
    page: Page,
) -> None:
    """Browsers tell of a close later: by then the dialog may be another one."""
    await page.goto("/shell")
    await page.get_by_role("link", name="Add").click()
    field = page.get_by_role("dialog", name="Add a row").get_by_label("Name")
    await expect(field).to_be_focused()
    await page.evaluate(
        """() => new Promise((heard) => {
            const dialog = document.getElementById("dialog");
            dialog.addEventListener("close", () => heard(), { once: true });
            dialog.close();
            dialog.showModal();
        })"""
    )
    await expect(field).to_be_visible()


async def test_what_is_saved_in_a_dialog_closes_it_and_takes_the_focus(
    page: Page,
) -> None:
    await page.goto("/shell")
    await page.get_by_role("link", name="Add").click()
    await page.get_by_label("Name").fill("one")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_role("link", name="the row")).to_be_focused()
    await expect(page.get_by_role("region", name="Messages")).to_contain_text(
        "The row was saved."
    )
    await expect(page.locator("#announcer")).to_have_text("One row.")
    await assert_accessible(page)
    await page.get_by_role("button", name="Close this message").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#messages .notice")).to_have_count(0)
    await expect(page.locator("main")).to_be_focused()


async def test_a_message_goes_by_itself_but_not_from_under_the_pointer(
    page: Page,
) -> None:
    await page.clock.install()
    await page.goto("/shell")
    await page.get_by_role("button", name="Save", exact=True).click()
    message = page.locator("#messages .notice")
    await message.hover()
    await page.clock.run_for(20_000)
    await expect(message).to_have_count(1)
    await page.mouse.move(0, 0)
    await page.clock.run_for(10_000)
    await expect(message).to_have_count(0)


async def test_an_alert_stays_until_escape(page: Page, watch: Watch) -> None:
    watch.allow("status of 404")
    await page.clock.install()
    await page.goto("/shell")
    await page.get_by_role("button", name="Lost").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_have_count(1)
    await page.clock.run_for(60_000)
    await page.get_by_text("More").click()
    await page.keyboard.press("Escape")
    await expect(alert).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(alert).to_have_count(0)


async def test_a_request_that_fails_says_so_and_takes_nothing_away(
    page: Page, watch: Watch
) -> None:
    watch.allow("status of 404")
    await page.goto("/shell")
    await page.get_by_role("button", name="Lost").click()
    await expect(page.get_by_role("alert")).to_contain_text("nothing at this address")
    await expect(page.locator("#row")).to_have_text("nothing yet")
    await assert_accessible(page)


async def test_a_failure_in_a_dialog_is_said_within_it(
    page: Page, watch: Watch
) -> None:
    watch.allow("status of 404")
    await page.goto("/shell")
    await page.get_by_role("link", name="Add").click()
    dialog = page.get_by_role("dialog", name="Add a row")
    await dialog.get_by_role("button", name="Lost").click()
    alert = dialog.get_by_role("alert")
    await expect(alert).to_contain_text("nothing at this address")
    await expect(dialog.get_by_label("Name")).to_be_visible()
    await alert.get_by_role("button", name="Close this message").click()
    await expect(alert).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(page.locator("body > #live")).to_have_count(1)


async def test_no_answer_at_all_is_said_too(page: Page, watch: Watch) -> None:
    for text in ("ERR_CONNECTION_REFUSED", "Failed to fetch"):
        watch.allow(text)
    await page.goto("/shell")
    await page.route("**/save", lambda route: route.abort("connectionrefused"))
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Patchbay did not answer")
    await assert_accessible(page)


@pytest.mark.parametrize(
    ("now", "text"),
    [("2026-11-22T11:30Z", "18:12"), ("2026-11-22T20:30Z", "22 Nov")],
)
async def test_times_are_those_of_the_persons_own_clock(
    open_page: OpenPage, alice: User, now: str, text: str
) -> None:
    page = await open_page(user=alice, timezone="Asia/Tokyo")
    await page.clock.set_fixed_time(now)
    await page.goto("/shell")
    await expect(page.locator("time")).to_have_text(text)
    title = "22 November 2026 at 18:12:00 GMT+9"
    await expect(page.locator("time")).to_have_attribute("title", title)


async def test_the_csrf_token_reaches_the_server_without_a_readable_cookie(
    page: Page, settings: Any
) -> None:
    settings.CSRF_COOKIE_HTTPONLY = True
    await page.goto("/shell")
    assert "csrftoken" not in await page.evaluate("document.cookie")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("link", name="the row")).to_be_focused()


async def test_a_header_of_a_button_is_added_to_the_token(page: Page) -> None:
    await page.goto("/shell")
    async with page.expect_request("**/save") as sent:
        await page.get_by_role("button", name="Save with a header").click()
    headers = (await sent.value).headers
    assert headers["x-more"] == "yes"
    assert headers["x-csrftoken"]
    await expect(page.get_by_role("link", name="the row")).to_be_focused()


async def test_a_stream_is_swapped_event_by_event(page: Page) -> None:
    await page.goto("/shell")
    await page.get_by_role("button", name="Stream").click()
    await expect(page.locator("#row")).to_have_text("step 3")


async def test_text_is_copied_and_the_button_says_so(page: Page) -> None:
    await page.goto("/shell")
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "to be copied"
    await expect(page.locator("#announcer")).to_have_text("Copied")


async def test_without_a_clipboard_the_text_is_selected(page: Page) -> None:
    await page.context.clear_permissions()
    await page.goto("/shell")
    await page.evaluate("delete Navigator.prototype.clipboard")
    await page.get_by_role("button", name="Copy").click()
    await expect(page.locator("#announcer")).to_contain_text("Selected.")
    assert await page.evaluate("getSelection().toString()") == "to be copied"


async def test_without_a_script_nothing_is_offered_that_needs_one(
    open_page: OpenPage, alice: User
) -> None:
    page = await open_page(user=alice, javascript=False)
    await page.goto("/shell")
    await expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    await page.get_by_text("alice, account menu").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    await expect(page.get_by_role("button", name="Keyboard")).to_be_hidden()
    await expect(page.get_by_role("radio", name="Dark")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 2560])
@pytest.mark.parametrize("dark", [False, True])
async def test_the_shell_fits_and_is_accessible(
    open_page: OpenPage, alice: User, width: int, dark: bool
) -> None:
    page = await open_page(user=alice, width=width, height=800, dark=dark)
    await page.goto("/shell")
    await assert_fits(page)
    await assert_accessible(page)
    await page.get_by_text("alice, account menu").click(force=True)
    await assert_accessible(page)
    await page.keyboard.press("Escape")
    await page.get_by_role("link", name="Add").click()
    await expect(page.get_by_label("Name")).to_be_focused()
    await assert_fits(page)
    await assert_accessible(page)
