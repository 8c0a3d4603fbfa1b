"""Short words for tests of forms that schemas make."""

from typing import Any

from connectors.schema_form import Field, SchemaForm


def of(*required: str, **properties: Any) -> dict[str, Any]:
    """Write the schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}


def field(form: SchemaForm, *path: str | int) -> Field:
    """Find the field of a value; the alternative that was chosen, if it is one."""
    return [one for one in form.root.walk() if one.path == path][-1]
