"""The suite itself: installed by npm into a folder of the checkout, run by its Node."""

import asyncio
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.conformance.legs import Leg
from bench.npm import ROOT, CannotInstall, Locked

HERE = Path(__file__).parent
FOLDER = ROOT / ".conformance"
NODE = "node_modules/node/bin/node"
LOCKED = Locked(title="the conformance suite", manifest=HERE, folder=FOLDER, proof=NODE)
# One scenario, in all; the suite's own limit is for the client alone.
SCENARIO_S = 90
CLIENT_MS = 45_000
_NAME = re.compile(r"^ +- (\S+)", re.MULTILINE)


class CannotRun(Exception):
    """The suite cannot be run here; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one scenario ended, and what the suite said of it."""

    scenario: str
    passed: bool
    said: str


def install() -> None:
    """Install the suite as it is locked, unless it is there.

    Raises:
        CannotRun: there is no npm, or it failed.
    """
    try:
        LOCKED.install()
    except CannotInstall as problem:
        raise CannotRun(str(problem)) from problem


def scenarios(leg: Leg) -> list[str]:
    """Name the client scenarios of a leg, in the suite's own order.

    Raises:
        CannotRun: the suite named none.
    """
    command = [*_program(leg), "list", "--client", *leg.options]
    listed = subprocess.run(command, check=False, capture_output=True, text=True)
    found = _NAME.findall(listed.stdout)
    if not found:
        raise CannotRun(f"The suite of {leg.name} lists no scenario. {listed.stderr}")
    return found


async def run(leg: Leg, scenario: str, socket: str) -> Outcome:
    """Run one scenario against the driver that listens at `socket`."""
    client = [sys.executable, "-I", str(HERE / "client.py"), socket]
    process = await asyncio.create_subprocess_exec(
        *_program(leg),
        "client",
        *("--command", shlex.join(client)),
        *("--scenario", scenario),
        *("--timeout", str(CLIENT_MS)),
        *leg.options,
        cwd=FOLDER,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SCENARIO_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return Outcome(scenario=scenario, passed=False, said="It took too long.")
    text = said.decode(errors="replace")
    return Outcome(scenario=scenario, passed=process.returncode == 0, said=text)


def _program(leg: Leg) -> list[str]:
    return [str(_node()), str(FOLDER / "node_modules" / leg.package / "dist/index.js")]


def _node() -> Path:
    return FOLDER / NODE
