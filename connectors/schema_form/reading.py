"""Turn the fields of a form into arguments."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from connectors.schema_form import controls
from connectors.schema_form.fields import AS_EMPTY, AS_NULL, Field, Path, option_of
from connectors.schema_form.json_text import NotJson, is_storable, loads
from connectors.text import clean

MISSING: Final = object()
MAX_PATH_ITEM = 100
FILL_IN: Final = "Fill this in."
Detail = dict[str, Any]


def arguments_of(
    root: Field, *, takes_blank: bool = True
) -> tuple[dict[str, Any], list[Detail]]:
    """Return what the fields say, and what is wrong with them.

    What cannot be read is returned as it was written, so that nothing is lost.
    Without `takes_blank`, a required text that is left empty is missing, not "".
    """
    reader = _Reader(takes_blank=takes_blank)
    if root.kind == "json" and not root.value.strip():
        return {}, []
    value = reader.read(root)
    if isinstance(value, dict):
        return value, reader.errors
    if not reader.errors:
        reader.refuse(root, "type", "The arguments must be a JSON object.")
    return {}, reader.errors


def dropped(values: dict[str, Any], paths: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """Return `values` without what stands at `paths`; of lists, without the list."""
    for key, *below in paths:
        inner = values.get(key)
        if below and isinstance(inner, dict):
            values = {**values, key: dropped(inner, [below])}
        else:
            values = {name: value for name, value in values.items() if name != key}
    return values


def refusal(path: Path, keyword: str, message: str) -> Detail:
    """Write one error as REST does; the path is cleaned as the validation's is."""
    items = [
        item if isinstance(item, int) else clean(item, limit=MAX_PATH_ITEM)
        for item in path
    ]
    return {
        "loc": ["body", "arguments", *items, keyword],
        "msg": message,
        "type": keyword,
    }


class _Reader:
    def __init__(self, *, takes_blank: bool) -> None:
        self._takes_blank = takes_blank
        self.errors: list[Detail] = []
        self._by_kind: dict[str, Callable[[Field], Any]] = {
            "number": self._number,
            "integer": self._number,
            "checkbox": lambda field: field.is_checked,
            "const": lambda field: field.options[0].value,
            "select": self._select,
            "object": self._object,
            "array": self._array,
            "union": self._union,
            "json": self._json,
            "more": self._more,
        }

    def read(self, field: Field) -> Any:
        """Return the value of a field, MISSING if it is left out."""
        return self._by_kind.get(field.kind, self._text)(field)

    def refuse(self, field: Field, keyword: str, message: str) -> None:
        self.errors.append(refusal(field.path, keyword, message))

    def _text(self, field: Field) -> Any:
        if field.value:
            if not is_storable(field.value):
                self.refuse(field, "type", "It holds a character that cannot be sent.")
            return controls.string_of(field.kind, field.value)
        is_null = field.is_nullable or field.kind in controls.NEVER_EMPTY
        is_blank = field.is_required and not is_null and not self._is_missing(field)
        if field.meant == AS_EMPTY or is_blank:
            return ""
        return self._nothing(field, FILL_IN)

    def _is_missing(self, field: Field) -> bool:
        """Tell whether an empty text was forgotten, as far as its schema can say."""
        return not self._takes_blank and field.is_marked and field.default != ""

    def _number(self, field: Field) -> Any:
        if not field.value.strip():
            return self._nothing(field, "Enter a number.")
        try:
            return controls.number_of(field.value, is_whole=field.kind == "integer")
        except NotJson as problem:
            self.refuse(field, "type", str(problem))
            return field.value

    def _select(self, field: Field) -> Any:
        if not field.value:
            return self._nothing(field, "Choose one.")
        chosen = option_of(field, field.value)
        if chosen is None:
            self.refuse(field, "enum", "Choose one of these.")
            return MISSING
        return chosen.value

    def _object(self, field: Field) -> Any:
        if not field.is_present:
            return self._nothing(field, "Add it.")
        value: dict[str, Any] = {}
        for child in field.children:
            part = self.read(child)
            if child.kind == "more":
                value |= self._others(field, child, part)
            elif part is not MISSING:
                value[str(child.path[-1])] = part
        return value

    def _others(self, field: Field, more: Field, part: Any) -> dict[str, Any]:
        if part is MISSING:
            return {}
        named = {child.path[-1] for child in field.children if child is not more}
        twice = [key for key in part if key in named]
        if twice:
            self.refuse(
                more,
                "additionalProperties",
                f"{clean(twice[0], limit=MAX_PATH_ITEM)} has a field of its own.",
            )
        return {key: value for key, value in part.items() if key not in named}

    def _array(self, field: Field) -> Any:
        if not field.is_present:
            return self._nothing(field, "Add it.")
        return [
            None if item is MISSING else item
            for item in (self.read(child) for child in field.children)
        ]

    def _union(self, field: Field) -> Any:
        if field.value == "null":
            return None
        if not field.children:
            if field.value:
                self.refuse(field, "anyOf", "Choose one of these.")
                return MISSING
            return self._nothing(field, "Choose one.")
        if field.is_unseen:
            self.refuse(field, "anyOf", "Look at what this choice asks for, then run.")
        return self.read(field.children[0])

    def _json(self, field: Field) -> Any:
        if not field.value.strip():
            return self._nothing(field, "Write a JSON value.")
        try:
            return loads(field.value)
        except NotJson as problem:
            self.refuse(field, "json", str(problem))
            return field.value

    def _more(self, field: Field) -> Any:
        if not field.value.strip():
            return MISSING
        try:
            value = loads(field.value)
        except NotJson as problem:
            self.refuse(field, "json", str(problem))
            return MISSING
        if not isinstance(value, dict):
            self.refuse(field, "type", "Write a JSON object, such as {}.")
            return MISSING
        return value

    def _nothing(self, field: Field, message: str) -> Any:
        """Return what a field is without a value, which a required one is not."""
        if field.meant == AS_NULL or (field.is_required and field.is_nullable):
            return None
        if field.is_required:
            self.refuse(field, "required", message)
        return MISSING
