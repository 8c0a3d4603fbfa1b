"""What may not be read in a log: by the name of a value, and by its shape.

Redaction is the second wall. The first is that events name ids and never carry
arguments, results, headers or texts from outside. Too much is redacted rather
than too little.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

REDACTED: Final = "[redacted]"
MAX_TEXT = 32_768  # characters; bounds the time that the patterns take
MAX_DEPTH = 8
MAX_ITEMS = 200

# A number under one of these is a status, not a secret.
_EXACT = frozenset({"code", "state", "session", "ticket"})
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:authorization|cookies?|tokens?|secrets?|passwords?|passwd|verifier"
    r"|api_?keys?|auth_config|headers?|credentials?|private_key|secret_key"
    r"|encryption_keys?|session_?id|session_key|csrftoken|test_ticket|auth_code)$"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def is_secret_name(name: str) -> bool:
    """Say whether the value under `name` is a secret: `X-Api-Key`, `accessToken`."""
    plain = _CAMEL.sub("_", name[:100]).lower().replace("-", "_")
    return plain in _EXACT or _SECRET_NAME.search(plain) is not None


# Every repetition is bounded or cannot overlap with what follows it: a hostile
# text costs linear time.
_IN_TEXT = (
    r"(?:[\w-]{0,40}(?:authorization|token|secret|password|passwd|verifier"
    r"|api[_-]?key|auth_config|credentials|private_key|session_?id))"
)
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_PATTERNS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # Our own tokens, and JSON Web Tokens.
    (re.compile(r"\bpb_[A-Za-z0-9_-]{12,}"), f"pb_{REDACTED}"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)*"), REDACTED),
    # Authorization: Bearer …, wherever it stands.
    (re.compile(r"(?i)\b(bearer|basic|dpop)\s+[\w.~+/=-]{6,}"), rf"\1 {REDACTED}"),
    # scheme://user:password@host/path?query#fragment
    (
        re.compile(
            r"\b([A-Za-z][A-Za-z0-9+.-]{0,20}://)(?:[^\s/?#]*@)?"
            r"([^\s?#\"'<>]*)(?:[?#][^\s\"'<>]*)?"
        ),
        r"\1\2",
    ),
    # The query of a path that stands alone, and a form-encoded body.
    (re.compile(r"\?[\w%.~+\[\]-]{1,100}=[^\s\"'<>]*"), f"?{REDACTED}"),
    (
        # `state=RUNNING` is a word; what OAuth sends has digits or is long.
        re.compile(r"\b(code|state)=(?=[A-Za-z_-]{0,40}\d|[^\s&]{16})[^\s&\"'<>,;)]+"),
        rf"\1={REDACTED}",
    ),
    # Cookie: a=b; c=d up to the end of the line, unless it is quoted as a whole.
    (
        re.compile(
            rf"(?i)\b((?:set-)?cookie[\"']?\s{{0,3}}[:=]\s{{0,3}})({_QUOTED}|[^\r\n]*)"
        ),
        rf"\1{REDACTED}",
    ),
    # password=…, "token": "…", X-Api-Key: …
    (
        re.compile(
            rf"(?i)\b({_IN_TEXT}[\"']?(?:=|\s{{0,3}}:\s{{0,3}}))"
            rf"({_QUOTED}|[^\s,;&)}}\]\"']+)"
        ),
        rf"\1{REDACTED}",
    ),
)
# An event's name, a word, a number: most values, and none of the patterns.
_HARMLESS = re.compile(r"[a-z._]{0,64}|[0-9.]{0,20}")
# C0, C1, zero-width, bidi, line separators, tags, lone surrogates: what forges a
# line, moves the cursor of a terminal or hides from the eye.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069"
    "\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
_LINE_CONTROL = re.compile("[\t\n]")


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "surrogatepass").decode("ascii")


def text(value: str, *, multiline: bool = False) -> str:
    r"""Redact the secrets in a text and escape its control characters.

    Line feeds and tabs stay with `multiline` (tracebacks); else they are written
    as `\n` and `\t`, so that one event is one line.
    """
    if _HARMLESS.fullmatch(value):
        return value
    if len(value) > MAX_TEXT:
        value = f"{value[:MAX_TEXT]}… ({len(value)} characters)"
    for pattern, replacement in _PATTERNS:
        value = pattern.sub(replacement, value)
    value = _CONTROL.sub(_escape, value)
    return value if multiline else _LINE_CONTROL.sub(_escape, value)


def _named(name: str, value: Any, depth: int) -> Any:
    if not is_secret_name(name):
        return _any(value, depth)
    # `code=404` of a response and an absent token tell nothing.
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and name.lower() in _EXACT:
        return value
    return REDACTED


def _any(value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return text(value)
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        items = list(value.items())[:MAX_ITEMS]
        return {text(str(k)): _named(str(k), v, depth + 1) for k, v in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [_any(item, depth + 1) for item in list(value)[:MAX_ITEMS]]
    return _opaque(value)


def _opaque(value: Any) -> str:
    """Write an object as text; one that cannot be written is named by its type."""
    try:
        if isinstance(value, bytes | bytearray):
            return text(bytes(value).decode("utf-8", "backslashreplace"))
        if isinstance(value, BaseException):
            return text(f"{type(value).__name__}: {value}")
        return text(str(value))
    except Exception:  # noqa: BLE001 — a broken __str__ must not lose the event
        return f"<{type(value).__name__}>"


def event(values: Mapping[str, Any]) -> dict[str, Any]:
    """Redact one event; `exception` and `stack` keep their line feeds."""
    clean: dict[str, Any] = {}
    for name, value in values.items():
        if name in {"exception", "stack"} and isinstance(value, str):
            clean[name] = text(value, multiline=True)
        else:
            clean[text(str(name))] = _named(str(name), value, 0)
    return clean
