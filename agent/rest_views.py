"""Rows as REST shows them: conversations, messages, turns and what waits in them."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from agent import endings, envelope, links
from agent.apps_menu import App, Menu, MenuTool
from agent.models import Conversation, Message, Turn
from agent.parts import WAITING, Part, Parts, text_of

# What is the model's to read, and what a decision would need.
_OURS = frozenset({"model_text", "approval_id", "input_id"})
_KINDS = {"waiting": "approval", "sign_in": "sign_in"}


def chat_url(conversation_id: int) -> str:
    """Return the address of a conversation's page."""
    return f"{settings.PUBLIC_URL}{reverse('conversation', args=[conversation_id])}"


def conversation(row: Conversation) -> dict[str, Any]:
    return {
        "id": row.pk,
        "title": row.title,
        "url": chat_url(row.pk),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def message(row: Message) -> dict[str, Any]:
    pick = None
    if row.selection_kind:
        pick = {
            "kind": row.selection_kind,
            "ref": row.selection_ref,
            "label": row.selection_label,
        }
    return {
        "id": row.pk,
        "seq": row.seq,
        "role": row.role,
        "text": row.text,
        "pick": pick,
        "parts": _parts(row.parts),
        "created_at": row.created_at,
    }


def turn(row: Turn) -> dict[str, Any]:
    """Show a turn as it is now, whatever of its answer there is."""
    parts = _current(row)
    end: Part = next((part for part in parts if part["kind"] == "end"), {})
    return {
        "id": row.pk,
        "message_id": row.user_message_id,
        "state": row.state,
        "enforcement": row.enforcement,
        "error_code": row.error_code,
        "error_message": end.get("message", ""),
        "text": text_of(parts),
        "parts": _parts(parts),
        "pending": _pending(row, parts),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _current(row: Turn) -> Parts:
    """Return the parts of a turn: of its events while it is open, they go later."""
    if row.is_open:
        return endings.parts_of(row.pk)[0]
    answers = Message.objects.filter(
        conversation=row.conversation_id, seq=row.user_message.seq + 1
    )
    parts: Parts | None = answers.values_list("parts", flat=True).first()
    return parts or []


def _pending(row: Turn, parts: Parts) -> list[dict[str, Any]]:
    return [
        {
            "kind": _KINDS.get(part["state"], "input"),
            "tool": part.get("name", ""),
            "label": part.get("label", ""),
            "arguments": part.get("arguments") or part.get("values") or {},
            "approval_url": _answered_at(row, part),
        }
        for part in parts
        if part.get("state") in WAITING
    ]


def _answered_at(row: Turn, part: Part) -> str:
    """Return where the person answers; after a sign-in the answer goes on by itself."""
    if part["state"] == "sign_in":
        return links.sign_in_url(part["source"], part["ref"])
    return chat_url(row.conversation_id)


def _parts(parts: Parts) -> Parts:
    return [_part(part) for part in parts]


def _part(part: Part) -> Part:
    """Leave out what is not for programs; a call gets the text of its result."""
    shown = {key: value for key, value in part.items() if key not in _OURS}
    if part.get("model_text"):
        shown["result"] = envelope.content_of(part["model_text"])
    return shown


# --- The Apps menu -----------------------------------------------------------


def apps(menu: Menu) -> dict[str, Any]:
    """Show the Apps menu; its system tools are for their room's serializer."""
    shown = [_app(app) for app in menu.connectors]
    return {"system_tools": menu.statuses, "user_connectors": shown}


def _app(app: App) -> dict[str, Any]:
    path = reverse("connector", args=[int(app.ref)])
    return {
        "id": int(app.ref),
        "name": app.name,
        "slug": app.slug,
        "status": "connected" if app.is_usable else "disconnected",
        "reason": "" if app.is_usable else app.note,
        "tool_count": app.tool_count,
        "tools": [_tool(tool) for tool in app.tools],
        "manage_url": f"{settings.PUBLIC_URL}{path}",
    }


def _tool(tool: MenuTool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "title": tool.label,
        "wire_name": tool.wire_name,
        "reads_only": tool.reads_only,
    }
