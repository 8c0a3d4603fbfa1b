"""How the tests of this folder talk to servers: HTTP, bytes, and the SDK."""

import json
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
from mcp import Client
from mcp.client.sse import sse_client

from demo.hostile.peer import LEGACY, MODERN

PATIENCE_S = 5.0
CLIENT = {"name": "tests", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}


def message(method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """Build a request, or a notification if that is what `method` is."""
    built = {"jsonrpc": "2.0", "method": method, "params": params or {}}
    return built if method.startswith("notifications/") else built | {"id": 1}


def ask(
    url: str,
    method: str,
    params: dict[str, Any] | None = None,
    *,
    timeout_s: float = PATIENCE_S,
    **headers: str | bytes,
) -> httpx2.Response:
    """Post one message in the modern way; `headers` have _ for -."""
    sent: dict[str, str | bytes] = {
        "mcp-protocol-version": MODERN,
        "mcp-method": method,
        "accept": "application/json, text/event-stream",
    }
    name = (params or {}).get("name")
    if name:
        sent["mcp-name"] = name
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    asked = message(method, {"_meta": META, **(params or {})})
    return post(url, asked, sent, timeout_s=timeout_s)


def post(
    url: str,
    body: object,
    headers: Mapping[str, str | bytes],
    *,
    timeout_s: float = PATIENCE_S,
) -> httpx2.Response:
    raw_headers = [
        (name.encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in headers.items()
    ]
    with http(timeout_s) as client:
        return client.post(url, json=body, headers=raw_headers)


def http(timeout_s: float = PATIENCE_S) -> httpx2.Client:
    """Make a client of plain HTTP, which knows no certificate authorities.

    Loading them takes longer than most of these tests.
    """
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx2.Client(timeout=timeout_s, trust_env=False, verify=nobody)


class Session:
    """A client of 2025: `initialize` first, then with the session's id."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.opening = post(
            url,
            message(
                "initialize",
                {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": CLIENT},
            ),
            {},
        )
        self.headers = {
            "mcp-session-id": self.opening.headers.get("mcp-session-id", ""),
            "mcp-protocol-version": LEGACY,
        }

    def ask(self, method: str, params: dict[str, Any] | None = None) -> httpx2.Response:
        return post(self.url, message(method, params), self.headers)


def result(response: httpx2.Response) -> Any:
    """Return the result of a JSON-RPC response, and fail if it is none."""
    answer = response.json()
    assert answer["id"] == 1
    return answer["result"]


def error(response: httpx2.Response) -> Any:
    """Return the error of a JSON-RPC response, and fail if it is none."""
    return response.json()["error"]


def dial(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), PATIENCE_S)


def request_bytes(url: str, method: str = "tools/list") -> bytes:
    """Write the bytes of a modern request."""
    body = json.dumps(message(method)).encode()
    head = (
        f"POST {urlsplit(url).path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Mcp-Protocol-Version: {MODERN}",
        f"Mcp-Method: {method}",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def read_all(connection: socket.socket, at_most: int = 1 << 20) -> bytes:
    """Read until the other end closes, or enough came."""
    received = bytearray()
    while len(received) < at_most and (part := connection.recv(1 << 16)):
        received += part
    return bytes(received)


def read_for(connection: socket.socket, seconds: float) -> bytes:
    """Read until nothing came for so many seconds, or the other end closed."""
    connection.settimeout(seconds)
    received = bytearray()
    try:
        while part := connection.recv(1 << 16):
            received += part
    except TimeoutError:
        pass
    return bytes(received)


def read_until(connection: socket.socket, marker: bytes) -> bytes:
    """Read until the marker came; fail if the other end closes before."""
    received = b""
    while marker not in received:
        part = connection.recv(1 << 16)
        assert part, received
        received += part
    return received


def raw(url: str, method: str = "tools/list", *, at_most: int = 1 << 20) -> bytes:
    """Post a request by hand and return every byte of the answer."""
    with dial(url) as connection:
        connection.sendall(request_bytes(url, method))
        return read_all(connection, at_most)


def sse(url: str) -> Client:
    """Make an SDK client that speaks HTTP+SSE."""
    return Client(sse_client(url, timeout=PATIENCE_S), mode="legacy")
