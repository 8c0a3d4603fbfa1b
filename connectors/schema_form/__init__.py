"""A form for the arguments of a tool, from the JSON Schema that its server sent.

    form_for(schema, values=example(schema))    the form, filled with an example
    form_to_fill(schema, values=…, errors=…)    the form, for who did not ask for it
    edited(schema, data)                        the form again, when one of its own
                                                buttons was pressed; else None
    read(schema, data)                          what was sent, as arguments
    errors_at(form_from(schema, data), problem) what was sent, with what is wrong

`read` only turns text into values; whether they are valid, `schema_check` says, in a
process of its own. Nothing here asks, stores or sends anything.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from connectors.errors import InvalidInput
from connectors.schema_form.building import ROOT_PLACE, Builder
from connectors.schema_form.examples import example
from connectors.schema_form.fields import Field, Place, SchemaForm
from connectors.schema_form.json_text import NotJson, dumps, loads
from connectors.schema_form.leaves import json_editor
from connectors.schema_form.placing import with_errors
from connectors.schema_form.posted import EDIT, edit, read_names
from connectors.schema_form.reading import arguments_of, dropped, refusal
from connectors.schema_form.shapes import Option, Schema, Shape
from connectors.schema_form.sources import FRESH, Given, Posted, Source

__all__ = [
    "EDIT",
    "Field",
    "Option",
    "Place",
    "SchemaForm",
    "begun",
    "edited",
    "errors_at",
    "example",
    "form_for",
    "form_from",
    "form_to_fill",
    "read",
]
# An error with so much of a place is about the arguments as a whole.
_ABOVE = 3
# Of values that no control of their field could hold.
_KINDS = frozenset({"type", "enum", "const", "anyOf", "oneOf"})
_FORGIVEN = _KINDS | {"required"}
_TOO_MANY = "There are more fields than a form can have. Edit it as JSON."


def form_for(
    schema: Schema,
    *,
    values: dict[str, Any] | None = None,
    errors: Iterable[dict[str, Any]] | None = None,
) -> SchemaForm:
    """Make the form of `schema`, with exactly `values`, or with its own defaults.

    `errors` are those of an InvalidInput.
    """
    form = _form(schema, FRESH if values is None else Given(values))
    return with_errors(form, errors) if errors else form


def form_to_fill(
    schema: Schema, *, values: dict[str, Any], errors: Iterable[dict[str, Any]]
) -> SchemaForm:
    """Make the form for a person who has not seen it yet, begun with `values`.

    What is missing is no error yet, and what is of another kind than its field is
    left out. `errors` are those of an InvalidInput about `values`.
    """
    values, left = begun(values, errors)
    return form_for(schema, values=values, errors=left)


def begun(
    values: dict[str, Any], errors: Iterable[dict[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what a person who has not seen the form yet is shown of both."""
    errors = [error for error in errors if len(error["loc"]) > _ABOVE]
    wrong = [error["loc"][2:-1] for error in errors if error["loc"][-1] in _KINDS]
    left = [error for error in errors if error["loc"][-1] not in _FORGIVEN]
    return dropped(values, wrong), left


def form_from(schema: Schema, data: Mapping[str, Any]) -> SchemaForm:
    """Make the form as a person sent it, with all that they wrote."""
    return _form(schema, Posted(read_names(data)))


def edited(schema: Schema, data: Mapping[str, Any]) -> SchemaForm | None:
    """Make the form after the change that one of its own buttons asks for.

    Rows are added and dropped, parts included and left out; the whole becomes JSON
    and back. None if no such button was pressed.
    """
    wish = data.get(EDIT)
    if not isinstance(wish, str):
        return None
    if wish == "json":
        return _as_json(schema, data)
    if wish == "fields":
        return _as_fields(schema, data)
    sent = read_names(data)
    return _form(schema, Posted(sent)) if edit(sent, wish) else None


def read(
    schema: Schema, data: Mapping[str, Any], *, takes_blank: bool = True
) -> dict[str, Any]:
    """Turn what a person sent into arguments.

    An optional field that is empty is left out, a required text is then "", or
    refused without `takes_blank`. Nothing is validated beyond what cannot be read.

    Raises:
        InvalidInput: at body, arguments, the path, and what is wrong there.
    """
    builder = Builder(schema)
    arguments, errors = arguments_of(
        builder.root(Posted(read_names(data))), takes_blank=takes_blank
    )
    if builder.is_cut:
        errors.append(refusal((), "maxProperties", _TOO_MANY))
    if errors:
        raise InvalidInput(errors)
    return arguments


def errors_at(form: SchemaForm, problem: InvalidInput) -> SchemaForm:
    """Return `form` with each error at its field, or above all of them."""
    return with_errors(form, problem.errors)


def _form(schema: Schema, source: Source) -> SchemaForm:
    builder = Builder(schema)
    root = builder.root(source)
    arguments, _ = arguments_of(root)
    has_fields = root.kind != "json" or Builder(schema).root(FRESH).kind != "json"
    as_json = root.value if root.kind == "json" else dumps(arguments)
    return SchemaForm(root=root, as_json=as_json, has_fields=has_fields)


def _as_json(schema: Schema, data: Mapping[str, Any]) -> SchemaForm:
    form = form_from(schema, data)
    if form.is_json:
        return form
    arguments, _ = arguments_of(form.root)
    return replace(
        form, root=json_editor(Shape(kind="object"), ROOT_PLACE, Given(arguments))
    )


def _as_fields(schema: Schema, data: Mapping[str, Any]) -> SchemaForm:
    form = form_from(schema, data)
    if not form.is_json:
        return form
    try:
        values = loads(form.root.value or "{}")
    except NotJson as problem:
        return with_errors(form, [refusal((), "json", str(problem))])
    if not isinstance(values, dict):
        sentence = "The arguments must be a JSON object."
        return with_errors(form, [refusal((), "type", sentence)])
    return form_for(schema, values=values)
