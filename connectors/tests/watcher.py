"""A browser that watches a test over a real socket, and can leave in the middle."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client

from accounts.models import User
from connectors.tests.add_pages import TEST
from connectors.tests.processes import HOST, PATIENCE_S
from connectors.tests.tool_pages import LIVE

CSRF = "a" * 32


class Watcher:
    """One test, as its events come in."""

    def __init__(self, response: HTTPResponse) -> None:
        self.response = response

    def event(self) -> str:
        """Read the next event, or comment; "" at the end."""
        lines = []
        while line := self.response.readline().decode().removesuffix("\n"):
            lines.append(line.removeprefix("data: "))
        return "\n".join(lines)

    def until(self, text: str) -> str:
        """Read on to the event with `text`."""
        while text not in (event := self.event()):
            assert event, f"the stream ended before {text}"
        return event


def cookies(user: User) -> str:
    """Sign somebody in; return what their browser sends along."""
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    return f"{settings.SESSION_COOKIE_NAME}={session}; csrftoken={CSRF}"


@contextmanager
def watching(port: int, cookie: str, url: str) -> Iterator[Watcher]:
    """Test `url` from the dialog; at the end of the block the browser is gone."""
    connection = HTTPConnection(HOST, port, timeout=PATIENCE_S)
    fields = {"server_url": url, "in_dialog": "true", "csrfmiddlewaretoken": CSRF}
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    try:
        connection.request("POST", TEST, urlencode(fields), LIVE | kind)
        with connection.getresponse() as response:
            assert response.status == 200
            yield Watcher(response)
    finally:
        connection.close()


def get(port: int, cookie: str, path: str) -> int:
    """Open a page; return the status of the answer."""
    connection = HTTPConnection(HOST, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path, headers={"Cookie": cookie})
        with connection.getresponse() as response:
            return response.status
    finally:
        connection.close()
