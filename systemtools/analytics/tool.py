"""Analytics, as a tool: questions about one's own calls, answered from evidence."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Final, Literal

from asgiref.sync import sync_to_async
from django.utils import timezone
from pydantic import BaseModel, Field

from connectors.models import Outcome
from systemtools.analytics import counting, evidence
from systemtools.analytics.counting import Count
from systemtools.analytics.evidence import Call, Calls
from systemtools.base import SystemTool, ToolError, tool

ROWS_SHOWN: Final = 100
DAYS_MOST: Final = 90
NAMES_TOLD: Final = 20

type By = Literal["connector", "tool", "day"]
Days = Annotated[
    int,
    Field(
        ge=1,
        le=DAYS_MOST,
        description="how many days, today included; days begin at midnight UTC. "
        "For this week, 7",
    ),
]
Connector = Annotated[
    str,
    Field(
        max_length=100,
        description="only calls of the connector or system tool of this name; "
        "without it, of all",
    ),
]


class UsageRow(BaseModel):
    """Calls of one connector, tool or day: errors are those that failed."""

    name: str
    calls: int
    errors: int
    error_percent: float
    refused: int
    p95_ms: int | None


class Usage(BaseModel):
    since: datetime
    calls: int
    errors: int
    p95_ms: int | None
    note: str
    rows: list[UsageRow]


class FailingTool(BaseModel):
    """One tool that failed, or was refused; then what happened the last time."""

    tool: str
    calls: int
    errors: int
    refused: int
    last_problem: str
    last_error_code: str
    last_at: datetime


class Failures(BaseModel):
    since: datetime
    calls: int
    errors: int
    note: str
    tools: list[FailingTool]


class Analytics(SystemTool):
    id = "analytics"
    name = "Analytics"
    description = "Your own calls: how many, how many failed, and how long they took."
    icon = "activity"
    category = "Patchbay"

    @tool(title="Count my calls", reads_only=True)
    async def usage(
        self,
        by: Annotated[By, Field(description="what has a row of its own")] = "tool",
        days: Days = 7,
        connector: Connector = "",
    ) -> Usage:
        """Count the person's own tool calls by connector, tool or day.

        Each row says how many calls there were, how many failed, how many were
        refused before anything was sent, and within how many milliseconds 95 of 100
        answered. Only the person's own calls count, those from everywhere: chat,
        pages, REST.
        """
        return await sync_to_async(_usage)(self.context.user_id, by, days, connector)

    @tool(title="Which of my tools failed", reads_only=True)
    async def failures(self, days: Days = 7, connector: Connector = "") -> Failures:
        """Say which of the person's tools failed or were refused, the worst first.

        For each, how often of how many calls, and what happened the last time.
        """
        return await sync_to_async(_failures)(self.context.user_id, days, connector)


def _usage(user_id: int, by: By, days: int, connector: str) -> Usage:
    since = _since(days)
    found, calls = _calls(user_id, since, connector)
    groups = counting.group(calls, lambda call: _key(by, found, call))
    if by == "day":
        each = [str((since + timedelta(days=n)).date()) for n in range(days)]
        rows = [_row(day, groups.get(day, Count())) for day in each]
    else:
        rows = [_row(name, count) for name, count in groups.items()]
        rows.sort(key=lambda row: (-row.calls, row.name))
    whole = _whole(calls)
    return Usage(
        since=since,
        calls=whole.calls,
        errors=whole.errors,
        p95_ms=whole.p95_ms,
        note=_note(found, calls, len(rows)),
        rows=rows[:ROWS_SHOWN],
    )


def _failures(user_id: int, days: int, connector: str) -> Failures:
    since = _since(days)
    found, calls = _calls(user_id, since, connector)
    groups = counting.group(calls, lambda call: _key("tool", found, call))
    bad = [
        _failing(name, count, count.last_bad)
        for name, count in groups.items()
        if count.last_bad
    ]
    bad.sort(key=lambda row: (-row.errors, -row.refused, row.tool))
    whole = _whole(calls)
    return Failures(
        since=since,
        calls=whole.calls,
        errors=whole.errors,
        note=_note(found, calls, len(bad)) or ("" if bad else "None of them failed."),
        tools=bad[:ROWS_SHOWN],
    )


def _since(days: int) -> datetime:
    first = timezone.now().astimezone(UTC).date() - timedelta(days=days - 1)
    return datetime.combine(first, time.min, tzinfo=UTC)


def _calls(user_id: int, since: datetime, connector: str) -> tuple[Calls, list[Call]]:
    """Return what was read, and the calls of it that are asked for.

    Raises:
        ToolError: there are calls, but none of a connector of that name.
    """
    found = evidence.of_person(user_id=user_id, since=since)
    wanted = connector.strip().casefold()
    if not wanted:
        return found, found.calls
    places = {place for place, name in found.names.items() if name.casefold() == wanted}
    if found.calls and not places:
        names = sorted(set(found.names.values()))[:NAMES_TOLD]
        raise ToolError(
            f"There were no calls of “{connector.strip()}” since {since:%Y-%m-%d}. "
            f"There were calls of: {', '.join(names)}."
        )
    return found, [call for call in found.calls if call.place in places]


def _key(by: By, found: Calls, call: Call) -> str:
    match by:
        case "day":
            return str(call.started_at.astimezone(UTC).date())
        case "connector":
            return found.name(call)
        case "tool":
            return f"{found.name(call)}: {call.tool}"


def _row(name: str, count: Count) -> UsageRow:
    return UsageRow(
        name=name,
        calls=count.calls,
        errors=count.errors,
        error_percent=count.error_percent,
        refused=count.refused,
        p95_ms=count.p95_ms,
    )


def _failing(name: str, count: Count, last: Call) -> FailingTool:
    return FailingTool(
        tool=name,
        calls=count.calls,
        errors=count.errors,
        refused=count.refused,
        last_problem=counting.ERRORS.get(Outcome(last.outcome), counting.REFUSED),
        last_error_code=last.error_code,
        last_at=last.started_at,
    )


def _whole(calls: Iterable[Call]) -> Count:
    return counting.group(calls, lambda _: None).get(None, Count())


def _note(found: Calls, calls: list[Call], rows: int) -> str:
    """Say what the numbers do not."""
    said = []
    if not calls:
        said.append("There were no calls.")
    if found.is_cut:
        first = found.calls[-1].started_at
        said.append(
            f"Only the newest {len(found.calls):,} calls were counted, "
            f"those since {first:%Y-%m-%d %H:%M} UTC."
        )
    if rows > ROWS_SHOWN:
        said.append(f"These are the first {ROWS_SHOWN} of {rows:,}.")
    return " ".join(said)
