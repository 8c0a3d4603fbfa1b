"""What a person says to an answer: stop, try again, yes, no, or what was missing.

Whoever has a script hears of it by the socket, so that is told nothing here.
"""

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django_htmx.http import trigger_client_event

from agent import conversations, fragments
from agent.endings import parts_of
from agent.errors import InputClosed, TurnNotFound
from agent.models import InputRequest
from agent.thread import ShownPart, show_part
from agent.views import chat
from connectors import schema_form
from connectors.errors import InvalidInput
from connectors.schema_form import SchemaForm
from connectors.views.answers import PageRequest, SeeOther, page, person

# What a card that is no form can be answered with, and a form beside its values.
_DECISIONS = {"decline": conversations.decline, "opened": conversations.opened}
NO_CONTENT = 204
INVALID = 422


@page("POST")
async def stop(request: PageRequest, conversation_id: int) -> HttpResponse:
    """Stop the answer that is being written; one that has ended stays as it is."""
    user_id = await person(request)
    turn = await sync_to_async(conversations.newest_turn)(
        user_id=user_id, conversation_id=conversation_id
    )
    await conversations.stop(user_id=user_id, turn_id=turn.pk)
    return _done(request, conversation_id)


@page("POST")
async def retry(request: PageRequest, conversation_id: int) -> HttpResponse:
    """Try the newest answer again; what it has done already is not repeated."""
    user_id = await person(request)
    turn = await sync_to_async(conversations.newest_turn)(
        user_id=user_id, conversation_id=conversation_id
    )
    await conversations.retry(user_id=user_id, turn_id=turn.pk)
    return _done(request, conversation_id)


@page("POST")
async def decide(request: PageRequest, approval_id: int) -> HttpResponse:
    """Take the person's word for one call. Its arguments are not in the form."""
    user_id = await person(request)
    turn = await conversations.decide(
        user_id=user_id,
        approval_id=approval_id,
        decision=request.POST.get("decision", ""),
    )
    return _done(request, turn.conversation_id)


@page("POST")
async def fill_in(request: PageRequest, input_id: int) -> HttpResponse:
    """Take what the person filled in, or their no; or change the form as they ask."""
    user_id = await person(request)
    data = request.POST
    if decide_on := _DECISIONS.get(data.get("decision", "")):
        turn = await decide_on(user_id=user_id, input_id=input_id)
        return _done(request, turn.conversation_id)
    asked = await sync_to_async(_asked)(user_id, input_id)
    changed = schema_form.edited(asked.schema, data)
    if changed is not None:
        return await _again(request, user_id, asked, changed)
    try:
        await conversations.submit(
            user_id=user_id,
            input_id=input_id,
            arguments=schema_form.read(asked.schema, data, takes_blank=False),
        )
    except InvalidInput as problem:
        form = schema_form.form_from(asked.schema, data)
        form = schema_form.errors_at(form, problem)
        return await _again(request, user_id, asked, form, status=INVALID)
    return _done(request, asked.turn.conversation_id)


def _done(request: PageRequest, conversation_id: int) -> HttpResponse:
    if request.htmx:
        return trigger_client_event(HttpResponse(status=NO_CONTENT), "answered", {})
    return SeeOther(reverse("conversation", args=[conversation_id]) + "#working")


def _asked(user_id: int, input_id: int) -> InputRequest:
    mine = InputRequest.objects.filter(turn__conversation__user=user_id)
    found = mine.select_related("turn").filter(pk=input_id).first()
    if found is None:
        raise TurnNotFound
    return found


async def _again(
    request: PageRequest,
    user_id: int,
    asked: InputRequest,
    form: SchemaForm,
    *,
    status: int = 200,
) -> HttpResponse:
    """Show the form once more, with all that was written into it."""
    conversation_id = asked.turn.conversation_id
    if not request.htmx:
        return await chat.show(
            request,
            user_id=user_id,
            conversation_id=conversation_id,
            status=status,
            filled={asked.pk: form},
        )
    if request.htmx.target == "div#arguments":
        shown: dict[str, Any] = {"form": form, "edit_url": request.path}
        return TemplateResponse(request, "components/schema_form.html", shown)
    part = await sync_to_async(_part)(asked, form)
    drawn = fragments.part(part, conversation_id=conversation_id)
    response = HttpResponse(drawn, status=status)
    response["HX-Retarget"], response["HX-Reswap"] = f"#{part.id}", "outerHTML"
    return response


def _part(asked: InputRequest, form: SchemaForm) -> ShownPart:
    for index, part in enumerate(parts_of(asked.turn.pk)[0]):
        if part.get("input_id") == asked.pk and part["state"] == "form":
            return show_part(asked.turn, index, part, filled=form)
    raise InputClosed
