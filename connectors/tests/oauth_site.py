"""A site on loopback that publishes, or answers, whatever a test wants of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from connectors.auth.oauth import Client, Pending
from connectors.auth.oauth.metadata import AuthorizationServer
from connectors.tests.loopback import Answer, Peer, listen, reply

RESOURCE = "/.well-known/oauth-protected-resource"
SERVER = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
ONCE = "Connection: close"

type Page = bytes | dict[str, Any] | Answer


class Site:
    """What is answered at which path; a path that is not there is 404."""

    def __init__(self, peer: Peer, pages: dict[str, Page]) -> None:
        self.peer = peer
        self.pages = pages

    @property
    def url(self) -> str:
        return self.peer.url

    @property
    def mcp(self) -> str:
        """The address of the MCP server that is looked at."""
        return f"{self.url}/mcp"

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, in turn."""
        lines = [head.split(b"\r\n", 1)[0].split(b" ") for head in self.peer.requests]
        return [line[1].decode() for line in lines if len(line) == 3]

    def publish(self, pages: Mapping[str, Page]) -> None:
        self.pages.update(pages)


@asynccontextmanager
async def site(**pages: Page) -> AsyncIterator[Site]:
    """Serve pages by their path until the end of the block."""
    known: dict[str, Page] = dict(pages)

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        path = head.split(b" ", 2)[1].decode().partition("?")[0]
        page = known.get(path, reply(b"", status="404 Not Found", headers=(ONCE,)))
        if callable(page):
            await page(head, writer)
            return
        if isinstance(page, dict):
            page = as_json(page)
        writer.write(page)
        await writer.drain()
        writer.close()

    async with listen(answer) as peer:
        yield Site(peer, known)


def as_json(body: Any, *, status: str = "200 OK") -> bytes:
    """Write a response of JSON, after which the connection ends."""
    headers = ("Content-Type: application/json", ONCE)
    return reply(json.dumps(body).encode(), status=status, headers=headers)


def status(line: str, body: bytes = b"", *headers: str) -> bytes:
    return reply(body, status=line, headers=(ONCE, *headers))


def resource_of(url: str, *issuers: str, **more: Any) -> dict[str, Any]:
    """Describe the MCP server at `url` (RFC 9728)."""
    return {"resource": url, "authorization_servers": list(issuers), **more}


def metadata_of(issuer: str, /, **more: Any) -> dict[str, Any]:
    """Describe an authorization server (RFC 8414); None leaves a member out."""
    said = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "code_challenge_methods_supported": ["S256"],
        **more,
    }
    return {name: value for name, value in said.items() if value is not None}


def server_of(issuer: str, **more: Any) -> AuthorizationServer:
    server = AuthorizationServer.read(metadata_of(issuer, **more))
    assert server is not None
    return server


def pending_of(issuer: str, **more: Any) -> Pending:
    """Return a sign-in that was begun at `issuer`."""
    return Pending(
        server=server_of(issuer, **more),
        verifier="v" * 64,
        redirect_uri="https://patchbay.example/api/oauth/callback",
        scope="read",
        resource="https://mcp.example/mcp",
    )


CLIENT = Client(client_id="me", client_secret="it's s:cret", auth_method="")
