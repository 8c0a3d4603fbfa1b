import base64
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import load_backend

from config import envfile

KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


@contextmanager
def connected(url: str, **changed: Any) -> Iterator[BaseDatabaseWrapper]:
    """Connect as an installation with this DATABASE_URL does."""
    settings = envfile.database(environ.Env.db_url_config(url), pool_max=0)
    settings = {**connections.settings["default"], **settings, **changed}
    opened = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, "elsewhere")
    try:
        yield opened
    finally:
        opened.close()


def value(opened: BaseDatabaseWrapper, sql: str) -> Any:
    with opened.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


# --- Secrets -----------------------------------------------------------------


def test_a_secret_is_read_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = environ.Env()
    monkeypatch.setenv("A_SECRET", "from the environment")
    assert envfile.secret(env, "A_SECRET") == "from the environment"
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "secret"))
    assert envfile.secret(env, "A_SECRET") == "from a file"


def test_a_missing_secret_says_what_to_do() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"`\./dev secrets`"):
        envfile.secret(environ.Env(), "NO_SUCH_SECRET")


def test_the_first_key_of_a_keyring_stays_the_first() -> None:
    keys = envfile.keyring(f"k2:{OTHER}, k1:{KEY}")
    assert list(keys.items()) == [("k2", b"o" * 32), ("k1", b"k" * 32)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        KEY,
        f":{KEY}",
        "k1:",
        "k1:not base64",
        "k1:c2hvcnQ=",
        f"{'k' * 32}:{KEY}",
        f"k1:{KEY},k1:{OTHER}",
        f"k1:{KEY},k2:{KEY}",
    ],
)
def test_a_malformed_keyring_is_refused(text: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        envfile.keyring(text)
    assert KEY not in str(caught.value)


def test_new_secrets_are_new_and_can_be_used(project_root: Path) -> None:
    run = [sys.executable, "-m", "config.envfile"]
    printed = [
        subprocess.run(run, cwd=project_root, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert printed[0] != printed[1]
    env = dict(line.split("=", 1) for line in printed[0].splitlines())
    assert len(env["SECRET_KEY"]) >= 50
    assert list(envfile.keyring(env["ENCRYPTION_KEYS"])) == ["k1"]


# --- The address -------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("0.0.0.0", "http://localhost:8000"),
        ("::", "http://localhost:8000"),
        ("patchbay.lan", "http://patchbay.lan:8000"),
    ],
)
def test_the_address_follows_from_host_and_port(host: str, url: str) -> None:
    assert envfile.public_url(host, 8000) == url


# --- The database ------------------------------------------------------------


@pytest.mark.django_db
def test_sqlite_survives_a_crash_and_waits_for_its_turn(tmp_path: Path) -> None:
    with connected(f"sqlite:///{tmp_path}/db.sqlite3") as opened:
        assert value(opened, "PRAGMA journal_mode") == "wal"
        assert value(opened, "PRAGMA synchronous") == 2
        assert value(opened, "PRAGMA busy_timeout") == 20_000


@pytest.mark.django_db
def test_a_transaction_on_sqlite_locks_when_it_begins(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/db.sqlite3"
    with connected(url) as one, connected(f"{url}?timeout=0") as two:
        one.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        with pytest.raises(OperationalError, match="locked"):
            value(two, "BEGIN IMMEDIATE")
        one.rollback()


def test_options_of_the_url_win() -> None:
    parsed = environ.Env.db_url_config(
        "postgres://u:p@db/x?sslmode=require&options=-c x"
    )
    options = envfile.database(parsed, pool_max=8)["OPTIONS"]
    assert options["sslmode"] == "require"
    assert options["options"] == "-c x"
    assert options["pool"]["max_size"] == 8


def test_no_connection_outlives_its_request() -> None:
    for url in ("sqlite:///:memory:", "postgres://u:p@db/x?conn_max_age=60"):
        settings = envfile.database(environ.Env.db_url_config(url), pool_max=8)
        assert (settings["CONN_MAX_AGE"], settings["ATOMIC_REQUESTS"]) == (0, False)


@pytest.mark.postgres
@pytest.mark.django_db
def test_postgresql_ends_what_takes_too_long() -> None:
    for name, shown in (
        ("statement_timeout", "30s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "1min"),
    ):
        assert value(connection, f"SHOW {name}") == shown


# --- The whole ---------------------------------------------------------------


def test_redis_is_given_up_on_quickly() -> None:
    options = envfile.cache("redis://127.0.0.1:1/0")["OPTIONS"]
    assert max(options.values()) < 1
    assert "locmem" in envfile.cache("")["BACKEND"]


def test_a_mail_server_is_given_up_on() -> None:
    parsed = environ.Env.email_url_config("smtp+tls://u:p%40ss@mail.example:587")
    entry = envfile.mailer(parsed)
    assert entry["OPTIONS"] == {
        "host": "mail.example",
        "port": 587,
        "username": "u",
        "password": "p@ss",
        "use_tls": True,
        "use_ssl": False,
        "timeout": envfile.MAIL_TIMEOUT_S,
    }
