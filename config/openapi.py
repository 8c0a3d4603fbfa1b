"""The OpenAPI document: what every operation can answer, and the page that shows it.

A view names the codes that are its own, `extensions={"x-errors": […]}`. Their
statuses come from the table in `config.errors`, together with the errors that
every operation has.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.errors import STATUS

type Json = dict[str, Any]

ALWAYS: Final = (
    "UNAUTHORIZED",
    "SCOPE_MISSING",
    "NOT_ACCEPTABLE",
    "INTERNAL_ERROR",
    "DATABASE_UNAVAILABLE",
)
WITH_BODY: Final = ("PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "INVALID_INPUT")
SCHEMAS: Final[Json] = {
    "Error": {
        "type": "object",
        "description": "What went wrong; docs/errors.md explains every code.",
        "required": ["error", "message"],
        "properties": {
            "error": {"type": "string", "enum": sorted(STATUS)},
            "message": {"type": "string"},
            "request_id": {
                "type": "string",
                "description": "With INTERNAL_ERROR: where the log has the cause.",
            },
            "test": {
                "$ref": "#/components/schemas/TestResult",
                "description": "With CONNECTION_NOT_VERIFIED: the test that failed.",
            },
        },
    },
    "InvalidInput": {
        "type": "object",
        "description": "The last element of `loc` names the constraint that failed.",
        "required": ["detail"],
        "properties": {
            "detail": {
                "type": "array",
                "minItems": 1,
                "items": {"$ref": "#/components/schemas/InvalidValue"},
            }
        },
    },
    "InvalidValue": {
        "type": "object",
        "required": ["loc", "msg", "type"],
        "properties": {
            "loc": {
                "type": "array",
                "minItems": 2,
                "items": {"type": ["string", "integer"]},
                "examples": [["body", "server_url", "url"]],
            },
            "msg": {"type": "string"},
            "type": {"type": "string"},
        },
    },
}
HEADERS: Final[dict[int, Json]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "integer", "description": "seconds"}}},
    503: {"Retry-After": {"schema": {"type": "integer", "description": "seconds"}}},
}


def document_errors(result: Json, **_: Any) -> Json:
    """Add to every operation the errors that it can answer.

    Source: a postprocessing hook of drf-spectacular.
    """
    result["components"]["schemas"].update(SCHEMAS)
    shared: Json = {}
    for operations in result["paths"].values():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                response["description"] = HTTPStatus(int(status)).phrase
            own = _by_status(operation.pop("x-errors", ()))
            common = _by_status(_common(method, operation))
            for status in sorted(own | common):
                codes = [*own.get(status, ()), *common.get(status, ())]
                response = _response(status, codes)
                if status not in own:
                    name = "-".join(codes)
                    shared[name] = response
                    response = {"$ref": f"#/components/responses/{name}"}
                operation["responses"][str(status)] = response
    result["components"]["responses"] = dict(sorted(shared.items()))
    return result


def _common(method: str, operation: Json) -> Iterable[str]:
    yield from ALWAYS
    if method != "get":
        yield "CSRF_FAILED"
    if "requestBody" in operation:
        yield from WITH_BODY


def _by_status(codes: Iterable[str]) -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = {}
    for code in sorted(codes):
        grouped.setdefault(STATUS[code], []).append(code)
    return grouped


def _response(status: int, codes: list[str]) -> Json:
    schema: Json = {"$ref": "#/components/schemas/InvalidInput"}
    if codes != ["INVALID_INPUT"]:
        schema = {
            "$ref": "#/components/schemas/Error",
            "properties": {"error": {"enum": codes}},
        }
    response: Json = {
        "description": ", ".join(f"`{code}`" for code in codes),
        "content": {"application/json": {"schema": schema}},
    }
    if status in HEADERS:
        response["headers"] = HEADERS[status]
    return response


# Open to everybody: programs and people read them before they sign in.
schema = SpectacularAPIView.as_view()
# The script comes from an address of its own, so that the policy of the pages,
# which knows no inline script, holds here too.
docs = SpectacularSwaggerSplitView.as_view(
    url_name="api-schema", template_name="api_docs.html"
)
