"""The HTTP status of every error code, and the one shape of an error.

`STATUS` is the only place where a code meets a status. `answer` is what REST
calls for every exception; what fails outside of REST is served by
`config.error_pages`. docs/errors.md explains every code to people.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.http.request import UnreadablePostError
from rest_framework import exceptions as drf
from rest_framework.response import Response

from agent.errors import ModelBusy
from connectors import errors

logger = structlog.get_logger(__name__)

STATUS: Final[Mapping[str, int]] = {
    "BAD_REQUEST": 400,
    "CONNECTION_NOT_VERIFIED": 400,
    "CONNECTOR_LIMIT_REACHED": 400,
    "UNAUTHORIZED": 401,
    "CSRF_FAILED": 403,
    "FORBIDDEN": 403,
    "SCOPE_MISSING": 403,
    "CONNECTOR_NOT_FOUND": 404,
    "NOT_FOUND": 404,
    "TOOL_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_ACCEPTABLE": 406,
    "APPROVAL_CLOSED": 409,
    # A server that refuses our credentials is put right by the person, as a
    # connector that waits for a sign-in is: hence the same status.
    "AUTH_FAILED": 409,
    "AUTH_REQUIRED": 409,
    "CONNECTOR_DISABLED": 409,
    "DUPLICATE_NAME": 409,
    "DUPLICATE_URL": 409,
    "INPUT_CLOSED": 409,
    "NOTHING_TO_RETRY": 409,
    "OAUTH_CLIENT_NEEDED": 409,
    "OAUTH_NOT_OFFERED": 409,
    "SECRET_UNREADABLE": 409,
    "SIGN_IN_REQUIRED": 409,
    "TOOL_NOT_ALLOWED": 409,
    "TOOL_NOT_CONNECTED": 409,
    "TOOL_PENDING_REVIEW": 409,
    "TOOL_UNAVAILABLE": 409,
    "TURN_LIMIT": 409,
    "TURN_LOST": 409,
    "TURN_RUNNING": 409,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "INVALID_INPUT": 422,
    "INVALID_URL": 422,
    "MODEL_BUSY": 429,
    "TOO_MANY_REQUESTS": 429,
    "INTERNAL_ERROR": 500,
    "CONNECTION_FAILED": 502,
    "INVALID_MCP_SERVER": 502,
    "MODEL_KEY_REJECTED": 502,
    "MODEL_NONSENSE": 502,
    "MODEL_REFUSED": 502,
    "MODEL_UNAVAILABLE": 502,
    "OAUTH_FAILED": 502,
    "OUTCOME_UNKNOWN": 502,
    "RESPONSE_TOO_LARGE": 502,
    "SERVER_ERROR": 502,
    "DATABASE_UNAVAILABLE": 503,
    "TIMEOUT": 504,
}
DATABASE_RETRY_AFTER_S: Final = 5
THROTTLE_RETRY_AFTER_S: Final = 60
MODEL_RETRY_AFTER_S: Final = 20

MESSAGES: Final[Mapping[str, str]] = {
    "BAD_REQUEST": "This request cannot be understood.",
    "UNAUTHORIZED": "Sign in, or send a valid API token as `Authorization: Bearer …`.",
    "CSRF_FAILED": "The CSRF token is missing or wrong. Load the page again.",
    "FORBIDDEN": "You may not do this.",
    "SCOPE_MISSING": "This API token does not have the scope that this needs.",
    "NOT_FOUND": "There is nothing at this address.",
    "METHOD_NOT_ALLOWED": "This address does not know this method; see `Allow`.",
    "NOT_ACCEPTABLE": "The answer is JSON, which the `Accept` header rules out.",
    "PAYLOAD_TOO_LARGE": "The body is larger than this installation accepts.",
    "UNSUPPORTED_MEDIA_TYPE": "Send JSON, with `Content-Type: application/json`.",
    "TOO_MANY_REQUESTS": "Too many requests. Wait before you try again.",
    "INTERNAL_ERROR": "This failed here, not at your end. The operator finds it by its "
    "request id.",
    "DATABASE_UNAVAILABLE": "The database does not answer. Try again in a moment.",
}


class PayloadTooLarge(drf.APIException):
    """The body has more bytes than `DATA_UPLOAD_MAX_MEMORY_SIZE`."""

    status_code = 413
    default_detail = MESSAGES["PAYLOAD_TOO_LARGE"]


# The framework's exceptions, most specific first.
FRAMEWORK: Final[tuple[tuple[type[Exception], str], ...]] = (
    (drf.NotAuthenticated, "UNAUTHORIZED"),
    (drf.AuthenticationFailed, "UNAUTHORIZED"),
    (drf.PermissionDenied, "FORBIDDEN"),
    (PermissionDenied, "FORBIDDEN"),
    (drf.NotFound, "NOT_FOUND"),
    (Http404, "NOT_FOUND"),
    (drf.MethodNotAllowed, "METHOD_NOT_ALLOWED"),
    (drf.NotAcceptable, "NOT_ACCEPTABLE"),
    (drf.UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE"),
    (drf.Throttled, "TOO_MANY_REQUESTS"),
    (PayloadTooLarge, "PAYLOAD_TOO_LARGE"),
    (RequestDataTooBig, "PAYLOAD_TOO_LARGE"),
    (UnreadablePostError, "BAD_REQUEST"),
)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An exception in the words of the API."""

    code: str
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        code: str,
        message: str = "",
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> "Problem":
        """Build the one shape of an error; `MESSAGES` has the usual sentences."""
        body = {"error": code, "message": message or MESSAGES[code], **extra}
        return cls(code=code, body=body, headers=headers or {})

    @property
    def status(self) -> int:
        return STATUS[self.code]


def answer(exc: Exception, context: dict[str, Any]) -> Response:
    """Answer any exception of a REST view; never let one through.

    Source: the `EXCEPTION_HANDLER` of Django REST framework.
    """
    problem = problem_of(exc)
    return Response(problem.body, status=problem.status, headers=problem.headers)


def problem_of(exc: Exception) -> Problem:
    """Translate `exc`, which is logged if nobody anticipated it."""
    if isinstance(exc, errors.ConnectorError):
        return _of_connector(exc)
    if isinstance(exc, drf.ValidationError | drf.ParseError):
        return _of_fields(list(_flatten(exc.detail, ["body"])))
    if isinstance(exc, OperationalError | InterfaceError):
        return database_unavailable()
    for kind, code in FRAMEWORK:
        if isinstance(exc, kind):
            return _of_framework(exc, code)
    return unanticipated(exc)


def _of_connector(exc: errors.ConnectorError) -> Problem:
    match exc:
        case errors.InvalidInput():
            return _of_fields(exc.errors)
        case errors.InvalidUrl():
            loc = ["body", "server_url", exc.constraint]
            return _of_fields([{"loc": loc, "msg": exc.message, "type": "url"}])
        case errors.NotVerified():
            # What was tested is not saved, so there is no ticket to hand out.
            test = {**exc.test.public(), "test_ticket": None}
            return Problem.of(exc.code, exc.message, test=test)
        case errors.TooManyRequests():
            headers = {"Retry-After": str(exc.retry_after_s)}
            return Problem.of(exc.code, exc.message, headers)
        case ModelBusy():
            headers = {"Retry-After": str(MODEL_RETRY_AFTER_S)}
            return Problem.of(exc.code, exc.message, headers)
        case errors.ServerFailure():
            return Problem.of(exc.code, f"{exc.message} {exc.suggestion}".strip())
        case _ if exc.code == errors.ConnectorError.code:
            return unanticipated(exc)
    return Problem.of(exc.code, exc.message)


def _of_framework(exc: Exception, code: str) -> Problem:
    # Our own subclasses bring a code of the table and a sentence; the framework's
    # sentences repeat what was sent, so they are replaced.
    message = ""
    if isinstance(exc, drf.APIException) and exc.default_code in STATUS:
        code, message = exc.default_code, str(exc.detail)
    return Problem.of(code, message, _headers(exc, code))


def _of_fields(detail: list[dict[str, Any]]) -> Problem:
    return Problem(code="INVALID_INPUT", body={"detail": detail})


def _flatten(detail: Any, loc: list[str | int]) -> Iterator[dict[str, Any]]:
    """Turn nested serializer errors into a list; `loc` ends with the constraint."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            inner = loc if key == "non_field_errors" else [*loc, key]
            yield from _flatten(value, inner)
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            is_leaf = isinstance(value, drf.ErrorDetail)
            yield from _flatten(value, loc if is_leaf else [*loc, index])
    else:
        yield {"loc": [*loc, detail.code], "msg": str(detail), "type": detail.code}


def _headers(exc: Exception, code: str) -> dict[str, str]:
    match code:
        case "UNAUTHORIZED":
            # The framework names the scheme of the first authenticator.
            return {"WWW-Authenticate": getattr(exc, "auth_header", "Bearer")}
        case "TOO_MANY_REQUESTS":
            wait = getattr(exc, "wait", None) or THROTTLE_RETRY_AFTER_S
            return {"Retry-After": str(wait)}
    return {}


def database_unavailable() -> Problem:
    # Without the exception: its text names hosts and people's data.
    logger.error("database.unavailable", error_code="DATABASE_UNAVAILABLE")
    headers = {"Retry-After": str(DATABASE_RETRY_AFTER_S)}
    return Problem.of("DATABASE_UNAVAILABLE", headers=headers)


def unanticipated(exc: BaseException | None) -> Problem:
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    request_id = request_id or str(uuid.uuid4())
    logger.error(
        "request.failed",
        error_code="INTERNAL_ERROR",
        request_id=request_id,
        exc_info=exc,
    )
    return Problem.of("INTERNAL_ERROR", request_id=request_id)
