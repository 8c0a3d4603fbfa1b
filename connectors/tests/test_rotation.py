import base64
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from connectors import rotation
from connectors.models import UserMCPConnection

K1, K2 = b"1" * 32, b"2" * 32
OLD, BOTH, NEW = {"k1": K1}, {"k2": K2, "k1": K1}, {"k2": K2}
LABEL = "connectors.UserMCPConnection.auth_config"


def add(user: User, count: int) -> list[UserMCPConnection]:
    return [
        UserMCPConnection.objects.create(
            user=user,
            slot=n,
            name=f"n{n}",
            server_url="https://notes.example/mcp",
            auth_type="api_key",
            auth_config={"token": f"canary-{n}"},
            status="ready",
        )
        for n in range(1, count + 1)
    ]


def tokens() -> dict[int | None, str]:
    rows = UserMCPConnection.objects.filter(auth_config__isnull=False)
    return {row.slot: row.auth_config.open()["token"] for row in rows}


def spoil(connector: UserMCPConnection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE user_mcp_connections SET auth_config = 'x' WHERE id = %s",
            [connector.pk],
        )


@pytest.fixture
def three(alice: User, settings: Settings) -> list[UserMCPConnection]:
    """Three connectors under the old key, and one that has no secret."""
    settings.ENCRYPTION_KEYS = OLD
    UserMCPConnection.objects.create(
        user=alice, slot=9, name="x", server_url="https://a.test", status="ready"
    )
    return add(alice, 3)


def test_every_secret_comes_under_the_newest_key(
    three: list[UserMCPConnection], settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = BOTH
    assert rotation.key_ids_in_use() == {"k1": 3}
    with capture_logs() as logs:
        steps = list(rotation.rotate(batch=2))
    assert [(step.seen, step.resealed) for step in steps] == [(2, 2), (3, 3)]
    assert {step.field for step in steps} == {LABEL}
    assert rotation.key_ids_in_use() == {"k2": 3}
    assert logs == [
        {
            "event": "keys.rotated",
            "log_level": "info",
            "kid": "k2",
            "resealed": 3,
            "unreadable": 0,
        }
    ]
    settings.ENCRYPTION_KEYS = NEW
    assert tokens() == {1: "canary-1", 2: "canary-2", 3: "canary-3"}


def test_a_run_that_was_stopped_is_taken_up(
    three: list[UserMCPConnection], settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = BOTH
    next(rotation.rotate(batch=1))
    assert rotation.key_ids_in_use() == {"k1": 2, "k2": 1}
    *_, last = rotation.rotate(batch=1)
    assert (last.seen, last.resealed) == (3, 2)
    assert rotation.key_ids_in_use() == {"k2": 3}


def test_what_is_under_the_newest_key_is_not_written(
    three: list[UserMCPConnection], settings: Settings
) -> None:
    with CaptureQueriesContext(connection) as queries:
        *_, last = rotation.rotate()
    assert (last.seen, last.resealed) == (3, 0)
    assert not [query for query in queries if "UPDATE" in query["sql"]]


def test_a_secret_is_compared_and_set_by_one_statement(
    three: list[UserMCPConnection], settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = BOTH
    with CaptureQueriesContext(connection) as queries:
        list(rotation.rotate())
    # One that finds the end of each kind; one to read, and one for each secret.
    assert len(queries) == len(rotation.sealed_fields()) + 1 + 3
    updates = [query["sql"] for query in queries if "UPDATE" in query["sql"]]
    assert len(updates) == 3
    assert not [sql for sql in updates if "SELECT" in sql]


def test_rotation_of_nothing_is_done_at_once(db: None) -> None:
    assert list(rotation.rotate()) == []
    assert rotation.key_ids_in_use() == {}


def test_the_time_of_the_last_change_stays(
    three: list[UserMCPConnection], settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = BOTH
    list(rotation.rotate())
    stored = UserMCPConnection.objects.get(pk=three[0].pk)
    assert stored.updated_at == three[0].updated_at


def test_a_secret_that_is_saved_between_reading_and_writing_is_kept(
    three: list[UserMCPConnection], settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = BOTH
    # Saved by a process that has the keys in their old order yet.
    stale = {"k1": K1, "k2": K2}
    raced: list[int] = []

    def save_meanwhile(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and not raced:
            raced.append(1)
            settings.ENCRYPTION_KEYS = stale
            row = UserMCPConnection.objects.get(slot=1)
            row.auth_config = {"token": "refreshed"}
            row.save(update_fields=["auth_config"])
            settings.ENCRYPTION_KEYS = BOTH
        return execute(sql, params, *rest)

    with connection.execute_wrapper(save_meanwhile):
        steps = list(rotation.rotate())
    assert [step.changed_meanwhile for step in steps] == [1, 0]
    assert [step.resealed for step in steps] == [2, 3]
    assert tokens() == {1: "refreshed", 2: "canary-2", 3: "canary-3"}
    assert rotation.key_ids_in_use() == {"k2": 3}


def test_what_cannot_be_read_is_counted_and_left_as_it_is(
    three: list[UserMCPConnection], settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = BOTH
    spoil(three[1])
    with capture_logs() as logs:
        *_, last = rotation.rotate()
    assert (last.resealed, last.unreadable) == (2, 1)
    assert logs[0]["event"] == "secret.unreadable"
    assert logs[0]["row_id"] == three[1].pk
    assert rotation.key_ids_in_use() == {"k2": 2, "": 1}


def test_every_sealed_field_of_the_project_is_rotated() -> None:
    assert LABEL in {field.label for field in rotation.sealed_fields()}


def run_command(**options: Any) -> str:
    out = StringIO()
    call_command("rotate_keys", stdout=out, **options)
    return out.getvalue()


def test_the_command_shows_progress_and_what_remains(
    three: list[UserMCPConnection], settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = BOTH
    assert run_command(batch=2).splitlines() == [
        "Rotating to key 'k2'.",
        f"{LABEL}: 2 seen, 2 re-encrypted, 0 unreadable",
        f"{LABEL}: 3 seen, 3 re-encrypted, 0 unreadable",
        "Secrets under key 'k2': 3",
        "Every secret is under the newest key.",
    ]


def test_the_command_fails_while_an_older_key_is_needed(
    three: list[UserMCPConnection], settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = NEW
    with pytest.raises(CommandError, match="Keep the other keys"):
        run_command()
    settings.ENCRYPTION_KEYS = BOTH
    assert "3 re-encrypted" in run_command()
    spoil(three[0])
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("rotate_keys", stdout=out)
    assert "Secrets under no key of ours: 1" in out.getvalue()


def test_the_command_can_be_interrupted(
    three: list[UserMCPConnection], settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = BOTH

    class Interrupting(StringIO):
        def flush(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(CommandError, match="Run it again"):
        call_command("rotate_keys", batch=1, stdout=Interrupting())
    assert rotation.key_ids_in_use() == {"k1": 2, "k2": 1}


# --- Other processes ---------------------------------------------------------

# Saves new secrets in the rows whose id leaves the given rest, until told to stop.
WRITER = """
import itertools, select, sys
import django; django.setup()
from connectors.models import UserMCPConnection
rest = int(sys.argv[1])
rows = [r for r in UserMCPConnection.objects.order_by("pk") if r.pk % 2 == rest]
for n in itertools.count():
    row = UserMCPConnection.objects.get(pk=rows[n % len(rows)].pk)
    row.auth_config = {"token": f"{row.slot}-{n}"}
    row.save(update_fields=["auth_config"])
    print(row.slot, f"{row.slot}-{n}", flush=True)
    if select.select([sys.stdin], [], [], 0)[0]:
        break
"""


def environment(keys: dict[str, bytes]) -> dict[str, str]:
    """Return the environment of a process on this test's database."""
    at = connection.settings_dict
    place = "{USER}@{HOST}:{PORT}/".format(**at)
    url = (
        f"sqlite:///{at['NAME']}"
        if connection.vendor == "sqlite"
        else f"postgres://{place}{at['NAME']}"
    )
    keyring = ",".join(
        f"{kid}:{base64.b64encode(key).decode()}" for kid, key in keys.items()
    )
    return {
        **os.environ,
        "DATABASE_URL": url,
        "ENCRYPTION_KEYS": keyring,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


@contextmanager
def process(
    *argv: str, keys: dict[str, bytes], cwd: Path
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(keys),
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def test_writers_in_other_processes_lose_nothing(
    transactional_db: None, alice: User, settings: Settings, project_root: Path
) -> None:
    settings.ENCRYPTION_KEYS = OLD
    add(alice, 8)
    settings.ENCRYPTION_KEYS = BOTH
    last = tokens()
    # One has the new list of keys already, one has them in the old order.
    stale = {"k1": K1, "k2": K2}
    with (
        process("-c", WRITER, "0", keys=BOTH, cwd=project_root) as new,
        process("-c", WRITER, "1", keys=stale, cwd=project_root) as old,
    ):
        for writer in (new, old):
            assert writer.stdout is not None
            assert select.select([writer.stdout], [], [], 60)[0]
        for _ in range(3):
            list(rotation.rotate(batch=3))
        for writer in (new, old):
            said, _ = writer.communicate("stop\n", timeout=60)
            assert writer.returncode == 0
            last.update((int(n), t) for n, t in map(str.split, said.splitlines()))
    list(rotation.rotate())
    assert rotation.key_ids_in_use() == {"k2": 8}
    settings.ENCRYPTION_KEYS = NEW
    assert tokens() == last


def test_a_killed_run_loses_nothing_and_is_taken_up(
    transactional_db: None, alice: User, settings: Settings, project_root: Path
) -> None:
    settings.ENCRYPTION_KEYS = OLD
    add(alice, 9)
    settings.ENCRYPTION_KEYS = BOTH
    before = tokens()
    argv = ("manage.py", "rotate_keys", "--batch=1", "--skip-checks")
    with process(*argv, keys=BOTH, cwd=project_root) as rotating:
        assert rotating.stdout is not None
        assert "Rotating" in rotating.stdout.readline()
        assert "1 seen" in rotating.stdout.readline()
        rotating.kill()
    assert tokens() == before
    assert rotation.key_ids_in_use().get("k2", 0) >= 1
    run_command()
    assert rotation.key_ids_in_use() == {"k2": 9}
    settings.ENCRYPTION_KEYS = NEW
    assert tokens() == before
