"""What a person can try after a failed test, as one click each.

Pure: made from the result and the URL. A fix either brings another URL, which is
tested at once, or asks for credentials, which only the person has.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit

from connectors import server_url
from connectors.errors import InvalidUrl
from connectors.validator import ValidationResult

MAX_FIXES = 4
# Where MCP servers usually answer: streamable HTTP, and HTTP+SSE before it.
USUAL_ENDINGS = ("/mcp", "/sse")

Ask = Literal["", "token", "headers"]


@dataclass(frozen=True, kw_only=True)
class Fix:
    """One button. `url` replaces the URL; else `ask` is the field to fill in."""

    label: str
    url: str = ""
    ask: Ask = ""


def suggest(*, result: ValidationResult, url: str, offered: bool) -> list[Fix]:
    """Return what may help, the likeliest first; nothing after a success.

    `offered` tells whether credentials were sent.
    """
    if result.success:
        return []
    match result.error_code:
        case "INVALID_URL":
            found = list(_spelt(url))
        case "INVALID_MCP_SERVER":
            found = [*_moved(result.moved_to), *_elsewhere(url)]
        case "CONNECTION_FAILED" | "TIMEOUT" if not _was_connected(result):
            found = list(_encrypted(url))
        case "AUTH_REQUIRED" | "AUTH_FAILED":
            found = list(_signed_in(offered=offered))
        case _:
            found = []
    return found[:MAX_FIXES]


def keeps_credentials(*, old: str, new: str) -> bool:
    """Tell whether credentials for `old` may go along to `new`.

    That is the same origin, or the same host and its usual ports over TLS. Where a
    server redirects to is its own choice: credentials never follow it elsewhere.
    """
    try:
        if server_url.origin(old) == server_url.origin(new):
            return True
        return server_url.origin(_over_tls(old)) == server_url.origin(new)
    except InvalidUrl:
        return False


def _spelt(url: str) -> Iterator[Fix]:
    """Add the scheme that was left out, leave out the user that was put in."""
    parts = _split(url)
    if parts is None:
        return
    if "@" in parts.netloc:
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    if parts.netloc:
        scheme = "http" if parts.scheme.lower() == "http" else "https"
        candidate = urlunsplit(parts._replace(scheme=scheme))
    else:
        bare = url.strip().lstrip("/")
        candidate = f"{_usual_scheme(bare)}://{bare}"
    if _is_url(candidate) and _is_complete(candidate):
        yield Fix(label=f"Use {server_url.without_query(candidate)}", url=candidate)


def _usual_scheme(address: str) -> str:
    """Return how a server at such an address is spoken to: in clear on this machine."""
    return "http" if re.match(r"localhost\b|127\.", address) else "https"


def _is_complete(url: str) -> bool:
    """Tell a host from a word that somebody typed."""
    host = server_url.host(url)
    return host == "localhost" or "." in host or ":" in host


def _moved(moved_to: str) -> Iterator[Fix]:
    if moved_to:
        yield Fix(label=f"Use {moved_to}", url=moved_to)


def _elsewhere(url: str) -> Iterator[Fix]:
    """Try the usual endings: at the end of the path, in place of it, at the root."""
    parts = _split(url)
    if parts is None or not _is_url(url):
        return
    path = parts.path.rstrip("/")
    stem = path
    for ending in USUAL_ENDINGS:
        stem = stem.removesuffix(ending)
    tried = {path}
    for start in (stem, ""):
        for ending in USUAL_ENDINGS:
            candidate = start + ending
            if candidate not in tried:
                tried.add(candidate)
                target = urlunsplit(parts._replace(path=candidate, fragment=""))
                yield Fix(label=f"Try …{candidate}", url=target)


def _was_connected(result: ValidationResult) -> bool:
    """Tell whether a connection was made: as it was, it is no reason to fail."""
    return any(
        step.step == "connection" and step.status in ("passed", "warning")
        for step in result.steps
    )


def _encrypted(url: str) -> Iterator[Fix]:
    parts = _split(url)
    if parts is not None and parts.scheme.lower() == "http" and _is_url(url):
        yield Fix(label="Use https", url=_over_tls(url))


def _signed_in(*, offered: bool) -> Iterator[Fix]:
    if offered:
        yield Fix(label="Enter the token again", ask="token")
        yield Fix(label="Use headers", ask="headers")
        return
    yield Fix(label="Add a token", ask="token")
    yield Fix(label="Add headers", ask="headers")


def _over_tls(url: str) -> str:
    """Return `url` with https; without the port that http says by itself."""
    parts = urlsplit(url.strip())
    if parts.scheme.lower() != "http":
        return url
    netloc = parts.netloc.removesuffix(":80")
    return urlunsplit(parts._replace(scheme="https", netloc=netloc))


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url.strip())
    except ValueError:
        return None


def _is_url(url: str) -> bool:
    try:
        server_url.check(url)
    except InvalidUrl:
        return False
    return True
