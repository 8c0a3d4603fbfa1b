"""Views that dial, as those of the product do: one of each colour."""

from asgiref.sync import async_to_sync
from django.http import HttpRequest, JsonResponse
from django.urls import path
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    permission_classes,
)
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import egress, pools


async def ask(url: str) -> dict[str, str]:
    """Give what the server at `url` says about our connection to it."""
    operation = egress.Operation(max_bytes=100, deadline_s=5)
    await pools.release_db()
    async with pools.http(operation) as client:
        return {"from": (await client.get(url)).text}


async def asynchronous(request: HttpRequest) -> JsonResponse:
    return JsonResponse(await ask(request.GET["url"]))


@api_view(["GET"])
@authentication_classes([])
@permission_classes([])
def synchronous(request: Request) -> Response:
    return Response(async_to_sync(ask)(request.query_params["url"]))


urlpatterns = [path("async", asynchronous), path("sync", synchronous)]
