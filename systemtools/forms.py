"""The form of what a system tool asks a person for, made of its `Config`.

What is secret of it is never in the form again: left empty, it stays as it was.
"""

from collections.abc import Mapping
from typing import Any, Final

from connectors import schema_form
from connectors.errors import InvalidInput
from connectors.schema_form import SchemaForm
from systemtools import schema
from systemtools.statuses import Status

STORED: Final = "One is stored. Left empty, it stays."
_SECRET: Final = "secret"  # noqa: S105 - the mark of a field


def form_of(status: Status) -> SchemaForm:
    """Return the form as it is first shown, with what is stored and not secret."""
    stored = status.row.config if status.row else {}
    if not stored:
        return schema_form.form_for(schema_of(status))
    return schema_form.form_to_fill(schema_of(status), values=stored, errors=())


def schema_of(status: Status) -> dict[str, Any]:
    """Return the JSON Schema of what the tool asks for, as a form is made of it."""
    if status.tool.Config is None:
        return {"type": "object", "properties": {}}
    found = schema.of_arguments(status.tool.Config)
    is_stored = bool(status.row and status.row.credentials)
    for name, field in found["properties"].items():
        if field.get(_SECRET):
            field["format"] = "password"
            if is_stored:
                _leave_out(found, name, field)
    return found


def read(status: Status, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person sent, as `systemtools.manager.connect` takes it.

    Raises:
        InvalidInput: something in it cannot be read.
    """
    return schema_form.read(schema_of(status), data)


def refused(
    status: Status, data: Mapping[str, Any], problem: InvalidInput
) -> SchemaForm:
    """Return the form as it was sent, with what is wrong at its fields."""
    errors = [
        {**error, "loc": ["body", "arguments", *error["loc"][2:]]}
        for error in problem.errors
    ]
    form = schema_form.form_from(schema_of(status), data)
    return schema_form.errors_at(form, InvalidInput(errors))


def _leave_out(found: dict[str, Any], name: str, field: dict[str, Any]) -> None:
    found["required"] = [one for one in found.get("required", []) if one != name]
    field["description"] = f"{field.get('description', '')} {STORED}".strip()
