"""What a connection test found, and the words for it."""

from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from connectors import server_url
from connectors.errors import (
    ConnectionFailed,
    InvalidMcpServer,
    InvalidUrl,
    ServerFailure,
)
from connectors.listing import Listing
from connectors.offers import SignInOffer
from connectors.steps import Step, StepStatus

NO_TOOLS = "NO_TOOLS"
NO_TOOLS_MESSAGE = "Connected but no tools found on this MCP server."
NO_TOOLS_SUGGESTION = (
    "Ask the server's owner whether your account may see its tools; you can save the "
    "connector and test it again later."
)


@dataclass(frozen=True, kw_only=True)
class ValidationResult:
    """What a connection test found."""

    success: bool
    error_code: str | None = None
    error_message: str | None = None
    suggestion: str | None = None
    tools: list[dict[str, Any]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    protocol_version: str = ""
    transport: str = ""
    duration_ms: int = 0
    transcript: list[dict[str, Any]] = field(default_factory=list)
    server_info: dict[str, Any] = field(default_factory=dict)
    discover_cache: dict[str, Any] | None = None
    dropped_tools: list[dict[str, str]] = field(default_factory=list)
    # Where the server redirected to, if that was another origin: not followed.
    moved_to: str = ""
    # Who signs people in to it, if it says so; also of a server that let us in.
    sign_in: SignInOffer | None = None
    # What a token that is good would need beside it, for a second sign-in.
    wanted_scope: str = ""
    # Whether it was the service that renews the sign-in which failed, not the server.
    at_sign_in: bool = False

    def public(self) -> dict[str, Any]:
        """Return the fields that the person who asked for the test may see."""
        shown = ("name", "title", "description", "inputSchema", "annotations")
        return {
            "success": self.success,
            "error_code": self.error_code,
            "error_message": self.error_message,
            "suggestion": self.suggestion,
            "tools": [{key: tool[key] for key in shown} for tool in self.tools],
            "steps": [asdict(step) for step in self.steps],
            "protocol_version": self.protocol_version,
            "transport": self.transport,
            "duration_ms": self.duration_ms,
        }


def of_url(url: str) -> tuple[StepStatus, str]:
    """Return what is said of an address that can be dialled."""
    shown = server_url.without_query(url)
    if is_in_clear(url):
        return "warning", f"{shown} is not encrypted: use https if the server has it."
    return "passed", shown


def is_in_clear(url: str) -> bool:
    """Tell whether somebody on the way can read along: http, and not to ourselves."""
    host = server_url.host(url)
    here = host in ("localhost", "::1") or host.startswith("127.")
    return urlsplit(url).scheme == "http" and not here


def of_tools(listing: Listing) -> tuple[StepStatus, str]:
    """Return what is said of a listing."""
    count = len(listing.tools)
    if not count:
        return "warning", NO_TOOLS_MESSAGE
    found = f"{count} tool{'s' if count != 1 else ''} found."
    if listing.dropped:
        first = listing.dropped[0]
        left_out = f"{len(listing.dropped)} left out, first {first['name']}:"
        return "warning", f"{found} {left_out} {first['reason']}"
    if listing.truncated:
        return "warning", f"{found} The server's list repeats itself after that."
    return "passed", found


def suggestion(failure: ServerFailure, url: str) -> str:
    """Return what to do, made exact by the URL where that helps."""
    if (
        isinstance(failure, InvalidUrl)
        or failure.suggestion != type(failure).suggestion
    ):
        return failure.suggestion
    path = urlsplit(url).path.rstrip("/").removesuffix("/sse")
    if isinstance(failure, InvalidMcpServer) and not path.endswith("/mcp"):
        usual = f"{server_url.origin(url)}{path}/mcp"
        return f"Try {usual}. {failure.suggestion}"
    encrypted = server_url.without_query(url).replace("http:", "https:", 1)
    if isinstance(failure, ConnectionFailed) and is_in_clear(url):
        return f"Try {encrypted}. {failure.suggestion}"
    return failure.suggestion
