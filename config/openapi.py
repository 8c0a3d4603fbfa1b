"""The OpenAPI document: what every operation can answer, and the page that shows it.

A view names the codes that are its own, `extensions={"x-errors": […]}`. Their
statuses come from the table in `config.errors`, together with the errors that
every operation has.
"""

from collections.abc import Iterable
from itertools import groupby
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
HEADERS: Final[Json] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "integer", "description": "seconds"}}},
    503: {"Retry-After": {"schema": {"type": "integer", "description": "seconds"}}},
}


def document_errors(result: Json, **_: Any) -> Json:
    """Add to every operation the errors that it can answer.

    Source: a postprocessing hook of drf-spectacular.
    """
    result["components"]["schemas"].update(SCHEMAS)
    for operations in result["paths"].values():
        for method, operation in operations.items():
            codes = {*operation.pop("x-errors", ()), *_common(method, operation)}
            operation["responses"].update(_responses(codes))
    return result


def _common(method: str, operation: Json) -> Iterable[str]:
    yield from ALWAYS
    if method != "get":
        yield "CSRF_FAILED"
    if "requestBody" in operation:
        yield from WITH_BODY


def _responses(codes: Iterable[str]) -> Json:
    ordered = sorted(codes, key=lambda code: (STATUS[code], code))
    return {
        str(status): _response(status, list(group))
        for status, group in groupby(ordered, key=STATUS.__getitem__)
    }


def _response(status: int, codes: list[str]) -> Json:
    schema: Json = {"$ref": "#/components/schemas/Error"}
    if codes == ["INVALID_INPUT"]:
        schema = {"$ref": "#/components/schemas/InvalidInput"}
    else:
        schema["properties"] = {"error": {"enum": codes}}
    response = {
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
