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
from django.template.loader import render_to_string
from django.test import Client
from django.utils.html import escape

from accounts.errors import TokenNotFound
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
        (RuntimeError(SECRET), "INTERNAL_ERROR", 500),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_fails_outside_of_rest_is_json_below_api_and_a_page_elsewhere(
    fail: Callable[..., Any], exc: Exception, code: str, status: int
) -> None:
    below = fail(exc, "/api/page")
    assert (below.status_code, below.json()["error"]) == (status, code)
    v1 = fail(exc, "/v1/page")
    assert (v1.status_code, v1.json()["error"]["code"]) == (status, code.lower())
    page = fail(exc, "/page")
    assert page.status_code == status
    assert page["Content-Type"].startswith("text/html")
    assert MESSAGES[code].partition(".")[0].partition("`")[0] in page.text
    for response in (below, v1, page):
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


def test_htmx_is_told_that_its_page_is_too_old(settings: Any) -> None:
    settings.ROOT_URLCONF = "config.tests.failing_urls"
    client = Client(enforce_csrf_checks=True, headers={"HX-Request": "true"})
    notice = client.post("/form")
    assert notice.status_code == 403
    assert "This page is too old" in notice.text
    assert notice["HX-Retarget"] == "#messages"


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


@pytest.mark.parametrize(
    ("exc", "status", "says"),
    [
        (errors.ConnectorNotFound(), 404, "nothing at this address"),
        (TokenNotFound(), 404, "nothing at this address"),
        (errors.TooManyRequests(retry_after_s=7), 429, "Too many"),
        (errors.ConnectorDisabled(), 409, errors.ConnectorDisabled.message),
        (errors.InvalidInput.at("name", msg="No name.", type_="x"), 422, "No name."),
        (errors.ConnectorError(), 500, "could not be made"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_that_a_page_lets_through_has_a_page(
    fail: Callable[..., Any], exc: Exception, status: int, says: str
) -> None:
    page = fail(exc, "/page")
    assert page.status_code == status
    assert escape(says) in page.text
    assert page.text.count("<h1>") == 1
    assert page.get("Retry-After") == ("7" if status == 429 else None)


@pytest.mark.parametrize(
    "exc", [Http404(), PermissionDenied(), errors.ConnectorNotFound(), RuntimeError()]
)
def test_htmx_gets_a_notice_for_the_place_of_the_messages(
    fail: Callable[..., Any], exc: Exception
) -> None:
    notice = fail(exc, "/page", headers={"HX-Request": "true"})
    assert notice.status_code == fail(exc, "/page").status_code
    assert notice["HX-Retarget"] == "#messages"
    assert notice["HX-Reswap"] == "beforeend"
    assert 'role="alert"' in notice.text
    assert "<html" not in notice.text


def test_a_method_that_is_not_known_has_a_page_too(settings: Any) -> None:
    settings.ROOT_URLCONF = "config.tests.failing_urls"
    page = Client().get("/only-post")
    assert (page.status_code, page["Allow"]) == (405, "POST")
    assert "This address cannot be opened like that" in page.text
    notice = Client().get("/only-post", headers={"HX-Request": "true"})
    assert (notice.status_code, notice["Allow"]) == (405, "POST")
    assert "<html" not in notice.text


@pytest.mark.parametrize("status", [400, 403, "403_csrf", 404, 405, 429, 500])
def test_every_page_of_an_error_is_drawn_without_a_request(status: int | str) -> None:
    page = render_to_string(f"{status}.html", {"problem": {"message": "Said so."}})
    assert page.count("<h1>") == 1
    assert "Said so." in page or status not in {400, 429, 500}
    # What the start page is for: nobody is signed in here.
    assert 'href="/"' in page
    assert "Something went wrong" not in page
