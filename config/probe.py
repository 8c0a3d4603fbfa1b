"""Ask the web process of this machine whether it is ready: exit code 0 or 1.

`python -m config.probe` is the health check of the image. It reads HOST and PORT
alone, so that it starts in no time and needs no secret.
"""

import os
import socket
import sys

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104
REQUEST = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def is_ready(host: str, port: int) -> bool:
    """Say whether /readyz answers 200; a wildcard `host` is asked over loopback."""
    try:
        with socket.create_connection(
            (EVERYWHERE.get(host, host), port), timeout=5
        ) as connection:
            connection.sendall(REQUEST)
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


if __name__ == "__main__":
    host = os.environ.get("HOST", "127.0.0.1")
    sys.exit(not is_ready(host, int(os.environ.get("PORT", "8000"))))
