"""Fixtures of every test: three people, real servers, a clean cache.

alice owns things, bob owns others, carol is staff. `config.tests.plugin` chose
the database before this file was read.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from asgiref.sync import SyncToAsync
from django.core.cache import cache
from django.db import connection, connections
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker, Settings

from accounts.models import User
from config.tests import services
from config.tests.live import LiveServer, serve

# How long an example takes is the machine's business.
hypothesis_settings.register_profile("patchbay", deadline=None, derandomize=True)
hypothesis_settings.load_profile("patchbay")

# The demo and hostile servers, the REST client, a browser, a language model and system
# tools, for every app.
pytest_plugins = [
    "demo.fixtures",
    "config.tests.rest",
    "config.tests.browser",
    "agent.tests.llm_fixtures",
    "agent.tests.chatkit_fixtures",
    "systemtools.tests.fixtures",
]

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Put a SQLite test database into a file of this run, or of this worker.

    In memory, threads share one cache, whose locks know no timeout: a live server
    and the test would see "table is locked".
    """
    if connection.vendor == "sqlite":
        name = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(name)
        connection.settings_dict["OPTIONS"]["init_command"] = (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
        )


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Let nobody keep PostgreSQL from dropping the test database."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture(autouse=True)
def _clean_cache() -> Iterator[None]:
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _no_connection_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Close what async tests opened in asgiref's thread; it outlives them all.

    Before the database is flushed, which on PostgreSQL waits for an open transaction.
    """
    if "transactional_db" in request.fixturenames:
        request.getfixturevalue("transactional_db")
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice", "alice@example.com", PASSWORD)


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob", "bob@example.com", PASSWORD)


@pytest.fixture
def carol(db: None) -> User:
    return User.objects.create_user(
        "carol", "carol@example.com", PASSWORD, is_staff=True, is_superuser=True
    )


@pytest.fixture
def live_server_asgi(
    transactional_db: None, settings: Settings
) -> Iterator[LiveServer]:
    """Serve the whole application on a loopback port, as in production."""
    from config.asgi import application

    with serve(application) as server:
        settings.PUBLIC_URL = server.url
        settings.CSRF_TRUSTED_ORIGINS = [server.url]
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Start a Redis for this run, or for this worker; use with `mark.redis`."""
    with services.redis() as url:
        yield url


@pytest.fixture
def project_root() -> Path:
    return Path(__file__).parent
