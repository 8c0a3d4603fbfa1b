"""Sign in to a system tool: the page that asks, away, and what came of it.

Whoever leaves for the provider follows a link: a browser that obeys our policy sends
no form that ends at another origin.
"""

from dataclasses import dataclass
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from connectors import sign_in, sign_in_failures
from connectors.errors import ConnectorError, SignInFailed
from connectors.sign_in_status import Failed
from connectors.views.answers import PageRequest, is_meant, number, page, person
from systemtools import cards, consent, statuses
from systemtools.errors import ToolUnavailable
from systemtools.provider import OAuthProvider
from systemtools.statuses import Status

FROM_CHAT = "?from=chat"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A sign-in that did not come to its end, as `connectors/oauth_error.html` has it.

    `home_url` is the page of the tool.
    """

    name: str
    host: str
    retry_url: str
    home_url: str
    said: str = ""
    client_url: str = ""


@page("GET")
def permission(request: PageRequest, tool_id: str) -> HttpResponse:
    """Ask whether to go on, and say for what."""
    status = _signing_in(request.user.pk, tool_id)
    query = FROM_CHAT if _is_from_chat(request) else ""
    shown = {
        "consent": consent.of(status),
        "go_url": reverse("system-tool-sign-in-go", args=[tool_id]) + query,
        "back_url": reverse("system-tool", args=[tool_id]),
    }
    return TemplateResponse(request, "systemtools/sign_in.html", shown)


@page("GET")
async def go(request: PageRequest, tool_id: str) -> HttpResponse:
    """Begin the sign-in, and send the browser to the provider.

    A link on somebody else's page only leads to the page that asks.
    """
    user_id = await person(request)
    status = await sync_to_async(_signing_in)(user_id, tool_id)
    from_chat = _is_from_chat(request)
    if not is_meant(request):
        return HttpResponseRedirect(_page_of(tool_id, from_chat=from_chat))
    try:
        address = await _begin(request, status, user_id=user_id, from_chat=from_chat)
    except SignInFailed as failure:
        return _show(
            request,
            status,
            reason=sign_in_failures.reason_of(failure),
            said=sign_in_failures.said_of(failure),
            from_chat=from_chat,
        )
    return HttpResponseRedirect(address)


@page("GET")
def done(request: PageRequest, tool_id: str) -> HttpResponse:
    """Show that the person is signed in, to which of its tools, and where to go on."""
    status = statuses.one_of(user_id=request.user.pk, tool_id=tool_id)
    if not status.is_connected:
        return HttpResponseRedirect(reverse("system-tool", args=[tool_id]))
    flow = _flow_of(request, tool_id)
    reads = sum(method.reads_only for method in status.methods.values())
    shown = {
        "card": cards.card(status),
        "reads": reads,
        "changes": len(status.methods) - reads,
        "left_out": consent.left_out(status),
        "from_chat": bool(flow and flow.resume),
    }
    return TemplateResponse(request, "systemtools/sign_in_done.html", shown)


@page("GET")
def failed(request: PageRequest, tool_id: str) -> HttpResponse:
    """Show why a sign-in did not work."""
    status = statuses.one_of(user_id=request.user.pk, tool_id=tool_id)
    flow = _flow_of(request, tool_id)
    return _show(
        request,
        status,
        reason=(flow.reason if flow else "") or request.GET.get("error", ""),
        host=flow.host if flow else "",
        from_chat=bool(flow and flow.resume),
    )


async def _begin(
    request: PageRequest, status: Status, *, user_id: int, from_chat: bool
) -> str:
    """Return where the provider asks the person.

    Raises:
        SignInFailed: its address is none that a browser may be sent to.
    """
    tool = status.tool
    who: dict[str, Any] = {
        "user_id": user_id,
        "tool_id": tool.id,
        "session_key": request.session.session_key or "",
    }
    if isinstance(tool.provider, OAuthProvider):
        resume = {"from": "chat"} if from_chat else None
        return (await tool.provider.start(**who, resume=resume)).authorization_url
    if tool.provider is None:
        raise ToolUnavailable(f"{tool.name} has nobody to sign in with.")
    return await tool.provider.begin(**who)


def _signing_in(user_id: int, tool_id: str) -> Status:
    """Return a tool that people sign in to.

    Raises:
        SystemToolNotFound: there is none of that id.
        ToolUnavailable: nobody can sign in to it here.
    """
    status = statuses.one_of(user_id=user_id, tool_id=tool_id)
    if status.why_not or status.tool.auth_type != "oauth":
        why_not = status.why_not or f"{status.tool.name} needs no sign-in."
        raise ToolUnavailable(why_not)
    return status


def _flow_of(request: PageRequest, tool_id: str) -> Failed | None:
    flow_id = number(request.GET.get("flow", ""))
    try:
        flow = sign_in.failed_flow(user_id=request.user.pk, flow_id=flow_id)
    except ConnectorError:
        # Nobody's, or nothing that can be read of it.
        return None
    return flow if flow.system_tool == tool_id else None


def _show(
    request: PageRequest,
    status: Status,
    *,
    reason: str,
    host: str = "",
    said: str = "",
    from_chat: bool,
) -> TemplateResponse:
    """Draw the page; of what a link says nothing is on it."""
    tool = status.tool
    failure = sign_in_failures.of(reason)
    details = {
        "code": failure.reason,
        "tool": tool.name,
        "issuer": host,
        "time": f"{timezone.now():%Y-%m-%d %H:%M:%S} UTC",
        "request": structlog.contextvars.get_contextvars().get("request_id", ""),
    }
    ended = Ended(
        name=tool.name,
        host=host,
        said=said,
        retry_url=_page_of(tool.id, from_chat=from_chat),
        home_url=reverse("system-tool", args=[tool.id]),
    )
    shown: dict[str, Any] = {
        "failure": failure,
        "ended": ended,
        "details": [(name.ljust(9), value) for name, value in details.items() if value],
    }
    return TemplateResponse(request, "connectors/oauth_error.html", shown)


def _is_from_chat(request: PageRequest) -> bool:
    return request.GET.get("from") == "chat"


def _page_of(tool_id: str, *, from_chat: bool) -> str:
    query = FROM_CHAT if from_chat else ""
    return reverse("system-tool-sign-in", args=[tool_id]) + query
