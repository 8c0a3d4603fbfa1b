"""The list of a person's connectors: by group, searched, or the first steps."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from connectors import cards, manager
from connectors.looks import Group
from connectors.views.answers import PageRequest, fragment, page, target_id


@page("GET")
def connectors(request: PageRequest) -> HttpResponse:
    """Show every connector, or those that match `q`."""
    shown = context(user_id=request.user.pk, query=request.GET.get("q", ""))
    if target_id(request) == "groups":
        return fragment(request, "list.html#groups", shown)
    return TemplateResponse(request, "connectors/list.html", shown)


def context(*, user_id: int, query: str = "") -> dict[str, Any]:
    """Return all that the list shows, in one query."""
    rows = list(manager.list_for(user_id=user_id))
    query = query.strip()
    used = sum(row.slot is not None for row in rows)
    groups = cards.grouped(rows, query=query)
    shown = [(group, found) for group, found in groups.items() if found]
    return {
        "nav": "connectors",
        "groups": shown,
        "is_empty": not rows,
        "query": query,
        "used": used,
        "limit": settings.CONNECTOR_LIMIT,
        "left": max(0, settings.CONNECTOR_LIMIT - used),
        "socket_in": _socket_in([group for group, _ in shown], query=query),
        "test_s": settings.TEST_TIMEOUT_S,
        "demo_servers": _demo_servers(),
    }


def refreshed(request: HttpRequest, shown: dict[str, Any]) -> TemplateResponse:
    """Answer htmx with the whole list, after something came or went."""
    return fragment(request, "list.html#overview", shown)


def row_context(card: cards.Card) -> dict[str, Any]:
    """Return what one card of the list needs to be drawn alone."""
    return {"card": card, "test_s": settings.TEST_TIMEOUT_S}


def _demo_servers() -> list[dict[str, str]]:
    """Return what a newcomer may connect, each with the query that fills the form."""
    servers = settings.DEMO_SERVERS if settings.DEVELOPMENT else []
    return [
        {**server, "query": urlencode({key: server[key] for key in ("url", "name")})}
        for server in servers
    ]


def _socket_in(groups: list[Group], *, query: str) -> Group | None:
    """Return the group that ends with the empty socket: it belongs to what works."""
    if query:
        return None
    return Group.WORKING if Group.WORKING in groups else next(iter(groups), None)
