import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.http import JsonResponse
from django.test import Client
from drf_spectacular.validation import validate_schema

from config.errors import STATUS
from config.tests import openapi

METHODS = {"get", "post", "put", "patch", "delete"}


def _operations() -> list[Any]:
    return [
        (f"{method} {path}", operation)
        for path, operations in openapi.document()["paths"].items()
        for method, operation in operations.items()
    ]


def test_the_committed_document_is_what_is_served(project_root: Path) -> None:
    """Regenerate: manage.py spectacular --file docs/api/openapi.yaml"""
    committed = (project_root / "docs/api/openapi.yaml").read_bytes()
    response = Client().get("/api/schema")
    assert response.status_code == 200
    assert response.content == committed


def test_the_command_writes_what_is_served_without_a_warning() -> None:
    written = io.StringIO()
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=written)
    assert written.getvalue().encode() == Client().get("/api/schema").content


def test_the_document_is_served_as_json_too() -> None:
    accept = {"accept": "application/vnd.oai.openapi+json"}
    response = Client().get("/api/schema", headers=accept)
    served = json.loads(response.content)
    assert served == yaml.safe_load(Client().get("/api/schema").content)
    assert served["openapi"] == "3.1.1"


def test_the_document_is_valid() -> None:
    validate_schema(openapi.document())


def test_every_operation_is_named_and_described() -> None:
    operations = dict(_operations())
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(ids) == len(set(ids))
    for name, operation in operations.items():
        assert operation["summary"], name
        assert operation.get("security") or "/callback" in name, name
        assert {"401", "403", "406", "500", "503"} <= operation["responses"].keys()
        if "requestBody" in operation:
            assert {"413", "415", "422"} <= operation["responses"].keys(), name


def test_every_documented_error_has_the_status_of_the_table() -> None:
    document = openapi.document()
    for name, operation in _operations():
        for status, response in operation["responses"].items():
            if shared := response.get("$ref"):
                key = shared.rpartition("/")[2]
                response = document["components"]["responses"][key]
            if status == "302":
                continue
            schema = response["content"]["application/json"]["schema"]
            for code in schema.get("properties", {}).get("error", {}).get("enum", ()):
                assert STATUS[code] == int(status), (name, code)


def test_the_examples_are_valid() -> None:
    found = 0
    for path, operations in openapi.document()["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            for example in content.get("application/json", {}).get("examples", {}):
                body = content["application/json"]["examples"][example]["value"]
                keys = ("paths", path, method, "requestBody", "content")
                openapi.assert_valid(
                    body, openapi.at(*keys, "application/json", "schema")
                )
                found += 1
    assert found >= 5


# --- The client that holds answers against the document ----------------------

LIST = "/api/connectors"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"connectors": [], "total": "0"}, 200),
        ({"connectors": []}, 200),
        ({"connectors": [], "total": 0, "secret": "x"}, 200),
        ({"connectors": [{}], "total": 1}, 200),
        ({"error": "UNAUTHORIZED", "message": "No."}, 200),
        ({"error": "UNAUTHORIZED", "message": "No."}, 403),
        ({"error": "UNAUTHORIZED"}, 401),
        ({"error": "SCOPE_MISSING", "message": "No.", "detail": "x"}, 403),
        ({"connectors": [], "total": 0}, 201),
        ({"error": "TOO_MANY_REQUESTS", "message": "No."}, 429),
    ],
)
def test_an_answer_that_the_document_does_not_have_is_noticed(
    body: Any, status: int
) -> None:
    with pytest.raises(AssertionError):
        openapi.check("GET", LIST, JsonResponse(body, status=status))


def test_an_answer_that_the_document_has_is_let_through() -> None:
    openapi.check("GET", LIST, JsonResponse({"connectors": [], "total": 0}))
    refused = {"error": "SCOPE_MISSING", "message": "No."}
    openapi.check("GET", LIST, JsonResponse(refused, status=403))


def test_an_undocumented_path_may_only_be_404() -> None:
    with pytest.raises(AssertionError):
        openapi.check("GET", "/api/secret", JsonResponse({}))
