"""What the rows of an import show: where each stands, in colour, glyph and words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from connectors import cards, importing, reports
from connectors.errors import ConnectorError
from connectors.importing import Outcome, Room
from connectors.importing_form import RowForm, Sheet
from connectors.importing_rows import Row
from connectors.manager import TestReport
from connectors.reports import Report

PASSED = ("ready", "circle-check")
_NAMES_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row as it is drawn: where it stands, and what its form has."""

    row: Row
    state: str = ""
    glyph: str = "circle"
    word: str = "Not tested yet"
    sentence: str = ""
    code: str = ""
    ticket: str = ""
    # The code of its last test, where that failed.
    failed: str = ""
    form: RowForm | None = None
    twin: str = ""
    can_sign_in: bool = False
    # Fills the form that adds one server, for what a test found wrong here.
    add_query: str = ""
    # Whether a token would help, so that its field stands open.
    wants_token: bool = False


@dataclass(kw_only=True)
class Counted:
    """How far the tests are."""

    total: int
    ended: int = 0
    passed: int = 0

    def count(self, outcome: Outcome) -> None:
        self.ended += outcome.is_final
        self.passed += bool(outcome.ticket)


async def context(
    sheet: Sheet, *, outcomes: Mapping[int, Outcome] | None = None, said: str = ""
) -> dict[str, Any]:
    """Return what the page shows of a sheet, after `outcomes` of its rows."""
    look_up = sync_to_async(importing.look_up)
    room = await look_up(user_id=sheet.user_id, rows=sheet.rows)
    lines = [
        line(
            row,
            (outcomes or {}).get(row.number),
            form=sheet.forms[row.number],
            twin=room.twins.get(row.number, ""),
        )
        for row in sheet.rows
        if not row.problem
    ]
    return {
        "nav": "connectors",
        "sheet": sheet,
        "lines": lines,
        "refused": [row for row in sheet.rows if row.problem],
        "left": room.left,
        "limit": settings.CONNECTOR_LIMIT,
        "test_s": settings.TEST_TIMEOUT_S,
        "said": said,
    }


def suggested(rows: Sequence[Row], room: Room) -> dict[int, dict[str, Any]]:
    """Return how each row is filled in at first: what fits and is new is chosen."""
    left = room.left
    found = {}
    for row in rows:
        is_second = row.number in room.twins
        chosen = left > 0 and not (row.problem or row.is_off or is_second)
        left -= chosen
        name = room.names.get(row.number, "")
        found[row.number] = {"name": name, "chosen": chosen, "is_second": is_second}
    return found


def waiting(row: Row) -> Line:
    return Line(row=row, state="checking", glyph="clock", word="Waits for its turn")


def line(
    row: Row,
    outcome: Outcome | None,
    *,
    form: RowForm | None = None,
    twin: str = "",
) -> Line:
    """Return where a row stands; without an outcome by what its form says."""
    shared: dict[str, Any] = {"row": row, "form": form, "twin": twin}
    if outcome is None:
        return _untested(shared, row, form)
    if outcome.report is not None:
        return _after(outcome.report, shared, row)
    if outcome.problem is not None and row.missing:
        return replace(_untested(shared, row, None), sentence=outcome.problem.message)
    if outcome.problem is not None:
        return _refused(outcome.problem, shared)
    return Line(**shared, state="checking", glyph="loader-circle", word="Testing…")


def saved(names: Sequence[str]) -> str:
    """Say which connectors were saved."""
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"{shown}{more} {'was' if len(names) == 1 else 'were'} saved."


def _untested(shared: dict[str, Any], row: Row, form: RowForm | None) -> Line:
    ticket = str(form["ticket"].value() or "") if form else ""
    if ticket:
        state, glyph = PASSED
        word = "The test has passed"
        return Line(**shared, state=state, glyph=glyph, word=word, ticket=ticket)
    if row.missing:
        needs = f"Needs {', '.join(row.missing)}"
        return Line(**shared, state="sign-in", glyph="key-round", word=needs)
    failed = str(form["failed"].value() or "") if form else ""
    if failed in cards.HAPPENED:
        return _failed(failed, shared)
    return Line(**shared)


def _failed(code: str, shared: dict[str, Any]) -> Line:
    """Return where a row stands whose test failed a while ago."""
    asks = code in reports.AT_SIGN_IN
    state, glyph = _look(code, is_good=False, asks=asks)
    return Line(
        **shared,
        state=state,
        glyph=glyph,
        word="Did not pass its test",
        sentence=cards.HAPPENED[code],
        code=code,
        failed=code,
        wants_token=asks,
    )


def _refused(problem: ConnectorError, shared: dict[str, Any]) -> Line:
    return Line(
        **shared,
        state="review",
        glyph="circle-alert",
        word="Not done",
        sentence=problem.message,
        code=problem.code,
    )


def _after(report: TestReport, shared: dict[str, Any], row: Row) -> Line:
    """Return where a row stands after a test."""
    has_offered = row.auth_config is not None
    found = reports.of(
        result=report.result,
        url=row.server_url,
        offered=has_offered,
        tested_at=timezone.now(),
    )
    code = report.result.error_code or ""
    asks = code in reports.AT_SIGN_IN
    can_sign_in = asks and not row.blanks and _is_offered(found)
    is_good = report.result.success
    state, glyph = _look(code, is_good=is_good, asks=asks)
    return Line(
        **shared,
        state=state,
        glyph=glyph,
        word=found.headline,
        sentence=_sign_in_at(found) if can_sign_in else found.sentence,
        code=code,
        ticket=report.ticket,
        failed="" if is_good else code,
        can_sign_in=can_sign_in,
        wants_token=asks,
        add_query="" if is_good or asks else _add_query(row),
    )


def _is_offered(report: Report) -> bool:
    return report.offer is not None and not report.offer.is_guess


def _sign_in_at(report: Report) -> str:
    where = report.offer.host if report.offer else ""
    return f"Sign in at {where}, or add a token if the server's owner gives you one."


def _add_query(row: Row) -> str:
    """Return the query of the form that adds it; "" if its URL may have secrets."""
    if row.address != row.server_url:
        return ""
    return urlencode({"url": row.server_url, "name": row.name})


def _look(code: str, *, is_good: bool, asks: bool) -> tuple[str, str]:
    """Return colour and glyph of a test."""
    if is_good:
        return ("review", "triangle-alert") if code else PASSED
    return ("sign-in", "key-round") if asks else ("unreachable", "circle-alert")
