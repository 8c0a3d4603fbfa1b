"""What the template makes of a form: it can be used by anybody, and carries nothing."""

import re
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from connectors import schema_check
from connectors.errors import InvalidInput
from connectors.schema_form import errors_at, form_for, form_from, read
from connectors.tests.as_browser import Page, html_of, submitted

Schema = dict[str, Any]
HOSTILE = "\"'><script>alert(1)</script>{{ 7|add:7 }}&lt;\u202e"
EVERYTHING: Schema = {
    "type": "object",
    "additionalProperties": True,
    "required": ["text", "flag", "fixed", "rows"],
    "properties": {
        "text": {"type": "string", "description": "Some words."},
        "body": {"type": "string"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "day": {"type": "string", "format": "date"},
        "secret": {"type": "string", "format": "password"},
        "mail": {"type": "string", "format": "email"},
        "flag": {"type": "boolean"},
        "maybe": {"type": "boolean"},
        "pick": {"enum": ["a", "b"]},
        "fixed": {"const": "always"},
        "rows": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "none": {"type": "array", "items": {"type": "string"}},
        "part": {"type": "object", "properties": {"x": {"type": "number"}}},
        "either": {"type": ["integer", "string"], "default": 1},
        "free": {},
    },
}
VALUES = {
    "text": "a",
    "flag": True,
    "fixed": "always",
    "rows": ["x"],
    "part": {"x": 1.5},
    "either": 2,
    "more": [],
}


def test_every_control_has_a_label_and_every_id_is_there_once():
    page = Page.of(html_of(form_for(EVERYTHING, values=VALUES)))
    shown = [control for control in page.controls if control.kind != "hidden"]

    assert len(shown) == 15
    assert len(page.ids) == len(set(page.ids))
    for control in shown:
        assert control.id in page.labels


def test_texts_are_tied_to_their_control():
    page = Page.of(html_of(form_for(EVERYTHING)))

    assert page.control("arg.text").attributes["aria-describedby"] == "arg.text-help"
    assert "arg.text-help" in page.ids


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("one line", "one line. At most 9 characters."),
        ("One line.", "One line. At most 9 characters."),
        ("Which one?", "Which one? At most 9 characters."),
    ],
)
def test_help_and_hint_are_two_sentences(description: str, shown: str):
    text = {"type": "string", "description": description, "maxLength": 9}
    schema = {"type": "object", "properties": {"text": text}}
    assert shown in Page.of(html_of(form_for(schema))).text


def test_an_error_replaces_the_help_and_marks_the_control():
    problem = InvalidInput.at(
        "arguments", "text", "minLength", msg="Too short.", type_="x"
    )
    page = Page.of(html_of(errors_at(form_for(EVERYTHING), problem)))
    attributes = page.control("arg.text").attributes

    assert attributes["aria-invalid"] == "true"
    assert attributes["aria-describedby"] == "arg.text-error"
    assert "arg.text-error" in page.ids
    assert "arg.text-help" not in page.ids
    assert "Too short." in page.text


def test_objects_and_lists_are_groups_with_a_name():
    page = Page.of(html_of(form_for(EVERYTHING, values=VALUES)))

    assert page.tags.count("fieldset") == page.tags.count("legend") == 4


def test_enter_presses_no_button_of_the_form_itself():
    first = Page.of(html_of(form_for(EVERYTHING))).buttons[0]

    assert "name" not in first
    assert first["tabindex"] == "-1"


def test_a_form_without_buttons_adds_none():
    schema = {"type": "object", "properties": {"x": {"type": "string"}}}

    assert Page.of(html_of(form_for(schema))).buttons == []


def test_its_own_buttons_do_not_ask_for_valid_fields():
    buttons = Page.of(html_of(form_for(EVERYTHING, values=VALUES))).buttons[1:]

    assert len(buttons) == 4
    assert all("formnovalidate" in button for button in buttons)


def test_json_is_in_mono():
    page = Page.of(html_of(form_for(EVERYTHING)))

    assert page.control("arg.free:json").attributes["class"] == "textarea mono"


def test_a_browser_tries_no_pattern_and_cuts_no_text():
    """A pattern may never end; a browser counts other characters than a schema."""
    text = {"type": "string", "pattern": "(a+)+$", "maxLength": 4}
    page = Page.of(html_of(form_for({"type": "object", "properties": {"s": text}})))

    assert not {"pattern", "maxlength"} & page.control("arg.s").attributes.keys()
    assert "Matches (a+)+$" in page.text


def test_a_browser_hands_over_a_number_even_if_it_is_none():
    number = {"type": "integer", "minimum": 1}
    page = Page.of(html_of(form_for({"type": "object", "properties": {"n": number}})))

    assert page.control("arg.n").kind == "text"
    assert page.control("arg.n").attributes["inputmode"] == "numeric"


def test_nothing_that_a_server_writes_becomes_markup():
    part = {
        "type": "string",
        "title": HOSTILE,
        "description": HOSTILE,
        "pattern": HOSTILE,
        "format": HOSTILE,
        "default": HOSTILE,
        "examples": [HOSTILE],
    }
    schema = {
        "type": "object",
        "title": HOSTILE,
        "properties": {
            HOSTILE: part,
            "e": {"enum": [HOSTILE, {HOSTILE: 1}], "default": HOSTILE},
            "c": {"const": HOSTILE},
            "u": {"anyOf": [part, {"type": "object", "title": HOSTILE}]},
            "l": {"type": "array", "items": part, "title": HOSTILE},
            "o": {"type": "object", "title": HOSTILE, "properties": {HOSTILE: part}},
        },
        "required": [HOSTILE, "c", "u"],
    }
    values = {HOSTILE: HOSTILE, "l": [HOSTILE], "o": {HOSTILE: HOSTILE}, HOSTILE * 2: 1}
    problem = InvalidInput.at("arguments", HOSTILE, HOSTILE, msg=HOSTILE, type_=HOSTILE)
    for form in (form_for(schema), form_for(schema, values=values)):
        html = html_of(errors_at(form, problem))
        assert "<script" not in html
        assert "\u202e" not in html
        assert "14" not in re.sub(r"<path[^>]*>", "", html)
        assert {"script", "img", "style"}.isdisjoint(Page.of(html).tags)
        assert not re.search(r"\s(on\w+|style)=", html)


def test_it_draws_nothing_of_a_page_around_it():
    html = html_of(form_for({"type": "object"}))

    assert html.count("<div") == 1
    assert "Nothing to fill in." in html


# --- Errors of the validation ------------------------------------------------


def checked(schema: Schema, data: dict[str, str]) -> Page:
    """Read a form, have the schema's own process judge it, and show the form."""
    form = form_from(schema, data)
    with pytest.raises(InvalidInput) as caught:
        async_to_sync(schema_check.check_arguments)(
            schema=schema, arguments=read(schema, data)
        )
    return Page.of(html_of(errors_at(form, caught.value)))


def invalid(page: Page) -> list[str]:
    return [c.id for c in page.controls if c.attributes.get("aria-invalid")]


def test_what_the_validation_finds_is_said_at_its_field():
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "maximum": 9},
            "a.b": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"é": {"type": "string", "minLength": 2}},
                },
            },
            "free": {"type": "object", "additionalProperties": {"type": "string"}},
            "either": {"anyOf": [{"type": "integer", "minimum": 5}, {"type": "null"}]},
        },
    }
    page = checked(
        schema,
        {
            "arg.n": "10",
            "arg.a%2Eb:n": "2",
            "arg.a%2Eb.0.%C3%A9": "fine",
            "arg.a%2Eb.1.%C3%A9": "x",
            "arg.free:json": '{"deep": 1}',
            "arg.either": "4",
        },
    )

    assert invalid(page) == [
        "arg.n",
        "arg.a%2Eb.1.%C3%A9",
        "arg.free:json",
        "arg.either",
    ]
    assert page.control("arg.n").value == "10"
    assert "deep:" in page.text


def test_what_is_about_no_field_is_said_above_all():
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "dependentRequired": {"a": ["b"]},
    }
    html = html_of(
        errors_at(
            form_from(schema, {"arg.a": "x"}),
            InvalidInput(
                [
                    {
                        "loc": ["body", "arguments", "required"],
                        "msg": "Both.",
                        "type": "x",
                    },
                    {"loc": ["body", "other"], "msg": "Elsewhere.", "type": "x"},
                ]
            ),
        )
    )

    assert 'role="alert"' in html
    assert "Both." in html
    assert "Elsewhere." in html


def test_the_error_of_an_alternative_is_at_the_fields_of_it():
    schema = {
        "type": "object",
        "properties": {
            "size": {
                "oneOf": [
                    {"type": "integer"},
                    {"type": "object", "properties": {"w": {"type": "integer"}}},
                ]
            }
        },
    }
    data = {"arg.size:pick": "1", "arg.size.@1:on": "1", "arg.size.@1.w": "x"}
    with pytest.raises(InvalidInput) as caught:
        read(schema, data)
    page = Page.of(html_of(errors_at(form_from(schema, data), caught.value)))

    assert invalid(page) == ["arg.size.@1.w"]


def test_errors_can_be_given_with_the_values():
    errors = [{"loc": ["body", "arguments", "text", "maxLength"], "msg": "Too long."}]
    form = form_for(EVERYTHING, values=VALUES, errors=errors)

    assert form.has_errors
    assert form.fields[0].error == "Too long."


def test_a_form_that_was_sent_draws_the_same_form_again():
    form = form_for(EVERYTHING, values=VALUES)

    assert html_of(form_from(EVERYTHING, submitted(form))) == html_of(form)
