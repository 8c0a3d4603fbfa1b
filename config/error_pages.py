"""What fails outside of REST: JSON below /api and /v1, a small page elsewhere.

A request of htmx gets a notice instead of the page, for the place of the messages:
swapped where the answer was expected, it would take something away that still works.
"""

import sys
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.html import format_html

from accounts.errors import AccountError
from agent import v1_errors
from config.errors import (
    STATUS,
    Problem,
    database_unavailable,
    problem_of,
    unanticipated,
)
from connectors.errors import ConnectorError, InvalidInput, InvalidUrl

logger = structlog.get_logger(__name__)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Serve Django's 400: a wrong Host, a malformed upload, too much of it."""
    too_big = isinstance(exception, RequestDataTooBig)
    code = "PAYLOAD_TOO_LARGE" if too_big else "BAD_REQUEST"
    return _refuse(request, code, template="400.html")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Serve Django's 403."""
    return _refuse(request, "FORBIDDEN")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Serve the 403 of the CSRF middleware; the reason stays in the log."""
    return _refuse(request, "CSRF_FAILED", template="403_csrf.html")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Serve Django's 404; the path is not repeated, for it may be a secret."""
    return _refuse(request, "NOT_FOUND")


def method_not_allowed(request: HttpRequest, allow: str) -> HttpResponse:
    """Serve the 405 of a view's decorator, which has no words of its own."""
    problem = Problem.of("METHOD_NOT_ALLOWED", headers={"Allow": allow})
    return _serve(request, problem, "405.html")


def anticipated(
    request: HttpRequest, exception: AccountError | ConnectorError
) -> HttpResponse:
    """Serve what a page let through of the errors that people are told about."""
    if isinstance(exception, AccountError | InvalidInput | InvalidUrl):
        problem = Problem.of(exception.code, exception.message)
    else:
        problem = problem_of(exception)
    own_page = problem.status in {403, 404, 429, 500}
    template = f"{problem.status}.html" if own_page else "error.html"
    return _serve(request, problem, template)


def server_error(request: HttpRequest) -> HttpResponse:
    """Serve what no view caught: 503 if it was the database, else 500."""
    exc = sys.exc_info()[1]
    from_database = isinstance(exc, OperationalError | InterfaceError)
    problem = database_unavailable() if from_database else unanticipated(exc)
    return _serve(request, problem, "500.html")


def _refuse(request: HttpRequest, code: str, template: str = "") -> HttpResponse:
    return _serve(request, Problem.of(code), template or f"{STATUS[code]}.html")


def _serve(request: HttpRequest, problem: Problem, template: str) -> HttpResponse:
    status, headers = problem.status, problem.headers
    if request.path == "/api" or request.path.startswith("/api/"):
        return JsonResponse(problem.body, status=status, headers=headers)
    if request.path.startswith("/v1/"):
        body = v1_errors.reworded(problem.body, status)
        return JsonResponse(body, status=status, headers=headers)
    context = {"problem": problem.body, "status": status}
    if request.headers.get("HX-Request") == "true":
        place = {"HX-Retarget": "#messages", "HX-Reswap": "beforeend"}
        notice = _page("components/problem.html", context)
        return HttpResponse(notice, status=status, headers=headers | place)
    return HttpResponse(_page(template, context), status=status, headers=headers)


def _page(template: str, context: dict[str, Any]) -> str:
    try:
        # Without the request: no session, no person, no query.
        return render_to_string(template, context)
    except Exception:  # noqa: BLE001 - the last page there is must not fail
        logger.warning("page.unavailable", template=template)
        return format_html(
            "<!doctype html><title>{status}</title><p>{message}</p>",
            status=context["status"],
            message=context["problem"].get("message", ""),
        )
