"""What a turn may use: whose tools, by which names, and how many are offered."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from agent.models import Policy, ToolSetting
from agent.tests import boxes, turning
from agent.tests.boxes import listed
from agent.tool import Tool
from agent.tool_types import Caller, ToolAnswer
from agent.toolbox import OFFERED_MAX, RECENT_MAX, Toolbox
from connectors.errors import ToolPendingReview
from connectors.models import Outcome, Status, ToolCall, UserMCPConnection, Via
from connectors.tests import rows, verbs
from demo.fixtures import DemoServer

pytestmark = pytest.mark.usefixtures("no_system_tools")


def many(count: int) -> list[dict[str, Any]]:
    return [listed(f"tool_{number:03}") for number in range(count)]


def crowd(user: User, count: int = 150) -> UserMCPConnection:
    """A connector with more tools than are offered at once."""
    return boxes.connector(user, "Crowd", *many(count))


# --- What is in it -----------------------------------------------------------


def test_load_user_tools(alice: User) -> None:
    boxes.connector(alice, "Notes")
    boxes.connector(alice, "Wiki", listed("search", title="Search the wiki"))
    box = boxes.load(alice)
    assert [*box.tools] == ["notes__search", "notes__add", "wiki__search"]
    assert [tool.label for tool in box.tools.values()] == [
        "Notes: search", "Notes: add", "Wiki: Search the wiki"
    ]  # fmt: skip
    assert boxes.names(box.offered()) == [*box.tools]


def test_another_persons_connector_never_appears(alice: User, bob: User) -> None:
    theirs = boxes.connector(alice, "Notes")
    boxes.decide(alice, theirs, "search", pinned=True)
    boxes.connector(bob, "Wiki", listed("find"))
    box = boxes.load(bob)
    assert [*box.tools] == ["wiki__find"]
    assert not box.absent
    assert not box.forgotten
    assert not any(tool.pinned for tool in box.tools.values())


def test_nobody_is_asked_for_what_is_stored(alice: User, closed_url: str) -> None:
    """The fixture `allow_loopback` is missing: a dial would be refused and stored."""
    boxes.connector(alice, "Notes", server_url=closed_url)
    assert len(boxes.load(alice).tools) == 2
    assert UserMCPConnection.objects.get().status == Status.READY


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"is_active": False}, "CONNECTOR_DISABLED"),
        ({"status": Status.PAUSED_AUTO}, "CONNECTOR_DISABLED"),
        ({"status": Status.SIGN_IN, "is_verified": False}, "SIGN_IN_REQUIRED"),
        ({"status": Status.SIGN_IN_AGAIN, "is_verified": False}, "SIGN_IN_REQUIRED"),
        ({"status": Status.SECRET_UNREADABLE}, "SECRET_UNREADABLE"),
        ({"status": Status.NOT_MCP, "is_verified": False}, "INVALID_MCP_SERVER"),
        ({"status": Status.UNREACHABLE, "last_error_code": "TIMEOUT"}, "TIMEOUT"),
        ({"status": Status.SERVER_ERROR, "last_error_code": "SERVER_ERROR"},
         "SERVER_ERROR"),
        ({"is_verified": False}, "SIGN_IN_REQUIRED"),
    ],
)  # fmt: skip
def test_a_connector_that_cannot_be_used_costs_the_others_nothing(
    alice: User, changes: dict[str, Any], code: str
) -> None:
    boxes.connector(alice, "Wiki", **changes)
    boxes.connector(alice, "Notes")
    box = boxes.load(alice)
    assert [*box.tools] == ["notes__search", "notes__add"]
    (absent,) = box.absent
    assert (absent.label, absent.slug, absent.code) == ("Wiki", "wiki", code)
    assert "Wiki" in absent.message


def test_what_an_administrator_removed_is_said_so(alice: User) -> None:
    rows.removed(alice)
    (absent,) = boxes.load(alice).absent
    assert absent.code == "CONNECTOR_DISABLED"
    assert absent.message == "Your administrator removed Scraper."


def test_a_changed_connector_stays_in_use_while_it_waits_for_review(
    alice: User,
) -> None:
    boxes.connector(alice, "Notes", status=Status.REVIEW)
    assert len(boxes.load(alice).tools) == 2


def test_what_nobody_wanted_away_is_said_once_and_what_is_tried_again_is_not(
    alice: User,
) -> None:
    boxes.connector(alice, "Paused", is_active=False)
    boxes.connector(alice, "Away", status=Status.UNREACHABLE)
    row = boxes.connector(alice, "Wiki", status=Status.SIGN_IN_AGAIN, is_verified=False)
    assert boxes.load(alice).notices == [
        {
            "level": "info",
            "text": "Wiki was left out of this answer.",
            "detail": "Wiki needs you to sign in again.",
            "code": "SIGN_IN_REQUIRED",
            "connector_id": row.pk,
            "link": f"/connectors/{row.pk}/sign-in",
            "link_label": "Sign in",
        }
    ]


def test_what_the_person_is_signed_out_of_is_not_said_again_and_again(
    alice: User,
) -> None:
    away: dict[str, Any] = {"status": Status.SIGN_IN, "is_verified": False}
    row = boxes.connector(alice, "Journal", auth_type="oauth", **away)
    # This one asked for nothing before: that is news.
    boxes.connector(alice, "Notes", **away)
    box = boxes.load(alice)
    assert [one["text"] for one in box.notices] == [
        "Notes was left out of this answer."
    ]
    (journal,) = [one for one in box.absent if one.label == "Journal"]
    # Picked, it still leads to the sign-in.
    assert journal.waits_for_sign_in
    assert journal.way_out["link"] == f"/connectors/{row.pk}/sign-in"


@pytest.mark.parametrize(
    "broken",
    [
        {"inputSchema": None},
        {"inputSchema": {"type": "object", "properties": [1]}},
        {"inputSchema": {"$ref": "#/nowhere"}},
        {"annotations": "none", "title": 7, "description": None, "hash": None},
    ],
)
def test_a_tool_with_a_broken_schema_costs_only_itself(
    alice: User, broken: dict[str, Any]
) -> None:
    boxes.connector(alice, "Notes", {**listed("broken"), **broken}, listed("search"))
    box = boxes.load(alice)
    assert [*box.tools] == ["notes__broken", "notes__search"]
    for tool in box.offered():
        assert tool.wire.schema["type"] == "object"
        assert tool.cost > 0


def test_what_is_no_tool_at_all_costs_only_itself(alice: User) -> None:
    odd: list[Any] = [None, {}, {"name": 7}, {"name": ""}, {"name": "x" * 200}]
    boxes.connector(alice, "Notes", *odd, listed("search"))
    assert [*boxes.load(alice).tools] == ["notes__search"]


def test_loading_takes_six_queries_however_much_there_is(alice: User) -> None:
    for number in range(10):
        boxes.connector(alice, f"Server {number}", *many(50))
    boxes.load(alice)
    with CaptureQueriesContext(connection) as queries:
        box = boxes.load(alice)
    assert len(queries) == 6
    assert len(box.tools) == 500
    assert len(box.offered()) == 0


def test_names_of_tools_that_are_gone_are_remembered(alice: User) -> None:
    row = boxes.connector(alice, "Notes")
    boxes.load(alice)
    ref = str(row.pk)
    verbs.remove(alice, row.pk)
    assert boxes.load(alice).forgotten == {
        "notes__search": ("connector", ref, "search"),
        "notes__add": ("connector", ref, "add"),
    }


# --- What the person decided -------------------------------------------------


@pytest.mark.parametrize(
    ("hints", "policy", "asks"),
    [
        ({"readOnlyHint": True}, Policy.DEFAULT, False),
        ({"readOnlyHint": False}, Policy.DEFAULT, True),
        ({}, Policy.DEFAULT, True),
        ({"destructiveHint": False}, Policy.DEFAULT, True),
        ({"readOnlyHint": True, "destructiveHint": True}, Policy.DEFAULT, True),
        ({"destructiveHint": True}, Policy.ALLOW, False),
        ({"readOnlyHint": True}, Policy.ASK, True),
        ({"readOnlyHint": True}, Policy.NEVER, True),
    ],
)
def test_a_tool_asks_first_unless_it_only_reads_or_is_allowed(
    alice: User, hints: dict[str, bool], policy: Policy, asks: bool
) -> None:
    row = boxes.connector(alice, "Notes", listed("x", annotations=hints))
    boxes.decide(alice, row, "x", policy=policy)
    assert boxes.load(alice).tools["notes__x"].asks is asks


def test_what_may_never_be_used_is_neither_offered_nor_found(alice: User) -> None:
    row = boxes.connector(alice, "Notes")
    boxes.decide(alice, row, "search", policy=Policy.NEVER, pinned=True)
    box = boxes.load(alice)
    assert boxes.names(box.offered(picked={"notes__search"})) == ["notes__add"]
    assert boxes.names(box.search("search notes")) == ["notes__add"]


# --- How much is offered -----------------------------------------------------


def test_a_hundred_tools_are_offered_as_they_are(
    alice: User, settings: Settings
) -> None:
    settings.TOOL_BUDGET_TOKENS = 100_000
    crowd(alice, OFFERED_MAX)
    box = boxes.load(alice)
    assert not box.is_searching
    assert len(box.offered()) == OFFERED_MAX


def test_more_tools_than_a_hundred_are_searched(
    alice: User, settings: Settings
) -> None:
    settings.TOOL_BUDGET_TOKENS = 100_000
    crowd(alice, OFFERED_MAX + 1)
    box = boxes.load(alice)
    assert box.is_searching
    assert box.offered() == []


def test_a_few_tools_that_cost_too_much_are_searched(
    alice: User, settings: Settings
) -> None:
    boxes.connector(alice, "Notes")
    settings.TOOL_BUDGET_TOKENS = 20
    assert boxes.load(alice).is_searching


def test_pinned_picked_revealed_and_recently_used_tools_are_never_deferred(
    alice: User,
) -> None:
    row = crowd(alice)
    boxes.decide(alice, row, "tool_140", pinned=True)
    boxes.decide(alice, row, "tool_130", last_used_at=timezone.now())
    offered = boxes.load(alice).offered(
        picked={"crowd__tool_149"}, revealed=["crowd__tool_001"]
    )
    assert boxes.names(offered) == [
        "crowd__tool_001", "crowd__tool_130", "crowd__tool_140", "crowd__tool_149"
    ]  # fmt: skip


def test_only_those_used_last_are_recent(alice: User) -> None:
    row = crowd(alice)
    now = timezone.now()
    for number in range(RECENT_MAX + 5):
        at = now - timedelta(days=number)
        boxes.decide(alice, row, f"tool_{number:03}", last_used_at=at)
    offered = boxes.names(boxes.load(alice).offered())
    assert offered == [f"crowd__tool_{number:03}" for number in range(RECENT_MAX)]


def test_a_whole_connector_that_is_picked_is_offered_as_far_as_it_fits(
    alice: User, settings: Settings
) -> None:
    crowd(alice, 300)
    box = boxes.load(alice)
    some = box.offered(picked=box.tools.keys())
    assert 0 < len(some) <= OFFERED_MAX
    assert sum(tool.cost for tool in some) <= settings.TOOL_BUDGET_TOKENS
    settings.TOOL_BUDGET_TOKENS = 1
    assert len(box.offered(picked=box.tools.keys())) == 1


def test_one_picked_tool_is_offered_whatever_it_costs(
    alice: User, settings: Settings
) -> None:
    crowd(alice)
    settings.TOOL_BUDGET_TOKENS = 1
    offered = boxes.load(alice).offered(picked={"crowd__tool_007"})
    assert boxes.names(offered) == ["crowd__tool_007"]


def test_a_search_reveals_what_is_meant(alice: User) -> None:
    boxes.connector(
        alice,
        "Tracker",
        listed("create_issue", description="Open a new issue in a repository."),
        listed("list_commits", description="List commits of a branch."),
        listed("searchIssues", description="Search issues and pull requests."),
    )
    crowd(alice)
    found = boxes.load(alice).search("which issues are open?")
    assert "tracker__create_issue" in boxes.names(found)[:2]
    assert "tracker__searchIssues" in boxes.names(found)[:2]


# --- Calls -------------------------------------------------------------------


def call(box: Toolbox, tool: Tool, user: User, **arguments: Any) -> ToolAnswer:
    caller = Caller(user_id=user.pk, username=user.username, via=Via.CHAT)
    return async_to_sync(box.call)(tool, arguments, caller=caller, call_id=uuid.uuid4())


@pytest.mark.usefixtures("allow_loopback")
def test_a_call_leaves_evidence_and_makes_the_tool_a_recent_one(
    alice: User, notes_server: DemoServer
) -> None:
    row = verbs.add(alice, notes_server.url, "Notes")
    box = boxes.load(alice)
    answer = call(box, box.tools["notes__search_notes"], alice, query="release")
    assert not answer.is_error
    assert answer.structured_content
    evidence = ToolCall.objects.get()
    assert evidence.call_id == answer.call_id
    assert (evidence.outcome, evidence.via) == (Outcome.OK, Via.CHAT)
    setting = ToolSetting.objects.get()
    assert (setting.ref, setting.tool) == (str(row.pk), "search_notes")
    assert boxes.load(alice).tools["notes__search_notes"].last_used_at


@pytest.mark.usefixtures("allow_loopback")
def test_a_tool_that_changed_since_the_toolbox_was_loaded_is_not_called(
    alice: User, notes_server: DemoServer
) -> None:
    row = verbs.add(alice, notes_server.url, "Notes")
    box = boxes.load(alice)
    for tool in row.discovered_tools:
        tool["hash"] = "0" * 64
    row.save()
    with pytest.raises(ToolPendingReview):
        call(box, box.tools["notes__search_notes"], alice, query="release")
    assert ToolCall.objects.get().outcome == Outcome.REFUSED


@pytest.mark.usefixtures("allow_loopback")
def test_use_leaves_alone_what_the_person_decided(
    alice: User, notes_server: DemoServer
) -> None:
    row = verbs.add(alice, notes_server.url, "Notes")
    boxes.decide(alice, row, "search_notes", policy=Policy.ALLOW, pinned=True)
    box = boxes.load(alice)
    for _ in range(2):
        call(box, box.tools["notes__search_notes"], alice, query="release")
    setting = ToolSetting.objects.get()
    assert (setting.policy, setting.pinned) == (Policy.ALLOW, True)


def test_what_is_no_connector_is_called_in_the_same_way(alice: User) -> None:
    box = boxes.with_clock(boxes.load(alice))
    answer = call(box, box.tools["clock__now"], alice)
    assert answer.content == [{"type": "text", "text": "noon"}]
    setting = ToolSetting.objects.get()
    assert (setting.source, setting.ref, setting.tool) == ("system", "clock", "now")


def test_what_takes_long_with_many_tools_is_done_before_the_loop_has_them(
    alice: User,
) -> None:
    boxes.connector(alice)
    work = turning.begin(turning.ask(alice))
    assert {"is_searching", "_index"} <= vars(work.toolbox).keys()
