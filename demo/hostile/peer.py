"""A correct MCP server, small enough to break one thing of it at a time.

Source: MCP 2026-07-28 (server/discover, tools/list, tools/call) and MCP
2025-11-25 (initialize, sessions).
"""

import secrets
from typing import Any

from demo.hostile.exchange import Exchange
from demo.hostile.http import Message, encode

MODERN, LEGACY = "2026-07-28", "2025-11-25"
LEGACY_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", LEGACY)
SERVER_INFO = {"name": "hostile", "title": "Hostile peer", "version": "1.0.0"}
INSTRUCTIONS = "A peer for tests."
# JSON-RPC error codes.
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND = -32700, -32600, -32601
INVALID_PARAMS, INTERNAL_ERROR = -32602, -32603
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022

ECHO: Message = {
    "name": "echo",
    "title": "Echo",
    "description": "Says back what it is told.",
    "inputSchema": {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
    },
    "annotations": {"readOnlyHint": True},
}
ADD: Message = {
    "name": "add",
    "title": "Add",
    "description": "Adds two numbers.",
    "inputSchema": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
    },
    "outputSchema": {
        "type": "object",
        "properties": {"result": {"type": "number"}},
        "required": ["result"],
    },
    "annotations": {"readOnlyHint": True, "idempotentHint": True},
}
TOOLS = (ECHO, ADD)


class Refusal(Exception):
    """A JSON-RPC error that a correct server answers, with its HTTP status."""

    def __init__(
        self, code: int, message: str, *, status: int = 200, data: Any = None
    ) -> None:
        super().__init__(message)
        self.code, self.status, self.data = code, status, data


async def polite(exchange: Exchange) -> None:
    """Answer as a correct server of the path's era does.

    Raises:
        Refusal: the right answer is an error; the server sends it.
    """
    match exchange.request.method:
        case "POST":
            await _post(exchange)
        case "DELETE" if exchange.era != "modern":
            exchange.server.sessions.discard(exchange.request.header("mcp-session-id"))
            await exchange.wire.reply(200)
        case _:
            await exchange.wire.reply(405, b"", ("Allow", "POST"))


async def _post(exchange: Exchange) -> None:
    if exchange.message is None:
        raise Refusal(PARSE_ERROR, "Not one JSON-RPC message", status=400)
    result = right_result(exchange)
    if result is None:
        await exchange.wire.reply(202)
    else:
        await send_result(exchange, result)


def right_result(exchange: Exchange) -> Message | None:
    """Work out the right result of a request; None for a notification.

    Raises:
        Refusal: the right answer is an error.
    """
    modern = is_modern(exchange)
    if not modern and exchange.method != "initialize":
        check_session(exchange)
    if exchange.id is None:
        return None
    match exchange.method:
        case "server/discover" if modern:
            result = discovery()
        case "initialize" if not modern:
            return handshake(exchange)
        case "ping" if not modern:
            return {}
        case "tools/list":
            result = {"tools": list(TOOLS)}
        case "tools/call":
            result = call(exchange)
        case method:
            status = 404 if modern else 200
            raise Refusal(METHOD_NOT_FOUND, f"No method {method}", status=status)
    return modernised(exchange, result) if modern else result


def is_modern(exchange: Exchange) -> bool:
    """Tell by which protocol a request is served.

    Raises:
        Refusal: the path does not speak the one that the client asks for.
    """
    asked = exchange.request.header("mcp-protocol-version")
    modern = asked == MODERN
    if exchange.era == "modern" and not modern:
        raise unsupported([MODERN], asked)
    if modern and exchange.request.header("mcp-method") != exchange.method:
        raise Refusal(HEADER_MISMATCH, "Mcp-Method differs", status=400)
    return modern and exchange.era != "legacy"


def unsupported(versions: list[str], asked: str) -> Refusal:
    return Refusal(
        UNSUPPORTED_VERSION,
        "Unsupported protocol version",
        status=400,
        data={"supported": versions, "requested": asked},
    )


def check_session(exchange: Exchange) -> None:
    """Want the session that `initialize` began; HTTP+SSE has its own.

    Raises:
        Refusal: there is no such session.
    """
    if exchange.era == "sse":
        return
    session = exchange.request.header("mcp-session-id")
    if not session:
        raise Refusal(INVALID_REQUEST, "Bad Request: Missing session ID", status=400)
    if session not in exchange.server.sessions:
        raise Refusal(INVALID_REQUEST, "Session not found", status=404)


def discovery(*versions: str) -> Message:
    return {
        "supportedVersions": list(versions or (MODERN,)),
        "capabilities": {"tools": {}},
        "instructions": INSTRUCTIONS,
    }


def handshake(exchange: Exchange) -> Message:
    asked = exchange.params.get("protocolVersion")
    return {
        "protocolVersion": asked if asked in LEGACY_VERSIONS else LEGACY,
        "capabilities": {"tools": {}},
        "serverInfo": SERVER_INFO,
        "instructions": INSTRUCTIONS,
    }


def call(exchange: Exchange) -> Message:
    """Run a tool, which is the only thing here that does something."""
    arguments = exchange.params.get("arguments") or {}
    match exchange.params.get("name"):
        case "echo":
            return outcome(str(arguments.get("text", "")))
        case "add":
            total = arguments.get("a", 0) + arguments.get("b", 0)
            return outcome(str(total), structured={"result": total})
        case name:
            raise Refusal(INVALID_PARAMS, f"Unknown tool: {name}")


def outcome(text: str, *, structured: Any = None, is_error: bool = False) -> Message:
    """Build the result of a call."""
    result: Message = {
        "content": [{"type": "text", "text": text}],
        "isError": is_error,
    }
    return result | ({} if structured is None else {"structuredContent": structured})


def modernised(exchange: Exchange, result: Message) -> Message:
    """Add what every result of 2026-07-28 carries."""
    extra: Message = {
        "resultType": "complete",
        "_meta": {"io.modelcontextprotocol/serverInfo": SERVER_INFO},
    }
    if exchange.method != "tools/call":
        extra |= {"ttlMs": 0, "cacheScope": "private"}
    return result | extra


async def send_result(exchange: Exchange, result: Any) -> None:
    """Answer with a result, and with a new session where one begins."""
    headers = session_headers(exchange)
    await exchange.wire.reply(200, encode(response(exchange, result)), *headers)


def error_response(exchange: Exchange, refusal: Refusal) -> Message:
    error: Message = {"code": refusal.code, "message": str(refusal)}
    if refusal.data is not None:
        error["data"] = refusal.data
    return {"jsonrpc": "2.0", "id": exchange.id, "error": error}


def response(exchange: Exchange, result: Any) -> Message:
    return {"jsonrpc": "2.0", "id": exchange.id, "result": result}


def session_headers(exchange: Exchange) -> list[tuple[str, str]]:
    if exchange.method != "initialize":
        return []
    session = secrets.token_hex(16)
    exchange.server.sessions.add(session)
    return [("Mcp-Session-Id", session)]
