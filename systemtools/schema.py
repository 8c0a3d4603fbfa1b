"""A method's signature as JSON Schema; arguments and results to and from JSON.

What a developer annotates is all there is: a parameter becomes a property, its
`Field` the constraints and the description, a default makes it optional.
"""

import inspect
import json
from collections.abc import Callable
from typing import Any, Final, get_type_hints

from django.conf import settings
from pydantic import BaseModel, ConfigDict, PydanticUserError, ValidationError
from pydantic import create_model as create
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import (
    ErrorDetails,
    PydanticSerializationError,
    SchemaError,
    to_jsonable_python,
)
from pydantic_core.core_schema import ModelSchema

from connectors.errors import InvalidInput, ResponseTooLarge
from connectors.text import clean, clean_json

type Blocks = list[dict[str, Any]]

MAX_ERRORS: Final = 20
MAX_MESSAGE: Final = 300
MAX_PATH_ITEM: Final = 100
# Parameters may be called `json` or `copy`, which a model has for itself.
_PREFIX: Final = "p_"
_NAMED: Final = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)
# Constraints in the words of JSON Schema; what is not in here keeps its own.
_KEYWORDS: Final = {
    "missing": "required",
    "extra_forbidden": "additionalProperties",
    "enum": "enum",
    "literal_error": "enum",
    "greater_than": "exclusiveMinimum",
    "greater_than_equal": "minimum",
    "less_than": "exclusiveMaximum",
    "less_than_equal": "maximum",
    "multiple_of": "multipleOf",
    "string_pattern_mismatch": "pattern",
    "string_too_long": "maxLength",
    "string_too_short": "minLength",
    "too_long": "maxItems",
    "too_short": "minItems",
}


class BadSignature(Exception):
    """A method that no schema can be made of, and why."""


class _Plain(GenerateJsonSchema):
    """Without the titles that only repeat names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        if made.get("title") == schema["cls"].__name__:
            del made["title"]
        return made


def arguments_of(function: Callable[..., Any]) -> type[BaseModel]:
    """Return the model of a method's arguments, `self` left out.

    Raises:
        BadSignature: a parameter has no annotation, or is not named.
    """
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError) as problem:
        raise BadSignature(f"its annotations cannot be read: {problem}") from None
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind not in _NAMED:
            raise BadSignature(f"{parameter.name} cannot be given by its name")
        if parameter.name not in hints:
            raise BadSignature(f"{parameter.name} has no annotation")
        optional = parameter.default is not inspect.Parameter.empty
        default = parameter.default if optional else ...
        fields[_PREFIX + parameter.name] = (hints[parameter.name], default)
    config = ConfigDict(extra="forbid", alias_generator=_alias)
    try:
        return create(function.__name__, __config__=config, **fields)
    except (PydanticUserError, SchemaError, TypeError) as problem:
        raise BadSignature(f"no schema can be made of it: {problem}") from None


def _alias(name: str) -> str:
    return name.removeprefix(_PREFIX)


def of_arguments(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of what a model takes."""
    return _schema(model, mode="validation")


def of_result(function: Callable[..., Any]) -> dict[str, Any] | None:
    """Return the JSON Schema of what a method returns, where that is a model."""
    returned = get_type_hints(function).get("return")
    if isinstance(returned, type) and issubclass(returned, BaseModel):
        return _schema(returned, mode="serialization")
    return None


def _schema(model: type[BaseModel], **mode: Any) -> dict[str, Any]:
    try:
        made = model.model_json_schema(schema_generator=_Plain, **mode)
    except PydanticUserError as problem:
        raise BadSignature(f"no schema can be made of it: {problem.message}") from None
    made.setdefault("properties", {})
    return made


def read_arguments(model: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments as a method takes them.

    Raises:
        InvalidInput: at body, arguments, the path, and the keyword that failed.
    """
    parsed = read(model, arguments, at="arguments")
    return {_alias(name): getattr(parsed, name) for name in type(parsed).model_fields}


def read(model: type[BaseModel], values: dict[str, Any], *, at: str) -> BaseModel:
    """Return what JSON `values` are as `model`; nothing is converted.

    Raises:
        InvalidInput: at body, `at`, the path, and the keyword that failed.
    """
    try:
        # As JSON: a date is text there, in Python it would be refused.
        return model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as failure:
        found = failure.errors(
            include_url=False, include_context=False, include_input=False
        )
        raise InvalidInput([_told(error, at) for error in found[:MAX_ERRORS]]) from None


def _told(error: ErrorDetails, at: str) -> dict[str, Any]:
    kind = error["type"]
    # `date_from_datetime_parsing`, `uuid_parsing`; `int_type`, `model_type`.
    family = {"parsing": "format", "type": "type"}.get(kind.rpartition("_")[2], kind)
    path = [
        item if isinstance(item, int) else clean(item, limit=MAX_PATH_ITEM)
        for item in error["loc"]
    ]
    message = error["msg"].removeprefix("Value error, ")
    return {
        "loc": ["body", at, *path, _KEYWORDS.get(kind, family)],
        "msg": clean(message, limit=MAX_MESSAGE),
        "type": "json_schema",
    }


def blocks(value: Any) -> tuple[Blocks, Any]:
    """Return what a method answered as content, and as structured content.

    Raises:
        TypeError: it is neither text nor JSON: a fault of the tool's developer.
        ResponseTooLarge: it is more than MAX_RESULT_BYTES.
    """
    if value is None or isinstance(value, str):
        text, structured = value or "Done.", None
    else:
        structured = clean_json(_json(value))
        text = json.dumps(structured, ensure_ascii=False)
    if len(text.encode("utf-8", "replace")) > settings.MAX_RESULT_BYTES:
        raise ResponseTooLarge(suggestion="Ask for less at once.")
    return [text_block(text)], structured


def text_block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": clean_json(text)}


def _json(value: Any) -> Any:
    try:
        return to_jsonable_python(value)
    except PydanticSerializationError as problem:
        raise TypeError(str(problem)) from None
