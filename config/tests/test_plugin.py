import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client

from accounts.models import User
from config.tests import services
from config.tests.live import LiveServer

ROOT = Path(__file__).parent.parent.parent


def run_pytest(
    file: Path, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest as a person does, on a file that lies outside of the project."""
    argv = [sys.executable, "-m", "pytest", f"--rootdir={file.parent}", "-p"]
    argv += ["no:cacheprovider", "-p", "no:randomly", "-c", str(ROOT / "pytest.ini")]
    return subprocess.run(
        [*argv, *options, str(file)],
        cwd=ROOT,
        env=shell() | environment,
        capture_output=True,
        text=True,
    )


def shell() -> dict[str, str]:
    """Return this environment, less what this very run put into it."""
    ours = ("PYTEST_", "DATABASE_URL", "REDIS_URL")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)}


@pytest.fixture
def skipping(tmp_path: Path) -> Path:
    file = tmp_path / "test_skipping.py"
    file.write_text(
        "import pytest\n"
        "@pytest.mark.skip(reason='no such machine')\n"
        "def test_elsewhere(): ...\n"
        "@pytest.mark.xfail(reason='known')\n"
        "def test_known(): raise AssertionError\n"
    )
    return file


def test_a_skipped_test_is_listed_as_not_run(skipping: Path) -> None:
    done = run_pytest(skipping)
    assert done.returncode == 0, done.stdout
    assert "not run: test_skipping.py::test_elsewhere: no such machine" in done.stdout


def test_a_skipped_test_fails_where_all_are_required(skipping: Path) -> None:
    done = run_pytest(skipping, "--require-all")
    assert done.returncode == 1
    assert "1 xfailed, 1 error" in done.stdout
    assert "not run: no such machine" in done.stdout


def test_a_skipped_file_fails_where_all_are_required(tmp_path: Path) -> None:
    file = tmp_path / "test_absent.py"
    file.write_text("import pytest\npytest.importorskip('no_such_module')\n")
    assert run_pytest(file, "--require-all").returncode != 0


def test_the_shell_has_no_say_in_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "test_settings.py"
    file.write_text(
        "from django.conf import settings\n"
        "def test_defaults():\n"
        "    assert settings.PORT == 8000\n"
        "    assert not settings.DEBUG\n"
        "    assert settings.REDIS_URL == ''\n"
        "    assert settings.SECRET_KEY.startswith('only-for-tests')\n"
    )
    said = {"PORT": "9", "DEBUG": "on", "REDIS_URL": "redis://x", "SECRET_KEY": "s"}
    done = run_pytest(file, **said)
    assert done.returncode == 0, done.stdout


def test_the_database_of_the_environment_is_used(tmp_path: Path) -> None:
    file = tmp_path / "test_database.py"
    file.write_text(
        "from django.conf import settings\n"
        "def test_name():\n"
        "    assert settings.DATABASES['default']['NAME'] == 'elsewhere'\n"
    )
    url = "postgres://nobody@127.0.0.1:1/elsewhere"
    assert run_pytest(file, DATABASE_URL=url).returncode == 0
    assert run_pytest(file, "--db=sqlite", DATABASE_URL=url).returncode == 1


def test_postgresql_that_is_not_installed_is_said(tmp_path: Path) -> None:
    file = tmp_path / "test_nothing.py"
    file.write_text("def test_nothing(): ...\n")
    script = (
        "import sys, pytest\n"
        "from config.tests import services\n"
        "services.POSTGRES_FOLDERS = ()\n"
        "sys.exit(pytest.main(sys.argv[1:]))\n"
    )
    argv = [sys.executable, "-c", script, "--db=postgres", "-c", "pytest.ini"]
    done = subprocess.run(
        [*argv, str(file)],
        cwd=ROOT,
        env=shell() | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--db postgres: PostgreSQL is not installed" in done.stderr


@pytest.fixture
def storing(tmp_path: Path) -> Path:
    """Tests of which two touch what a process shares with others."""
    file = tmp_path / "test_storing.py"
    file.write_text(
        "import pytest\n"
        "from django.core.cache import cache\n"
        "def test_of_nothing(): ...\n"
        "def test_of_rows(db): ...\n"
        "@pytest.mark.stores\n"
        "def test_of_the_cache(): cache.set('key', 'value')\n"
    )
    return file


def test_what_touches_no_store_is_told_apart(storing: Path) -> None:
    done = run_pytest(storing, "-m", "stores")
    assert "2 passed, 1 deselected" in done.stdout
    done = run_pytest(storing, "-m", "not stores")
    assert "1 passed, 2 deselected" in done.stdout


def test_what_uses_the_cache_says_that(storing: Path) -> None:
    text = storing.read_text().replace("@pytest.mark.stores\n", "")
    storing.write_text(text)
    done = run_pytest(storing)
    assert "1 failed, 2 passed" in done.stdout
    assert "mark it `stores`" in done.stdout


@pytest.mark.redis
def test_a_throwaway_redis_answers(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("key", "value")
        assert client.get("key") == b"value"


@pytest.mark.postgres
def test_a_throwaway_postgresql_answers_and_leaves_nothing() -> None:
    with services.postgres() as url, psycopg.connect(url) as client:
        row = client.execute("SHOW data_directory").fetchone()
        assert row is not None
        folder = Path(row[0])
        assert folder.exists()
    assert not folder.exists()


def test_a_server_that_does_not_start_is_said() -> None:
    with (
        pytest.raises(RuntimeError, match="no such luck"),
        services.running(["echo", "no such luck"], ready="ready"),
    ):
        pytest.fail("the block must not run")


@pytest.mark.redis
def test_a_server_ends_with_the_run_that_was_killed() -> None:
    script = (
        "import sys\n"
        "from config.tests import services\n"
        "with services.redis() as url:\n"
        "    print(url, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        place = urlsplit(run.stdout.readline().strip())
        with socket.create_connection((place.hostname, place.port)) as client:
            run.kill()
            # The end of the stream: the server is gone.
            assert client.recv(1) == b""


def test_no_other_machine_can_be_reached(tmp_path: Path) -> None:
    file = tmp_path / "test_network.py"
    file.write_text(
        "import socket\n"
        "def test_outside(): socket.create_connection(('192.0.2.1', 80))\n"
    )
    done = run_pytest(file)
    assert done.returncode == 1
    assert "A test tried to use socket.socket.connect()" in done.stdout


def test_the_three_people_are_who_they_are(alice: User, bob: User, carol: User) -> None:
    assert [u.username for u in User.objects.order_by("pk")] == [
        alice.username,
        bob.username,
        carol.username,
    ]
    assert carol.is_staff
    assert not alice.is_staff
    assert not bob.is_staff


@pytest.mark.stores
@pytest.mark.parametrize("_turn", [1, 2])
def test_the_cache_is_empty_at_the_start(_turn: int) -> None:
    assert cache.get("left_behind") is None
    cache.set("left_behind", "by an earlier test")


def test_a_sqlite_test_database_is_a_file_of_this_run(
    db: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if connection.vendor == "sqlite":
        place = Path(connection.settings_dict["NAME"])
        assert place.is_relative_to(tmp_path_factory.getbasetemp())


def test_the_live_server_sees_what_the_test_wrote(
    live_server_asgi: LiveServer, client: Client, carol: User
) -> None:
    client.force_login(carol)
    session = {"sessionid": client.cookies["sessionid"].value}
    with httpx2.Client(base_url=live_server_asgi.url, cookies=session) as browser:
        page = browser.get("/admin/")
    assert page.status_code == 200, page.headers
    assert carol.username in page.text
    assert live_server_asgi.url == settings.PUBLIC_URL


async def test_async_tests_read_what_they_wrote(transactional_db: None) -> None:
    await User.objects.acreate(username="dora")
    assert await User.objects.acount() == 1


def test_asgirefs_thread_holds_no_connection_after_a_test() -> None:
    from asgiref.sync import SyncToAsync

    executor = SyncToAsync.single_thread_executor
    opened = executor.submit(lambda: connections["default"].connection).result()
    assert opened is None
