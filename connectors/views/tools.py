"""Run one tool of a connector, from a form that its own schema makes.

A run is answered at once if it is quick; else htmx gets a stream of how far it is,
and whoever leaves ends it. Without JavaScript the page comes with the result.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final, cast

import structlog
from asgiref.sync import sync_to_async
from django.http.response import HttpResponseBase

from accounts.models import User
from connectors import calls, manager, results, saving, schema_form, tool_list
from connectors.calls import CallResult
from connectors.errors import ConnectorError, InvalidInput
from connectors.models import Via
from connectors.results import Progress
from connectors.schema_form import SchemaForm
from connectors.views import bench, stream
from connectors.views.answers import PageRequest, page
from connectors.views.bench import Bench, Context

log = structlog.get_logger(__name__)

# The form's own buttons that turn it into JSON and back.
SWITCHES: Final = {"json", "fields"}
# What takes longer is answered by a stream.
QUICK_S: Final = 0.4
TICK_S: Final = 0.5

Call = asyncio.Task[CallResult]


@page("GET", "POST")
async def run(request: PageRequest, connector_id: int, tool: str) -> HttpResponseBase:
    """Show the form of a tool; when it is posted, run the tool."""
    user = cast(User, await request.auser())
    row = await sync_to_async(manager.get)(user_id=user.pk, connector_id=connector_id)
    saving.refuse_removed(row)
    spec = bench.named(row, tool)
    place = Bench(request=request, user=user, connector=row, tool=spec)
    if request.method == "POST":
        return await _posted(place)
    form = _first_form(place)
    if request.htmx and "cancelled" in request.GET:
        return place.outcome(form, {"is_cancelled": True}, said="Cancelled")
    return place.page(form, is_first="first" in request.GET)


def _first_form(place: Bench) -> SchemaForm:
    form = place.example()
    if "json" not in place.request.GET:
        return form
    return schema_form.form_from(place.schema, {"arg:json": form.as_json})


async def _posted(place: Bench) -> HttpResponseBase:
    data = place.request.POST
    changed = schema_form.edited(place.schema, data)
    if changed is not None:
        return place.changed(changed, is_switched=data[schema_form.EDIT] in SWITCHES)
    form = schema_form.form_from(place.schema, data)
    try:
        arguments = schema_form.read(place.schema, data)
        if "curl" in data:
            return place.outcome(form, {"command": place.command(arguments)})
        if not tool_list.reads_only(place.tool) and "confirm" not in data:
            return place.outcome(form, {"is_question": True})
        return await _run(place, form, arguments)
    except InvalidInput as problem:
        return place.changed(schema_form.errors_at(form, problem), status=422)


async def _run(
    place: Bench, form: SchemaForm, arguments: dict[str, Any]
) -> HttpResponseBase:
    """Run the tool, and answer with a stream if it takes long.

    Raises:
        InvalidInput: the arguments do not fit, and that was found quickly.
    """
    progress = Progress()
    call = asyncio.create_task(_call(place, arguments, progress))
    wait_s = QUICK_S if stream.is_wanted(place.request) else None
    try:
        await asyncio.wait({call}, timeout=wait_s)
    except asyncio.CancelledError:
        async with _ended(call):
            raise
    if not call.done():
        return stream.answer(_live(place, form, arguments, call, progress))
    outcome = await _outcome(place, arguments, call)
    return place.outcome(form, outcome, said=_said(outcome))


async def _call(
    place: Bench, arguments: dict[str, Any], progress: Progress
) -> CallResult:
    return await calls.call_tool(
        user_id=place.user.pk,
        username=place.user.username,
        connector_id=place.connector.pk,
        tool=place.tool["name"],
        arguments=arguments,
        via=Via.PAGE,
        on_progress=progress.report,
    )


async def _live(
    place: Bench,
    form: SchemaForm,
    arguments: dict[str, Any],
    call: Call,
    progress: Progress,
) -> AsyncGenerator[str]:
    """Yield how far the run is, then what came of it."""
    async with _ended(call):
        yield place.fragment("running", progress=progress, said="Running")
        while not call.done():
            await asyncio.wait({call}, timeout=TICK_S)
            if not call.done():
                yield place.fragment("progress", progress=progress)
        try:
            outcome = await _outcome(place, arguments, call)
        except InvalidInput as problem:
            refused = schema_form.errors_at(form, problem)
            yield place.fragment("refused", refused, is_oob=True)
        except Exception:
            # The outermost edge: the answer has begun, so it cannot become a 500.
            log.exception("request.failed", error_code=ConnectorError.code)
            yield place.fragment("outcome", failure=results.unanticipated())
        else:
            yield place.fragment("outcome", **outcome, said=_said(outcome))


@contextlib.asynccontextmanager
async def _ended(call: Call) -> AsyncIterator[None]:
    """End `call` with the block: whoever leaves does not wait for its result."""
    try:
        yield
    finally:
        call.cancel()
        await asyncio.wait({call})
        if not call.cancelled():
            # Looked at, so that asyncio does not take it for forgotten.
            call.exception()


async def _outcome(place: Bench, arguments: dict[str, Any], call: Call) -> Context:
    """Return what the page shows of a call that ended.

    Raises:
        InvalidInput: the arguments do not fit.
    """
    shown: Context = {"command": place.command(arguments)}
    try:
        # A large one takes long enough for others to notice.
        show = sync_to_async(results.show, thread_sensitive=False)
        shown["result"] = await show(call.result())
    except InvalidInput:
        raise
    except ConnectorError as error:
        shown["failure"] = results.failure_of(error)
    return shown


def _said(outcome: Context) -> str:
    """Return what is read aloud; whatever failed is an alert, which reads itself."""
    result: results.Shown | None = outcome.get("result")
    if result is None or result.is_error:
        return ""
    return f"Answered after {result.duration}"
