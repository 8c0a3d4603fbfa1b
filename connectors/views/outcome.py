"""How a sign-in ended: connected, or why not.

The authorization server sends the browser to the callback, and that leads here. An
address says which connector or which reason; whatever is told of it is looked up.
"""

from dataclasses import dataclass
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from connectors import cards, history, manager, sign_in, sign_in_failures, signed_in
from connectors.errors import ConnectorError
from connectors.models import OAuthFlow, UserMCPConnection
from connectors.sign_in_status import Failed
from connectors.tool_list import reads_only
from connectors.views.answers import PageRequest, number, page


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A sign-in that did not come to its end, and where to try it again."""

    reason: str
    name: str = ""
    host: str = ""
    # What is known beyond the reason.
    said: str = ""
    test_code: str = ""
    retry_url: str = ""
    client_url: str = ""


@page("GET")
def done(request: PageRequest) -> HttpResponse:
    """Show that a connector is signed in, and where to go on."""
    connector_id = number(request.GET.get("connector", ""))
    row = manager.get(user_id=request.user.pk, connector_id=connector_id)
    grant = getattr(row, "grant", None)
    if grant is None:
        return HttpResponseRedirect(reverse("connector", args=[row.pk]))
    flow = history.sign_in(connector=row)
    reads = sum(map(reads_only, row.discovered_tools))
    shown = {
        "card": cards.card(row),
        "signed_in": signed_in.of(grant),
        "reads": reads,
        "changes": row.tool_count - reads,
        "from_chat": bool(flow and flow.resume),
        # A link must not say it of what was made just now.
        "is_known": "known" in request.GET and _was_there(row, flow),
    }
    return TemplateResponse(request, "connectors/oauth_done.html", shown)


@require_safe
@never_cache
def failed(request: HttpRequest) -> HttpResponse:
    """Show why a sign-in did not work; to anybody, for the session may be gone."""
    reason = request.GET.get("error", "")
    flow = _flow_of(request)
    return show(request, Ended(reason=reason) if flow is None else _ended(flow, reason))


def show(request: HttpRequest, ended: Ended) -> TemplateResponse:
    """Draw the page; of what a link says nothing is on it."""
    failure = sign_in_failures.of(ended.reason)
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    details = {
        "code": failure.reason,
        "test": ended.test_code,
        "connector": ended.name,
        "issuer": ended.host,
        "time": f"{timezone.now():%Y-%m-%d %H:%M:%S} UTC",
        "request": request_id,
    }
    shown: dict[str, Any] = {
        "failure": failure,
        "ended": ended,
        "details": [(name.ljust(9), value) for name, value in details.items() if value],
    }
    return TemplateResponse(request, "connectors/oauth_error.html", shown)


def _was_there(row: UserMCPConnection, flow: OAuthFlow | None) -> bool:
    return flow is not None and row.created_at < flow.created_at


def _flow_of(request: HttpRequest) -> Failed | None:
    flow_id = number(request.GET.get("flow", ""))
    if not (flow_id and request.user.is_authenticated):
        return None
    try:
        return sign_in.failed_flow(user_id=request.user.pk, flow_id=flow_id)
    except ConnectorError:
        # Nobody's, or nothing that can be read of it: the reason alone is told.
        return None


def _ended(flow: Failed, reason: str) -> Ended:
    route, pk = "sign-in", flow.flow_id
    if flow.connector_id is not None:
        route, pk = "connector-sign-in", flow.connector_id
    query = "?from=chat" if flow.resume else ""
    code = flow.test_code
    return Ended(
        reason=flow.reason or reason,
        name=flow.name,
        host=flow.host,
        said=cards.HAPPENED.get(code, "") if code else "",
        test_code=code,
        retry_url=reverse(route, args=[pk]) + query,
        client_url=reverse(f"{route}-client", args=[pk]) + query,
    )
