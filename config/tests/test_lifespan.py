import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest

from agent import residents
from config.lifespan import lifespan
from config.tests.live import serve
from connectors import pools


class Server:
    """The server's side of the lifespan protocol."""

    def __init__(self) -> None:
        self.to_application: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.from_application: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.task = asyncio.create_task(self.serve())

    async def serve(self) -> None:
        scope = {"type": "lifespan"}
        await lifespan(scope, self.to_application.get, self.from_application.put)

    async def say(self, stage: str) -> dict[str, Any]:
        await self.to_application.put({"type": f"lifespan.{stage}"})
        async with asyncio.timeout(20):
            return await self.from_application.get()


async def same_workers() -> bool:
    """Say whether two operations share what the loop holds."""
    async with pools.workers() as one, pools.workers() as two:
        return one is two


async def test_the_loop_shares_its_pools_from_startup_to_shutdown() -> None:
    assert not await same_workers()
    server = Server()
    assert await server.say("startup") == {"type": "lifespan.startup.complete"}
    assert await same_workers()
    assert await server.say("shutdown") == {"type": "lifespan.shutdown.complete"}
    await server.task
    assert not await same_workers()


@pytest.mark.parametrize(
    ("model", "imported"), [("", "False"), ("fake", "True")], ids=["direct", "model"]
)
def test_what_answers_with_a_model_is_imported_before_anybody_waits(
    model: str, imported: str
) -> None:
    script = """
import asyncio, sys
from config import asgi
from config.tests.test_lifespan import Server
async def main():
    assert (await Server().say("startup"))["type"] == "lifespan.startup.complete"
    print("pydantic_ai.models.openai" in sys.modules)
asyncio.run(main())
"""
    settings = {"LLM_MODEL": model, "LLM_BASE_URL": "http://127.0.0.1:1/v1"}
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | settings | {"DEBUG": "on", "DEVELOPMENT": "on"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout.split() == [imported], ended.stderr


async def test_turns_run_on_the_loop_from_startup_to_shutdown() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    assert not residents.leave(work, 1)
    server = Server()
    await server.say("startup")
    assert residents.leave(work, 1)
    async with asyncio.timeout(20):
        await begun.wait()
    await server.say("shutdown")
    await server.task
    assert cancelled.is_set()
    assert not residents.leave(work, 1)


async def test_unsafe_settings_fail_the_start_and_say_why(settings: Any) -> None:
    settings.DEBUG = True
    server = Server()
    answer = await server.say("startup")
    await server.task
    assert answer["type"] == "lifespan.startup.failed"
    assert "patchbay.E006" in answer["message"]
    assert not await same_workers()


async def test_pools_that_cannot_be_opened_fail_the_start() -> None:
    async with pools.resident():
        server = Server()
        answer = await server.say("startup")
        await server.task
    assert answer["type"] == "lifespan.startup.failed"


def test_a_server_with_unsafe_settings_does_not_start(settings: Any) -> None:
    settings.PUBLIC_URL = "patchbay.example"
    with pytest.raises(RuntimeError, match="did not start"), serve(lifespan):
        pass
