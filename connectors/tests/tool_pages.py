"""A connector to a real server, and its page of one tool, for tests of the page."""

import re
from html import unescape
from typing import Any

from accounts.models import User
from connectors.models import UserMCPConnection
from connectors.tests import rows

ECHO: dict[str, Any] = {
    "name": "echo",
    "title": "Say it again",
    "description": "Says it again.",
    "inputSchema": {
        "type": "object",
        "properties": {
            "text": {"type": "string", "examples": ["hello"], "maxLength": 20},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["text"],
    },
    "outputSchema": None,
    "annotations": {"readOnlyHint": True},
    "hash": "0" * 64,
}
SLOW: dict[str, Any] = {
    "name": "slow_report",
    "title": "",
    "description": "",
    "inputSchema": {"type": "object", "properties": {"seconds": {"type": "number"}}},
    "outputSchema": None,
    "annotations": {"readOnlyHint": True},
    "hash": "1" * 64,
}
HTMX = {"HX-Request": "true"}
LIVE = HTMX | {"Accept": "text/html, text/event-stream"}


def connector(user: User, url: str, **changes: Any) -> UserMCPConnection:
    fields = {"discovered_tools": [ECHO, SLOW], "server_url": url, **changes}
    return rows.connector(user, name="Peer", **fields)


def named(annotations: Any) -> dict[str, Any]:
    return {"discovered_tools": [{**ECHO, "annotations": annotations}]}


def at(row: UserMCPConnection, tool: str = "echo", query: str = "") -> str:
    return f"/connectors/{row.pk}/tools/{tool}{query}"


def plain(html: str) -> str:
    """Return the words of a page."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())
