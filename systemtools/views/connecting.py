"""Connect a system tool, set it up, disconnect it.

A form comes from the list (`from=list`) or from the tool's own page, and the answer
goes back there: a fragment for htmx, else the page it came from.
"""

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from connectors import schema_form
from connectors.errors import InvalidInput
from connectors.schema_form import SchemaForm
from connectors.views.answers import PageRequest, SeeOther, announce, done, page, person
from systemtools import cards, forms, manager, statuses
from systemtools.errors import ToolUnavailable
from systemtools.statuses import Status
from systemtools.views.overview import context


@page("POST")
async def connect(request: PageRequest, tool_id: str) -> HttpResponse:
    """Connect a system tool; lead on to where it asks for more, if it does."""
    status = await _status(request, tool_id)
    if status.tool.auth_type == "config" and not status.is_connected:
        return SeeOther(reverse("system-tool-config", args=[tool_id]))
    connected = await manager.connect(
        user_id=await person(request),
        tool_id=tool_id,
        session_key=request.session.session_key or "",
    )
    if connected.requires_oauth:
        return SeeOther(reverse("system-tool-sign-in", args=[tool_id]))
    if request.htmx and request.POST.get("from") == "list":
        card = cards.card(await _status(request, tool_id))
        shown = {"card": card, "is_swapped": True}
        row = TemplateResponse(request, "systemtools/list.html#row", shown)
        return announce(row, card.said)
    return done(request, _page_of(tool_id), connected.message)


@page("GET", "POST")
async def config(request: PageRequest, tool_id: str) -> HttpResponse:
    """Show the form of what a tool asks for; when it is posted, keep it and connect.

    Raises:
        ToolUnavailable: it is not offered, or asks for nothing.
    """
    status = await _status(request, tool_id)
    if status.why_not or status.tool.Config is None:
        raise ToolUnavailable(status.why_not or f"{status.tool.name} asks for nothing.")
    if request.method != "POST":
        return _form(request, status, forms.form_of(status))
    changed = schema_form.edited(forms.schema_of(status), request.POST)
    if changed is not None:
        return _form(request, status, changed)
    try:
        entered = forms.read(status, request.POST)
        return await _set_up(request, status, entered)
    except InvalidInput as problem:
        form = forms.refused(status, request.POST, problem)
        return _form(request, status, form, code=422)


@page("GET", "POST")
async def disconnect(request: PageRequest, tool_id: str) -> HttpResponse:
    """Ask whether to disconnect a tool; when it is posted, do it and say what came."""
    status = await _status(request, tool_id)
    if request.method == "POST":
        ended = await manager.disconnect(user_id=await person(request), tool_id=tool_id)
        at = f"{timezone.now():%H:%M} UTC"
        return done(request, _page_of(tool_id), f"{ended.message} ({at})")
    part = "#ask" if request.htmx else ""
    template = f"systemtools/disconnect.html{part}"
    return TemplateResponse(request, template, context(status))


async def _set_up(
    request: PageRequest, status: Status, entered: dict[str, object]
) -> HttpResponse:
    """Keep what was entered.

    Raises:
        InvalidInput: it does not suit the tool.
    """
    tool_id = status.tool.id
    connected = await manager.connect(
        user_id=await person(request),
        tool_id=tool_id,
        config=entered,
        session_key=request.session.session_key or "",
    )
    if connected.requires_oauth:
        return SeeOther(reverse("system-tool-sign-in", args=[tool_id]))
    said = "What you entered is kept." if status.is_connected else connected.message
    return done(request, _page_of(tool_id), said)


async def _status(request: PageRequest, tool_id: str) -> Status:
    user_id = await person(request)
    return await sync_to_async(statuses.one_of)(user_id=user_id, tool_id=tool_id)


def _page_of(tool_id: str) -> str:
    return reverse("system-tool", args=[tool_id])


def _form(
    request: PageRequest, status: Status, form: SchemaForm, *, code: int = 200
) -> HttpResponse:
    shown = {**context(status), "form": form}
    return TemplateResponse(request, "systemtools/config.html", shown, status=code)
