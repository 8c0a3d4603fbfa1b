"""What a person pastes to add a server: a URL, an `mcp.json` entry, a `curl` line.

Pure: nothing is resolved, dialled or run. Whatever is not understood is said in a
sentence that repeats nothing of the text, for there may be a secret in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors import auth, paste_curl, paste_json, server_url
from connectors.errors import InvalidInput
from connectors.models import NAME_CHARS
from connectors.paste_json import NotUnderstood
from connectors.text import clean

__all__ = ["MAX_CHARS", "NotUnderstood", "Pasted", "read"]

# A whole mcp.json fits; a page of something else does not.
MAX_CHARS = 50_000

_AROUND = " \t\r\n\f\v"
_QUOTES = {'"': '"', "'": "'", "`": "`", "<": ">"}
# Our client sets these itself, so leaving them out changes nothing.
_OURS = frozenset({"accept", "accept-encoding", "content-type", "user-agent"})


@dataclass(frozen=True, kw_only=True)
class Pasted:
    """What was understood; `url` may still be none that can be dialled.

    `auth_type` is none or api_key. `missing` tells that credentials belong here and
    that only a placeholder was pasted. `notes` are sentences for the person.
    """

    url: str
    name: str = ""
    auth_type: str = "none"
    auth_config: dict[str, Any] | None = field(default=None, repr=False)
    missing: bool = False
    notes: tuple[str, ...] = ()


def read(text: str) -> Pasted:
    """Understand `text`; what is neither JSON nor `curl` is taken for a URL.

    Raises:
        NotUnderstood: it is JSON or `curl`, and there is no server in it that can
            be connected to from here.
    """
    text = text.strip(_AROUND)
    if len(text) > MAX_CHARS:
        raise NotUnderstood("That is too long. Paste the part about one server.")
    if paste_json.looks_like(text):
        found = paste_json.read(text)
    elif paste_curl.looks_like(text):
        found = paste_curl.read(text)
    else:
        return Pasted(url=_bare(text))
    config, missing, notes = _credentials(found.headers)
    return Pasted(
        # JSON can write half a character, which no page can be encoded with.
        url=found.url.encode(errors="replace").decode(),
        name=clean(found.name, limit=NAME_CHARS),
        auth_type="none" if config is None else "api_key",
        auth_config=config,
        missing=missing,
        notes=(*found.notes, *notes),
    )


def is_more_than_url(text: str) -> bool:
    """Tell whether `text` is more than an address, so that secrets may be in it."""
    text = text.strip(_AROUND)
    is_known = paste_json.looks_like(text) or paste_curl.looks_like(text)
    return is_known or len(text) > server_url.MAX_CHARS


def is_ours(header: str) -> bool:
    """Tell whether our client sets this header itself."""
    return header.strip().lower() in _OURS


def is_sendable(name: str, value: str) -> bool:
    """Tell whether this may be sent as a header."""
    try:
        auth.check_config("api_key", {"headers": {name: value}})
    except InvalidInput:
        return False
    return True


def as_config(headers: dict[str, str]) -> dict[str, Any] | None:
    """Return `{"token"}` for a bearer token alone, else `{"headers"}`."""
    (name, value), *others = headers.items()
    scheme, _, token = value.partition(" ")
    if not others and name.lower() == "authorization" and scheme.lower() == "bearer":
        return {"token": token.strip()}
    return {"headers": headers}


def _bare(text: str) -> str:
    """Return a URL without what chats and documents put around one."""
    while len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip(_AROUND)
    return text


def _credentials(
    headers: Mapping[str, str],
) -> tuple[dict[str, Any] | None, bool, list[str]]:
    """Return the config of these headers, whether one is missing, and notes."""
    kept: dict[str, str] = {}
    notes: list[str] = []
    missing = False
    for name, value in headers.items():
        shown = clean(name, limit=60)
        if is_ours(name):
            continue
        if paste_json.is_placeholder(value):
            missing = True
            notes.append(f"The value of {shown} is a placeholder: enter the real one.")
        elif is_sendable(name, value):
            kept[name.strip()] = value.strip()
        else:
            notes.append(f"The header {shown} cannot be set here and was left out.")
    if not kept:
        return None, missing, notes
    return as_config(kept), missing, notes
