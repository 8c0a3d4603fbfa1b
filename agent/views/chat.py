"""A conversation, or the place where a new one begins."""

from dataclasses import replace
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.utils.http import urlencode

from agent import conversations, providers, thread
from agent.models import Conversation, Turn
from agent.thread import Entry, ShownPart, Thread
from agent.views import composer
from connectors.schema_form import SchemaForm
from connectors.views.answers import PageRequest, page, person

RECENT = 30


@page("GET")
async def new(request: PageRequest) -> HttpResponse:
    """Offer the place for the first message of a conversation."""
    return await show(request, user_id=await person(request), conversation_id=None)


@page("GET")
async def conversation(request: PageRequest, conversation_id: int) -> HttpResponse:
    """Show a conversation as it is now; its socket goes on from there."""
    user_id = await person(request)
    return await show(request, user_id=user_id, conversation_id=conversation_id)


async def show(
    request: PageRequest,
    *,
    user_id: int,
    conversation_id: int | None,
    status: int = 200,
    filled: dict[int, SchemaForm] | None = None,
    **fields: Any,
) -> HttpResponse:
    """Show the page; `fields` are of the composer, `filled` forms as they were left.

    Raises:
        ConversationNotFound: there is no such conversation of this person.
    """
    fields.setdefault("pick", request.GET.get("pick", ""))
    shown = await sync_to_async(_context)(
        user_id, conversation_id, "all" in request.GET, filled or {}, fields
    )
    return TemplateResponse(request, "agent/chat.html", shown, status=status)


def _context(
    user_id: int,
    conversation_id: int | None,
    is_whole: bool,
    filled: dict[int, SchemaForm],
    fields: dict[str, Any],
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "nav": "chat",
        "recents": conversations.recent(user_id=user_id)[:RECENT],
        "model": "" if providers.is_direct() else settings.LLM_MODEL,
    }
    turn: Turn | None = None
    if conversation_id is not None:
        one = conversations.get(user_id=user_id, conversation_id=conversation_id)
        limit = None if is_whole else thread.ENTRIES_SHOWN
        loaded = _filled(thread.load(one, limit=limit), filled)
        turn = loaded.turn
        shown |= {
            "conversation": one,
            "conversation_id": one.pk,
            "thread": loaded,
            "socket": socket_url(one, loaded),
        }
    return shown | composer.context(
        user_id=user_id, conversation_id=conversation_id, turn=turn, **fields
    )


def socket_url(one: Conversation, loaded: Thread) -> str:
    """Return where the page hears what comes after what it shows."""
    seen = {
        "conversation": str(one.pk),
        "after": str(loaded.place),
        "state": loaded.state,
    }
    return f"/ws/chat?{urlencode(seen)}"


def _filled(loaded: Thread, filled: dict[int, SchemaForm]) -> Thread:
    """Put forms that were sent back into the places that they came from."""
    if not filled:
        return loaded

    def part(shown: ShownPart) -> ShownPart:
        form = filled.get(shown.part.get("input_id", 0))
        return replace(shown, filled=form) if form else shown

    def entry(shown: Entry) -> Entry:
        return replace(shown, parts=[part(one) for one in shown.parts])

    return replace(loaded, entries=[entry(one) for one in loaded.entries])
