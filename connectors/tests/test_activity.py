"""How tests, steps and calls are put into words."""

import pytest

from connectors import activity
from connectors.models import ConnectionTest, Outcome, ToolCall, Via
from connectors.steps import Step


def call(**changes: object) -> ToolCall:
    fields = {"outcome": Outcome.OK, "via": Via.PAGE, "duration_ms": 410, **changes}
    return ToolCall(**fields)


@pytest.mark.parametrize(
    ("success", "code", "state", "word"),
    [
        (True, "", "ready", "Passed"),
        (True, "NO_TOOLS", "review", "Passed. It offers no tools."),
        (False, "TIMEOUT", "unreachable", "It did not answer in time."),
        (False, "SOMETHING_NEW", "unreachable", "It failed."),
    ],
)
def test_a_test_has_a_verdict(success: bool, code: str, state: str, word: str) -> None:
    test = ConnectionTest(success=success, error_code=code, duration_ms=142)
    row = activity.test_row(test)
    assert (row.verdict.state, row.verdict.word) == (state, word)
    assert (row.verdict.code, row.took) == (code, "142 ms")


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_words_and_a_glyph(outcome: Outcome) -> None:
    verdict = activity.of_call(call(outcome=outcome, error_code="TIMEOUT"))
    assert verdict.word
    assert verdict.glyph
    assert verdict.code == "TIMEOUT"


@pytest.mark.parametrize("via", Via)
def test_every_way_to_call_has_a_name(via: Via) -> None:
    assert activity.call_row(call(via=via)).origin


def test_a_call_by_token_says_so() -> None:
    assert activity.call_row(call(via=Via.REST, token_id=4)).origin == "REST, by token"


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [(None, "\N{EN DASH}"), (0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"),
     (10_040, "10.0 s")],
)  # fmt: skip
def test_durations_are_short(duration_ms: int | None, text: str) -> None:
    assert activity.took(duration_ms) == text


def test_a_stored_step_and_a_fresh_one_look_the_same() -> None:
    fresh = Step(step="sign_in", status="failed", message="Refused.", duration_ms=7)
    stored = {
        "step": "sign_in", "status": "failed", "message": "Refused.", "duration_ms": 7
    }  # fmt: skip
    line, again = activity.step_lines([fresh, stored])
    assert line == again
    assert (line.label, line.css_class, line.glyph) == (
        "Sign-in", "fail", "circle-alert"
    )  # fmt: skip
    assert (line.said, line.message, line.took) == ("failed", "Refused.", "7 ms")


def test_a_step_that_was_not_reached_says_so() -> None:
    line = activity.step_line(Step(step="tools", status="skipped"))
    assert (line.message, line.took, line.css_class) == ("Not reached", "", "todo")
