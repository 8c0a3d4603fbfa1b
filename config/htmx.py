"""What every answer to htmx needs, done once.

A redirect is followed by the whole browser, not swapped into a part of the page; the
messages of a view arrive with its fragment; and no cache mixes a fragment up with the
page at the same address.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, HttpResponseRedirectBase
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware
from django_htmx.http import HttpResponseClientRedirect

GetResponse = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def for_htmx(get_response: GetResponse) -> GetResponse:
    """Make what views answer fit for htmx, if it asked."""

    async def answer(request: HttpRequest) -> HttpResponseBase:
        response = _adapted(request, await get_response(request))
        if fragment := _waiting_for_messages(request, response):
            # Reading messages may read the session.
            await sync_to_async(_append_messages)(request, fragment)
        return response

    def answer_sync(request: HttpRequest) -> HttpResponseBase:
        response = _adapted(request, get_response(request))
        if fragment := _waiting_for_messages(request, response):
            _append_messages(request, fragment)
        return response

    return answer if iscoroutinefunction(get_response) else answer_sync


def _adapted(request: Any, response: HttpResponseBase) -> HttpResponseBase:
    patch_vary_headers(response, ["HX-Request"])
    if request.htmx and isinstance(response, HttpResponseRedirectBase):
        return _for_the_browser(request, response)
    return response


def _for_the_browser(
    request: Any, response: HttpResponseRedirectBase
) -> HttpResponseBase:
    """Leave it to the browser to go there; from a sign-in it comes back to its page."""
    location = response.url
    sign_in = resolve_url(settings.LOGIN_URL)
    if urlsplit(location).path == sign_in:
        page = request.htmx.current_url_abs_path or resolve_url("home")
        location = redirect_to_login(page, sign_in).url
    client_side = HttpResponseClientRedirect(location)
    client_side.cookies = response.cookies
    for name, value in response.items():
        if name != "Location":
            client_side.headers.setdefault(name, value)
    return client_side


def _waiting_for_messages(
    request: Any, response: HttpResponseBase
) -> HttpResponse | None:
    """Return the fragment that is to bring the messages of its view, if it is one."""
    if not (request.htmx and isinstance(response, HttpResponse)):
        return None
    is_html = response.get("Content-Type", "").startswith("text/html")
    is_fragment = is_html and "HX-Redirect" not in response
    has_some = getattr(get_messages(request), "added_new", False)
    return response if is_fragment and has_some else None


def _append_messages(request: HttpRequest, response: HttpResponse) -> None:
    context = {"messages": get_messages(request)}
    response.write(render_to_string("components/messages.html", context))
