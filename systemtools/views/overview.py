"""The list of system tools, and the page of one: from what is stored alone."""

from typing import Any

from django.http import HttpResponse
from django.template.response import TemplateResponse

from connectors.views.answers import PageRequest, page
from systemtools import cards, consent, statuses
from systemtools.statuses import Status

NAV = "system-tools"


@page("GET")
def system_tools(request: PageRequest) -> HttpResponse:
    """Show the system tools: connected, available, and those that are announced."""
    found = statuses.all_of(user_id=request.user.pk)
    shown = {"nav": NAV, "groups": cards.grouped(found).items()}
    return TemplateResponse(request, "systemtools/list.html", shown)


@page("GET")
def system_tool(request: PageRequest, tool_id: str) -> HttpResponse:
    """Show one system tool: what it can do, and what the person has of it."""
    status = statuses.one_of(user_id=request.user.pk, tool_id=tool_id)
    left_out = consent.left_out(status) if status.is_connected else []
    shown = {**context(status), "left_out": left_out}
    return TemplateResponse(request, "systemtools/detail.html", shown)


def context(status: Status) -> dict[str, Any]:
    """Return what every page about one system tool is drawn from."""
    return {"nav": NAV, "card": cards.card(status), "tool": status.tool}
