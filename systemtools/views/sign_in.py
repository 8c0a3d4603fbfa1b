"""Sign in to a system tool: the page that asks, and away."""

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from connectors.views.answers import PageRequest, page


@page("GET")
def permission(request: PageRequest, tool_id: str) -> HttpResponse:
    """Ask whether to go on, and say for what."""
    return HttpResponseRedirect(reverse("system-tool", args=[tool_id]))
