"""What holds for the questions of every schema: honest, hostile, or no schema."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.chatkit import questionnaire
from agent.tests.questionnaires import (
    answers,
    as_offered,
    as_shown,
    on_the_wire,
    options,
    outcome_of,
)
from agent.tests.schemas import HOSTILE
from connectors.errors import InvalidInput
from connectors.tests.test_schema_form_properties import (
    EXAMPLES,
    JSON,
    NONSENSE,
    PAIRS,
    TEXTS,
    Pair,
    is_storable,
    objects,
    same,
)


@settings(max_examples=EXAMPLES)
@given(pair=objects(PAIRS))
def test_what_is_shown_as_answered_means_the_same_arguments(pair: Pair):
    schema, arguments = pair
    if not is_storable(arguments):
        return
    unknown: dict[str, Any] = {}
    for values in (arguments, unknown):
        shown = questionnaire.answered(schema, arguments, values=values)
        assert same(questionnaire.read(schema, as_shown(shown)), arguments)


@settings(max_examples=EXAMPLES)
@given(pair=objects(PAIRS))
def test_all_that_is_known_can_be_seen_in_what_is_asked(pair: Pair):
    schema, values = pair
    if not is_storable(values):
        return
    asked = questionnaire.questions(schema, values=values)
    shown = questionnaire.answered(schema, values, values=values)
    assert [one.id for one in asked] == [one.id for one in shown]
    for question, sent in zip(asked, shown, strict=True):
        assert sent.answer
        offered = options(question) if sent.answer.values else []
        assert offered[: len(sent.answer.values)] == sent.answer.values


@settings(max_examples=2 * EXAMPLES)
@given(
    schema=NONSENSE,
    values=st.dictionaries(TEXTS, JSON, max_size=3),
    texts=st.lists(TEXTS | st.sampled_from(["1", "[", "{}", "[1]", "Yes"]), max_size=9),
)
def test_no_schema_breaks_the_questions_and_no_answer_their_reading(
    schema: Any, values: dict[str, Any], texts: list[str]
):
    asked = questionnaire.questions(schema, values=values)
    on_the_wire(asked)
    on_the_wire(questionnaire.answered(schema, values, values={}))
    on_the_wire(questionnaire.answered(schema, None, values=values))
    said = zip((one.id for one in asked), texts, strict=False)
    submission = answers(**dict(said))
    outcome = outcome_of(schema, submission)
    if isinstance(outcome, InvalidInput):
        on_the_wire(questionnaire.again(schema, submission, outcome))
        assert all(
            error["loc"][:2] == ["body", "arguments"] for error in outcome.errors
        )
    else:
        assert is_storable(outcome)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_is_asked_for_as_well_as_it_can_be(name: str):
    schema = HOSTILE[name]()
    on_the_wire(questionnaire.questions(schema, values={}))
    asked = questionnaire.questions(schema, values={"a": "x"})
    submission = as_offered(asked)
    outcome = outcome_of(schema, submission)
    if isinstance(outcome, InvalidInput):
        on_the_wire(questionnaire.again(schema, submission, outcome))
