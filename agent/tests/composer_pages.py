"""What the tests of the composer have on their page, and how they handle it."""

from typing import Any

from asgiref.sync import sync_to_async
from playwright.async_api import Locator, Page, expect

from accounts.models import User
from connectors.models import Status, UserMCPConnection
from connectors.tests import rows


def tool(name: str, title: str = "", *, reads: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "description": f"About {name}.",
        "inputSchema": {"type": "object"},
        "outputSchema": None,
        "annotations": {"readOnlyHint": reads},
        "hash": name.rjust(64, "0")[:64],
    }


def many(count: int) -> list[dict[str, Any]]:
    return [tool(f"tool_{number}") for number in range(1, count + 1)]


def plugged_in(user: User) -> UserMCPConnection:
    """Two that work, one with many tools; one wants a sign-in, one is gone."""
    # Nobody is dialled there: it is refused at once.
    at = {"server_url": "http://127.0.0.1:9/mcp"}
    github = [
        tool("search_issues", "Search issues"),
        tool("list_commits"),
        tool("create_issue", "Create an issue", reads=False),
        *many(35),
    ]
    atlas = [tool("find_place", "Find a place"), tool("route")]
    own = {"discovered_tools": github, "tool_count": len(github), **at}
    first = rows.connector(user, 1, name="GitHub", slug="github", **own)
    own = {"discovered_tools": atlas, "tool_count": len(atlas), **at}
    rows.connector(user, 2, name="Atlas", slug="atlas", **own)
    wants = {"status": Status.SIGN_IN_AGAIN, "is_verified": False}
    rows.connector(user, 3, name="Stripe", slug="stripe", **wants)
    gone = {"status": Status.UNREACHABLE, "last_error_code": "CONNECTION_FAILED"}
    rows.connector(user, 4, name="Warehouse", slug="warehouse", **gone)
    return first


async def opened(page: Page, user: User, path: str = "/chat") -> UserMCPConnection:
    """Open the chat of somebody with connectors; return the first of them."""
    first = await sync_to_async(plugged_in)(user)
    await page.goto(path.replace("{id}", str(first.pk)))
    await expect(box_of(page)).to_be_visible()
    return first


async def menu_opened(page: Page) -> Locator:
    """Open the menu by its button."""
    await apps_button(page).click()
    await expect(menu_of(page)).to_be_visible()
    return menu_of(page)


def box_of(page: Page) -> Locator:
    return page.get_by_label("Message", exact=True)


def menu_of(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Apps")


def apps_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Apps", exact=True)


def search_of(page: Page) -> Locator:
    return page.get_by_label("Search apps, connectors and tools")


def chip_of(page: Page) -> Locator:
    return page.locator("#picked .chip")


async def picked(page: Page) -> str:
    """Return what the form will send."""
    return await page.locator("#composer [name=pick]").input_value()
