"""Folding: what a page shows is made of events, whoever does it and when."""

from typing import Any

import pytest

from agent.models import EventKind
from agent.parts import _FOLDS, calls_in, fold, fold_all, text_of

CALL: dict[str, Any] = {"id": "a", "step": 1, "tool": "search", "arguments": {"q": 1}}


def text(delta: str) -> tuple[str, dict[str, Any]]:
    return "text", {"delta": delta}


def test_every_kind_of_event_can_be_folded() -> None:
    assert set(_FOLDS) == set(EventKind.values)


def test_text_goes_on_until_something_else_happens() -> None:
    parts = fold_all([text("One "), text("two."), ("tool_started", CALL), text("3")])
    assert [part["kind"] for part in parts] == ["text", "call", "text"]
    assert parts[0] == {"kind": "text", "text": "One two."}
    assert text_of(parts) == "One two.\n\n3"


def test_no_text_is_no_part() -> None:
    parts: list[dict[str, Any]] = []
    assert fold(parts, "text", {"delta": ""}) is None
    assert parts == []


def test_a_call_is_one_part_from_its_start_to_its_end() -> None:
    parts: list[dict[str, Any]] = []
    assert fold(parts, *text("Hm.")) == 0
    assert fold(parts, "tool_started", CALL) == 1
    assert parts[1]["state"] == "running"
    progress = {"id": "a", "done": 1, "total": 4, "message": "looking"}
    assert fold(parts, "tool_progress", progress) == 1
    assert parts[1]["progress"] == {"done": 1, "total": 4, "message": "looking"}
    done = {"id": "a", "state": "done", "outcome": "ok", "summary": "3 notes"}
    assert fold(parts, "tool_done", done) == 1
    assert "progress" not in parts[1]
    assert (parts[1]["state"], parts[1]["summary"]) == ("done", "3 notes")
    assert parts[1]["arguments"] == {"q": 1}


def test_a_call_that_never_began_is_a_part_too() -> None:
    parts: list[dict[str, Any]] = []
    assert fold(parts, "tool_done", {**CALL, "state": "invalid"}) == 0
    assert (parts[0]["kind"], parts[0]["state"]) == ("call", "invalid")


def test_progress_after_the_end_changes_nothing() -> None:
    parts = fold_all(
        [("tool_started", CALL), ("tool_done", {"id": "a", "state": "done"})]
    )
    late = {"id": "a", "done": 1, "total": 4, "message": "looking"}
    assert fold(parts, "tool_progress", late) is None


def test_what_names_no_known_call_changes_nothing() -> None:
    parts: list[dict[str, Any]] = []
    assert fold(parts, "tool_done", {"id": "b", "state": "done"}) is None
    assert fold(parts, "approval", {"id": "b", "decision": "allowed"}) is None
    assert parts == []


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        ("allowed", "allowed"),
        ("always", "allowed"),
        ("declined", "declined"),
        ("superseded", "superseded"),
        ("expired", "expired"),
    ],
)
def test_an_approval_is_a_state_of_its_call(decision: str, state: str) -> None:
    parts = fold_all([("approval", {**CALL, "approval_id": 7})])
    assert (parts[0]["state"], parts[0]["approval_id"]) == ("waiting", 7)
    assert fold(parts, "approval", {"id": "a", "decision": decision}) == 0
    assert (parts[0]["state"], parts[0]["decision"]) == (state, decision)


def test_a_call_that_was_allowed_runs_in_the_part_that_asked() -> None:
    parts = fold_all(
        [
            ("approval", {**CALL, "approval_id": 7}),
            ("approval", {"id": "a", "decision": "allowed"}),
            ("tool_started", {**CALL, "call_id": "c"}),
        ]
    )
    assert len(parts) == 1
    assert (parts[0]["state"], parts[0]["approval_id"]) == ("running", 7)


def test_a_form_is_a_state_of_its_call() -> None:
    parts = fold_all([("input", {**CALL, "input_id": 3, "schema": {}})])
    assert parts[0]["state"] == "form"
    assert fold(parts, "input", {"id": "a", "decision": "sent"}) == 0
    assert parts[0]["state"] == "sent"


def test_an_early_end_is_shown_and_gone_when_it_is_tried_again() -> None:
    parts = fold_all([text("Half a sen")])
    end = {"state": "interrupted", "message": "This was interrupted."}
    assert fold(parts, "done", end) == 1
    assert parts[1] == {"kind": "end", **end}
    assert fold(parts, "notice", {"level": "retry", "text": ""}) is None
    assert fold(parts, *text("Whole.")) == 1
    assert text_of(parts) == "Half a sen\n\nWhole."


def test_a_good_end_is_no_part() -> None:
    parts = fold_all([text("Done.")])
    assert fold(parts, "done", {"state": "done", "message": ""}) is None
    assert len(parts) == 1


def test_a_notice_is_a_part() -> None:
    parts: list[dict[str, Any]] = []
    notice = {"level": "info", "text": "Warehouse was left out of this answer."}
    assert fold(parts, "notice", notice) == 0
    assert parts == [{"kind": "notice", **notice}]


def test_calls_are_found_by_their_state() -> None:
    parts = fold_all(
        [
            text("Hm."),
            ("tool_started", CALL),
            ("approval", {**CALL, "id": "b"}),
        ]
    )
    assert [part["id"] for part in calls_in(parts)] == ["a", "b"]
    assert [part["id"] for part in calls_in(parts, "waiting", "form")] == ["b"]
