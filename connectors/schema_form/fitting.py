"""Tell, at a glance, whether a value is of a shape.

It chooses among alternatives and leaves out defaults that cannot be meant. It looks
a few levels deep and runs no pattern: the validation decides, in its own process.
"""

from typing import Any

from connectors.schema_form.bounds import Bounds
from connectors.schema_form.document import Document
from connectors.schema_form.fields import is_option
from connectors.schema_form.shapes import Schema, Shape

MAX_DEPTH = 4
# Values that are looked at, in all of one form.
MAX_LOOKS = 20_000


class Fitting:
    """Compares values with the parts of one document, until that costs too much."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._looks = MAX_LOOKS

    def fits(self, schema: Schema, value: Any, depth: int = 0) -> bool:
        """Tell whether `value` seems to be what `schema` asks for."""
        self._looks -= 1
        if depth > MAX_DEPTH or self._looks < 0:
            return False
        shape = self._document.shape(schema)
        if value is None and shape.is_nullable:
            return True
        match shape.kind:
            case "any":
                return True
            case "choice":
                return is_option(shape.options, value)
            case "union":
                return any(self.fits(v, value, depth + 1) for v in shape.variants)
            case "object":
                return isinstance(value, dict) and self._holds(shape, value, depth)
            case "array":
                return isinstance(value, list) and self._lists(shape, value, depth)
            case _:
                return _is_scalar(shape, value)

    def variant_of(self, shape: Shape, value: Any) -> int | None:
        """Return which of the alternatives `value` is."""
        for index, variant in enumerate(shape.variants):
            if self.fits(variant, value):
                return index
        return None

    def _holds(self, shape: Shape, value: dict[str, Any], depth: int) -> bool:
        if not shape.required <= value.keys():
            return False
        is_closed = shape.keywords.get("additionalProperties") is False
        if is_closed and not shape.has_more and value.keys() - shape.properties.keys():
            return False
        return all(
            self.fits(schema, value[key], depth + 1)
            for key, schema in shape.properties.items()
            if key in value
        )

    def _lists(self, shape: Shape, value: list[Any], depth: int) -> bool:
        if not shape.count("minItems", 0) <= len(value):
            return False
        if len(value) > shape.count("maxItems", len(value)):
            return False
        # The first ones tell alternatives apart.
        return all(
            shape.item(index) is False or self.fits(shape.item(index), item, depth + 1)
            for index, item in enumerate(value[:8])
        )


def _is_scalar(shape: Shape, value: Any) -> bool:
    if shape.kind == "boolean":
        return isinstance(value, bool)
    if shape.kind == "text":
        if not isinstance(value, str):
            return False
        return (
            shape.count("minLength", 0)
            <= len(value)
            <= shape.count("maxLength", len(value))
        )
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    is_whole = isinstance(value, int) or value.is_integer()
    return (is_whole or shape.kind == "number") and Bounds.of(shape).allow(value)
