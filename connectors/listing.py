"""Read a server's tool listing: one bad tool is dropped and reported, the rest kept.

Everything in a listing is text from outside. Names that could not be sent back
as they came are refused, the rest is cleaned, and every size has a cap.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from mcp.shared.inbound import find_invalid_x_mcp_header

from connectors import schema_check
from connectors.errors import InvalidMcpServer, ResponseTooLarge
from connectors.text import clean, clean_json

NAME_CHARS = 128
TITLE_CHARS = 200
DESCRIPTION_CHARS = 4000
# Hints of the server about itself (tools.mdx, "Annotations"): shown, not trusted.
_HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")

Tool = dict[str, Any]


@dataclass(kw_only=True)
class Listing:
    """The tools of one server, with what could not be used and why."""

    tools: list[Tool] = field(default_factory=list)
    dropped: list[dict[str, str]] = field(default_factory=list)
    # The server named the same next page twice, so what follows is unknown.
    truncated: bool = False
    total_bytes: int = 0

    def add_page(self, page: Iterable[Any]) -> None:
        """Take one page of `tools/list`.

        Raises:
            ResponseTooLarge: more tools or bytes than the installation accepts.
        """
        taken = {tool["name"].casefold() for tool in self.tools}
        for raw in page:
            if len(self.tools) + len(self.dropped) >= settings.MAX_TOOLS:
                raise ResponseTooLarge(
                    f"It lists more than {settings.MAX_TOOLS} tools."
                )
            try:
                tool = read_tool(raw)
                if tool["name"].casefold() in taken:
                    raise Unusable("Another tool has the same name.")
            except Unusable as unusable:
                self.drop(_shown_name(raw), str(unusable))
                continue
            taken.add(tool["name"].casefold())
            self.total_bytes += len(json.dumps(tool))
            if self.total_bytes > settings.MAX_LISTING_BYTES:
                raise ResponseTooLarge("Its tool definitions are too large together.")
            self.tools.append(tool)

    def drop(self, name: str, reason: str) -> None:
        self.dropped.append({"name": name, "reason": reason})

    def require_usable(self) -> None:
        """Refuse a listing of which nothing can be used; an empty one is fine.

        Raises:
            InvalidMcpServer: each of its tools was dropped; says why of the first.
        """
        if self.dropped and not self.tools:
            reason = self.dropped[0]["reason"]
            raise InvalidMcpServer(f"None of its tools can be used. {reason}")

    async def lint(self) -> None:
        """Drop the tools whose input schema no call could be checked against."""
        reasons = await schema_check.check_schemas(
            [tool["inputSchema"] for tool in self.tools]
        )
        kept: list[Tool] = []
        for tool, reason in zip(self.tools, reasons, strict=True):
            if reason is None:
                kept.append(tool)
            else:
                self.drop(tool["name"], reason)
        self.tools = kept


class Unusable(Exception):
    """A tool that cannot be used; the message says why."""


def read_tool(raw: Any) -> Tool:
    """Return one tool of a listing in our own shape, cleaned.

    Raises:
        Unusable: it has no name that can be sent back, or no usable schema.
    """
    if not isinstance(raw, dict):
        raise Unusable("It is not an object.")
    annotations = _read_annotations(raw.get("annotations"))
    tool = {
        "name": _read_name(raw.get("name")),
        "title": clean(
            raw.get("title") or annotations.pop("title", ""), limit=TITLE_CHARS
        ),
        "description": clean(
            raw.get("description") or "", limit=DESCRIPTION_CHARS, multiline=True
        ),
        "inputSchema": _read_schema(raw.get("inputSchema"), "inputSchema"),
        "outputSchema": None,
        "annotations": annotations,
    }
    if raw.get("outputSchema") is not None:
        tool["outputSchema"] = _read_schema(raw["outputSchema"], "outputSchema")
    return {**tool, "hash": definition_hash(tool)}


def definition_hash(tool: Tool) -> str:
    """Return the SHA-256 (hex) of what a person or a model reads of a tool."""
    fields = ("name", "title", "description", "inputSchema", "outputSchema")
    seen = {key: tool.get(key) for key in (*fields, "annotations")}
    canonical = json.dumps(seen, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def deeper_than(value: Any, limit: int) -> bool:
    """Tell whether JSON is nested deeper than `limit` levels, without recursion."""
    level = [value]
    for _ in range(limit):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return any(isinstance(node, dict | list) for node in level)


def _children(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _read_name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise Unusable("It has no name.")
    if len(name) > NAME_CHARS:
        raise Unusable(f"Its name is longer than {NAME_CHARS} characters.")
    # The name goes back to the server as it is, so it cannot be mended.
    if clean(name, limit=NAME_CHARS) != name:
        raise Unusable("Its name has characters that are not allowed.")
    # Each tool has an address of its own, where browsers resolve such parts.
    if {".", ".."} & set(name.split("/")):
        raise Unusable("Its name cannot be part of an address.")
    return name


def _read_schema(schema: Any, key: str) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise Unusable(f"It has no {key}.")
    if schema.get("type") != "object" and key == "inputSchema":
        raise Unusable(f"Its {key} is not of type object.")
    if deeper_than(schema, settings.MAX_JSON_DEPTH):
        raise Unusable(f"Its {key} is nested too deeply.")
    cleaned: dict[str, Any] = clean_json(schema)
    if len(json.dumps(cleaned)) > settings.MAX_SCHEMA_BYTES:
        raise Unusable(f"Its {key} is too large.")
    # The spec requires clients to drop tools with a wrong x-mcp-header.
    if find_invalid_x_mcp_header(cleaned) is not None:
        raise Unusable("It wants arguments in headers that are not valid.")
    return cleaned


def _read_annotations(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        return {}
    kept: dict[str, Any] = {
        hint: raw[hint] for hint in _HINTS if isinstance(raw.get(hint), bool)
    }
    if isinstance(raw.get("title"), str):
        kept["title"] = raw["title"]
    return kept


def _shown_name(raw: Any) -> str:
    name = raw.get("name") if isinstance(raw, dict) else None
    shown = clean(name if isinstance(name, str) else "", limit=80)
    return shown or "(no name)"
