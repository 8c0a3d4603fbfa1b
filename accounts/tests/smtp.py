"""A mail server on loopback that keeps what it is sent."""

import contextlib
import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

from pytest_django import Settings


class Mailbox(socketserver.ThreadingTCPServer):
    """The mails that arrived. With `refuses`, every recipient is refused."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[EmailMessage] = []
        self.refuses = False

    def mailer(self) -> dict[str, Any]:
        """Return the entry of MAILERS that delivers here."""
        host, port = self.server_address[:2]
        return {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": host, "port": port, "timeout": 5},
        }

    def text(self, index: int = -1) -> str:
        """Return the text of one mail, the last one unless told otherwise."""
        return str(self.mails[index].get_content())


class _Session(socketserver.StreamRequestHandler):
    """RFC 5321, as far as one client needs it."""

    server: Mailbox
    timeout = 5

    def handle(self) -> None:
        self._say("220 mailbox")
        for line in self.rfile:
            verb = line.split(b" ")[0].strip().upper()
            if verb == b"DATA":
                self._say("354 go on")
                self._keep()
            elif verb == b"RCPT" and self.server.refuses:
                self._say("550 no such mailbox")
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 mailbox")

    def _keep(self) -> None:
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b"."))
        mail = email.message_from_bytes(
            b"".join(lines), _class=EmailMessage, policy=email.policy.default
        )
        self.server.mails.append(mail)
        self._say("250 kept")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextlib.contextmanager
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    """Run a mail server and have all mail delivered to it."""
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        settings.MAILERS = {"default": server.mailer()}
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
