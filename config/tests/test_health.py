import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import AsyncClient, Client

from accounts.models import User
from config import health


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def database_elsewhere(**changed: Any) -> Iterator[None]:
    """Let the next connection go to a database that is not there."""
    connection.close()
    kept = connection.settings_dict
    connection.settings_dict = {**kept, **changed}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = kept


def test_healthz_answers_without_a_database(client: Client) -> None:
    # Without the `db` fixture any query would raise.
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})
    assert "no-store" in response["Cache-Control"]


def test_readyz_answers_200_when_everything_is_there(client: Client, db: None) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_read_only_and_open(path: str, client: Client, db: None) -> None:
    assert client.head(path).status_code == 200
    assert client.post(path).status_code == 405
    assert client.delete(path).status_code == 405


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_ask_neither_for_a_host_nor_for_https(
    path: str, client: Client, db: None, settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200


def test_probes_do_not_look_at_the_session(
    client: Client, alice: User, django_assert_num_queries: Any
) -> None:
    client.force_login(alice)
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


async def test_probes_answer_over_asgi(
    async_client: AsyncClient, transactional_db: None
) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await async_client.get(path)).status_code == 200


def test_readyz_asks_the_database_once(
    client: Client, db: None, django_assert_max_num_queries: Any
) -> None:
    # The second one looks whether the table of migrations exists.
    with django_assert_max_num_queries(2):
        client.get("/readyz")


def test_readyz_is_503_while_a_migration_is_missing(client: Client, db: None) -> None:
    app, name = max(health._latest_migrations())
    MigrationRecorder(connection).record_unapplied(app, name)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response["Retry-After"]
    assert response.json() == {"status": "not ready", "not_ready": ["migrations"]}


@pytest.mark.django_db(transaction=True)
def test_readyz_is_503_when_the_database_does_not_answer(
    client: Client, closed_port: int, tmp_path: Path
) -> None:
    secret = "the-password-of-the-database"
    elsewhere: dict[str, dict[str, Any]] = {
        "sqlite": {"NAME": str(tmp_path / secret / "missing.sqlite3")},
        "postgresql": {"PORT": closed_port, "PASSWORD": secret},
    }
    with database_elsewhere(**elsewhere[connection.vendor]):
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["not_ready"] == ["database"]
    assert secret not in response.content.decode()


def test_readyz_is_503_when_redis_does_not_answer(
    client: Client, db: None, settings: Any, closed_port: int
) -> None:
    settings.REDIS_URL = f"redis://:hidden@127.0.0.1:{closed_port}/0"
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": settings.REDIS_URL,
        }
    }
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["not_ready"] == ["cache"]
    assert b"hidden" not in response.content


@pytest.mark.redis
def test_readyz_is_200_when_redis_answers(
    client: Client, db: None, settings: Any, redis_url: str
) -> None:
    settings.REDIS_URL = redis_url
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": redis_url,
        }
    }
    assert client.get("/readyz").status_code == 200
    cache.close()
