"""Rows of connectors, tests and calls, for tests of what is shown: nobody dials."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from connectors.models import (
    ConnectionTest,
    Outcome,
    Source,
    Status,
    ToolCall,
    UserMCPConnection,
    Via,
)

TOOLS = [
    {
        "name": "search_notes",
        "title": "Search notes",
        "description": "Finds notes by words.",
        "inputSchema": {"type": "object"},
        "outputSchema": None,
        "annotations": {"readOnlyHint": True},
        "hash": "0" * 64,
    },
    {
        "name": "delete_note",
        "title": "",
        "description": "Deletes a note for good.",
        "inputSchema": {"type": "object"},
        "outputSchema": None,
        "annotations": {"destructiveHint": True},
        "hash": "1" * 64,
    },
]


def connector(user: User, slot: int | None = 1, **changes: Any) -> UserMCPConnection:
    """A connector that works, with two tools."""
    now = timezone.now()
    fields: dict[str, Any] = {
        "user": user,
        "slot": slot,
        "name": f"Notes {slot}",
        "server_url": f"https://notes{slot}.example/mcp",
        "status": Status.READY,
        "is_verified": True,
        "discovered_tools": TOOLS,
        "tool_count": len(TOOLS),
        "tools_listed_at": now,
        "last_verified_at": now - timedelta(minutes=3),
        **changes,
    }
    return UserMCPConnection.objects.create(**fields)


def removed(user: User, **changes: Any) -> UserMCPConnection:
    """A connector that an administrator took out of use."""
    status = Status.REMOVED_BY_ADMIN
    fields = {"name": "Scraper", "is_active": False, "status": status, **changes}
    return connector(user, slot=None, **fields)


def test_of(connector: UserMCPConnection, **changes: Any) -> ConnectionTest:
    """A test of a connector that passed, with one request on the wire."""
    fields: dict[str, Any] = {
        "user_id": connector.user_id,
        "connector": connector,
        "ticket_digest": f"{ConnectionTest.objects.count():064}",
        "subject_mac": "",
        "success": True,
        "duration_ms": 142,
        "expires_at": timezone.now(),
        "steps": [
            {"step": "url", "status": "passed", "message": "Fine.", "duration_ms": 1},
            {"step": "tools", "status": "skipped", "message": "", "duration_ms": None},
        ],
        "transcript": [
            {
                "method": "POST",
                "url": connector.server_url,
                "status": 200,
                "duration_ms": 88,
                "request_bytes": 2048,
                "response_bytes": 512,
                "content_type": "application/json",
                "request_headers": ["accept", "authorization"],
                "response_headers": ["content-type"],
                "error": "",
            }
        ],
        **changes,
    }
    return ConnectionTest.objects.create(**fields)


def call_of(connector: UserMCPConnection, **changes: Any) -> ToolCall:
    """A call of a tool of a connector that was answered."""
    outcome = changes.pop("outcome", Outcome.OK)
    end = {key: changes.pop(key, "") for key in ("error_code",)}
    fields: dict[str, Any] = {
        "user_id": connector.user_id,
        "username": connector.user.username,
        "source": Source.CONNECTOR,
        "source_id": connector.pk,
        "source_label": connector.name,
        "tool": "search_notes",
        "via": Via.REST,
        "args_digest": "k1:" + "0" * 64,
        "args_bytes": 2,
        **changes,
    }
    call = ToolCall.objects.create(**fields)
    if outcome != Outcome.STARTED:
        calls = ToolCall.objects.filter(pk=call.pk)
        calls.finish(outcome=outcome, duration_ms=410, **end)
    call.refresh_from_db()
    return call
