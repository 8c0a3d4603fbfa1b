"""Addresses that fail on purpose: `RAISE` is raised by every one of them."""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    permission_classes,
)
from rest_framework.request import Request
from rest_framework.response import Response

from config import urls

handler400 = urls.handler400
handler403 = urls.handler403
handler404 = urls.handler404
handler500 = urls.handler500

RAISE: list[Exception] = []


@api_view(["GET", "POST"])
@authentication_classes([])
@permission_classes([])
def rest(request: Request) -> Response:
    if RAISE:
        raise RAISE[-1]
    return Response(request.data)


def page(request: HttpRequest) -> HttpResponse:
    raise RAISE[-1]


def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse("saved")


urlpatterns = [
    path("api/rest", rest),
    # Below /api, but not behind Django REST framework.
    path("api/page", page),
    path("api/form", form),
    path("v1/page", page),
    path("page", page),
    path("form", form),
    path("only-post", require_POST(form)),
]
