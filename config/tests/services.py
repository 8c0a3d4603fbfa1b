"""Throwaway PostgreSQL and Redis for a test run: no root, no Docker, no fixed ports.

`python -m config.tests.services postgres` exits 0 if this machine can start one.
"""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

START_S = 60
STOP_S = 20
# Where distributions keep PostgreSQL's server programs, off the PATH; below `/`.
POSTGRES_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql*/bin",
    "usr/local/opt/postgresql*/bin",
)
# A crash loses the data: that is allowed here, and three times as fast.
POSTGRES_SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
)
# Starts a server and stops it when its own standard input ends: also when the test
# run was killed and could not. Its output is the server's alone, so both end together.
KEEPER = """
"$0" "$@" &
server=$!
exec >/dev/null 2>&1
read -r lifeline
kill -s INT "$server"
wait "$server"
"""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def postgres_program(name: str) -> str | None:
    """Return the path of one of PostgreSQL's server programs, the newest first."""
    root = Path("/")
    folders = [str(f) for pattern in POSTGRES_FOLDERS for f in root.glob(pattern)]
    places = os.pathsep.join([*sorted(folders, reverse=True), os.environ["PATH"]])
    return shutil.which(name, path=places)


def redis_program() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


def chromium_program() -> str | None:
    """Return the browser that `CHROMIUM` names, or one that is installed."""
    names = (os.environ.get("CHROMIUM"), *CHROMIUM_NAMES)
    return next((path for n in names if n and (path := shutil.which(n))), None)


def node_program() -> str | None:
    return shutil.which("node")


def missing(service: str) -> str:
    """Say why `service` cannot be used on this machine; an empty text if it can."""
    programs = {
        "postgres": ("PostgreSQL", postgres_program("initdb")),
        "redis": ("Redis", redis_program()),
        "browser": ("Chromium", chromium_program()),
        "node": ("Node.js", node_program()),
    }
    name, path = programs[service]
    return "" if path else f"{name} is not installed"


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Start a PostgreSQL that forgets everything; yield its URL.

    Raises: LookupError if it is not installed, RuntimeError if it does not start.
    """
    initdb, server = postgres_program("initdb"), postgres_program("postgres")
    if not (initdb and server):
        raise LookupError(missing("postgres"))
    with _folder("patchbay-postgres-") as (folder, options):
        data = str(folder / "data")
        flags = ("-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        done = subprocess.run(
            [initdb, "-D", data, *flags], capture_output=True, text=True, **options
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        port = _free_port()
        settings = [flag for setting in POSTGRES_SETTINGS for flag in ("-c", setting)]
        argv = [server, "-D", data, "-p", str(port), *settings]
        with running(argv, ready="ready to accept connections", **options):
            yield f"postgres://test@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Start a Redis that keeps nothing; yield its URL.

    Raises: LookupError if it is not installed, RuntimeError if it does not start.
    """
    server = redis_program()
    if not server:
        raise LookupError(missing("redis"))
    port = _free_port()
    argv = [server, "--port", str(port), "--bind", "127.0.0.1"]
    argv += ["--save", "", "--appendonly", "no"]
    with (
        _folder("patchbay-redis-") as (_, options),
        running(argv, ready="eady to accept connections", **options),
    ):
        yield f"redis://127.0.0.1:{port}/0"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def _folder(prefix: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Make a folder; with it, the options that run a program there, as its owner.

    initdb refuses to run as root, which is who tests are in a container.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    options: dict[str, Any] = {"cwd": folder}
    if os.geteuid() == 0:
        name = next(n for n in ("postgres", "nobody") if _exists(n))
        entry = pwd.getpwnam(name)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        options |= {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    options["env"] = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(folder)}
    try:
        yield folder, options
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _exists(user: str) -> bool:
    return any(entry.pw_name == user for entry in pwd.getpwall())


@contextlib.contextmanager
def running(argv: Sequence[str], *, ready: str, **options: Any) -> Iterator[None]:
    """Run a server while the block lasts; wait until it prints `ready`.

    In a session of its own: Ctrl-C goes to the test run, which then stops it.
    """
    keeper = subprocess.Popen(
        ["sh", "-c", KEEPER, *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        **options,
    )
    said: deque[str] = deque(maxlen=50)
    settled = threading.Event()
    reader = threading.Thread(
        target=_listen, args=(keeper.stdout, said, ready, settled), daemon=True
    )
    reader.start()
    try:
        if not settled.wait(START_S) or not any(ready in line for line in said):
            raise RuntimeError(f"{argv[0]} did not start:\n{''.join(said)}")
        yield
    finally:
        # Closes the keeper's lifeline, waits for it, and takes what was still said.
        with contextlib.suppress(subprocess.TimeoutExpired):
            assert keeper.stdin, "the keeper was given a pipe"
            keeper.stdin.close()
            keeper.wait(STOP_S)
        reader.join(STOP_S)
        if keeper.stdout:
            keeper.stdout.close()


def _listen(
    output: IO[str], said: deque[str], ready: str, settled: threading.Event
) -> None:
    for line in output:
        said.append(line)
        if ready in line:
            settled.set()
    settled.set()


if __name__ == "__main__":
    sys.exit(missing(sys.argv[1]) or 0)
