"""The form that adds a connector, as a browser has it, for tests of its pages."""

import re
from collections.abc import AsyncGenerator
from html import unescape
from typing import Any

from asgiref.sync import async_to_sync
from django.test import Client

from connectors.tests.tool_pages import HTMX, LIVE

ADD, TEST, SAVE = "/connectors/add", "/connectors/test", "/connectors"
IN_DIALOG = {"in_dialog": "true"}
SECRET = "s3cret-canary-value"


def send(
    client: Client, path: str, by: dict[str, str] | None = None, /, **data: str
) -> Any:
    """Send the form; without headers in `by` as a browser without scripts does."""
    return client.post(path, data, headers=by)


def from_dialog(client: Client, path: str, **data: str) -> Any:
    """Send the form as htmx does from the dialog."""
    return send(client, path, HTMX, **IN_DIALOG, **data)


def value(html: str, name: str) -> str:
    """Return the value of a field, "" if it has none."""
    found = re.search(rf'<input[^>]* name="{name}"[^>]*>', html)
    assert found, f"there is no {name}"
    given = re.search(r' value="([^"]*)"', found[0])
    return unescape(given[1]) if given else ""


def chosen(html: str) -> str:
    """Return the kind of sign-in that is chosen."""
    found = re.search(r'name="sign_in" value="(\w+)"[^>]* checked', html)
    assert found
    return found[1]


def may_save(html: str) -> bool:
    """Tell whether Save can be pressed."""
    found = re.search(r"<button[^>]* data-save[^>]*>", html)
    assert found
    return 'aria-disabled="true"' not in found[0]


def events(client: Client, **data: str) -> list[str]:
    """Test live from the dialog; return the data of each event."""
    response = send(client, TEST, LIVE, **IN_DIALOG, **data)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"

    async def read() -> str:
        chunks: AsyncGenerator[bytes] = response.streaming_content
        return b"".join([chunk async for chunk in chunks]).decode()

    sent = async_to_sync(read)()
    return [
        "\n".join(line.removeprefix("data: ") for line in event.split("\n"))
        for event in sent.split("\n\n")
        if event
    ]
