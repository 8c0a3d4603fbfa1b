"""How the form that adds a connector is answered: drawn anew, or told what is wrong.

htmx gets the part that changed; a browser without scripts gets the page. Neither
gets back what is secret.
"""

from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.template.response import TemplateResponse
from django.utils import timezone
from django_htmx.http import reswap, retarget

from connectors import client_identity, manager, reports, server_url
from connectors.errors import ConnectorError, InvalidUrl, TooManyRequests
from connectors.forms import AddForm, Entry
from connectors.manager import TestReport
from connectors.steps import STEPS
from connectors.views.answers import PageRequest, fragment

MINUTE_S = 60


def context(
    form: AddForm, *, phase: str = "idle", ticket: str = "", **more: Any
) -> dict[str, Any]:
    """Return what the form shows.

    `phase` is idle, running, failed or passed: how far its test is. `ticket` is of
    a test that passed, and lets Save be pressed.
    """
    url = form.entry.server_url if form.entry else ""
    return {
        "nav": "connectors",
        "form": form,
        "phase": phase,
        "ticket": ticket,
        "name": form.shown_name,
        "suggested_name": form["suggested_name"].value() or "",
        "host": _host(url),
        "test_s": settings.TEST_TIMEOUT_S,
        "ticket_min": settings.TICKET_TTL_S // MINUTE_S,
        "about": reports.waiting(explained=True),
        "waiting": reports.waiting(),
        "step_count": len(STEPS),
        "redirect_uri": client_identity.redirect_uri(),
        **more,
    }


async def outcome(form: AddForm, entry: Entry, report: TestReport) -> dict[str, Any]:
    """Return what the form shows after a test; queries the names that are taken."""
    offer = report.result.sign_in
    needs_client = False
    if offer is not None and offer.server is not None:
        is_known = client_identity.is_known
        needs_client = not await is_known(
            server=offer.server, entered=None, url=entry.server_url
        )
    shown = reports.of(
        result=report.result,
        url=entry.server_url,
        offered=entry.auth_config is not None,
        tested_at=timezone.now(),
        needs_client=needs_client,
    )
    more: dict[str, Any] = {"report": shown}
    if not form.has_typed_name:
        more["name"] = more["suggested_name"] = await _suggested(form, entry, report)
    phase = "passed" if report.result.success else "failed"
    return context(form, phase=phase, ticket=report.ticket, **more)


def show(
    request: PageRequest, shown: dict[str, Any], *, status: int = 200
) -> TemplateResponse:
    """Draw the whole form: in the dialog for htmx, else as a page."""
    shown = {**shown, "is_in_dialog": is_in_dialog(request)}
    if not request.htmx:
        return TemplateResponse(request, "connectors/add.html", shown, status=status)
    answer = fragment(request, "add.html#form", shown, status=status)
    if request.method == "POST":
        # Merged into the form that is there, so that what was typed stays in it.
        answer["HX-Reswap"] = "outerMorph"
        retarget(answer, "#add")
    return answer


def show_part(
    request: PageRequest, part: str, shown: dict[str, Any], *, status: int = 200
) -> TemplateResponse:
    """Change some places of the form, each by its id; without scripts the page."""
    if not request.htmx:
        return show(request, shown, status=status)
    answer = fragment(request, f"test.html#{part}", shown, status=status)
    reswap(answer, "none")
    return answer


def invalid(request: PageRequest, form: AddForm) -> TemplateResponse:
    """Say at the fields what is wrong; 422."""
    ticket = form.data.get("test_ticket", "")
    phase = "passed" if ticket else "idle"
    return show(request, context(form, phase=phase, ticket=ticket), status=422)


def refused(
    request: PageRequest, form: AddForm, problem: ConnectorError
) -> TemplateResponse:
    """Say why this cannot be done as it is; a ticket stays good."""
    ticket = form.cleaned_data.get("test_ticket", "")
    phase = "passed" if ticket else "idle"
    shown = context(form, phase=phase, ticket=ticket, problem=problem)
    if not isinstance(problem, TooManyRequests):
        return show_part(request, "problem", shown, status=422)
    answer = show_part(request, "problem", shown, status=429)
    answer["Retry-After"] = str(problem.retry_after_s)
    return answer


def asked(request: PageRequest, *, user_id: int, kind: str) -> TemplateResponse:
    """Show the field that `kind` of sign-in needs, ready to be filled in."""
    names = ("server_url", "name", "suggested_name")
    given = {name: request.POST.get(name, "") for name in names}
    form = AddForm(user_id=user_id, initial={**given, "sign_in": kind})
    return show_part(request, "asked", context(form, wanted=kind))


def stopped() -> dict[str, Any]:
    """Return what the form shows when its test was stopped."""
    return {
        "phase": "stopped",
        "about": reports.waiting(explained=True),
        "test_s": settings.TEST_TIMEOUT_S,
    }


def is_in_dialog(request: PageRequest) -> bool:
    """Tell whether the form stands over another page, which htmx fetched it into."""
    if request.method == "POST":
        return "in_dialog" in request.POST
    return bool(request.htmx)


async def _suggested(form: AddForm, entry: Entry, report: TestReport) -> str:
    """Return a name that the person has not given to another connector."""
    name = entry.name or reports.suggested_name(
        url=entry.server_url, server_info=report.result.server_info
    )
    taken = await sync_to_async(_names)(form.user_id)
    return reports.free_name(name, taken=taken) if name else ""


def _names(user_id: int) -> list[str]:
    return list(manager.list_for(user_id=user_id).values_list("name", flat=True))


def _host(url: str) -> str:
    try:
        return server_url.host(url)
    except InvalidUrl:
        return "this address"
