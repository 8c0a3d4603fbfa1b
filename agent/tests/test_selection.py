"""What a person picked: how it is said, and the refusals that name it."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from agent import selection
from agent.models import Policy
from agent.selection import Refusal, Resolved
from agent.tests import boxes
from agent.tests.boxes import listed
from agent.tool_types import Pick
from agent.toolbox import Toolbox
from connectors.errors import InvalidInput
from connectors.models import Status
from connectors.tests import verbs


def tools_of(box: Toolbox, pick: Pick) -> list[str]:
    found = selection.look_up(box, pick)
    assert isinstance(found, Resolved)
    return boxes.names(found.tools)


def refusal(box: Toolbox, pick: Pick) -> Refusal:
    found = selection.look_up(box, pick)
    assert isinstance(found, Refusal)
    return found


# --- The prefix --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [
        ("[TOOL:notes__search] what changed?", "notes__search", "what changed?"),
        ("[TOOL:Notes: Search the notes]x", "Notes: Search the notes", "x"),
        (" \n[tool: notes ]\nwhat\nchanged?", "notes", "what\nchanged?"),
        ("[TOOL:notes]", "notes", ""),
        ("[TOOL:a] [TOOL:b] c", "a", "[TOOL:b] c"),
    ],
)
def test_tool_prefix_injection(text: str, name: str, rest: str) -> None:
    """The customer's prefix picks a tool, and is no part of the message then."""
    assert selection.parse_prefix(text) == (name, rest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "what does [TOOL:notes__delete] do?",
        "> [TOOL:notes__delete] it says",
        "\u200b[TOOL:notes__delete]",
        "[TOOL:]",
        "[TOOL: ]",
        "[TOOL:a\nb]",
        "[TOOL:[TOOL:a]]",
        "[TOOLS:a]",
        "[TOOL:" + "x" * 201 + "]",
    ],
)
def test_a_prefix_anywhere_else_is_text(text: str) -> None:
    assert selection.parse_prefix(text) == (None, text)


@given(st.text())
def test_any_text_is_either_kept_or_has_a_prefix(text: str) -> None:
    name, rest = selection.parse_prefix(text)
    assert text.endswith(rest)
    assert (name is None) == (rest == text)


# --- Names -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "tool"),
    [
        ("notes__search", "connector_tool", "search"),
        ("notes", "connector", ""),
        ("Notes", "connector", ""),
        ("NOTES: search the notes", "connector_tool", "search"),
        ("Notes: search", "connector_tool", "search"),
        ("add", "connector_tool", "add"),
    ],
)
def test_a_name_that_a_person_knows_is_found(
    alice: User, name: str, kind: str, tool: str
) -> None:
    search = listed("search", title="Search the notes")
    row = boxes.connector(alice, "Notes", search, listed("add"))
    boxes.connector(alice, "Wiki", listed("find"))
    box = boxes.load(alice)
    pick = selection.resolve(box, name)
    assert (pick.kind, pick.ref) == (kind, f"{row.pk}:{tool}".rstrip(":"))
    assert pick.label == {"": "Notes", "add": "Notes: add"}.get(
        tool, "Notes: Search the notes"
    )
    assert isinstance(selection.look_up(box, pick), Resolved)


def test_a_name_that_several_tools_have_is_refused_with_all_of_them(
    alice: User,
) -> None:
    boxes.connector(alice, "Notes")
    boxes.connector(alice, "Wiki")
    box = boxes.load(alice)
    found = refusal(box, selection.resolve(box, "search"))
    assert found.code == "TOOL_NOT_FOUND"
    assert found.message == (
        "“search” can be Notes: search, Wiki: search. Pick one of them."
    )


def test_an_unknown_name_is_refused_and_nothing_else_is_taken(alice: User) -> None:
    boxes.connector(alice, "Notes")
    box = boxes.load(alice)
    pick = selection.resolve(box, "serch")
    assert (str(pick), pick.label) == ("connector_tool:serch", "serch")
    found = refusal(box, pick)
    assert found.code == "TOOL_NOT_FOUND"
    assert found.message == "You have no tool and no connector called “serch”."


@given(name=st.text(min_size=1, max_size=300))
def test_any_name_can_be_stored_and_is_refused(name: str) -> None:
    pick = selection.resolve(Toolbox(user_id=1), name)
    assert 0 < len(pick.ref) <= 200
    assert len(pick.label) <= 200
    assert isinstance(selection.look_up(Toolbox(user_id=1), pick), Refusal)


# --- Fields ------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["connector:12", "connector_tool:12:a:b", "system_tool:gmail:send"]
)
def test_a_field_is_read_as_it_is_written(value: str) -> None:
    pick = selection.from_field(value)
    assert str(pick) == value


def test_an_empty_field_is_no_pick() -> None:
    assert selection.from_field("") is None


@pytest.mark.parametrize(
    "value",
    [
        "12", "connector", "connector:", "person:1", ":12", "connector:" + "9" * 201,
        "connector_tool:12:a\0b", "connector_tool:12:\ud800",
    ],
)  # fmt: skip
def test_a_field_that_is_no_pick_is_said_so(value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        selection.from_field(value)
    assert caught.value.errors[0]["loc"] == ["body", "pick", "pick"]


def test_a_whole_connector_is_all_that_is_allowed_of_it(alice: User) -> None:
    row = boxes.connector(alice, "Notes")
    boxes.connector(alice, "Wiki")
    boxes.decide(alice, row, "add", policy=Policy.NEVER)
    box = boxes.load(alice)
    pick = selection.labelled(box, Pick(kind="connector", ref=str(row.pk)))
    assert pick.label == "Notes"
    assert tools_of(box, pick) == ["notes__search"]


@pytest.mark.parametrize("name", ["clock", "clock__now", "Clock: Tell the time", "now"])
def test_what_is_no_connector_is_picked_in_the_same_way(alice: User, name: str) -> None:
    boxes.connector(alice, "Notes")
    box = boxes.with_clock(boxes.load(alice))
    pick = selection.resolve(box, name)
    assert pick.kind == "system_tool"
    assert tools_of(box, pick) == ["clock__now"]
    field = selection.from_field(str(pick))
    assert field is not None
    assert selection.labelled(box, field) == pick


# --- Refusals ----------------------------------------------------------------


def picked(row: Any, tool: str = "", label: str = "") -> Pick:
    if not tool:
        return Pick(kind="connector", ref=str(row.pk), label=label)
    return Pick(kind="connector_tool", ref=f"{row.pk}:{tool}", label=label)


@pytest.mark.parametrize("tool", ["", "search"])
@pytest.mark.parametrize("ref", ["7", "x", "-1", "9" * 60])
def test_what_never_was_there_is_refused(alice: User, tool: str, ref: str) -> None:
    kind = "connector_tool" if tool else "connector"
    found = refusal(boxes.load(alice), Pick(kind=kind, ref=f"{ref}:{tool}".rstrip(":")))
    assert found == Refusal(
        code="CONNECTOR_NOT_FOUND", message="There is no such connector."
    )


@pytest.mark.parametrize("tool", ["", "search"])
def test_another_persons_connector_is_not_there(
    alice: User, bob: User, tool: str
) -> None:
    """Nothing says whether it exists, nor what it is called."""
    row = boxes.connector(alice, "Secret plans")
    boxes.load(alice)
    box = boxes.load(bob)
    pick = selection.labelled(box, picked(row, tool))
    assert pick.label == ""
    assert refusal(box, pick).message == "There is no such connector."
    named = selection.resolve(box, "secret-plans__search")
    assert "called “secret-plans__search”" in refusal(box, named).message


def test_a_deleted_connector_is_named_as_it_was(alice: User) -> None:
    row = boxes.connector(alice, "Notes")
    pick = selection.labelled(boxes.load(alice), picked(row, "search"))
    verbs.remove(alice, row.pk)
    box = boxes.load(alice)
    assert refusal(box, pick) == Refusal(
        code="CONNECTOR_NOT_FOUND",
        message="“Notes: search” is not there any more: it was deleted.",
    )
    assert selection.labelled(box, pick) == pick
    by_name = selection.resolve(box, "notes__search")
    assert "“notes__search” is not there any more" in refusal(box, by_name).message


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"is_active": False}, "CONNECTOR_DISABLED", "Notes is paused"),
        (
            {"status": Status.SIGN_IN_AGAIN, "is_verified": False},
            "SIGN_IN_REQUIRED",
            "Notes needs you to sign in again",
        ),
        (
            {"status": Status.UNREACHABLE, "last_error_code": "TIMEOUT"},
            "TIMEOUT",
            "Notes is not available. It did not answer in time.",
        ),
    ],
)
@pytest.mark.parametrize("name", ["notes", "notes__search", "Notes: search"])
def test_a_connector_that_cannot_be_used_is_named_with_the_reason(
    alice: User, changes: dict[str, Any], code: str, words: str, name: str
) -> None:
    row = boxes.connector(alice, "Notes")
    boxes.load(alice)
    for field, value in changes.items():
        setattr(row, field, value)
    row.save()
    box = boxes.load(alice)
    pick = selection.resolve(box, name)
    assert pick.label.startswith("Notes")
    found = refusal(box, pick)
    assert found.code == code
    assert found.message.startswith(words)


def test_a_tool_that_is_gone_is_said_so(alice: User) -> None:
    row = boxes.connector(alice, "Notes", listed("search"), listed("add"))
    boxes.load(alice)
    row.discovered_tools = row.discovered_tools[1:]
    row.save()
    box = boxes.load(alice)
    assert refusal(box, picked(row, "search")) == Refusal(
        code="TOOL_NOT_FOUND",
        message="Notes does not have the tool “search” any more.",
    )
    never = refusal(box, picked(row, "delete"))
    assert never.message == "Notes has no tool called “delete”."
    assert selection.labelled(box, picked(row, "search")).label == "Notes: search"


def test_a_connector_without_tools_is_said_so(alice: User) -> None:
    row = boxes.connector(alice, "Notes")
    row.discovered_tools, row.tool_count = [], 0
    row.save()
    found = refusal(boxes.load(alice), picked(row))
    assert (found.code, found.message) == ("TOOL_NOT_FOUND", "Notes offers no tools.")


@pytest.mark.parametrize("tool", ["", "search"])
def test_what_the_person_never_wants_is_refused_even_if_they_pick_it(
    alice: User, tool: str
) -> None:
    row = boxes.connector(alice, "Notes", listed("search"))
    boxes.decide(alice, row, "search", policy=Policy.NEVER)
    found = refusal(boxes.load(alice), picked(row, tool))
    assert found.code == selection.NOT_ALLOWED
    assert "Notes" in found.message


def test_nothing_is_read_to_find_a_pick(alice: User) -> None:
    row = boxes.connector(alice, "Notes")
    box = boxes.load(alice)
    with CaptureQueriesContext(connection) as queries:
        for name in ("notes__search", "nothing", "notes"):
            selection.look_up(box, selection.resolve(box, name))
        selection.labelled(box, picked(row, "gone"))
    assert not queries.captured_queries
