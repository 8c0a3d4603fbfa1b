"""The requests of one test as text: to read, and to send to the server's owner.

Evidence holds no body, no query and of the headers the names alone, so there is no
secret to leave out here.
"""

from collections.abc import Iterable
from typing import Any

# The word of `Exchange.error` -> what it means.
PROBLEMS = {
    "blocked": "this address may not be reached from here",
    "name": "the name was not found",
    "connect": "no connection",
    "connect_timeout": "no connection in time",
    "tls": "no secure connection",
    "timeout": "no answer in time",
    "deadline": "cut off: the time was up",
    "too_large": "cut off: too large",
    "encoding": "an encoding that was not asked for",
    "protocol": "not HTTP",
    "network": "the connection broke",
    "cancelled": "given up",
}


def as_text(exchanges: Iterable[dict[str, Any]]) -> str:
    """Return one paragraph for each request."""
    return "\n\n".join(_paragraph(exchange) for exchange in exchanges)


def _paragraph(exchange: dict[str, Any]) -> str:
    lines = [f"{exchange['method']} {exchange['url']}"]
    if names := exchange.get("request_headers"):
        lines.append(f"  sent      {_size(exchange['request_bytes'])}")
        lines.append(f"  headers   {', '.join(names)}")
    if exchange.get("status") is not None:
        kind = exchange.get("content_type") or "no content type"
        lines.append(
            f"  answered  {exchange['status']} {kind}, "
            f"{_size(exchange['response_bytes'])}"
        )
        if names := exchange.get("response_headers"):
            lines.append(f"  headers   {', '.join(names)}")
    if error := exchange.get("error"):
        lines.append(f"  failed    {PROBLEMS.get(error, error)}")
    lines.append(f"  took      {exchange['duration_ms']} ms")
    return "\n".join(lines)


def _size(count: int) -> str:
    return f"{count} B" if count < 1024 else f"{count / 1024:.1f} KiB"
