import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.http.request import UnreadablePostError
from rest_framework import exceptions as drf
from structlog.testing import capture_logs

import agent.errors as agent_errors
import systemtools.errors as system_errors
from accounts.authentication import CsrfFailed, ScopeMissing, Unauthorized
from config.errors import MESSAGES, STATUS, PayloadTooLarge
from connectors import errors
from connectors.validator import ValidationResult

SECRET = "the-secret-in-the-exception"


def _tree(kind: type[errors.ConnectorError]) -> Iterator[type[errors.ConnectorError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


TREE = [kind for kind in _tree(errors.ConnectorError) if "code" in vars(kind)]


# --- The table ---------------------------------------------------------------


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_of_a_connector_has_a_status(
    kind: type[errors.ConnectorError],
) -> None:
    assert 400 <= STATUS[kind.code] < 600


def _documented(root: Path) -> dict[str, str]:
    text = (root / "docs/errors.md").read_text()
    return dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]*?) \|", text, re.MULTILINE))


def test_every_code_is_documented_with_its_status(project_root: Path) -> None:
    documented = _documented(project_root)
    # NO_TOOLS is the one code that comes with a success.
    assert documented.keys() == {*STATUS, "NO_TOOLS"}
    for code, status in STATUS.items():
        assert str(status) in documented[code], code


def test_every_documented_code_says_why_and_what_to_do(project_root: Path) -> None:
    rows = (project_root / "docs/errors.md").read_text().splitlines()
    for row in rows:
        if row.startswith("| `"):
            cells = [cell.strip() for cell in row.strip("|").split("|")]
            assert len(cells) == 4, row
            assert all(cells), row


# --- The shape ---------------------------------------------------------------

ANSWERED = [
    (errors.LimitReached(10), "CONNECTOR_LIMIT_REACHED", 400),
    (errors.ConnectorNotFound(), "CONNECTOR_NOT_FOUND", 404),
    (errors.ToolNotFound(), "TOOL_NOT_FOUND", 404),
    (errors.DuplicateUrl(), "DUPLICATE_URL", 409),
    (errors.DuplicateName(), "DUPLICATE_NAME", 409),
    (errors.ConnectorDisabled(), "CONNECTOR_DISABLED", 409),
    (errors.SignInRequired(), "SIGN_IN_REQUIRED", 409),
    (errors.ToolPendingReview(), "TOOL_PENDING_REVIEW", 409),
    (errors.SecretUnreadable(), "SECRET_UNREADABLE", 409),
    (system_errors.SystemToolNotFound(), "TOOL_NOT_FOUND", 404),
    (system_errors.ToolNotConnected("Notes"), "TOOL_NOT_CONNECTED", 409),
    (system_errors.ToolUnavailable("It is coming soon."), "TOOL_UNAVAILABLE", 409),
    (system_errors.ExportNotFound(), "NOT_FOUND", 404),
    (agent_errors.ConversationNotFound(), "NOT_FOUND", 404),
    (agent_errors.TurnRunning(), "TURN_RUNNING", 409),
    (agent_errors.NothingToRetry(), "NOTHING_TO_RETRY", 409),
    (agent_errors.ApprovalClosed(), "APPROVAL_CLOSED", 409),
    (agent_errors.InputClosed(), "INPUT_CLOSED", 409),
    (agent_errors.LostTurn(), "TURN_LOST", 409),
    (agent_errors.TurnLimit(), "TURN_LIMIT", 409),
    (agent_errors.ModelBusy(), "MODEL_BUSY", 429),
    (agent_errors.ModelUnavailable(), "MODEL_UNAVAILABLE", 502),
    (agent_errors.ModelKeyRejected(), "MODEL_KEY_REJECTED", 502),
    (agent_errors.ModelRefused(), "MODEL_REFUSED", 502),
    (agent_errors.ModelNonsense(), "MODEL_NONSENSE", 502),
    (errors.TooManyRequests(7), "TOO_MANY_REQUESTS", 429),
    (errors.ConnectionFailed(), "CONNECTION_FAILED", 502),
    (errors.ServerError(), "SERVER_ERROR", 502),
    (errors.InvalidMcpServer(), "INVALID_MCP_SERVER", 502),
    (errors.ResponseTooLarge(), "RESPONSE_TOO_LARGE", 502),
    (errors.OutcomeUnknown(), "OUTCOME_UNKNOWN", 502),
    (errors.TimedOut(after_s=30), "TIMEOUT", 504),
    (errors.SignInFailed(), "OAUTH_FAILED", 502),
    (errors.SignInNotOffered(), "OAUTH_NOT_OFFERED", 409),
    (errors.ClientNeeded(redirect_uri="https://x/y"), "OAUTH_CLIENT_NEEDED", 409),
    (errors.GrantWithdrawn(), "SIGN_IN_REQUIRED", 409),
    (drf.NotAuthenticated(), "UNAUTHORIZED", 401),
    (drf.AuthenticationFailed(SECRET), "UNAUTHORIZED", 401),
    (Unauthorized(), "UNAUTHORIZED", 401),
    (CsrfFailed(), "CSRF_FAILED", 403),
    (ScopeMissing("mcp"), "SCOPE_MISSING", 403),
    (drf.PermissionDenied(SECRET), "FORBIDDEN", 403),
    (PermissionDenied(SECRET), "FORBIDDEN", 403),
    (drf.NotFound(SECRET), "NOT_FOUND", 404),
    (Http404(SECRET), "NOT_FOUND", 404),
    (drf.MethodNotAllowed("GET"), "METHOD_NOT_ALLOWED", 405),
    (drf.NotAcceptable(SECRET), "NOT_ACCEPTABLE", 406),
    (PayloadTooLarge(), "PAYLOAD_TOO_LARGE", 413),
    (RequestDataTooBig(SECRET), "PAYLOAD_TOO_LARGE", 413),
    (drf.UnsupportedMediaType("text/plain"), "UNSUPPORTED_MEDIA_TYPE", 415),
    (drf.Throttled(wait=3), "TOO_MANY_REQUESTS", 429),
    (UnreadablePostError(SECRET), "BAD_REQUEST", 400),
    (OperationalError(SECRET), "DATABASE_UNAVAILABLE", 503),
    (InterfaceError(SECRET), "DATABASE_UNAVAILABLE", 503),
    (errors.ConnectorError(SECRET), "INTERNAL_ERROR", 500),
    (RuntimeError(SECRET), "INTERNAL_ERROR", 500),
]


@pytest.mark.parametrize(
    ("exc", "code", "status"), ANSWERED, ids=lambda value: type(value).__name__
)
def test_error_format_consistent(
    fail: Callable[..., Any], exc: Exception, code: str, status: int
) -> None:
    response = fail(exc)
    assert response.status_code == status == STATUS[code]
    assert response["Content-Type"] == "application/json"
    body = response.json()
    assert body["error"] == code
    assert isinstance(body["message"], str)
    assert body["message"].endswith(".")
    assert body.keys() <= {"error", "message", "request_id"}
    assert SECRET not in response.text
    assert "Traceback" not in response.text


def test_every_code_of_the_table_was_answered_above() -> None:
    elsewhere = {
        "CONNECTION_NOT_VERIFIED",
        "INVALID_INPUT",
        "INVALID_URL",
        "AUTH_FAILED",
        "AUTH_REQUIRED",
        # Said by a turn, of a pick that the person had ruled out.
        "TOOL_NOT_ALLOWED",
    }
    assert {code for _, code, _ in ANSWERED} | elsewhere == set(STATUS)


def test_messages_are_for_codes_that_exist() -> None:
    assert MESSAGES.keys() <= STATUS.keys()


def test_a_connection_that_was_not_verified_comes_with_its_test(
    fail: Callable[..., Any],
) -> None:
    result = ValidationResult(
        success=False,
        error_code="AUTH_FAILED",
        error_message="Authentication failed. Please check your credentials.",
        suggestion="Check the token.",
    )
    body = fail(errors.NotVerified(result)).json()
    assert body["error"] == "CONNECTION_NOT_VERIFIED"
    assert "Authentication failed." in body["message"]
    assert body["test"] == {**result.public(), "test_ticket": None}


def test_a_failing_server_is_answered_with_what_to_do(
    fail: Callable[..., Any],
) -> None:
    body = fail(errors.OutcomeUnknown()).json()
    assert body["message"].startswith(errors.OutcomeUnknown.message)
    assert body["message"].endswith(errors.OutcomeUnknown.suggestion)


# --- 422 ---------------------------------------------------------------------


def test_a_wrong_value_names_its_place_and_the_constraint(
    fail: Callable[..., Any],
) -> None:
    exc = errors.InvalidInput.at("arguments", "a", "type", msg="Not that.", type_="x")
    response = fail(exc)
    assert response.status_code == 422
    assert response.json() == {
        "detail": [
            {"loc": ["body", "arguments", "a", "type"], "msg": "Not that.", "type": "x"}
        ]
    }


@pytest.mark.parametrize("constraint", ["url", "max_length", "userinfo"])
def test_a_wrong_url_names_the_constraint(
    fail: Callable[..., Any], constraint: str
) -> None:
    response = fail(errors.InvalidUrl(constraint=constraint))
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "server_url", constraint]


def test_nested_fields_of_a_serializer_are_one_flat_list(
    fail: Callable[..., Any],
) -> None:
    exc = drf.ValidationError(
        {
            "name": [drf.ErrorDetail("Too long.", "max_length")],
            "rows": [{}, {"id": [drf.ErrorDetail("Needed.", "required")]}],
            "non_field_errors": [drf.ErrorDetail("No.", "invalid")],
        }
    )
    found = fail(exc).json()["detail"]
    assert [(error["loc"], error["msg"]) for error in found] == [
        (["body", "name", "max_length"], "Too long."),
        (["body", "rows", 1, "id", "required"], "Needed."),
        (["body", "invalid"], "No."),
    ]
    assert [error["type"] for error in found] == ["max_length", "required", "invalid"]


# --- Headers -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("exc", "header", "value"),
    [
        (drf.NotAuthenticated(), "WWW-Authenticate", "Bearer"),
        (errors.TooManyRequests(7), "Retry-After", "7"),
        (agent_errors.ModelBusy(), "Retry-After", "20"),
        (drf.Throttled(wait=3), "Retry-After", "3"),
        (drf.Throttled(), "Retry-After", "60"),
        (OperationalError(), "Retry-After", "5"),
    ],
    ids=lambda value: str(value),
)
def test_an_error_says_in_a_header_what_helps(
    fail: Callable[..., Any], exc: Exception, header: str, value: str
) -> None:
    assert fail(exc)[header].startswith(value)


def test_a_wrong_method_is_told_the_right_ones(fail: Callable[..., Any]) -> None:
    response = fail(drf.MethodNotAllowed("GET"))
    assert set(response["Allow"].split(", ")) == {"GET", "POST", "OPTIONS"}


# --- What nobody anticipated -------------------------------------------------


def test_an_unanticipated_error_is_logged_under_the_id_that_is_answered(
    fail: Callable[..., Any],
) -> None:
    exc = RuntimeError(SECRET)
    with capture_logs() as logs:
        body = fail(exc).json()
    (event,) = [entry for entry in logs if entry["event"] == "request.failed"]
    assert event["exc_info"] is exc
    assert event["error_code"] == body["error"]
    assert event["request_id"] == body["request_id"]


def test_a_lost_database_is_logged_without_its_address(
    fail: Callable[..., Any],
) -> None:
    with capture_logs() as logs:
        fail(OperationalError(SECRET))
    assert "database.unavailable" in [entry["event"] for entry in logs]
    assert SECRET not in str(logs)
