"""What a schema asks for, as far as a form can ask it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from connectors.schema_form.json_text import compact
from connectors.schema_form.merging import Keywords, NoForm
from connectors.text import clean

# A JSON Schema, or what a server sent in its place.
Schema = Any
Kind = Literal[
    "text",
    "number",
    "integer",
    "boolean",
    "choice",
    "object",
    "array",
    "union",
    "any",
]
LABEL_CHARS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One value to choose; `text` is the value as JSON, the same for ever."""

    value: Any
    text: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One kind of value; `keywords` are all that its schema says."""

    kind: Kind
    keywords: Keywords = field(default_factory=dict)
    is_nullable: bool = False
    # Of a choice.
    options: tuple[Option, ...] = ()
    # Of a union.
    variants: tuple[Schema, ...] = ()
    # Of an object; `has_more`: it may hold keys that are not named.
    properties: Mapping[str, Schema] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    has_more: bool = False
    # Of an array: the items at fixed places, then all the others.
    prefix: tuple[Schema, ...] = ()
    items: Schema = False

    @property
    def is_const(self) -> bool:
        return self.kind == "choice" and len(self.options) == 1

    @property
    def is_map(self) -> bool:
        """Whether it is an object of which no key is known."""
        is_closed = self.keywords.get("additionalProperties") is False
        return not self.properties and (self.has_more or not is_closed)

    def item(self, index: int) -> Schema:
        """Return the schema of one item; False if there cannot be one."""
        return self.prefix[index] if index < len(self.prefix) else self.items

    def count(self, keyword: str, default: int) -> int:
        """Return a keyword that counts, such as `minItems`."""
        value = self.keywords.get(keyword)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return default
        return int(value) if 0 <= value < 1 << 31 else default


def option(value: Any, label: Any = None) -> Option:
    """Make a value choosable, under `label` or its own words."""
    text = compact(value)
    shown = clean(label, limit=LABEL_CHARS)
    if not shown and isinstance(value, str):
        shown = clean(value, limit=LABEL_CHARS)
    return Option(value=value, text=text, label=shown or text[:LABEL_CHARS])


def choice(
    keywords: Keywords, options: Iterable[Option], *, is_nullable: bool
) -> Shape:
    """Offer `options`, each once.

    Raises:
        NoForm: there are none.
    """
    unique: dict[str, Option] = {}
    for one in options:
        unique.setdefault(one.text, one)
    if is_nullable:
        unique.setdefault("null", option(None))
    if not unique:
        raise NoForm
    return Shape(kind="choice", keywords=keywords, options=tuple(unique.values()))


def union(
    keywords: Keywords, variants: Iterable[Schema], *, is_nullable: bool
) -> Shape:
    """Offer `variants`, of which a person chooses one."""
    return Shape(
        kind="union",
        keywords=keywords,
        variants=tuple(variants),
        is_nullable=is_nullable,
    )
