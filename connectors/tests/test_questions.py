"""A server asks the person in the middle of a call, in either era."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from config.tests.live import serve
from connectors import admission
from connectors.delivery import MAX_ROUNDS, Delivery
from connectors.elicitation import UNANSWERED, InputAnswer, InputAsk
from connectors.errors import OutcomeUnknown, ServerError
from connectors.mcp_client import Endpoint
from connectors.models import Outcome, ToolCall
from connectors.questions import MAX_QUESTIONS, Questions
from connectors.tests import curious, verbs
from connectors.tests.curious import PAGE, Person, accept, declined
from connectors.tests.loopback import passed
from demo.hostile import Exchange, Fault, Hostile, running
from demo.hostile.http import EVENTS, Message, event
from demo.hostile.peer import polite, right_result, session_headers
from demo.hostile.replies import instead, result

pytestmark = pytest.mark.usefixtures("allow_loopback")

LEGACY = {"transport": "http", "protocol_version": "2025-11-25"}
ASK = InputAsk(origin="https://mcp.example.com", message="Which?", schema={})


@pytest.fixture(scope="module")
def curious_url() -> Iterator[str]:
    with serve(curious.build().streamable_http_app()) as server:
        yield f"{server.url}/mcp"


@pytest.fixture(params=["modern", "legacy"])
def known(request: pytest.FixtureRequest) -> dict[str, str]:
    """What is stored of the server, which decides the era."""
    return LEGACY if request.param == "legacy" else {}


def deliver(url: str, delivery: Delivery, **known: Any) -> Any:
    return async_to_sync(delivery.run)(Endpoint(url=url, **known), ids={})


def call(tool: str, **more: Any) -> Delivery:
    return Delivery(tool=tool, input_schema={}, arguments={}, **more)


def text_of(outcome: Any) -> Any:
    return outcome.content[0]["text"]


def test_a_tool_is_told_what_the_person_answers(curious_url: str, known: Any):
    person = Person(lambda ask: accept(ask, row=3))
    delivery = call("book", on_input=person)
    assert text_of(deliver(curious_url, delivery, **known)) == "row 3, window True"
    assert [ask.message for ask in person.asked] == ["Which seat?"]
    assert person.asked[0].origin == curious_url.removesuffix("/mcp")
    assert (delivery.attempts, delivery.sent) == (1, True)


def test_a_person_who_takes_the_form_as_it_is_sends_its_defaults(
    curious_url: str, known: Any
):
    delivery = call("book", on_input=Person())
    assert text_of(deliver(curious_url, delivery, **known)) == "row 12, window True"


def test_a_person_may_decline(curious_url: str, known: Any):
    outcome = deliver(curious_url, call("book", on_input=Person(declined)), **known)
    assert outcome.is_error


def test_a_tool_may_ask_once_it_knows_an_answer(curious_url: str, known: Any):
    person = Person()
    delivery = call("dine", on_input=person)
    assert text_of(deliver(curious_url, delivery, **known)) == "soup"
    messages = [ask.message for ask in person.asked]
    assert messages == ["Which seat?", "Which meal in row 12?"]
    assert delivery.attempts == 1


def test_a_page_to_open_is_shown_whole(curious_url: str):
    person = Person()
    delivery = call("pay", on_input=person)
    assert text_of(deliver(curious_url, delivery, **LEGACY)) == "accept"
    assert [ask.url for ask in person.asked] == [PAGE]


def test_a_question_on_the_stream_of_no_request_is_heard(curious_url: str):
    delivery = call("whisper", on_input=Person())
    answered = text_of(deliver(curious_url, delivery, **LEGACY))
    assert answered == "accept {'row': 12, 'window': True}"


def test_who_cannot_be_asked_is_not_offered(curious_url: str, known: Any):
    with pytest.raises(ServerError, match=r"capability|not support"):
        deliver(curious_url, call("book"), **known)


def test_a_server_that_asks_who_cannot_be_asked_is_refused(hostile: Hostile):
    with pytest.raises(ServerError, match="in the middle of the call"):
        deliver(hostile.url("call-input-required"), call("echo"))
    assert hostile.seen("call-input-required").tool_calls == 1


def test_the_time_of_the_call_does_not_run_while_a_person_thinks(
    curious_url: str, known: Any, settings: Settings
):
    settings.CALL_TIMEOUT_S = 0.6

    async def think(ask: InputAsk) -> InputAnswer:
        await passed(0.9)
        return accept(ask)

    delivery = call("book", on_input=think)
    assert text_of(deliver(curious_url, delivery, **known)) == "row 12, window True"


def test_a_person_is_not_waited_for_without_end(
    curious_url: str, known: Any, settings: Settings
):
    settings.INPUT_WAIT_S = 0.1
    began = time.monotonic()
    outcome = deliver(curious_url, call("book", on_input=never), **known)
    assert outcome.is_error
    assert time.monotonic() - began < settings.CALL_TIMEOUT_S


async def never(_: InputAsk) -> InputAnswer:
    await asyncio.Event().wait()
    raise AssertionError("It went on.")


def test_all_questions_of_a_call_share_one_time(settings: Settings):
    settings.INPUT_WAIT_S = 0.05

    async def run() -> list[InputAnswer]:
        questions = Questions(never)
        return [await questions.ask(ASK), await questions.ask(ASK)]

    assert async_to_sync(run)() == [UNANSWERED, UNANSWERED]


def test_who_opens_a_page_sends_no_values():
    ask = InputAsk(origin=ASK.origin, message="Pay.", url=PAGE)
    answer = InputAnswer(action="accept", content={"card": "4111"})

    async def run() -> InputAnswer:
        return await Questions(Person(lambda _: answer)).ask(ask)

    assert async_to_sync(run)() == InputAnswer(action="accept")


def test_a_server_that_asks_and_asks_is_not_answered_any_more():
    person = Person()

    async def run() -> InputAnswer:
        questions = Questions(person)
        for _ in range(MAX_QUESTIONS):
            await questions.ask(ASK)
        return await questions.ask(ASK)

    assert async_to_sync(run)() == UNANSWERED
    assert len(person.asked) == MAX_QUESTIONS


def test_questions_come_one_at_a_time():
    under_way = 0
    most = 0

    async def answer(_: InputAsk) -> InputAnswer:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return UNANSWERED

    async def run() -> None:
        questions = Questions(answer)
        await asyncio.gather(*(questions.ask(ASK) for _ in range(3)))

    async_to_sync(run)()
    assert most == 1


def test_what_breaks_while_a_person_is_asked_is_logged_and_the_call_ends(
    curious_url: str, known: Any
):
    async def breaks(_: InputAsk) -> InputAnswer:
        raise LookupError("typed: hunter2")

    with capture_logs() as logs:
        outcome = deliver(curious_url, call("book", on_input=breaks), **known)
    assert outcome.is_error
    assert [line["event"] for line in logs] == ["tool.call.question_failed"]


def test_who_goes_away_ends_the_call(curious_url: str, known: Any):
    async def run() -> None:
        asked = asyncio.Event()

        async def wait(_: InputAsk) -> InputAnswer:
            asked.set()
            return await never(ASK)

        endpoint = Endpoint(url=curious_url, **known)
        delivery = call("book", on_input=wait)
        under_way = asyncio.ensure_future(delivery.run(endpoint, ids={}))
        await asyncio.wait_for(asked.wait(), 10)
        under_way.cancel()
        await asyncio.wait_for(asyncio.wait([under_way]), 10)
        assert under_way.cancelled()

    async_to_sync(run)()


def test_a_call_that_asked_is_one_call_with_one_outcome(curious_url: str, alice: User):
    connector = verbs.add(alice, curious_url)
    result = verbs.call(alice, connector.pk, "dine", {}, on_input=Person())
    assert text_of(result) == "soup"
    (row,) = ToolCall.objects.filter(tool="dine")
    assert (row.outcome, row.attempts) == (Outcome.OK, 1)


def test_a_stateless_server_has_no_place_while_the_person_thinks(
    curious_url: str, alice: User, settings: Settings
):
    settings.OPS_PER_PERSON = 1
    settings.ADMISSION_WAIT_S = 0.1
    connector = verbs.add(alice, curious_url)

    async def answer(ask: InputAsk) -> InputAnswer:
        async with admission.admit(user_id=alice.pk, origin=ask.origin):
            return accept(ask)

    result = verbs.call(alice, connector.pk, "book", {}, on_input=answer)
    assert text_of(result) == "row 12, window True"


# --- Requests, one by one ----------------------------------------------------


class Script:
    """What a stateless peer answers to the first call, the second and so on.

    None is the right answer. Keeps the id and the parameters of each call.
    """

    def __init__(self, *answers: Message | None) -> None:
        self.answers = answers
        self.calls: list[tuple[Any, Message]] = []

    def __call__(self, exchange: Exchange) -> Message:
        self.calls.append((exchange.id, exchange.params))
        return self.answers[exchange.nth - 1] or right_result(exchange) or {}


FORM = {"type": "object", "properties": {}}


def asks(state: str | None = None) -> Message:
    question = {
        "method": "elicitation/create",
        "params": {"message": "Which?", "requestedSchema": FORM},
    }
    told = {"resultType": "input_required", "inputRequests": {"k\u00e9y": question}}
    return told if state is None else {**told, "requestState": state}


def answered_by(*answers: Message | None) -> tuple[list[tuple[Any, Message]], Any]:
    """Call a scripted peer's tool; return what it was sent, and how that ended."""
    script = Script(*answers)
    fault = Fault(about="asks", reply=instead("tools/call", result(script)))
    delivery = Delivery(tool="echo", input_schema={}, arguments={"text": "a"})
    delivery.on_input = Person()
    with running(faults={"peer": fault}) as hostile:
        try:
            return script.calls, deliver(hostile.url("peer"), delivery)
        except ServerError as failure:
            return script.calls, failure


def test_the_state_comes_back_as_it_was_with_another_request():
    state = ' {"a": "\\u00e9 \U0001f600"}\n'
    calls, outcome = answered_by(asks(state), None)
    (first, asked), (second, told) = calls
    assert first != second
    assert "inputResponses" not in asked
    assert "requestState" not in asked
    assert told["requestState"] == state
    assert told["inputResponses"] == {"k\u00e9y": {"action": "accept", "content": {}}}
    assert told["arguments"] == asked["arguments"] == {"text": "a"}
    assert text_of(outcome) == "a"


def test_no_state_comes_back_where_none_was():
    calls, _ = answered_by(asks(), None)
    assert "requestState" not in calls[1][1]


def test_a_server_may_ask_to_be_called_again_later():
    calls, outcome = answered_by(
        {"resultType": "input_required", "requestState": "s"}, None
    )
    assert "inputResponses" not in calls[1][1]
    assert text_of(outcome) == "a"


def test_a_server_that_asks_for_ever_is_given_up_on():
    calls, failure = answered_by(*[asks()] * (MAX_ROUNDS + 2))
    assert isinstance(failure, ServerError)
    assert "again and again" in failure.message
    assert len(calls) == MAX_ROUNDS + 1


# --- A connection that stays open --------------------------------------------


class Refusing:
    """A server with sessions that asks, refuses the answer, and hangs up."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.answered = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        if exchange.method == "tools/call":
            headers = session_headers(exchange)
            await exchange.wire.stream(self._ask(), *headers, content_type=EVENTS)
        elif "result" in (exchange.message or {}):
            await exchange.wire.reply(self.status)
            self.answered.set()
        else:
            await polite(exchange)

    async def _ask(self) -> AsyncIterator[bytes]:
        params = {"message": "Which?", "requestedSchema": FORM}
        asked = {"jsonrpc": "2.0", "id": "q", "method": "elicitation/create"}
        yield event({**asked, "params": params})
        await self.answered.wait()


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_call_is_not_repeated_because_an_answer_was_refused(status: int):
    """A token may end while the person thinks: the call is under way all the same."""

    async def renew(_: Any) -> dict[str, str]:
        raise AssertionError("The call would be sent again.")

    fault = Fault(about="refuses", reply=Refusing(status), era="legacy")
    with running(faults={"peer": fault}) as hostile:
        delivery = call("echo", on_input=Person(), renew=renew)
        endpoint = {**LEGACY, "headers": {"authorization": "Bearer t"}}
        with pytest.raises(OutcomeUnknown):
            deliver(hostile.url("peer"), delivery, **endpoint)
        assert hostile.seen("peer").tool_calls == 1
    assert (delivery.attempts, delivery.sent) == (1, True)
