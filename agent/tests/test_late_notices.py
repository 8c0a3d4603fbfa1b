"""Listings that fail late: said once, whichever attempt at the answer is at work."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from pytest_django import Settings

from accounts.models import User
from agent import conversations, journal, residents
from agent.models import Approval, ToolSetting, Turn, TurnState
from agent.tests.turning import again, answer_of, pick
from connectors.models import UserMCPConnection
from connectors.tests import verbs
from connectors.tests.gate import gate
from demo.fixtures import DemoServer

PATIENCE_S = 20

pytestmark = pytest.mark.usefixtures("allow_loopback", "transactional_db")


async def until(turn: Turn, condition: Any) -> None:
    """Wait until `condition`, which reads the database, holds."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(journal.group(turn.conversation_id), channel)
    async with asyncio.timeout(PATIENCE_S):
        while not await sync_to_async(condition)():
            await layer.receive(channel)


async def until_nothing_runs() -> None:
    tasks = residents._residents[asyncio.get_running_loop()]
    if tasks:
        await asyncio.wait(set(tasks), timeout=PATIENCE_S)
    assert not tasks


async def test_a_listing_that_fails_after_a_person_allowed_a_call_is_said_once(
    alice: User, closed_url: str, notes_server: DemoServer, settings: Settings
) -> None:
    settings.CONNECT_TIMEOUT_S, settings.RETRY_DELAY_S = 0.5, 1
    away = await sync_to_async(verbs.add)(alice, notes_server.url, "Warehouse")
    await UserMCPConnection.objects.filter(pk=away.pk).aupdate(
        server_url=closed_url, status="unreachable", last_error_code="CONNECTION_FAILED"
    )
    with gate("tools/call") as server:
        row = await sync_to_async(verbs.add)(alice, server.url, "Peer")
        await ToolSetting.objects.acreate(
            user=alice, source="connector", ref=str(row.pk), tool="echo", policy="ask"
        )
        of_warehouse = {"payload__connector_id": away.pk}
        async with residents.resident():
            turn = await conversations.send(
                user_id=alice.pk, text='{"text": "x"}', pick=pick(row.pk, "echo")
            )
            await until(turn, lambda: again(turn).state == TurnState.WAITING)
            approval = await Approval.objects.aget()
            await conversations.decide(
                user_id=alice.pk, approval_id=approval.pk, decision="once"
            )
            await server.reached()
            await until(turn, lambda: turn.events.filter(**of_warehouse).exists())
            assert (await sync_to_async(again)(turn)).state == TurnState.RUNNING
            server.open()
            await until(turn, lambda: again(turn).state == TurnState.DONE)
            await until_nothing_runs()
    parts = (await sync_to_async(answer_of)(turn)).parts
    said = [part["text"] for part in parts if part.get("connector_id") == away.pk]
    assert said == ["Warehouse was left out of this answer."]
