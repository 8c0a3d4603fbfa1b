"""A web server in a process of its own, as it runs in production, and its client."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from config.tests.plugin import KEY

HOST = "127.0.0.1"
PATIENCE_S = 60
ROOT = Path(__file__).parent.parent.parent


class Rest:
    """A client of REST over real sockets, one connection for each request."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return the status and the JSON that is answered.

        Raises:
            OSError, http.client.HTTPException: the server was gone.
        """
        there = HTTPConnection(HOST, self.port, timeout=PATIENCE_S)
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            there.request(method, path, json.dumps(body) if body else None, headers)
            response = there.getresponse()
            return response.status, json.loads(response.read())
        finally:
            there.close()


class WebProcess:
    """One process of the web server; it listens already."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process

    def kill(self) -> None:
        """Kill it as the kernel would: nothing is closed, nothing is finished."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)


@contextmanager
def web_process(**environment: str) -> Iterator[WebProcess]:
    """Start a web server on the test's database; kill it at the end of the block."""
    listener = socket.create_server((HOST, 0), backlog=512)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "config.asgi:application"),
            *("--lifespan", "on", "--fd", str(listener.fileno())),
            *("--log-level", "warning"),
        ],
        cwd=ROOT,
        env={**os.environ, **environment_of_test(), **environment},
        pass_fds=[listener.fileno()],
    )
    port = listener.getsockname()[1]
    # From here on the process alone listens: when it is gone, nobody does.
    listener.close()
    server = WebProcess(port, process)
    try:
        yield server
    finally:
        server.kill()


def environment_of_test() -> dict[str, str]:
    """Return the environment of a process on the test's database."""
    return {
        "ENV_FILE": "",
        "SECRET_KEY": settings.SECRET_KEY,
        "ENCRYPTION_KEYS": f"k1:{KEY}",
        "DATABASE_URL": _database_url(),
        "EGRESS_ALLOW": "127.0.0.1/32",
        "EGRESS_ALLOW_IN_PRODUCTION": "on",
        "ALLOWED_HOSTS": HOST,
        "PUBLIC_URL": f"http://{HOST}",
        "LOG_LEVEL": "WARNING",
    }


def _database_url() -> str:
    """Name the database that the test itself uses."""
    there = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{there['NAME']}"
    who = f"{there['USER']}:{there['PASSWORD']}".rstrip(":")
    return f"postgres://{who}@{there['HOST']}:{there['PORT']}/{there['NAME']}"
