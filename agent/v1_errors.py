"""Errors of /v1 in the shape of OpenAI's API.

    {"error": {"message": …, "type": …, "param": …, "code": …}}

What REST would answer is said here in other words: the one table of statuses and
sentences is that of REST, which the framework's settings name.

Source: OpenAI, API reference, "Error codes"; openai-python reads `code`, `param`
and `type` of them.
"""

from http import HTTPStatus
from typing import Any, Final

from django.http import JsonResponse

from agent import errors, json_bodies
from agent.errors import AgentError, ModelFailure

# Where OpenAI has a code for the same.
CODES: Final = {
    "UNAUTHORIZED": "invalid_api_key",
    "TOO_MANY_REQUESTS": "rate_limit_exceeded",
    "INVALID_INPUT": "invalid_value",
}
# By which a turn can have failed; what is not here is a fault of ours.
FAILURES: Final[dict[str, type[AgentError]]] = {
    kind.code: kind
    for kind in (
        errors.ModelUnavailable,
        errors.ModelKeyRejected,
        errors.ModelBusy,
        errors.ModelRefused,
        errors.ModelNonsense,
        errors.TurnLimit,
        errors.LostTurn,
    )
}
# Said to clients that would try again by themselves. Source: openai-python,
# BaseClient._should_retry.
RETRY_HEADER: Final = "x-should-retry"


class Refused(AgentError):
    """A request that /v1 cannot answer, and why.

    `param` is the place in the body; `code` is OpenAI's.
    """

    code = "BAD_REQUEST"

    def __init__(
        self, message: str, *, param: str, code: str = "invalid_value"
    ) -> None:
        super().__init__(message)
        self.param = param
        self.openai_code = code


def answer(failure: Exception) -> JsonResponse:
    """Answer any exception of a view of /v1; never let one through."""
    if isinstance(failure, Refused):
        found = failure.openai_code == "model_not_found"
        status: int = HTTPStatus.NOT_FOUND if found else HTTPStatus.BAD_REQUEST
        body = shape(
            failure.message,
            status=status,
            code=failure.openai_code,
            param=failure.param,
        )
        return JsonResponse(body, status=status)
    problem, status, headers = json_bodies.failed(failure)
    # OpenAI knows no 422.
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST
    return JsonResponse(reworded(problem, status), status=status, headers=headers)


def failed(ending: dict[str, Any], *, has_called: bool) -> JsonResponse:
    """Answer for a turn that ended early; `ending` is the payload of its end.

    A client must not try again by itself if a tool was called: it would be called
    a second time. Nor if somebody stopped the turn.
    """
    # One that was stopped or lost has no code of its own.
    code = ending.get("error_code") or errors.LostTurn.code
    kind = FAILURES.get(code, AgentError)
    message = ending.get("message", "") if kind is not AgentError else ""
    response = answer(kind(message))
    if has_called or not issubclass(kind, ModelFailure):
        response[RETRY_HEADER] = "false"
    return response


def reworded(problem: dict[str, Any], status: int) -> dict[str, Any]:
    """Turn the body of an error of REST into one of OpenAI's."""
    if "detail" in problem:
        first = problem["detail"][0]
        # ["body", "depth"]: the first is where, the last is what failed.
        place = ".".join(str(step) for step in first["loc"][1:-1])
        return shape(first["msg"], status=status, param=place or None)
    code = problem["error"]
    return shape(
        problem["message"],
        status=status,
        code=CODES.get(code, code.lower()),
        request_id=problem.get("request_id"),
    )


def shape(
    message: str,
    *,
    status: int,
    code: str = "invalid_value",
    param: str | None = None,
    request_id: str | None = None,
) -> dict[str, Any]:
    """Return the one shape of an error."""
    error: dict[str, Any] = {
        "message": message,
        "type": _type(status),
        "param": param,
        "code": code,
    }
    if request_id:
        error["request_id"] = request_id
    return {"error": error}


def _type(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "server_error"
    return "invalid_request_error"
