"""What the text of a control means, and which text means a value.

A control is chosen for what it can hold: a browser empties a date field that is
given no date, and takes line breaks out of a line of text. What no control holds
exactly is edited as JSON.
"""

import math
import re
from collections.abc import Callable
from datetime import date
from typing import Any

from connectors.schema_form import json_text
from connectors.schema_form.json_text import NotJson
from connectors.schema_form.merging import Keywords

# A longer line is hard to write in one.
LINE_CHARS = 200
MAX_NUMBER_CHARS = 400
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")
_BY_FORMAT = {
    "date": "date",
    "time": "time",
    "date-time": "datetime",
    "email": "email",
    "uri": "url",
    "url": "url",
    "password": "password",
    "textarea": "textarea",
    "multi-line": "textarea",
    "markdown": "textarea",
}
# Arguments of these names are usually more than a line.
_LONG = frozenset(
    "body code comment content css description diff document html instructions json "
    "markdown message notes patch prompt query_sql script source sql summary text xml "
    "yaml".split()
)
# "" is not a value of these.
NEVER_EMPTY = frozenset({"date", "time", "datetime", "email", "url"})


def text_kind(key: str | int, keywords: Keywords) -> str:
    """Choose the control for the strings of a schema."""
    named = keywords.get("format")
    if isinstance(named, str) and named in _BY_FORMAT:
        return _BY_FORMAT[named]
    longest = keywords.get("maxLength")
    if isinstance(longest, int) and longest <= LINE_CHARS:
        return "text"
    is_long = "contentMediaType" in keywords or str(key).casefold() in _LONG
    return "textarea" if is_long else "text"


def kind_holding(kind: str, text: str) -> str:
    """Return `kind`, or the plainer one that shows `text` as it is."""
    if "\n" in text:
        return "textarea"
    holds = _HOLDS.get(kind)
    return kind if not text or holds is None or holds(text) else "text"


def string_of(kind: str, text: str) -> str:
    """Return the value that `text` means in a control of `kind`.

    A time of day without an offset is in UTC.

    Source: RFC 3339, 5.6, which JSON Schema's `time` and `date-time` are.
    """
    if not text or kind not in {"time", "datetime"}:
        return text
    has_seconds = text.count(":") == 2
    return text + ("Z" if has_seconds else ":00Z")


def text_of(kind: str, value: str) -> str | None:
    """Return the text that means `value`, None if none that can be seen does."""
    if not _is_plain(value):
        return None
    texts = (
        (value.removesuffix("Z"), value) if kind in {"time", "datetime"} else (value,)
    )
    for text in texts:
        if string_of(kind_holding(kind, text), text) == value:
            return text
    return None


def number_of(text: str, *, is_whole: bool) -> int | float:
    """Read a number.

    Raises:
        NotJson: it is none, or is too large.
    """
    text = text.strip()
    sentence = "Enter a whole number." if is_whole else "Enter a number."
    if len(text) > MAX_NUMBER_CHARS or not _NUMBER.fullmatch(text):
        raise NotJson(sentence)
    value = int(text) if _WHOLE.fullmatch(text) else json_text.finite(text)
    if is_whole and isinstance(value, float):
        if not value.is_integer():
            raise NotJson(sentence)
        value = int(value)
    if isinstance(value, int) and value.bit_length() > json_text.MAX_BITS:
        raise NotJson("The number is too large.")
    return value


def text_of_number(value: Any, *, is_whole: bool) -> str | None:
    """Return the text that means `value`, None if none does."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and value.bit_length() > json_text.MAX_BITS:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if is_whole and value != int(value):
        return None
    return repr(value)


def posted_text(text: str) -> str:
    """Undo what a browser does to line breaks when it sends a form."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_plain(text: str) -> bool:
    """Tell whether a person sees all of `text` in a control, and nothing else."""
    return all(char.isprintable() or char in "\n\t" for char in text)


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_moment(text: str) -> bool:
    day, separator, hour = text.partition("T")
    return bool(separator) and _is_date(day) and bool(_TIME.fullmatch(hour))


_HOLDS: dict[str, Callable[[str], Any]] = {
    "date": _is_date,
    "time": _TIME.fullmatch,
    "datetime": _is_moment,
}
