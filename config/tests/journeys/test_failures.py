"""What goes wrong while adding: shown with its fix, its evidence, its way out."""

from playwright.async_api import Locator, Page, expect

from config.tests.journeys.unanswered import Unanswered
from config.tests.journeys.walking import (
    assert_closed,
    assert_good,
    button,
    card,
    open_form,
    put_away_offer,
    save_button,
    saved,
    url_field,
)
from connectors.models import ConnectionTest, UserMCPConnection
from demo.fixtures import DemoServer
from demo.hostile import Hostile

# --- A web page in place of a server -----------------------------------------


async def test_a_failure_says_what_to_try_and_one_click_repairs_it(
    page: Page, company_site: Hostile
) -> None:
    dialog = await open_form(page, url=company_site.url(""))
    await url_field(dialog).press("Enter")
    await _is_told(page, dialog)
    await _copies_the_transcript(page, dialog)
    await button(dialog, "Try …/mcp").click()
    await expect(save_button(dialog)).to_be_focused()
    await expect(url_field(dialog)).to_have_value(company_site.url("mcp"))
    await expect(dialog.get_by_text("INVALID_MCP_SERVER")).to_be_hidden()
    await save_button(dialog).click()
    await expect(card(page, "Hostile peer").get_by_text("Ready")).to_be_visible()
    assert (await saved()).server_url == company_site.url("mcp")


async def _is_told(page: Page, dialog: Locator) -> None:
    alert = dialog.get_by_role("alert")
    await expect(alert).to_contain_text("doesn't appear to be a valid MCP server")
    await expect(alert).to_contain_text("INVALID_MCP_SERVER")
    await expect(button(dialog, "Try …/mcp")).to_be_focused()
    await expect(url_field(dialog)).to_have_attribute("aria-invalid", "true")
    await expect(save_button(dialog)).to_have_attribute("aria-disabled", "true")
    await expect(dialog.locator(".steps .fail")).to_have_count(1)
    await assert_good(page)


async def _copies_the_transcript(page: Page, dialog: Locator) -> None:
    await dialog.get_by_text("Transcript, secrets removed").click()
    await button(dialog, "Copy for the server’s owner").click()
    await expect(button(dialog, "Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert "INVALID_MCP_SERVER" in copied
    assert "text/html" in copied
    await assert_good(page)


async def test_the_server_that_is_broken_on_purpose_shows_its_error(
    page: Page, broken_server: Hostile
) -> None:
    await page.goto("/connectors")
    await page.get_by_role("link", name="Connect Broken on purpose").click()
    dialog = page.get_by_role("dialog")
    await button(dialog, "Test connection").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("SERVER_ERROR")
    await expect(button(dialog, "Test again")).to_be_focused()
    await assert_good(page)
    await save_button(dialog).focus()
    await save_button(dialog).press("Enter")
    await expect(dialog.get_by_text("Test the connection first.")).to_be_visible()
    assert not await UserMCPConnection.objects.aexists()


# --- A server that lets nobody in without a token ----------------------------


async def test_a_token_is_asked_for_kept_and_never_shown_again(
    page: Page, token_server: DemoServer
) -> None:
    dialog = await open_form(page, url=token_server.url)
    await button(dialog, "Test connection").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("AUTH_REQUIRED")
    await expect(button(dialog, "Add a token")).to_be_focused()
    await assert_good(page)
    await button(dialog, "Add a token").click()
    token = dialog.get_by_label("Bearer token")
    await expect(token).to_be_focused()
    await assert_good(page)
    await token.fill("wrong")
    await token.press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("AUTH_FAILED")
    await token.fill(token_server.token)
    await token.press("Enter")
    await expect(save_button(dialog)).to_be_focused()
    assert token_server.token not in await dialog.inner_html()
    await save_button(dialog).click()
    await expect(card(page, "Releases").get_by_text("Ready")).to_be_visible()
    await _is_nowhere(page, token_server.token)


async def _is_nowhere(page: Page, token: str) -> None:
    """Look for a token in all that the connector's pages show."""
    row = await saved(auth_type="api_key")
    test = await ConnectionTest.objects.alatest("pk")
    one = f"/connectors/{row.pk}"
    paths = ["/connectors", one, f"{one}/edit", f"{one}/tests/{test.pk}"]
    for path in [*paths, f"{one}/tools/latest_release"]:
        answer = await page.goto(path)
        assert answer is not None
        assert token not in await answer.text()
    await page.goto(f"{one}/edit")
    await expect(page.get_by_role("radio", name="Token")).to_be_checked()
    for field in await page.locator("input[type=password], textarea").all():
        assert await field.input_value() == ""
    await assert_good(page)


# --- A test that does not end ------------------------------------------------


async def test_a_test_that_is_stopped_ends_at_the_server(
    page: Page, unanswered: Unanswered
) -> None:
    dialog = await open_form(page, url=unanswered.url)
    await button(dialog, "Test connection").click()
    await unanswered.asked()
    await expect(dialog.locator("#step-tools.now")).to_be_visible()
    await expect(dialog.locator(".steps .done")).to_have_count(5)
    await expect(button(dialog, "Stop test")).to_be_focused()
    await assert_good(page)
    await button(dialog, "Stop test").click()
    await expect(dialog.get_by_text("The test was stopped.")).to_be_visible()
    await expect(button(dialog, "Test again")).to_be_focused()
    await unanswered.left()
    await assert_good(page)
    assert not await ConnectionTest.objects.aexists()


async def test_a_test_ends_when_its_dialog_is_closed(
    page: Page, unanswered: Unanswered
) -> None:
    dialog = await open_form(page, url=unanswered.url)
    await button(dialog, "Test connection").click()
    await unanswered.asked()
    await dialog.get_by_role("link", name="Cancel").click()
    await assert_closed(page)
    await expect(page.get_by_role("link", name="Paste a URL")).to_be_focused()
    await unanswered.left()
    assert not await ConnectionTest.objects.aexists()


async def test_a_test_ends_when_the_person_leaves(
    page: Page, unanswered: Unanswered
) -> None:
    dialog = await open_form(page, url=unanswered.url)
    await button(dialog, "Test connection").click()
    await unanswered.asked()
    await page.goto("/settings")
    await unanswered.left()
    assert not await ConnectionTest.objects.aexists()


# --- The same server twice ---------------------------------------------------


async def test_a_second_connector_of_one_server_is_questioned_and_let_go_on(
    page: Page, notes_server: DemoServer
) -> None:
    dialog = await open_form(page, url=notes_server.url)
    await url_field(dialog).press("Enter")
    await save_button(dialog).click()
    await put_away_offer(page, name="Notes")
    await page.get_by_role("link", name="Add connector").click()
    await url_field(dialog).fill(notes_server.url)
    await url_field(dialog).press("Enter")
    await expect(save_button(dialog)).to_be_focused()
    await save_button(dialog).click()
    alert = dialog.get_by_role("alert")
    await expect(alert).to_contain_text("You already have a connector with this URL")
    await expect(button(dialog, "Save a second one")).to_be_focused()
    await assert_good(page)
    await button(dialog, "Save a second one").click()
    await put_away_offer(page, name="Notes 2")
    await expect(page.get_by_role("article")).to_have_count(2)
    await assert_good(page)
    assert await UserMCPConnection.objects.acount() == 2
