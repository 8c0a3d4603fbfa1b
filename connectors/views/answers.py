"""What the views of pages share: who may come in, and how they answer."""

from collections.abc import Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase, HttpResponseRedirectBase
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event
from django_htmx.middleware import HtmxDetails

from accounts.models import User

View = Callable[..., Any]


class PageRequest(HttpRequest):
    """A request of somebody who is signed in, maybe made by htmx."""

    htmx: HtmxDetails
    user: User


class SeeOther(HttpResponseRedirectBase):
    """303: what was posted is done, and here is the page that shows it."""

    status_code = 303


def page(*methods: str) -> Callable[[View], View]:
    """Serve a view to who is signed in, for these methods (HEAD comes with GET).

    What it shows is somebody's own and changes: nobody keeps a copy.
    """
    allowed = [*methods, "HEAD"] if "GET" in methods else list(methods)

    def decorate(view: View) -> View:
        known = require_http_methods(allowed)(view)
        return login_required(never_cache(known))

    return decorate


def by_method(**views: View) -> View:
    """Serve one address with a view for each method; GET's also answers HEAD."""

    async def serve(request: HttpRequest, **given: Any) -> HttpResponseBase:
        method = "GET" if request.method == "HEAD" else request.method
        view = views.get(method or "")
        if view is None:
            return HttpResponseNotAllowed(views)
        if not iscoroutinefunction(view):
            view = sync_to_async(view)
        return cast(HttpResponseBase, await view(request, **given))

    return serve


async def person(request: HttpRequest) -> int:
    """Return the id of who is signed in, without blocking the loop."""
    return cast(int, (await request.auser()).pk)


def target_id(request: PageRequest) -> str:
    """Return the id of what htmx wants to replace; "" for a whole page."""
    target = request.htmx.target if request.htmx else None
    return (target or "").partition("#")[2]


def fragment(
    request: HttpRequest, name: str, context: dict[str, Any], *, status: int = 200
) -> TemplateResponse:
    """Answer htmx with a part of a page."""
    return TemplateResponse(request, f"connectors/{name}", context, status=status)


def announce(response: HttpResponse, text: str) -> HttpResponse:
    """Have a change that can be seen read aloud as well."""
    return trigger_client_event(response, "announce", {"value": text})


def done(request: HttpRequest, address: str, text: str) -> SeeOther:
    """Lead on to the page that shows what was done, and say so there."""
    messages.success(request, text)
    return SeeOther(address)


def is_meant(request: HttpRequest) -> bool:
    """Tell whether a person followed our own link, as far as their browser says.

    Another site must not sign people in, and no browser may do it ahead of time.
    Source: Fetch Metadata Request Headers; `Sec-Purpose` of speculative loads.
    """
    is_foreign = request.headers.get("Sec-Fetch-Site") == "cross-site"
    is_early = "prefetch" in request.headers.get("Sec-Purpose", "")
    return request.method == "GET" and not is_foreign and not is_early


def number(text: str) -> int:
    """Return the id that an address names; 0 for none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
