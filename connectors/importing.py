"""Import several servers at once: where there is room, which work, and saved.

Each is tested and saved as if it were alone: one that is bad costs the others nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings

from connectors import manager, reports, saving, server_url
from connectors.errors import ConnectorError, InvalidInput, InvalidUrl, NotVerified
from connectors.importing_rows import Row
from connectors.manager import TestReport
from connectors.models import UserMCPConnection

# Below what a person may do at once, so that the rest of their work goes on.
AT_ONCE = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Room:
    """What the person has of it already.

    By the number of a row: a free `name` for it, and in `twins` the name of what has
    its URL. `left` connectors may be added.
    """

    names: Mapping[int, str]
    twins: Mapping[int, str]
    left: int


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A row that is to be tested or saved, under a name; `ticket` proves a test."""

    row: Row
    name: str = ""
    ticket: str = ""
    # The person knows that they have a connector with this URL.
    is_second: bool = False

    @property
    def target(self) -> dict[str, Any]:
        """What the domain is asked to test."""
        return {
            "server_url": self.row.server_url,
            "auth_type": self.row.auth_type,
            "auth_config": self.row.auth_config,
        }


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a row: its test, or why there was none, or the connector.

    Nothing of it is set while its test goes on.
    """

    number: int
    report: TestReport | None = None
    problem: ConnectorError | None = None
    connector: UserMCPConnection | None = None

    @property
    def is_final(self) -> bool:
        return bool(self.report or self.problem or self.connector)

    @property
    def ticket(self) -> str:
        return self.report.ticket if self.report else ""


def look_up(*, user_id: int, rows: Sequence[Row]) -> Room:
    """Return which names are free, which URLs are taken, and how many fit."""
    owned = list(manager.list_for(user_id=user_id))
    taken = [row.name for row in owned]
    urls = {row.url_key: row.name for row in owned if row.slot is not None}
    used = sum(row.slot is not None for row in owned)
    names: dict[int, str] = {}
    twins: dict[int, str] = {}
    for row in rows:
        if row.problem:
            continue
        wanted = row.name or reports.suggested_name(url=row.server_url)
        name = names[row.number] = reports.free_name(wanted, taken=taken)
        taken.append(name)
        if (key := _key(row)) in urls:
            twins[row.number] = urls[key]
        urls.setdefault(key, name)
    return Room(names=names, twins=twins, left=max(0, settings.CONNECTOR_LIMIT - used))


async def testing(
    *, user_id: int, candidates: Sequence[Candidate]
) -> AsyncGenerator[Outcome]:
    """Test all of them, some at once: yield as each begins, and as each has ended.

    Close the generator (`contextlib.aclosing`) to give up early. A candidate whose
    secrets are missing is not dialled.
    """
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
    places = asyncio.Semaphore(AT_ONCE)

    async def run(candidate: Candidate) -> None:
        async with places:
            outcomes.put_nowait(Outcome(number=candidate.row.number))
            outcomes.put_nowait(await _test(user_id, candidate))

    tasks = [asyncio.ensure_future(run(candidate)) for candidate in candidates]
    left = len(tasks)
    try:
        while left:
            outcome = await outcomes.get()
            left -= outcome.is_final
            yield outcome
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def save(*, user_id: int, candidates: Sequence[Candidate]) -> list[Outcome]:
    """Save each that works, in this order; what was not tested yet is tested first."""
    refused = {}
    for one in candidates:
        if problem := await sync_to_async(_refusal)(user_id, one):
            refused[one.row.number] = problem
    untested = [
        one for one in candidates if not one.ticket and one.row.number not in refused
    ]
    tested: dict[int, Outcome] = {}
    async with aclosing(testing(user_id=user_id, candidates=untested)) as outcomes:
        async for outcome in outcomes:
            tested[outcome.number] = outcome
    ended = []
    for one in candidates:
        number = one.row.number
        if number in refused:
            ended.append(Outcome(number=number, problem=refused[number]))
        elif number in tested and not tested[number].ticket:
            ended.append(tested[number])
        else:
            ticket = one.ticket or tested[number].ticket
            ended.append(await _add(user_id, replace(one, ticket=ticket)))
    saved = sum(outcome.connector is not None for outcome in ended)
    log.info("import.done", user_id=user_id, saved=saved, failed=len(ended) - saved)
    return ended


async def _test(user_id: int, candidate: Candidate) -> Outcome:
    number = candidate.row.number
    try:
        _refuse_incomplete(candidate.row)
        report = await manager.test(user_id=user_id, **candidate.target)
    except ConnectorError as problem:
        return Outcome(number=number, problem=problem)
    except Exception:
        # The edge of one test among others, which go on.
        log.exception("request.failed", error_code=ConnectorError.code)
        failed_here = "This failed here, not at the server. Test it again."
        return Outcome(number=number, problem=ConnectorError(failed_here))
    return Outcome(number=number, report=report)


async def _add(user_id: int, candidate: Candidate) -> Outcome:
    number = candidate.row.number
    try:
        connector = await manager.add(
            user_id=user_id,
            name=candidate.name or None,
            test_ticket=candidate.ticket,
            allow_duplicate=candidate.is_second,
            **candidate.target,
        )
    except NotVerified as refutation:
        report = TestReport(result=refutation.test, ticket="")
        return Outcome(number=number, report=report)
    except ConnectorError as problem:
        return Outcome(number=number, problem=problem)
    return Outcome(number=number, connector=connector)


def _refusal(user_id: int, candidate: Candidate) -> ConnectorError | None:
    """Return why this need not be dialled at all; the save checks it again."""
    try:
        _refuse_incomplete(candidate.row)
        saving.check_room(
            user_id=user_id,
            url=candidate.row.server_url,
            name=candidate.name or None,
            allow_duplicate=candidate.is_second,
        )
    except ConnectorError as problem:
        return problem
    return None


def _refuse_incomplete(row: Row) -> None:
    if row.missing:
        said = f"Enter what the file left out: {', '.join(row.missing)}."
        raise InvalidInput.at("auth_config", "required", msg=said, type_="required")


def _key(row: Row) -> str:
    try:
        return server_url.key(row.server_url)
    except InvalidUrl:
        # A part of it is still missing.
        return row.server_url
