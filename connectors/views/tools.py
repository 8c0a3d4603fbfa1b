"""Run one tool of a connector, from a form that its own schema makes.

A run is answered at once if it is quick; else htmx gets a stream of how far it is,
and whoever leaves ends it. Without JavaScript the page comes with the result.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.template.response import TemplateResponse

from accounts.models import User
from connectors import (
    calls,
    cards,
    curl,
    manager,
    results,
    saving,
    schema_form,
    tool_list,
)
from connectors.calls import CallResult
from connectors.errors import ConnectorError, InvalidInput, ToolNotFound
from connectors.models import UserMCPConnection, Via
from connectors.results import Progress
from connectors.schema_form import SchemaForm
from connectors.views import stream
from connectors.views.answers import PageRequest, announce, page

log = structlog.get_logger(__name__)

TEMPLATE: Final = "connectors/tool.html"
FIELDS: Final = "components/schema_form.html"
# What takes longer is answered by a stream.
QUICK_S: Final = 0.4
TICK_S: Final = 0.5

Context = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One tool, to be run by one person."""

    request: PageRequest
    user: User
    connector: UserMCPConnection
    tool: dict[str, Any]

    @property
    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = self.tool["inputSchema"]
        return schema

    def context(self, form: SchemaForm | None = None, **more: Any) -> Context:
        """Return what the page shows; `more` is what became of the form."""
        return {
            "nav": "connectors",
            "connector": self.connector,
            "card": cards.card(self.connector),
            "tool": self.tool,
            "reads_only": tool_list.reads_only(self.tool),
            "warning": _warning(self.tool),
            "form": form,
            "edit_url": self.request.path,
            "call_s": settings.CALL_TIMEOUT_S,
            **more,
        }


@page("GET", "POST")
async def run(request: PageRequest, connector_id: int, tool: str) -> HttpResponseBase:
    """Show the form of a tool; when it is posted, run the tool."""
    user = cast(User, await request.auser())
    row = await sync_to_async(manager.get)(user_id=user.pk, connector_id=connector_id)
    saving.refuse_removed(row)
    bench = Bench(
        request=request,
        user=user,
        connector=row,
        tool=_named(row, tool),
    )
    if request.method == "POST":
        return await _posted(bench)
    if request.htmx and "cancelled" in request.GET:
        return _result(bench, None, {"is_cancelled": True}, said="Cancelled")
    return _page(bench, _first_form(bench), is_first="first" in request.GET)


def _named(connector: UserMCPConnection, name: str) -> dict[str, Any]:
    for tool in connector.discovered_tools:
        if tool["name"] == name:
            return cast(dict[str, Any], tool)
    raise ToolNotFound


def _warning(tool: dict[str, Any]) -> str:
    """Say what a tool that may change things says of that itself."""
    hints = tool.get("annotations") or {}
    if hints.get("readOnlyHint") is not False and "destructiveHint" not in hints:
        return "Its server does not say whether it changes things."
    if hints.get("destructiveHint") is False:
        return "Its server says that it changes things, but deletes none."
    return "Its server says that it can delete or overwrite things."


def _first_form(bench: Bench) -> SchemaForm:
    values = schema_form.example(bench.schema)
    form = schema_form.form_for(bench.schema, values=values)
    if "json" not in bench.request.GET:
        return form
    return schema_form.form_from(bench.schema, {"arg:json": form.as_json})


async def _posted(bench: Bench) -> HttpResponseBase:
    data = bench.request.POST
    changed = schema_form.edited(bench.schema, data)
    if changed is not None:
        return _form(bench, changed)
    form = schema_form.form_from(bench.schema, data)
    try:
        arguments = schema_form.read(bench.schema, data)
        if "curl" in data:
            return _result(bench, form, {"command": _command(bench, arguments)})
        if not tool_list.reads_only(bench.tool) and "confirm" not in data:
            return _result(bench, form, {"is_question": True})
        return await _run(bench, form, arguments)
    except InvalidInput as problem:
        return _form(bench, schema_form.errors_at(form, problem), status=422)


# --- Running ------------------------------------------------------------------------


async def _run(bench: Bench, form: SchemaForm, arguments: Any) -> HttpResponseBase:
    """Run the tool, and answer with a stream if it takes long.

    Raises:
        InvalidInput: the arguments do not fit, and that was found quickly.
    """
    progress = Progress()
    task = asyncio.create_task(_call(bench, arguments, progress))
    wait_s = QUICK_S if stream.is_wanted(bench.request) else None
    try:
        await asyncio.wait({task}, timeout=wait_s)
    except asyncio.CancelledError:
        async with _ended(task):
            raise
    if not task.done():
        return stream.answer(_live(bench, form, task, progress, arguments))
    outcome = _outcome(bench, task, arguments)
    return _result(bench, form, outcome, said=_said(outcome))


async def _call(bench: Bench, arguments: Any, progress: Progress) -> CallResult:
    return await calls.call_tool(
        user_id=bench.user.pk,
        username=bench.user.username,
        connector_id=bench.connector.pk,
        tool=bench.tool["name"],
        arguments=arguments,
        via=Via.PAGE,
        on_progress=progress.report,
    )


async def _live(
    bench: Bench,
    form: SchemaForm,
    task: asyncio.Task[CallResult],
    progress: Progress,
    arguments: Any,
) -> AsyncGenerator[str]:
    """Say how far the run is, then what came of it."""
    async with _ended(task):
        yield _fragment(bench, "running", {"progress": progress, "said": "Running"})
        while not task.done():
            await asyncio.wait({task}, timeout=TICK_S)
            if not task.done():
                yield _fragment(bench, "progress", {"progress": progress})
        try:
            outcome = _outcome(bench, task, arguments)
        except InvalidInput as problem:
            refused = schema_form.errors_at(form, problem)
            yield _fragment(bench, "refused", {"form": refused, "is_oob": True})
        except Exception:
            # The outermost edge: the answer has begun, so it cannot become a 500.
            log.exception("request.failed", error_code=ConnectorError.code)
            yield _fragment(bench, "outcome", {"failure": results.unanticipated()})
        else:
            yield _fragment(bench, "outcome", {**outcome, "said": _said(outcome)})


@contextlib.asynccontextmanager
async def _ended(task: asyncio.Task[Any]) -> AsyncIterator[None]:
    """End `task` with the block: whoever leaves does not wait for its result."""
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            # Looked at, so that asyncio does not take it for forgotten.
            task.exception()


def _outcome(bench: Bench, task: asyncio.Task[CallResult], arguments: Any) -> Context:
    """Return what the page shows of a run that ended.

    Raises:
        InvalidInput: the arguments do not fit.
    """
    shown: Context = {"command": _command(bench, arguments)}
    try:
        shown["result"] = results.show(task.result())
    except InvalidInput:
        raise
    except ConnectorError as error:
        shown["failure"] = results.failure_of(error)
    return shown


def _command(bench: Bench, arguments: Any) -> str:
    return curl.command(
        base_url=settings.PUBLIC_URL,
        connector_id=bench.connector.pk,
        tool=bench.tool["name"],
        arguments=arguments,
    )


def _said(outcome: Context) -> str:
    """Return what is read aloud; a failure is an alert, which reads itself."""
    if "result" not in outcome:
        return ""
    result: results.Shown = outcome["result"]
    word = "The tool reported an error" if result.is_error else "Answered"
    return f"{word} after {result.duration}"


# --- Answering ----------------------------------------------------------------------


def _page(bench: Bench, form: SchemaForm, **more: Any) -> HttpResponse:
    status = more.pop("status", 200)
    shown = bench.context(form, **more)
    return TemplateResponse(bench.request, TEMPLATE, shown, status=status)


def _form(bench: Bench, form: SchemaForm, *, status: int = 200) -> HttpResponse:
    """Show the form as it is now, in place of the one that was sent."""
    if not bench.request.htmx:
        return _page(bench, form, status=status)
    shown = bench.context(form)
    if bench.request.htmx.target == "div#arguments":
        return TemplateResponse(bench.request, FIELDS, shown)
    part = f"{TEMPLATE}#form"
    response = TemplateResponse(bench.request, part, shown, status=status)
    response["HX-Retarget"], response["HX-Reswap"] = "#run-form", "outerHTML"
    return response


def _result(
    bench: Bench, form: SchemaForm | None, outcome: Context, *, said: str = ""
) -> HttpResponse:
    """Show what came of the form, which stays as it is."""
    if form is not None and not bench.request.htmx:
        return _page(bench, form, **outcome)
    shown = bench.context(**outcome)
    response = TemplateResponse(bench.request, f"{TEMPLATE}#outcome", shown)
    return announce(response, said) if said else response


def _fragment(bench: Bench, part: str, more: Context) -> str:
    context = bench.context(more.pop("form", None), **more)
    return render_to_string(f"{TEMPLATE}#{part}", context, bench.request)
