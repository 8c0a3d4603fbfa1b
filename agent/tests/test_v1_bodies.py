"""What is read of a request to /v1, and every way in which one can be wrong."""

from typing import Any

import pytest

from agent import v1_bodies
from agent.v1_bodies import Said
from agent.v1_errors import Refused

HELLO = {"role": "user", "content": "hello"}
SEARCH = {"type": "function", "function": {"name": "notes__search"}}


def body(**changes: Any) -> dict[str, Any]:
    return {"model": "agent", "messages": [HELLO], **changes}


def part(**values: Any) -> dict[str, Any]:
    return body(messages=[{"role": "user", "content": [values]}])


# --- What is read ------------------------------------------------------------


def test_the_last_message_is_the_question_and_the_others_came_before():
    read = v1_bodies.read(
        body(
            messages=[
                {"role": "user", "content": "one"},
                {"role": "assistant", "content": "two"},
                {"role": "user", "content": "three"},
            ]
        )
    )
    assert read.text == "three"
    assert read.earlier == [
        Said(role="user", text="one"),
        Said(role="assistant", text="two"),
    ]
    assert (read.tool, read.connector, read.streams) == ("", "", False)


@pytest.mark.parametrize("role", ["system", "developer", "tool", "function"])
def test_what_others_say_is_skipped_whatever_it_is(role: str):
    read = v1_bodies.read(body(messages=[{"role": role, "content": 7}, HELLO]))
    assert read.earlier == []
    assert read.text == "hello"


def test_an_assistant_that_only_called_tools_said_nothing():
    called: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [{}]}
    assert v1_bodies.read(body(messages=[called, HELLO])).earlier == []


def test_the_parts_of_a_content_are_one_text():
    content = [
        {"type": "text", "text": "one"},
        {"type": "input_text", "text": "two"},
        {"type": "text", "text": ""},
        {"type": "refusal", "refusal": "no"},
    ]
    read = v1_bodies.read(body(messages=[{"role": "user", "content": content}]))
    assert read.text == "one\ntwo\nno"


def test_what_was_said_long_ago_is_left_out():
    said = [{"role": "user", "content": str(number)} for number in range(300)]
    read = v1_bodies.read(body(messages=said))
    assert len(read.earlier) == v1_bodies.EARLIER_MESSAGES
    assert read.earlier[-1].text == "298"


def test_the_model_names_a_connector():
    read = v1_bodies.read(body(model="agent:notes"))
    assert (read.model, read.connector) == ("agent:notes", "notes")


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ("", False)),
        ("auto", ("", False)),
        ("required", ("", True)),
        (SEARCH, ("notes__search", False)),
    ],
)
def test_the_choice_of_a_tool(choice: Any, expected: tuple[str, bool]):
    read = v1_bodies.read(body(tool_choice=choice))
    assert (read.tool, read.needs_tool) == expected


def test_settings_and_tools_of_the_client_do_not_matter():
    read = v1_bodies.read(
        body(tools=[{"any": "thing"}], temperature=0, max_tokens=5, n=1, user="x")
    )
    assert read == v1_bodies.read(body())


def test_usage_is_sent_at_the_end_of_a_stream_only():
    options = {"include_usage": True}
    read = v1_bodies.read(body(stream=True, stream_options=options))
    assert (read.streams, read.includes_usage) == (True, True)
    assert not v1_bodies.read(body(stream_options=options)).includes_usage
    assert not v1_bodies.read(body(stream=True, stream_options=None)).includes_usage


# --- What is refused ---------------------------------------------------------

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("no model", {"messages": [HELLO]}, "model"),
    ("a model that is no text", body(model=3), "model"),
    ("an empty model", body(model=""), "model"),
    ("no messages", {"model": "agent"}, "messages"),
    ("messages that are no list", body(messages="hello"), "messages"),
    ("an empty list of messages", body(messages=[]), "messages"),
    ("a message that is text", body(messages=["hello"]), "messages[0]"),
    ("a message of nobody", body(messages=[{"content": "x"}]), "messages[0].role"),
    (
        "an unknown role",
        body(messages=[HELLO, {"role": "root", "content": "x"}]),
        "messages[1].role",
    ),
    ("a role that is a list", body(messages=[{"role": []}]), "messages[0].role"),
    (
        "the last word is not the user's",
        body(messages=[HELLO, {"role": "assistant", "content": "x"}]),
        "messages",
    ),
    (
        "only a system message",
        body(messages=[{"role": "system", "content": "x"}]),
        "messages",
    ),
    (
        "a question without text",
        body(messages=[HELLO, {"role": "user", "content": " \n"}]),
        "messages[1].content",
    ),
    (
        "a question that is null",
        body(messages=[{"role": "user", "content": None}]),
        "messages[0].content",
    ),
    (
        "a content that is a number",
        body(messages=[{"role": "user", "content": 7}]),
        "messages[0].content",
    ),
    (
        "a content that is an object",
        body(messages=[{"role": "user", "content": {"text": "x"}}]),
        "messages[0].content",
    ),
    (
        "a part that is text",
        body(messages=[{"role": "user", "content": ["x"]}]),
        "messages[0].content[0]",
    ),
    ("a part without a type", part(text="x"), "messages[0].content[0]"),
    (
        "a picture",
        part(type="image_url", image_url={"url": "https://example.com/a.png"}),
        "messages[0].content[0]",
    ),
    ("a sound", part(type="input_audio", input_audio={}), "messages[0].content[0]"),
    ("a part without text", part(type="text"), "messages[0].content[0].text"),
    (
        "a part whose text is null",
        part(type="text", text=None),
        "messages[0].content[0].text",
    ),
    ("a stream that is text", body(stream="true"), "stream"),
    ("a stream that is a number", body(stream=1), "stream"),
    (
        "options of the stream that are a list",
        body(stream=True, stream_options=[]),
        "stream_options",
    ),
    (
        "usage that is text",
        body(stream=True, stream_options={"include_usage": "yes"}),
        "stream_options.include_usage",
    ),
    ("two answers", body(n=2), "n"),
    ("an answer that is true", body(n=True), "n"),
    ("JSON wanted", body(response_format={"type": "json_object"}), "response_format"),
    ("a form that is text", body(response_format="text"), "response_format"),
    ("no tools at all", body(tool_choice="none"), "tool_choice"),
    ("a choice that is no word of theirs", body(tool_choice="maybe"), "tool_choice"),
    ("a choice that is a number", body(tool_choice=1), "tool_choice"),
    ("a choice of a kind", body(tool_choice={"type": "custom"}), "tool_choice"),
    ("a choice of nothing", body(tool_choice={"type": "function"}), "tool_choice"),
    (
        "a function that is text",
        body(tool_choice={"type": "function", "function": "notes__search"}),
        "tool_choice",
    ),
    (
        "a function without a name",
        body(tool_choice={"type": "function", "function": {}}),
        "tool_choice.function.name",
    ),
    (
        "a name that is too long",
        body(tool_choice={"type": "function", "function": {"name": "x" * 201}}),
        "tool_choice.function.name",
    ),
]


@pytest.mark.parametrize(
    ("given", "param"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_a_wrong_body_is_told_where_it_is_wrong(given: dict[str, Any], param: str):
    with pytest.raises(Refused) as refused:
        v1_bodies.read(given)
    assert refused.value.param == param
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize("model", ["gpt-4o", "agent:", "Agent", "agents", ":notes"])
def test_a_model_of_somebody_else_is_not_found(model: str):
    with pytest.raises(Refused) as refused:
        v1_bodies.read(body(model=model))
    assert refused.value.openai_code == "model_not_found"
    assert model not in refused.value.message.replace("GET /v1/models", "")
