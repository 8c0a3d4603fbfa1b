"""A person's connectors as the settings of another MCP client, without any secret.

Where a secret belongs there is a placeholder, in the words of the client: whoever
reads the file is asked for it, Patchbay's own import too. The values of a query may be
secrets, and are left out as well.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from connectors import manager, text
from connectors.auth import api_key
from connectors.errors import SecretUnreadable
from connectors.models import AuthType, Status, Transport, UserMCPConnection

_NOT_IN_NAME = re.compile("[^A-Z0-9]+")
_SCHEME = re.compile(r"(bearer|basic|token) ", re.IGNORECASE)
_BRIDGE = ("-y", "mcp-remote")
_ID_CHARS = 60


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A client that is written for; `place` is where it keeps the file."""

    key: str
    client: str
    place: str
    write: Callable[[list["_Server"]], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class _Secret:
    """What is left out: `before` is said openly (`Bearer `), the rest is asked for."""

    id: str
    label: str
    before: str = ""

    @property
    def variable(self) -> str:
        """Its name as an environment variable."""
        return _NOT_IN_NAME.sub("_", self.id.upper()).strip("_")


@dataclass(frozen=True, kw_only=True)
class _Server:
    name: str
    address: str
    query: dict[str, _Secret]
    headers: dict[str, _Secret]
    is_sse: bool

    @property
    def secrets(self) -> list[_Secret]:
        return [*self.query.values(), *self.headers.values()]

    def url(self, asked: Callable[[_Secret], str]) -> str:
        """Return the address, with what `asked` puts in place of each secret."""
        fields = [f"{key}={asked(secret)}" for key, secret in self.query.items()]
        return self.address + ("?" + "&".join(fields) if fields else "")

    def filled(self, asked: Callable[[_Secret], str]) -> dict[str, str]:
        """Return the headers, with what `asked` puts in place of each secret."""
        return {
            name: secret.before + asked(secret) for name, secret in self.headers.items()
        }


def write(*, user_id: int, shape: str) -> tuple[str, int]:
    """Return the person's connectors as the file of a client, and how many they are.

    What an administrator removed is left out. Dials nobody. An unknown `shape` is the
    first there is.
    """
    rows = manager.list_for(user_id=user_id).exclude(status=Status.REMOVED_BY_ADMIN)
    taken: set[str] = set()
    servers = [_server(row, taken) for row in rows]
    content = find(shape).write(servers)
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n", len(servers)


def find(key: str) -> Shape:
    """Return the shape of this key, else the first."""
    return next((shape for shape in SHAPES if shape.key == key), SHAPES[0])


def _server(row: UserMCPConnection, taken: set[str]) -> _Server:
    """Return a connector as it is written; `taken` are variables of others."""
    address, question, query = row.server_url.partition("?")
    keys = [one.partition("=")[0] for one in query.split("&")] if question else []
    return _Server(
        name=row.name,
        address=address,
        query={key: _secret(row, key, taken) for key in dict.fromkeys(keys) if key},
        headers={
            name: _secret(row, name, taken, before) for name, before in _headers(row)
        },
        is_sse=row.transport == Transport.SSE,
    )


def _secret(
    row: UserMCPConnection, name: str, taken: set[str], before: str = ""
) -> _Secret:
    label = "token" if before.lower().startswith("bearer") else name
    shown = text.clean(label, limit=_ID_CHARS)
    first = _Secret(
        id=f"{row.slug}-{text.slug(label, limit=_ID_CHARS) or 'secret'}",
        label=f"{row.name}: {shown}",
        before=before,
    )
    # Two names that look alike (X-Key, X_Key) are two secrets all the same.
    numbered = (replace(first, id=f"{first.id}-{n}") for n in itertools.count(2))
    alike = itertools.chain([first], numbered)
    secret = next(one for one in alike if one.variable not in taken)
    taken.add(secret.variable)
    return secret


def _headers(row: UserMCPConnection) -> Iterable[tuple[str, str]]:
    """Yield the name of each header, and the scheme before what is secret in it."""
    if row.auth_type != AuthType.API_KEY or row.auth_config is None:
        return
    try:
        headers = api_key.headers(row.auth_config.open())
    except SecretUnreadable:
        # Most servers that want something want this.
        headers = {"Authorization": "Bearer "}
    for name, value in headers.items():
        scheme = _SCHEME.match(value)
        yield name, scheme[0] if scheme else ""


def _cursor(servers: list[_Server]) -> dict[str, Any]:
    """Source: cursor.com/docs/mcp, "Config interpolation": `${env:NAME}`."""

    def asked(secret: _Secret) -> str:
        return f"${{env:{secret.variable}}}"

    return {"mcpServers": {one.name: _remote(one, asked) for one in servers}}


def _vs_code(servers: list[_Server]) -> dict[str, Any]:
    """Source: code.visualstudio.com, "MCP configuration reference"."""

    def asked(secret: _Secret) -> str:
        return f"${{input:{secret.id}}}"

    entries = {
        one.name: {"type": "sse" if one.is_sse else "http", **_remote(one, asked)}
        for one in servers
    }
    secrets = {secret.id: secret for one in servers for secret in one.secrets}
    inputs = [
        {
            "type": "promptString",
            "id": secret.id,
            "description": secret.label,
            "password": True,
        }
        for secret in secrets.values()
    ]
    return {"inputs": inputs, "servers": entries} if inputs else {"servers": entries}


def _claude_desktop(servers: list[_Server]) -> dict[str, Any]:
    """Source: npm mcp-remote, "Custom Headers": no blanks in arguments on Windows."""
    return {"mcpServers": {one.name: _bridge(one) for one in servers}}


def _bridge(server: _Server) -> dict[str, Any]:
    def asked(secret: _Secret) -> str:
        return f"${{{secret.variable}}}"

    args = [*_BRIDGE, server.url(asked)]
    for name, secret in server.headers.items():
        args += ["--header", f"{name}:{asked(secret)}"]
    env = {secret.variable: f"{secret.before}…" for secret in server.secrets}
    entry = {"command": "npx", "args": args}
    return {**entry, "env": env} if env else entry


def _remote(server: _Server, asked: Callable[[_Secret], str]) -> dict[str, Any]:
    headers = server.filled(asked)
    entry = {"url": server.url(asked)}
    return {**entry, "headers": headers} if headers else entry


SHAPES = (
    Shape(key="cursor", client="Cursor", place="~/.cursor/mcp.json", write=_cursor),
    Shape(key="vscode", client="VS Code", place=".vscode/mcp.json", write=_vs_code),
    Shape(
        key="claude",
        client="Claude Desktop",
        place="claude_desktop_config.json",
        write=_claude_desktop,
    ),
)
