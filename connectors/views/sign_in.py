"""Sign in to a server by OAuth: from the form to the page that asks, and away.

Whoever leaves for the provider follows a link: a browser that obeys our policy sends
no form that ends at another origin.
"""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from connectors import client_identity, consent, drafts, sign_in, sign_in_failures
from connectors.errors import (
    ClientNeeded,
    DuplicateName,
    LimitReached,
    ServerFailure,
    TooManyRequests,
)
from connectors.forms import AddForm
from connectors.sign_in_form import ClientForm, SignInForm
from connectors.views import add_form, outcome, sign_in_place
from connectors.views.answers import (
    PageRequest,
    SeeOther,
    fragment,
    is_meant,
    page,
    person,
)
from connectors.views.sign_in_place import Place

SECRET = "client_secret"  # noqa: S105 - the name of a field


@page("POST")
async def begin(request: PageRequest) -> HttpResponse:
    """Prepare the sign-in to a server that is not saved yet, and lead to its page."""
    user_id = await person(request)
    form, add = SignInForm(request.POST), AddForm(request.POST, user_id=user_id)
    if not form.is_valid():
        return add_form.show(request, add_form.context(add, client=form), status=422)
    try:
        flow = await sign_in.prepare(user_id=user_id, **form.wanted)
    except DuplicateName as problem:
        add.is_valid()
        add.add_error("name", problem.message)
        return add_form.invalid(request, add)
    except LimitReached as problem:
        add.is_valid()
        return add_form.refused(request, add, problem)
    return SeeOther(reverse("sign-in", args=[flow.pk]))


@page("GET")
async def permission(
    request: PageRequest, flow_id: int = 0, connector_id: int = 0
) -> HttpResponse:
    """Ask whether to go on, and say for what.

    Drawn from what is stored; the server is only asked (`?look=1`) where nothing is.
    """
    place = await sign_in_place.of(request, flow_id=flow_id, connector_id=connector_id)
    shown: dict[str, Any] = {"place": place, "consent": place.consent}
    if "look" in request.GET:
        shown |= await _looked(await person(request), place)
    if request.htmx:
        return fragment(request, "sign_in.html#asked", shown)
    return TemplateResponse(request, "connectors/sign_in.html", shown)


@page("GET")
async def go(
    request: PageRequest, flow_id: int = 0, connector_id: int = 0
) -> HttpResponse:
    """Begin the sign-in, and send the browser to the provider.

    A link on somebody else's page only leads to the page that asks.
    """
    place = await sign_in_place.of(request, flow_id=flow_id, connector_id=connector_id)
    if not is_meant(request):
        return HttpResponseRedirect(place.page_url)
    try:
        started = await sign_in.start(
            user_id=await person(request),
            session_key=request.session.session_key or "",
            connector_id=connector_id or None,
            draft_id=flow_id or None,
            resume={"from": "chat"} if place.from_chat else None,
        )
    except ClientNeeded:
        return HttpResponseRedirect(place.client_url)
    except ServerFailure as failure:
        return outcome.show(
            request,
            outcome.Ended(
                reason=sign_in_failures.reason_of(failure),
                name=place.name,
                host=place.host,
                said=sign_in_failures.said_of(failure),
                retry_url=place.page_url,
                client_url=place.client_url,
            ),
        )
    return HttpResponseRedirect(started.authorization_url)


@page("GET", "POST")
async def client(
    request: PageRequest, flow_id: int = 0, connector_id: int = 0
) -> HttpResponse:
    """Take the client that somebody registered by hand, and lead back to the page."""
    place = await sign_in_place.of(request, flow_id=flow_id, connector_id=connector_id)
    known = place.auth_config or {}
    if request.method != "POST":
        shown = {name: text for name, text in known.items() if name != SECRET}
        return _show_client(request, place, ClientForm(initial=shown))
    form = ClientForm(request.POST)
    if not form.is_valid():
        return _show_client(request, place, form, status=422)
    entered = form.auth_config or {}
    if SECRET in known and entered.get("client_id") == known["client_id"]:
        # It is not shown, so it need not be typed again either.
        entered = {SECRET: known[SECRET], **entered}
    flow = await drafts.with_client(
        user_id=await person(request),
        flow_id=flow_id or None,
        connector_id=connector_id or None,
        auth_config=entered or None,
    )
    query = "?from=chat" if place.from_chat else ""
    return SeeOther(reverse("sign-in", args=[flow.pk]) + query)


async def _looked(user_id: int, place: Place) -> dict[str, Any]:
    """Return what the server says of its sign-in, or why it could not be asked."""
    try:
        offer = await sign_in.look(
            user_id=user_id, url=place.server_url, auth_config=place.auth_config
        )
    except (ServerFailure, TooManyRequests) as problem:
        return {"problem": problem}
    return {"consent": consent.of(offer, needs_client=offer.needs_client)}


def _show_client(
    request: PageRequest, place: Place, form: ClientForm, *, status: int = 200
) -> HttpResponse:
    known = place.consent
    shown = {
        "nav": "connectors",
        "client": form,
        "name": place.name,
        "host": known.host if known else place.host,
        "back_url": place.page_url,
        "redirect_uri": client_identity.redirect_uri(),
    }
    return TemplateResponse(request, "connectors/client.html", shown, status=status)
