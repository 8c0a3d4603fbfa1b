"""The browser of the tests sees what is wrong with a page."""

import pytest
from playwright.async_api import Error, Page

from config.tests.browser import OpenPage, Watch, assert_accessible, assert_fits

INLINE_SCRIPT = """
const script = document.createElement("script");
script.textContent = "window.ran = true";
document.head.append(script);
"""


async def test_a_person_is_signed_in_and_a_stranger_is_not(
    page: Page, signed_out_page: Page
) -> None:
    await page.goto("/settings")
    await page.get_by_role("heading", name="Settings").wait_for()
    await signed_out_page.goto("/settings")
    await signed_out_page.get_by_role("heading", name="Sign in").wait_for()


async def test_an_inline_script_does_not_run_and_is_seen(
    signed_out_page: Page, watch: Watch
) -> None:
    await signed_out_page.goto("/")
    await signed_out_page.evaluate(INLINE_SCRIPT)
    assert await signed_out_page.evaluate("window.ran") is None
    assert any("CSP script-src" in problem for problem in watch.unexpected())
    watch.allow("CSP")
    watch.allow("Content Security Policy")


async def test_an_error_of_a_script_is_seen(
    signed_out_page: Page, watch: Watch
) -> None:
    await signed_out_page.goto("/")
    async with signed_out_page.expect_event("pageerror"):
        await signed_out_page.evaluate("setTimeout(() => { throw Error('lost') })")
    assert any("lost" in problem for problem in watch.unexpected())
    watch.allow("lost")


async def test_a_request_to_somebody_else_is_seen_and_gets_nowhere(
    signed_out_page: Page, watch: Watch
) -> None:
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        await signed_out_page.goto("http://elsewhere.example/")
    (problem,) = watch.unexpected()
    assert problem == "asked somebody else: http://elsewhere.example/"
    watch.allow("elsewhere.example")


async def test_a_page_that_is_missing_is_seen(
    signed_out_page: Page, watch: Watch
) -> None:
    await signed_out_page.goto("/nowhere")
    assert "status of 404" in "".join(watch.unexpected())
    watch.allow("status of 404")


async def test_a_finding_of_axe_fails_the_page(signed_out_page: Page) -> None:
    await signed_out_page.goto("/")
    await assert_accessible(signed_out_page)
    await signed_out_page.evaluate("document.querySelector('h1').append(new Image())")
    with pytest.raises(AssertionError, match="image-alt"):
        await assert_accessible(signed_out_page)


async def test_a_page_that_is_too_wide_is_seen(open_page: OpenPage) -> None:
    page = await open_page(width=320, height=640)
    await page.goto("/")
    await assert_fits(page)
    await page.evaluate("document.querySelector('h1').textContent = 'W'.repeat(200)")
    with pytest.raises(AssertionError, match="too wide"):
        await assert_fits(page)
