"""Signing in and the settings, in a real browser."""

import re
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Page, expect

from accounts import tokens
from accounts.models import ApiToken, User
from config.tests.browser import OpenPage, Watch, assert_accessible, assert_fits
from conftest import PASSWORD

SIZES = [(320, True), (390, False), (1280, True), (2560, False)]
FOR_STRANGERS = ["/", "/accounts/login/", "/accounts/signup/"]
FOR_STRANGERS += ["/accounts/password/reset/", "/nowhere"]
FOR_PEOPLE = ["/settings", "/settings/tokens", "/accounts/password/change/"]
FOR_PEOPLE += ["/accounts/email/", "/accounts/logout/", "/nowhere", "/demo"]


async def look_at(page: Page, path: str) -> None:
    await page.goto(path)
    await expect(page.locator("h1")).to_have_count(1)
    await assert_fits(page)
    await assert_accessible(page)


@pytest.mark.parametrize(("width", "dark"), SIZES)
async def test_the_pages_for_strangers_look_right(
    open_page: OpenPage, watch: Watch, settings: Any, width: int, dark: bool
) -> None:
    settings.DEVELOPMENT = settings.SIGNUP_OPEN = True
    watch.allow("status of 404")
    page = await open_page(width=width, height=800, dark=dark)
    for path in FOR_STRANGERS:
        await look_at(page, path)


@pytest.mark.parametrize(("width", "dark"), SIZES)
async def test_the_pages_for_people_look_right(
    open_page: OpenPage, watch: Watch, alice: User, width: int, dark: bool
) -> None:
    watch.allow("status of 40")
    await sync_to_async(tokens.issue)(user=alice, name="laptop")
    page = await open_page(user=alice, width=width, height=800, dark=dark)
    for path in FOR_PEOPLE:
        await look_at(page, path)


async def test_a_person_signs_in_and_out(signed_out_page: Page, alice: User) -> None:
    page = signed_out_page
    await page.goto("/settings")
    await page.get_by_label("Username or e-mail address").fill("alice")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await assert_accessible(page)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    await page.get_by_text("alice, account menu").click()
    await page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()


async def test_the_demo_is_one_click_away(signed_out_page: Page, settings: Any) -> None:
    settings.DEVELOPMENT = True
    await signed_out_page.goto("/")
    await signed_out_page.get_by_role("button", name="Try the demo").click()
    await signed_out_page.wait_for_url("**/connectors")


async def test_a_token_is_made_copied_and_gone(page: Page, alice: User) -> None:
    await page.goto("/settings/tokens")
    await expect(page.get_by_text("No tokens yet")).to_be_visible()
    await page.get_by_label("Name").fill("laptop")
    await page.get_by_label("connectors:read").uncheck()
    await page.get_by_label("Ends after").select_option("30")
    await page.get_by_role("button", name="Make token").click()
    copy = page.get_by_role("button", name="Copy token")
    await expect(copy).to_be_focused()
    await expect(page.get_by_role("row", name=re.compile("laptop"))).to_contain_text(
        "run tools"
    )
    await expect(page.get_by_label("Name")).to_have_value("")
    await assert_accessible(page)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Copied token")).to_be_visible()
    text = await page.evaluate("navigator.clipboard.readText()")
    token = await sync_to_async(tokens.authenticate)(text)
    assert token is not None
    assert (token.user_id, token.scopes) == (alice.pk, ["tools:call"])
    await page.get_by_role("link", name="I have stored it").click()
    await expect(page.get_by_text(text)).to_have_count(0)
    await expect(page.locator("main")).to_be_focused()
    assert page.url.endswith("/settings/tokens")
    await page.reload()
    assert text not in await page.content()


async def test_a_form_that_is_wrong_says_so_at_the_field(page: Page) -> None:
    await page.goto("/settings/tokens")
    await page.get_by_label("Name").fill("laptop")
    for label in ("connectors:read", "tools:call"):
        await page.get_by_label(label).uncheck()
    await page.get_by_role("button", name="Make token").click()
    await expect(page.get_by_label("connectors:read")).to_be_focused()
    await expect(page.get_by_label("Name")).to_have_value("laptop")
    await assert_accessible(page)
    await page.get_by_label("Name").fill("")
    await page.get_by_role("button", name="Make token").click()
    await expect(page.get_by_label("Name")).to_be_focused()
    await assert_accessible(page)


async def test_a_token_is_revoked_by_keyboard(page: Page, alice: User) -> None:
    await sync_to_async(tokens.issue)(user=alice, name="laptop")
    await page.goto("/settings/tokens")
    await page.get_by_role("link", name="Revoke laptop").focus()
    await page.keyboard.press("Enter")
    question = page.get_by_role("dialog", name="Revoke “laptop”?")
    keep = question.get_by_role("link", name="Keep it")
    await expect(keep).to_be_focused()
    await assert_accessible(page)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Revoke laptop")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(keep).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    heading = page.get_by_role("heading", name="API tokens · 0")
    await expect(heading).to_be_focused()
    await expect(page.locator("#messages")).to_contain_text("“laptop” was revoked")
    await assert_accessible(page)
    assert not await ApiToken.objects.filter(revoked_at=None).aexists()


async def test_without_a_script_a_token_is_made_and_revoked(
    open_page: OpenPage, alice: User
) -> None:
    page = await open_page(user=alice, javascript=False)
    await page.goto("/settings/tokens")
    await page.get_by_label("Name").fill("laptop")
    await page.get_by_role("button", name="Make token").click()
    await expect(page.locator("#token-value")).to_have_text(re.compile("^pb_"))
    await page.get_by_role("link", name="I have stored it").click()
    await expect(page.locator("#token-value")).to_have_count(0)
    await page.get_by_role("link", name="Revoke laptop").click()
    await page.get_by_role("button", name="Revoke token").click()
    await expect(page.get_by_text("The token “laptop” was revoked.")).to_be_visible()


async def test_who_is_signed_out_meanwhile_comes_back_to_the_page(
    page: Page, alice: User
) -> None:
    await sync_to_async(tokens.issue)(user=alice, name="laptop")
    await page.goto("/settings/tokens")
    await page.context.clear_cookies()
    await page.get_by_role("link", name="Revoke laptop").click()
    await page.get_by_label("Username or e-mail address").fill("alice")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="API tokens · 1")).to_be_visible()
