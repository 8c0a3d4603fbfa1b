"""The files of Export in Chromium: listed, saved, and never opened in the page."""

from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import expect

from accounts.models import User
from config.tests.browser import OpenPage, assert_accessible, assert_fits
from systemtools.export import files

HOSTILE = "<script>document.title = 'run'</script>"


@sync_to_async
def make(user: User, title: str, text: str, format_: str = "markdown") -> Any:
    return files.make(user_id=user.pk, title=title, format_=format_, text=text)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
async def test_files_are_listed_and_saved_as_they_are(
    open_page: OpenPage, alice: User, dark: bool, width: int
) -> None:
    await make(alice, "Failed payouts since Friday and what came of each", HOSTILE)
    await make(alice, "Usage", "a,b\r\n" * 900, "csv")
    page = await open_page(user=alice, width=width, dark=dark)
    await page.goto("/exports")
    await expect(page.get_by_role("heading", name="Files · 2")).to_be_visible()
    await assert_accessible(page)
    await assert_fits(page)
    async with page.expect_download() as begun:
        await page.get_by_role("link", name="failed-payouts").click()
    download = await begun.value
    name = "failed-payouts-since-friday-and-what-came-of-each.md"
    assert download.suggested_filename == name
    assert Path(await download.path()).read_text() == HOSTILE
    await expect(page).to_have_title("Exported files · Patchbay")


async def test_an_address_that_is_opened_is_saved_too(
    open_page: OpenPage, alice: User
) -> None:
    file = await make(alice, "Usage", HOSTILE, "csv")
    page = await open_page(user=alice)
    await page.goto("/exports")
    async with page.expect_download() as begun:
        # As a link in the chat does: by its address, in a window of its own.
        await page.evaluate("url => void open(url)", f"/exports/{file.public_id}")
    assert (await begun.value).suggested_filename == "usage.csv"
