"""Direct mode: what is picked is run as it is, and what is not picked is proposed."""

import pytest
from pytest_django import Settings

from accounts.models import User
from agent import direct
from agent.tests import boxes, chatting
from agent.tests.chatting import Said, pick, say
from connectors.models import ToolCall, UserMCPConnection
from connectors.tests import verbs
from demo.fixtures import DemoServer

pytestmark = pytest.mark.usefixtures("allow_loopback")


@pytest.fixture(autouse=True)
def no_model(settings: Settings) -> None:
    settings.LLM_MODEL = ""


@pytest.fixture
def notes(alice: User, notes_server: DemoServer) -> UserMCPConnection:
    return verbs.add(alice, notes_server.url, "Notes")


def labels(said: Said) -> list[str]:
    return [notice["level"] for notice in said.notices]


def test_what_is_picked_is_called_with_the_words_and_says_its_answer(
    alice: User, notes: UserMCPConnection
) -> None:
    said = say(alice, "release", pick(notes, "search_notes"))
    assert said.outcome == ("done", "used")
    assert said.kinds == ["notice", "call", "text"]
    assert labels(said) == ["direct"]
    assert said.calls[0]["arguments"] == {"query": "release"}
    assert "found" in said.text
    assert said.turn.usage == {"mode": "direct"}


def test_of_a_connector_the_tool_that_suits_the_words_is_called(
    alice: User, notes: UserMCPConnection
) -> None:
    said = say(alice, "calculator expression=2*3", pick(notes))
    assert said.outcome == ("done", "used")
    assert said.calls[0]["tool"] == "calculator"


def test_an_answer_in_json_stays_json(alice: User, notes: UserMCPConnection) -> None:
    said = say(alice, "how many?", pick(notes, "note_stats"))
    assert said.text.startswith('```json\n{\n  "notes": 25')
    assert said.text.rstrip().endswith("}\n```")


@pytest.mark.parametrize(
    "text", ["[not json", "{", "{}", "3", '"x"', "a {}", "{} [1]", "[1] 2", "[" * 9000]
)
def test_what_only_looks_like_json_is_said_as_it_is(text: str) -> None:
    assert direct.readable(text) == text


def test_fences_inside_of_json_do_not_end_it() -> None:
    assert direct.readable('["```"]').splitlines()[0] == "````json"


def test_each_piece_of_an_answer_in_json_is_a_block_of_its_own() -> None:
    said = direct.readable('{"day": 1}\n\n{"day": 2}\n')
    assert said == '```json\n{\n  "day": 1\n}\n```\n\n```json\n{\n  "day": 2\n}\n```'


def test_words_that_give_no_arguments_show_the_form(
    alice: User, notes: UserMCPConnection
) -> None:
    said = say(alice, "something", pick(notes, "add"))
    assert said.outcome == ("waiting", "form")
    after = chatting.submit(alice, said, {"a": 1, "b": 2})
    assert after.outcome == ("done", "used")
    assert after.kinds == ["notice", "call", "text"]
    assert after.text.strip() == "3"


def test_what_changes_things_waits_for_the_persons_word(
    alice: User, notes: UserMCPConnection
) -> None:
    said = say(alice, "N-0", pick(notes, "delete_note"))
    assert said.outcome == ("waiting", "approval")
    assert not ToolCall.objects.exists()
    after = chatting.decide(alice, said)
    assert after.outcome == ("done", "used")
    assert labels(after) == ["direct"]
    assert "There is no note" in after.text
    assert ToolCall.objects.count() == 1


def test_a_call_that_was_declined_is_not_made(
    alice: User, notes: UserMCPConnection
) -> None:
    said = say(alice, "N-0", pick(notes, "delete_note"))
    after = chatting.decide(alice, said, "decline")
    assert after.outcome == ("done", "approval")
    assert not after.text
    assert not ToolCall.objects.exists()


def test_what_cannot_be_used_is_refused(alice: User, notes: UserMCPConnection) -> None:
    verbs.toggle(alice, notes.pk, is_active=False)
    said = say(alice, "release", pick(notes))
    assert said.outcome == ("done", "refused")
    assert labels(said) == ["direct", "bad"]


def test_a_message_may_begin_with_a_tool(alice: User, notes: UserMCPConnection) -> None:
    said = say(alice, "/notes__search_notes release")
    assert said.outcome == ("done", "used")
    assert said.calls[0]["arguments"] == {"query": "release"}


def test_a_tool_at_the_beginning_may_need_a_word_of_the_person(
    alice: User, notes: UserMCPConnection
) -> None:
    after = chatting.decide(alice, say(alice, "/notes__delete_note N-0"))
    assert after.turn.state == "done"
    assert "There is no note" in after.text
    assert ToolCall.objects.count() == 1


def test_what_is_always_allowed_is_asked_about_again_once_it_has_changed(
    alice: User, notes: UserMCPConnection
) -> None:
    chatting.decide(alice, say(alice, "N-0", pick(notes, "delete_note")), "always")
    assert say(alice, "N-1", pick(notes, "delete_note")).outcome == ("done", "used")
    tools = UserMCPConnection.objects.get().discovered_tools
    for tool in tools:
        tool["hash"] = "0" * 64
    UserMCPConnection.objects.update(discovered_tools=tools)
    said = say(alice, "N-2", pick(notes, "delete_note"))
    assert said.outcome == ("waiting", "approval")
    chatting.decide(alice, said, "always")
    assert say(alice, "N-3", pick(notes, "delete_note")).outcome == ("done", "used")


def test_a_question_that_was_stopped_is_asked_again_on_retry(
    alice: User, notes: UserMCPConnection
) -> None:
    said = say(alice, "N-0", pick(notes, "delete_note"))
    chatting.stop(alice, said)
    after = chatting.retry(alice, said)
    assert after.outcome == ("waiting", "approval")
    assert [call["state"] for call in after.calls] == ["superseded", "waiting"]
    decided = chatting.decide(alice, after)
    assert decided.outcome == ("done", "used")
    assert ToolCall.objects.count() == 1


def test_without_a_pick_tools_are_proposed(
    alice: User, notes: UserMCPConnection
) -> None:
    said = say(alice, "delete a note")
    assert said.outcome == ("done", "none")
    assert labels(said) == ["direct", "proposals"]
    proposed = said.notices[1]["tools"]
    assert 0 < len(proposed) <= direct.PROPOSALS
    first = next(tool for tool in proposed if tool["name"] == "notes__delete_note")
    assert first["label"] == "Notes: Delete a note"
    assert first["title"] == "Delete a note"
    assert first["summary"].startswith("Delete one note for good.")
    assert first["pick"] == f"connector_tool:{notes.pk}:delete_note"
    assert not ToolCall.objects.exists()


@pytest.mark.parametrize("words", ["zzzz", "/no_such_tool hello", "/"])
def test_words_that_no_tool_has_are_answered_honestly(
    alice: User, notes: UserMCPConnection, words: str
) -> None:
    said = say(alice, words)
    assert said.outcome == ("done", "none")
    assert said.notices[1]["text"] in {direct.NO_MATCH, direct.PROPOSED}
    assert not said.calls


def test_who_has_no_tools_is_told_so(alice: User) -> None:
    said = say(alice, "hello")
    assert said.notices[1]["text"] == direct.NO_TOOLS
    assert said.notices[1]["link"] == "/connectors"


def test_who_has_connectors_is_not_told_to_add_one(
    alice: User, notes: UserMCPConnection
) -> None:
    UserMCPConnection.objects.update(is_active=False)
    said = say(alice, "hello")
    assert said.notices[1]["text"] == "None of your connectors can be used now."
    assert said.notices[1]["link_label"] == "Manage connectors"


def test_what_is_never_used_is_not_proposed(
    alice: User, notes: UserMCPConnection
) -> None:
    boxes.decide(alice, notes, "delete_note", policy="never")
    said = say(alice, "delete a note")
    names = [tool["name"] for tool in said.notices[1]["tools"]]
    assert "notes__delete_note" not in names
    refused = say(alice, "/notes__delete_note N-1")
    assert refused.notices[1]["level"] == "bad"
    assert not ToolCall.objects.exists()
