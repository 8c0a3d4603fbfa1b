"""Fields of REST that refuse what has the wrong type instead of converting it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors import server_url
from connectors.errors import InvalidUrl
from connectors.text import clean


class Text(serializers.CharField):
    """A string, as it was sent. A number is not turned into one."""

    default_error_messages = {
        "string": "This must be text.",
        "max_length": "This is too long.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("string")
        return data


class Shown(Text):
    """Text that people read, cleaned; `shown_chars` are what is left of it."""

    def __init__(
        self, *, shown_chars: int, multiline: bool = False, **kwargs: Any
    ) -> None:
        self.shown_chars, self.multiline = shown_chars, multiline
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = clean(
            super().to_internal_value(data),
            limit=self.shown_chars + 1,
            multiline=self.multiline,
        )
        if len(text) > self.shown_chars:
            self.fail("max_length")
        if not text and not self.allow_blank:
            self.fail("blank")
        return text


class ServerUrl(Text):
    """A URL that could be dialled; the constraint that failed is the error's code."""

    def __init__(self, **kwargs: Any) -> None:
        # An empty one fails as a URL.
        super().__init__(allow_blank=True, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        try:
            return server_url.check(super().to_internal_value(data))
        except InvalidUrl as error:
            raise serializers.ValidationError(
                error.message, code=error.constraint
            ) from None


class Flag(serializers.BooleanField):
    """true or false; neither 1 nor "yes"."""

    default_error_messages = {"boolean": "This must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("boolean")
        return data


@extend_schema_field({"type": "object", "additionalProperties": {}})
class Object(serializers.JSONField):
    """A JSON object with any content."""

    default_error_messages = {"object": "This must be an object."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("object")
        return data


@extend_schema_field({})
class Anything(serializers.JSONField):
    """Any JSON value, null among them."""
