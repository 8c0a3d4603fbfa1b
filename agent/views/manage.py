"""What can be done to a whole conversation, and to what was decided in one."""

import re

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from agent import approvals, conversations, exports, selection, spoken_names
from agent.models import TITLE_CHARS, Conversation
from connectors.errors import InvalidInput, ToolNotFound
from connectors.views.answers import (
    PageRequest,
    SeeOther,
    announce,
    done,
    page,
    person,
)

ASKS_AGAIN = "You are asked again before this tool runs."


@page("GET", "POST")
def rename(request: PageRequest, conversation_id: int) -> HttpResponse:
    """Ask for another name; when it is posted, take it."""
    one = conversations.get(user_id=request.user.pk, conversation_id=conversation_id)
    if request.method != "POST":
        return _ask(request, "rename", one, title=one.title)
    try:
        conversations.rename(
            user_id=request.user.pk,
            conversation_id=conversation_id,
            title=request.POST.get("title", ""),
        )
    except InvalidInput as problem:
        return _ask(request, "rename", one, error=problem.message, status=422)
    return SeeOther(reverse("conversation", args=[conversation_id]))


@page("GET", "POST")
async def delete(request: PageRequest, conversation_id: int) -> HttpResponse:
    """Ask whether to delete a conversation; when it is posted, do it."""
    user_id = await person(request)
    one = await sync_to_async(conversations.get)(
        user_id=user_id, conversation_id=conversation_id
    )
    if request.method != "POST":
        return _ask(request, "delete", one)
    await conversations.delete(user_id=user_id, conversation_id=conversation_id)
    return done(request, reverse("chat"), f"“{one.title}” was deleted.")


@page("POST")
def ask_again(request: PageRequest) -> HttpResponse:
    """Take back that a tool (`pick`) is always allowed."""
    pick = selection.from_field(request.POST.get("pick", ""))
    if pick is None:
        raise ToolNotFound
    source, ref, tool = spoken_names.key_of(pick)
    approvals.ask_again(user_id=request.user.pk, source=source, ref=ref, tool=tool)
    if request.htmx:
        shown = {"is_done": True}
        return announce(
            TemplateResponse(request, "agent/ask_again.html", shown), ASKS_AGAIN
        )
    asked = request.POST.get("conversation", "")
    if not re.fullmatch(r"[0-9]{1,9}", asked):
        return done(request, reverse("chat"), ASKS_AGAIN)
    return done(request, reverse("conversation", args=[int(asked)]), ASKS_AGAIN)


@page("GET")
def export(request: PageRequest, conversation_id: int) -> HttpResponse:
    """Give a conversation as a file: `format` is md or json."""
    one = conversations.get(user_id=request.user.pk, conversation_id=conversation_id)
    if request.GET.get("format") == "json":
        text, kind, ending = exports.as_json(one), "application/json", "json"
    else:
        text, kind, ending = exports.as_markdown(one), "text/markdown", "md"
    response = HttpResponse(text, content_type=f"{kind}; charset=utf-8")
    name = f"{exports.file_name(one)}.{ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _ask(
    request: PageRequest,
    name: str,
    one: Conversation,
    *,
    status: int = 200,
    title: str = "",
    error: str = "",
) -> HttpResponse:
    shown = {
        "nav": "chat",
        "conversation": one,
        "title": title,
        "error": error,
        "most": TITLE_CHARS,
    }
    part = "#ask" if request.htmx else ""
    return TemplateResponse(request, f"agent/{name}.html{part}", shown, status=status)
