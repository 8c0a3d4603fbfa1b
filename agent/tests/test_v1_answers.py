"""From events to what OpenAI's clients are sent."""

from typing import Any

import pytest
from pytest_django import Settings

from agent import envelope
from agent.tool_types import ToolAnswer
from agent.v1_answers import Answer

STARTED = {
    "id": "a1",
    "label": "Notes: Search the notes",
    "name": "notes__search",
    "arguments": {"query": "budget"},
}
ENDED = {"state": "done", "enforcement": "used", "usage": {}}


@pytest.fixture
def answer(settings: Settings) -> Answer:
    settings.PUBLIC_URL = "https://patchbay.example"
    return Answer(conversation_id=7, model="agent")


def tell(answer: Answer, *events: tuple[str, dict[str, Any]]) -> list[dict[str, str]]:
    return [delta for event in events for delta in answer.take(*event)]


def text(delta: str) -> tuple[str, dict[str, Any]]:
    return "text", {"delta": delta}


def done(**changes: Any) -> tuple[str, dict[str, Any]]:
    return "done", ENDED | changes


def result(content: str) -> tuple[str, dict[str, Any]]:
    sealed = envelope.for_model(
        connector="Notes",
        tool="search",
        answer=ToolAnswer(
            call_id=None,  # type: ignore[arg-type]
            is_error=False,
            content=[{"type": "text", "text": content}],
            structured_content=None,
            duration_ms=1,
        ),
    )
    more = {"summary": "one line", "model_text": sealed}
    return "tool_done", {"id": "a1", "state": "done", "outcome": "ok", **more}


# --- The text ----------------------------------------------------------------


def test_text_comes_as_it_was_said(answer: Answer):
    assert tell(answer, text("Hel"), text("lo"), done()) == [
        {"content": "Hel"},
        {"content": "lo"},
    ]
    assert answer.text == "Hello"


def test_what_tools_do_is_thought_and_not_said(answer: Answer):
    deltas = tell(
        answer, text("Wait."), ("tool_started", STARTED), result("x"), text("There.")
    )
    assert deltas == [
        {"content": "Wait."},
        {"reasoning_content": 'Notes: Search the notes {"query": "budget"}\n'},
        {"reasoning_content": "→ one line\n"},
        {"content": "\n\nThere."},
    ]
    assert answer.text == "Wait.\n\nThere."


def test_long_arguments_are_cut(answer: Answer):
    long = STARTED | {"arguments": {"query": "x" * 5000}}
    (delta,) = tell(answer, ("tool_started", long))
    assert len(delta["reasoning_content"]) < 500


def test_a_notice_is_quoted(answer: Answer):
    notice = {
        "level": "bad",
        "text": "Warehouse was left out.",
        "detail": "It was refused.\nTwice.",
        "link": "/connectors/3",
    }
    tell(answer, text("Well."), ("notice", notice), text("Now."))
    assert answer.text == (
        "Well.\n\n"
        "> Warehouse was left out.\n> It was refused.\n> Twice.\n"
        "> https://patchbay.example/connectors/3\n\n"
        "Now."
    )


def test_proposed_tools_can_be_typed(answer: Answer):
    tools = [{"name": "notes__search", "label": "Notes: Search the notes"}]
    notice = {"level": "proposals", "text": "Pick one.", "tools": tools}
    tell(answer, ("notice", notice))
    assert answer.text.endswith("> - Notes: Search the notes: [TOOL:notes__search]")


def test_nobody_is_told_that_it_was_tried_again(answer: Answer):
    assert tell(answer, ("notice", {"level": "retry", "text": ""})) == []


def test_a_result_that_nobody_put_into_words_is_the_answer(answer: Answer):
    tell(answer, ("tool_started", STARTED), result("line 1\nline 2"), done())
    assert answer.text == "line 1\nline 2"


def test_a_result_that_was_put_into_words_is_not_repeated(answer: Answer):
    tell(answer, ("tool_started", STARTED), result("x"), text("Said."), done())
    assert answer.text == "Said."


def test_what_was_not_called_has_no_result(answer: Answer):
    kind, payload = result("x")
    tell(answer, ("tool_started", STARTED), (kind, payload | {"outcome": "not_sent"}))
    assert tell(answer, done()) == []


# --- Waiting for the person --------------------------------------------------


@pytest.mark.parametrize("kind", ["approval", "input"])
def test_what_waits_is_named_with_a_link(answer: Answer, kind: str):
    tell(answer, (kind, STARTED), done(state="waiting"))
    assert answer.text.startswith("Notes: Search the notes ")
    assert answer.text.endswith("https://patchbay.example/chat/7")
    assert not answer.failed
    assert answer.finish_reason == "stop"


def test_what_became_of_a_question_is_not_said(answer: Answer):
    tell(answer, ("approval", STARTED))
    assert tell(answer, ("approval", {"id": "a1", "decision": "expired"})) == []


# --- Ends --------------------------------------------------------------------


@pytest.mark.parametrize("state", ["failed", "stopped", "interrupted"])
def test_an_early_end_is_a_failure(answer: Answer, state: str):
    tell(answer, text("half"), done(state=state, error_code="MODEL_UNAVAILABLE"))
    assert answer.failed


def test_no_end_at_all_is_a_failure(answer: Answer):
    tell(answer, text("half"))
    assert answer.failed


def test_a_limit_cuts_the_text_that_there_is(answer: Answer):
    tell(answer, text("half"), done(state="failed", error_code="TURN_LIMIT"))
    assert (answer.failed, answer.finish_reason) == (False, "length")


def test_a_limit_before_any_text_is_a_failure(answer: Answer):
    tell(answer, done(state="failed", error_code="TURN_LIMIT"))
    assert answer.failed


# --- Objects -----------------------------------------------------------------


def test_the_whole_answer(answer: Answer):
    usage = {"input_tokens": 5, "output_tokens": 2}
    tell(answer, ("tool_started", STARTED), text("Hello"), done(usage=usage))
    whole = answer.whole()
    assert whole["object"] == "chat.completion"
    assert whole["choices"][0]["message"]["content"] == "Hello"
    assert "budget" in whole["choices"][0]["message"]["reasoning_content"]
    assert whole["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 2,
        "total_tokens": 7,
    }


def test_without_a_model_nothing_is_counted(answer: Answer):
    tell(answer, text("x"), done(usage={}))
    assert set(answer.usage().values()) == {0}


def test_the_pieces_are_of_one_answer(answer: Answer):
    first, last = answer.chunk({"content": "x"}), answer.chunk({}, "stop")
    assert first["id"] == last["id"] == answer.usage_chunk()["id"]
    assert first["choices"][0]["finish_reason"] is None
    assert last["choices"][0]["finish_reason"] == "stop"
    assert answer.usage_chunk()["choices"] == []


def test_who_has_to_sign_in_is_led_there_and_back(answer: Answer):
    asks = {**STARTED, "asks": "sign_in", "source": "connector", "ref": "12"}
    tell(answer, ("input", asks), done(state="waiting"))
    assert "https://patchbay.example/connectors/12/sign-in" in answer.text
    assert "https://patchbay.example/chat/7" in answer.text
