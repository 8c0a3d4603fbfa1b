"""One installation on a database of its own, which scenarios are handed to.

`python -m bench.conformance.driver SOCKET FOLDER`. Everybody who comes is a new
person. Ends with its standard input, so that nothing outlives who started it.
"""

import asyncio
import contextlib
import io
import json
import os
import sys
import traceback
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from config.envfile import new_secrets

WALK_S = 40
# What the suite expects of a client's name for itself where servers take one.
CLIENT_DOCUMENT = "https://conformance-test.local/client-metadata.json"


def environment(folder: Path) -> Mapping[str, str]:
    """Return the settings of the installation: its servers are on this machine."""
    secrets = dict(line.split("=", 1) for line in new_secrets().split())
    return secrets | {
        "ENV_FILE": "",
        "DATABASE_URL": f"sqlite:///{folder / 'conformance.sqlite3'}",
        "DEVELOPMENT": "on",
        "EGRESS_ALLOW": "127.0.0.1/32,::1/128",
        "LOG_LEVEL": "INFO",
        "OAUTH_CLIENT_METADATA_URL": CLIENT_DOCUMENT,
    }


class Driver:
    """Walks with each scenario that it is handed; several at once."""

    def __init__(self) -> None:
        self._people = count(1)

    async def take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.closing(writer):
            task = json.loads(await reader.readline())
            went_well, story = await self._walk(task)
            answer = {"went_well": went_well, "story": story}
            writer.write(json.dumps(answer).encode() + b"\n")
            with contextlib.suppress(ConnectionError):
                await writer.drain()

    async def _walk(self, task: dict[str, Any]) -> tuple[bool, str]:
        from bench.conformance.person import GivesUp, Person

        story = io.StringIO()
        name = f"person-{next(self._people)}"
        try:
            async with asyncio.timeout(WALK_S):
                person = await Person.new(name, story, task)
                await person.walk()
        except (GivesUp, TimeoutError) as problem:
            print(f"Gave up: {problem or 'it took too long'}", file=story)
            return False, story.getvalue()
        except Exception:  # noqa: BLE001 — a defect of ours fails this scenario alone
            traceback.print_exc(file=story)
            return False, story.getvalue()
        return True, story.getvalue()


async def serve(address: str) -> None:
    """Take scenarios until standard input ends."""
    from connectors import pools

    async with pools.resident():
        driver = Driver()
        async with await asyncio.start_unix_server(driver.take, address):
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.read)


def main(address: str, folder: str) -> None:
    os.environ.update(
        environment(Path(folder)), DJANGO_SETTINGS_MODULE="config.settings"
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    asyncio.run(serve(address))


if __name__ == "__main__":
    main(*sys.argv[1:])
