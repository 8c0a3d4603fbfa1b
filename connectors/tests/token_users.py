"""Processes of this installation that use one grant, many callers at once in each.

`python -m connectors.tests.token_users GRANT CALLERS` reads lines: `ended` asks for a
token that is good now, `refused` for a newer one than that, `renew` renews it without a
reason. It answers each with one line of JSON: the tokens, and the errors by name.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from connectors.tests.processes import ROOT, environment_of_test

SETTINGS = {"DJANGO_SETTINGS_MODULE": "config.settings"}


class Users:
    """One such process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def begin(self, what: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()

    def result(self) -> dict[str, list[str]]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "The process ended."
        found: dict[str, list[str]] = json.loads(line)
        return found

    def kill(self) -> None:
        """Kill it as the kernel would: nothing is finished, nothing given back."""
        self.process.kill()
        self.process.wait()


@contextmanager
def users(grant_id: int, callers: int, **environment: str) -> Iterator[Users]:
    """Start a process whose callers use the grant; kill it at the end of the block."""
    argv = ["-m", "connectors.tests.token_users", str(grant_id), str(callers)]
    with subprocess.Popen(
        [sys.executable, *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment_of_test(), **SETTINGS, **environment},
    ) as process:
        there = Users(process)
        try:
            yield there
        finally:
            there.kill()


@contextmanager
def many(
    grant_id: int, *, processes: int, callers: int, **environment: str
) -> Iterator[list[Users]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(users(grant_id, callers, **environment))
            for _ in range(processes)
        ]


async def _serve(grant_id: int, callers: int) -> None:
    from connectors import grants, pools

    old: dict[int, Any] = {}

    async def call(number: int, what: str) -> None:
        if what == "refused":
            old[number] = await grants.renewed(old[number])
        elif what == "renew":
            found = await grants.bearer(grant_id)
            await grants.refresh(grant_id=grant_id, version=found.version)
            old[number] = await grants.bearer(grant_id)
        else:
            old[number] = await grants.bearer(grant_id)

    async with pools.resident():
        while what := (await asyncio.to_thread(sys.stdin.readline)).strip():
            ended = await asyncio.gather(
                *(call(number, what) for number in range(callers)),
                return_exceptions=True,
            )
            await pools.release_db()
            tokens = {bearer.access_token for bearer in old.values()}
            errors = [repr(one) for one in ended if one is not None]
            said = {"tokens": sorted(tokens), "errors": errors}
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    import django

    django.setup()
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
