"""A line to a server that can be cut and mended, to be a network that fails."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Forwarder:
    """Listens on `port` and passes bytes to `target`, while it is not cut."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.port = 0
        self.open: list[socket.socket] = []
        self.mend()

    def mend(self) -> None:
        """Listen again, on the same port."""
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(
            target=self._accept, args=(self.listener,), daemon=True
        ).start()

    def cut(self) -> None:
        """Refuse new connections, and reset those that are open."""
        self._end(self.listener)
        while self.open:
            self._end(self.open.pop())

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self.target)
                self.open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(
                        target=self._pass, args=(source, sink), daemon=True
                    ).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        self._end(source)
        self._end(sink)

    @staticmethod
    def _end(ending: socket.socket) -> None:
        with suppress(OSError):
            # Wakes the thread that reads from it.
            ending.shutdown(socket.SHUT_RDWR)
        ending.close()


@contextmanager
def forwarded(host: str, port: int) -> Iterator[Forwarder]:
    line = Forwarder((host, port))
    try:
        yield line
    finally:
        line.cut()
