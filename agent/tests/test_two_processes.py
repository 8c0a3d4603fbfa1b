"""Two web processes and a worker, on PostgreSQL and Redis; one of them is killed."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer
from django.test import Client

from accounts import tokens
from accounts.models import User
from agent import journal
from agent.models import ENDED, Approval, Turn, TurnState
from agent.tests.fake_llm import FakeLlm
from agent.tests.turning import again, answer_of, kinds
from config.tests.processes import Program
from connectors.models import ToolCall
from connectors.tests import verbs
from connectors.tests.gate import gate
from connectors.tests.processes import HOST, Rest, WebProcess, web_process
from connectors.tests.test_work import database_url
from demo.fixtures import DemoServer

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("allow_loopback"),
]

PATIENCE_S = 30
NOTICED_S = 10
MANY = 10
DIRECT = {"LLM_MODEL": "", "LLM_BASE_URL": "", "LLM_API_KEY": ""}


@pytest.fixture
def token(alice: User) -> str:
    return tokens.issue(user=alice, name="two")[1]


@pytest.fixture
def worker(project_root: Path) -> Iterator[Program]:
    environment = {"DATABASE_URL": database_url()}
    program = Program(["manage.py", "work"], root=project_root, env=environment)
    try:
        program.line("worker.started", of=program.err)
        yield program
    finally:
        program.end()


def web(llm: FakeLlm | None = None, model: str = "obey") -> Any:
    """A web process with this language model, or in Direct mode."""
    if llm is None:
        return web_process(**DIRECT)
    return web_process(LLM_MODEL=model, LLM_BASE_URL=llm.base_url, LLM_API_KEY="k")


def say(process: WebProcess, token: str, **message: Any) -> Turn:
    client = Rest(process.port, token)
    status, begun = client.send("POST", "/api/conversations", {"title": "Two"})
    assert status == 201, begun
    path = f"/api/conversations/{begun['id']}/messages"
    status, sent = client.send("POST", path, message)
    assert status == 201, sent
    return Turn.objects.get(conversation=begun["id"])


def retry(process: WebProcess, token: str, turn: Turn) -> None:
    path = f"/api/conversations/{turn.conversation_id}/turn/retry"
    status, answer = Rest(process.port, token).send("POST", path)
    assert status == 200, answer


def wait_for(turn: Turn, condition: Callable[[Turn], bool]) -> Turn:
    """Look at the turn whenever somebody says so, until it is as it should be."""

    async def look() -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(journal.group(turn.conversation_id), channel)
        async with asyncio.timeout(PATIENCE_S):
            while not await sync_to_async(lambda: condition(again(turn)))():
                await layer.receive(channel)

    async_to_sync(look)()
    return again(turn)


def has_ended(turn: Turn) -> bool:
    return turn.state in ENDED


# --- Killed -------------------------------------------------------------------


def test_an_answer_whose_process_was_killed_is_interrupted_and_goes_on_elsewhere(
    alice: User, token: str, llm: FakeLlm, notes_server: DemoServer, worker: Program
) -> None:
    verbs.add(alice, notes_server.url, "Notes")
    with web(llm, "slow-telling") as first, web(llm) as second:
        words = 'call notes__search_notes {"query": "release"}'
        turn = say(first, token, text=words)
        wait_for(turn, lambda now: "text" in kinds(now))
        first.kill()
        killed_at = time.monotonic()
        worker.line("turn.interrupted", of=worker.err)
        assert time.monotonic() - killed_at < NOTICED_S
        assert again(turn).state == TurnState.INTERRUPTED
        kept = answer_of(turn).text
        assert kept.startswith("Done:")
        retry(second, token, turn)
        turn = wait_for(turn, has_ended)
    assert turn.state == TurnState.DONE
    assert answer_of(turn).text.startswith(kept)
    assert ToolCall.objects.count() == 1


def test_a_call_whose_process_was_killed_is_unknown_and_is_not_repeated(
    alice: User, token: str, worker: Program
) -> None:
    with gate("tools/call") as server, web() as first, web() as second:
        row = verbs.add(alice, server.url, "Peer")
        wanted = {"connector_id": row.pk, "tool": "echo"}
        turn = say(first, token, text='{"text": "x"}', pick=wanted)
        server.wait()
        requests = server.requests
        first.kill()
        worker.line("turn.interrupted", of=worker.err)
        server.open()
        retry(second, token, turn)
        turn = wait_for(turn, has_ended)
        assert server.requests == requests
    call = next(p for p in answer_of(turn).parts if p["kind"] == "call")
    assert call["state"] == "unknown"
    assert turn.state == TurnState.DONE
    assert ToolCall.objects.count() == 1


# --- At the same time ---------------------------------------------------------


def test_a_double_click_in_two_processes_runs_once(
    alice: User, token: str, notes_server: DemoServer
) -> None:
    row = verbs.add(alice, notes_server.url, "Notes")
    with web() as first:
        wanted = {"connector_id": row.pk, "tool": "delete_note"}
        turn = say(first, token, text='{"note_id": "NOTE-104"}', pick=wanted)
        wait_for(turn, lambda now: now.state == TurnState.WAITING)
    # The process that asked is gone: the question is not.
    approval = Approval.objects.get()
    session = signed_in(alice)
    with web() as first, web() as second, ThreadPoolExecutor(2) as hands:
        clicks = [
            hands.submit(click, process, session, approval.pk)
            for process in (first, second)
        ]
        statuses = sorted(one.result() for one in clicks)
        turn = wait_for(turn, has_ended)
    assert statuses == [303, 409]
    assert turn.state == TurnState.DONE
    assert ToolCall.objects.count() == 1


def signed_in(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def click(process: WebProcess, session: str, approval_id: int) -> int:
    """Press *Allow once* in a browser with this session."""
    csrf = "a" * 32
    there = HTTPConnection(HOST, process.port, timeout=PATIENCE_S)
    headers = {
        "Cookie": f"sessionid={session}; csrftoken={csrf}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = urlencode({"decision": "once", "csrfmiddlewaretoken": csrf})
    try:
        there.request("POST", f"/chat/approvals/{approval_id}", body, headers)
        return there.getresponse().status
    finally:
        there.close()


# --- Many ---------------------------------------------------------------------


def test_ten_answers_that_wait_run_on_a_pool_of_two(alice: User, token: str) -> None:
    limits = {"DATABASE_POOL_MAX": "2", "CONNECTIONS_PER_ORIGIN": "20"}
    with gate("tools/call") as server, web_process(**DIRECT, **limits) as process:
        row = verbs.add(alice, server.url, "Peer")
        wanted = {"connector_id": row.pk, "tool": "echo"}
        for _ in range(MANY):
            say(process, token, text='{"text": "x"}', pick=wanted)
        for _ in range(MANY):
            server.wait()
        status, _ = Rest(process.port, token).send("GET", "/api/conversations")
        server.open()
        for turn in Turn.objects.all():
            wait_for(turn, has_ended)
    assert status == 200
    assert {turn.state for turn in Turn.objects.all()} == {TurnState.DONE}
