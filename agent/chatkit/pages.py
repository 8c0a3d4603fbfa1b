"""The document that configures a front end, and a page of ours that has one."""

from typing import Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override

from agent.chatkit import options
from agent.chatkit.guard import Who, answers
from connectors.views.answers import PageRequest, page

CDN: Final = "https://cdn.platform.openai.com"
COMPONENT: Final = f"{CDN}/deployments/chatkit/chatkit.js"
# The component is a frame of OpenAI's, and begins with one style element that its
# script writes. Whose script may run on a page can style it anyway, and the page has
# no stranger's markup: so styles alone may be inline, whatever that element says next.
_POLICY: Final[dict[str, list[str]]] = {
    **settings.SECURE_CSP,
    "script-src": [CSP.SELF, CDN],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "frame-src": [CDN],
}


@answers("GET")
async def config(request: HttpRequest, who: Who) -> HttpResponseBase:
    """Answer what a front end of this person is configured with."""
    return JsonResponse(await sync_to_async(options.document)(user_id=who.user_id))


@csp_override(_POLICY)
@page("GET")
def demo(request: PageRequest) -> HttpResponse:
    """Show OpenAI's component with the person's own conversations.

    The only page of ours that loads anything from elsewhere, where it is switched on.
    """
    if not settings.CHATKIT_DEMO:
        raise Http404
    shown = {"nav": "chat", "component": COMPONENT, "manage": options.MANAGE}
    return TemplateResponse(request, "agent/chatkit_demo.html", shown)
