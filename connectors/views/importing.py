"""Import a file of servers: read it, test its rows, save those that were chosen."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django_htmx.http import reswap, retarget

from connectors import importing, importing_form, sign_in
from connectors.errors import ConnectorError, DuplicateName, LimitReached
from connectors.importing import Candidate, Outcome
from connectors.importing_form import FileForm, Sheet
from connectors.views import import_sheet, stream
from connectors.views.answers import (
    PageRequest,
    SeeOther,
    done,
    fragment,
    page,
    person,
)

TOO_OLD = "This page was too old. Choose the file again."

log = structlog.get_logger(__name__)


@page("GET", "POST")
async def start(request: PageRequest) -> HttpResponseBase:
    """Ask for a file; what is posted is one, or its rows with what to do with them."""
    if request.method != "POST":
        return _asked(request, FileForm())
    user_id = await person(request)
    if "kept" not in request.POST:
        return await _read(request, user_id)
    sheet = importing_form.again(request.POST, user_id=user_id)
    if sheet is None:
        return _too_old(request)
    if "sign_in" in request.POST:
        return await _sign_in(request, sheet)
    if "stop" in request.POST:
        # By sending this the browser has given up the stream of the tests.
        shown = await import_sheet.context(sheet)
        return fragment(request, "import.html#stopped", shown)
    if not sheet.is_valid:
        return await _show(request, sheet, status=422)
    if "save" in request.POST:
        return await _save(request, sheet)
    return await _test(request, sheet)


def _asked(
    request: PageRequest, form: FileForm, *, said: str = "", status: int = 200
) -> HttpResponse:
    shown = {"nav": "connectors", "form": form, "said": said}
    if request.htmx:
        answer = fragment(request, "import.html#asked", shown, status=status)
        # Merged into the form that is there, so that what was pasted stays in it.
        answer["HX-Reswap"] = "outerMorph"
        return retarget(answer, "#import-file")
    return TemplateResponse(request, "connectors/import.html", shown, status=status)


def _too_old(request: PageRequest) -> HttpResponse:
    answer = _asked(request, FileForm(), said=TOO_OLD, status=422)
    if request.htmx:
        # The rows are on the page, and of no use any more.
        retarget(reswap(answer, "outerHTML"), "#import")
    return answer


async def _read(request: PageRequest, user_id: int) -> HttpResponse:
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid() or form.reading is None:
        return _asked(request, form, status=422)
    rows = form.reading.rows
    room = await sync_to_async(importing.look_up)(user_id=user_id, rows=rows)
    initial = import_sheet.suggested(rows, room)
    sheet = importing_form.begin(form.reading, user_id=user_id, initial=initial)
    return await _show(request, sheet)


async def _show(
    request: PageRequest, sheet: Sheet, *, status: int = 200, **more: Any
) -> HttpResponse:
    """Draw the rows: alone for htmx, else as a page."""
    shown = await import_sheet.context(sheet, **more)
    if request.htmx:
        return fragment(request, "import.html#sheet", shown, status=status)
    return TemplateResponse(request, "connectors/import.html", shown, status=status)


async def _test(request: PageRequest, sheet: Sheet) -> HttpResponseBase:
    """Test every row, or one; nothing is saved."""
    only = request.POST.get("only", "")
    number = int(only) if only.isdecimal() else None
    candidates = list(sheet.candidates(only=number))
    if stream.is_wanted(request):
        return stream.answer(_live(sheet, candidates))
    outcomes = await _tested(sheet.user_id, candidates)
    return await _show(request, sheet, outcomes=outcomes)


async def _tested(user_id: int, candidates: Sequence[Candidate]) -> dict[int, Outcome]:
    tests = importing.testing(user_id=user_id, candidates=candidates)
    async with aclosing(tests) as outcomes:
        return {outcome.number: outcome async for outcome in outcomes}


async def _live(sheet: Sheet, candidates: Sequence[Candidate]) -> AsyncGenerator[str]:
    """Yield the fragments of the tests as they go on."""
    counted = import_sheet.Counted(total=len(candidates))
    waiting = [import_sheet.waiting(one.row) for one in candidates]
    yield _render("begun", {"lines": waiting, "counted": counted})
    rows = {one.row.number: one.row for one in candidates}
    tests = importing.testing(user_id=sheet.user_id, candidates=candidates)
    try:
        async with aclosing(tests) as outcomes:
            async for outcome in outcomes:
                counted.count(outcome)
                line = import_sheet.line(rows[outcome.number], outcome)
                yield _render("tested", {"line": line, "counted": counted})
    except Exception:
        # The outermost edge: the answer has begun, and can become no other.
        log.exception("request.failed", error_code=ConnectorError.code)
    yield _render("ended", {"counted": counted})


async def _save(request: PageRequest, sheet: Sheet) -> HttpResponse:
    """Save the chosen rows; those that could not be saved stay, with the reason."""
    chosen = sheet.chosen()
    if not chosen:
        said = "Choose at least one server to import."
        return await _show(request, sheet, status=422, said=said)
    ended = await importing.save(user_id=sheet.user_id, candidates=chosen)
    outcomes = {outcome.number: outcome for outcome in ended}
    saved = [one for one in ended if one.connector is not None]
    names = [one.connector.name for one in saved if one.connector is not None]
    if len(saved) == len(chosen):
        return done(request, reverse("connectors"), import_sheet.saved(names))
    if saved:
        messages.success(request, import_sheet.saved(names))
    left = sheet.without([one.number for one in saved])
    failed = len(chosen) - len(saved)
    said = f"{failed} of {len(chosen)} could not be saved. Each says why."
    status = 200 if saved else 422
    return await _show(request, left, status=status, outcomes=outcomes, said=said)


async def _sign_in(request: PageRequest, sheet: Sheet) -> HttpResponse:
    """Prepare the sign-in to the server of a row, and lead to the page that asks."""
    number = request.POST["sign_in"]
    row = next((one for one in sheet.rows if str(one.number) == number), None)
    if row is None or row.problem:
        return await _show(request, sheet, status=422)
    prepare = partial(sign_in.prepare, user_id=sheet.user_id, server_url=row.server_url)
    try:
        flow = await prepare(name=row.name)
    except DuplicateName:
        flow = await prepare(suggested_name=row.name)
    except LimitReached as problem:
        return await _show(request, sheet, status=422, said=problem.message)
    return SeeOther(reverse("sign-in", args=[flow.pk]))


def _render(part: str, shown: dict[str, Any]) -> str:
    # Without the request: a fragment needs neither session nor database.
    return render_to_string(f"connectors/import.html#{part}", shown)
