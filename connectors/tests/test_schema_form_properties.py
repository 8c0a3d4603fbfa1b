"""What holds for every schema: those of honest servers, and any JSON at all."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from connectors.errors import InvalidInput
from connectors.schema_form import (
    edited,
    errors_at,
    example,
    form_for,
    form_from,
    read,
)
from connectors.tests.as_browser import Page, html_of, pressed, submitted

Schema = dict[str, Any]
# Every value comes with the schema that it is valid against.
Pair = tuple[Schema, Any]

EXAMPLES = 150
BOUNDS = frozenset("exclusiveMaximum maxLength minLength minimum multipleOf".split())
NAMES = st.one_of(
    st.sampled_from(["name", "body", "a.b", "a:b", "@0", "0", "n", "", "__proto__"]),
    # A listing is cleaned of what cannot be stored.
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
)
TEXTS = st.text(max_size=30)
# Those that a database stores; others are refused, as REST refuses them.
STORABLE = TEXTS.filter(lambda text: "\0" not in text and text.isprintable())


def is_storable(value: Any) -> bool:
    try:
        text = json.dumps(value, ensure_ascii=False)
        return "\\u0000" not in text and bool(text.encode())
    except UnicodeEncodeError:
        return False


@st.composite
def strings(draw: st.DrawFn) -> Pair:
    low = draw(st.integers(0, 4))
    high = draw(st.integers(low, 12))
    schema = {"type": "string", "minLength": low, "maxLength": high}
    return schema, draw(st.text(min_size=low, max_size=high))


@st.composite
def formatted(draw: st.DrawFn) -> Pair:
    named, values = draw(
        st.sampled_from(
            [
                ("date", st.dates().map(str)),
                ("date-time", st.datetimes().map(lambda d: f"{d.isoformat()}Z")),
                ("time", st.times().map(lambda t: f"{t.isoformat()}+01:00")),
                ("email", st.emails()),
                ("uri", st.just("https://example.com/é?q=1")),
                ("uuid", st.uuids().map(str)),
            ]
        )
    )
    return {"type": "string", "format": named}, draw(values)


@st.composite
def whole_numbers(draw: st.DrawFn) -> Pair:
    step = draw(st.integers(1, 9))
    value = draw(st.integers(-(10**6), 10**6)) * step
    schema = {"type": "integer", "multipleOf": step}
    if draw(st.booleans()):
        schema["minimum"] = value - draw(st.integers(0, 10))
    if draw(st.booleans()):
        schema["exclusiveMaximum"] = value + draw(st.integers(1, 10))
    return schema, value


@st.composite
def numbers(draw: st.DrawFn) -> Pair:
    value = draw(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
    schema: Schema = {"type": "number"}
    if draw(st.booleans()):
        schema["minimum"] = value
    return schema, value


@st.composite
def enums(draw: st.DrawFn) -> Pair:
    scalars = st.none() | st.booleans() | st.integers() | STORABLE
    values = draw(st.lists(scalars, min_size=1, max_size=5, unique_by=json.dumps))
    value = draw(st.sampled_from(values))
    if draw(st.booleans()):
        return {"oneOf": [{"const": v, "title": repr(v)} for v in values]}, value
    return {"enum": values}, value


@st.composite
def nullable(draw: st.DrawFn, pairs: st.SearchStrategy[Pair]) -> Pair:
    schema, value = draw(pairs)
    if draw(st.booleans()):
        value = None
    return {"anyOf": [schema, {"type": "null"}], "default": None}, value


@st.composite
def lists(draw: st.DrawFn, pairs: st.SearchStrategy[Pair]) -> Pair:
    schema, value = draw(pairs)
    values = [value] * draw(st.integers(0, 4))
    return {"type": "array", "items": schema, "maxItems": 6}, values


@st.composite
def tuples(draw: st.DrawFn, pairs: st.SearchStrategy[Pair]) -> Pair:
    parts = draw(st.lists(pairs, min_size=1, max_size=3))
    schema = {
        "type": "array",
        "prefixItems": [part for part, _ in parts],
        "items": False,
    }
    return schema, [value for _, value in parts]


@st.composite
def objects(draw: st.DrawFn, pairs: st.SearchStrategy[Pair]) -> Pair:
    parts = draw(st.dictionaries(NAMES, pairs, max_size=4))
    required = draw(st.lists(st.sampled_from([*parts, ""]), max_size=3, unique=True))
    required = [name for name in required if name in parts]
    value = {
        name: value
        for name, (_, value) in parts.items()
        if name in required or draw(st.booleans())
    }
    schema = {
        "type": "object",
        "properties": {name: part for name, (part, _) in parts.items()},
        "required": required,
        "additionalProperties": False,
    }
    return schema, value


@st.composite
def unions(draw: st.DrawFn, pairs: st.SearchStrategy[Pair]) -> Pair:
    parts = draw(st.lists(pairs, min_size=2, max_size=3))
    _, value = draw(st.sampled_from(parts))
    return {"anyOf": [part for part, _ in parts]}, value


@st.composite
def maps(draw: st.DrawFn, pairs: st.SearchStrategy[Pair]) -> Pair:
    schema, value = draw(pairs)
    keys = draw(st.lists(NAMES, max_size=3, unique=True))
    return (
        {"type": "object", "additionalProperties": schema},
        dict.fromkeys(keys, value),
    )


LEAVES: st.SearchStrategy[Pair] = (
    strings()
    | formatted()
    | whole_numbers()
    | numbers()
    | enums()
    | st.booleans().map(lambda value: ({"type": "boolean"}, value))
    | st.just(({"const": "fixed"}, "fixed"))
    | st.just(({}, {"any": ["thing"]}))
)
PAIRS = st.recursive(
    LEAVES,
    lambda inner: (
        nullable(inner)
        | lists(inner)
        | tuples(inner)
        | objects(inner)
        | unions(inner)
        | maps(inner)
    ),
    max_leaves=6,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
    ),
    max_leaves=15,
)
KEYWORDS = [
    *"$ref $defs type properties required items prefixItems anyOf oneOf allOf".split(),
    *"enum const default title description minimum multipleOf maxLength".split(),
    *"minItems maxItems format additionalProperties examples pattern".split(),
]
WORDS = st.sampled_from(
    [*"object array string integer number null boolean".split(), "#"]
)
# JSON that looks like a schema, and is one nowhere but by chance.
NONSENSE = st.recursive(
    JSON | WORDS | st.just({"$ref": "#"}),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=6)
    ),
    max_leaves=25,
)


def is_valid(schema: Schema, value: Any) -> bool:
    checker = Draft202012Validator.FORMAT_CHECKER
    validator = Draft202012Validator(schema, format_checker=checker)
    return bool(validator.is_valid(value))


def outcome_of(schema: Any, data: Any) -> dict[str, Any] | InvalidInput:
    """Read a form; give what was wrong with it, if anything was."""
    try:
        return read(schema, data)
    except InvalidInput as refusal:
        return refusal


def is_about_bounds(error: ValidationError) -> bool:
    """Tell whether an error, or those of one alternative, are about bounds."""
    if not error.context:
        return error.validator in BOUNDS
    branches = {e.schema_path[0] for e in error.context}
    return any(
        all(is_about_bounds(e) for e in error.context if e.schema_path[0] == branch)
        for branch in branches
    )


def same(one: Any, other: Any) -> bool:
    """Compare as JSON does, where 1 is 1.0 but not true."""
    return json.dumps(_plain(one)) == json.dumps(_plain(other))


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(value[key]) for key in sorted(value)}
        case list():
            return [_plain(item) for item in value]
        case float() if value.is_integer():
            return int(value)
    return value


@settings(max_examples=EXAMPLES)
@given(pair=objects(PAIRS))
def test_valid_values_come_back_from_the_browser_as_they_were(pair: Pair):
    schema, values = pair
    form = form_for(schema, values=values)
    if not is_storable(values):
        with pytest.raises(InvalidInput):
            read(schema, submitted(form))
        return

    arguments = read(schema, submitted(form))

    assert same(arguments, values)
    assert is_valid(schema, arguments)


@settings(max_examples=EXAMPLES)
@given(pair=objects(PAIRS))
def test_values_survive_becoming_json_and_fields_again(pair: Pair):
    schema, values = pair
    if not is_storable(values):
        return

    as_json = edited(schema, pressed(form_for(schema, values=values), "json"))
    assert as_json is not None
    assert as_json.is_json
    assert same(json.loads(as_json.root.value), values)
    fields = edited(schema, pressed(as_json, "fields"))

    assert fields is not None
    assert same(read(schema, submitted(fields)), values)


@settings(max_examples=EXAMPLES)
@given(pair=objects(PAIRS))
def test_an_example_is_valid_and_can_be_sent_as_it_is(pair: Pair):
    schema, _ = pair
    arguments = example(schema)

    assert is_valid(schema, arguments)
    assert same(read(schema, submitted(form_for(schema, values=arguments))), arguments)


@settings(max_examples=EXAMPLES)
@given(pair=objects(PAIRS), data=st.data())
def test_what_is_read_from_any_text_fits_the_schema_but_for_its_bounds(
    pair: Pair, data: st.DataObject
):
    schema, values = pair
    sent = submitted(form_for(schema, values=values))
    for name in data.draw(st.lists(st.sampled_from([*sent, "x"]), max_size=4)):
        if not name.endswith((":n", ":json", ":more")):
            sent[name] = data.draw(st.sampled_from(["", "1", "x", "null", "true"]))
    outcome = outcome_of(schema, sent)
    if isinstance(outcome, InvalidInput):
        shown = errors_at(form_from(schema, sent), outcome)
        assert shown.has_errors
        assert html_of(shown)
        return

    for error in Draft202012Validator(schema).iter_errors(outcome):
        assert is_about_bounds(error), error


@settings(max_examples=EXAMPLES)
@given(pair=objects(PAIRS), data=st.data())
def test_buttons_of_a_form_never_lose_what_the_others_hold(
    pair: Pair, data: st.DataObject
):
    schema, values = pair
    form = form_for(schema, values=values)
    wishes = Page.of(html_of(form)).wishes()
    if not wishes:
        return
    wish = data.draw(st.sampled_from(wishes))
    after = edited(schema, pressed(form, wish))

    assert after is not None
    assert Page.of(html_of(after))
    changed = wish.partition(" ")[2].split(".")[1]
    before = {field.path[:1]: field for field in form.fields}
    for field in after.fields:
        if field.name.split(".")[1] != changed and field.kind != "more":
            assert field == before[field.path[:1]]


@settings(max_examples=2 * EXAMPLES)
@given(schema=NONSENSE, values=st.dictionaries(TEXTS, JSON, max_size=3))
def test_no_schema_and_no_value_breaks_a_form(schema: Any, values: dict[str, Any]):
    for form in (form_for(schema), form_for(schema, values=values)):
        page = Page.of(html_of(form))
        assert len(page.ids) == len(set(page.ids))
        assert sum(1 for _ in form.root.walk()) <= 500
        outcome = outcome_of(schema, submitted(form))
        if isinstance(outcome, InvalidInput):
            assert errors_at(form, outcome).has_errors
    assert isinstance(example(schema), dict)


@settings(max_examples=2 * EXAMPLES)
@given(
    schema=NONSENSE,
    sent=st.dictionaries(
        st.sampled_from("arg arg: arg:json arg:n arg.:on arg.x arg.0.@0".split())
        | st.text("arg.:@0n%5json", max_size=12).map("arg".__add__),
        st.text(max_size=10) | st.sampled_from(["999999999999", "1000", "{}", "[1]"]),
        max_size=8,
    ),
    wish=st.text("add dropinclue-rw.arg01@", max_size=12)
    | st.sampled_from(["add arg", "drop-row arg.0", "include arg.x", "json", "fields"]),
)
def test_no_forged_form_breaks_the_reading(
    schema: Any, sent: dict[str, str], wish: str
):
    outcome = outcome_of(schema, sent)
    if isinstance(outcome, InvalidInput):
        assert all(
            error["loc"][:2] == ["body", "arguments"] for error in outcome.errors
        )
    html_of(form_from(schema, sent))
    form = edited(schema, sent | {"edit": wish})
    assert form is None or html_of(form)


def test_the_strategies_give_valid_values():
    """The oracle and the generators agree, else nothing above says anything."""

    @given(pair=objects(PAIRS))
    def check(pair: Pair):
        schema, values = pair
        assert is_valid(schema, values)
        assert not any(
            isinstance(v, float) and not math.isfinite(v) for v in values.values()
        )

    check()
