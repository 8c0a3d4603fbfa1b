from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.conf import settings as django_settings
from django.core.handlers.asgi import ASGIHandler
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from structlog.testing import capture_logs

from config import urls

HIDDEN = "host=10.0.0.5 user=patchbay"


def failing(request: HttpRequest) -> HttpResponse:
    raise OperationalError(HIDDEN)


async def failing_async(request: HttpRequest) -> HttpResponse:
    raise OperationalError(HIDDEN)


def failing_otherwise(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("boom")


urlpatterns = [
    path("page", failing),
    path("async", failing_async),
    path("api/page", failing),
    path("other", failing_otherwise),
]
handler400 = urls.handler400
handler403 = urls.handler403
handler404 = urls.handler404
handler500 = urls.handler500


@pytest.fixture
def failing_urls(settings: Any) -> None:
    settings.ROOT_URLCONF = "config.tests.test_middleware"


@pytest.mark.parametrize("name", django_settings.MIDDLEWARE)
def test_every_middleware_is_async_capable(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert getattr(import_module(module), attribute).async_capable


def test_the_chain_is_asynchronous_from_end_to_end() -> None:
    assert iscoroutinefunction(vars(ASGIHandler())["_middleware_chain"])


@pytest.mark.parametrize("address", ["/page", "/async"])
def test_a_page_answers_503_when_the_database_does_not(
    address: str, client: Client, failing_urls: None
) -> None:
    with capture_logs() as logged:
        response = client.get(address)
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert HIDDEN not in response.content.decode()
    assert [e["event"] for e in logged if e["log_level"] == "error"] == [
        "database.unavailable",
        "request_finished",
    ]
    assert HIDDEN not in str(logged)


async def test_a_page_answers_503_over_asgi_too(
    async_client: AsyncClient, failing_urls: None
) -> None:
    for address in ("/page", "/async"):
        assert (await async_client.get(address)).status_code == 503


def test_below_api_the_answer_is_json(client: Client, failing_urls: None) -> None:
    response = client.get("/api/page")
    assert response.status_code == 503
    assert response.json()["error"] == "DATABASE_UNAVAILABLE"


def test_other_exceptions_stay_500(failing_urls: None) -> None:
    response = Client(raise_request_exception=False).get("/other")
    assert response.status_code == 500
