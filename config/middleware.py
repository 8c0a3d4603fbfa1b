"""Our own middleware: probes, errors that have a page, the request log.

Each is async-capable: one that is not costs every request a thread
(`config/tests/test_middleware.py` asserts it of the whole chain).
"""

import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction
from django.db import InterfaceError, OperationalError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django_structlog.middlewares import RequestMiddleware
from django_structlog.signals import bind_extra_request_finished_metadata

from accounts.errors import TokenNotFound
from config import health
from config.error_pages import anticipated, method_not_allowed, server_error
from connectors.errors import ConnectorError

_BEGAN = "patchbay.began"
GetResponse = Callable[[HttpRequest], Any]
Probe = Callable[[HttpRequest], Awaitable[HttpResponse]]

PROBES: Final[dict[str, Probe]] = {
    "/healthz": health.healthz,
    "/readyz": health.readyz,
}


@sync_and_async_middleware
def probes(get_response: GetResponse) -> GetResponse:
    """Answer the probes ahead of everything else.

    They come over plain HTTP, from inside, by address: they have no session, and
    neither the check of the host's name nor the redirect to HTTPS is for them.
    """

    async def answer(request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info)
        response: HttpResponseBase = await (probe or get_response)(request)
        return response

    def answer_sync(request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info)
        response: HttpResponseBase = (
            async_to_sync(probe)(request) if probe else get_response(request)
        )
        return response

    return answer if iscoroutinefunction(get_response) else answer_sync


class PageErrors:
    """Answer with a page what a view let through and people can be told.

    That is: an error of our own two trees, a database that does not answer (Django
    would log its text first, which names hosts and data), a method that is not known.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self._acall(request)
        return self._with_page(request, self.get_response(request))

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        return self._with_page(request, await self.get_response(request))

    @staticmethod
    def _with_page(
        request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            return method_not_allowed(request, response["Allow"])
        return response

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        if isinstance(exception, TokenNotFound | ConnectorError):
            return anticipated(request, exception)
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        try:
            raise exception
        except (OperationalError, InterfaceError):
            return server_error(request)


class RequestLog(RequestMiddleware):
    """Bind the request's id and the person, log the request by its path.

    A query string is never logged (codes, tokens and searches are in it), nor are
    the two kinds of key that allauth mails out as part of a path.
    """

    _KEY_IN_PATH = re.compile(r"(/reset/key/|/confirm-email/)[^/]+")

    def prepare(self, request: HttpRequest) -> None:
        request.META[_BEGAN] = time.monotonic()
        super().prepare(request)

    @classmethod
    def format_request(cls, request: HttpRequest) -> str:
        path = cls._KEY_IN_PATH.sub(r"\1[redacted]", request.path)
        return f"{request.method} {path}"


@receiver(bind_extra_request_finished_metadata)
def _add_duration(
    request: HttpRequest, log_kwargs: dict[str, Any], **kwargs: Any
) -> None:
    # allauth repeats a request after signing in again, with META of its own.
    if began := request.META.get(_BEGAN):
        log_kwargs["duration_ms"] = round((time.monotonic() - began) * 1000)
