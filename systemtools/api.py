"""System tools over REST: each view reads JSON, makes one domain call, answers."""

from typing import cast

from asgiref.sync import async_to_sync
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import scopes
from accounts.models import User
from systemtools import api_docs, manager, serializers, statuses

READ, WRITE = "connectors:read", "connectors:write"


@scopes(GET=READ)
@api_docs.list_tools
@api_view(["GET", "HEAD"])
def tools(request: Request) -> Response:
    found = {"tools": statuses.all_of(user_id=_person(request).pk)}
    return Response(serializers.SystemToolListSerializer(found).data)


@scopes(POST=WRITE)
@api_docs.connect
@api_view(["POST"])
def connect(request: Request, tool_id: str) -> Response:
    given = serializers.ConnectInputSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    connected = async_to_sync(manager.connect)(
        user_id=_person(request).pk,
        tool_id=tool_id,
        session_key=_session(request),
        **given.validated_data,
    )
    return Response(serializers.ToolConnectedSerializer(connected).data)


@scopes(POST=WRITE)
@api_docs.disconnect
@api_view(["POST"])
def disconnect(request: Request, tool_id: str) -> Response:
    ended = async_to_sync(manager.disconnect)(
        user_id=_person(request).pk, tool_id=tool_id
    )
    return Response(serializers.ToolDisconnectedSerializer(ended).data)


def _person(request: Request) -> User:
    # Nobody else comes past IsAuthenticated.
    return cast(User, request.user)


def _session(request: Request) -> str:
    """Return the session of the pages, "" for a caller with a token."""
    return "" if request.auth else request._request.session.session_key or ""
