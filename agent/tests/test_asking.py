"""One question to the model, over the real wire, and every way in which it fails."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pydantic_ai.messages import ModelRequest, ModelResponse, UserPromptPart
from pydantic_ai.tools import ToolDefinition
from pytest_django import Settings
from structlog.testing import capture_logs

from agent import asking, providers
from agent.errors import (
    ModelBusy,
    ModelFailure,
    ModelKeyRejected,
    ModelNonsense,
    ModelRefused,
    ModelUnavailable,
)
from agent.tests.fake_llm import FakeLlm

SCHEMA = {
    "type": "object",
    "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["query"],
}
SEARCH = ToolDefinition(
    name="notes__search", parameters_json_schema=SCHEMA, strict=False
)
READ = ToolDefinition(name="notes__read", parameters_json_schema=SCHEMA, strict=False)


async def _ask(words: str, **question: Any) -> tuple[ModelResponse, list[str]]:
    heard: list[str] = []

    async def listen(text: str) -> None:
        heard.append(text)

    asked = asking.Question(
        messages=[ModelRequest(parts=[UserPromptPart(words)])], **question
    )
    async with providers.model() as model:
        return await asking.ask(model, asked, listen), heard


ask = async_to_sync(_ask)


def test_text_comes_in_pieces(llm: FakeLlm) -> None:
    response, heard = ask("hello there")
    assert len(heard) > 3
    assert "".join(heard) == response.text
    assert response.usage.output_tokens == 10


def test_the_key_travels_and_nothing_is_tried_twice(
    llm: FakeLlm, settings: Settings
) -> None:
    settings.LLM_MODEL = "down"
    with pytest.raises(ModelUnavailable):
        ask("hello")
    assert llm.headers[0]["authorization"] == "Bearer sk-test-key"
    assert len(llm.bodies) == 1


def test_a_server_of_ones_own_needs_no_key(llm: FakeLlm, settings: Settings) -> None:
    settings.LLM_API_KEY = ""
    assert not providers.is_direct()
    ask("hello")


def test_a_schema_is_sent_as_it_is(llm: FakeLlm) -> None:
    ask("hello", tools=[SEARCH])
    function = llm.bodies[0]["tools"][0]["function"]
    assert function["parameters"] == SCHEMA
    assert not function.get("strict")


def test_one_tool_is_forced_by_its_name(llm: FakeLlm) -> None:
    response, heard = ask("x", tools=[SEARCH, READ], forced=["notes__read"])
    named = {"type": "function", "function": {"name": "notes__read"}}
    assert llm.bodies[0]["tool_choice"] == named
    assert response.tool_calls[0].tool_name == "notes__read"
    assert not heard


def test_of_several_one_is_required(llm: FakeLlm) -> None:
    ask("x", tools=[SEARCH, READ], forced=["notes__search", "notes__read"])
    assert llm.bodies[0]["tool_choice"] == "required"


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("busy", ModelBusy),
        ("key", ModelKeyRejected),
        ("down", ModelUnavailable),
        ("dies", ModelUnavailable),
        ("cut", ModelUnavailable),
        ("late-error", ModelUnavailable),
        ("nonsense", ModelNonsense),
        ("garbled", ModelNonsense),
        ("too-long", ModelRefused),
        ("unforceable", ModelRefused),
    ],
)
def test_a_failure_has_a_name_and_keeps_secrets(
    llm: FakeLlm, settings: Settings, name: str, failure: type[ModelFailure]
) -> None:
    settings.LLM_MODEL = name
    with capture_logs() as logs, pytest.raises(failure) as caught:
        ask("hello", tools=[SEARCH], forced=["notes__search"])
    assert type(caught.value) is failure
    assert "secret" not in caught.value.message
    assert "secret" not in str(logs)
    assert logs[-1]["error_code"] == failure.code


@pytest.mark.parametrize("name", ["dies", "cut", "late-error", "garbled"])
def test_what_was_said_before_it_broke_off_was_heard(
    llm: FakeLlm, settings: Settings, name: str
) -> None:
    settings.LLM_MODEL = name
    heard: list[str] = []

    async def listen(text: str) -> None:
        heard.append(text)

    async def listening() -> None:
        messages = [ModelRequest(parts=[UserPromptPart("hello")])]
        async with providers.model() as model:
            await asking.ask(model, asking.Question(messages=messages), listen)

    with pytest.raises(ModelFailure):
        async_to_sync(listening)()
    assert "".join(heard).startswith("You said: ")


def test_a_model_that_is_silent_is_not_waited_for(
    llm: FakeLlm, settings: Settings
) -> None:
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "hang", 0.2
    with pytest.raises(ModelUnavailable):
        ask("hello")
    assert llm.left.wait(5)


def test_a_model_that_drips_ends_too(llm: FakeLlm, settings: Settings) -> None:
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "slow", 0.1
    with pytest.raises(ModelUnavailable):
        ask("word " * 200)
    assert llm.left.wait(5)


def test_a_model_that_does_not_stop_is_stopped(
    llm: FakeLlm, settings: Settings
) -> None:
    settings.LLM_MODEL = "endless"
    with pytest.raises(ModelNonsense):
        ask("hello")
    assert llm.left.wait(5)


def test_an_answer_of_too_many_bytes_is_not_read(
    llm: FakeLlm, settings: Settings
) -> None:
    settings.LLM_MODEL, settings.MAX_RESULT_BYTES = "endless", 100_000
    with pytest.raises(ModelUnavailable):
        ask("hello")
    assert llm.headers[0]["accept-encoding"] == "identity"
    assert llm.left.wait(5)


def test_nobody_listens_there(
    llm: FakeLlm, settings: Settings, closed_url: str
) -> None:
    settings.LLM_BASE_URL = closed_url
    with pytest.raises(ModelUnavailable):
        ask("hello")


async def test_going_away_ends_the_request(llm: FakeLlm, settings: Settings) -> None:
    settings.LLM_MODEL = "slow"
    task = asyncio.ensure_future(_ask("word " * 200))
    assert await asyncio.to_thread(llm.asked.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(llm.left.wait, 5)


@pytest.mark.parametrize("provider", ["anthropic", "google"])
def test_a_package_that_is_missing_is_named(
    llm: FakeLlm, settings: Settings, provider: str
) -> None:
    settings.LLM_PROVIDER = provider
    with pytest.raises(ModelRefused, match=rf"pydantic-ai-slim\[{provider}\]"):
        ask("hello")


def test_an_unknown_provider_is_named(llm: FakeLlm, settings: Settings) -> None:
    settings.LLM_PROVIDER = "oracle"
    with pytest.raises(ModelRefused, match="oracle"):
        ask("hello")


@pytest.mark.parametrize(
    ("model", "key", "url", "is_direct"),
    [
        ("", "", "", True),
        ("gpt", "", "", True),
        ("", "key", "http://localhost/v1", True),
        ("gpt", "key", "", False),
        ("gpt", "", "http://localhost/v1", False),
    ],
)
def test_direct_mode_is_when_there_is_no_model(
    settings: Settings, model: str, key: str, url: str, is_direct: bool
) -> None:
    settings.LLM_MODEL, settings.LLM_API_KEY, settings.LLM_BASE_URL = model, key, url
    assert providers.is_direct() is is_direct
