"""What a server that the authority protects puts in front of itself."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.authority.authority import Authority
from demo.authority.metadata import resource_metadata
from demo.authority.records import AccessToken

PATH = "/mcp"
METADATA_PATH = f"/.well-known/oauth-protected-resource{PATH}"


class Door:
    """Lets requests with a fitting token through, and says where to get one.

    `needs` names the scope of tools that want more than `journal:read`. Source: RFC
    9728 section 5.1, RFC 6750 section 3, MCP authorization "Scope Challenge Handling".
    """

    def __init__(
        self, app: ASGIApp, authority: Authority, name: str, needs: Mapping[str, str]
    ) -> None:
        self.app = app
        self.authority = authority
        self.name = name
        self.needs = needs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] == METADATA_PATH:
            said = resource_metadata(self.authority, self.name)
            await JSONResponse(said)(scope, receive, send)
        else:
            await self._protected(scope, receive, send)

    async def _protected(self, scope: Scope, receive: Receive, send: Send) -> None:
        offered = Headers(scope=scope).get("authorization", "")
        access = self._access(offered)
        if access is None:
            error = "invalid_token" if offered else ""
            await self._refuse(401, error)(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        needed = self._needed(body)
        if needed not in access.scopes:
            await self._refuse(403, "insufficient_scope", needed)(scope, receive, send)
            return
        scope["access"] = access
        await self.app(scope, _again(body, receive), send)

    def _access(self, offered: str) -> AccessToken | None:
        scheme, _, token = offered.partition(" ")
        if scheme.lower() != "bearer" or self.authority.switches.refuses_tokens:
            return None
        access = self.authority.access(token.strip())
        # A token for another server is no token here (RFC 8707).
        if access and access.grant.resource == self.authority.resource:
            return access
        return None

    def _needed(self, body: bytes) -> str:
        """Name the scope that a request needs; the first of a batch decides."""
        try:
            message = json.loads(body or b"{}")
        except ValueError:
            message = {}
        if not isinstance(message, dict) or message.get("method") != "tools/call":
            return "journal:read"
        params = message.get("params")
        tool = params.get("name") if isinstance(params, dict) else ""
        return self.needs.get(str(tool), "journal:read")

    def _refuse(self, status: int, error: str, scope: str = "") -> JSONResponse:
        origin = self.authority.resource.removesuffix(PATH)
        said = {"error": error, "scope": scope}
        said["resource_metadata"] = f"{origin}{METADATA_PATH}"
        self.authority.seen.mcp_refusals.append({"status": status, "error": error})
        challenge = "Bearer " + ", ".join(
            f'{name}="{value}"' for name, value in said.items() if value
        )
        headers = {"WWW-Authenticate": challenge}
        return JSONResponse(
            {"error": error or "unauthorized"},
            status_code=status,
            headers=headers if self.authority.switches.challenges else {},
        )


def account_key(request: Any) -> str:
    """Return who a request that came through the door belongs to."""
    access: AccessToken = request.scope["access"]
    return access.grant.account.key


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read to whoever reads next."""
    messages: list[Message] = [
        {"type": "http.request", "body": body, "more_body": False}
    ]

    async def read() -> Message:
        return messages.pop() if messages else await receive()

    return read
