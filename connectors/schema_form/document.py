"""Read what a JSON Schema asks for.

A schema has many ways to say one thing: `$ref`, `allOf`, `anyOf` with null, a list
of types, an enum or titled constants. They all become one `Shape`. Whatever has no
form is of the kind "any": a person writes it as JSON, the validation judges it.

Schemas are hostile: reading one takes a bounded number of steps, follows nothing
outside of the document, and tries no pattern.
"""

from typing import Any

from connectors.schema_form.merging import ANNOTATIONS, Keywords, NoForm, merged
from connectors.schema_form.references import References
from connectors.schema_form.shapes import Kind, Schema, Shape, choice, option, union

MAX_VARIANTS = 30
_KINDS: dict[str, Kind] = {
    "string": "text",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "object": "object",
    "array": "array",
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
# Without one of these, an alternative narrows a value but gives it no other form.
_FORMATIVE = frozenset(
    "additionalProperties anyOf const enum items oneOf patternProperties prefixItems "
    "properties type".split()
)


class Document:
    """A schema, with all that its parts refer to."""

    def __init__(self, schema: Schema) -> None:
        self._references = References(schema)
        # By identity; the schema is kept so that nothing else gets its address.
        self._known: dict[int, tuple[Schema, Shape]] = {}

    def shape(self, schema: Schema) -> Shape:
        """Return what `schema` asks for; never fails."""
        known = self._known.get(id(schema))
        if known is not None:
            return known[1]
        try:
            shape = self._read(self._references.flat(schema))
        except (NoForm, RecursionError):
            keywords = schema if isinstance(schema, dict) else {}
            shape = Shape(kind="any", keywords=keywords)
        self._known[id(schema)] = (schema, shape)
        return shape

    def _read(self, flat: Keywords, *, is_nullable: bool = False) -> Shape:
        if "const" in flat or isinstance(flat.get("enum"), list):
            return self._read_choice(flat, is_nullable=is_nullable)
        if "anyOf" in flat or "oneOf" in flat:
            return self._read_union(flat, is_nullable=is_nullable)
        types = _types(flat)
        if types == ["null"]:
            return self._read_choice({**flat, "const": None})
        is_nullable = is_nullable or "null" in types
        types = [name for name in types if name != "null"]
        if len(types) > 1:
            self._references.spend(len(types) * len(flat))
            shared = _without(flat, ANNOTATIONS)
            variants = ({**shared, "type": name} for name in types)
            return union(flat, variants, is_nullable=is_nullable)
        kind = _KINDS[types[0]] if types else "any"
        if kind == "object":
            return self._read_object(flat, is_nullable=is_nullable)
        if kind == "array":
            return self._read_array(flat, is_nullable=is_nullable)
        return Shape(kind=kind, keywords=flat, is_nullable=is_nullable)

    def _read_choice(self, flat: Keywords, *, is_nullable: bool = False) -> Shape:
        values = [flat["const"]] if "const" in flat else flat["enum"]
        self._references.spend(len(values))
        labels = _listed(flat.get("enumNames"))
        if len(labels) != len(values):
            labels = [None] * len(values)
        types = _types(flat) if "type" in flat else list(_PYTHON_TYPES)
        options = (
            option(value, label)
            for value, label in zip(values, labels, strict=True)
            if _is_one_of(value, types)
        )
        return choice(flat, options, is_nullable=is_nullable)

    def _read_union(self, flat: Keywords, *, is_nullable: bool) -> Shape:
        rest = _without(flat, frozenset({"anyOf", "oneOf"}))
        variants = self._variants(flat)
        if not any(_FORMATIVE & variant.keys() for variant in variants):
            return self._read(rest, is_nullable=is_nullable)
        shared = _without(rest, ANNOTATIONS)
        values = [
            self._references.joined(shared, variant)
            for variant in variants
            if not _is_null(variant)
        ]
        is_nullable = is_nullable or len(values) < len(variants)
        if not values:
            return self._read_choice({**rest, "const": None})
        if len(values) == 1:
            described = {k: v for k, v in rest.items() if k in ANNOTATIONS}
            return self._read(merged(values[0], described), is_nullable=is_nullable)
        if all("const" in value for value in values):
            titled = (option(value["const"], value.get("title")) for value in values)
            return choice(rest, titled, is_nullable=is_nullable)
        return union(rest, values, is_nullable=is_nullable)

    def _variants(self, flat: Keywords) -> list[Keywords]:
        parts = _listed(flat.get("anyOf", flat.get("oneOf")))
        if ("anyOf" in flat and "oneOf" in flat) or not 0 < len(parts) <= MAX_VARIANTS:
            raise NoForm
        return [self._references.flat(part) for part in parts]

    def _read_object(self, flat: Keywords, *, is_nullable: bool) -> Shape:
        declared = flat.get("properties")
        if not isinstance(declared, dict):
            declared = {}
        required = [n for n in _listed(flat.get("required")) if isinstance(n, str)]
        self._references.spend(len(declared) + len(required))
        properties = {k: v for k, v in declared.items() if v is not False}
        for name in required:
            properties.setdefault(name, True)
        more = flat.get("additionalProperties")
        return Shape(
            kind="object",
            keywords=flat,
            is_nullable=is_nullable,
            properties=properties,
            required=frozenset(required),
            has_more=more is True
            or isinstance(more, dict)
            or bool(flat.get("patternProperties")),
        )

    def _read_array(self, flat: Keywords, *, is_nullable: bool) -> Shape:
        items = flat.get("items")
        prefix = _listed(flat.get("prefixItems"))
        if isinstance(items, list):
            # How drafts before 2020-12 wrote it.
            prefix, items = items, flat.get("additionalItems")
        self._references.spend(len(prefix))
        return Shape(
            kind="array",
            keywords=flat,
            is_nullable=is_nullable,
            prefix=tuple(prefix),
            items=items if isinstance(items, dict) else items is True,
        )


def _types(flat: Keywords) -> list[str]:
    """Return the names of the types that a value can have; none means any."""
    if "type" not in flat:
        return _meant_types(flat)
    named = flat["type"] if isinstance(flat["type"], list) else [flat["type"]]
    if not named or not all(isinstance(n, str) and n in _PYTHON_TYPES for n in named):
        raise NoForm
    types = list(dict.fromkeys(named))
    if "number" in types and "integer" in types:
        types.remove("integer")
    return types


def _meant_types(flat: Keywords) -> list[str]:
    """Say what is meant by a schema that only describes an object or a list."""
    if isinstance(flat.get("properties"), dict):
        return ["object"]
    return ["array"] if {"items", "prefixItems"} & flat.keys() else []


def _is_one_of(value: Any, types: list[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in types
    if isinstance(value, float) and value.is_integer() and "integer" in types:
        return True
    return any(isinstance(value, _PYTHON_TYPES[name]) for name in types)


def _is_null(flat: Keywords) -> bool:
    is_only_value = flat.get("const", 0) is None or flat.get("enum") == [None]
    return is_only_value or flat.get("type") in ("null", ["null"])


def _without(flat: Keywords, keys: frozenset[str]) -> Keywords:
    return {key: value for key, value in flat.items() if key not in keys}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
