"""Processes that are started together, watched together, stopped together."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

STOP_S = 8.0
LAST_LINES = 15
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CannotRun(Exception):
    """One sentence for the person who started us."""


@dataclass(kw_only=True, eq=False)
class Child:
    """One process, and what it said last."""

    name: str
    process: subprocess.Popen[bytes]
    said: deque[bytes] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    reader: threading.Thread = field(init=False)

    @property
    def obituary(self) -> str:
        code = self.process.returncode
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        lines = b"".join(self.said).decode(errors="replace").strip()
        return f"{self.name} stopped ({how})." + (f"\n{lines}" if lines else "")

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def kill_group(self) -> None:
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Wait for the end of a process that was killed, and of its output."""
        self.process.wait()
        self.reader.join(1)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


class Children:
    """The processes of one run. `news` are signals, and children that died."""

    def __init__(self, *, folder: Path) -> None:
        self.folder = folder
        self.children: list[Child] = []
        self.news: queue.SimpleQueue[int | Child] = queue.SimpleQueue()

    def listen(self) -> None:
        for number in SIGNALS:
            signal.signal(number, lambda number, _: self.news.put(number))

    def start(self, name: str, *argv: str, **env: str) -> None:
        """Start `python -m` with `argv`, in a session of its own.

        Ctrl-C reaches this process alone, which then stops them all.
        """
        process = subprocess.Popen(
            [sys.executable, "-m", "config.lifeline", *argv],
            cwd=self.folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        child = Child(name=name, process=process)
        self.children.append(child)
        child.reader = threading.Thread(
            target=self._forward, args=(child,), daemon=True
        )
        child.reader.start()
        threading.Thread(target=self._await, args=(child,), daemon=True).start()

    def _forward(self, child: Child) -> None:
        output: IO[bytes] = child.process.stdout  # type: ignore[assignment]
        for line in output:
            child.said.append(line)
            with suppress(OSError, ValueError):
                sys.stderr.buffer.write(line)
                sys.stderr.buffer.flush()

    def _await(self, child: Child) -> None:
        child.process.wait()
        self.news.put(child)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return True when it is time to stop, False after `timeout_s`.

        Raises:
            CannotRun: a child died.
        """
        try:
            news = self.news.get(timeout=timeout_s)
        except queue.Empty:
            return False
        if isinstance(news, Child):
            # What it said last may still be on its way.
            news.reader.join(1)
            raise CannotRun(news.obituary)
        return True

    def stop(self) -> None:
        """Ask every child to end; kill those that have not after `STOP_S`.

        Another Ctrl-C does not wait.
        """
        waiting = [c for c in self.children if c.process.poll() is None]
        for child in waiting:
            child.send(signal.SIGTERM)
        timer = threading.Timer(STOP_S, self.news.put, args=(signal.SIGALRM,))
        timer.daemon = True
        timer.start()
        news: int | Child = 0
        while waiting and news not in {signal.SIGINT, signal.SIGALRM}:
            news = self.news.get()
            waiting = [child for child in waiting if child is not news]
        timer.cancel()
        for child in self.children:
            # Its own children too: they hold pipes, ports and memory.
            child.kill_group()
            child.close()
