"""What a form says about a field: its label, its help, and what fits in it."""

import re
from fractions import Fraction
from typing import Any

from connectors.schema_form.bounds import Bounds, written
from connectors.schema_form.fields import Place
from connectors.schema_form.json_text import compact
from connectors.schema_form.merging import Keywords
from connectors.schema_form.shapes import Shape
from connectors.text import clean

LABEL_CHARS = 100
HELP_CHARS = 1000
HINT_CHARS = 120
# Bounds like those of 64 bits stand in many schemas and tell nobody anything.
NOBODY_REACHES = 1_000_000_000
_NO_NAME = "(no name)"
_JOINTS = re.compile(r"[\s_.-]+")
_FORMATS = {
    "date": "",
    "email": "",
    "password": "",
    "textarea": "",
    "multi-line": "",
    "time": "In UTC.",
    "date-time": "In UTC.",
    "uri": "A whole URL.",
    "url": "A whole URL.",
    "uuid": "A UUID.",
    "duration": "A duration such as PT1H30M.",
    "regex": "A regular expression.",
    "markdown": "Markdown.",
}
_JSON = {
    "object": "A JSON object, such as {}.",
    "array": "A JSON list, such as [].",
}
_KINDS = {
    "text": "Text",
    "number": "Number",
    "integer": "Whole number",
    "boolean": "Yes or no",
    "choice": "One of a list",
    "object": "Object",
    "array": "List",
    "union": "One of several",
    "any": "JSON",
}


def label_of(place: Place, keywords: Keywords) -> tuple[str, str]:
    """Return what a field is called, and its key if that is another word.

    The key is what a person finds in the tool's documentation; a title that only
    writes the key in another way says nothing more, nor does that of the arguments
    themselves: it names a class of the server's.
    """
    if isinstance(place.key, int):
        return f"Item {place.key}", ""
    key = clean(place.key, limit=LABEL_CHARS) or _NO_NAME
    title = clean(keywords.get("title"), limit=LABEL_CHARS) if place.path else ""
    if not title or _bare(title) == _bare(key):
        return key, ""
    return title, key


def help_of(keywords: Keywords) -> str:
    """Return the description of a field."""
    return clean(keywords.get("description"), limit=HELP_CHARS, multiline=True)


def hint_of(shape: Shape, *, is_required: bool, is_empty: bool) -> str:
    """Say what the value must be like, beyond what its control shows."""
    keywords = shape.keywords
    hints = [*_HINTS_OF.get(shape.kind, _no_hints)(shape)]
    if keywords.get("deprecated") is True:
        hints.insert(0, "Deprecated.")
    if not is_required:
        hints += _default(shape) if is_empty else []
    elif shape.is_nullable and shape.kind != "any":
        hints.append("Empty is sent as null.")
    return " ".join(hint for hint in hints if hint)


def json_hint(kind: str) -> str:
    """Say what a JSON editor wants."""
    return _JSON.get(kind, "JSON: text goes in double quotes.")


def variant_label(shape: Shape, index: int) -> str:
    """Name one of several alternatives."""
    title = clean(shape.keywords.get("title"), limit=LABEL_CHARS)
    return title or f"{index + 1}: {_KINDS[shape.kind]}"


def placeholder_of(keywords: Keywords) -> str:
    """Return an example of what can be written in a line."""
    examples = keywords.get("examples")
    example = examples[0] if isinstance(examples, list) and examples else None
    return clean(example, limit=LABEL_CHARS)


def _no_hints(shape: Shape) -> list[str]:
    return []


def _text_hints(shape: Shape) -> list[str]:
    keywords = shape.keywords
    hints = [_counted(shape, "Length", "character")]
    pattern = keywords.get("pattern")
    # What a person reads says more than an expression; alone, it says at least that.
    if isinstance(pattern, str) and not help_of(keywords):
        hints.append(f"Matches {clean(pattern, limit=HINT_CHARS)}")
    named = keywords.get("format")
    if isinstance(named, str):
        plain = f"Format: {clean(named, limit=HINT_CHARS)}."
        hints.append(_FORMATS.get(named, plain))
    return hints


def _number_hints(shape: Shape) -> list[str]:
    bounds = Bounds.of(shape)
    low, high = _told(bounds.low), _told(bounds.high)
    step = written(bounds.step)
    above = "More than" if bounds.is_low_open else "At least"
    below = "less than" if bounds.is_high_open else "at most"
    if low and high and not bounds.is_low_open and not bounds.is_high_open:
        hints = [f"{low} to {high}."]
    elif low and high:
        hints = [f"{above} {low}, {below} {high}."]
    else:
        hints = [f"{above} {low}."] if low else []
        hints += [f"{below.capitalize()} {high}."] if high else []
    if step not in {"", "1"}:
        hints.append(f"A multiple of {step}.")
    return hints


def _told(end: Fraction | None) -> str:
    """Write out an end of a range, unless only the range of a type is meant by it."""
    return "" if end is not None and abs(end) >= NOBODY_REACHES else written(end)


def _array_hints(shape: Shape) -> list[str]:
    is_unique = shape.keywords.get("uniqueItems") is True
    return [
        _counted(shape, "Items", "item"),
        "No two are the same." if is_unique else "",
    ]


def _counted(shape: Shape, suffix: str, noun: str) -> str:
    fewest, most = shape.count(f"min{suffix}", 0), shape.count(f"max{suffix}", -1)
    if most < 0:
        return f"At least {fewest} {_plural(noun, fewest)}." if fewest else ""
    if fewest == most:
        return f"Exactly {most} {_plural(noun, most)}."
    if fewest:
        return f"{fewest} to {most} {noun}s."
    return f"At most {most} {_plural(noun, most)}."


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"


def _default(shape: Shape) -> list[str]:
    value: Any = shape.keywords.get("default")
    if value is None or value in ("", [], {}) or isinstance(value, dict | list):
        return []
    text = value if isinstance(value, str) else compact(value)
    shown = clean(text, limit=HINT_CHARS)
    return [f"Default: {shown}"] if shown else []


def _bare(text: str) -> str:
    return _JOINTS.sub("", text).casefold()


_HINTS_OF = {
    "text": _text_hints,
    "number": _number_hints,
    "integer": _number_hints,
    "array": _array_hints,
}
