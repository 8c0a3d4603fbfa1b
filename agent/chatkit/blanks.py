"""The blanks of a form: each is what one question can ask for.

A form of ours has controls, rows and buttons; ChatKit has a list of questions that
are answered with texts. An object that must be there is asked for by its parts, a
list of scalars line by line, whatever has no plain text as JSON. What a blank is
depends on the schema alone: an answer is read without knowing what was shown.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from connectors.schema_form import Field, Option
from connectors.schema_form.document import Document
from connectors.schema_form.fields import Path
from connectors.schema_form.shapes import Schema, Shape
from connectors.schema_form.words import json_hint

type Kind = Literal["one", "many", "text", "lines", "json"]
type Choices = dict[str, Option]
_SCALARS: Final = frozenset({"text", "number", "integer"})
_CHOSEN: Final = frozenset({"select", "const", "checkbox"})
_TEXTLESS: Final = frozenset({"array", "json", "more", "object", "union"})
_YES_OR_NO: Final = (
    Option(value=True, text="true", label="Yes"),
    Option(value=False, text="false", label="No"),
)
# How an empty key is written: `quote` writes no other so.
_NO_NAME: Final = "%"


@dataclass(frozen=True, kw_only=True)
class Blank:
    """One thing to ask for; `around` are the objects that it is a part of."""

    kind: Kind
    field: Field
    around: tuple[Field, ...] = ()
    # What can be chosen, by what is shown of it.
    choices: Choices = dataclasses.field(default_factory=dict)
    shape: Shape | None = None
    # Of a list: what it is made of.
    item: Shape | None = None
    # Of JSON: whether text is text without its quotes, too.
    takes_text: bool = False
    # The objects of which it is the first part: it speaks for them, too.
    speaks_for: tuple[Field, ...] = ()

    @property
    def id(self) -> str:
        """The name of our own control, without what all of those begin with."""
        mark = _mark(self.field) if self.kind == "json" else ""
        segments = self.field.name.split(".")[1:]
        return ".".join(segment or _NO_NAME for segment in segments) + mark

    @property
    def control(self) -> str:
        """The name under which our own form would send the answer."""
        is_plain = self.kind in {"one", "text"}
        return self.field.name if is_plain else self.field.name + _mark(self.field)

    @property
    def path(self) -> Path:
        return self.field.path

    def as_json(self) -> "Blank":
        """Return the same, to be answered with a JSON value of any kind."""
        if self.kind == "json":
            return self
        shown = replace(self.field, hint=json_hint(""), placeholder="")
        return replace(self, kind="json", field=shown, choices={}, item=None)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """An object that is asked for by its parts: those, or what replaces them."""

    blanks: tuple["Blank | Holder", ...]
    whole: Blank
    # The keys that its schema does not name.
    others: Blank

    def every(self) -> Iterator[Blank]:
        """Give all that its parts could be answered by."""
        yield self.others
        for blank in self.blanks:
            if isinstance(blank, Holder):
                yield from (blank.whole, *blank.every())
            elif blank is not self.others:
                yield blank
                if blank.kind != "json":
                    yield blank.as_json()


def blanks_of(root: Field, schema: Schema) -> Holder | Blank:
    """Return what the form `root`, which is that of `schema`, has to ask for."""
    document = Document(schema)
    whole = Blank(kind="json", field=root, shape=document.shape(schema))
    return _Taker(document).take(whole)


class _Taker:
    """Goes through one form, with the schema beside it."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def take(self, blank: Blank) -> Holder | Blank:
        field = blank.field
        # Nothing was given: what is there all the same is what must be.
        is_held = field.kind == "object" and field.is_present
        return self._held(blank) if is_held else self._single(blank)

    def _held(self, whole: Blank) -> Holder:
        field, shape = whole.field, whole.shape
        # Nobody is told about the arguments as such.
        own = (field,) if field.path else ()
        parts: list[Blank | Holder] = []
        others = _others(whole, (*whole.around, *own))
        for child in field.children:
            if child.kind == "more":
                parts.append(others)
                continue
            below = shape.properties.get(str(child.path[-1])) if shape else None
            blank = Blank(
                kind="text",
                field=child,
                around=others.around,
                shape=self._document.shape(below),
                speaks_for=() if parts else (*whole.speaks_for, *own),
            )
            parts.append(self.take(blank))
        whole = replace(whole, kind="json")
        return Holder(blanks=tuple(parts), whole=whole, others=others)

    def _single(self, blank: Blank) -> Blank:
        field, shape = blank.field, blank.shape
        if field.kind in _CHOSEN:
            choices = _choices(field.options or _YES_OR_NO)
            return replace(blank, kind="one", choices=choices)
        if field.kind == "array" and shape is not None and not shape.prefix:
            item = self._document.shape(shape.items)
            blank = replace(blank, item=item)
            if item.kind == "choice":
                return replace(blank, kind="many", choices=_choices(item.options))
            if item.kind in _SCALARS:
                return replace(blank, kind="lines")
        if field.kind not in _TEXTLESS:
            return blank
        variants = shape.variants if shape else ()
        takes_text = any(self._document.shape(one).kind == "text" for one in variants)
        return replace(blank, kind="json", takes_text=takes_text)


def _others(whole: Blank, around: tuple[Field, ...]) -> Blank:
    """Return the blank of the keys that an object's schema does not name."""
    for child in whole.field.children:
        if child.kind == "more":
            return Blank(kind="json", field=child, around=around)
    place = replace(whole.field.place, is_required=False)
    more = Field(
        kind="more", place=place, label="Other values", hint=json_hint("object")
    )
    return Blank(kind="json", field=more, around=around)


def _mark(field: Field) -> str:
    return ":more" if field.kind == "more" else ":json"


def _choices(options: tuple[Option, ...]) -> Choices:
    """Return options by their labels; by themselves where two look the same."""
    choices = {option.label: option for option in options}
    if len(choices) == len(options):
        return choices
    return {option.text: option for option in options}
