"""Follow the references of a schema within its document, a bounded way."""

from typing import Any
from urllib.parse import unquote

from connectors.schema_form.merging import Keywords, NoForm, merged
from connectors.schema_form.shapes import Schema

# Keywords that are looked at, in all of one document.
MAX_STEPS = 20_000
# References that lead to other references.
MAX_HOPS = 16
MAX_POINTER_CHARS = 500
_UNKNOWN = ("$dynamicRef", "$recursiveRef")


class References:
    """Joins the parts of one document, until that has cost too much."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._steps = MAX_STEPS

    def flat(self, schema: Schema, hops: int = 0) -> Keywords:
        """Join `schema` with what it refers to and with its `allOf`.

        Raises:
            NoForm: it leads out of the document, in circles, or too far.
        """
        if schema is True:
            return {}
        if not isinstance(schema, dict) or hops > MAX_HOPS:
            raise NoForm
        self.spend(1 + len(schema))
        if any(key in schema for key in _UNKNOWN):
            raise NoForm
        flat = {k: v for k, v in schema.items() if k not in {"$ref", "allOf"}}
        if "$ref" in schema:
            target = self.flat(self._target(schema["$ref"]), hops + 1)
            flat = self.joined(target, flat)
        parts = schema.get("allOf")
        for part in parts if isinstance(parts, list) else ():
            flat = self.joined(self.flat(part, hops + 1), flat)
        return flat

    def joined(self, under: Keywords, over: Keywords) -> Keywords:
        """Merge two, at their price.

        Raises:
            NoForm: that costs too much, or has no form.
        """
        properties = under.get("properties")
        self.spend(len(under) + len(properties if isinstance(properties, dict) else ()))
        return merged(under, over)

    def spend(self, steps: int) -> None:
        """Count work.

        Raises:
            NoForm: there was too much of it.
        """
        self._steps -= steps
        if self._steps < 0:
            raise NoForm

    def _target(self, ref: Any) -> Schema:
        """Find what a reference points to.

        Source: RFC 6901; JSON Schema core, "Schema References".
        """
        if not isinstance(ref, str) or not 0 < len(ref) <= MAX_POINTER_CHARS:
            raise NoForm
        pointer = unquote(ref[1:])
        if ref[0] != "#" or pointer[:1] not in {"", "/"}:
            raise NoForm
        node = self._root
        for part in pointer.split("/")[1:]:
            node = _child(node, part.replace("~1", "/").replace("~0", "~"))
        return node


def _child(node: Schema, key: str) -> Schema:
    if isinstance(node, dict) and key in node:
        return node[key]
    if isinstance(node, list) and key.isascii() and key.isdigit() and len(key) < 6:
        index = int(key)
        if index < len(node):
            return node[index]
    raise NoForm
