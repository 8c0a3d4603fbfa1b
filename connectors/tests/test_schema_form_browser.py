"""The form of a schema in a real browser, with and without a script."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Page, expect

from accounts.models import User
from config.tests.browser import OpenPage, assert_accessible, assert_fits

TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "required": ["query", "fixed"],
    "properties": {
        "query": {**TEXT, "title": "Words to look for", "description": "Any words."},
        "limit": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
        "at": {**TEXT, "format": "date-time"},
        "loud": {"type": "boolean", "default": False},
        "sort": {"enum": ["old", "new"]},
        "fixed": {"const": "always"},
        "note": {"type": ["string", "null"], "default": "none"},
        "body": TEXT,
        "tags": {"type": "array", "items": TEXT},
        "part": {
            "type": "object",
            "properties": {"x.y": {"type": "number"}, "é": TEXT},
        },
        "size": {
            "anyOf": [
                {"type": "integer", "title": "Pixels"},
                {
                    "type": "object",
                    "title": "Box",
                    "properties": {"w": {"type": "integer"}},
                    "required": ["w"],
                },
            ],
            "default": 10,
        },
        "free": {"type": "object", "additionalProperties": TEXT},
        "_".join(["long"] * 30): TEXT,
    },
}


@pytest.fixture(autouse=True)
def _page_with_a_form(settings: Any) -> None:
    settings.ROOT_URLCONF = "connectors.tests.schema_form_urls"


async def show(page: Page) -> None:
    await page.goto(f"/form?schema={quote(json.dumps(SCHEMA))}")


async def run(page: Page) -> Any:
    await page.get_by_role("button", name="Run", exact=True).click()
    return await result(page)


async def result(page: Page) -> Any:
    await expect(page.locator("pre")).not_to_be_empty()
    return json.loads(await page.locator("pre").inner_text())


async def fill_in_and_run(page: Page, *, has_script: bool) -> Any:
    """Use every button of the form, and fields that came by one."""
    await show(page)
    await page.get_by_label("Words to look for").fill("patch & <bay>")
    await page.get_by_label("body").fill("one\ntwo")
    await page.get_by_label("at", exact=True).fill("2026-03-01T10:30")
    await page.get_by_label("loud").check()
    await page.get_by_role("button", name="Add an item to tags").click()
    await expect(page.get_by_label("Item 1", exact=True)).to_be_focused()
    await page.keyboard.type("first")
    await page.get_by_role("button", name="Add an item to tags").click()
    await page.get_by_label("Item 2", exact=True).fill("second")
    await page.get_by_role("button", name="Remove item 1 of tags").click()
    await expect(page.get_by_label("Item 1", exact=True)).to_have_value("second")
    await page.get_by_role("button", name="Add part").click()
    await expect(page.get_by_label("x.y")).to_be_focused()
    await page.keyboard.type("1.5")
    await page.get_by_role("button", name="Send null as note").click()
    await expect(page.get_by_text("Sent as null.")).to_be_visible()
    await page.get_by_label("Kind of size").select_option("Box")
    if not has_script:
        await page.get_by_role("button", name="Show the fields of size").click()
    await page.get_by_label("w required").fill("7")
    return await run(page)


RESULT = {
    "query": "patch & <bay>",
    "limit": 3,
    "at": "2026-03-01T10:30:00Z",
    "loud": True,
    "fixed": "always",
    "note": None,
    "body": "one\ntwo",
    "tags": ["second"],
    "part": {"x.y": 1.5},
    "size": {"w": 7},
}


async def test_a_form_is_filled_in_with_its_own_buttons(page: Page) -> None:
    assert await fill_in_and_run(page, has_script=True) == RESULT


async def test_a_form_is_filled_in_without_javascript(
    open_page: OpenPage, alice: User
) -> None:
    page = await open_page(user=alice, javascript=False)

    assert await fill_in_and_run(page, has_script=False) == RESULT


async def test_enter_runs_the_tool(page: Page) -> None:
    await show(page)
    await page.get_by_label("Words to look for").fill("x")
    await page.keyboard.press("Enter")

    assert (await result(page))["query"] == "x"


async def test_a_text_box_that_was_resized_survives_a_swap(page: Page) -> None:
    await show(page)
    await page.get_by_label("body").evaluate("(box) => { box.style.height = '9rem' }")
    await page.get_by_role("button", name="Add an item to tags").click()

    await expect(page.get_by_label("Item 1", exact=True)).to_be_focused()


@pytest.mark.parametrize("dark", [False, True])
async def test_every_state_of_a_form_is_accessible_and_fits(
    open_page: OpenPage, alice: User, dark: bool
) -> None:
    page = await open_page(user=alice, dark=dark, width=320)
    await show(page)
    await assert_accessible(page)
    await page.get_by_role("button", name="Add an item to tags").click()
    await expect(page.get_by_label("Item 1", exact=True)).to_be_focused()
    await page.get_by_role("button", name="Add part").click()
    await expect(page.get_by_label("x.y")).to_be_focused()
    await page.get_by_label("free").fill("no JSON")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.get_by_label("free")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("free")).to_have_value("no JSON")
    await assert_accessible(page)
    await assert_fits(page)
    await page.get_by_role("button", name="Edit as JSON").click()
    await expect(page.get_by_label("Arguments")).to_be_visible()
    await assert_accessible(page)
    await assert_fits(page)
