"""The agent as a model, for clients of OpenAI's API: Open WebUI, LibreChat, openai.

A request is a conversation of its own: what came before is stored with it, its turn
is the same as that of a page, and at its end it is deleted, unless it waits for the
person. Then the answer says so and links to it. A client that leaves stops the turn.

Only `Authorization: Bearer` with the scope `chat` is let in, never a session: so
there is nothing for a strange page to forge, and no CSRF token.

Source: OpenAI, API reference, "Models" and "Chat completions".
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import (
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
)

from accounts import tokens
from accounts.authentication import SCHEME, ScopeMissing, Unauthorized, bearer
from accounts.models import ApiToken
from agent import json_bodies, v1_bodies, v1_errors, v1_turns
from connectors.models import UserMCPConnection
from systemtools import statuses

SCOPE: Final = "chat"

type View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def _answers(method: str) -> Callable[[View], View]:
    """Let in who has a token for this, read JSON, and answer every failure in shape."""

    def guard(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        async def answer(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            try:
                token = await sync_to_async(_token)(request)
                if method and request.method != method:
                    return _method_not_allowed(request, method)
                return await view(request, token, **kwargs)
            except Exception as failure:  # noqa: BLE001 - the outermost edge
                return v1_errors.answer(failure)

        return answer

    return guard


def _token(request: HttpRequest) -> ApiToken:
    scheme, _, text = bearer(request)
    if scheme.lower() != SCHEME.lower():
        raise NotAuthenticated
    token = tokens.authenticate(text.strip())
    if token is None:
        raise Unauthorized
    if not token.allows(SCOPE):
        raise ScopeMissing(SCOPE)
    return token


def _method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponseBase:
    response = v1_errors.answer(MethodNotAllowed(request.method or ""))
    response["Allow"] = allowed
    return response


# --- Models ------------------------------------------------------------------


@_answers("GET")
async def models(request: HttpRequest, token: ApiToken) -> HttpResponseBase:
    data = await sync_to_async(_models)(token)
    return JsonResponse({"object": "list", "data": data})


@_answers("GET")
async def model(
    request: HttpRequest, token: ApiToken, model_id: str
) -> HttpResponseBase:
    for known in await sync_to_async(_models)(token):
        if known["id"] == model_id:
            return JsonResponse(known)
    raise v1_bodies.no_such_model()


def _models(token: ApiToken) -> list[dict[str, Any]]:
    """List the agent, and the agent with each app that can be used."""
    joined = int(token.user.date_joined.timestamp())
    listed = [_model(v1_bodies.AGENT, "Patchbay", joined)]
    rows = UserMCPConnection.objects.owned_by(token.user_id).usable()
    for slug, name, created_at in rows.values_list("slug", "name", "created_at"):
        created = int(created_at.timestamp())
        listed.append(_model(f"{v1_bodies.PREFIX}{slug}", f"Patchbay: {name}", created))
    taken = {one["id"] for one in listed}
    for status in statuses.usable(user_id=token.user_id):
        model_id = f"{v1_bodies.PREFIX}{status.tool.id}"
        # A connector may have the name from before there was such a tool.
        if model_id not in taken:
            created = int(status.connected_at.timestamp()) if status.connected_at else 0
            listed.append(_model(model_id, f"Patchbay: {status.tool.name}", created))
    return listed


def _model(model_id: str, name: str, created: int) -> dict[str, Any]:
    # `name` is not OpenAI's; clients that know it show it to people.
    return {
        "id": model_id,
        "object": "model",
        "created": created,
        "owned_by": "patchbay",
        "name": name,
    }


# --- Completions -------------------------------------------------------------


@_answers("POST")
async def completions(request: HttpRequest, token: ApiToken) -> HttpResponseBase:
    body = v1_bodies.read(json_bodies.read(request))
    asked = await v1_turns.begin(token=token, body=body)
    if body.streams:
        return v1_turns.streamed(asked)
    return await v1_turns.whole(asked)


@_answers("")
async def unknown(
    request: HttpRequest, token: ApiToken, path: str = ""
) -> HttpResponseBase:
    raise NotFound
