"""Test a server that somebody wants to add: live, or as a page when it is done."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import structlog
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

from connectors import manager, reports
from connectors.errors import ConnectorError
from connectors.forms import HEADERS, TOKEN, AddForm, Entry
from connectors.steps import STEPS, Step
from connectors.views import add_form, stream
from connectors.views.answers import PageRequest, fragment, page, person

log = structlog.get_logger(__name__)


@page("POST")
async def test(request: PageRequest) -> HttpResponseBase:
    """Test what the form says; nothing is saved.

    Who can read an event stream sees each step as it happens. When they close the
    connection the test is closed with it, and nothing more is dialled.
    """
    user_id = await person(request)
    if "stop" in request.POST:
        # By sending this the browser has given up the stream of the test.
        return fragment(request, "test.html#stopped", add_form.stopped())
    if (kind := request.POST.get("ask")) in (TOKEN, HEADERS):
        return add_form.asked(request, user_id=user_id, kind=kind)
    form = AddForm(request.POST, user_id=user_id)
    if not form.is_valid() or form.entry is None:
        return add_form.invalid(request, form)
    if stream.is_wanted(request):
        return stream.answer(_live(form, form.entry))
    try:
        report = await manager.test(user_id=user_id, **form.entry.target)
    except ConnectorError as problem:
        return add_form.refused(request, form, problem)
    return add_form.show(request, await add_form.outcome(form, form.entry, report))


async def _live(form: AddForm, entry: Entry) -> AsyncGenerator[str]:
    """Yield the fragments of a test as it goes on."""
    yield _render("begun", _begun(form, entry))
    try:
        async with aclosing(
            manager.testing(user_id=form.user_id, **entry.target)
        ) as items:
            async for item in items:
                if isinstance(item, Step):
                    yield _render("step", _step(item))
                else:
                    shown = await add_form.outcome(form, entry, item)
                    yield _render("ended", shown)
    except ConnectorError as error:
        problem = error
    except Exception:
        # The outermost edge: the answer has begun, and can become no other.
        log.exception("request.failed", error_code=ConnectorError.code)
        problem = ConnectorError("This failed here, not at your server. Test again.")
    else:
        return
    yield _render("given_up", add_form.context(form, problem=problem))


def _begun(form: AddForm, entry: Entry) -> dict[str, Any]:
    shown = add_form.context(form, phase="running", done=0)
    if not form.has_typed_name:
        name = entry.name or reports.suggested_name(url=entry.server_url)
        shown["name"] = shown["suggested_name"] = name
    return shown


def _step(step: Step) -> dict[str, Any]:
    number = STEPS.index(step.step) + 1
    return {
        "phase": "running",
        "step": reports.live(step),
        "number": number,
        "done": number - (step.status == "running"),
        "step_count": len(STEPS),
        "is_oob": True,
    }


def _render(part: str, shown: dict[str, Any]) -> str:
    # Without the request: a fragment needs neither session nor database.
    return render_to_string(f"connectors/test.html#{part}", shown)
