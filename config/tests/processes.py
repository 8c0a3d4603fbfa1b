"""What tests of real processes need: a prepared database, who lives, who is gone."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from queue import Empty, Queue

START_S = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def migrated(folder: Path, root: Path) -> str:
    """Make a SQLite database with every table; return its DATABASE_URL."""
    url = f"sqlite:///{folder / 'db.sqlite3'}"
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"],
        cwd=root,
        env={**os.environ, "DATABASE_URL": url},
        check=True,
        timeout=120,
    )
    return url


class Program:
    """A program whose lines can be waited for; several can share one `err`."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        root: Path,
        env: Mapping[str, str],
        err: "Queue[str] | None" = None,
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *argv],
            cwd=root,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.out: Queue[str] = Queue()
        self.err: Queue[str] = err or Queue()
        self.readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in (
                (self.process.stdout, self.out),
                (self.process.stderr, self.err),
            )
        ]
        for reader in self.readers:
            reader.start()

    def _read(self, pipe: Iterable[str], lines: "Queue[str]") -> None:
        for line in pipe:
            lines.put(line.rstrip("\n"))

    def line(self, part: str, *, of: "Queue[str]") -> str:
        """Wait for a line with `part`; return it."""
        seen = []
        deadline = time.monotonic() + START_S
        while True:
            try:
                seen.append(of.get(timeout=max(0, deadline - time.monotonic())))
            except Empty:
                raise AssertionError(
                    f"no {part!r} in {seen}, {rest(self.err)}"
                ) from None
            if part in seen[-1]:
                return seen[-1]

    def wait(self, timeout_s: float) -> int:
        code = self.process.wait(timeout_s)
        for reader in self.readers:
            reader.join(timeout_s)
        return code

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        family = [self.process.pid, *descendants(self.process.pid)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait(10)
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()


def rest(lines: "Queue[str]") -> list[str]:
    return [lines.get_nowait() for _ in range(lines.qsize())]


def descendants(pid: int) -> list[int]:
    """Return the processes below `pid`, the nearest first."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # pid (name) state ppid …; the name may have spaces and brackets.
            fields = stat.read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = list(parents.get(pid, []))
    for child in found:
        found.extend(parents.get(child, []))
    return found


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def environment(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


class Watch:
    """Holds on to processes, so that their end can be waited for."""

    def __init__(self, pids: Sequence[int]) -> None:
        self.files = {os.pidfd_open(pid): pid for pid in pids}

    def wait(self, timeout_s: float) -> set[int]:
        """Return who is still alive when all have ended, or after `timeout_s`."""
        poll = select.poll()
        for file in self.files:
            poll.register(file, select.POLLIN)
        alive = set(self.files)
        deadline = time.monotonic() + timeout_s
        while alive and (left_s := deadline - time.monotonic()) > 0:
            for file, _ in poll.poll(left_s * 1000):
                alive.discard(file)
                poll.unregister(file)
        left = {self.files[file] for file in alive}
        for file in self.files:
            os.close(file)
        return left


def get(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        with connection.getresponse() as response:
            response.read()
            return response.status
    finally:
        connection.close()


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True
