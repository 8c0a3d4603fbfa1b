"""Steps that the tests of REST and /v1 take again and again."""

import threading
import time
from collections.abc import Callable
from typing import Any

from accounts.models import User
from config.tests.rest import ApiClient
from connectors.models import UserMCPConnection
from connectors.tests import rows
from demo.fixtures import DemoServer

PATIENCE_S = 10
CONVERSATIONS = "/api/conversations"
SEARCH = "notes__search_notes"
DELETE = "notes__delete_note"
# What the form of a tool with two numbers is for: words alone do not fill it in.
ADD = "notes__add"


def connect(
    user: User, server: DemoServer, name: str = "Notes", slug: str = "notes"
) -> UserMCPConnection:
    """A connector to the notes, as a test of its connection would have left it."""
    return rows.connector(
        user,
        name=name,
        slug=slug,
        server_url=server.url,
        transport="http",
        protocol_version="2025-11-25",
        discovered_tools=TOOLS,
        tool_count=len(TOOLS),
    )


def begin(api: ApiClient, **body: Any) -> Any:
    """Begin a conversation."""
    response = api.post(CONVERSATIONS, body)
    assert response.status_code == 201, response.text
    return response.json()


def at(conversation: Any, rest: str = "") -> str:
    return f"{CONVERSATIONS}/{conversation['id']}{rest}"


def say(api: ApiClient, conversation: Any, text: str, **more: Any) -> Any:
    """Send a message; return it, and its turn."""
    response = api.post(at(conversation, "/messages"), {"text": text, **more})
    assert response.status_code == 201, response.text
    return response.json()


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait until something is so: a moment, and not for ever."""
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not is_so():
        assert time.monotonic() < deadline
        pause.wait(0.02)


def _tool(
    name: str, title: str, properties: dict[str, Any], **hints: bool
) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "description": f"{title}.",
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": list(properties),
        },
        "outputSchema": None,
        "annotations": hints,
        "hash": name.ljust(64, "0"),
    }


QUERY = {"query": {"type": "string"}}
NOTE_ID = {"note_id": {"type": "string"}}
NUMBERS = {"a": {"type": "number"}, "b": {"type": "number"}}
TOOLS = [
    _tool("search_notes", "Search notes", QUERY, readOnlyHint=True),
    _tool("delete_note", "Delete a note", NOTE_ID, destructiveHint=True),
    _tool("add", "Add two numbers", NUMBERS, readOnlyHint=True),
]
