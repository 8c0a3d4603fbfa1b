"""Add a connector: the form, and the save of what its test proved."""

from typing import Any, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django_htmx.http import reswap, retarget, trigger_client_event

from accounts.models import User
from connectors import manager, paste, tool_list
from connectors.errors import (
    DuplicateName,
    DuplicateUrl,
    InvalidInput,
    LimitReached,
    NotVerified,
    TooManyRequests,
)
from connectors.form_fields import place_errors
from connectors.forms import KINDS, NONE, AddForm, Entry
from connectors.manager import TestReport
from connectors.models import NAME_CHARS, UserMCPConnection
from connectors.views import add_form, catalogue, overview
from connectors.views.answers import (
    PageRequest,
    announce,
    done,
    fragment,
    page,
    person,
)
from connectors.views.bench import Bench, Tool

UNTESTED = "Test the connection first. It can be saved once a test has passed."


@page("GET")
async def add(request: PageRequest) -> HttpResponse:
    """Show the form, filled with what the query says; nobody is dialled by that.

    Where it says no `url`, there are known servers to choose from.
    """
    url, kind = (request.GET.get(name, "") for name in ("url", "sign_in"))
    given = {
        "server_url": "" if paste.is_more_than_url(url) else url,
        "name": request.GET.get("name", "")[:NAME_CHARS],
        "sign_in": kind if kind in dict(KINDS) else NONE,
    }
    user_id = await person(request)
    form = AddForm(user_id=user_id, initial=given)
    shown: dict[str, Any] = {"problem": await sync_to_async(_full)(user_id)}
    if not given["server_url"]:
        known = await sync_to_async(catalogue.context)(user_id=user_id)
        shown |= {**known, "is_choosing": True}
    return add_form.show(request, add_form.context(form, **shown))


@page("POST")
async def save(request: PageRequest) -> HttpResponse:
    """Save what a test proved; before one there is nothing to save."""
    form = AddForm(request.POST, user_id=await person(request))
    if form.is_valid() and not form.cleaned_data["test_ticket"]:
        form.add_error(None, UNTESTED)
    if not form.is_valid() or form.entry is None:
        return add_form.invalid(request, form)
    try:
        row = await _add(form, form.entry)
    except NotVerified as error:
        report = TestReport(result=error.test, ticket="")
        shown = await add_form.outcome(form, form.entry, report)
        return add_form.show_part(request, "refuted", shown, status=422)
    except DuplicateName as error:
        form.add_error("name", error.message)
        return add_form.invalid(request, form)
    except InvalidInput as error:
        place_errors(form, error, credentials_field=form.kind)
        return add_form.invalid(request, form)
    except (DuplicateUrl, LimitReached, TooManyRequests) as problem:
        return add_form.refused(request, form, problem)
    return await _saved(request, row)


def _full(user_id: int) -> LimitReached | None:
    """Return what will be said after the test, when it could be said before."""
    used = manager.list_for(user_id=user_id).filter(slot__isnull=False).count()
    limit = settings.CONNECTOR_LIMIT
    return LimitReached(limit) if used >= limit else None


async def _add(form: AddForm, entry: Entry) -> UserMCPConnection:
    given = form.cleaned_data
    return await manager.add(
        user_id=form.user_id,
        name=given["name"] or None,
        test_ticket=given["test_ticket"],
        allow_duplicate=given["allow_duplicate"],
        **entry.target,
    )


async def _saved(request: PageRequest, row: UserMCPConnection) -> HttpResponse:
    """Go on to a first tool to try; the list behind the dialog has the new card."""
    tool = next(filter(tool_list.reads_only, row.discovered_tools), None)
    if not (request.htmx and add_form.is_in_dialog(request)):
        return done(request, _next_page(row, tool), f"{row.name} was saved.")
    shown = await sync_to_async(overview.context)(user_id=row.user_id)
    shown["focus_on"] = row.pk
    if tool is None:
        messages.success(request, f"{row.name} was saved.")
        answer = overview.refreshed(request, shown)
        trigger_client_event(answer, "dialog-close")
    else:
        user = cast(User, await request.auser())
        place = Bench(request=request, user=user, connector=row, tool=tool)
        offer = place.fragment("offer", place.example(), is_first=True)
        answer = fragment(request, "tool.html#saved", {**shown, "offer": offer})
    reswap(retarget(answer, "#overview"), "outerHTML")
    announce(answer, f"{row.name} was saved")
    return answer


def _next_page(row: UserMCPConnection, tool: Tool | None) -> str:
    """Return where to go on: a first tool that only reads, else the new card."""
    if tool is None:
        return f"{reverse('connectors')}#connector-{row.pk}"
    # With an example filled in, and Run in focus.
    return reverse("connector-tool", args=[row.pk, tool["name"]]) + "?first=1"
