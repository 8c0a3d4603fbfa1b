"""What a server may ask in the middle of a call, and how it is read."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from mcp_types import (
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    ErrorData,
    InputRequiredResult,
    ListRootsRequest,
)
from pytest_django import Settings

from connectors.elicitation import InputAnswer, InputAsk
from connectors.errors import ServerError
from connectors.mcp_input import Continuation, callback, read, read_all, write

ORIGIN = "https://mcp.example.com"


def form(schema: Any, message: str = "Which?") -> ElicitRequestFormParams:
    return ElicitRequestFormParams(message=message, requested_schema=schema)


def page(url: str) -> ElicitRequestURLParams:
    return ElicitRequestURLParams(message="Look.", url=url)


def test_a_form_shows_the_defaults_of_its_schema():
    schema = {
        "properties": {
            "name": {"type": "string", "default": "Ann"},
            "age": {"type": "integer", "default": 0},
            "sure": {"type": "boolean", "default": False},
            "note": {"type": "string"},
            "odd": True,
        }
    }
    ask = InputAsk(origin=ORIGIN, message="Who?", schema=schema)
    assert ask.prefilled() == {"name": "Ann", "age": 0, "sure": False}


@pytest.mark.parametrize("schema", [None, {}, {"properties": []}])
def test_without_properties_nothing_is_filled_in(schema: Any):
    assert InputAsk(origin=ORIGIN, message="", schema=schema).prefilled() == {}


def test_a_question_says_who_asks_and_hides_nothing():
    ask = read(form({"title": "a\x00b"}, "Send\u202e it\x1b[8m now"), origin=ORIGIN)
    assert ask.origin == ORIGIN
    assert ask.message == "Send it now"
    assert ask.schema == {"title": "ab"}


def test_a_form_too_deep_or_too_large_is_not_shown(settings: Settings):
    settings.MAX_JSON_DEPTH = 3
    with pytest.raises(ServerError, match="too deeply"):
        read(form({"a": {"b": {"c": {"d": 1}}}}), origin=ORIGIN)
    settings.MAX_SCHEMA_BYTES = 20
    with pytest.raises(ServerError, match="too large"):
        read(form({"title": "a" * 20}), origin=ORIGIN)


@pytest.mark.parametrize(
    "url", ["https://pay.example.com/a?b=c", "http://127.0.0.1:8000/", "http://[::1]/"]
)
def test_a_page_is_shown_whole(url: str):
    ask = read(page(url), origin=ORIGIN)
    assert (ask.url, ask.schema) == (url, None)


@pytest.mark.parametrize(
    "url",
    [
        "http://pay.example.com/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://you@pay.example.com/",
        "https://pay.example.com\\@evil.example/",
        "",
    ],
)
def test_a_page_that_nobody_should_be_led_to_is_not_shown(url: str):
    with pytest.raises(ServerError, match="The tool asks to open"):
        read(page(url), origin=ORIGIN)


def test_values_go_along_with_an_accepted_form_alone():
    declined = InputAnswer(action="decline", content={"secret": "typed already"})
    assert write(declined).content is None
    assert write(InputAnswer(action="accept", content={"a": 1})).content == {"a": 1}


def test_what_nobody_offered_is_not_given():
    wants = InputRequiredResult(input_requests={"a": ListRootsRequest()})
    with pytest.raises(ServerError, match="cannot be given here"):
        read_all(wants, origin=ORIGIN)


def test_nothing_is_sent_for_what_was_not_asked():
    assert Continuation(answers={}, state="s").responses() is None


def test_a_question_that_cannot_be_shown_is_an_error_to_its_server():
    async def never(_: InputAsk) -> InputAnswer:
        raise AssertionError("It was asked.")

    ask = callback(never, origin=ORIGIN)
    answer = async_to_sync(ask)(None, page("ftp://x.example/"))  # type: ignore[arg-type]
    assert isinstance(answer, ErrorData)


def test_a_form_is_asked_and_answered():
    async def run() -> Any:
        async def answer(ask: InputAsk) -> InputAnswer:
            await asyncio.sleep(0)
            return InputAnswer(action="accept", content=ask.prefilled())

        ask = callback(answer, origin=ORIGIN)
        return await ask(None, form({"properties": {"a": {"default": 1}}}))  # type: ignore[arg-type]

    assert async_to_sync(run)().content == {"a": 1}
