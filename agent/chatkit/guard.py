"""Who is let in to ChatKit's paths, and how a refusal is said.

A session with its CSRF token, or `Authorization: Bearer` with the scope `chat`: the
same two as REST has, in the same order, with the same errors.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.settings import api_settings

from accounts.authentication import ScopeMissing
from accounts.models import ApiToken, User
from agent import json_bodies
from connectors import pools

SCOPE: Final = "chat"

type View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


@dataclass(frozen=True, kw_only=True)
class Who:
    """A person; `token_id` is that of the token they came with, if they did.

    `scopes` are those of the token; None where a session may do everything.
    """

    user_id: int
    token_id: int | None = None
    scopes: frozenset[str] | None = None

    def may(self, *wanted: str) -> bool:
        return self.scopes is None or self.scopes.issuperset(wanted)


def answers(method: str) -> Callable[[View], View]:
    """Let in who may use the agent; answer every failure in the shape of REST."""

    def guard(view: View) -> View:
        # Not exempt: the session's authentication asks for the token itself.
        @csrf_exempt
        @wraps(view)
        async def answer(request: HttpRequest) -> HttpResponseBase:
            try:
                who = await sync_to_async(_who)(request)
                await pools.release_db()
                if request.method != method:
                    raise MethodNotAllowed(request.method or "")
                response = await view(request, who)
            except Exception as failure:  # noqa: BLE001 - the outermost edge
                response = refusal(failure)
                if isinstance(failure, MethodNotAllowed):
                    response["Allow"] = method
            # A stream says more than that.
            response.setdefault("Cache-Control", "no-store")
            return response

        return answer

    return guard


def refusal(failure: Exception) -> HttpResponseBase:
    """Answer an exception as REST does: {"error": CODE, "message": …} or `detail`."""
    body, status, headers = json_bodies.failed(failure)
    return JsonResponse(body, status=status, headers=headers)


def _who(request: HttpRequest) -> Who:
    """Return who asks, by the authentication of REST, in its order.

    Raises:
        NotAuthenticated, Unauthorized, CsrfFailed, ScopeMissing.
    """
    kinds: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES or ()
    parsers: Any = api_settings.DEFAULT_PARSER_CLASSES or ()
    if request.content_type == json_bodies.JSON:
        # Kept: whoever checks the CSRF token reads it, and so does the view.
        _ = request.body
    asked = Request(
        request,
        parsers=[kind() for kind in parsers],
        authenticators=[kind() for kind in kinds],
    )
    user, token = asked.user, asked.auth
    if not isinstance(user, User) or not user.is_authenticated:
        raise NotAuthenticated
    if not isinstance(token, ApiToken):
        return Who(user_id=user.pk)
    if not token.allows(SCOPE):
        raise ScopeMissing(SCOPE)
    return Who(user_id=user.pk, token_id=token.pk, scopes=frozenset(token.scopes))
