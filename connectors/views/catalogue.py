"""Servers that are known: looked for, read about, and connected."""

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from connectors import (
    catalogue,
    catalogue_cards,
    client_identity,
    manager,
    reports,
    sign_in,
)
from connectors.catalogue import OAUTH, Entry
from connectors.errors import ConnectorError, LimitReached
from connectors.forms import TOKEN
from connectors.views.answers import (
    PageRequest,
    SeeOther,
    fragment,
    page,
    person,
    target_id,
)

QUERY_CHARS = 100


@page("GET")
def known(request: PageRequest) -> HttpResponse:
    """List the servers in which `q` is found, of one `category` or of all."""
    shown = context(
        user_id=request.user.pk,
        query=request.GET.get("q", "")[:QUERY_CHARS],
        category=request.GET.get("category", ""),
    )
    if target_id(request) == "catalogue":
        return fragment(request, "catalogue.html#entries", shown)
    return TemplateResponse(request, "connectors/catalogue.html", shown)


@page("GET", "POST")
async def server(request: PageRequest, key: str) -> HttpResponse:
    """Show what is known of a server; POST leads on to the sign-in by OAuth."""
    user_id = await person(request)
    entry = await sync_to_async(catalogue.find)(key)
    problem: ConnectorError | None = None
    if request.method == "POST" and _by_oauth(entry):
        try:
            flow = await sign_in.prepare(
                user_id=user_id,
                server_url=entry.server_url,
                suggested_name=entry.name,
                description=entry.description,
            )
        except LimitReached as limit:
            problem = limit
        else:
            return SeeOther(reverse("sign-in", args=[flow.pk]))
    shown = await sync_to_async(_about)(entry, user_id)
    shown["problem"] = problem
    status = 422 if request.method == "POST" else 200
    if request.htmx:
        shown["is_in_dialog"] = True
        return fragment(request, "catalogue_entry.html#entry", shown, status=status)
    template = "connectors/catalogue_entry.html"
    return TemplateResponse(request, template, shown, status=status)


def context(*, user_id: int, query: str = "", category: str = "") -> dict[str, Any]:
    """Return all that the list shows, in two queries."""
    entries = catalogue.entries()
    found = catalogue.search(entries, query=query, category=category)
    days = [entry.checked for entry in entries if entry.checked]
    return {
        "nav": "connectors",
        "rows": catalogue_cards.rows(found, user_id=user_id),
        "query": query,
        "category": category,
        "categories": catalogue_cards.categories(entries, chosen=category),
        "total": len(entries),
        "checked": min(days, default=None),
    }


def _about(entry: Entry, user_id: int) -> dict[str, Any]:
    """Return what the page of one server shows."""
    row = catalogue_cards.rows([entry], user_id=user_id)[0]
    names = manager.list_for(user_id=user_id).values_list("name", flat=True)
    name = reports.free_name(entry.name, taken=names)
    return {
        "nav": "connectors",
        "row": row,
        "lines": catalogue_cards.lines(entry),
        "by_oauth": _by_oauth(entry),
        "by_token": catalogue_cards.prefill(entry, name=name, kind=TOKEN),
        "by_form": catalogue_cards.prefill(entry, name=name),
        "redirect_uri": client_identity.redirect_uri(),
    }


def _by_oauth(entry: Entry) -> bool:
    return entry.sign_in == OAUTH and not entry.needs_client
