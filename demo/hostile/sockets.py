"""Peers below HTTP: what a port can do to whoever connects to it."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"
# More pending connections than any kernel keeps for a backlog of zero.
BACKLOG_ATTEMPTS = 64
GARBAGE = bytes(range(256)) * 8
ACCEPT_S = 0.1


@contextmanager
def closed() -> Iterator[int]:
    """Hold a port on which nobody listens, so that connecting is refused."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        yield held.getsockname()[1]


@contextmanager
def unaccepting() -> Iterator[int]:
    """Listen with a full backlog: the first packet of a caller is not answered."""
    with socket.socket() as listener, contextlib.ExitStack() as callers:
        listener.bind((HOST, 0))
        listener.listen(0)
        for _ in range(BACKLOG_ATTEMPTS):
            caller = callers.enter_context(socket.socket())
            caller.settimeout(ACCEPT_S)
            try:
                caller.connect(listener.getsockname())
            except TimeoutError:
                break
        yield listener.getsockname()[1]


@contextmanager
def silent() -> Iterator[int]:
    """Accept every connection and never say a word."""
    with accepting(lambda _: None) as port:
        yield port


@contextmanager
def resetting() -> Iterator[int]:
    """Accept every connection and reset it."""

    def reset(caller: socket.socket) -> None:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        caller.close()

    with accepting(reset) as port:
        yield port


@contextmanager
def closing() -> Iterator[int]:
    """Accept every connection and hang up."""
    with accepting(socket.socket.close) as port:
        yield port


@contextmanager
def garbled() -> Iterator[int]:
    """Send bytes that are no protocol to whoever connects, and hang up."""

    def garble(caller: socket.socket) -> None:
        caller.sendall(GARBAGE)
        caller.shutdown(socket.SHUT_WR)

    with accepting(garble) as port:
        yield port


@contextmanager
def dripping(pace_s: float = 0.02) -> Iterator[int]:
    """Send a space at each interval to whoever connects, for ever."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def drip(caller: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not stop.wait(pace_s):
                caller.sendall(b" ")

    def begin(caller: socket.socket) -> None:
        thread = threading.Thread(target=drip, args=(caller,), daemon=True)
        threads.append(thread)
        thread.start()

    with accepting(begin) as port:
        try:
            yield port
        finally:
            stop.set()
            for thread in threads:
                thread.join()


@contextmanager
def accepting(greet: Callable[[socket.socket], None]) -> Iterator[int]:
    """Hand each accepted connection to `greet`; close them all at the end."""
    stop = threading.Event()
    listener = socket.create_server((HOST, 0), backlog=128)
    listener.settimeout(ACCEPT_S)

    def accept() -> None:
        with contextlib.ExitStack() as callers:
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    caller = callers.enter_context(listener.accept()[0])
                    caller.settimeout(None)
                    greet(caller)

    thread = threading.Thread(target=accept, name="raw-peer", daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        thread.join()
        listener.close()
