"""Find out in one request whether a server speaks the stateless revision.

The SDK's own probe has a fixed limit of ten seconds, which is the whole time of
a connection test, and hides the HTTP status. This one is a plain POST.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx2
from django.conf import settings
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    PROTOCOL_VERSION_META_KEY,
    UNSUPPORTED_PROTOCOL_VERSION,
    DiscoverResult,
    Implementation,
)
from mcp_types.version import (
    HANDSHAKE_PROTOCOL_VERSIONS,
    LATEST_MODERN_VERSION,
    MODERN_PROTOCOL_VERSIONS,
)
from pydantic import ValidationError

from connectors import server_url
from connectors.egress import HttpClient, Operation
from connectors.errors import InvalidMcpServer, InvalidUrl
from connectors.mcp_failures import from_status, unsupported_version
from connectors.text import clean

CLIENT = Implementation(name="patchbay", version="1", title="Patchbay")
MAX_REDIRECTS = 3
_PROBE_ID = "discover"
# Not every 5xx is a verdict: older servers answer 500 to a method they don't know.
_CONCLUSIVE = frozenset({401, 403, 429})


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What the probe found: the address that answers, and the era it speaks."""

    url: str
    # The result of server/discover, or None for a server of the handshake era.
    discover: dict[str, Any] | None = None


async def probe(
    *, url: str, http: HttpClient, operation: Operation, offered: bool
) -> Probe:
    """Send `server/discover` and wait at most DISCOVER_TIMEOUT_S for the answer.

    Redirects are followed up to 3 times within the origin (307 and 308 only). A
    server that refuses the version and names one of ours is asked again, once.

    Raises:
        AuthRequired, AuthFailed, ServerError: the status alone is the verdict.
        InvalidMcpServer: it redirects elsewhere, or shares no version with us.
        httpx2.TransportError: no answer came; `mcp_failures.classify` names it.

    Source: specification 2026-07-28, "Backward Compatibility" of streamable HTTP.
    """
    asked = [LATEST_MODERN_VERSION]
    for _ in range(MAX_REDIRECTS + 1):
        try:
            async with asyncio.timeout(settings.DISCOVER_TIMEOUT_S):
                target, answer = await _ask(url, http, asked[-1])
        except TimeoutError:
            return Probe(url=url)
        last = operation.last
        if last and last.status in _CONCLUSIVE:
            failure = from_status(last, offered=offered)
            raise failure or InvalidMcpServer()
        if target is not None:
            url = _within(url, target)
        elif len(asked) == 1 and (version := _wished(answer)):
            asked.append(version)
        else:
            return Probe(url=url, discover=_read(answer))
    raise InvalidMcpServer("It redirects again and again.")


async def _ask(
    url: str, http: HttpClient, version: str
) -> tuple[httpx2.URL | None, Any]:
    """Return where the answer redirects to, or the JSON-RPC message it holds."""
    headers = {
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": version,
        "mcp-method": "server/discover",
    }
    request = _request(version)
    async with http.stream("POST", url, json=request, headers=headers) as response:
        if response.next_request is not None:
            if response.status_code not in (307, 308):
                raise _moved(response.next_request.url)
            return response.next_request.url, None
        content_type = response.headers.get("content-type", "").lower()
        if content_type.startswith("application/json"):
            return None, _parse(await response.aread())
        if content_type.startswith("text/event-stream"):
            return None, await _first_answer(response)
        return None, None


async def _first_answer(response: httpx2.Response) -> Any:
    async for event in httpx2.EventSource(
        response, max_event_size=settings.MAX_LISTING_BYTES
    ):
        message = _parse(event.data)
        if isinstance(message, dict) and message.get("id") == _PROBE_ID:
            return message
    return None


def _request(version: str) -> dict[str, Any]:
    info = CLIENT.model_dump(by_alias=True, mode="json", exclude_none=True)
    meta = {
        PROTOCOL_VERSION_META_KEY: version,
        CLIENT_INFO_META_KEY: info,
        CLIENT_CAPABILITIES_META_KEY: {},
    }
    return {
        "jsonrpc": "2.0",
        "id": _PROBE_ID,
        "method": "server/discover",
        "params": {"_meta": meta},
    }


def _parse(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _read(answer: Any) -> dict[str, Any] | None:
    """Return the discover result of a modern server, None for any other."""
    if not isinstance(answer, dict):
        return None
    named = _named(answer)
    ours = {*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS}
    if named is not None and not ours & set(named):
        raise unsupported_version(named)
    result = answer.get("result")
    if not isinstance(result, dict):
        return None
    result.setdefault("resultType", "complete")
    try:
        found = DiscoverResult.model_validate({**result, "ttlMs": 0}, by_name=False)
    except (ValidationError, RecursionError):
        return None
    if not set(found.supported_versions) & set(MODERN_PROTOCOL_VERSIONS):
        return None
    return {**result, "ttlMs": 0, "cacheScope": "private"}


def _wished(answer: Any) -> str | None:
    """Return the newest of our versions that a server wants instead, if it says so.

    Source: specification 2026-07-28, "Version Negotiation".
    """
    named = _named(answer) or []
    ours = [version for version in MODERN_PROTOCOL_VERSIONS if version in named]
    return ours[-1] if ours else None


def _named(answer: Any) -> list[str] | None:
    """Return the versions that a server names as it refuses the one of a request."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict) or error.get("code") != UNSUPPORTED_PROTOCOL_VERSION:
        return None
    data = error.get("data")
    named = data.get("supported") if isinstance(data, dict) else None
    return [str(version) for version in named] if isinstance(named, list) else None


def _within(url: str, target: httpx2.URL) -> str:
    try:
        stays = server_url.origin(str(target)) == server_url.origin(url)
    except InvalidUrl:
        stays = False
    if target.userinfo or not stays:
        raise _moved(target)
    return str(target)


def _moved(target: httpx2.URL) -> InvalidMcpServer:
    # Query and user-info of a redirect can carry state that is nobody's to see.
    shown = target.copy_with(userinfo=b"", query=None, fragment=None)
    address = clean(str(shown), limit=300)
    try:
        moved_to = server_url.check(str(shown))
    except InvalidUrl:
        moved_to = ""
    return InvalidMcpServer(
        "It redirects to another address.",
        suggestion=f"If you trust it, use {address} instead.",
        moved_to=moved_to,
    )
