"""One recorded call, for who made it."""

from uuid import UUID

from django.http import HttpResponse
from django.template.response import TemplateResponse

from agent import recorded
from connectors.views.answers import PageRequest, page


@page("GET")
def call(request: PageRequest, call_id: UUID) -> HttpResponse:
    """Show the evidence of a call, and what was kept of what it sent and was told."""
    shown = recorded.call(user_id=request.user.pk, call_id=call_id)
    return TemplateResponse(request, "agent/call.html", {"nav": "chat", "call": shown})
