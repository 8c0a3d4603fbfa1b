"""What is streamed of an answer adds up to what a list shows of it, always."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from chatkit import widgets
from chatkit.types import WorkflowItem
from hypothesis import given
from hypothesis import strategies as st

from agent.chatkit import items, streams
from agent.chatkit.changes import Changes
from agent.chatkit.drawn import Drawn
from agent.chatkit.places import Place
from agent.models import Message
from agent.parts import WAITING, fold
from agent.tests.chatkit_client import EVENT, ITEMS, Screen, dumped, texts

CALL_ID = "0b9d1b5e-6c52-4f0a-9d2e-6a7e5ad0c001"
NOW = datetime(2026, 11, 30, tzinfo=UTC)
CALL = {
    "step": 1,
    "name": "notes__search",
    "source": "connector",
    "ref": "1",
    "tool": "search",
    "title": "Search",
    "label": "Notes: Search",
    "connector": "Notes",
    "reads_only": True,
    "destructive": False,
    "arguments": {"query": "x"},
    "forced": False,
}


def answer() -> Message:
    return Message(conversation_id=7, seq=2, role="assistant", created_at=NOW)


def started(key: str = "c1", **more: Any) -> tuple[str, dict[str, Any]]:
    return "tool_started", {**CALL, "id": key, "call_id": CALL_ID, **more}


def done(key: str = "c1", **more: Any) -> tuple[str, dict[str, Any]]:
    ended = {"state": "done", "outcome": "ok", "error_code": "", "message": ""}
    return "tool_done", {
        "id": key,
        **ended,
        "duration_ms": 5,
        "summary": "1 hit",
        **more,
    }


def waiting(key: str = "c1") -> tuple[str, dict[str, Any]]:
    return "approval", {**CALL, "id": key, "approval_id": 3, "question": "Search?"}


def decided(word: str, key: str = "c1") -> tuple[str, dict[str, Any]]:
    return "approval", {"id": key, "decision": word}


def text(delta: str) -> tuple[str, dict[str, Any]]:
    return "text", {"delta": delta}


def notice(level: str = "info", **more: Any) -> tuple[str, dict[str, Any]]:
    said = {"text": "Mail was left out.", "detail": "", "code": "", **more}
    return "notice", {"level": level, **said}


FORM = {
    "schema": {"type": "object", "properties": {"a": {"type": "number"}}},
    "values": {},
    "errors": [],
    "input_id": 5,
}
SIGN_IN = {"asks": "sign_in", "input_kind": "url", "input_id": 6, "reason": ""}
STORIES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "text": [text("Hel"), text("lo"), text(" there")],
    "a call": [started(), done(), text("It is x")],
    "two calls, then text, then one": [
        started(), started("c2"), done(), done("c2"), text("So"), started("c3"),
        done("c3"), text("far"),
    ],
    "progress": [
        started(),
        ("tool_progress", {"id": "c1", "done": 1, "total": 2, "message": "…"}), done(),
    ],
    "allowed": [waiting(), decided("allowed"), started(), done(), text("Done")],
    "one that waits, beside one that does not": [
        waiting(), started("c2"), done("c2"), decided("allowed"), started(), done(),
    ],
    "allowed before a notice": [
        waiting(), notice(), decided("allowed"), started(), done(), text("Done"),
    ],
    "asked in the middle of others": [
        started("c0"), started(), started("c2"), done("c0"), done("c2"),
        ("input", {**CALL, "id": "c1", **SIGN_IN}), notice(),
        ("input", {"id": "c1", "decision": "signed_in"}), started(), done(), text("So"),
    ],
    "declined": [waiting(), decided("declined"), text("As you wish")],
    "a form": [
        ("input", {**CALL, "id": "c1", **FORM}),
        ("input", {"id": "c1", "decision": "sent", "arguments": {"a": 1}}),
        started(arguments={"a": 1}), done(),
    ],
    "a form that is left": [
        ("input", {**CALL, "id": "c1", **FORM}),
        ("input", {"id": "c1", "decision": "superseded"}),
    ],
    "a sign-in of a call": [
        started(), ("input", {**CALL, "id": "c1", **SIGN_IN}),
        ("input", {"id": "c1", "decision": "signed_in"}), started(), done(),
    ],
    "allowed, then a sign-in": [
        waiting(), decided("allowed"), ("input", {**CALL, "id": "c1", **SIGN_IN}),
        ("input", {"id": "c1", "decision": "declined"}), text("Not done"),
    ],
    "a sign-in of a pick": [
        ("input", {"id": "k", "part": "sign_in", "source": "connector", "ref": "1",
                   "connector": "Notes", "label": "Notes", **SIGN_IN}),
        ("input", {"id": "k", "decision": "signed_in"}), text("Now"),
    ],
    "a question in a call": [
        started(),
        ("input", {**CALL, "id": "q", "part": "question", "asks": "form", "call": "c1",
                   "origin": "https://x.example", "said": "Sure?", "url": "", **FORM}),
        ("input", {"id": "q", "decision": "sent"}), done(),
    ],
    "notices": [
        notice(), text("Yes"), notice("bad", code="NOT_FOUND"), notice("direct")
    ],
    "proposals": [notice("proposals", tools=[
        {"label": "Notes: Search", "pick": "connector_tool:1:search", "name": "n",
         "summary": "Searches."}])],
    "failed, tried again": [
        text("Half a"), ("done", {"state": "failed", "message": "The model failed.",
                                  "error_code": "MODEL_BUSY"}),
        ("notice", {"level": "retry", "text": ""}), text("A whole answer"),
    ],
    "refused at once": [
        ("tool_done", {**CALL, "id": "c1", "state": "refused", "outcome": "refused",
                       "error_code": "TOOL_NOT_ALLOWED", "message": "Never."})
    ],
}  # fmt: skip


def grown(parts: list[Any]) -> set[str]:
    """Everything at the end may still grow."""
    return {item.id for item in items.of_answer(answer(), parts)[-1:]}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("looks_every", [1, 2, 99])
def test_a_stream_arrives_at_the_list(story: str, looks_every: int):
    screen, changes = Screen(), Changes()
    parts: list[Any] = []
    for number, (kind, payload) in enumerate(STORIES[story], start=1):
        fold(parts, kind, payload)
        if number % looks_every == 0:
            tell(screen, changes, parts, grown(parts))
    tell(screen, changes, parts, set())
    listed = items.of_answer(answer(), parts)
    assert as_sent(listed) == as_sent(screen.items.values())
    places = [Place.at(item.id) for item in listed]
    assert sorted(set(places)) == places
    assert {place.seq for place in places} <= {2}


@given(st.data())
def test_whoever_comes_late_arrives_as_well(data: st.DataObject):
    events = STORIES[data.draw(st.sampled_from(sorted(STORIES)))]
    late = data.draw(st.integers(0, len(events)))
    parts: list[Any] = []
    for kind, payload in events[:late]:
        fold(parts, kind, payload)
    seen = items.of_answer(answer(), parts)
    screen, changes = Screen(), Changes(seen)
    screen.items = {item.id: item.model_copy(deep=True) for item in seen}
    for kind, payload in events[late:]:
        fold(parts, kind, payload)
        if data.draw(st.booleans()):
            tell(screen, changes, parts, grown(parts))
    tell(screen, changes, parts, set())
    listed = items.of_answer(answer(), parts)
    assert as_sent(listed) == as_sent(screen.items.values())


def as_sent(there: Iterable[Any]) -> list[Any]:
    """As a reader has them: with the defaults that the SDK fills in."""
    page = {"data": [item.model_dump(mode="json", exclude_none=True) for item in there]}
    return list(ITEMS.validate_python(page).data)


def tell(screen: Screen, changes: Changes, parts: list[Any], growing: set[str]) -> None:
    for event in changes.to(items.of_answer(answer(), parts), growing=growing):
        # As it is sent, and as it is read.
        sent = event.model_dump(mode="json", by_alias=True, exclude_none=True)
        screen.apply(EVENT.validate_python(sent))


@pytest.mark.parametrize("story", STORIES)
def test_what_was_shown_when_it_waited_is_there_after_it(story: str):
    """So that who comes back knows of everything that may be on the screen."""
    parts: list[Any] = []
    shown: set[str] = set()
    for kind, payload in STORIES[story]:
        fold(parts, kind, payload)
        there = {item.id for item in items.of_answer(answer(), parts)}
        ended = {one for one in shown if one.startswith("end")}
        assert shown - ended <= there
        if any(part.get("state") in WAITING for part in parts):
            shown |= there


@pytest.mark.parametrize("story", STORIES)
def test_who_looks_again_sees_what_somebody_sees_who_looks_first(story: str):
    parts: list[Any] = []
    drawn = Drawn()
    for kind, payload in STORIES[story]:
        fold(parts, kind, payload)
        again = items.of_answer(answer(), parts, drawn)
        assert again == items.of_answer(answer(), parts)


def test_what_has_not_changed_is_not_drawn_again():
    """A long answer is looked at often, and a call of it may be a large one."""
    parts: list[Any] = []
    drawn = Drawn()
    for kind, payload in [*STORIES["a form"], text("So")]:
        fold(parts, kind, payload)
    form, work, _ = items.of_answer(answer(), parts, drawn)
    fold(parts, *text(" far"))
    form_again, work_again, _ = items.of_answer(answer(), parts, drawn)
    assert form_again is form
    assert isinstance(work, WorkflowItem)
    assert isinstance(work_again, WorkflowItem)
    assert work_again.workflow.tasks[0] is work.workflow.tasks[0]


def test_text_comes_by_its_pieces():
    screen, changes = Screen(), Changes()
    parts: list[Any] = []
    for _, payload in STORIES["text"]:
        fold(parts, "text", payload)
        tell(screen, changes, parts, {"text_2_0"})
    tell(screen, changes, parts, set())
    updates = [event.update for event in screen.told("thread.item.updated")]
    assert [getattr(one, "delta", one.type) for one in updates] == [
        "assistant_message.content_part.added", "Hel", "lo", " there",
        "assistant_message.content_part.done",
    ]  # fmt: skip


def test_nothing_is_told_twice():
    screen, changes = Screen(), Changes()
    parts: list[Any] = []
    for kind, payload in STORIES["allowed"]:
        fold(parts, kind, payload)
    tell(screen, changes, parts, set())
    before = len(screen.events)
    tell(screen, changes, parts, set())
    assert len(screen.events) == before


# --- What stands in them -------------------------------------------------------------


def shown(story: str, upto: int | None = None) -> list[Any]:
    parts: list[Any] = []
    for kind, payload in STORIES[story][:upto]:
        fold(parts, kind, payload)
    return items.of_answer(answer(), parts)


def test_a_call_that_waits_shows_what_it_will_send():
    (card,) = shown("allowed", 1)
    said = texts(dumped(card.widget))
    assert said.splitlines()[0] == "Search?"
    assert "Exactly this will be sent to search of Notes:" in said
    assert "query\nx" in said
    assert said.splitlines()[-3:] == ["Allow once", "Always allow this tool", "Decline"]


def test_a_widget_is_made_of_what_chatkit_knows():
    """The SDK reads it as its own strict kinds, and nothing of it is lost."""
    for story in STORIES:
        for upto in range(1, len(STORIES[story]) + 1):
            for item in shown(story, upto):
                if item.type == "widget":
                    strict(dumped(item.widget))


def strict(node: dict[str, Any]) -> None:
    kind = getattr(widgets, node["type"])
    unknown = node.keys() - kind.model_fields.keys()
    assert not unknown, (node["type"], unknown)
    kind.model_validate(node)
    for child in node.get("children") or ():
        strict(child)


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_a_server_says_ends_no_fence_and_is_no_link(is_whole: bool):
    parts: list[Any] = []
    evil = "```\n[free money](https://evil.example)\n![x](https://evil.example/p.png)"
    fold(parts, *started(arguments={"q": evil}))
    told = json.dumps({"content": evil}) if is_whole else ""
    fold(parts, *done(summary=evil, model_text=told))
    (work,) = items.of_answer(answer(), parts)
    content = work.workflow.tasks[0].content
    fences = [line for line in content.splitlines() if line.startswith("````")]
    assert len(fences) >= 2
    assert len(fences) % 2 == 0
    outside = [
        block for number, block in enumerate(content.split("````")) if number % 2 == 0
    ]
    assert not any("evil.example" in block for block in outside)


HIDDEN = "n1\u202e\u200b"


def test_what_a_call_sent_is_shown_with_what_cannot_be_seen_and_has_a_limit():
    parts: list[Any] = []
    fold(parts, *started(arguments={"id": HIDDEN, "text": "x" * 50_000}))
    fold(parts, *done())
    (work,) = items.of_answer(answer(), parts)
    content = str(work.workflow.tasks[0].content)
    assert "n1⟨U+202E⟩⟨U+200B⟩" in content
    assert "more characters are not shown" in content
    assert len(content) < 6_000


def test_a_notice_is_no_markdown_of_whom_it_is_about():
    name = "[free money](https://evil.example) ![x](https://evil.example/p.png)"
    part = {"kind": "notice", "level": "bad", "text": name}
    (told,) = streams.notices_of(part)
    assert told.title is None
    assert "](" not in told.message.replace("\\]", "")
    (told,) = streams.notices_of({**part, "detail": name})
    # Plain text in a front end.
    assert told.title == name
    assert "](" not in told.message.replace("\\]", "")


def test_markdown_of_a_strangers_name_is_text():
    parts: list[Any] = []
    name = "[x](https://evil.example)"
    fold(parts, "input", {**CALL, "id": "c1", "connector": name, **SIGN_IN})
    (card,) = items.of_answer(answer(), parts)
    marked = [
        node["value"]
        for node in dumped(card.widget)["children"]
        if node["type"] == "Markdown"
    ]
    assert marked
    assert all("[x](" not in value for value in marked)


@pytest.mark.parametrize(
    ("item_id", "place"),
    [
        ("msg_4", Place(seq=4)),
        ("card_5_12", Place(seq=5, index=12, rank=0)),
        ("card_5_x", None),
        ("card", None),
        ("msg_٤", None),
        ("msg_" + "9" * 40, None),
        ("", None),
    ],
)
def test_an_id_says_where_an_item_is_from(item_id: str, place: Place | None):
    assert Place.of(item_id) == place
