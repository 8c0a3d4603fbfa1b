"""What the forms of connectors share: headers as lines, errors put at their fields."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from connectors.auth.api_key import MAX_HEADERS, MAX_VALUE_CHARS
from connectors.errors import InvalidInput


class HeadersField(forms.CharField):
    """Headers, one a line as `Name: value`; the value is a dict, empty for nothing.

    A message never repeats a line, for a secret may be in it.
    """

    widget = forms.Textarea

    def __init__(self, **kwargs: Any) -> None:
        limit = MAX_HEADERS * (MAX_VALUE_CHARS + 200)
        super().__init__(required=False, strip=False, max_length=limit, **kwargs)

    def clean(self, value: Any) -> Any:
        lines = super().clean(value).splitlines()
        found: dict[str, str] = {}
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            name, colon, content = line.partition(":")
            name = name.strip()
            if not (colon and name and content.strip()):
                raise ValidationError(f"Line {number} is not of the form Name: value.")
            if name.lower() in {other.lower() for other in found}:
                raise ValidationError(f"Line {number} names a header a second time.")
            found[name] = content.strip()
        return found


def place_errors(
    form: forms.Form, error: InvalidInput, *, credentials_field: str
) -> None:
    """Put what the domain refused at the fields that it named.

    What is wrong with the credentials as a whole goes to `credentials_field`.
    """
    for problem in error.errors:
        # loc: body, the argument of the domain, then the way to a part of it.
        _, *loc = problem["loc"]
        names = [str(part) for part in loc[1::-1]] + [credentials_field]
        name = next((name for name in names if name in form.fields), None)
        form.add_error(name, problem["msg"])
