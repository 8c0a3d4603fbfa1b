import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from mcp import Client

from demo.ports import HOST, PLACES, bind
from demo.tests.dialling import dial, raw, read_for, read_until, sse
from demo.tests.walking import get

ROOT = Path(__file__).parents[2]
STOP_S = 10


def command(ports: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env={**os.environ, "DEMO_PORTS": ports},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def unused_ports() -> list[int]:
    """Choose ports that no other test run chooses at the same time."""
    with ExitStack() as stack:
        listeners = [
            stack.enter_context(socket.create_server((HOST, 0))) for _ in PLACES
        ]
        return [listener.getsockname()[1] for listener in listeners]


@contextmanager
def demo(ports: list[int]) -> Iterator[subprocess.Popen[str]]:
    """Run the demo servers on these ports; they are ready when the block begins."""
    process = command(",".join(map(str, ports)))
    try:
        assert process.stdout
        assert process.stdout.readline() == "The demo servers are ready.\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def urls(ports: list[int]) -> list[str]:
    return [place.url(port) for place, port in zip(PLACES, ports, strict=True)]


async def test_every_server_answers_on_its_port() -> None:
    ports = unused_ports()
    notes, rota, releases, broken, journal, sign_in, google = urls(ports)
    with demo(ports):
        async with Client(notes) as client:
            assert client.server_info
            assert client.server_info.name == "notes"
        async with sse(rota) as client:
            assert client.server_info
            assert client.server_info.name == "on-call-rota"
        assert b"401 Unauthorized" in raw(releases, at_most=100)
        with dial(broken) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert f"http://{HOST}:{ports[3]}/bad-tool".encode() in read_for(
                connection, STOP_S
            )
        assert b"401 Unauthorized" in raw(journal, at_most=100)
        assert f"<code>{journal}</code>" in get(sign_in).text
        assert "Nothing was sent yet." in get(google).text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_although_streams_are_open(number: signal.Signals) -> None:
    ports = unused_ports()
    rota = urls(ports)[1]
    with demo(ports) as process, dial(rota) as stream:
        stream.sendall(
            f"GET /sse HTTP/1.1\r\nHost: {urlsplit(rota).netloc}\r\n\r\n".encode()
        )
        assert b"event: endpoint" in read_until(stream, b"session_id=")
        process.send_signal(number)
        assert process.wait(STOP_S) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_it_names_every_server_when_nobody_chose_the_ports() -> None:
    process = command()
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(1 + len(PLACES))]
    process.terminate()
    process.communicate(timeout=STOP_S)
    assert process.returncode == 0
    for place, line in zip(PLACES, lines[1:], strict=True):
        assert place.name in line
        assert place.path in line
        assert place.about in line
    assert "Token: demo-token" in lines[3]


def test_a_chosen_port_that_is_taken_is_one_sentence() -> None:
    taken = bind()
    ports = [listener.getsockname()[1] for listener in taken]
    process = command(",".join(map(str, ports)))
    said, complained = process.communicate(timeout=STOP_S)
    for listener in taken:
        listener.close()
    assert process.returncode == 1
    assert (said, complained) == ("", f"Port {ports[0]} is already in use.\n")


def test_a_nonsense_choice_is_one_sentence() -> None:
    process = command("8101")
    _, complained = process.communicate(timeout=STOP_S)
    assert process.returncode == 1
    assert complained.startswith("DEMO_PORTS must name 7 different ports")


def test_nothing_listens_beyond_loopback() -> None:
    listeners = bind()
    families = {listener.family for listener in listeners}
    hosts = {listener.getsockname()[0] for listener in listeners}
    for listener in listeners:
        listener.close()
    assert families == {socket.AF_INET}
    assert hosts == {"127.0.0.1"}
