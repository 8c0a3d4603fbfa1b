"""What the OpenAPI document says about each operation of `connectors.api`.

`x-errors` are the codes that are the operation's own; `config.openapi` turns them
into responses and adds those that every operation has.
"""

from collections.abc import Callable
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from connectors import serializers

type View = Callable[..., Any]

NOTES: Final = "https://notes.example.com/mcp"
# What a server that is dialled for a call can do to it.
SERVER_FAILURES: Final = (
    "AUTH_FAILED",
    "AUTH_REQUIRED",
    "CONNECTION_FAILED",
    "INVALID_MCP_SERVER",
    "OUTCOME_UNKNOWN",
    "RESPONSE_TOO_LARGE",
    "SERVER_ERROR",
    "TIMEOUT",
)


def _operation(
    summary: str, *, errors: tuple[str, ...] = (), **schema: Any
) -> Callable[[View], View]:
    return extend_schema(
        summary=summary,
        tags=["connectors"],
        extensions={"x-errors": list(errors)},
        **schema,
    )


def _sends(value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample("request", value=value, request_only=True)


list_connectors = _operation(
    "List your connectors",
    methods=["GET"],
    operation_id="list_connectors",
    responses=serializers.ConnectorListSerializer,
)
add_connector = _operation(
    "Add a connector",
    methods=["POST"],
    operation_id="add_connector",
    description="Its connection is tested first, unless the ticket of a test of the "
    "same URL and credentials comes along. A test that fails saves nothing.",
    request=serializers.ConnectorInputSerializer,
    responses={201: serializers.ConnectorSerializer},
    examples=[_sends({"name": "Notes", "server_url": NOTES})],
    errors=(
        "CONNECTION_NOT_VERIFIED",
        "CONNECTOR_LIMIT_REACHED",
        "DUPLICATE_NAME",
        "DUPLICATE_URL",
        "TOO_MANY_REQUESTS",
    ),
)
test_connection = _operation(
    "Test a server without saving it",
    operation_id="test_connection",
    description="Answers 200 whether the test worked or not. Nothing is saved but "
    "the evidence of the test.",
    request=serializers.TestInputSerializer,
    responses=serializers.TestResultSerializer,
    examples=[
        _sends(
            {
                "server_url": NOTES,
                "auth_type": "api_key",
                "auth_config": {"token": "…"},
            }
        )
    ],
    errors=("TOO_MANY_REQUESTS",),
)
read_connector = _operation(
    "Read a connector and its tools",
    methods=["GET"],
    operation_id="read_connector",
    responses=serializers.ConnectorDetailSerializer,
    errors=("CONNECTOR_NOT_FOUND",),
)
_CHANGE: Final[dict[str, Any]] = {
    "description": "A new URL or new credentials are tested before they replace the "
    "old ones; if the test fails, nothing changes.",
    "request": serializers.ConnectorChangesSerializer,
    "responses": serializers.ConnectorSerializer,
    "examples": [_sends({"name": "Notes of the team"})],
    "errors": (
        "CONNECTION_NOT_VERIFIED",
        "CONNECTOR_DISABLED",
        "CONNECTOR_NOT_FOUND",
        "DUPLICATE_NAME",
        "DUPLICATE_URL",
        "SECRET_UNREADABLE",
        "TOO_MANY_REQUESTS",
    ),
}
replace_connector = _operation(
    "Change a connector, by its name",
    methods=["PUT"],
    operation_id="replace_connector",
    **_CHANGE,
)
change_connector = _operation(
    "Change parts of a connector",
    methods=["PATCH"],
    operation_id="change_connector",
    **_CHANGE,
)
delete_connector = _operation(
    "Delete a connector and its credentials",
    methods=["DELETE"],
    operation_id="delete_connector",
    request=None,
    responses={200: serializers.DeletedSerializer},
    errors=("CONNECTOR_NOT_FOUND",),
)
toggle_connector = _operation(
    "Pause or enable a connector",
    operation_id="toggle_connector",
    request=serializers.ToggleInputSerializer,
    responses=serializers.ConnectorSerializer,
    examples=[_sends({"is_active": False})],
    errors=("CONNECTOR_DISABLED", "CONNECTOR_NOT_FOUND"),
)
retest_connector = _operation(
    "Test a connector again and refresh its tools",
    operation_id="retest_connector",
    description="Answers 200 whether the test worked or not.",
    request=None,
    responses=serializers.TestResultSerializer,
    errors=(
        "CONNECTOR_DISABLED",
        "CONNECTOR_NOT_FOUND",
        "SECRET_UNREADABLE",
        "TOO_MANY_REQUESTS",
    ),
)
call_tool = _operation(
    "Call a tool",
    operation_id="call_tool",
    description="Answers 200 when the tool ran, with `is_error` when it says that it "
    "failed. A call that may have reached the server is never sent again.",
    parameters=[
        OpenApiParameter(
            "tool",
            str,
            OpenApiParameter.PATH,
            description="The tool's name as its server gives it, percent-encoded.",
        )
    ],
    request=serializers.CallInputSerializer,
    responses=serializers.CallResultSerializer,
    examples=[_sends({"arguments": {"query": "milk"}})],
    errors=(
        "CONNECTOR_DISABLED",
        "CONNECTOR_NOT_FOUND",
        "SECRET_UNREADABLE",
        "SIGN_IN_REQUIRED",
        "TOOL_NOT_FOUND",
        "TOOL_PENDING_REVIEW",
        "TOO_MANY_REQUESTS",
        *SERVER_FAILURES,
    ),
)
initiate_sign_in = _operation(
    "Begin to sign in to a server with OAuth",
    operation_id="initiate_oauth",
    description="Finds out who signs people in to the server, and answers where to "
    "send the person. They come back to this installation, which saves the connector "
    "if its connection then works.",
    request=serializers.SignInInputSerializer,
    responses=serializers.StartedSerializer,
    examples=[
        OpenApiExample("connector", value={"connector_id": 12}, request_only=True),
        OpenApiExample("server", value={"server_url": NOTES}, request_only=True),
    ],
    errors=(
        "CONNECTOR_DISABLED",
        "CONNECTOR_LIMIT_REACHED",
        "CONNECTOR_NOT_FOUND",
        "DUPLICATE_NAME",
        "OAUTH_CLIENT_NEEDED",
        "OAUTH_FAILED",
        "OAUTH_NOT_OFFERED",
        "SECRET_UNREADABLE",
        "TOO_MANY_REQUESTS",
        *(code for code in SERVER_FAILURES if not code.startswith("AUTH_")),
    ),
)
_CALLBACK: Final[dict[str, Any]] = {
    "description": "Where a sign-in service sends the browser. Leads on to a page that "
    "says what happened, and tells nothing of a sign-in that is not the caller's. "
    "`state`, `code`, `iss` and `error` are the service's.",
    "auth": [],
    "request": None,
    "responses": {302: None},
}
callback = _operation(
    "Come back from a sign-in service",
    operation_id="oauth_callback",
    **_CALLBACK,
)
callback_of = _operation(
    "Come back from a sign-in service that has an address for each connector",
    operation_id="oauth_callback_of",
    **_CALLBACK,
)
sign_in_status = _operation(
    "Read the state of a connector's sign-in",
    operation_id="oauth_status",
    responses=serializers.GrantStatusSerializer,
    errors=("CONNECTOR_NOT_FOUND",),
)
disconnect = _operation(
    "End a connector's sign-in",
    operation_id="oauth_disconnect",
    description="Its tokens are taken back at the provider, if it offers that. The "
    "connector stays, and can be signed in to again.",
    request=None,
    responses={200: serializers.DisconnectedSerializer},
    errors=("CONNECTOR_NOT_FOUND",),
)
