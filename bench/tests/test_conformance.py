"""The measurement itself: the person, the process that they live in, and the page."""

import asyncio
import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.conformance import client, table, wishes
from bench.conformance.driver import Driver
from bench.conformance.legs import EXCEPTIONS, LEGS
from bench.conformance.person import GivesUp, Person
from connectors.models import ToolCall, UserMCPConnection
from demo.fixtures import DemoServer

FIRST, SECOND, THIRD = (leg.name for leg in LEGS)
EXCEPTION = next(iter(EXCEPTIONS))
RESULTS = {
    "good": {FIRST: True, SECOND: True},
    "bad": {THIRD: False},
    EXCEPTION: {FIRST: False},
}


def test_the_page_shows_what_must_be_reached():
    """All scenarios of each leg pass, but for those that are named."""
    states = table.recorded(table.read())
    counts = {leg.name: 0 for leg in LEGS}
    for scenario, row in states.items():
        assert table.FAILED not in row.values()
        assert (table.EXCEPTION in row.values()) <= (scenario in EXCEPTIONS)
        for leg, state in row.items():
            counts[leg] += state == table.PASSED
    assert counts == {FIRST: 23, SECOND: 19, THIRD: 33}


def test_a_page_says_what_came_out():
    page = table.page(RESULTS)
    assert table.recorded(page) == table.states(RESULTS)
    assert table.differences(page, RESULTS) == []
    assert f"* {FIRST}: 1 of 2 passed, 1 exceptions." in page
    assert EXCEPTIONS[EXCEPTION] in page
    assert list(table.failures(RESULTS)) == [f"bad, {THIRD}"]


def test_what_a_page_says_wrong_is_named():
    page = table.page(RESULTS)
    now = {**RESULTS, "bad": {THIRD: True}, "new": {FIRST: True}}
    del now["good"]
    assert table.differences(page, now) == [
        f"good, {FIRST}: was passed, is gone.",
        f"good, {SECOND}: was passed, is gone.",
        f"bad, {THIRD}: was **failed**, is passed.",
        f"new, {FIRST}: was nothing, is passed.",
    ]


def test_only_what_decides_the_results_is_in_the_digest(tmp_path: Path):
    for name in ("connectors/a.py", "connectors/tests/test_a.py", "agent/a.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    before = table.digest(tmp_path)
    (tmp_path / "connectors/tests/test_a.py").write_text("2")
    (tmp_path / "agent/a.py").write_text("2")
    assert table.digest(tmp_path) == before
    (tmp_path / "connectors/a.py").write_text("2")
    assert table.digest(tmp_path) != before


def test_a_field_that_is_null_is_left_empty():
    context = {"toolCalls": [{"name": "a", "arguments": {"b": None, "c": 0}}]}
    (wish,) = wishes.of("any", context, [])
    assert (wish.tool, wish.arguments) == ("a", {"c": 0})


def task(url: str) -> dict[str, Any]:
    return {"url": url, "scenario": "any", "context": {}}


@pytest.mark.usefixtures("transactional_db", "allow_loopback")
async def test_a_person_connects_a_server_and_uses_its_tools(notes_server: DemoServer):
    story = io.StringIO()
    person = await Person.new("ada", story, task(notes_server.url))
    await person.walk()
    connector = await UserMCPConnection.objects.aget(user=person.user)
    called = {call.tool async for call in ToolCall.objects.filter(outcome="ok")}
    assert len(called) > connector.tool_count / 2
    assert "Test: passed" in story.getvalue()


@pytest.mark.usefixtures("transactional_db", "allow_loopback")
async def test_a_person_who_cannot_connect_gives_up(closed_url: str):
    person = await Person.new("ada", io.StringIO(), task(closed_url))
    with pytest.raises(GivesUp, match="Cannot connect"):
        await person.walk()


@pytest.mark.usefixtures("transactional_db", "allow_loopback")
@pytest.mark.parametrize("works", [True, False])
async def test_the_command_ends_as_the_persons_way_did(
    works: bool, notes_server: DemoServer, closed_url: str, tmp_path: Path
):
    url = notes_server.url if works else closed_url
    address = str(tmp_path / "driver")
    async with await asyncio.start_unix_server(Driver().take, address):
        command = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", str(client.__file__), address, url),
            env={**os.environ, "MCP_CONFORMANCE_SCENARIO": "any"},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await command.communicate()
    assert (command.returncode == 0) is works
    assert b"Test: " in said
