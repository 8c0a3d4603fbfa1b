import socket

import pytest

from demo.hostile import sockets
from demo.hostile.sockets import GARBAGE, HOST
from demo.tests.dialling import PATIENCE_S, dial, read_all, read_for

SILENCE_S = 0.1


def test_a_closed_port_refuses(closed_url: str) -> None:
    with pytest.raises(ConnectionRefusedError):
        dial(closed_url)


def test_a_full_backlog_does_not_answer(unaccepting_url: str) -> None:
    port = int(unaccepting_url.split(":")[2].split("/")[0])
    with pytest.raises(TimeoutError):
        socket.create_connection((HOST, port), SILENCE_S)


def test_a_silent_port_accepts_and_says_nothing(silent_url: str) -> None:
    with dial(silent_url) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read_for(connection, SILENCE_S) == b""


def test_a_port_resets(resetting_url: str) -> None:
    # At the latest when something is read, and maybe before `dial` returns.
    with pytest.raises(ConnectionResetError), dial(resetting_url) as connection:
        connection.recv(1)


def test_a_port_hangs_up(closing_url: str) -> None:
    with dial(closing_url) as connection:
        assert connection.recv(1) == b""


def test_a_port_sends_garbage(garbled_url: str) -> None:
    with dial(garbled_url) as connection:
        assert read_all(connection) == GARBAGE


def test_a_port_drips(dripping_url: str) -> None:
    with dial(dripping_url) as connection:
        received = b""
        while len(received) < 3:
            received += connection.recv(1)
    assert received == b"   "


def test_several_callers_are_served_at_once() -> None:
    with sockets.dripping(0.001) as port:
        address = (HOST, port)
        with (
            socket.create_connection(address, PATIENCE_S) as one,
            socket.create_connection(address, PATIENCE_S) as two,
        ):
            assert one.recv(1) == two.recv(1) == b" "


def test_nothing_listens_when_the_block_ends() -> None:
    with sockets.silent() as port:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port), PATIENCE_S)
