"""`./dev conformance client`: run the suite's client scenarios, write what passed.

    ./dev conformance client                     all legs; writes docs/conformance.md
    ./dev conformance client --scenario NAME     one, with all that was said
    ./dev conformance client --leg NAME          one leg
    ./dev conformance client --check             all legs, unless the page is about
                                                 these sources; writes nothing
    ./dev conformance current                    exit 0 if it is

Exit 1 if a scenario failed that is no exception, or the page says otherwise.
"""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.conformance import suite, table
from bench.conformance.legs import EXCEPTIONS, LEGS, TIMED, Leg

AT_ONCE = 2
KEPT = {"HOME", "LANG", "PATH", "TMPDIR"}


def main(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    if options.what == "current":
        return 0 if table.is_current() else 1
    if options.check and table.is_current():
        print("docs/conformance.md is about these sources: nothing to run.")
        return 0
    legs = [leg for leg in LEGS if options.leg in (None, leg.name)]
    try:
        suite.install()
        plan = _plan(legs, options.scenario)
        with _driver() as address:
            outcomes = asyncio.run(_run(plan, address))
    except suite.CannotRun as problem:
        print(problem, file=sys.stderr)
        return 1
    if options.scenario or options.leg:
        return _tell(outcomes, loudly=bool(options.scenario))
    return _settle(outcomes, check=options.check)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev conformance", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("what", choices=["client", "current"])
    parser.add_argument("--scenario", help="one scenario, such as auth/basic-cimd")
    parser.add_argument("--leg", choices=[leg.name for leg in LEGS])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    return parser.parse_args(arguments)


type Plan = list[tuple[Leg, str]]
type Outcomes = dict[tuple[str, str], suite.Outcome]


def _plan(legs: Sequence[Leg], only: str | None) -> Plan:
    every = [(leg, name) for leg in legs for name in suite.scenarios(leg)]
    plan = [(leg, name) for leg, name in every if only in (None, name)]
    if not plan:
        raise suite.CannotRun(f"No leg has a scenario {only}.")
    return plan


@contextlib.contextmanager
def _driver() -> Iterator[str]:
    """Start the installation; give the address where it takes scenarios."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        address = str(Path(folder) / "driver")
        command = [sys.executable, "-m", "bench.conformance.driver", address, folder]
        log = suite.FOLDER / "driver.log"
        with log.open("w") as told:
            process = subprocess.Popen(
                command,
                cwd=table.ROOT,
                # Nothing that is set here for another installation.
                env={name: os.environ[name] for name in KEPT & os.environ.keys()},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
            )
        with process:
            assert process.stdout is not None
            if process.stdout.readline().strip() != b"ready":
                raise suite.CannotRun(f"The driver did not start, see {log}.")
            # Leaving closes its standard input, at which it ends.
            yield address


async def _run(plan: Plan, address: str) -> Outcomes:
    places = asyncio.Semaphore(AT_ONCE)
    outcomes: Outcomes = {}

    async def one(leg: Leg, scenario: str) -> None:
        async with places:
            outcome = await suite.run(leg, scenario, address)
            if not outcome.passed and scenario in TIMED:
                outcome = await suite.run(leg, scenario, address)
        outcomes[leg.name, scenario] = outcome
        mark = "passed" if outcome.passed else EXCEPTIONS.get(scenario, "FAILED")
        print(f"{leg.name:12}{scenario:50}{mark}", flush=True)

    await asyncio.gather(*(one(leg, scenario) for leg, scenario in plan))
    return outcomes


def _tell(outcomes: Outcomes, *, loudly: bool) -> int:
    """Say of some scenarios what the suite said of them."""
    failed = [one for one in outcomes.values() if not one.passed]
    for outcome in outcomes.values() if loudly else failed:
        print(f"\n== {outcome.scenario}\n{outcome.said}")
    return 1 if any(one.scenario not in EXCEPTIONS for one in failed) else 0


def _settle(outcomes: Outcomes, *, check: bool) -> int:
    """Write the page, or compare it with what came out."""
    results: dict[str, dict[str, bool]] = {}
    for leg in LEGS:
        # In the order of the legs, whatever ended first.
        for (name, scenario), outcome in outcomes.items():
            if name == leg.name:
                results.setdefault(scenario, {})[name] = outcome.passed
    results = {scenario: results[scenario] for scenario in sorted(results)}
    failed = list(table.failures(results))
    for outcome in outcomes.values():
        if not outcome.passed and outcome.scenario not in EXCEPTIONS:
            print(f"\n== {outcome.scenario}\n{outcome.said}")
    wrong = table.differences(table.read(), results) if check else []
    if not check:
        table.write(results)
    print("", *[f"Failed: {name}" for name in failed], *wrong, sep="\n")
    passed = sum(outcome.passed for outcome in outcomes.values())
    print(f"{passed} of {len(outcomes)} scenarios passed.")
    return 1 if failed or wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
