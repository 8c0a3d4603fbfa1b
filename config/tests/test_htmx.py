"""What every answer to htmx has in common."""

from typing import Any

import pytest
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.test import AsyncClient, Client
from django.urls import include, path

from accounts.models import User

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/connectors?q=1"}


def saved(request: HttpRequest) -> HttpResponse:
    messages.success(request, "Saved <b>it</b>.")
    return HttpResponse("<p>row</p>")


async def saved_async(request: HttpRequest) -> HttpResponse:
    messages.success(request, "Saved <b>it</b>.")
    return HttpResponse("<p>row</p>")


def moved(request: HttpRequest) -> HttpResponse:
    messages.success(request, "Moved.")
    response = redirect("/saved")
    response.set_cookie("kept", "yes")
    response["Kept-Too"] = "yes"
    return response


@login_required
def private(request: HttpRequest) -> HttpResponse:
    return HttpResponse("private")


async def streamed(request: HttpRequest) -> StreamingHttpResponse:
    messages.success(request, "Later.")

    async def parts() -> Any:
        yield "data: <p>step</p>\n\n"

    return StreamingHttpResponse(parts(), content_type="text/event-stream")


urlpatterns = [
    path("saved", saved),
    path("saved-async", saved_async),
    path("moved", moved),
    path("private", private),
    path("streamed", streamed),
    path("", include("accounts.urls")),
]
pytestmark = [pytest.mark.usefixtures("these_urls"), pytest.mark.django_db]


@pytest.fixture
def these_urls(settings: Any) -> None:
    settings.ROOT_URLCONF = "config.tests.test_htmx"


@pytest.mark.parametrize("address", ["/saved", "/saved-async"])
def test_a_fragment_brings_the_messages_of_its_view(
    client: Client, address: str
) -> None:
    fragment = client.get(address, headers=HTMX)
    assert fragment.text.startswith("<p>row</p>")
    assert '<div id="messages" hx-swap-oob="beforeend">' in fragment.text
    assert fragment.text.count("Saved &lt;b&gt;it&lt;/b&gt;.") == 1
    assert "Saved" not in client.get("/accounts/login/").text


@pytest.mark.parametrize("address", ["/saved", "/saved-async"])
def test_the_messages_of_a_page_wait_for_the_next_one(
    client: Client, address: str
) -> None:
    assert client.get(address).text == "<p>row</p>"
    assert "Saved &lt;b&gt;it&lt;/b&gt;." in client.get("/accounts/login/").text


async def test_a_fragment_brings_its_messages_over_asgi(
    async_client: AsyncClient, transactional_db: None
) -> None:
    for address in ("/saved", "/saved-async"):
        fragment = await async_client.get(address, headers=HTMX)
        assert b'hx-swap-oob="beforeend"' in fragment.content


def test_a_redirect_is_followed_by_the_browser(client: Client) -> None:
    answer = client.get("/moved", headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (200, "/saved")
    assert answer.content == b""
    assert answer["Kept-Too"] == "yes"
    assert "Location" not in answer
    assert client.cookies["kept"].value == "yes"
    assert "Moved." in client.get("/accounts/login/").text


def test_without_htmx_a_redirect_stays_one(client: Client) -> None:
    assert client.get("/moved").status_code == 302


def test_after_a_sign_in_people_are_back_on_the_page_they_saw(client: Client) -> None:
    answer = client.get("/private", headers=HTMX)
    assert answer["HX-Redirect"] == "/accounts/login/?next=/connectors%3Fq%3D1"


@pytest.mark.parametrize("page", ["http://elsewhere.example/x", ""])
def test_after_a_sign_in_nobody_is_sent_elsewhere(client: Client, page: str) -> None:
    answer = client.get("/private", headers={**HTMX, "HX-Current-URL": page})
    assert answer["HX-Redirect"] == "/accounts/login/?next=/"


def test_a_stream_stays_a_stream(client: Client, alice: User) -> None:
    answer = client.get("/streamed", headers=HTMX)
    assert answer.streaming


def test_no_cache_takes_a_fragment_for_the_page(client: Client) -> None:
    assert "HX-Request" in client.get("/saved")["Vary"]
    assert "HX-Request" in client.get("/saved", headers=HTMX)["Vary"]
