"""Calls in a turn: checked, run with evidence, refused or asked for."""

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from accounts.models import User
from agent import calling, repeats, running, turns
from agent.models import Approval, InputRequest, ToolResult, ToolSetting, Turn
from agent.tests.boxes import decide
from agent.tests.turning import OWNER, again, ask, begin, kinds, part_of
from agent.work import Called, Work
from connectors.models import Outcome, ToolCall, UserMCPConnection
from connectors.tests import verbs
from demo.fixtures import DemoServer
from demo.hostile import Hostile

pytestmark = pytest.mark.usefixtures("allow_loopback")


@pytest.fixture(autouse=True)
def short_limits(settings: Settings) -> None:
    settings.CONNECT_TIMEOUT_S = 0.5
    settings.RETRY_DELAY_S = 0.05
    settings.CALL_TIMEOUT_S = 5


@pytest.fixture
def notes(alice: User, notes_server: DemoServer) -> UserMCPConnection:
    return verbs.add(alice, notes_server.url, "Notes")


@pytest.fixture
def work(alice: User, notes: UserMCPConnection) -> Work:
    return begin(ask(alice))


def work_with(user: User, hostile: Hostile, fault: str) -> Work:
    verbs.add(user, hostile.url(fault), "Peer")
    return begin(ask(user))


def call(work: Work, name: str, arguments: dict[str, Any], **changes: Any) -> Called:
    tool = next(tool for tool in work.toolbox.tools.values() if tool.spec.name == name)
    return async_to_sync(calling.call)(
        work, tool=tool, arguments=arguments, step=1, **changes
    )


def again_of(work: Work) -> Turn:
    return again(Turn(pk=work.turn_id))


# --- Calls that run ----------------------------------------------------------


def test_a_reading_tool_runs_without_asking(work: Work, alice: User) -> None:
    called = call(work, "search_notes", {"query": "release"}, call_key="k1")
    assert called.state == "done"
    part = called.part
    assert part is work.parts[0]
    assert (part["id"], part["step"], part["outcome"]) == ("k1", 1, "ok")
    assert part["label"] == "Notes: Search notes"
    assert part["arguments"] == {"query": "release"}
    assert part["summary"]
    assert part["reads_only"]
    assert json.loads(called.model_text)["untrusted"] is True
    row = ToolCall.objects.get()
    assert str(row.call_id) == part["call_id"]
    assert (row.outcome, row.via, row.user_id) == (Outcome.OK, "chat", alice.pk)
    assert row.conversation_id == work.caller.conversation_id


def test_the_person_keeps_the_whole_result(work: Work) -> None:
    called = call(work, "search_notes", {"query": "release"})
    kept = ToolResult.objects.get()
    assert str(kept.call_id) == called.part["call_id"]
    assert kept.arguments == {"query": "release"}
    assert kept.result is not None
    assert kept.result["is_error"] is False
    assert kept.result["content"][0]["type"] == "text"


def test_what_is_stored_is_what_is_shown(work: Work) -> None:
    called = call(work, "search_notes", {"query": "release"})
    turn = again_of(work)
    assert kinds(turn) == ["tool_started", "tool_done"]
    turns.finish(turn.pk, owner=OWNER, state="done")
    assert part_of(turn) == called.part


def test_a_tool_that_fails_by_its_own_word_is_done(work: Work) -> None:
    called = call(work, "fail", {})
    assert called.state == "done"
    assert called.part["outcome"] == Outcome.TOOL_ERROR
    assert json.loads(called.model_text)["is_error"] is True


def test_progress_is_shown_while_it_runs(alice: User, hostile: Hostile) -> None:
    work = work_with(alice, hostile, "call-slow")
    call(work, "echo", {"text": "x"})
    seen = kinds(again_of(work))
    assert seen[0] == "tool_started"
    assert "tool_progress" in seen
    assert seen[-1] == "tool_done"
    assert "progress" not in work.parts[0]


def test_a_server_that_is_always_done_does_not_fill_the_table(work: Work) -> None:
    told = running._Told(journal=work.journal, key="k")

    async def flood() -> None:
        for _ in range(50):
            await told(1, 1, "done")

    async_to_sync(flood)()
    assert kinds(again_of(work)) == ["tool_progress"]


def test_hostile_results_are_stored_and_stay_data(
    alice: User, hostile: Hostile
) -> None:
    work = work_with(alice, hostile, "call-hostile-text")
    called = call(work, "echo", {"text": "a\x00b\ud800"})
    assert called.state == "done"
    assert called.part["arguments"] == {"text": "ab"}
    assert json.loads(called.model_text)["untrusted"] is True
    assert "\x00" not in str(ToolResult.objects.get().result)


# --- Calls that do not -------------------------------------------------------


def test_arguments_that_do_not_fit_are_not_sent(work: Work) -> None:
    called = call(work, "search_notes", {"query": 7})
    assert called.state == "invalid"
    assert called.errors[0]["loc"][:3] == ["body", "arguments", "query"]
    assert "query" in called.model_text
    assert called.part["error_code"] == "INVALID_INPUT"
    assert not ToolCall.objects.exists()
    assert kinds(again_of(work)) == ["tool_done"]


def test_a_tool_that_is_never_used_is_refused(
    alice: User, notes: UserMCPConnection
) -> None:
    decide(alice, notes, "search_notes", policy="never")
    work = begin(ask(alice))
    called = call(work, "search_notes", {"query": "x"}, forced=True)
    assert called.state == "refused"
    assert called.part["error_code"] == "TOOL_NOT_ALLOWED"
    assert called.model_text
    assert not ToolCall.objects.exists()


@pytest.mark.parametrize(
    ("fault", "state", "outcome", "code"),
    [
        ("call-hangs", "unknown", "unknown", "OUTCOME_UNKNOWN"),
        ("call-closes", "unknown", "unknown", "OUTCOME_UNKNOWN"),
        ("call-error", "done", "failed", "SERVER_ERROR"),
    ],
)
def test_what_becomes_of_a_call_that_fails_is_said(
    alice: User,
    hostile: Hostile,
    settings: Settings,
    fault: str,
    state: str,
    outcome: str,
    code: str,
) -> None:
    settings.CALL_TIMEOUT_S = 1
    work = work_with(alice, hostile, fault)
    called = call(work, "echo", {"text": "x"})
    shown = (called.state, called.part["outcome"], called.part["error_code"])
    assert shown == (state, outcome, code)
    assert called.part["message"]
    assert called.model_text
    assert called.part["call_id"] == str(ToolCall.objects.get().call_id)
    assert ToolResult.objects.get().result is None


def test_a_server_that_is_away_got_nothing(
    alice: User, notes: UserMCPConnection, closed_url: str
) -> None:
    UserMCPConnection.objects.update(server_url=closed_url)
    called = call(begin(ask(alice)), "search_notes", {"query": "x"})
    assert (called.state, called.part["outcome"]) == ("done", Outcome.NOT_SENT)
    assert called.part["error_code"] == "CONNECTION_FAILED"


def test_a_tool_that_changed_since_it_was_offered_is_refused(work: Work) -> None:
    row = UserMCPConnection.objects.get()
    for tool in row.discovered_tools:
        tool["hash"] = "f" * 64
    row.save()
    called = call(work, "search_notes", {"query": "x"})
    assert (called.state, called.part["error_code"]) == (
        "refused", "TOOL_PENDING_REVIEW"
    )  # fmt: skip


def test_a_connector_that_was_deleted_meanwhile_is_refused(work: Work) -> None:
    UserMCPConnection.objects.all().delete()
    called = call(work, "search_notes", {"query": "x"})
    assert (called.state, called.part["error_code"]) == (
        "refused", "CONNECTOR_NOT_FOUND"
    )  # fmt: skip


# --- Calls that were made before the answer was tried again -------------------


def tried_again(work: Work) -> Work:
    turns.stop(work.turn_id)
    return begin(turns.retry(work.turn_id))


def test_the_same_call_is_answered_and_not_made_again(work: Work) -> None:
    first = call(work, "search_notes", {"query": "release"})
    work = tried_again(work)
    same = call(work, "search_notes", {"query": "release"}, call_key="k2")
    assert ToolCall.objects.count() == 1
    assert same.model_text == first.model_text
    assert (same.part["id"], same.part["repeats"]) == ("k2", first.part["id"])
    assert same.part["call_id"] == first.part["call_id"]
    assert same.part["message"] == repeats.MADE_BEFORE


def test_another_call_is_made(work: Work) -> None:
    call(work, "search_notes", {"query": "release"})
    work = tried_again(work)
    call(work, "search_notes", {"query": "budget"})
    assert ToolCall.objects.count() == 2


def test_who_asks_twice_wants_two_calls(work: Work) -> None:
    call(work, "search_notes", {"query": "release"})
    work = tried_again(work)
    for _ in range(2):
        call(work, "search_notes", {"query": "release"})
    assert ToolCall.objects.count() == 2


def test_within_one_attempt_a_call_can_be_made_again(work: Work) -> None:
    for _ in range(2):
        call(work, "search_notes", {"query": "release"})
    assert ToolCall.objects.count() == 2


def test_a_call_whose_outcome_nobody_knows_is_never_made_again(
    alice: User, hostile: Hostile
) -> None:
    work = work_with(alice, hostile, "call-closes")
    call(work, "echo", {"text": "x"})
    work = tried_again(work)
    again_and_again = [call(work, "echo", {"text": "x"}).state for _ in range(3)]
    assert again_and_again == ["unknown"] * 3
    assert ToolCall.objects.count() == 1


def test_a_call_that_never_left_is_made_again(
    alice: User, notes: UserMCPConnection, closed_url: str
) -> None:
    url = notes.server_url
    UserMCPConnection.objects.update(server_url=closed_url)
    work = begin(ask(alice))
    call(work, "search_notes", {"query": "x"})
    UserMCPConnection.objects.update(server_url=url, status="ready", last_error_code="")
    called = call(tried_again(work), "search_notes", {"query": "x"})
    assert (called.state, called.part["outcome"]) == ("done", Outcome.OK)


# --- Calls that wait ---------------------------------------------------------


def test_a_changing_tool_asks_first_with_its_exact_arguments(work: Work) -> None:
    called = call(work, "delete_note", {"note_id": "N-1"}, call_key="k1", forced=True)
    assert (called.state, called.model_text) == ("waiting", "")
    part = called.part
    approval = Approval.objects.get()
    assert part["approval_id"] == approval.pk
    assert part["arguments"] == {"note_id": "N-1"}
    assert (part["destructive"], part["forced"]) == (True, True)
    assert part["question"] == "Delete a note on Notes?"
    assert approval.call_key == "k1"
    assert approval.arguments.open()["arguments"] == {"note_id": "N-1"}
    assert "N-1" not in str(approval.__dict__)
    assert not ToolCall.objects.exists()


def test_a_tool_that_is_always_allowed_does_not_ask(
    alice: User, notes: UserMCPConnection
) -> None:
    decide(alice, notes, "delete_note", policy="allow")
    called = call(begin(ask(alice)), "delete_note", {"note_id": "none"})
    assert called.state == "done"
    assert not Approval.objects.exists()


def test_a_reading_tool_asks_if_the_person_wants_that(
    alice: User, notes: UserMCPConnection
) -> None:
    decide(alice, notes, "search_notes", policy="ask")
    called = call(begin(ask(alice)), "search_notes", {"query": "x"})
    assert called.state == "waiting"


def test_what_does_not_fit_is_not_asked_about(work: Work) -> None:
    assert call(work, "delete_note", {}).state == "invalid"
    assert not Approval.objects.exists()


def test_a_form_carries_what_is_known_and_what_is_wrong(work: Work) -> None:
    tool = next(tool for tool in work.toolbox.tools.values() if tool.spec.name == "add")
    errors = [{"loc": ["body", "arguments", "b"], "msg": "Missing.", "type": "x"}]
    called = async_to_sync(calling.ask_form)(
        work, tool=tool, arguments={"a": 2}, step=3, errors=errors, forced=True
    )
    assert (called.state, called.model_text) == ("form", "")
    request = InputRequest.objects.get()
    assert called.part["input_id"] == request.pk
    assert called.part["values"] == {"a": 2}
    assert called.part["errors"] == errors
    assert called.part["schema"] == request.schema == tool.spec.input_schema
    assert not ToolSetting.objects.exists()
