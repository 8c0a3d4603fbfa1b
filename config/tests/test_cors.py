"""Who may read across origins: pages that an operator named, ChatKit's paths alone."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from accounts.models import User
from config.tests.rest import ApiClient

EMBEDDER = "https://app.example"
PATHS = ["/chatkit", "/chatkit/config"]


@pytest.fixture(autouse=True)
def _one_origin(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [EMBEDDER]


def preflight(path: str, origin: str = EMBEDDER) -> Any:
    return Client().options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,chatkit-frame-instance-id",
        },
    )


def told(response: Any) -> list[str]:
    """Return what an answer says to other origins."""
    return [name for name in response.headers if "access-control" in name.lower()]


def words(value: str) -> set[str]:
    return {word.strip().lower() for word in value.split(",")}


def test_what_the_setting_says_is_what_is_allowed() -> None:
    assert django_settings.CHATKIT_ORIGINS == []
    assert not getattr(django_settings, "CORS_ALLOW_ALL_ORIGINS", False)
    assert not getattr(django_settings, "CORS_ALLOW_CREDENTIALS", False)


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_that_asks_first_is_told_what_may_come(path: str) -> None:
    response = preflight(path)
    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == EMBEDDER
    assert words(response["Access-Control-Allow-Methods"]) == {"get", "post"}
    # The component sends headers of its own; `*` does not mean Authorization.
    assert words(response["Access-Control-Allow-Headers"]) == {"*", "authorization"}
    assert "origin" in words(response["Vary"])


@pytest.mark.parametrize("path", PATHS)
def test_credentials_of_a_browser_never_cross_origins(path: str) -> None:
    for response in (preflight(path), Client().get(path, headers={"Origin": EMBEDDER})):
        assert told(response)
        assert "Access-Control-Allow-Credentials" not in response


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example",
        "https://app.example:8443",
        "https://app.example.evil.example",
        "null",
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_another_origin_is_told_nothing(path: str, origin: str) -> None:
    answers = [
        preflight(path, origin),
        Client().get(path, headers={"Origin": origin}),
    ]
    for response in answers:
        assert not told(response)


@pytest.mark.parametrize(
    "path",
    ["/chatkit/demo", "/chatkit/", "/chatkit/config/x", "/chatkit%0A", "/chatkits",
     "/api/apps", "/v1/models", "/", "/connectors"],
)  # fmt: skip
@pytest.mark.django_db
def test_another_path_is_closed_to_every_origin(path: str) -> None:
    for response in (preflight(path), Client().get(path, headers={"Origin": EMBEDDER})):
        assert not told(response)


def test_who_may_read_reads_with_a_token(api_client: Any, alice: User) -> None:
    client: ApiClient = api_client(alice)
    response = client.get("/chatkit/config", headers={"Origin": EMBEDDER})
    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == EMBEDDER


@pytest.mark.django_db
def test_a_refusal_can_be_read_as_well() -> None:
    response = Client().get("/chatkit/config", headers={"Origin": EMBEDDER})
    assert response.status_code == 401
    assert response["Access-Control-Allow-Origin"] == EMBEDDER
    assert response.json()["error"] == "UNAUTHORIZED"
