"""Errors in OpenAI's shape."""

import json
from typing import Any

import pytest
from django.db import OperationalError
from rest_framework.exceptions import NotAuthenticated, NotFound, ParseError

from accounts.authentication import ScopeMissing, Unauthorized
from agent import v1_errors
from agent.v1_errors import Refused
from connectors.errors import InvalidInput, TooManyRequests

SECRET = "the-secret-in-the-exception"


def error_of(failure: Exception) -> dict[str, Any]:
    response = v1_errors.answer(failure)
    assert response["Content-Type"] == "application/json"
    body = json.loads(response.content)
    assert body.keys() == {"error"}
    assert {"message", "type", "param", "code"} <= body["error"].keys()
    assert SECRET not in response.text
    return {"status": response.status_code, **body["error"]}


@pytest.mark.parametrize(
    ("failure", "status", "kind", "code"),
    [
        (NotAuthenticated(), 401, "invalid_request_error", "invalid_api_key"),
        (Unauthorized(), 401, "invalid_request_error", "invalid_api_key"),
        (ScopeMissing("chat"), 403, "invalid_request_error", "scope_missing"),
        (NotFound(), 404, "invalid_request_error", "not_found"),
        (TooManyRequests(3), 429, "rate_limit_error", "rate_limit_exceeded"),
        (RuntimeError(SECRET), 500, "server_error", "internal_error"),
        (OperationalError(SECRET), 503, "server_error", "database_unavailable"),
        (Refused("No.", param="n"), 400, "invalid_request_error", "invalid_value"),
        (
            Refused("No.", param="model", code="model_not_found"),
            404,
            "invalid_request_error",
            "model_not_found",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_failure_has_the_shape(
    failure: Exception, status: int, kind: str, code: str
):
    error = error_of(failure)
    assert (error["status"], error["type"], error["code"]) == (status, kind, code)
    assert error["message"].endswith(".")


def test_what_is_422_over_rest_names_its_place():
    failure = InvalidInput.at("text", "max_length", msg="Too long.", type_="x")
    error = error_of(failure)
    assert (error["status"], error["param"]) == (400, "text")
    error = error_of(ParseError("The body must be valid JSON.", "json"))
    assert (error["status"], error["param"]) == (400, None)


def test_headers_come_along():
    assert v1_errors.answer(TooManyRequests(3))["Retry-After"] == "3"
    assert v1_errors.answer(NotAuthenticated())["WWW-Authenticate"] == "Bearer"


def test_a_fault_of_ours_can_be_found_in_the_log():
    assert error_of(RuntimeError(SECRET))["request_id"]


# --- Turns that ended early --------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("MODEL_BUSY", 429),
        ("MODEL_UNAVAILABLE", 502),
        ("MODEL_KEY_REJECTED", 502),
        ("MODEL_NONSENSE", 502),
        ("MODEL_REFUSED", 502),
        ("TURN_LIMIT", 409),
        ("", 409),
        ("SOMETHING_NEW", 500),
    ],
)
def test_a_turn_that_failed_has_a_status(code: str, status: int):
    ending = {"state": "failed", "error_code": code, "message": "It failed."}
    response = v1_errors.failed(ending, has_called=False)
    assert response.status_code == status
    if status != 500:
        assert json.loads(response.content)["error"]["message"] == "It failed."


@pytest.mark.parametrize(
    ("code", "has_called", "expected"),
    [
        ("MODEL_BUSY", False, None),
        ("MODEL_BUSY", True, "false"),
        ("MODEL_UNAVAILABLE", True, "false"),
        ("", False, "false"),
    ],
)
def test_a_client_does_not_repeat_a_call_by_itself(
    code: str, has_called: bool, expected: str | None
):
    ending = {"state": "failed", "error_code": code}
    response = v1_errors.failed(ending, has_called=has_called)
    assert response.get("x-should-retry") == expected
