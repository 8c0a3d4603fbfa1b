"""This Google in a thread of its own, for tests."""

import re
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

import httpx2

from config.tests.live import serve
from demo.google.google import Google
from demo.google.mailboxes import Stored
from demo.google.pages import PATH
from demo.google.site import application
from demo.google.switches import Switches

TIMEOUT_S = 10.0


class RunningGoogle:
    """A running Google as a test sees it.

    `google.switches.gmail = "lost"` breaks something; `token_requests`,
    `revocations`, `gmail_requests` and `sent` are what happened, oldest first.
    """

    def __init__(self, google: Google, url: str) -> None:
        self.google = google
        self.url = url

    @property
    def switches(self) -> Switches:
        return self.google.switches

    @property
    def base_urls(self) -> dict[str, str]:
        """What the setting GOOGLE_BASE_URLS is for it."""
        return dict.fromkeys(("accounts", "oauth", "gmail"), self.url)

    @property
    def token_requests(self) -> list[dict[str, str]]:
        """Each with `grant_type`, `account` and `outcome`."""
        return self.google.seen.token_requests

    @property
    def revocations(self) -> list[dict[str, str]]:
        """Each with `account` and `outcome`."""
        return self.google.seen.revocations

    @property
    def gmail_requests(self) -> list[dict[str, Any]]:
        """Each with `what` (search, read, send) and `status`."""
        return self.google.seen.gmail_requests

    @property
    def sent(self) -> list[Stored]:
        """The mail that was sent, by anybody."""
        return self.google.mail.sent

    def sign_in(
        self,
        authorization_url: str,
        account: str = "ada",
        *,
        without: Collection[str] = (),
        allow: bool = True,
    ) -> str:
        """Do what a person does in the browser; return where they are sent back to.

        `without` are the permissions that they untick.

        Raises:
            ValueError: an error is shown instead of a question.
        """
        # Loading certificate authorities takes longer than signing in.
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with httpx2.Client(timeout=TIMEOUT_S, trust_env=False, verify=nobody) as http:
            page = http.get(authorization_url)
            ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
            if ticket is None:
                raise ValueError(f"{page.status_code}: {page.text}")
            offered = re.findall(r'name="scope" value="([^"]+)"', page.text)
            answer = {
                "ticket": ticket[1],
                "account": account,
                "answer": "allow" if allow else "cancel",
                "scope": [scope for scope in offered if scope not in without],
            }
            sent = http.post(urljoin(authorization_url, PATH), data=answer)
            return sent.headers["location"]

    def withdraw(self) -> None:
        """End all that was allowed, as people do on their account's page."""
        self.google.withdraw()

    def expire_all(self) -> None:
        """Let every access token be expired, whatever its client was told."""
        self.google.expire_all()

    def clear(self) -> None:
        """Forget everything and repair everything."""
        self.google.clear()


@contextmanager
def running() -> Iterator[RunningGoogle]:
    """Serve it on a port of 127.0.0.1."""
    google = Google()
    with serve(application(google)) as site:
        yield RunningGoogle(google, site.url)
