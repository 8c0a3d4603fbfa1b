"""A form as a tree of fields, and what a template needs to draw one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from connectors.schema_form.controls import NEVER_EMPTY
from connectors.schema_form.json_text import compact
from connectors.schema_form.shapes import Option

Path = tuple[str | int, ...]

# What an empty control is read as, against the rule.
AS_NULL = "null"
AS_EMPTY = "empty"
# After these another sentence may follow.
# Those of Chinese and Japanese, too.
SENTENCE_ENDS = (".", "!", "?", ":", ";", "…", "。", "！", "？")  # noqa: RUF001 - meant
_LINES = frozenset("date datetime email integer number password text time url".split())
_TYPES = {
    "date": "date",
    "time": "time",
    "datetime": "datetime-local",
    "password": "password",
}
_NEVER_EMPTY = NEVER_EMPTY | {"number", "integer", "select", "union", "json"}
# Null can be chosen, or written.
_WITH_NULL = frozenset({"select", "union", "json"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a field stands: its value in the arguments, its control in the form."""

    path: Path
    name: str
    is_required: bool
    depth: int = 0
    # Of an item, counted from 1; else the key of a property.
    key: str | int = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One value of the arguments; of an object or array, with the fields in it.

    `kind` is text, textarea, email, url, password, date, time, datetime, number,
    integer, checkbox, select, const, object, array, union, json, or more: the JSON
    of an object's other keys.
    """

    kind: str
    place: Place
    label: str
    # The key, where `label` is another name for it.
    key_label: str = ""
    help: str = ""
    hint: str = ""
    placeholder: str = ""
    is_nullable: bool = False
    default: Any = None
    options: tuple[Option, ...] = ()
    # Which keys a phone shows, as `inputmode` names them; "" for all.
    keys: str = ""
    # What the control holds.
    value: str = ""
    # AS_NULL or AS_EMPTY: what an empty control is read as, against the rule.
    meant: str = ""
    # Whether an object or array is there at all; an optional one may be left out.
    is_present: bool = True
    children: tuple["Field", ...] = ()
    # Of an array: whether one more row fits. Of a row: whether it can go.
    can_grow: bool = False
    is_droppable: bool = False
    # Chosen only now: nobody has seen its fields yet.
    is_unseen: bool = False
    has_focus: bool = False
    error: str = ""

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def path(self) -> Path:
        return self.place.path

    @property
    def is_required(self) -> bool:
        return self.place.is_required

    @property
    def control(self) -> str:
        """The name under which the form sends the value."""
        mark = {"json": ":json", "more": ":more", "union": ":pick"}.get(self.kind, "")
        return self.name + mark

    @property
    def tag(self) -> str:
        """Which part of the template draws it."""
        if self.kind in _LINES:
            return "input"
        return "json" if self.kind == "more" else self.kind

    @property
    def input_type(self) -> str:
        """The type of its `input`.

        A browser hands over nothing at all from a number field that it cannot read,
        and the tool would run without it: so a number is written as text.
        """
        return _TYPES.get(self.kind, "text")

    @property
    def is_alternative(self) -> bool:
        """Whether it is the one that was chosen among several."""
        return self.name.rpartition(".")[2].startswith("@")

    @property
    def hides_label(self) -> bool:
        """Whether what stands above it says enough to those who see."""
        is_item = isinstance(self.place.key, int)
        is_line = not self.has_parts and self.kind != "checkbox"
        return self.is_alternative or (is_item and is_line)

    @property
    def has_parts(self) -> bool:
        return self.kind in {"object", "array", "union"}

    @property
    def must_be_filled(self) -> bool:
        """Whether an empty control is an error."""
        if not self.is_required or self.is_nullable or self.meant:
            return False
        if self.kind == "json" and not self.path:
            # No arguments at all.
            return False
        return self.kind in _NEVER_EMPTY

    @property
    def is_marked(self) -> bool:
        """Whether "required" is said: not of items, which are there or not."""
        is_property = bool(self.path) and isinstance(self.path[-1], str)
        return self.is_required and is_property and not self.is_alternative

    @property
    def can_be_left_out(self) -> bool:
        """Whether an object or list that is there can go."""
        return self.is_present and (not self.is_required or self.is_nullable)

    @property
    def can_be_null(self) -> bool:
        """Whether null needs a button, because leaving it out means another value."""
        if self.is_required or not self.is_nullable or self.meant:
            return False
        return self.default is not None and self.kind not in _WITH_NULL

    @property
    def is_checked(self) -> bool:
        return self.value == "true"

    @property
    def is_chosen(self) -> bool:
        return option_of(self, self.value) is not None

    @property
    def fixed(self) -> str:
        """The one value that it can have, as people read it."""
        return self.options[0].label if self.options else ""

    @property
    def full_help(self) -> str:
        """The help, as a sentence of its own where a hint follows it."""
        is_open = self.help and self.hint and not self.help.endswith(SENTENCE_ENDS)
        return f"{self.help}." if is_open else self.help

    @property
    def described_by(self) -> str:
        """The ids of the texts about it, for a screen reader; "" for none."""
        ids = []
        if self.error:
            ids.append(f"{self.control}-error")
        elif self.help or self.hint:
            ids.append(f"{self.control}-help")
        if self.meant:
            ids.append(f"{self.control}-meant")
        return " ".join(ids)

    def walk(self) -> Iterator["Field"]:
        """Give this field and all below it, in the order of the page."""
        yield self
        for child in self.children:
            yield from child.walk()

    def focused(self) -> "Field":
        """Return it with the focus on the first control in it."""
        if self.kind in {"object", "array"} and self.is_present:
            for index, child in enumerate(self.children):
                if child.kind != "const":
                    before, after = self.children[:index], self.children[index + 1 :]
                    return replace(self, children=(*before, child.focused(), *after))
        return replace(self, has_focus=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaForm:
    """The arguments of one tool, to be filled in."""

    root: Field
    # The arguments as they stand, as pretty JSON.
    as_json: str
    # What is wrong, but at none of the fields.
    errors: tuple[str, ...] = ()
    # Whether the schema has a form: arguments edited as JSON can become fields.
    has_fields: bool = True

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of the arguments; else one for all of them."""
        return self.root.children if self.root.kind == "object" else (self.root,)

    @property
    def is_json(self) -> bool:
        """Whether all arguments are edited as one JSON text."""
        return self.root.kind == "json"

    @property
    def needs_json(self) -> bool:
        """Whether a part, or all, can only be written as JSON."""
        return any(field.kind in {"json", "more"} for field in self.root.walk())

    @property
    def has_edits(self) -> bool:
        """Whether it has buttons of its own."""
        return any(
            field.kind in {"object", "array", "union"}
            or field.meant
            or field.is_nullable
            for top in self.fields
            for field in top.walk()
        )

    @property
    def has_errors(self) -> bool:
        return bool(self.errors) or any(field.error for field in self.root.walk())


def option_of(field: Field, text: str) -> Option | None:
    """Find the option that `text` means."""
    return next((one for one in field.options if one.text == text), None)


def is_option(options: tuple[Option, ...], value: Any) -> bool:
    """Tell whether `value` can be chosen."""
    text = compact(value)
    return any(one.text == text for one in options)
