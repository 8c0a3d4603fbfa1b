"""The *Releases* server: answers only who shows a bearer token."""

import secrets
from typing import Annotated

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.ports import DEMO_TOKEN

REALM = "demo"
LOOKS_UP = ToolAnnotations(
    read_only_hint=True, idempotent_hint=True, open_world_hint=False
)


class Release(BaseModel):
    version: str
    name: str
    changes: list[str]


RELEASES = (
    Release(
        version="2026.9.2",
        name="Quick tablet",
        changes=["The day opens in under two seconds", "Session length is a setting"],
    ),
    Release(
        version="2026.8.4",
        name="Closed door",
        changes=["Export links end after 24 hours", "Tax number on receipts"],
    ),
    Release(
        version="2026.8.1",
        name="Small screen",
        changes=["Reminders by text message", "List view on phones"],
    ),
)


class RequireToken:
    """Answers 401 without the token, and lets everything else through.

    Source: RFC 6750 section 3: no error code when no credentials were sent.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self.token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        offered = Headers(scope=scope).get("authorization", "")
        scheme, _, token = offered.partition(" ")
        if scheme.lower() != "bearer":
            await _refuse("")(scope, receive, send)
        elif not secrets.compare_digest(token.strip().encode(), self.token):
            await _refuse("invalid_token")(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _refuse(error: str) -> JSONResponse:
    challenge = f'Bearer realm="{REALM}"'
    if error:
        challenge += f', error="{error}", error_description="The token is not valid"'
    return JSONResponse(
        {"error": error or "unauthorized"},
        status_code=401,
        headers={"WWW-Authenticate": challenge},
    )


def build() -> MCPServer:
    """Make a release server, without its door."""
    server: MCPServer = MCPServer(
        "releases",
        title="Releases",
        version="1.0.0",
        instructions="What was shipped, and when.",
        log_level="WARNING",
    )

    @server.tool(title="Latest release", annotations=LOOKS_UP)
    def latest_release() -> Release:
        """Show the newest release and what it changed."""
        return RELEASES[0]

    @server.tool(title="Find releases", annotations=LOOKS_UP)
    def find_releases(
        text: Annotated[
            str, Field(description="A word of a name or a change.", max_length=100)
        ],
    ) -> list[Release]:
        """Find releases by what they changed."""
        wanted = text.casefold()
        return [
            release
            for release in RELEASES
            if wanted in " ".join((release.name, *release.changes)).casefold()
        ]

    return server


def application(token: str = DEMO_TOKEN) -> Starlette:
    """Make the ASGI application: the server behind its door."""
    app = build().streamable_http_app()
    app.add_middleware(RequireToken, token=token)
    return app
