"""Messages as `chatting.say` sends them, but through the face of ChatKit."""

from typing import Any

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse

from accounts.models import User
from agent.chatkit import dispatch
from agent.chatkit.guard import Who
from agent.models import Turn
from agent.tests.chatkit_client import ITEMS, Screen, message, read
from agent.tests.chatting import Said, as_it_is
from agent.tests.chatting import say as say_on_page
from agent.tool_types import Pick

__all__ = ["FACES", "say", "say_on_page"]


def say(user: User, text: str, pick: Pick | None = None) -> Said:
    """Begin a thread; return its turn, of which the stream has shown all there is."""
    who = Who(user_id=user.pk)
    tool = str(pick) if pick else None
    screen = Screen()
    begun = {"type": "threads.create", "params": {"input": message(text, tool)}}
    for event in read(async_to_sync(_sent)(begun, who).splitlines()):
        screen.apply(event)
    listing = {"thread_id": screen.thread_id, "limit": 100, "order": "asc"}
    page = async_to_sync(_sent)({"type": "items.list", "params": listing}, who)
    listed = ITEMS.validate_json(page).data
    # Why it ended early is an event, and only for a list an item.
    shown = [item for item in listed if not item.id.startswith("end_")]
    assert list(screen.items.values()) == shown
    turn = Turn.objects.get(conversation=int(screen.thread_id))
    assert turn.via == "chatkit"
    return as_it_is(turn)


async def _sent(body: dict[str, Any], who: Who) -> str:
    response = await dispatch.answer(body, who)
    if not isinstance(response, StreamingHttpResponse):
        return bytes(getattr(response, "content", b"")).decode()
    chunks = [chunk async for chunk in response]
    return b"".join(map(bytes, chunks)).decode()


FACES = {"chat": say_on_page, "chatkit": say}
