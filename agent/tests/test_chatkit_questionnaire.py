"""Forms as ChatKit's structured input: what is asked, and how answers are read."""

from typing import Any

import pytest
from chatkit.types import (
    StructuredInput,
    StructuredInputFreeform,
    StructuredInputMultipleChoice,
)

from agent.chatkit import questionnaire
from agent.tests.questionnaires import (
    answers,
    as_shown,
    on_the_wire,
    options,
    refused,
)
from connectors.errors import InvalidInput
from connectors.tests.schemas import of

TEXT = {"type": "string"}
MOMENT = {"type": "string", "format": "date-time"}
COLOURS = {"type": "string", "enum": ["red", "green", "light blue"]}


def ask(schema: Any, values: Any = None, errors: Any = ()) -> list[StructuredInput]:
    asked = questionnaire.questions(schema, values=values or {}, errors=errors)
    on_the_wire(asked)
    return asked


def one(schema: Any, values: Any = None, errors: Any = ()) -> StructuredInput:
    (asked,) = ask(of(a=schema), {"a": values} if values is not None else {}, errors)
    return asked


def read_a(schema: Any, *texts: str, is_required: bool = False) -> Any:
    whole = of(*(["a"] if is_required else []), a=schema)
    return questionnaire.read(whole, answers(a=list(texts))).get("a")


def description(asked: StructuredInput) -> str:
    assert isinstance(asked, StructuredInputFreeform)
    return asked.description or ""


# --- What is asked --------------------------------------------------------------


def test_a_text_is_asked_for_in_the_words_of_its_form():
    schema = {
        "type": "string",
        "title": "Time zone",
        "description": "Where it is",
        "maxLength": 40,
        "examples": ["Europe/Berlin"],
    }
    (asked,) = ask(of("from_zone", from_zone=schema))
    assert asked.id == "from_zone"
    assert asked.question == "Time zone (from_zone)"
    assert description(asked) == (
        "Where it is. At most 40 characters. Such as: Europe/Berlin. Required."
    )


def test_what_may_be_left_out_says_so():
    assert "Optional." in description(one(TEXT))


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 9}, "A whole number. 1 to 9."),
        ({"type": "number"}, "A number."),
        ({"type": "string", "format": "date"}, "A date such as 2026-01-31."),
        ({"type": "string", "format": "email"}, "An email address."),
        ({"type": "string", "format": "uuid"}, "A UUID."),
        ({"type": "string", "default": "x"}, "Default: x."),
        ({"type": "array", "items": TEXT}, "One on each line, or a JSON list."),
        ({"type": "object", "properties": {"b": TEXT}}, "Its keys: b."),
        ({"type": "array", "items": of("b", b=TEXT)}, "the keys b (required)."),
        ({"type": ["string", "array"]}, "Text, or JSON."),
        ({"anyOf": [TEXT, {"type": "integer"}]}, "One of: 1: Text, 2: Whole number."),
    ],
)
def test_what_a_control_would_show_is_said_in_words(schema: Any, words: str):
    assert words in description(one(schema))


def test_one_of_a_list_is_chosen():
    assert options(one(COLOURS)) == ["red", "green", "light blue"]


def test_some_of_a_list_are_chosen():
    asked = one({"type": "array", "items": COLOURS})
    assert options(asked) == ["red", "green", "light blue"]
    assert isinstance(asked, StructuredInputMultipleChoice)
    assert asked.multiple


def test_yes_or_no_is_chosen():
    assert options(one({"type": "boolean"})) == ["Yes", "No"]


def test_what_is_fixed_is_shown():
    (asked,) = ask(of("a", a={"const": "v2"}))
    assert options(asked) == ["v2"]


def test_what_is_known_is_offered_and_never_sent_unsaid():
    schema = of("a", a=TEXT)
    asked = ask(schema, {"a": "notes"})
    assert options(asked[0]) == ["notes"]
    assert refused(schema, answers()) == [["body", "arguments", "a", "required"]]


def test_what_is_known_of_a_choice_comes_first():
    asked = one(COLOURS, "green")
    assert options(asked) == ["green", "red", "light blue"]
    assert "So far: green" in asked.question


@pytest.mark.parametrize(
    ("schema", "value", "shown"),
    [
        (TEXT, "safe\u202egpj.exe", '"safe\\u202egpj.exe"'),
        # A letter to Unicode, and nothing to people.
        (TEXT, "pay\u3164", '"pay\\u3164"'),
        (TEXT, " padded", '" padded"'),
        (TEXT, "", '""'),
        # As text it would be read as UTC.
        (MOMENT, "2026-01-31T14:30", '"2026-01-31T14:30"'),
    ],
)
def test_what_text_would_not_show_as_it_is_is_offered_as_json(
    schema: Any, value: str, shown: str
):
    asked = one(schema, value)
    assert asked.id == "a:json"
    assert options(asked) == [shown]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "prefixItems": [TEXT, TEXT], "items": TEXT},
        {"type": ["object", "null"], "properties": {"b": TEXT}},
    ],
)
def test_what_has_no_plain_text_is_asked_for_as_json(schema: Any):
    (asked,) = ask(of("a", a=schema))
    assert asked.id == "a:json"


def test_an_object_that_must_be_there_is_asked_for_by_its_parts():
    city = of("city", city=TEXT, zip=TEXT) | {"description": "Where to send it"}
    asked = ask(of("address", address=city))
    assert [one.id for one in asked] == ["address.city", "address.zip"]
    assert asked[0].question == "address: city"
    assert "Where to send it." in description(asked[0])
    assert "Where to send it." not in description(asked[1])


def test_arguments_that_may_be_null_are_asked_for_by_their_parts_too():
    asked = ask({"type": ["object", "null"], "properties": {"b": TEXT}})
    assert [one.id for one in asked] == ["b"]


def test_an_object_that_may_be_left_out_is_asked_for_as_json():
    assert one(of(city=TEXT)).id == "a:json"


def test_an_error_stands_at_the_question_that_it_is_about():
    errors = [
        {"loc": ["body", "arguments", "a", "maxLength"], "msg": "Too long."},
        {"loc": ["body", "arguments", "b", "required"], "msg": "It is missing."},
    ]
    asked = ask(of("a", "b", a=TEXT, b=TEXT), {"a": "long"}, errors)
    assert "Too long." in asked[0].question
    assert "missing" not in description(asked[1])


def test_what_is_of_another_kind_than_its_field_is_not_offered():
    errors = [{"loc": ["body", "arguments", "a", "type"], "msg": "Not a number."}]
    asked = one({"type": "integer"}, "many", errors)
    assert "Not a number" not in description(asked)


def test_two_hundred_fields_are_asked_for_and_more_are_one():
    many = {f"f{number}": TEXT for number in range(199)}
    assert len(ask(of(**many))) == 199
    assert len(ask(of(**many, g=TEXT, h=TEXT))) == 1


# --- What is answered -----------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (TEXT, "naïve — 日本語 👩‍💻", "naïve — 日本語 👩‍💻"),
        (TEXT, "42", "42"),
        (TEXT, '"quoted"', '"quoted"'),
        ({"type": "integer"}, " 42 ", 42),
        ({"type": "integer"}, "4e2", 400),
        ({"type": "number"}, "-1.5", -1.5),
        ({"type": "boolean"}, "Yes", True),
        ({"type": "boolean"}, "no", False),
        ({"type": "boolean"}, "true", True),
        (COLOURS, "light blue", "light blue"),
        (COLOURS, " Red", "red"),
        ({"enum": [1, "1"]}, '"1"', "1"),
        ({"enum": [1, "1"]}, "1", 1),
        ({"oneOf": [{"const": "r", "title": "Red"}]}, "r", "r"),
        ({"enum": [None, "a"]}, "null", None),
        (MOMENT, "2026-01-31T14:30", "2026-01-31T14:30:00Z"),
        (MOMENT, "2026-01-31T14:30:00+02:00", "2026-01-31T14:30:00+02:00"),
        ({"type": "array", "items": TEXT}, "a, b\r\n\r\n c ", ["a, b", "c"]),
        ({"type": "array", "items": TEXT}, '["a", " b"]', ["a", " b"]),
        ({"type": "array", "items": {"type": "integer"}}, "1, 2\n3", [1, 2, 3]),
        ({"type": "array", "items": COLOURS}, "red", ["red"]),
        ({"type": "array", "items": COLOURS}, '["red", "green"]', ["red", "green"]),
        ({"$ref": "#/properties/b"}, "7", 7),
    ],
)  # fmt: skip
def test_an_answer_is_read_as_what_its_schema_asks_for(
    schema: Any, text: str, value: Any
):
    whole = of(a=schema, b={"type": "integer"})
    arguments = questionnaire.read(whole, answers(a=text))
    assert arguments == {"a": value}
    assert type(arguments["a"]) is type(value)


def test_several_choices_are_a_list():
    schema = {"type": "array", "items": COLOURS}
    assert read_a(schema, "red", "light blue") == ["red", "light blue"]


@pytest.mark.parametrize(
    ("schema", "texts", "where"),
    [
        ({"type": "integer"}, ["four"], ["a", "type"]),
        ({"type": "integer"}, ["1.5"], ["a", "type"]),
        ({"type": "number"}, ["NaN"], ["a", "type"]),
        ({"type": "integer"}, ["9" * 5000], ["a", "type"]),
        (TEXT, ["nul\0"], ["a", "type"]),
        (TEXT, ["one", "two"], ["a", "maxItems"]),
        (COLOURS, ["purple"], ["a", "enum"]),
        ({"enum": ["ab", "AB"]}, ["Ab"], ["a", "enum"]),
        (COLOURS, ["red", "green"], ["a", "maxItems"]),
        ({"type": "boolean"}, ["maybe"], ["a", "enum"]),
        ({"type": "array", "items": COLOURS}, ["red", "purple"], ["a", "enum"]),
        ({"type": "array", "items": COLOURS}, ["[red]"], ["a", "json"]),
        ({"type": "array", "items": TEXT}, ['["a", ]'], ["a", "json"]),
        ({"type": "array", "items": {"type": "integer"}}, ["1, b"], ["a", 1, "type"]),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_stands(
    schema: Any, texts: list[str], where: list[Any]
):
    for required in ([], ["a"]):
        whole = of(*required, a=schema)
        assert refused(whole, answers(a=texts)) == [["body", "arguments", *where]]


def test_broken_json_is_refused_where_it_stands():
    submission = answers(**{"a:json": "{"})
    whole = of("a", a={"type": "array", "items": of(b=TEXT)})
    assert refused(whole, submission) == [["body", "arguments", "a", "json"]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain words", "plain words"),
        ('"42"', "42"),
        ("42", 42),
        ('["a"]', ["a"]),
        ("null", None),
    ],
)
def test_where_text_is_one_of_several_it_needs_no_quotes(text: str, value: Any):
    schema = of(a={"type": ["string", "integer", "array", "null"]})
    submission = answers(**{"a:json": text})
    assert questionnaire.read(schema, submission) == {"a": value}


@pytest.mark.parametrize("text", ["[1", ' {"b": 1', '"half'])
def test_broken_json_is_never_taken_for_text(text: str):
    submission = answers(**{"a:json": text})
    schema = of(a={"type": ["string", "object"]})
    assert refused(schema, submission) == [["body", "arguments", "a", "json"]]


@pytest.mark.parametrize(
    "schema",
    [
        TEXT,
        {"type": "integer"},
        {"type": "boolean"},
        {"type": "boolean", "default": True},
        COLOURS,
        {"type": "array", "items": TEXT},
        {"type": "array", "items": COLOURS},
        {"type": "array", "items": of(b=TEXT)},
        {"anyOf": [TEXT, {"type": "integer"}]},
        {},
    ],
)
def test_what_is_skipped_is_left_out_or_asked_for(schema: Any):
    for submission in (answers("a"), answers(a=""), answers(a=[" "]), answers()):
        assert questionnaire.read(of(a=schema), submission) == {}
        assert refused(of("a", a=schema), submission) == [
            ["body", "arguments", "a", "required"]
        ]


def test_nothing_of_a_skipped_submission_is_read():
    submission = answers(a="x").model_copy(update={"status": "skipped"})
    assert questionnaire.read(of(a=TEXT), submission) == {}


def test_answers_to_what_was_not_asked_are_ignored():
    names = ("b", "", ".", "a.b", "a:on", "a:n", "arg.a", ":json", "%")
    submission = answers(**dict.fromkeys(names, "x"))
    assert questionnaire.read(of(a=TEXT), submission) == {}


HOSTILE_NAMES = [
    *("a.b", "a:json", "json", ":json", "more", ":more", "%", "", "arg", "arg.a"),
    *("__proto__", "@0", "a\u202eb", "日本", " ", "%25", "constructor", "a b"),
]


def test_hostile_names_come_back_as_they_were():
    schema = of(*HOSTILE_NAMES, **dict.fromkeys(HOSTILE_NAMES, TEXT))
    schema = of("", "arg", **{"": schema, "arg": schema})
    inner = {name: f"value of {number}" for number, name in enumerate(HOSTILE_NAMES)}
    arguments = {"": inner, "arg": inner}
    shown = questionnaire.answered(schema, arguments, values={})
    assert questionnaire.read(schema, as_shown(shown)) == arguments


# --- What was answered ----------------------------------------------------------


def test_a_form_that_was_sent_shows_its_answers_at_the_same_questions():
    schema = of("a", a=TEXT, b=COLOURS, c={"type": "integer"})
    asked = ask(schema, {"a": "x"})
    shown = questionnaire.answered(schema, {"a": "y", "b": "red"}, values={"a": "x"})
    on_the_wire(shown)
    assert [one.model_copy(update={"answer": None}) for one in shown] == asked
    assert [one.answer.model_dump() for one in shown if one.answer] == [
        {"values": ["y"], "skipped": False},
        {"values": ["red"], "skipped": False},
        {"values": [], "skipped": True},
    ]


def test_a_form_that_was_declined_shows_no_answers():
    shown = questionnaire.answered(of("a", a=TEXT), None, values={"a": "x"})
    assert [one.answer.skipped for one in shown if one.answer] == [True]


def test_arguments_without_a_field_are_shown_too():
    shown = questionnaire.answered(of(a=TEXT), {"a": "x", "zzz": 1}, values={})
    assert shown[-1].answer
    assert shown[-1].answer.values == ['{"zzz": 1}']


def test_a_form_that_was_refused_is_asked_again_with_all_that_was_written():
    schema = of("a", "c", a={"type": "integer"}, b=COLOURS, c=TEXT, d=COLOURS)
    submission = answers(a="four", b="green", d="purple")
    with pytest.raises(InvalidInput) as caught:
        questionnaire.read(schema, submission)
    asked = questionnaire.again(schema, submission, caught.value)
    on_the_wire(asked)
    number, colour, missing, unknown = asked
    assert options(number) == ["four"]
    assert "Enter a whole number." in number.question
    assert options(colour)[0] == "green"
    assert options(unknown) == ["red", "green", "light blue"]
    assert "Choose one of these." in unknown.question
    assert "Fill this in." in description(missing)


def test_what_is_wrong_with_the_whole_is_said_first():
    problem = InvalidInput.at("arguments", "minProperties", msg="Give more.", type_="")
    asked = questionnaire.again(of(a=TEXT, b=TEXT), answers(a="x"), problem)
    assert [one.question.startswith("Give more.") for one in asked] == [True, False]
