"""The authority and the journal in threads of their own, for tests."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

import httpx2

from config.tests.live import serve
from demo import journal
from demo.authority.authority import Authority
from demo.authority.site import application
from demo.authority.switches import Switches

TIMEOUT_S = 10.0


class RunningAuthority:
    """A running authority and the journal behind it, as a test sees them.

    `authority.switches.rotates = False` breaks something; `token_requests`,
    `registrations`, `revocations`, `mcp_calls` and `mcp_refusals` are what happened,
    oldest first.
    """

    def __init__(self, authority: Authority, entries: journal.Journal) -> None:
        self.authority = authority
        self.journal = entries

    @property
    def switches(self) -> Switches:
        return self.authority.switches

    @property
    def issuer(self) -> str:
        return self.authority.issuer

    @property
    def origin(self) -> str:
        """The origin of the authority, which is not the journal's."""
        return self.authority.issuer

    @property
    def mcp_url(self) -> str:
        """What a person would paste."""
        return self.authority.resource

    @property
    def token_requests(self) -> list[dict[str, str]]:
        """Each with `grant_type`, `client_id`, `account` and `outcome`.

        The outcome is `ok`, an error code of OAuth, or the state of the switch
        `token_endpoint` that broke it.
        """
        return self.authority.seen.token_requests

    @property
    def reuses(self) -> int:
        """How often a refresh token came that had been used."""
        return self.authority.seen.reuses

    @property
    def registrations(self) -> list[dict[str, Any]]:
        return self.authority.seen.registrations

    @property
    def revocations(self) -> list[dict[str, str]]:
        return self.authority.seen.revocations

    @property
    def mcp_calls(self) -> list[dict[str, str]]:
        """Each tool call that was executed, with `tool` and `account`."""
        return self.authority.seen.mcp_calls

    @property
    def mcp_refusals(self) -> list[dict[str, Any]]:
        """Each request that the journal refused, with `status` and `error`."""
        return self.authority.seen.mcp_refusals

    def sign_in(
        self, authorization_url: str, account: str = "ada", *, allow: bool = True
    ) -> str:
        """Do what a person does in the browser; return where they are sent back to.

        Raises:
            ValueError: the authority shows an error instead of a question.
        """
        # Loading certificate authorities takes longer than signing in.
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with httpx2.Client(timeout=TIMEOUT_S, trust_env=False, verify=nobody) as http:
            page = http.get(authorization_url)
            if page.is_redirect:
                return page.headers["location"]
            ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
            if ticket is None:
                raise ValueError(f"{page.status_code}: {page.text}")
            answer = {
                "ticket": ticket[1],
                "account": account,
                "answer": "allow" if allow else "cancel",
            }
            sent = http.post(urljoin(authorization_url, "/authorize"), data=answer)
            return sent.headers["location"]

    def register_client(
        self, redirect_uri: str, *, secret: bool = True
    ) -> tuple[str, str]:
        """Register a client by hand; return its id, and its secret or ""."""
        client = self.authority.register(
            {
                "client_name": "Registered by hand",
                "redirect_uris": [redirect_uri],
                "grant_types": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_method": "client_secret_basic"
                if secret
                else "none",
            }
        )
        return client.client_id, client.secret

    def publish_document(self, url: str, document: dict[str, Any]) -> None:
        """Let a client's document be known without a fetch from `url`."""
        self.authority.documents[url] = document

    def withdraw(self, account: str | None = None) -> None:
        """End what one person allowed, or everybody."""
        self.authority.withdraw(account)

    def expire_all(self) -> None:
        """Let every access token be expired, whatever its client was told."""
        self.authority.expire_all()

    def clear(self) -> None:
        """Forget everything and repair everything."""
        self.authority.clear()
        self.journal.clear()


@contextmanager
def running() -> Iterator[RunningAuthority]:
    """Serve the authority and the journal on ports of 127.0.0.1, two origins."""
    authority, entries = Authority(), journal.Journal()
    with (
        serve(application(authority)) as site,
        serve(journal.application(authority, entries)) as server,
    ):
        authority.issuer = site.url
        authority.resource = f"{server.url}/mcp"
        yield RunningAuthority(authority, entries)
