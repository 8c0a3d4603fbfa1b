"""docs/conformance.md: which scenario passes in which leg, and of which sources.

The page names a digest of the sources that decide the result. While it is theirs, the
results are known, and nothing has to be run again.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.conformance.legs import EXCEPTIONS, LEGS

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs/conformance.md"
# What the results hang on: our client, what is measured with, the SDK's version.
SOURCES = ("bench/conformance", "connectors", "demo", "requirements.txt")
_IGNORED = frozenset({"tests", "migrations", "__pycache__", "node_modules"})
_KEPT = frozenset({".json", ".py", ".txt"})
PASSED, FAILED, EXCEPTION, ABSENT = "passed", "**failed**", "exception", ""
_DIGEST = re.compile(r"^Sources: `([0-9a-f]{64})`$", re.MULTILINE)
_ROW = re.compile(r"^\| `([^`]+)` \|(.+)\|$", re.MULTILINE)

# Scenario -> leg -> whether it passed.
type Results = Mapping[str, Mapping[str, bool]]

_INTRODUCTION = """\
# Conformance

What the official MCP conformance suite says of the client that people use here:
`./dev conformance client` runs it and writes this page. The scenarios drive the same
functions as the pages and REST, by a person of a real installation
(`bench/conformance`); nothing of the product knows of the suite.

* **0.1.16**: all client scenarios of version 0.1.16 of the suite.
* **2025-11-25** and **2026-07-28**: those of version 0.2.0-alpha.12 that apply to that
  revision of the specification.

`bash .ci/run` runs it again when `connectors/` or `demo/` are not as they were: when
their digest, together with that of the measurement itself and of `requirements.txt`, is
not the one at the end of this page. It fails if a scenario fails that is no exception,
or if this page says otherwise.
"""


def digest(root: Path = ROOT) -> str:
    """Return the SHA-256 of the sources below `root` that decide the results."""
    total = hashlib.sha256()
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{name} {content}\n".encode())
    return total.hexdigest()


def is_current() -> bool:
    """Tell whether the page is about the sources as they are."""
    found = _DIGEST.search(read())
    return found is not None and found[1] == digest()


def read() -> str:
    """Return the page; "" if there is none."""
    return PAGE.read_text() if PAGE.exists() else ""


def write(results: Results) -> None:
    PAGE.write_text(page(results))


def page(results: Results) -> str:
    """Return the page of complete results."""
    legs = [leg.name for leg in LEGS]
    lines = [_INTRODUCTION, *_summary(results), ""]
    lines += [f"| scenario | {' | '.join(legs)} |", "|---" * (len(legs) + 1) + "|"]
    for scenario, row in states(results).items():
        lines.append(f"| `{scenario}` | {' | '.join(row[leg] for leg in legs)} |")
    lines += ["", "Exceptions:", ""]
    excepted = [name for name in results if name in EXCEPTIONS]
    lines += [f"* `{name}` {EXCEPTIONS[name]}." for name in excepted]
    return "\n".join([*lines, "", f"Sources: `{digest()}`", ""])


def states(results: Results) -> dict[str, dict[str, str]]:
    """Return what the page says of each scenario in each leg."""
    return {
        scenario: {leg.name: _state(scenario, row.get(leg.name)) for leg in LEGS}
        for scenario, row in results.items()
    }


def recorded(text: str) -> dict[str, dict[str, str]]:
    """Return what a page says of each scenario in each leg."""
    names = [leg.name for leg in LEGS]
    return {
        scenario: dict(zip(names, map(str.strip, cells.split("|")), strict=True))
        for scenario, cells in _ROW.findall(text)
    }


def differences(text: str, results: Results) -> list[str]:
    """Say in a sentence each where a page and complete results differ."""
    before, now = recorded(text), states(results)
    return [
        f"{scenario}, {leg.name}: was {old or 'nothing'}, is {new or 'gone'}."
        for scenario in dict.fromkeys([*before, *now])
        for leg in LEGS
        if (old := before.get(scenario, {}).get(leg.name, ABSENT))
        != (new := now.get(scenario, {}).get(leg.name, ABSENT))
    ]


def failures(results: Results) -> Iterator[str]:
    """Yield each scenario that failed and is no exception, with its leg."""
    for scenario, row in states(results).items():
        for leg, state in row.items():
            if state == FAILED:
                yield f"{scenario}, {leg}"


def _state(scenario: str, passed: bool | None) -> str:
    if passed is None:
        return ABSENT
    if passed:
        return PASSED
    return EXCEPTION if scenario in EXCEPTIONS else FAILED


def _summary(results: Results) -> Iterator[str]:
    for leg in LEGS:
        row = [states[leg.name] for states in states(results).values()]
        run = [state for state in row if state != ABSENT]
        exceptions = run.count(EXCEPTION)
        rest = f", {exceptions} exceptions" if exceptions else ""
        yield f"* {leg.name}: {run.count(PASSED)} of {len(run)} passed{rest}."


def _files(root: Path) -> list[Path]:
    found: list[Path] = []
    for name in SOURCES:
        source = root / name
        found += [source] if source.is_file() else source.rglob("*")
    return sorted(path for path in found if _counts(path.relative_to(root)))


def _counts(inside: Path) -> bool:
    return inside.suffix in _KEPT and _IGNORED.isdisjoint(inside.parts)
