"""A person's own calls of some days, from the evidence of them.

Read newest first, in pages that the index of a person's calls answers, until they are
too old or `ANALYTICS_CALLS` were read: what a question costs does not depend on how
many calls there are in all. Nobody else's rows are ever looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db.models import QuerySet

from connectors.models import Outcome, Source, ToolCall, UserMCPConnection

PAGE_ROWS: Final = 2_000
# Rows are in the order of their times, but for clocks of processes that differ.
CLOCKS_DIFFER_BY: Final = timedelta(minutes=5)
# Which connector or system tool: a connector may be renamed.
type Place = tuple[str, int | None, str]


class Call(NamedTuple):
    """One call that has ended, as it is counted."""

    id: int
    source: str
    source_id: int | None
    source_label: str
    tool: str
    outcome: str
    error_code: str
    started_at: datetime
    duration_ms: int | None

    @property
    def place(self) -> Place:
        # System tools have no id of their own; their names do not change.
        is_system = self.source == Source.SYSTEM
        return self.source, self.source_id, self.source_label if is_system else ""


@dataclass(frozen=True, kw_only=True)
class Calls:
    """The calls of some days, the newest first; `is_cut` where there were more."""

    calls: list[Call]
    names: dict[Place, str]
    is_cut: bool

    def name(self, call: Call) -> str:
        """Return what the person calls the connector or system tool."""
        return self.names[call.place]


def of_person(*, user_id: int, since: datetime) -> Calls:
    """Return the calls of a person that began after `since` and have ended."""
    most = settings.ANALYTICS_CALLS
    calls: list[Call] = []
    for call in _newest_first(user_id, since - CLOCKS_DIFFER_BY):
        if call.started_at < since or call.outcome == Outcome.STARTED:
            continue
        if len(calls) == most:
            return Calls(calls=calls, names=_names(user_id, calls), is_cut=True)
        calls.append(call)
    return Calls(calls=calls, names=_names(user_id, calls), is_cut=False)


def page(*, user_id: int, before: int | None) -> QuerySet[ToolCall, Any]:
    """Return the newest calls of a person, of those with a lower id than `before`."""
    mine = ToolCall.objects.filter(user_id=user_id)
    if before is not None:
        mine = mine.filter(pk__lt=before)
    return mine.order_by("-id").values_list(*Call._fields)[:PAGE_ROWS]


def _newest_first(user_id: int, until: datetime) -> Iterator[Call]:
    before: int | None = None
    while rows := [Call(*row) for row in page(user_id=user_id, before=before)]:
        for call in rows:
            if call.started_at < until:
                return
            yield call
        before = rows[-1].id


def _names(user_id: int, calls: list[Call]) -> dict[Place, str]:
    """Name each place as it is called now, or was when it was last used."""
    mine = UserMCPConnection.objects.owned_by(user_id)
    current = dict(mine.values_list("pk", "name"))
    names: dict[Place, str] = {}
    for call in calls:
        is_connector = call.source == Source.CONNECTOR
        now = current.get(call.source_id or 0, "") if is_connector else ""
        names.setdefault(call.place, now or call.source_label)
    return names
