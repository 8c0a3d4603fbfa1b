"""Signing in to a server by OAuth, from the pasted address to a tool that is picked."""

import re

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Page, expect

from accounts.models import User
from config.tests.browser import OpenPage, Watch
from config.tests.journeys.walking import (
    assert_good,
    button,
    card,
    heading,
    open_form,
    saved,
)
from connectors.models import UserMCPConnection
from connectors.tests import verbs
from demo.authority.running import RunningAuthority

# The provider is asked before the page comes.
SLOW_MS = 15_000
ASKED = re.compile(r"^127\.0\.0\.1 will be asked for$")


@pytest.fixture(autouse=True)
def _away(watch: Watch, authority: RunningAuthority) -> None:
    """Let pages lead to the authority, which has no icon."""
    watch.allow(f"asked somebody else: {authority.issuer}")
    watch.allow(f"{authority.issuer}/favicon.ico")


async def follow(page: Page, name: str) -> None:
    await page.get_by_role("link", name=name).click()


async def ask(page: Page, url: str) -> None:
    """Paste an address into the dialog, and test it."""
    dialog = await open_form(page, url=url)
    await button(dialog, "Test connection").click()
    await expect(heading(dialog, "What 127.0.0.1 will be asked for")).to_be_visible()


async def answered(page: Page, *, account: str = "Ada", allow: bool = True) -> None:
    """Be somebody at the provider, and say yes or no there."""
    await page.get_by_role("radio", name=re.compile(f"^{account}")).check()
    await button(page, "Allow" if allow else "Cancel").click()


async def connected(page: Page, authority: RunningAuthority, account: str) -> None:
    await page.goto(f"/connectors/add?url={authority.mcp_url}")
    await button(page, "Test connection").click()
    await button(page, "Continue to").click()
    await follow(page, "Continue to")
    await answered(page, account=account)
    await expect(heading(page, "Connected Successfully!")).to_be_visible()


async def test_from_a_pasted_address_to_a_chat_with_it(
    page: Page, authority: RunningAuthority
) -> None:
    await ask(page, authority.mcp_url)
    dialog = page.get_by_role("dialog")
    go_on = button(dialog, "Continue to 127.0.0.1")
    await expect(go_on).to_be_focused()
    await expect(dialog.get_by_text("It will be able to read.")).to_be_visible()
    await assert_good(page)
    await dialog.get_by_label("Name").fill("Diary")
    await go_on.click()
    await expect(heading(page, "Connect Diary")).to_be_visible()
    await expect(page.get_by_role("heading", name=ASKED)).to_be_visible()
    await expect(page.get_by_text("Read journal")).to_be_visible()
    await assert_good(page)
    await follow(page, "Continue to Diary")
    await answered(page)
    await expect(heading(page, "Connected Successfully!")).to_be_visible()
    await expect(page.get_by_text("signed in to Diary as ada@")).to_be_visible()
    await assert_good(page)
    await follow(page, "Start Chat")
    await expect(page.locator("#picked").get_by_text("Diary")).to_be_visible()
    await page.goto(f"/connectors/{(await saved()).pk}")
    await expect(page.get_by_text("renewed by itself until")).to_be_visible()
    await assert_good(page)


async def test_who_cancels_is_told_and_can_try_again(
    page: Page, authority: RunningAuthority
) -> None:
    await ask(page, authority.mcp_url)
    await button(page, "Continue to").click()
    await follow(page, "Continue to")
    await answered(page, allow=False)
    await expect(heading(page, "the sign-in was cancelled")).to_be_visible()
    await page.get_by_text("Details for whoever helps you").click()
    await expect(page.get_by_text("access_denied")).to_be_visible()
    await assert_good(page)
    await follow(page, "Try Again")
    # What it asks for is known by now.
    await expect(page.get_by_text("Read journal")).to_be_visible()
    await follow(page, "Continue to")
    await answered(page)
    await expect(heading(page, "Connected Successfully!")).to_be_visible()


async def test_a_sign_in_that_was_withdrawn_is_made_again(
    page: Page, authority: RunningAuthority, alice: User
) -> None:
    await connected(page, authority, "Ada")
    row = await saved()
    authority.withdraw()
    await sync_to_async(verbs.retest)(alice, row.pk)
    await page.goto("/connectors")
    one = card(page, row.name)
    await expect(one.get_by_text("Sign in again", exact=True).first).to_be_visible()
    await assert_good(page)
    await one.get_by_role("link", name="Sign in again").click()
    await expect(heading(page, f"Connect {row.name}")).to_be_visible()
    await follow(page, f"Continue to {row.name}")
    await answered(page)
    await follow(page, "Go to Settings")
    await expect(page.locator("#header").get_by_text("Ready")).to_be_visible()
    assert await UserMCPConnection.objects.acount() == 1


async def test_two_accounts_on_one_server_are_told_apart(
    page: Page, authority: RunningAuthority
) -> None:
    await connected(page, authority, "Ada")
    await connected(page, authority, "Grace")
    await page.goto("/connectors")
    for label in ("ada@", "grace@"):
        await expect(page.get_by_text(f"Signed in as {label}")).to_be_visible()
    await assert_good(page)
    row = await saved(grant__account_label__startswith="grace")
    await page.goto(f"/connectors/{row.pk}")
    await follow(page, "Disconnect")
    dialog = page.get_by_role("dialog", name=f"Disconnect {row.name}?")
    await expect(dialog.get_by_role("link", name="Stay signed in")).to_be_focused()
    await assert_good(page)
    await button(dialog, "Disconnect").click()
    receipt = page.locator("#messages").get_by_text("the permission has ended")
    await expect(receipt).to_be_visible(timeout=SLOW_MS)
    await expect(
        page.locator("#sign-in").get_by_text("Nobody is signed in.")
    ).to_be_visible()
    await assert_good(page)


async def test_a_client_of_ones_own_is_entered_under_advanced(
    page: Page, authority: RunningAuthority
) -> None:
    authority.switches.registration = "not offered"
    await ask(page, authority.mcp_url)
    dialog = page.get_by_role("dialog")
    uri = await dialog.locator("#redirect-uri").inner_text()
    await button(dialog, "Copy the redirect URI").click()
    assert await page.evaluate("navigator.clipboard.readText()") == uri
    await assert_good(page)
    client_id, secret = authority.register_client(uri)
    await dialog.get_by_label("Name", exact=True).fill("Diary")
    await dialog.get_by_label("Client id").fill(client_id)
    await dialog.get_by_label("Client secret").fill(secret)
    await page.keyboard.press("Enter")
    await expect(heading(page, "Connect Diary")).to_be_visible()
    await follow(page, "Continue to Diary")
    await answered(page)
    await expect(heading(page, "Connected Successfully!")).to_be_visible()


async def test_without_scripts_it_is_the_same_way(
    open_page: OpenPage, alice: User, authority: RunningAuthority
) -> None:
    page = await open_page(user=alice, javascript=False)
    await page.goto(f"/connectors/add?url={authority.mcp_url}")
    await button(page, "Test connection").click()
    await button(page, "Continue to").click()
    await expect(page.get_by_text("Asking 127.0.0.1")).to_be_hidden()
    await follow(page, "Ask 127.0.0.1 what it wants")
    await expect(page.get_by_text("Read journal")).to_be_visible()
    await follow(page, "Continue to")
    await answered(page)
    await expect(heading(page, "Connected Successfully!")).to_be_visible()
    await follow(page, "Go to Settings")
    await follow(page, "Disconnect")
    await button(page, "Disconnect").click()
    await expect(
        page.locator("#sign-in").get_by_text("Nobody is signed in.")
    ).to_be_visible()


async def test_it_needs_no_mouse(page: Page, authority: RunningAuthority) -> None:
    await page.goto(f"/connectors/add?url={authority.mcp_url}")
    await expect(button(page, "Test connection")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(button(page, "Continue to")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name=ASKED)).to_be_visible()
    await _tab_to(page, "Continue to")
    await page.keyboard.press("Enter")
    await expect(button(page, "Allow")).to_be_visible()
    await button(page, "Allow").focus()
    await page.keyboard.press("Enter")
    await expect(heading(page, "Connected Successfully!")).to_be_visible()
    await _tab_to(page, "Start Chat")
    await page.keyboard.press("Enter")
    await expect(page.locator("#picked").get_by_text("Journal")).to_be_visible()


async def _tab_to(page: Page, name: str) -> None:
    place = page.get_by_role("link", name=name)
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await place.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{name} was not reached")


async def test_the_tab_that_the_chat_opened_closes_itself(
    page: Page, authority: RunningAuthority, alice: User
) -> None:
    await connected(page, authority, "Ada")
    row = await saved()
    authority.withdraw()
    await sync_to_async(verbs.retest)(alice, row.pk)
    await page.goto("/chat")
    await button(page, "Apps").click()
    async with page.context.expect_page() as opened:
        await page.get_by_role("link", name="in a new tab").click()
    tab = await opened.value
    await follow(tab, f"Continue to {row.name}")
    async with tab.expect_event("close"):
        await answered(tab)


@pytest.mark.parametrize(
    ("width", "dark"), [(390, False), (390, True), (320, False), (1280, True)]
)
async def test_every_page_fits_and_can_be_read(
    open_page: OpenPage,
    alice: User,
    authority: RunningAuthority,
    width: int,
    dark: bool,
) -> None:
    page = await open_page(user=alice, width=width, dark=dark)
    await ask(page, authority.mcp_url)
    await page.get_by_text("Advanced", exact=True).click()
    await assert_good(page)
    await button(page, "Continue to").click()
    await expect(page.get_by_role("heading", name=ASKED)).to_be_visible()
    await assert_good(page)
    await page.goto("/connectors/oauth/error?error=registration_refused")
    await assert_good(page)
    authority.switches.issues_refresh_token = False
    await connected(page, authority, "Grace")
    await expect(page.get_by_text("gave no refresh token")).to_be_visible()
    await assert_good(page)
    one = f"/connectors/{(await saved()).pk}"
    for path in (one, f"{one}/sign-in/client", f"{one}/edit", f"{one}/disconnect"):
        await page.goto(path)
        await assert_good(page)
    await page.goto("/connectors")
    await assert_good(page)
