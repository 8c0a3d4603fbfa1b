import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import OperationalError
from django.http import Http404
from django.test import Client

from config.errors import MESSAGES
from connectors import errors

SECRET = "the-secret-in-the-exception"


@pytest.mark.parametrize(
    ("exc", "code", "status"),
    [
        (SuspiciousOperation(SECRET), "BAD_REQUEST", 400),
        (RequestDataTooBig(SECRET), "PAYLOAD_TOO_LARGE", 413),
        (PermissionDenied(SECRET), "FORBIDDEN", 403),
        (Http404(SECRET), "NOT_FOUND", 404),
        (OperationalError(SECRET), "DATABASE_UNAVAILABLE", 503),
        (errors.ConnectorNotFound(SECRET), "INTERNAL_ERROR", 500),
        (RuntimeError(SECRET), "INTERNAL_ERROR", 500),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_fails_outside_of_rest_is_json_below_api_and_a_page_elsewhere(
    fail: Callable[..., Any], exc: Exception, code: str, status: int
) -> None:
    below = fail(exc, "/api/page")
    assert (below.status_code, below.json()["error"]) == (status, code)
    page = fail(exc, "/page")
    assert page.status_code == status
    assert page["Content-Type"].startswith("text/html")
    assert MESSAGES[code].partition(".")[0].partition("`")[0] in page.text
    for response in (below, page):
        assert SECRET not in response.text
        assert "Traceback" not in response.text


def test_a_form_without_its_token_is_json_below_api_and_a_page_elsewhere(
    settings: Any,
) -> None:
    settings.ROOT_URLCONF = "config.tests.failing_urls"
    client = Client(enforce_csrf_checks=True)
    below = client.post("/api/form")
    assert (below.status_code, below.json()["error"]) == (403, "CSRF_FAILED")
    page = client.post("/form")
    assert page.status_code == 403
    assert page["Content-Type"].startswith("text/html")


def test_a_page_that_cannot_be_drawn_is_replaced_by_a_plain_one(
    fail: Callable[..., Any], settings: Any
) -> None:
    engine = {**settings.TEMPLATES[0], "DIRS": [], "APP_DIRS": False}
    settings.TEMPLATES = [engine]
    response = fail(RuntimeError(SECRET), "/page")
    assert response.status_code == 500
    assert MESSAGES["INTERNAL_ERROR"] in response.text


@pytest.mark.parametrize("path", ["/api/unknown", "/api", "/api/", "/api/rest/"])
def test_an_unknown_address_below_api_is_json(settings: Any, path: str) -> None:
    settings.ROOT_URLCONF = "config.tests.failing_urls"
    response = Client().get(path)
    assert response.status_code == 404
    assert json.loads(response.content)["error"] == "NOT_FOUND"
