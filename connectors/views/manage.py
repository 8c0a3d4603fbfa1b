"""What can be done to a connector: pause, resume, test again, disconnect, delete.

A form comes from the list (`from=list`) or from the connector's own page, and the
answer goes back there: a fragment for htmx, else the page it came from.
"""

from contextlib import suppress

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import trigger_client_event

from connectors import cards, looks, manager, sign_in, signed_in
from connectors.errors import SecretUnreadable
from connectors.models import UserMCPConnection
from connectors.views import detail, overview
from connectors.views.answers import (
    PageRequest,
    announce,
    done,
    fragment,
    page,
    person,
)


@page("POST")
async def toggle(request: PageRequest, connector_id: int) -> HttpResponse:
    """Pause a connector, or resume it."""
    user_id = await person(request)
    row = await manager.toggle(
        user_id=user_id,
        connector_id=connector_id,
        is_active=request.POST.get("is_active") == "true",
    )
    return await _changed(request, row)


@page("POST")
async def retest(request: PageRequest, connector_id: int) -> HttpResponse:
    """Test a connector again, with what is stored of it."""
    user_id = await person(request)
    # Unreadable credentials are now its state, and the card says so.
    with suppress(SecretUnreadable):
        await manager.retest(user_id=user_id, connector_id=connector_id)
    row = await sync_to_async(manager.get)(user_id=user_id, connector_id=connector_id)
    return await _changed(request, row)


@page("GET", "POST")
async def delete(request: PageRequest, connector_id: int) -> HttpResponse:
    """Ask whether to delete a connector; when it is posted, do it."""
    user_id = await person(request)
    row = await sync_to_async(manager.get)(user_id=user_id, connector_id=connector_id)
    if request.method == "POST":
        return await _delete(request, row)
    grant = getattr(row, "grant", None)
    shown = {
        "nav": "connectors",
        "card": cards.card(row),
        "signed_in": signed_in.of(grant) if grant else None,
        "is_from_list": is_from_list(request),
    }
    if request.htmx:
        return fragment(request, "delete.html#ask", shown)
    return TemplateResponse(request, "connectors/delete.html", shown)


@page("GET", "POST")
async def disconnect(request: PageRequest, connector_id: int) -> HttpResponse:
    """Ask whether to end a sign-in; when it is posted, do it and give the receipt."""
    user_id = await person(request)
    row = await sync_to_async(manager.get)(user_id=user_id, connector_id=connector_id)
    address = reverse("connector", args=[row.pk])
    if request.method == "POST":
        receipt = await sign_in.disconnect(user_id=user_id, connector_id=row.pk)
        at = f"{timezone.now():%H:%M} UTC"
        return done(request, address, f"{receipt.message} ({row.name}, {at})")
    grant = getattr(row, "grant", None)
    if grant is None:
        return HttpResponseRedirect(address)
    shown = {
        "nav": "connectors",
        "card": cards.card(row),
        "signed_in": signed_in.of(grant),
    }
    if request.htmx:
        return fragment(request, "disconnect.html#ask", shown)
    return TemplateResponse(request, "connectors/disconnect.html", shown)


def is_from_list(request: HttpRequest) -> bool:
    """Tell whether a form or a link stands in the list."""
    given = request.POST if request.method == "POST" else request.GET
    return given.get("from") == "list"


async def _changed(request: PageRequest, row: UserMCPConnection) -> HttpResponse:
    """Show a connector that changed, where the person looks at it."""
    card = await sync_to_async(cards.card)(row)
    from_list = is_from_list(request)
    if request.htmx and from_list:
        answer = fragment(request, "list.html#row", overview.row_context(card))
        return announce(answer, card.said)
    if request.htmx:
        shown = await sync_to_async(detail.context)(row)
        return announce(fragment(request, "detail.html#changed", shown), card.said)
    if from_list:
        return done(request, f"{reverse('connectors')}#connector-{row.pk}", card.said)
    return done(request, reverse("connector", args=[row.pk]), card.said)


async def _delete(request: PageRequest, row: UserMCPConnection) -> HttpResponse:
    user_id, name, group = row.user_id, row.name, looks.of(row).group
    receipt = await manager.remove(user_id=user_id, connector_id=row.pk)
    said = f"{name} was deleted."
    if receipt is not None:
        said = f"{said} {receipt.message}"
    shown = await sync_to_async(overview.context)(user_id=user_id)
    # The heading to go on from: that of the page, if its group is gone as well.
    place = group if group in dict(shown["groups"]) else "title"
    if request.htmx and is_from_list(request):
        answer = overview.refreshed(request, {**shown, "focus_on": place})
        trigger_client_event(answer, "dialog-close")
        if receipt is not None:
            messages.success(request, said)
        return announce(answer, f"{name} was deleted")
    return done(request, f"{reverse('connectors')}#{place}", said)
