"""A connector that points at this installation would call itself in a circle."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from config.error_pages import bad_request
from connectors import egress


@sync_and_async_middleware
def refuse_own(get_response: Callable[[HttpRequest], Any]) -> Any:
    """Answer 400 to a request that egress of this installation sent.

    The address policy refuses our own names already; this holds for the ones that
    it cannot know, such as somebody's DNS name for our address.
    """

    async def answer(request: HttpRequest) -> HttpResponseBase:
        if egress.is_own_hop(request.headers):
            return bad_request(request, BadRequest())
        response: HttpResponseBase = await get_response(request)
        return response

    def answer_sync(request: HttpRequest) -> HttpResponseBase:
        if egress.is_own_hop(request.headers):
            return bad_request(request, BadRequest())
        response: HttpResponseBase = get_response(request)
        return response

    return answer if iscoroutinefunction(get_response) else answer_sync
