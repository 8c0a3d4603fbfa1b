"""Who leaves a stream of ChatKit: what is at work is stopped, and nothing else."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.http import StreamingHttpResponse
from pytest_django import Settings

from accounts.models import User
from agent import residents
from agent.chatkit import dispatch, streams
from agent.chatkit.guard import Who
from agent.models import Turn
from agent.tests.chatkit_client import ChatKit, message, read
from agent.tests.chatting import decide, pick, say
from agent.tests.fake_llm import FakeLlm
from agent.tests.over_rest import PATIENCE_S, eventually
from connectors.models import ToolCall, UserMCPConnection

pytestmark = pytest.mark.django_db(transaction=True)
ASKS = 'delete_note {"note_id": "n1"}'


async def leave_at_once(events: streams.Events) -> None:
    await anext(events)
    await events.aclose()


def test_what_waits_for_the_person_goes_on_waiting(
    alice: User, notes: UserMCPConnection, llm: FakeLlm
):
    """The person leaves before the stream has seen that the answer waits."""
    asked = say(alice, ASKS, pick(notes, "delete_note"))
    async_to_sync(leave_at_once)(streams.of_turn(asked.turn, user_id=alice.pk))
    assert Turn.objects.get().state == "waiting"
    assert decide(alice, asked).turn.state == "done"
    assert ToolCall.objects.get().tool == "delete_note"


def test_what_has_ended_stays_as_it_ended(alice: User, llm: FakeLlm):
    said = say(alice, "Hello")
    async_to_sync(leave_at_once)(streams.of_turn(said.turn, user_id=alice.pk))
    assert Turn.objects.get().state == "done"


def begun(alice: User) -> tuple[dict[str, Any], Who]:
    body = {"type": "threads.create", "params": {"input": message("Hello")}}
    return body, Who(user_id=alice.pk)


async def nobody_reads(alice: User) -> None:
    """Leave when the answer has begun, and before its first byte."""
    async with residents.resident():
        response = await dispatch.answer(*begun(alice))
        assert isinstance(response, StreamingHttpResponse)
        await sync_to_async(response.close)()


async def cancelled_at(alice: User, llm: FakeLlm) -> str:
    """Leave while the request is still on its way to the stream."""
    async with residents.resident():
        asking = asyncio.ensure_future(dispatch.answer(*begun(alice)))
        turn = None
        while turn is None:
            await asyncio.sleep(0)
            turn = await Turn.objects.afirst()
        asking.cancel()
        (response,) = await asyncio.gather(asking, return_exceptions=True)
        if isinstance(response, StreamingHttpResponse):
            await sync_to_async(response.close)()
        return (await Turn.objects.aget()).state


def test_an_answer_that_nobody_begins_to_read_is_stopped(
    alice: User, llm: FakeLlm, settings: Settings
):
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "hang", 60
    async_to_sync(nobody_reads)(alice)
    assert Turn.objects.get().state == "stopped"


def test_who_leaves_before_the_stream_stops_it_too(
    alice: User, llm: FakeLlm, settings: Settings
):
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "hang", 60
    # Stopped, or never begun: then nobody asks the model at all.
    assert async_to_sync(cancelled_at)(alice, llm) in ("stopped", "queued")


def test_a_stop_of_the_front_end_is_not_taken_back_by_the_next_message(
    kit: ChatKit, llm: FakeLlm, settings: Settings
):
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "hang", 60
    with kit.opened("threads.create", input=message("Hello")) as response:
        events = read(response.iter_lines())
        kit.screen.apply(next(events))
        assert llm.asked.wait(PATIENCE_S)
    eventually(lambda: Turn.objects.get().state == "stopped")
    settings.LLM_MODEL = "obey"
    kit.say("Again")
    assert [turn.state for turn in Turn.objects.order_by("pk")] == ["stopped", "done"]


def test_other_headers_than_those_of_an_answer_keep_a_stream_as_it_is(
    kit: ChatKit, llm: FakeLlm
):
    with kit.opened("threads.create", input=message("Hello")) as response:
        response.read()
        # What is packed arrives in one piece, at the end.
        assert response.headers["cache-control"] == "no-store, no-transform"
        assert response.headers["x-accel-buffering"] == "no"
