"""Put errors at the fields that they are about."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from connectors.schema_form.fields import Field, SchemaForm
from connectors.schema_form.reading import MAX_PATH_ITEM
from connectors.text import clean

MAX_MESSAGE = 300
_PREFIX = ["body", "arguments"]


@dataclass(frozen=True, slots=True)
class _Error:
    path: tuple[Any, ...]
    keyword: str
    message: str

    def below(self) -> "_Error":
        return replace(self, path=self.path[1:])


def with_errors(form: SchemaForm, details: Iterable[dict[str, Any]]) -> SchemaForm:
    """Return `form` with each error at the deepest field of its path."""
    placed, elsewhere = [], list(form.errors)
    for detail in details:
        loc = list(detail.get("loc", ()))
        message = clean(detail.get("msg"), limit=MAX_MESSAGE)
        if loc[:2] == _PREFIX and len(loc) > 2:
            placed.append(_Error(tuple(loc[2:-1]), str(loc[-1]), message))
        else:
            elsewhere.append(message)
    root = _at(form.root, placed)
    if root.error and not form.is_json and root.kind == "object":
        # The object of all arguments is the form itself: it is not drawn.
        elsewhere.append(root.error)
        root = replace(root, error="")
    return replace(form, root=root, errors=tuple(elsewhere))


def _at(field: Field, errors: list[_Error]) -> Field:
    if not errors:
        return field
    own: list[str] = [field.error] if field.error else []
    below: dict[int, list[_Error]] = {}
    for error in errors:
        index = _child_for(field, error)
        if index is None:
            own.append(_sentence(error))
        else:
            inside = error if field.kind == "union" else error.below()
            below.setdefault(index, []).append(inside)
    children = tuple(
        _at(child, below.get(index, [])) for index, child in enumerate(field.children)
    )
    return replace(field, error=" ".join(own), children=children)


def _child_for(field: Field, error: _Error) -> int | None:
    """Return which child the error is about, None for the field itself."""
    if field.kind == "union" and field.children:
        is_choice = not error.path and error.keyword in {"anyOf", "oneOf"}
        return None if is_choice else 0
    if not error.path:
        return _more_for(field, error)
    for index, child in enumerate(field.children):
        if child.kind != "more" and _is_key(child.path[-1], error.path[0]):
            return index
    return _more_for(field, error)


def _more_for(field: Field, error: _Error) -> int | None:
    is_about_keys = bool(error.path) or error.keyword == "additionalProperties"
    if not is_about_keys or not field.children or field.children[-1].kind != "more":
        return None
    return len(field.children) - 1


def _is_key(key: str | int, item: object) -> bool:
    return item == (key if isinstance(key, int) else clean(key, limit=MAX_PATH_ITEM))


def _sentence(error: _Error) -> str:
    where = clean(".".join(map(str, error.path)), limit=MAX_PATH_ITEM)
    return f"{where}: {error.message}" if where else error.message
