"""Changes of a form by its own buttons: rows, parts, alternatives, JSON."""

from typing import Any

import pytest

from connectors.errors import InvalidInput
from connectors.schema_form import Field, SchemaForm, edited, form_for, read
from connectors.tests.as_browser import Page, html_of, pressed, submitted

Schema = dict[str, Any]
TEXT = {"type": "string"}
POINT = {
    "type": "object",
    "properties": {"x": {"type": "integer", "default": 5}, "name": TEXT},
    "required": ["name"],
}
SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "tags": {"type": "array", "items": TEXT, "maxItems": 3},
        "points": {"type": "array", "items": POINT},
        "pair": {
            "type": "array",
            "prefixItems": [TEXT, {"type": "integer"}],
            "items": False,
        },
        "part": POINT,
        "size": {
            "anyOf": [
                {"type": "integer", "title": "Pixels"},
                {"type": "object", "title": "Box", "properties": {"w": TEXT}},
            ]
        },
        "note": {"type": ["string", "null"], "default": "none"},
    },
}


def press(form: SchemaForm, wish: str) -> SchemaForm:
    """Press a button that the form has."""
    assert wish in Page.of(html_of(form)).wishes()
    after = edited(SCHEMA, pressed(form, wish))
    assert after is not None
    return after


def given(**values: Any) -> SchemaForm:
    return form_for(SCHEMA, values=values)


def sent(form: SchemaForm) -> dict[str, Any]:
    return read(SCHEMA, submitted(form))


def focused(form: SchemaForm) -> Field:
    [found] = [field for field in form.root.walk() if field.has_focus]
    return found


def test_a_form_that_is_sent_to_be_read_is_not_edited():
    assert edited(SCHEMA, submitted(given())) is None
    assert edited(SCHEMA, {"edit": "burn arg"}) is None
    assert edited(SCHEMA, {"edit": "add other"}) is None


def test_a_row_is_added_to_a_list_that_was_left_out():
    form = press(given(), "add arg.tags")

    assert sent(form) == {"tags": [""]}
    assert focused(form).path == ("tags", 0)


def test_a_row_is_added_without_losing_the_others():
    form = press(given(tags=["a"], note="b"), "add arg.tags")

    assert sent(form) == {"tags": ["a", ""], "note": "b"}


def test_a_new_row_has_the_defaults_of_its_parts():
    form = press(given(points=[{"x": 1, "name": "a"}]), "add arg.points")

    assert sent(form)["points"][1] == {"x": 5, "name": ""}
    assert focused(form).path == ("points", 1, "x")


def test_a_list_that_is_full_takes_no_more_rows():
    wishes = Page.of(html_of(given(tags=["a", "b", "c"]))).wishes()

    assert "add arg.tags" not in wishes
    assert "drop-row arg.tags.0" in wishes


def test_the_rows_after_one_that_is_dropped_move_up():
    form = press(given(tags=["a", "b", "c"]), "drop-row arg.tags.1")

    assert sent(form) == {"tags": ["a", "c"]}


def test_a_list_without_rows_is_empty_until_it_is_left_out():
    form = press(given(tags=["a"]), "drop-row arg.tags.0")
    assert sent(form) == {"tags": []}

    assert sent(press(form, "drop arg.tags")) == {}


def test_a_row_that_a_list_needs_cannot_be_dropped():
    schema = {
        "type": "object",
        "properties": {"x": {"type": "array", "items": TEXT, "minItems": 2}},
        "required": ["x"],
    }
    form = form_for(schema)

    assert Page.of(html_of(form)).wishes() == ["add arg.x"]
    assert read(schema, submitted(form)) == {"x": ["", ""]}


def test_where_places_have_meanings_only_the_last_can_go():
    form = given(pair=["a", 1])
    wishes = Page.of(html_of(form)).wishes()

    assert "drop-row arg.pair.0" not in wishes
    assert "add arg.pair" not in wishes
    assert sent(press(form, "drop-row arg.pair.1")) == {"pair": ["a"]}


def test_an_optional_object_is_included_and_left_out_again():
    form = press(given(), "include arg.part")
    assert sent(form) == {"part": {"x": 5, "name": ""}}
    assert focused(form).path == ("part", "x")

    form = press(form, "drop arg.part")
    assert sent(form) == {}
    assert focused(form).path == ("part",)


def test_another_alternative_shows_its_fields_before_it_is_sent():
    form = given(size=3)
    chosen = submitted(form, **{"arg.size:pick": "1"})

    with pytest.raises(InvalidInput) as caught:
        read(SCHEMA, chosen)
    assert caught.value.errors[0]["loc"] == ["body", "arguments", "size", "anyOf"]

    chosen["edit"] = "show arg.size"
    shown = edited(SCHEMA, chosen)
    assert shown is not None
    assert sent(shown) == {"size": {}}


def test_an_alternative_can_be_left_out():
    chosen = submitted(given(size=3), **{"arg.size:pick": ""})

    assert read(SCHEMA, chosen) == {}


def test_null_is_sent_where_leaving_out_means_the_default():
    form = press(given(), "null arg.note")
    assert sent(form) == {"note": None}

    assert sent(press(form, "drop arg.note")) == {}


def test_a_text_that_is_written_wins_over_null():
    form = press(given(), "null arg.note")

    assert read(SCHEMA, submitted(form, **{"arg.note": "x"})) == {"note": "x"}


def test_an_empty_optional_text_can_be_kept_and_left_out():
    form = given(note="")
    assert sent(form) == {"note": ""}

    assert sent(press(form, "drop arg.note")) == {}


def test_the_whole_form_becomes_json_with_what_was_written_so_far():
    form = edited(SCHEMA, pressed(given(tags=["a"], size=3), "json"))

    assert form is not None
    assert form.is_json
    assert form.has_fields
    assert form.root.value == '{\n  "tags": [\n    "a"\n  ],\n  "size": 3\n}'
    assert sent(form) == {"tags": ["a"], "size": 3}


def test_a_number_that_cannot_be_read_is_not_lost_in_the_json():
    data = submitted(given(size=3), **{"arg.size.@0": "many"})
    data["edit"] = "json"
    form = edited(SCHEMA, data)

    assert form is not None
    assert '"size": "many"' in form.root.value


def test_json_becomes_fields_again():
    form = edited(SCHEMA, {"edit": "fields", "arg:json": '{"part": {"name": "a"}}'})

    assert form is not None
    assert not form.is_json
    assert sent(form) == {"part": {"name": "a"}}


@pytest.mark.parametrize("text", ["{", "[]", "1", '{"a": 1, "a": 1}'])
def test_json_that_has_no_fields_stays_json_with_what_is_wrong(text: str):
    form = edited(SCHEMA, {"edit": "fields", "arg:json": text})

    assert form is not None
    assert form.is_json
    assert form.root.value == text
    assert form.root.error


def test_a_schema_without_a_form_offers_no_fields():
    form = edited({"$ref": "#/nowhere"}, {"edit": "json", "arg:json": "{}"})

    assert form is not None
    assert not form.has_fields


def test_a_forged_count_of_rows_costs_no_more_than_a_form():
    form = edited(SCHEMA, {"edit": "add arg.points", "arg.points:n": "999"})
    assert form is not None
    assert len(list(form.root.walk())) <= 1010

    with pytest.raises(InvalidInput) as caught:
        read(SCHEMA, {"arg.points:n": "9999"})
    assert caught.value.errors[-1]["loc"] == ["body", "arguments", "maxProperties"]
