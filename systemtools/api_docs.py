"""What the OpenAPI document says about each operation of `systemtools.api`.

`x-errors` are the codes that are the operation's own, as in connectors.api_docs.
"""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema

from systemtools import serializers

type View = Callable[..., Any]

TOOL_ID = OpenApiParameter(
    "tool_id",
    str,
    OpenApiParameter.PATH,
    description="The tool's id as `GET /api/tools` gives it.",
)


def _operation(
    summary: str, *, errors: tuple[str, ...] = (), **schema: Any
) -> Callable[[View], View]:
    return extend_schema(
        summary=summary,
        tags=["system tools"],
        extensions={"x-errors": list(errors)},
        **schema,
    )


list_tools = _operation(
    "List the tools of this installation",
    methods=["GET"],
    operation_id="list_system_tools",
    responses=serializers.SystemToolListSerializer,
)
connect = _operation(
    "Connect a tool of this installation",
    operation_id="connect_system_tool",
    description="Connecting it again does no harm. A tool that needs a sign-in answers "
    "where the person goes on: it is connected once they have come back.",
    parameters=[TOOL_ID],
    request=serializers.ConnectInputSerializer,
    responses={200: serializers.ToolConnectedSerializer},
    errors=(
        "OAUTH_FAILED",
        "SECRET_UNREADABLE",
        "TOOL_NOT_FOUND",
        "TOOL_UNAVAILABLE",
        "TOO_MANY_REQUESTS",
    ),
)
disconnect = _operation(
    "Disconnect a tool of this installation",
    operation_id="disconnect_system_tool",
    description="What was entered for it is forgotten, and a sign-in is taken back at "
    "its provider.",
    parameters=[TOOL_ID],
    request=None,
    responses={200: serializers.ToolDisconnectedSerializer},
    errors=("TOOL_NOT_FOUND",),
)
