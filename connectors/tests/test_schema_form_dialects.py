"""The ways in which honest servers write the same thing."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from connectors.errors import InvalidInput
from connectors.schema_form import example, form_for, read
from connectors.tests.as_browser import submitted
from connectors.tests.schemas import field, of

Schema = dict[str, Any]


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Circle(BaseModel):
    kind: Literal["circle"] = "circle"
    radius: Annotated[float, Field(gt=0)]


class Box(BaseModel):
    kind: Literal["box"] = "box"
    width: int = 3


class Folder(BaseModel):
    name: str
    folders: list["Folder"] = []


class Arguments(BaseModel):
    """What a tool written with pydantic, as most are, asks for."""

    query: Annotated[str, Field(min_length=1, description="Words.")]
    limit: Annotated[int, Field(ge=1, le=50)] = 10
    colour: Colour = Colour.RED
    since: date | None = None
    until: datetime | None = None
    shape: Annotated[Circle | Box, Field(discriminator="kind")]
    either: int | str | None = None
    folder: Folder | None = None
    labels: dict[str, str] = {}
    place: tuple[float, float] = (0, 0)
    flags: set[Literal["a", "b"]] = set()
    anything: Any = None


PYDANTIC = Arguments.model_json_schema()


def test_a_form_of_pydantic_gives_what_pydantic_accepts():
    values = {
        "query": "x",
        "limit": 5,
        "colour": "blue",
        "since": "2026-01-31",
        "until": "2026-01-31T12:00:00Z",
        "shape": {"kind": "box", "width": 4},
        "either": "one",
        "folder": {"name": "a", "folders": [{"name": "b", "folders": []}]},
        "labels": {"a.b": "c"},
        "place": [1, 2.5],
        "flags": ["b"],
        "anything": {"x": [None]},
    }
    form = form_for(PYDANTIC, values=values)
    arguments = read(PYDANTIC, submitted(form))

    assert arguments == values
    assert Arguments.model_validate(arguments).shape == Box(width=4)
    assert {one.path[0] for one in form.fields if one.kind == "json"} == {
        "labels",
        "anything",
    }


def test_an_example_for_pydantic_is_what_pydantic_accepts():
    arguments = example(PYDANTIC)

    assert Arguments.model_validate(arguments).query == "example"
    assert read(PYDANTIC, submitted(form_for(PYDANTIC, values=arguments))) == arguments


def test_a_form_that_is_sent_as_it_is_has_the_defaults_of_pydantic():
    data = submitted(form_for(PYDANTIC), **{"arg.query": "x"})
    data["arg.shape.@0.radius"] = "2"
    arguments = read(PYDANTIC, data)

    assert Arguments.model_validate(arguments) == Arguments(
        query="x", shape=Circle(radius=2)
    )


def test_a_format_that_only_describes_keeps_nobody_from_writing_something_else():
    form = form_for(of(x={"type": "string", "format": "email"}))

    assert field(form, "x").input_type == "text"
    assert field(form, "x").keys == "email"


@pytest.mark.parametrize(
    ("parts", "hint"),
    [
        (
            [{"type": "integer"}, {"minimum": 1}, {"minimum": 3, "maximum": 9}],
            "3 to 9.",
        ),
        ([{"type": "number"}, {"type": "integer", "maximum": 2.5}], "At most 2.5."),
        ([{"type": ["integer", "string"]}, {"type": "integer"}], ""),
    ],
)
def test_parts_that_hold_at_once_are_one_field(parts: list[Schema], hint: str):
    found = field(form_for(of(x={"allOf": parts})), "x")

    assert (found.kind, found.hint) == ("integer", hint)


def test_objects_that_hold_at_once_have_the_fields_of_all():
    base = of("a", a={"type": "string"}, b={"type": "integer"})
    more = of("c", b={"minimum": 2}, c={"type": "string"})
    schema = {**of("x", x={"$ref": "#/$defs/base", **more}), "$defs": {"base": base}}
    form = form_for(schema, values={"x": {"a": "1", "b": 2, "c": "3"}})

    assert field(form, "x", "b").hint == "At least 2."
    assert field(form, "x", "a").is_required
    assert field(form, "x", "c").is_required


@pytest.mark.parametrize(
    "parts",
    [
        [{"multipleOf": 2, "type": "integer"}, {"multipleOf": 3}],
        [{"type": "string"}, {"type": "integer"}],
        [{"enum": [1]}, {"enum": [2]}],
        [False],
    ],
)
def test_parts_that_have_no_common_form_are_json(parts: list[Any]):
    assert field(form_for(of(x={"allOf": parts})), "x").kind == "json"


def test_options_have_the_names_that_a_server_gives_them():
    named = {"enum": [1, 2], "enumNames": ["One", "Two"]}
    titled = {"anyOf": [{"const": 1, "title": "One"}, {"const": 2}]}
    form = form_for(of(x=named, y=titled, z={**named, "type": "string"}))

    assert [one.label for one in field(form, "x").options] == ["One", "Two"]
    assert [one.label for one in field(form, "y").options] == ["One", "2"]
    assert field(form, "z").kind == "json"


def test_alternatives_without_a_title_are_named_by_their_kind():
    schema = {"oneOf": [{"type": "integer"}, {"items": {"type": "string"}}]}

    assert [one.label for one in field(form_for(of(x=schema)), "x").options] == [
        "1: Whole number",
        "2: List",
    ]


def test_a_tuple_of_older_drafts_has_a_field_for_each_place():
    items = [{"type": "string"}, {"type": "integer"}]
    schema = of(x={"type": "array", "items": items, "additionalItems": False})
    form = form_for(schema, values={"x": ["a", 1]})

    assert [one.kind for one in form.fields[0].children] == ["text", "integer"]
    assert not form.fields[0].can_grow
    assert field(form_for(schema, values={"x": ["a", 1, 2]}), "x").kind == "json"


def test_bounds_of_older_drafts_are_understood():
    schema = {"type": "integer", "minimum": 3, "exclusiveMinimum": True}

    assert field(form_for(of(x=schema)), "x").hint == "More than 3."


def test_a_reference_may_lead_into_a_list():
    schema = of(x={"$ref": "#/properties/y/anyOf/1"}, y={"anyOf": [{}, {"enum": [1]}]})

    assert field(form_for(schema), "x").kind == "select"


@pytest.mark.parametrize("ref", ["#/properties/y/anyOf/9", "#/properties/y/anyOf/-1"])
def test_a_reference_beyond_a_list_leads_nowhere(ref: str):
    schema = of(x={"$ref": ref}, y={"anyOf": [{}, {"enum": [1]}]})

    assert field(form_for(schema), "x").kind == "json"


@pytest.mark.parametrize("pick", ["7", "x", "-1", "null"])
def test_an_alternative_that_was_not_offered_is_refused(pick: str):
    schema = of("x", x={"type": ["integer", "string"]})

    with pytest.raises(InvalidInput) as caught:
        read(schema, {"arg.x:pick": pick})
    assert caught.value.errors[0]["loc"][2] == "x"
