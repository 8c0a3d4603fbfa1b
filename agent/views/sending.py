"""Send a message: to a new conversation, or to one that goes on.

What is wrong with it is said at the composer, and what was typed stays there.
"""

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from agent import conversations, selection
from agent.errors import ConversationNotFound
from agent.models import NONCE_CHARS, Turn
from agent.views import chat, composer
from connectors.errors import ConnectorError
from connectors.views.answers import PageRequest, SeeOther, page, person

# The composer lets go of what was written for this header alone: a redirect may also
# lead to a sign-in.
STORED = "Message-Stored"


@page("POST")
async def new(request: PageRequest) -> HttpResponse:
    """Begin a conversation with its first message."""
    return await _sent(request, None)


@page("POST")
async def send(request: PageRequest, conversation_id: int) -> HttpResponse:
    """Send a message; its answer arrives by the socket, or with the page."""
    return await _sent(request, conversation_id)


async def _sent(request: PageRequest, conversation_id: int | None) -> HttpResponse:
    user_id = await person(request)
    try:
        turn = await _store(request, user_id, conversation_id)
    except ConversationNotFound:
        raise
    except ConnectorError as problem:
        return await _refused(request, user_id, conversation_id, problem)
    response = await _stored(request, user_id, conversation_id, turn)
    response[STORED] = "1"
    return response


async def _stored(
    request: PageRequest, user_id: int, conversation_id: int | None, turn: Turn
) -> HttpResponse:
    if conversation_id is None or not request.htmx:
        return SeeOther(reverse("conversation", args=[turn.conversation_id]))
    shown = await sync_to_async(composer.context)(
        user_id=user_id,
        conversation_id=conversation_id,
        turn=await Turn.objects.aget(pk=turn.pk),
        has_focus=True,
        has_choices=False,
    )
    return TemplateResponse(request, "agent/composer.html#form", shown)


async def _store(
    request: PageRequest, user_id: int, conversation_id: int | None
) -> Turn:
    given = request.POST
    nonce = given.get("nonce", "")
    return await conversations.send(
        user_id=user_id,
        conversation_id=conversation_id,
        text=given.get("text", ""),
        pick=selection.from_field(given.get("pick", "")),
        # One that is too long is none of ours, and makes no two messages one.
        nonce=nonce if len(nonce) <= NONCE_CHARS else "",
    )


async def _refused(
    request: PageRequest,
    user_id: int,
    conversation_id: int | None,
    problem: ConnectorError,
) -> HttpResponse:
    """Say what is wrong: in its place, or on the page with everything still there."""
    if request.htmx:
        said = {
            "problem": problem.message,
            "problem_code": problem.code,
            "problem_state": "unreachable",
        }
        return TemplateResponse(
            request,
            "agent/composer.html#problem",
            {"composer": said},
            status=422,
        )
    given = request.POST
    return await chat.show(
        request,
        user_id=user_id,
        conversation_id=conversation_id,
        status=422,
        problem=problem.message,
        problem_code=problem.code,
        text=given.get("text", ""),
        pick=given.get("pick", ""),
        nonce=given.get("nonce", ""),
    )
