"""JSON as people read and write it in a text box.

What two readers could understand differently, and what no database stores, is
refused here as it is by REST: a key twice, NaN, NUL and halves of characters.
"""

import json
import math
from typing import Any

from django.conf import settings

# A larger number is infinite where JSON numbers are doubles.
MAX_BITS = 1024


class NotJson(Exception):
    """A text that cannot be read; the message is for the person who wrote it."""


def loads(text: str) -> Any:
    """Read `text` strictly.

    Raises:
        NotJson: it is no JSON, or holds what cannot be sent.

    Source: RFC 8259, RFC 7493 (I-JSON).
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=finite,
        )
    except json.JSONDecodeError as problem:
        raise NotJson(
            f"This is not JSON: {problem.msg} in line {problem.lineno}. "
            "Text goes in double quotes."
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        # An integer of thousands of digits.
        raise NotJson("A number is too large.") from None
    _check(value)
    return value


def dumps(value: Any) -> str:
    """Write `value` over several lines, with what cannot be seen as escapes.

    A hidden or reordering character would make the text read as something else.
    """
    text = _dumps(value, indent=2, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(
        char if char == "\n" or char.isprintable() else _escaped(char) for char in text
    )


def compact(value: Any) -> str:
    """Write `value` in ASCII on one line; the same value gives the same text."""
    return _dumps(value, sort_keys=True, separators=(",", ":"))


def finite(text: str) -> float:
    """Read a number with a fraction or an exponent.

    Raises:
        NotJson: it is too large for a double.
    """
    value = float(text)
    if math.isinf(value):
        raise NotJson("A number is too large.")
    return value


def is_storable(text: str) -> bool:
    """Tell whether `text` has neither NUL nor half of a character."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _dumps(value: Any, **options: Any) -> str:
    try:
        return json.dumps(value, **options)
    except (RecursionError, TypeError, ValueError):
        # Nothing that was read from JSON; a page is shown all the same.
        return "null"


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1] if ord(char) > 0x7F else f"\\u{ord(char):04x}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise NotJson("An object has the same key twice.")
    return value


def _refuse_constant(name: str) -> None:
    raise NotJson(f"{name} is not JSON.")


def _too_deep() -> NotJson:
    return NotJson(f"It is nested more than {settings.MAX_JSON_DEPTH} levels deep.")


def _check(value: Any) -> None:
    rest = [(value, 1)]
    while rest:
        value, depth = rest.pop()
        if isinstance(value, str) and not is_storable(value):
            raise NotJson("A text contains NUL or half a character.")
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise NotJson("A number is too large.")
        if isinstance(value, dict | list):
            if depth > settings.MAX_JSON_DEPTH:
                raise _too_deep()
            if isinstance(value, dict):
                rest.extend((key, depth) for key in value)
                value = value.values()
            rest.extend((item, depth + 1) for item in value)
