"""The fake model is as strict as the real one: OpenAI's own client is its judge."""

from typing import Any

import openai
import pytest
from asgiref.sync import async_to_sync

from agent.tests.fake_llm import TOOLS_MAX, FakeLlm

TOOL = {
    "type": "function",
    "function": {"name": "a__b", "parameters": {"type": "object", "properties": {}}},
}
MISSING = {"name": "missing"}
HELLO = {"role": "user", "content": "hello"}
CALL = {"id": "c1", "type": "function", "function": {"name": "a__b", "arguments": "{}"}}


def named(name: str, **parameters: Any) -> dict[str, Any]:
    schema = parameters or {"type": "object"}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


async def _complete(llm: FakeLlm, body: dict[str, Any]) -> list[Any]:
    client = openai.AsyncOpenAI(base_url=llm.base_url, api_key="k", max_retries=0)
    asked = {"model": "obey", "messages": [HELLO], **body}
    async with client:
        stream = await client.chat.completions.create(stream=True, **asked)
        return [chunk async for chunk in stream]


complete = async_to_sync(_complete)


def test_it_speaks_the_real_wire(llm: FakeLlm) -> None:
    chunks = complete(llm, {"stream_options": {"include_usage": True}})
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "You said: hello. I see 0 tools."
    assert [c.choices[0].finish_reason for c in chunks[-2:] if c.choices] == ["stop"]
    assert chunks[-1].usage.completion_tokens == 10


def test_a_call_comes_in_fragments(llm: FakeLlm) -> None:
    forced = {"type": "function", "function": {"name": "a__b"}}
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    tool = named("a__b", **schema, required=["q"])
    chunks = complete(llm, {"tools": [tool], "tool_choice": forced})
    deltas = [c.choices[0].delta.tool_calls for c in chunks if c.choices]
    calls = [call for delta in deltas for call in delta or []]
    assert calls[0].function.name == "a__b"
    assert "".join(call.function.arguments for call in calls) == '{"q": "hello"}'


@pytest.mark.parametrize(
    "body",
    [
        {"tools": []},
        {"tools": [named(f"t{n}") for n in range(TOOLS_MAX + 1)]},
        {"tools": [named("no dots.")]},
        {"tools": [named("a", type="string")]},
        {"tool_choice": "auto"},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": MISSING}},
        {"messages": [HELLO, {"role": "assistant", "tool_calls": [CALL]}]},
        {"messages": [HELLO, {"role": "assistant", "tool_calls": [CALL]}, HELLO]},
        {"messages": [{"role": "tool", "tool_call_id": "c1", "content": "x"}]},
        {"messages": [HELLO, {"role": "assistant", "content": None}]},
    ],
)  # fmt: skip
def test_it_refuses_what_the_real_one_refuses(
    llm: FakeLlm, body: dict[str, Any]
) -> None:
    with pytest.raises(openai.BadRequestError):
        complete(llm, body)
