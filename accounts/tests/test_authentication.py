"""Who is let in to REST, and how far."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField
from rest_framework.views import APIView

from accounts import tokens
from accounts.authentication import scopes
from accounts.models import SCOPES, User
from conftest import PASSWORD


@extend_schema(responses=inline_serializer("Thing", {"user": CharField()}))
@scopes(GET="connectors:read", POST="connectors:write")
@api_view(["GET", "POST"])
def thing(request: Request) -> Response:
    token = request.auth and request.auth.name
    return Response({"user": request.user.username, "token": token})


@api_view(["GET"])
def forgotten(request: Request) -> Response:
    return Response("nobody with a token gets here")


class Things(APIView):
    required_scopes = {"GET": "chat"}

    def get(self, request: Request) -> Response:
        return Response("things")


urlpatterns = [
    path("thing", thing),
    path("forgotten", forgotten),
    path("things", Things.as_view()),
]
pytestmark = pytest.mark.urls(__name__)


def bearer(user: User, *only: str) -> str:
    _token, text = tokens.issue(user=user, name="test", scopes=only or None)
    return f"Bearer {text}"


def code(response: Any) -> tuple[int, str | None]:
    return response.status_code, response.json().get("error")


def test_a_token_lets_its_person_in(client: Client, alice: User) -> None:
    answer = client.get("/thing", headers={"Authorization": bearer(alice)})

    assert answer.json() == {"user": "alice", "token": "test"}


def test_the_scheme_is_read_whatever_its_case(client: Client, alice: User) -> None:
    header = bearer(alice).replace("Bearer", "bEARER ")

    assert client.get("/thing", headers={"Authorization": header}).status_code == 200


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Bearer pb_aaaaaaaa_" + "a" * 43,
        "Bearer pb_aaaaaaaa_" + "a" * 43 + ", Bearer x",
    ],
)
def test_a_bad_bearer_is_401_and_names_the_scheme(client: Client, header: str) -> None:
    answer = client.get("/thing", headers={"Authorization": header})

    assert code(answer) == (401, "UNAUTHORIZED")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.usefixtures("db")
def test_nobody_is_401_and_is_told_the_scheme(client: Client) -> None:
    answer = client.get("/thing")

    assert code(answer) == (401, "UNAUTHORIZED")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_bad_bearer_is_401_even_with_a_good_session(
    client: Client, alice: User
) -> None:
    client.force_login(alice)

    answer = client.get("/thing", headers={"Authorization": "Bearer nonsense"})

    assert code(answer) == (401, "UNAUTHORIZED")


def test_a_good_bearer_wins_over_the_session_of_another(
    client: Client, alice: User, bob: User
) -> None:
    client.force_login(bob)

    answer = client.get("/thing", headers={"Authorization": bearer(alice)})

    assert answer.json()["user"] == "alice"


@pytest.mark.parametrize("death", ["revoked", "inactive"])
def test_a_dead_token_is_401(client: Client, alice: User, death: str) -> None:
    token, text = tokens.issue(user=alice, name="test")
    if death == "revoked":
        tokens.revoke(token=token)
    else:
        User.objects.update(is_active=False)

    answer = client.get("/thing", headers={"Authorization": f"Bearer {text}"})

    assert code(answer) == (401, "UNAUTHORIZED")


def test_a_password_is_no_bearer(client: Client, alice: User) -> None:
    answer = client.get("/thing", headers={"Authorization": f"Bearer {PASSWORD}"})

    assert answer.status_code == 401


def test_another_scheme_is_as_good_as_none(client: Client, alice: User) -> None:
    header = {"Authorization": "Basic YWxpY2U6eA=="}

    assert client.get("/thing", headers=header).status_code == 401
    client.force_login(alice)
    assert client.get("/thing", headers=header).status_code == 200


def test_a_session_lets_its_person_in_with_every_scope(
    client: Client, alice: User
) -> None:
    client.force_login(alice)

    assert client.get("/thing").json() == {"user": "alice", "token": None}
    assert client.get("/things").status_code == 200


def test_a_session_that_changes_something_needs_its_csrf_token(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    answer = client.post("/thing", {}, content_type="application/json")
    assert code(answer) == (403, "CSRF_FAILED")

    client.cookies["csrftoken"] = "a" * 32
    answer = client.post(
        "/thing",
        {},
        content_type="application/json",
        headers={"X-CSRFToken": "a" * 32},
    )
    assert answer.status_code == 200


def test_a_token_needs_no_csrf_token(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)

    answer = client.post(
        "/thing",
        {},
        content_type="application/json",
        headers={"Authorization": bearer(alice)},
    )

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "address", "scope"),
    [
        ("GET", "/thing", "connectors:read"),
        ("POST", "/thing", "connectors:write"),
        ("GET", "/things", "chat"),
        ("HEAD", "/things", "chat"),
    ],
)
def test_a_token_needs_the_scope_of_the_method(
    client: Client, alice: User, bob: User, method: str, address: str, scope: str
) -> None:
    def ask(user: User, *only: str) -> int:
        header = {"Authorization": bearer(user, *only)}
        return client.generic(
            method, address, "{}", "application/json", headers=header
        ).status_code

    assert ask(alice, scope) == 200
    assert ask(bob, *(set(SCOPES) - {scope})) == 403


def test_a_missing_scope_is_named(client: Client, alice: User) -> None:
    answer = client.get("/things", headers={"Authorization": bearer(alice, "mcp")})

    assert code(answer) == (403, "SCOPE_MISSING")


def test_a_method_that_a_view_lacks_is_405_whatever_the_scopes(
    client: Client, alice: User
) -> None:
    answer = client.delete("/thing", headers={"Authorization": bearer(alice, "mcp")})

    assert code(answer) == (405, "METHOD_NOT_ALLOWED")


def test_a_view_without_a_declared_scope_is_closed_to_tokens(
    client: Client, alice: User
) -> None:
    answer = client.get("/forgotten", headers={"Authorization": bearer(alice)})

    assert code(answer) == (500, "INTERNAL_ERROR")


def test_a_scope_that_does_not_exist_cannot_be_declared() -> None:
    with pytest.raises(ImproperlyConfigured):
        scopes(GET="connectors:all")


def test_the_openapi_document_names_both_ways_in_and_the_scope() -> None:
    pattern = [path("thing", thing)]
    document = SchemaGenerator(patterns=pattern).get_schema(public=True)

    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert schemes["session"]["name"] == "sessionid"
    security = document["paths"]["/thing"]["post"]["security"]
    assert security == [{"bearer": ["connectors:write"]}, {"session": []}]
