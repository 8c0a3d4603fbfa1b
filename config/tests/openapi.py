"""Hold every answer of REST against the document that describes REST.

Objects are closed here: a key that the document does not name is a failure, so
that nothing is answered by accident.
"""

import json
import re
from functools import cache
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from openapi_schema_validator import OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

# What is no JSON of ours: the document itself and the page that shows it.
OTHERS = ("/api/schema", "/api/docs")
METHODS = {
    "type": "object",
    "required": ["methods"],
    "properties": {"methods": {"type": "array", "items": {"type": "string"}}},
    "additionalProperties": False,
}
NEEDED_HEADERS = {
    HTTPStatus.UNAUTHORIZED: "WWW-Authenticate",
    HTTPStatus.METHOD_NOT_ALLOWED: "Allow",
    HTTPStatus.TOO_MANY_REQUESTS: "Retry-After",
    HTTPStatus.SERVICE_UNAVAILABLE: "Retry-After",
}


@cache
def document() -> Any:
    """Return the document as plain JSON."""
    generated = SchemaGenerator().get_schema(request=None, public=True)
    return json.loads(json.dumps(generated))


@cache
def _registry() -> Registry[Any]:
    closed = json.loads(json.dumps(document()))
    for schema in closed["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    resource: Resource[Any] = DRAFT202012.create_resource(closed)
    empty: Registry[Any] = Registry()
    registry: Registry[Any] = empty.with_resource("urn:openapi", resource)
    return registry


def assert_valid(value: Any, schema: dict[str, Any]) -> None:
    """Assert that `value` fits; `schema` points into the document by `at`."""
    errors = OAS31Validator(schema, registry=_registry()).iter_errors(value)
    found = [f"{error.json_path}: {error.message}" for error in errors]
    assert not found, f"{schema}: {found}"


def check(method: str, path: str, response: HttpResponse) -> None:
    """Assert that this answer is documented, and well formed."""
    if not path.startswith("/api") or path in OTHERS:
        return
    if header := NEEDED_HEADERS.get(HTTPStatus(response.status_code)):
        assert header in response, f"{response.status_code} without {header}"
    if response.status_code == HTTPStatus.FOUND:
        operation = document()["paths"][str(template_of(path))][method.lower()]
        assert str(HTTPStatus.FOUND.value) in operation["responses"]
        assert response.content == b""
        return
    assert response["Content-Type"] == "application/json"
    if method == "HEAD":
        assert response.content == b""
        return
    schema = _schema(method, path, response.status_code)
    assert_valid(json.loads(response.content), schema)


def _schema(method: str, path: str, status: int) -> dict[str, Any]:
    """Return what the document says about this answer."""
    template = template_of(path)
    if template is None:
        assert status == HTTPStatus.NOT_FOUND, f"{path} is not documented"
        return at("components", "schemas", "Error")
    operations = document()["paths"][template]
    if method.lower() not in operations:
        if method == "OPTIONS" and status == HTTPStatus.OK:
            return METHODS
        # Who is not signed in is not told which methods there are.
        assert status in {401, 405, 406}, f"{method} {template} is not documented"
        return at("components", "schemas", "Error")
    responses = operations[method.lower()]["responses"]
    assert str(status) in responses, f"{method} {template} does not document {status}"
    shared = responses[str(status)].get("$ref")
    operation = ("paths", template, method.lower(), "responses", str(status))
    response = shared.removeprefix("#/").split("/") if shared else operation
    return at(*response, "content", "application/json", "schema")


def at(*keys: str) -> dict[str, Any]:
    """Return a schema that refers to this place of the document."""
    pointer = "/".join(key.replace("~", "~0").replace("/", "~1") for key in keys)
    return {"$ref": f"urn:openapi#/{pointer}"}


def template_of(path: str) -> str | None:
    """Return the documented path that matches `path`, the most exact one."""
    matching = [
        template
        for template in document()["paths"]
        if re.fullmatch(re.sub(r"\\{(\w+)\\}", _variable, re.escape(template)), path)
    ]
    return min(matching, key=lambda template: template.count("{"), default=None)


def _variable(match: re.Match[str]) -> str:
    if match[1] == "tool_id":
        # A system tool is known by a word.
        return "[^/]+"
    # What has more digits is no number to Python, and so no address to Django.
    return "[0-9]{1,4300}" if match[1].endswith("id") else ".+"
