"""Make example arguments that a person can run at once, or start from.

They hold what is required, and the defaults. They are valid where the schema can be
met without trying: no pattern is looked at, since a hostile one never ends.
"""

import math
from fractions import Fraction
from typing import Any

from connectors.schema_form.bounds import Bounds
from connectors.schema_form.document import Document
from connectors.schema_form.fitting import Fitting
from connectors.schema_form.shapes import Schema, Shape

MAX_VALUES = 500
MAX_DEPTH = 12
MAX_ITEMS = 20
MAX_TEXT = 2000
_WORD = "example"
_BY_FORMAT = {
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "date-time": "2026-01-31T12:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "iri": "https://example.com/",
    "uri-reference": "/example",
    "iri-reference": "/example",
    "uri-template": "/example/{id}",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "json-pointer": "/example",
    "relative-json-pointer": "0",
    "regex": "^example$",
}


def example(schema: Schema) -> dict[str, Any]:
    """Return arguments for `schema`, valid where possible; never fails."""
    value = _Examples(schema).of(schema, 0)
    return value if isinstance(value, dict) else {}


class _Examples:
    def __init__(self, schema: Schema) -> None:
        self._document = Document(schema)
        self._fitting = Fitting(self._document)
        self._values = 0

    def of(self, schema: Schema, depth: int, index: int = 0) -> Any:
        """Return a value; `index` makes those of one list differ."""
        self._values += 1
        shape = self._document.shape(schema)
        for said in _said(shape)[index:]:
            if said is not None and self._fitting.fits(schema, said):
                return said
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            return None
        match shape.kind:
            case "object":
                return self._object(shape, depth)
            case "array":
                return self._array(shape, depth)
            case "union":
                return self.of(shape.variants[0], depth + 1, index)
        return _leaf(shape, index)

    def _object(self, shape: Shape, depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        fewest = shape.count("minProperties", 0)
        for key, schema in shape.properties.items():
            if key in shape.required or self._has_default(schema):
                value[key] = self.of(schema, depth + 1)
        for key, schema in shape.properties.items():
            if len(value) >= fewest or self._values > MAX_VALUES:
                break
            value.setdefault(key, self.of(schema, depth + 1))
        return value

    def _has_default(self, schema: Schema) -> bool:
        if self._values > MAX_VALUES:
            return False
        default = self._document.shape(schema).keywords.get("default")
        if default is None or default in ("", [], {}):
            # The same as leaving it out.
            return False
        return self._fitting.fits(schema, default)

    def _array(self, shape: Shape, depth: int) -> list[Any]:
        fewest = min(shape.count("minItems", 0), MAX_ITEMS)
        is_unique = shape.keywords.get("uniqueItems") is True
        return [
            self.of(shape.item(index), depth + 1, index if is_unique else 0)
            for index in range(fewest)
            if shape.item(index) is not False
        ]


def _said(shape: Shape) -> list[Any]:
    """Return the values that the schema itself names."""
    words = shape.keywords
    listed = words.get("examples")
    examples = listed if isinstance(listed, list) else []
    return [words.get("default"), *examples[:MAX_ITEMS], words.get("example")]


def _leaf(shape: Shape, index: int) -> Any:
    match shape.kind:
        case "choice":
            return shape.options[index % len(shape.options)].value
        case "boolean":
            return bool(index % 2)
        case "text":
            return _text(shape, index)
        case "number" | "integer":
            return _number(shape, index)
    return _anything(shape)


def _text(shape: Shape, index: int) -> str:
    named = shape.keywords.get("format")
    if isinstance(named, str) and named in _BY_FORMAT and not index:
        return _BY_FORMAT[named]
    if "pattern" in shape.keywords:
        # Whatever it asks for, a person has to write it.
        return ""
    shortest = min(shape.count("minLength", 0), MAX_TEXT)
    longest = shape.count("maxLength", MAX_TEXT)
    suffix = str(index + 1) if index else ""
    text = _WORD[: max(0, longest - len(suffix))] + suffix
    return text[:longest].ljust(shortest, "x")


def _number(shape: Shape, index: int) -> int | float:
    bounds = Bounds.of(shape)
    step = bounds.step or Fraction(1)
    low, high = bounds.first, bounds.last
    tries = [Fraction(1), Fraction(0)]
    if low is not None:
        tries += [low, low + step]
    if high is not None:
        tries += [high, high - step]
    if low is not None and high is not None:
        tries.append((low + high) / 2)
    if bounds.step:
        tries.append(bounds.step)
    first = next((number for number in tries if bounds.allow(number)), tries[0])
    number = first + index * step
    if not bounds.allow(number):
        number = first - index * step
    return _plain(number)


def _plain(number: Fraction) -> int | float:
    if number.denominator == 1:
        return number.numerator
    try:
        return float(number)
    except OverflowError:
        return math.copysign(1, number)


def _anything(shape: Shape) -> Any:
    named = shape.keywords.get("type")
    return {"array": [], "string": "", "null": None}.get(str(named), {})
