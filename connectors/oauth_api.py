"""Signing in over REST, and the two addresses that sign-in services know us by.

The callback is open: who comes back is known by their session or their token, and
is told nothing of a sign-in that is not theirs. It answers with an address of ours
in every case; nothing that came with the request is in it.
"""

from typing import Any, cast
from urllib.parse import urlencode

import structlog
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponseRedirect, JsonResponse
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe
from rest_framework.decorators import api_view, permission_classes
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import scopes
from accounts.models import User
from connectors import api_docs, catalogue, client_identity, serializers, sign_in
from connectors.errors import SignInFailed

WRITE, READ = "connectors:write", "connectors:read"
DONE, FAILED = "/connectors/oauth/done", "/connectors/oauth/error"
DOCUMENT_FRESH_S = 3600

log = structlog.get_logger(__name__)


@scopes(POST=WRITE)
@api_docs.initiate_sign_in
@api_view(["POST"])
def initiate(request: Request) -> Response:
    given = serializers.SignInInputSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    target = _target(request, given.validated_data)
    started = async_to_sync(sign_in.start)(
        user_id=_person(request).pk, session_key=_session(request), **target
    )
    shown = {"authorization_url": started.authorization_url, "state": started.state}
    return Response(serializers.StartedSerializer(shown).data)


def _target(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Return what `sign_in.start` is to begin, prepared if it is no connector yet."""
    connector_id = given.get("connector_id")
    if isinstance(connector_id, int):
        return {"connector_id": connector_id}
    if connector_id is not None:
        entry = catalogue.find(connector_id)
        given = {"suggested_name": entry.name, "server_url": entry.server_url}
    settings = ("client_id", "client_secret", "scope")
    config = {name: given[name] for name in settings if given.get(name)}
    flow = async_to_sync(sign_in.prepare)(
        user_id=_person(request).pk,
        server_url=given["server_url"],
        name=given.get("name", ""),
        suggested_name=given.get("suggested_name", ""),
        auth_config=config or None,
    )
    return {"draft_id": flow.pk}


@never_cache
@api_docs.callback
@api_view(["GET"])
@permission_classes([AllowAny])
def callback(request: Request) -> HttpResponseRedirect:
    return _come_back(request)


@never_cache
@api_docs.callback_of
@api_view(["GET"])
@permission_classes([AllowAny])
def callback_of(request: Request, connector: str) -> HttpResponseRedirect:
    return _come_back(request)


def _come_back(request: Request) -> HttpResponseRedirect:
    if request.method == "HEAD":
        # A program that only looks where a link leads must not spend the code.
        raise MethodNotAllowed("HEAD")
    if not request.user.is_authenticated:
        return _failed(SignInFailed(reason="invalid_state"))
    try:
        finished = async_to_sync(sign_in.finish)(
            user_id=_person(request).pk,
            session_key=_session(request),
            params=request.query_params.dict(),
        )
    except SignInFailed as failure:
        return _failed(failure)
    if finished.system_tool:
        return _to(f"{_tool(finished.system_tool)}/done", flow=finished.flow_id)
    if finished.connector is None:
        return HttpResponseRedirect(finished.authorization_url)
    known = {"known": 1} if finished.is_known else {}
    return _to(DONE, connector=finished.connector.pk, flow=finished.flow_id, **known)


@scopes(GET=READ)
@api_docs.sign_in_status
@api_view(["GET"])
def status(request: Request, connector_id: int) -> Response:
    found = sign_in.status(user_id=_person(request).pk, connector_id=connector_id)
    return Response(serializers.GrantStatusSerializer(found).data)


@scopes(DELETE=WRITE)
@api_docs.disconnect
@api_view(["DELETE"])
def disconnect(request: Request, connector_id: int) -> Response:
    receipt = async_to_sync(sign_in.disconnect)(
        user_id=_person(request).pk, connector_id=connector_id
    )
    shown = {
        "success": True,
        "revoked": receipt.revoked,
        "message": receipt.message,
    }
    return Response(serializers.DisconnectedSerializer(shown).data)


@require_safe
@cache_control(public=True, max_age=DOCUMENT_FRESH_S)
def client_metadata(request: HttpRequest) -> JsonResponse:
    """Say who this installation is, to sign-in services that look it up here."""
    return JsonResponse(client_identity.document())


def _failed(failure: SignInFailed) -> HttpResponseRedirect:
    flow = {"flow": failure.flow_id} if failure.flow_id else {}
    tool = failure.system_tool
    path = f"{_tool(tool)}/error" if tool else FAILED
    return _to(path, error=failure.reason, **flow)


def _tool(system_tool: str) -> str:
    """Return where the pages of a sign-in to a system tool are, in its own room."""
    return f"/system-tools/{system_tool}/sign-in"


def _to(path: str, **query: Any) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{path}?{urlencode(query)}")


def _person(request: Request) -> User:
    return cast(User, request.user)


def _session(request: Request) -> str:
    """Return what the sign-in is bound to; "" for a caller with a token."""
    if request.auth is not None:
        return ""
    return request._request.session.session_key or ""
