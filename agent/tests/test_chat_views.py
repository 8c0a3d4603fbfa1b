"""The pages of conversations: who sees them, what they show, what they do."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from agent.models import Conversation, Message, SelectionKind, Turn, TurnState
from agent.tests import threads
from agent.tests.threads import asked, done, finished, happen, started, text

HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def one(alice: User) -> Conversation:
    return threads.conversation(alice)


def shown(client: Client, path: str, **more: Any) -> str:
    response = client.get(path, **more)
    assert response.status_code == 200
    return response.content.decode()


def shown_part(client: Client, turn: Turn, *events: Any, state: str = "done") -> str:
    """Return the answer that `events` make, as its page shows it."""
    happen(turn, *events, state=state)
    page = shown(client, f"/chat/{turn.conversation_id}")
    found = re.search(r'<article class="stack".*</article>', page, re.DOTALL)
    assert found
    return found[0]


# --- Pages -------------------------------------------------------------------


def test_a_new_conversation_is_an_empty_place(client: Client) -> None:
    page = shown(client, "/chat")
    assert "New conversation" in page
    assert "hx-ws:connect" not in page
    assert 'action="/chat"' in page


def test_who_has_no_connector_is_led_to_where_one_is_added(client: Client) -> None:
    assert client.get("/")["Location"] == "/chat"
    page = shown(client, "/chat")
    assert "Nothing is plugged in yet" in page
    assert 'href="/connectors"' in page


def test_a_conversation_shows_what_was_said_and_where_its_socket_goes_on(
    client: Client, one: Conversation
) -> None:
    turn = threads.turn(one)
    happen(turn, text("**Three** are open."), done(), state=TurnState.DONE)
    page = shown(client, f"/chat/{one.pk}")
    assert threads.ASKED in page
    assert "<strong>Three</strong> are open." in page
    socket = f"/ws/chat?conversation={one.pk}&amp;after=2.2&amp;state=done"
    assert f'hx-ws:connect="{socket}"' in page
    assert '"extensions": "sse, ws"' in page
    assert 'role="log"' in page
    assert 'aria-busy="true"' not in page
    assert "Reload to see" not in page


def test_while_it_is_written_it_says_so_without_a_script_too(
    client: Client, one: Conversation
) -> None:
    happen(threads.turn(one), text("Thr"))
    page = shown(client, f"/chat/{one.pk}")
    assert 'class="answer writing"' in page
    assert 'aria-busy="true"' in page
    assert "Reload to see how far it is" in page


def test_names_of_people_and_of_strangers_are_text(client: Client, alice: User) -> None:
    hostile = "<script>alert(1)</script>"
    one = threads.conversation(alice, title=hostile)
    turn = threads.turn(
        one,
        text=hostile,
        selection_kind=SelectionKind.CONNECTOR,
        selection_ref="12",
        selection_label=hostile,
    )
    strange: Any = {
        "tool": hostile,
        "label": f"{hostile}: {hostile}",
        "arguments": {hostile: hostile, "deep": {hostile: [hostile]}},
    }
    said = {"summary": hostile, "model_text": json.dumps({"content": hostile})}
    tools = [{"name": hostile, "label": hostile, "title": hostile, "pick": '"><i>'}]
    notice = {"text": hostile, "detail": hostile, "code": hostile, "link": hostile}
    happen(
        turn,
        text(hostile),
        started(**strange),
        finished(**said),
        asked("k2", **strange, question=hostile),
        ("notice", {"level": "review", **notice}),
        ("notice", {"level": "direct", **notice}),
        ("notice", {"level": "proposals", **notice, "tools": tools}),
        done("failed", hostile),
        state=TurnState.FAILED,
    )
    page = shown(client, f"/chat/{one.pk}")
    assert hostile not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 15
    assert '"><i>' not in page
    assert hostile not in shown(client, f"/chat/{one.pk}/delete")


def test_a_long_conversation_costs_no_more_queries(
    client: Client, alice: User, one: Conversation
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            shown(client, f"/chat/{one.pk}")
        return len(queries)

    threads.recorded(alice)
    turns = [started(), finished(), text("x"), done()]
    happen(threads.turn(one), *turns, state=TurnState.DONE)
    few = count()
    for _ in range(5):
        happen(threads.turn(one), *turns, state=TurnState.DONE)
    assert count() == few


def test_recent_conversations_stand_in_the_rail(client: Client, alice: User) -> None:
    for title in ("First", "Second"):
        threads.conversation(alice, title=title)
    page = shown(client, "/chat")
    assert page.index("<span>Second</span>") < page.index("<span>First</span>")


def test_a_model_is_named_and_direct_mode_is_said(
    client: Client, one: Conversation, settings: Settings
) -> None:
    assert "Direct mode" in shown(client, f"/chat/{one.pk}")
    settings.LLM_MODEL, settings.LLM_API_KEY = "qwen3-32b", "k"
    page = shown(client, f"/chat/{one.pk}")
    assert "qwen3-32b" in page
    assert "Direct mode" not in page


STRANGE = [
    ("get", "/chat/{one}"),
    ("post", "/chat/{one}"),
    ("get", "/chat/{one}/rename"),
    ("post", "/chat/{one}/rename"),
    ("get", "/chat/{one}/delete"),
    ("post", "/chat/{one}/delete"),
    ("get", "/chat/{one}/export"),
    ("post", "/chat/{one}/stop"),
    ("post", "/chat/{one}/retry"),
    ("post", "/chat/approvals/{one}"),
    ("post", "/chat/inputs/{one}"),
    ("get", "/calls/{call}"),
]


@pytest.mark.parametrize(("method", "path"), STRANGE)
@pytest.mark.parametrize("who", ["bob", "carol"])
def test_what_is_somebody_elses_is_not_there(
    alice: User, request: Any, who: str, method: str, path: str, one: Conversation
) -> None:
    call = threads.recorded(alice, conversation_id=one.pk)
    turn = threads.turn(one)
    happen(turn, asked(), state=TurnState.WAITING)
    client = Client()
    client.force_login(request.getfixturevalue(who))
    before = list(Message.objects.values()), list(Turn.objects.values())
    data = {"title": "Mine", "decision": "once", "text": "Hello"}
    where = path.format(one=one.pk, call=call.call_id)
    response = getattr(client, method)(where, data if method == "post" else {})
    assert response.status_code == 404
    assert (list(Message.objects.values()), list(Turn.objects.values())) == before
    assert Conversation.objects.get(pk=one.pk).title == one.title


# --- Parts -------------------------------------------------------------------


def test_a_receipt_shows_what_was_sent_and_what_came_of_it(
    client: Client, alice: User, one: Conversation
) -> None:
    call = threads.recorded(alice)
    html = shown_part(client, threads.turn(one), started(), finished())
    assert '<details class="receipt fold"' in html
    assert "<b>list_payouts</b>" in html
    assert "Stripe · 1 payout" in html
    assert "0.63 s" in html
    assert "&quot;failed&quot;" not in html  # plain text needs no quotes
    assert "<bdi>failed</bdi>" in html
    assert '<dd class="mono"><bdi>1</bdi></dd>' in html
    assert "po_1RkT9q" in html
    assert "Ran without asking: this tool only reads" in html
    assert f'href="/calls/{call.call_id}">Recorded call {call.pk}</a>' in html


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [("allowed", "You allowed this once"), ("always", "You always allow this tool")],
)
def test_a_receipt_says_who_allowed_it(
    client: Client, one: Conversation, decision: str, sentence: str
) -> None:
    decided = ("approval", {"id": "k1", "decision": decision})
    allowed = started(reads_only=False)
    html = shown_part(client, threads.turn(one), asked(), decided, allowed, finished())
    assert sentence in html
    assert "Allow once" not in html


def test_a_call_that_stands_for_one_before_says_so(
    client: Client, one: Conversation
) -> None:
    again = {**threads.call("k2"), **finished("k2")[1], "repeats": "k1"}
    html = shown_part(
        client, threads.turn(one), started(), finished(), ("tool_done", again)
    )
    assert html.count("Not sent again") == 1


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"outcome": "tool_error"}, "The tool reported an error"),
        ({"state": "refused", "outcome": "refused"}, "Refused, nothing was sent"),
        ({"state": "unknown", "outcome": "unknown"}, "May or may not have happened"),
        ({"state": "invalid"}, "Its arguments did not fit; not sent"),
        ({"outcome": "not_sent"}, "Not sent"),
        ({"outcome": "failed"}, "The server failed"),
        ({"state": "cancelled"}, "Cancelled"),
    ],
)
def test_a_call_without_an_answer_says_why(
    client: Client, one: Conversation, said: dict[str, str], sentence: str
) -> None:
    failed = finished(**said, model_text="", summary="", message="So it is.")
    html = shown_part(client, threads.turn(one), started(), failed)
    assert sentence in html
    assert "So it is." in html


def test_who_has_to_sign_in_again_is_led_there(
    client: Client, one: Conversation
) -> None:
    said = {"state": "refused", "outcome": "refused", "error_code": "SIGN_IN_REQUIRED"}
    failed = finished(**said, model_text="")
    html = shown_part(client, threads.turn(one), started(), failed)
    assert 'href="/connectors/12/edit#sign-in"' in html


def test_how_far_a_call_is(client: Client, one: Conversation) -> None:
    far = {"id": "k1", "done": 1, "total": 4, "message": "Reading <page 1>"}
    html = shown_part(
        client, threads.turn(one), started(), ("tool_progress", far), state="running"
    )
    assert "25 %" in html
    assert "Reading &lt;page 1&gt;" in html


def test_an_approval_shows_exactly_what_will_be_sent(
    client: Client, one: Conversation
) -> None:
    sent = {
        "title": "Stop retries",
        "count": 3,
        "word": "3",
        "yes": "true",
        "really": True,
        "labels": ["payouts", "bug"],
        "empty": "",
        "blank": " x",
        "nothing": None,
        "hidden": "safe\u202egnp.exe",
    }
    html = shown_part(
        client, threads.turn(one), asked(arguments=sent), state=TurnState.WAITING
    )
    values = re.findall(r"<dd([^>]*)><bdi>(.*?)</bdi>|<pre[^>]*>([^<]*)</pre>", html)
    # In any order: PostgreSQL keeps the names of JSON in one of its own.
    written = {plain or long for _, plain, long in values}
    plain = {"Stop retries", "3", "true"}
    assert plain | {"&quot;3&quot;", "&quot;true&quot;"} <= written
    assert "&quot;&quot;" in written
    assert "&quot; x&quot;" in written
    assert "null" in written
    assert "safe⟨U+202E⟩gnp.exe" in written
    assert 'action="/chat/approvals/77"' in html
    for word in ("Allow once", "Always allow this tool", "Decline", "Changes things"):
        assert word in html
    assert "csrfmiddlewaretoken" in html


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        ("declined", "You declined, nothing was sent"),
        ("superseded", "You wrote on instead, nothing was sent"),
        ("expired", "It waited too long, nothing was sent"),
    ],
)
def test_a_decided_card_is_one_line(
    client: Client, one: Conversation, decision: str, sentence: str
) -> None:
    decided = ("approval", {"id": "k1", "decision": decision})
    html = shown_part(client, threads.turn(one), asked(), decided)
    assert sentence in html
    assert "<form" not in html
    assert "<details" not in html


def test_notices_stand_between_the_others(client: Client, one: Conversation) -> None:
    html = shown_part(
        client,
        threads.turn(one),
        ("notice", {"level": "direct", "text": "No language model was set up."}),
        (
            "notice",
            {
                "level": "review",
                "text": "Warehouse was left out of this answer.",
                "detail": "Two tries failed.",
                "link": "/connectors/3",
            },
        ),
        (
            "notice",
            {
                "level": "proposals",
                "text": "These may help.",
                "tools": [
                    {"label": "Notes: Search", "pick": "connector_tool:12:search"}
                ],
            },
        ),
    )
    assert "Direct mode</span>" in html
    assert '<a class="link" href="/connectors/3">See evidence</a>' in html
    assert f'href="/chat/{one.pk}?pick=connector_tool%3A12%3Asearch"' in html


def test_what_failed_says_so_and_can_be_tried_again(
    client: Client, one: Conversation
) -> None:
    turn = threads.turn(one)
    failed = done("failed", "The language model cannot be reached.")
    html = shown_part(client, turn, text("Half"), failed, state=TurnState.FAILED)
    assert "The language model cannot be reached." in html
    assert f'action="/chat/{one.pk}/retry"' in html
    assert "Half" in html


# --- What is done ------------------------------------------------------------


def test_a_conversation_is_renamed(client: Client, one: Conversation) -> None:
    assert f'value="{one.title}"' in shown(client, f"/chat/{one.pk}/rename")
    response = client.post(f"/chat/{one.pk}/rename", {"title": "  Payouts\u202e "})
    assert (response.status_code, response["Location"]) == (303, f"/chat/{one.pk}")
    one.refresh_from_db()
    assert one.title == "Payouts"


def test_a_name_that_is_none_is_refused(client: Client, one: Conversation) -> None:
    for headers in ({}, HTMX):
        where = f"/chat/{one.pk}/rename"
        response = client.post(where, {"title": " \u200b "}, headers=headers)
        assert response.status_code == 422
        assert b"A conversation needs a name." in response.content
        assert (b"<html" in response.content) is not bool(headers)


def test_a_conversation_is_deleted_once_that_was_asked(
    client: Client, one: Conversation
) -> None:
    threads.turn(one, state=TurnState.DONE)
    assert "Delete conversation" in shown(client, f"/chat/{one.pk}/delete")
    fragment = shown(client, f"/chat/{one.pk}/delete", headers=HTMX)
    assert "<html" not in fragment
    response = client.post(f"/chat/{one.pk}/delete")
    assert (response.status_code, response["Location"]) == (303, "/chat")
    assert not Conversation.objects.exists()


def test_stop_ends_the_answer_and_keeps_it(client: Client, one: Conversation) -> None:
    turn = threads.turn(one)
    happen(turn, text("Half"))
    response = client.post(f"/chat/{one.pk}/stop")
    assert response.status_code == 303
    turn.refresh_from_db()
    assert turn.state == TurnState.STOPPED
    page = shown(client, f"/chat/{one.pk}")
    assert "Half" in page
    assert "You stopped this answer." in page
    assert client.post(f"/chat/{one.pk}/stop", headers=HTMX).status_code == 204


def test_what_did_not_fail_is_not_tried_again(
    client: Client, one: Conversation
) -> None:
    turn = threads.turn(one)
    happen(turn, text("Done."), done(), state=TurnState.DONE)
    assert client.post(f"/chat/{one.pk}/retry").status_code == 409


# --- Calls and files ---------------------------------------------------------


def test_a_recorded_call_shows_its_evidence_and_what_was_kept(
    client: Client, alice: User, one: Conversation
) -> None:
    row = threads.recorded(alice, conversation_id=one.pk)
    threads.turn(one).results.create(
        call_id=row.call_id,
        arguments={"status": "failed"},
        result={
            "is_error": False,
            "content": [{"type": "text", "text": "<b>po_1</b>"}],
            "structured_content": {"items": [{"id": "po_1"}]},
        },
    )
    page = shown(client, f"/calls/{row.call_id}")
    assert f"Recorded call {row.pk}" in page
    assert one.title in page
    assert "&lt;b&gt;po_1&lt;/b&gt;" in page
    assert "<bdi>failed</bdi>" in page


def test_of_a_call_over_rest_only_the_evidence_is_there(
    client: Client, alice: User
) -> None:
    row = threads.recorded(alice, via="rest")
    page = shown(client, f"/calls/{row.call_id}")
    assert "was not kept" in page
    assert "REST" in page


def test_of_a_call_in_a_conversation_that_is_gone_the_evidence_stays(
    client: Client, alice: User, one: Conversation
) -> None:
    row = threads.recorded(alice, conversation_id=one.pk)
    threads.turn(one).results.create(call_id=row.call_id, arguments={"a": "kept"})
    one.delete()
    page = shown(client, f"/calls/{row.call_id}")
    assert "was not kept" in page
    assert "kept</bdi>" not in page


def test_a_conversation_can_be_taken_along(client: Client, alice: User) -> None:
    one = threads.conversation(alice, title='Payouts "#1" </x>\n')
    turn = threads.turn(
        one,
        selection_kind=SelectionKind.CONNECTOR_TOOL,
        selection_ref="12:list_payouts",
        selection_label="Stripe: List payouts",
    )
    content = json.dumps({"content": "```\n# not a heading"})
    events = [started(), finished(model_text=content), text("**Three.**"), done()]
    happen(turn, *events, state=TurnState.DONE)
    markdown = client.get(f"/chat/{one.pk}/export?format=md")
    assert markdown["Content-Type"] == "text/markdown; charset=utf-8"
    assert markdown["Content-Disposition"] == 'attachment; filename="payouts-1-x.md"'
    written = markdown.content.decode()
    assert written.startswith('# Payouts "\\#1" \\</x\\>\n')
    assert "> Which payout issues" in written
    assert "````\n```\n# not a heading\n````" in written
    assert "**Three.**" in written
    exported = client.get(f"/chat/{one.pk}/export?format=json")
    assert exported["Content-Disposition"].endswith('.json"')
    value = json.loads(exported.content)
    assert value["messages"][0]["picked"]["label"] == "Stripe: List payouts"
    assert value["messages"][1]["parts"][1]["text"] == "**Three.**"
