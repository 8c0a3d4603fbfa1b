"""Our own middleware: probes, the request log, a database that does not answer.

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
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django_structlog.middlewares import RequestMiddleware
from django_structlog.signals import bind_extra_request_finished_metadata

from config import health
from config.error_pages import server_error

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


class DatabaseErrors:
    """Answer 503 when a view finds that the database does not answer.

    Without it Django logs the exception first, whose text names hosts and data.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        # A coroutine where the rest of the chain is asynchronous.
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
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
    took_s = time.monotonic() - request.META[_BEGAN]
    log_kwargs["duration_ms"] = round(took_s * 1000)
