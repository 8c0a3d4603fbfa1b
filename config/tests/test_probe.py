import subprocess
import sys
from pathlib import Path

import pytest

from config.probe import is_ready
from config.tests.live import LiveServer
from config.tests.processes import free_port


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", ""])
def test_a_ready_process_is_found(host: str, live_server_asgi: LiveServer) -> None:
    assert is_ready(host, live_server_asgi.port)


def test_nobody_there_is_not_ready() -> None:
    assert not is_ready("127.0.0.1", free_port())


def test_the_exit_code_is_the_answer(
    live_server_asgi: LiveServer, project_root: Path
) -> None:
    def probe(port: int) -> int:
        # Nothing but HOST and PORT: the health check of a container has no secret.
        return subprocess.run(
            [sys.executable, "-m", "config.probe"],
            cwd=project_root,
            env={"HOST": "0.0.0.0", "PORT": str(port)},
            timeout=30,
        ).returncode

    assert probe(live_server_asgi.port) == 0
    assert probe(free_port()) == 1
