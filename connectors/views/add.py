"""Add a connector: the form, and the save of what its test proved."""

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_htmx.http import reswap, retarget, trigger_client_event

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
from connectors.forms import AddForm, Entry
from connectors.manager import TestReport
from connectors.models import UserMCPConnection
from connectors.views import add_form, overview
from connectors.views.answers import PageRequest, SeeOther, announce, page, person

UNTESTED = "Test the connection first. It can be saved once a test has passed."


@page("GET")
async def add(request: PageRequest) -> HttpResponse:
    """Show the form, filled with the `url` and the `name` of the query."""
    url = request.GET.get("url", "")
    given = {
        "server_url": "" if paste.is_more_than_url(url) else url,
        "name": request.GET.get("name", "")[: manager.NAME_CHARS],
    }
    user_id = await person(request)
    form = AddForm(user_id=user_id, initial=given)
    problem = await sync_to_async(_full)(user_id)
    return add_form.show(request, add_form.context(form, problem=problem))


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
    """Show the new card where the list is, and offer a first tool to try."""
    messages.success(request, _offer(row))
    if not (request.htmx and add_form.is_in_dialog(request)):
        return SeeOther(f"{reverse('connectors')}#connector-{row.pk}")
    shown = await sync_to_async(overview.context)(user_id=row.user_id)
    answer = overview.refreshed(request, {**shown, "focus_on": row.pk})
    reswap(retarget(answer, "#overview"), "outerHTML")
    trigger_client_event(answer, "dialog-close")
    announce(answer, f"{row.name} was saved")
    return answer


def _offer(row: UserMCPConnection) -> SafeString:
    """Say that it is saved, and lead to the first tool that only reads."""
    reading = filter(tool_list.reads_only, row.discovered_tools)
    tool = next(reading, None)
    if tool is None:
        return format_html("{} was saved.", row.name)
    return format_html(
        '{} was saved. <a class="link" href="{}">Try {}</a>',
        row.name,
        # With an example filled in, and Run in focus.
        reverse("connector-tool", args=[row.pk, tool["name"]]) + "?first",
        tool["title"] or tool["name"],
    )
