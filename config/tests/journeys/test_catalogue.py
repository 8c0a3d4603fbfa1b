"""Known servers: found, read about, and connected, with everything filled in."""

import pytest
from playwright.async_api import Page, expect

from accounts.models import User
from config.tests.browser import OpenPage, Watch
from config.tests.journeys.walking import assert_good, button, heading, save_button
from connectors.models import CatalogueEntry
from demo.authority.running import RunningAuthority
from demo.fixtures import DemoServer


@pytest.fixture(autouse=True)
def _known(
    live_server_asgi: object,
    watch: Watch,
    notes_server: DemoServer,
    authority: RunningAuthority,
) -> None:
    """Make two servers known whose facts are all there, and lead to the authority."""
    watch.allow(f"asked somebody else: {authority.issuer}")
    watch.allow(f"{authority.issuer}/favicon.ico")
    CatalogueEntry.objects.create(
        key="journal",
        fields={
            "name": "Journal",
            "server_url": authority.mcp_url,
            "sign_in": "oauth",
            "registration": "dcr",
            "category": "documents",
            "description": "A diary of one's own.",
            "capabilities": ["Read entries", "Write an entry"],
            "developer": "Demo authority",
            "website": "https://journal.example",
            "privacy_policy": "https://journal.example/privacy",
        },
    )
    CatalogueEntry.objects.create(
        key="notes",
        fields={"name": "Notes", "server_url": notes_server.url, "sign_in": "none"},
    )


async def test_from_a_search_to_a_server_that_is_connected(page: Page) -> None:
    await page.goto("/connectors")
    await page.locator('[hx-get="/connectors/add"]').first.click()
    dialog = page.get_by_role("dialog")
    await expect(heading(dialog, "Or choose a known server")).to_be_visible()
    await assert_good(page)
    search = dialog.get_by_label("Search known servers")
    await search.press_sequentially("diary")
    await expect(dialog.get_by_role("status").get_by_text("1 found")).to_be_attached()
    await expect(search).to_be_focused()
    await dialog.get_by_role("link", name="Journal").click()
    await expect(heading(dialog, "Journal")).to_be_visible()
    for text in ("A diary of one's own.", "Read entries", "Demo authority"):
        await expect(dialog.get_by_text(text)).to_be_visible()
    await assert_good(page)
    await button(dialog, "Connect Journal").click()
    await expect(heading(page, "Connect Journal")).to_be_visible()
    await expect(page.get_by_text("Developed by Demo authority")).to_be_visible()
    await expect(page.get_by_text("Read journal")).to_be_visible()
    await page.get_by_role("link", name="Continue to Journal").click()
    await button(page, "Allow").click()
    await expect(heading(page, "Connected Successfully!")).to_be_visible()
    await page.goto("/catalogue?q=diary")
    row = page.get_by_role("main").get_by_role("link", name="Journal")
    await expect(row.get_by_text("Connected")).to_be_visible()


async def test_a_server_without_a_sign_in_fills_the_form_of_the_dialog(
    page: Page, notes_server: DemoServer
) -> None:
    await page.goto("/catalogue")
    await page.get_by_role("link", name="Notes No sign-in").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("link", name="Connect Notes").click()
    await expect(dialog.get_by_label("Server URL")).to_have_value(notes_server.url)
    await expect(dialog.get_by_label("Name")).to_have_value("Notes")
    await button(dialog, "Test connection").click()
    await expect(save_button(dialog)).to_be_focused()


async def test_categories_narrow_the_list_and_keep_what_is_searched(
    page: Page,
) -> None:
    await page.goto("/catalogue?q=github")
    main = page.get_by_role("main")
    await expect(main.locator(".opt")).to_have_count(2)
    await main.get_by_role("link", name="Developer", exact=True).click()
    await expect(main.locator(".opt")).to_have_count(1)
    search = main.get_by_label("Search known servers")
    await search.fill("")
    await search.press_sequentially("sentry")
    await expect(main.locator(".opt").get_by_text("Sentry")).to_be_visible()
    await expect(main.locator(".opt")).to_have_count(1)
    await assert_good(page)


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_server_that_needs_the_operator_says_what_is_missing(
    open_page: OpenPage, alice: User, javascript: bool
) -> None:
    page = await open_page(user=alice, javascript=javascript)
    await page.goto("/catalogue?q=asana")
    row = page.get_by_role("main").get_by_role("link", name="Asana")
    await expect(row.get_by_text("An administrator must register")).to_be_visible()
    await row.click()
    place = page.get_by_role("dialog" if javascript else "main")
    await expect(place.get_by_text("OAUTH_CLIENT_ASANA_ID")).to_be_visible()
    shut = place.get_by_role("button", name="Connect Asana")
    await expect(shut).to_have_attribute("aria-disabled", "true")


@pytest.mark.parametrize(("width", "dark"), [(390, False), (320, True), (1280, True)])
async def test_known_servers_fit_and_can_be_read(
    open_page: OpenPage, alice: User, width: int, dark: bool
) -> None:
    page = await open_page(user=alice, width=width, dark=dark)
    for path in (
        "/catalogue",
        "/catalogue?q=nothing of that name",
        "/catalogue/asana",
        "/catalogue/github",
        "/connectors/add",
    ):
        await page.goto(path)
        await assert_good(page)
    await page.goto("/catalogue")
    await page.get_by_role("link", name="Journal").click()
    await expect(heading(page.get_by_role("dialog"), "Journal")).to_be_visible()
    await assert_good(page)
