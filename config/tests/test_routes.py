"""Every route there is: who may not, gets 401 or 302; whose it is not, gets 404.

The routes come from the URL conf, so a new one is in here before anybody thinks of
it. What is open to everybody stands in `OPEN`, and nothing else is.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admindocs.views import simplify_regex
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from agent.models import Conversation
from config.tests.rest import ApiClient
from connectors.models import Status, UserMCPConnection

# What somebody who is not signed in gets: the status of a GET.
OPEN = {
    "/": 200,
    "/healthz": 200,
    "/readyz": 200,
    "/api/schema": 200,
    "/api/docs": 200,
    "/oauth/client-metadata.json": 200,
    # Whoever comes back is led to a page, which tells a stranger nothing.
    "/api/oauth/callback": 302,
    "/api/oauth/callback/<str:connector>": 302,
    "/connectors/oauth/error": 200,
    # These answer as REST does: agent/tests/test_chatkit_threads.py.
    "/chatkit": 401,
    "/chatkit/config": 401,
    "/demo": 405,
    "/admin": 302,
    # These three lead on: to the one sign-in, and to the start.
    "/admin/login/": 302,
    "/admin/logout/": 302,
    "/accounts/logout/": 302,
    "/accounts/login/": 200,
    "/accounts/login/code/confirm/": 302,
    "/accounts/signup/": 200,
    "/accounts/inactive/": 200,
    "/accounts/confirm-email/": 200,
    "/accounts/confirm-email/<key>/": 200,
    "/accounts/password/reset/": 200,
    "/accounts/password/reset/done/": 200,
    "/accounts/password/reset/key/<uidb36>-<key>/": 200,
    "/accounts/password/reset/key/done/": 200,
}
# A value for every variable of a REST route. An id is that of something of alice's.
SAMPLES: dict[str, Callable[[User], Any]] = {
    "connector_id": lambda user: user.connectors.get().pk,
    "tool": lambda _: "echo",
    "tool_id": lambda _: "google-drive",
    "conversation_id": lambda user: user.conversations.get().pk,
}
BODY = {"name": "Mine", "is_active": True, "title": "Mine", "text": "hello"}


def _walk(patterns: list[Any], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        else:
            yield simplify_regex(path), pattern


ROUTES = list(_walk(get_resolver().url_patterns))
# /v1 answers in words of its own, see agent/tests/test_v1.py.
PAGES = [route for route, _ in ROUTES if not route.startswith(("/api/", "/v1/"))]
REST = [
    (method.upper(), route)
    for route, pattern in ROUTES
    if route.startswith("/api/") and route not in OPEN
    for method in pattern.callback.cls.http_method_names  # type: ignore[attr-defined]
]


@pytest.fixture
def path_of(alice: User) -> Callable[[str], str]:
    """Fill the variables of a REST route with what is alice's."""
    UserMCPConnection.objects.create(
        user=alice,
        slot=1,
        name="Hers",
        server_url="https://example.com/mcp",
        status=Status.READY,
        is_verified=True,
        discovered_tools=[{"name": "echo", "inputSchema": {}}],
    )
    Conversation.objects.create(user=alice, title="Hers")

    def fill(route: str) -> str:
        return re.sub(
            r"<(?:\w+:)?(\w+)>", lambda match: str(SAMPLES[match[1]](alice)), route
        )

    return fill


def test_there_are_routes_to_walk() -> None:
    assert len(PAGES) > 40
    assert ("POST", "/api/connectors") in REST
    assert OPEN.keys() <= {route for route, _ in ROUTES}


@pytest.mark.parametrize(("method", "route"), REST)
@pytest.mark.parametrize("token", ["", "nonsense", "pb_aaaaaaaa_" + "b" * 43])
def test_a_rest_route_without_a_good_token_is_401(
    path_of: Callable[[str], str], method: str, route: str, token: str
) -> None:
    response = ApiClient(token).send(method, path_of(route), BODY)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    if method != "HEAD":
        assert response.json()["error"] == "UNAUTHORIZED"


@pytest.mark.parametrize(("method", "route"), REST)
def test_a_bad_token_is_401_even_beside_a_good_session(
    path_of: Callable[[str], str], alice: User, method: str, route: str
) -> None:
    client = ApiClient("pb_aaaaaaaa_" + "b" * 43)
    client.force_login(alice)
    assert client.send(method, path_of(route), BODY).status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize("route", [r for r in OPEN if r.startswith("/api/oauth/")])
def test_a_callback_is_open_and_leads_to_a_page(route: str) -> None:
    response = ApiClient().get(_fill(route))
    assert response.status_code == OPEN[route]
    assert response["Location"].startswith("/connectors/oauth/error?")
    assert ApiClient("nonsense").get(_fill(route)).status_code == 401


@pytest.mark.parametrize(
    ("method", "route"),
    # A system tool is nobody's own: `tool_id` tells no strangers apart.
    [(m, route) for m, route in REST if re.search("(?<!tool)_id>", route)],
)
def test_what_is_somebody_elses_is_404(
    path_of: Callable[[str], str],
    api_client: Callable[..., ApiClient],
    bob: User,
    carol: User,
    method: str,
    route: str,
) -> None:
    if method == "OPTIONS":
        return
    before = UserMCPConnection.objects.values().get()
    for stranger in (bob, carol):
        response = api_client(stranger).send(method, path_of(route), BODY)
        assert response.status_code == 404
    assert UserMCPConnection.objects.values().get() == before


def _fill(route: str) -> str:
    return re.sub(r"<[^>]+>", "1", re.sub(r"<uuid:\w+>", str(UUID(int=1)), route))


@pytest.mark.django_db
@pytest.mark.parametrize("route", PAGES)
def test_a_page_sends_who_is_not_signed_in_to_the_sign_in(route: str) -> None:
    response = Client().get(_fill(route))
    if route in OPEN:
        assert response.status_code == OPEN[route]
        return
    assert response.status_code == 302
    assert re.match(r"/(accounts|admin)/login/\?next=", response["Location"])


@pytest.mark.parametrize(
    "route", [r for r in PAGES if r.startswith("/admin/") and r not in OPEN]
)
def test_the_administration_is_closed_to_who_is_not_staff(
    bob: User, route: str
) -> None:
    client = Client()
    client.force_login(bob)
    response = client.get(_fill(route))
    assert response.status_code in {302, 403}
    if response.status_code == 302:
        assert "/login/" in response["Location"]
