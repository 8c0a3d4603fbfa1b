"""Calls in groups: how many, how many failed, and how long the slowest took."""

from collections.abc import Callable, Iterable
from math import ceil
from typing import Final

from connectors.models import Outcome
from systemtools.analytics.evidence import Call

# The server or the tool failed, or nobody knows.
ERRORS: Final = {
    Outcome.TOOL_ERROR: "The tool reported an error",
    Outcome.FAILED: "The call failed",
    Outcome.NOT_SENT: "It could not be reached",
    Outcome.UNKNOWN: "May or may not have happened",
}
REFUSED: Final = "Refused, nothing was sent"
# Of what was refused or not sent, no time is a time of the server's.
_TIMED: Final = {Outcome.OK, Outcome.TOOL_ERROR, Outcome.FAILED}


class Count:
    """What became of some calls."""

    def __init__(self) -> None:
        self.calls = self.errors = self.refused = 0
        self.last_bad: Call | None = None
        self._durations: list[int] = []

    def add(self, call: Call) -> None:
        """Count a call; the newest must come first."""
        self.calls += 1
        self.errors += call.outcome in ERRORS
        self.refused += call.outcome == Outcome.REFUSED
        if self.last_bad is None and is_bad(call):
            self.last_bad = call
        if call.outcome in _TIMED and call.duration_ms is not None:
            self._durations.append(call.duration_ms)

    @property
    def error_percent(self) -> float:
        return round(100 * self.errors / self.calls, 1) if self.calls else 0.0

    @property
    def p95_ms(self) -> int | None:
        """The time within which 95 of 100 answered (nearest rank)."""
        return p95(self._durations)


def group[K](calls: Iterable[Call], key: Callable[[Call], K]) -> dict[K, Count]:
    """Count calls, those of the same key together."""
    groups: dict[K, Count] = {}
    for call in calls:
        groups.setdefault(key(call), Count()).add(call)
    return groups


def is_bad(call: Call) -> bool:
    """Tell whether a call did not do what it was meant to."""
    return call.outcome in ERRORS or call.outcome == Outcome.REFUSED


def p95(durations: Iterable[int]) -> int | None:
    ordered = sorted(durations)
    return ordered[ceil(0.95 * len(ordered)) - 1] if ordered else None
