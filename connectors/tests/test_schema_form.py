"""Fields of a schema, and what is read from them."""

from typing import Any

import pytest
from pytest_django import Settings

from connectors.errors import InvalidInput
from connectors.schema_form import form_for, form_from, form_to_fill, read
from connectors.schema_form.reading import refusal
from connectors.tests.as_browser import submitted
from connectors.tests.schemas import field, of

Schema = dict[str, Any]


def refused(schema: Schema, data: dict[str, str]) -> list[list[str | int]]:
    """Return where a form is refused, below the arguments."""
    with pytest.raises(InvalidInput) as caught:
        read(schema, data)
    assert all(
        error["loc"][:2] == ["body", "arguments"] for error in caught.value.errors
    )
    return [error["loc"][2:] for error in caught.value.errors]


# --- Kinds -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "format": "time"}, "time"),
        ({"type": "string", "format": "date-time"}, "datetime"),
        ({"type": "string", "format": "email"}, "email"),
        ({"type": "string", "format": "uri"}, "url"),
        ({"type": "string", "format": "password"}, "password"),
        ({"type": "string", "format": "uuid"}, "text"),
        ({"type": "string", "contentMediaType": "text/html"}, "textarea"),
        ({"type": "number"}, "number"),
        ({"type": "integer"}, "integer"),
        ({"type": ["number", "integer"]}, "number"),
        ({"type": "boolean"}, "select"),
        ({"type": "boolean", "default": True}, "checkbox"),
        ({"enum": ["a", "b"]}, "select"),
        ({"const": "a"}, "select"),
        ({"type": "null"}, "select"),
        ({"type": "object"}, "json"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "json"),
        ({"type": "object", "additionalProperties": False}, "object"),
        ({"properties": {"a": {}}}, "object"),
        ({"type": "array"}, "json"),
        ({"type": "array", "items": {}}, "json"),
        ({"items": {"type": "string"}}, "array"),
        ({"type": ["string", "null"]}, "text"),
        ({"type": ["string", "integer"]}, "union"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer"),
        ({"anyOf": [{}, {"type": "null"}]}, "json"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "union"),
        ({"oneOf": [{"const": 1, "title": "One"}, {"const": 2}]}, "select"),
        ({"type": "string", "anyOf": [{"minLength": 2}, {"pattern": "x"}]}, "text"),
        ({"allOf": [{"type": "integer"}, {"minimum": 3}]}, "integer"),
        ({"allOf": [{"type": "integer"}, {"type": "string"}]}, "json"),
        ({"$ref": "https://example.com/other"}, "json"),
        ({"$ref": "#/$defs/nowhere"}, "json"),
        ({"$dynamicRef": "#x"}, "json"),
        ({"type": "file"}, "json"),
        ({}, "json"),
        (True, "json"),
    ],
)
def test_each_schema_gets_the_control_that_can_hold_it(schema: Any, kind: str):
    assert field(form_for(of(x=schema)), "x").kind == kind


def test_a_name_that_is_usually_long_gets_several_lines():
    form = form_for(
        of(body={"type": "string"}, code={"type": "string", "maxLength": 9})
    )

    assert field(form, "body").kind == "textarea"
    assert field(form, "code").kind == "text"


def test_a_property_that_may_not_be_there_has_no_field():
    assert form_for(of(gone=False)).fields == ()


def test_a_required_property_without_a_schema_has_a_field():
    assert field(form_for(of("free")), "free").kind == "json"


def test_a_tool_without_arguments_has_nothing_to_fill_in():
    form = form_for({"type": "object"})

    assert form.fields == ()
    assert not form.needs_json
    assert read({"type": "object"}, submitted(form)) == {}


@pytest.mark.parametrize("schema", [True, False, None, [], "x", 1, {"type": "string"}])
def test_what_is_no_schema_of_an_object_is_one_json_editor(schema: Any):
    form = form_for(schema)

    assert form.is_json
    assert read(schema, submitted(form)) == {}


def test_arguments_can_be_alternatives_of_objects():
    schema = {
        "type": "object",
        "oneOf": [
            {"properties": {"id": {"type": "integer"}}, "required": ["id"]},
            {"properties": {"name": {"type": "string"}}, "required": ["name"]},
        ],
    }
    form = form_for(schema, values={"name": "x"})

    assert form.fields[0].kind == "union"
    assert read(schema, submitted(form)) == {"name": "x"}


# --- Words -------------------------------------------------------------------


def test_a_title_that_only_repeats_the_key_is_left_out():
    properties = {"perPage": {"title": "Per Page"}, "q": {"title": "Search words"}}
    form = form_for(of(**properties))

    assert (field(form, "perPage").label, field(form, "perPage").key_label) == (
        "perPage",
        "",
    )
    assert (field(form, "q").label, field(form, "q").key_label) == ("Search words", "q")


@pytest.mark.parametrize(
    ("schema", "hint"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 9}, "1 to 9."),
        ({"type": "number", "exclusiveMinimum": 0}, "More than 0."),
        ({"type": "number", "maximum": 0.5}, "At most 0.5."),
        (
            {"type": "number", "minimum": 1, "exclusiveMaximum": 2},
            "At least 1, less than 2.",
        ),
        ({"type": "integer", "minimum": 0, "maximum": 2**53 - 1}, "At least 0."),
        ({"type": "integer", "multipleOf": 5}, "A multiple of 5."),
        ({"type": "string", "minLength": 1}, "At least 1 character."),
        ({"type": "string", "minLength": 2, "maxLength": 2}, "Exactly 2 characters."),
        ({"type": "string", "maxLength": 5}, "At most 5 characters."),
        ({"type": "string", "pattern": "^a+$"}, "Matches ^a+$"),
        ({"type": "string", "pattern": "^a+$", "description": "Only a."}, ""),
        ({"type": "string", "format": "uuid"}, "A UUID."),
        ({"type": "string", "format": "ipv4"}, "Format: ipv4."),
        ({"type": "string", "default": "x"}, "Default: x"),
        (
            {"type": "integer", "default": 3, "deprecated": True},
            "Deprecated. Default: 3",
        ),
        (
            {"items": {"type": "string"}, "minItems": 1, "maxItems": 3},
            "1 to 3 items.",
        ),
        ({"items": {"type": "string"}, "uniqueItems": True}, "No two are the same."),
    ],
)
def test_a_hint_says_what_fits(schema: Schema, hint: str):
    assert field(form_for(of(x=schema), values={}), "x").hint == hint


def test_hidden_characters_are_taken_out_of_what_a_server_calls_its_fields():
    schema = {"type": "string", "title": "a\u202eb", "description": "c\u200bd\x1b[31m"}
    form = form_for(of(x=schema))

    assert field(form, "x").label == "ab"
    assert field(form, "x").help == "cd"


def test_a_default_with_hidden_characters_is_shown_as_json():
    form = form_for(of(x={"type": "string", "default": "safe\u202edetcelfer"}))

    assert field(form, "x").kind == "json"
    assert field(form, "x").value == '"safe\\u202edetcelfer"'


@pytest.mark.parametrize(
    ("schema", "keys"),
    [
        ({"type": "integer", "minimum": 0}, "numeric"),
        ({"type": "number", "exclusiveMinimum": 0}, "decimal"),
        ({"type": "integer"}, ""),
        ({"type": "number", "minimum": -1}, ""),
        ({"type": "string", "format": "uri"}, "url"),
    ],
)
def test_a_phone_shows_the_keys_that_are_needed(schema: Schema, keys: str):
    assert field(form_for(of(x=schema)), "x").keys == keys


# --- Reading -----------------------------------------------------------------


def test_an_empty_optional_field_is_left_out():
    schema = of(
        text={"type": "string"},
        number={"type": "integer"},
        flag={"type": "boolean"},
        pick={"enum": [1, 2]},
        maybe={"anyOf": [{"type": "string"}, {"type": "null"}]},
        rows={"type": "array", "items": {"type": "string"}},
        part=of(x={"type": "string"}),
        either={"anyOf": [{"type": "string"}, {"type": "integer"}]},
        free={},
    )

    assert read(schema, submitted(form_for(schema))) == {}
    assert read(schema, {}) == {}


def test_an_empty_required_text_is_sent_as_empty():
    assert read(of("x", x={"type": "string"}), {"arg.x": ""}) == {"x": ""}


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        ({"type": "string", "default": ""}, {"arg.x": ""}),
        ({"type": "string"}, {"arg:json": '{"x": ""}'}),
    ],
)
def test_where_blanks_are_not_taken_one_can_still_be_meant(schema, data):
    assert read(of("x", x=schema), data, takes_blank=False) == {"x": ""}


def test_a_blank_is_refused_at_its_field_where_it_is_not_taken():
    schema = of("x", x={"type": "string"}, y={"type": "string"})
    with pytest.raises(InvalidInput) as caught:
        read(schema, {"arg.x": "", "arg.y": ""}, takes_blank=False)

    assert [error["loc"] for error in caught.value.errors] == [
        ["body", "arguments", "x", "required"]
    ]
    assert read(schema, {"arg.x": "a"}, takes_blank=False) == {"x": "a"}


def test_a_form_that_nobody_asked_for_begins_without_complaints():
    inner = of(n={"type": "number"}, m={"type": "number"})
    schema = of("x", "t", x={"type": "number"}, t={"type": "string"}, part=inner)
    values = {"x": "words", "part": {"n": "words", "m": 2}, "t": "long"}
    errors = [
        refusal((), "required", '"t" is a required property'),
        refusal(("x",), "type", 'The value is not of type "number".'),
        refusal(("part", "n"), "type", 'The value is not of type "number".'),
        refusal(("t",), "maxLength", "It is too long."),
    ]
    form = form_to_fill(schema, values=values, errors=errors)

    assert form.errors == ()
    assert [(one.value, one.error) for one in form.fields[:2]] == [
        ("", ""),
        ("long", "It is too long."),
    ]
    sent = submitted(form, **{"arg.x": "1"})
    assert read(schema, sent) == {"x": 1, "t": "long", "part": {"m": 2}}


def test_an_empty_required_nullable_is_sent_as_null():
    schema = of("x", x={"type": ["string", "null"]})

    assert read(schema, submitted(form_for(schema))) == {"x": None}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"},
        {"type": "string", "format": "date"},
        {"enum": [1, 2]},
        {"type": "object"},
        {"type": ["string", "integer"]},
    ],
)
def test_a_required_field_that_is_empty_is_refused_at_the_field(schema: Schema):
    assert refused(of("x", x=schema), {"arg.x": ""}) == [["x", "required"]]


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), (" 3 ", 3), ("+3", 3), ("3.0", 3), ("1e3", 1000), ("-0", 0)],
)
def test_a_whole_number_is_read_from_what_people_write(text: str, value: int):
    read_value = read(of(x={"type": "integer"}), {"arg.x": text})["x"]

    assert read_value == value
    assert isinstance(read_value, int)


@pytest.mark.parametrize(
    "text", ["x", "3.5", "1,000", "0x10", "NaN", "١", "1e999", "9" * 400, "1 2"]
)
def test_what_is_no_whole_number_is_refused_at_the_field(text: str):
    assert refused(of(x={"type": "integer"}), {"arg.x": text}) == [["x", "type"]]


def test_a_number_keeps_its_digits():
    assert read(of(x={"type": "number"}), {"arg.x": "0.1"}) == {"x": 0.1}
    assert read(of(x={"type": "number"}), {"arg.x": ".5"}) == {"x": 0.5}


def test_a_moment_without_an_offset_is_in_utc():
    schema = of(x={"type": "string", "format": "date-time"})

    assert read(schema, {"arg.x": "2026-03-01T10:30"}) == {"x": "2026-03-01T10:30:00Z"}
    assert read(schema, {"arg.x": "2026-03-01T10:30:05+02:00"}) == {
        "x": "2026-03-01T10:30:05+02:00"
    }


def test_an_option_that_was_not_offered_is_refused():
    assert refused(of(x={"enum": ["a"], "title": "X"}), {"arg.x": '"b"'}) == [
        ["x", "enum"]
    ]


def test_options_of_different_types_are_told_apart():
    schema = of(x={"enum": [1, "1", True, None]})

    assert read(schema, {"arg.x": "1"}) == {"x": 1}
    assert read(schema, {"arg.x": '"1"'}) == {"x": "1"}
    assert read(schema, {"arg.x": "true"})["x"] is True
    assert read(schema, {"arg.x": "null"}) == {"x": None}


def test_an_optional_boolean_can_be_left_out_true_or_false():
    schema = of(x={"type": "boolean"})

    for values in ({}, {"x": True}, {"x": False}):
        assert read(schema, submitted(form_for(schema, values=values))) == values


def test_a_required_boolean_that_is_not_checked_is_false():
    schema = of("x", x={"type": "boolean"})

    assert read(schema, submitted(form_for(schema))) == {"x": False}


def test_a_constant_is_sent_without_being_asked_for():
    schema = of("kind", kind={"const": "circle"})

    assert read(schema, submitted(form_for(schema))) == {"kind": "circle"}


def test_defaults_are_filled_in_and_sent():
    schema = of(
        text={"type": "string", "default": "x"},
        flag={"type": "boolean", "default": True},
        rows={"type": "array", "items": {"type": "integer"}, "default": [1]},
        wrong={"type": "integer", "default": "many"},
        none={"type": ["string", "null"], "default": None},
    )

    assert read(schema, submitted(form_for(schema))) == {
        "text": "x",
        "flag": True,
        "rows": [1],
    }


def test_values_replace_the_defaults():
    schema = of(x={"type": "string", "default": "x"}, y={"type": "string"})

    assert read(schema, submitted(form_for(schema, values={"y": "z"}))) == {"y": "z"}


@pytest.mark.parametrize(
    "text", ["", "a\nb", "\na", "a\rb", " a ", "\t", "\u200b", "é\0", "\ufeff"]
)
def test_a_text_is_read_as_it_was_given(text: str):
    schema = of(x={"type": "string"})
    data = submitted(form_for(schema, values={"x": text}))

    if "\0" in text:
        assert refused(schema, data) == [["x", "json"]]
    else:
        assert read(schema, data) == {"x": text}


@pytest.mark.parametrize("value", [None, 1, "1", [], {"a": {"b": [None]}}, 1e30, False])
def test_a_value_of_another_type_is_shown_as_json(value: Any):
    schema = of(x={"type": "string", "format": "date"})
    form = form_for(schema, values={"x": value})

    assert read(schema, submitted(form)) == {"x": value}


@pytest.mark.parametrize(
    "key",
    [
        "a.b",
        "a:n",
        "@0",
        "0",
        "",
        " ",
        "é",
        "%2E",
        "[x]",
        "__proto__",
        "🙂",
        "arg",
        '"<',
    ],
)
def test_any_key_is_told_from_any_other(key: str):
    schema = of(
        key, "other", **{key: of("0", **{"0": {"type": "string"}}), "other": {}}
    )
    values = {key: {"0": "x"}, "other": [1]}

    assert read(schema, submitted(form_for(schema, values=values))) == values


def test_keys_that_the_schema_does_not_name_are_kept():
    schema = of(x={"type": "string"})
    values = {"x": "a", "more": [1, {"x": None}]}
    form = form_for(schema, values=values)

    assert form.fields[-1].kind == "more"
    assert read(schema, submitted(form)) == values


def test_a_named_key_among_the_others_is_refused():
    schema = {**of(x={"type": "string"}), "additionalProperties": True}

    assert refused(schema, {"arg:more": '{"x": 1}'}) == [["additionalProperties"]]
    assert refused(schema, {"arg:more": "[1]"}) == [["type"]]
    assert refused(schema, {"arg:more": "{"}) == [["json"]]


@pytest.mark.parametrize(
    "text", ["hello", "{", '{"a": 1, "a": 2}', "NaN", "-Infinity", "1e999", '"\\ud800"']
)
def test_text_that_is_no_json_is_refused_at_the_field(text: str):
    assert refused(of(x={}), {"arg.x:json": text}) == [["x", "json"]]


def test_json_that_is_nested_too_deeply_is_refused(settings: Settings):
    settings.MAX_JSON_DEPTH = 3

    assert read(of(x={}), {"arg.x:json": "[[[]]]"}) == {"x": [[[]]]}
    assert refused(of(x={}), {"arg.x:json": "[[[[]]]]"}) == [["x", "json"]]
    assert refused(of(x={}), {"arg.x:json": "[" * 100_000}) == [["x", "json"]]


def test_all_that_cannot_be_read_is_said_at_once():
    schema = of("b", a={"type": "integer"}, b={"type": "number"}, c={})

    assert refused(schema, {"arg.a": "x", "arg.c:json": "{"}) == [
        ["a", "type"],
        ["b", "required"],
        ["c", "json"],
    ]


def test_what_was_written_stays_in_the_form():
    schema = of(a={"type": "integer"}, b={"type": "string", "format": "date"})
    form = form_from(schema, {"arg.a": "many", "arg.b": "tomorrow"})

    assert (field(form, "a").value, field(form, "a").input_type) == ("many", "text")
    assert (field(form, "b").value, field(form, "b").input_type) == ("tomorrow", "text")
