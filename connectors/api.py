"""Connectors over REST: each view reads JSON, makes one domain call, answers.

What goes wrong is raised by the domain and answered by `config.errors`.
"""

from typing import Any, cast

from asgiref.sync import async_to_sync
from django.urls import reverse
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import scopes
from accounts.models import User
from connectors import api_docs, calls, manager, serializers
from connectors.models import UserMCPConnection, Via

READ, WRITE, CALL = "connectors:read", "connectors:write", "tools:call"


@scopes(GET=READ, POST=WRITE)
@api_docs.list_connectors
@api_docs.add_connector
@api_view(["GET", "HEAD", "POST"])
def connectors(request: Request) -> Response:
    if request.method == "POST":
        return _add(request)
    rows = manager.list_for(user_id=_person(request).pk)
    found = serializers.ConnectorSerializer(rows, many=True).data
    return Response({"connectors": found, "total": len(found)})


def _add(request: Request) -> Response:
    given = _read(serializers.ConnectorInputSerializer, request)
    added = async_to_sync(manager.add)(user_id=_person(request).pk, **given)
    address = reverse("api-connector", args=[added.pk])
    return _connector(added, status=201, headers={"Location": address})


@scopes(POST=WRITE)
@api_docs.test_connection
@api_view(["POST"])
def test(request: Request) -> Response:
    given = _read(serializers.TestInputSerializer, request)
    return _report(async_to_sync(manager.test)(user_id=_person(request).pk, **given))


@scopes(GET=READ, PUT=WRITE, PATCH=WRITE, DELETE=WRITE)
@api_docs.read_connector
@api_docs.replace_connector
@api_docs.change_connector
@api_docs.delete_connector
@api_view(["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def connector(request: Request, connector_id: int) -> Response:
    match request.method:
        case "PUT" | "PATCH":
            return _change(request, connector_id)
        case "DELETE":
            return _delete(request, connector_id)
    found = manager.get(user_id=_person(request).pk, connector_id=connector_id)
    return Response(serializers.ConnectorDetailSerializer(found).data)


def _change(request: Request, connector_id: int) -> Response:
    given = _read(
        serializers.ConnectorChangesSerializer,
        request,
        partial=request.method == "PATCH",
    )
    changed = async_to_sync(manager.update)(
        user_id=_person(request).pk,
        connector_id=connector_id,
        changes=manager.Changes(**given),
    )
    return _connector(changed)


def _delete(request: Request, connector_id: int) -> Response:
    receipt = async_to_sync(manager.remove)(
        user_id=_person(request).pk, connector_id=connector_id
    )
    message = "The connector was deleted."
    if receipt:
        message = f"{message} {receipt.message}"
    return Response({"success": True, "message": message})


@scopes(POST=WRITE)
@api_docs.toggle_connector
@api_view(["POST"])
def toggle(request: Request, connector_id: int) -> Response:
    given = _read(serializers.ToggleInputSerializer, request)
    toggled = async_to_sync(manager.toggle)(
        user_id=_person(request).pk, connector_id=connector_id, **given
    )
    return _connector(toggled)


@scopes(POST=WRITE)
@api_docs.retest_connector
@api_view(["POST"])
def retest(request: Request, connector_id: int) -> Response:
    return _report(
        async_to_sync(manager.retest)(
            user_id=_person(request).pk, connector_id=connector_id
        )
    )


@scopes(POST=CALL)
@api_docs.call_tool
@api_view(["POST"])
def call_tool(request: Request, connector_id: int, tool: str) -> Response:
    given = _read(serializers.CallInputSerializer, request)
    result = async_to_sync(calls.call_tool)(
        user_id=_person(request).pk,
        username=_person(request).username,
        connector_id=connector_id,
        tool=tool,
        arguments=given["arguments"],
        via=Via.REST,
        token_id=request.auth.pk if request.auth else None,
    )
    return Response(serializers.CallResultSerializer(result).data)


def _person(request: Request) -> User:
    # Nobody else comes past IsAuthenticated.
    return cast(User, request.user)


def _read(kind: type[Any], request: Request, *, partial: bool = False) -> Any:
    """Return the checked body; raise what is answered 422."""
    serializer = kind(data=request.data, partial=partial)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def _connector(connector: UserMCPConnection, **response: Any) -> Response:
    return Response(serializers.ConnectorSerializer(connector).data, **response)


def _report(report: manager.TestReport) -> Response:
    shown = {**report.result.public(), "test_ticket": report.ticket or None}
    return Response(serializers.TestResultSerializer(shown).data)
