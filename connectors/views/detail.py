"""One connector: its state, its tools, and the evidence of its tests and calls."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.template.response import TemplateResponse

from connectors import (
    activity,
    cards,
    history,
    manager,
    signed_in,
    tool_list,
    transcripts,
)
from connectors.models import UserMCPConnection
from connectors.views.answers import PageRequest, fragment, page, target_id
from connectors.views.overview import row_context

# The id of what htmx wants to replace -> the part of the page that goes there.
PARTS = {"header": "detail.html#header", "tool-rows": "detail.html#tool_rows"}


@page("GET")
def connector(request: PageRequest, connector_id: int) -> HttpResponse:
    """Show a connector, with those of its tools that match `q`."""
    row = manager.get(user_id=request.user.pk, connector_id=connector_id)
    if target_id(request) == f"connector-{row.pk}":
        return fragment(request, "list.html#row", row_context(cards.card(row)))
    shown = context(row, query=request.GET.get("q", ""))
    if part := PARTS.get(target_id(request)):
        return fragment(request, part, shown)
    return TemplateResponse(request, "connectors/detail.html", shown)


@page("GET")
def transcript(request: PageRequest, connector_id: int, test_id: int) -> HttpResponse:
    """Show what was said on the wire during one test."""
    test = history.test(
        user_id=request.user.pk, connector_id=connector_id, test_id=test_id
    )
    shown = {
        "nav": "connectors",
        "connector": test.connector,
        "row": activity.test_row(test),
        "steps": activity.step_lines(test.steps),
        "transcript": transcripts.as_text(test.transcript),
    }
    if request.htmx:
        return fragment(request, "test.html#transcript", shown)
    return TemplateResponse(request, "connectors/transcript.html", shown)


def context(row: UserMCPConnection, *, query: str = "") -> dict[str, Any]:
    """Return all that the page of a connector shows."""
    grant = getattr(row, "grant", None)
    return {
        "nav": "connectors",
        "connector": row,
        "card": cards.card(row),
        "signed_in": signed_in.of(grant) if grant else None,
        "tools": tool_list.find(
            row.discovered_tools, query=query.strip(), limit=settings.TOOLS_SHOWN
        ),
        "tests": [activity.test_row(test) for test in history.tests(connector=row)],
        "calls": [activity.call_row(call) for call in history.calls(connector=row)],
        "test_s": settings.TEST_TIMEOUT_S,
    }
