"""The authority itself: clients, requests, grants, and what happened."""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from demo.authority import clients
from demo.authority.grants import Grants
from demo.authority.records import (
    ACCOUNTS,
    AccessToken,
    Account,
    Asked,
    Client,
    Refused,
    Seen,
)
from demo.authority.switches import Switches

ELSEWHERE = "https://elsewhere.example"


class Authority:
    """An authorization server and everything that it remembers.

    `issuer` and `resource` are set once it is known where both servers listen. The
    site runs in one thread and a test in another: whatever is more than a look goes
    through one lock.
    """

    def __init__(self, *, issuer: str = "", resource: str = "") -> None:
        self.issuer = issuer
        self.resource = resource
        self.switches = Switches()
        self.seen = Seen()
        self.clients: dict[str, Client] = {}
        # Client ID Metadata Documents that need not be fetched, by their address.
        self.documents: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, Asked] = {}
        self._grants = Grants(self.switches, self.seen)
        self._lock = threading.RLock()

    # --- Clients -------------------------------------------------------------

    def register(self, metadata: Mapping[str, Any]) -> Client:
        """Register a client (RFC 7591).

        Raises:
            Refused: its description is not one.
        """
        client = clients.described(f"client-{secrets.token_hex(8)}", metadata)
        with self._lock:
            self.clients[client.client_id] = client
        return client

    async def find_client(self, client_id: str) -> Client:
        """Find a registered client, or the one that a document describes.

        Raises:
            Refused: nobody knows it.
        """
        if client := self.clients.get(client_id):
            return client
        if not self.switches.client_documents:
            raise Refused("invalid_client", "The client is not known.", status=401)
        document = self.documents.get(client_id)
        if document is None:
            document = await clients.fetch_document(client_id)
        return clients.described_by_itself(client_id, document)

    async def recognise(self, authorization: str, form: Mapping[str, str]) -> Client:
        """Return the client that a request proves to come from.

        Raises:
            Refused: it proves nothing.
        """
        client_id, secret, method = clients.credentials(authorization, form)
        client = await self.find_client(client_id)
        return clients.recognise(client, secret, method)

    # --- Asking people -------------------------------------------------------

    def ask(self, asked: Asked) -> str:
        """Keep a request until its person answers; return its ticket."""
        ticket = secrets.token_urlsafe(16)
        with self._lock:
            self._asked[ticket] = asked
        return ticket

    def answered(self, ticket: str) -> Asked | None:
        """Return the request of a ticket, once."""
        with self._lock:
            return self._asked.pop(ticket, None)

    def allow(self, asked: Asked, account: Account) -> str:
        """Return a code for what somebody allowed."""
        with self._lock:
            return self._grants.give_code(asked, account)

    # --- Tokens --------------------------------------------------------------

    def exchange(
        self, client: Client, form: dict[str, str]
    ) -> tuple[str, dict[str, Any]]:
        """Answer a token request; return whose it was and the answer.

        Raises:
            Refused: nothing is given.
        """
        exchanges = {
            "authorization_code": self._grants.redeem,
            "refresh_token": self._grants.refresh,
        }
        kind = form.get("grant_type", "")
        if kind not in exchanges:
            raise Refused("unsupported_grant_type", "Codes and refresh tokens only.")
        if kind not in client.grant_types:
            raise Refused("unauthorized_client", "Not registered for this grant.")
        with self._lock:
            grant, answer = exchanges[kind](client, form)
        return grant.account.key, answer

    def revoke(self, client: Client, token: str) -> str:
        """End what a token belongs to; return whose it was, "" if nobody's."""
        with self._lock:
            grant = self._grants.revoke(client, token)
        return grant.account.key if grant else ""

    def access(self, token: str) -> AccessToken | None:
        """Find a valid access token."""
        with self._lock:
            return self._grants.access(token)

    def withdraw(self, account: str | None = None) -> None:
        """End what one person allowed, or everybody."""
        if account is not None and account not in ACCOUNTS:
            raise ValueError(f"There is no account {account!r}.")
        with self._lock:
            self._grants.withdraw(account)

    def expire_all(self) -> None:
        """Let every access token be expired, whatever its client was told."""
        with self._lock:
            self._grants.expire_all()

    # --- What happened -------------------------------------------------------

    def stats(self) -> dict[str, Any]:
        """Return what happened and how the switches are, as JSON."""
        with self._lock:
            return {**asdict(self.seen), "switches": self.switches.state()}

    def clear(self) -> None:
        """Forget everything and repair everything."""
        with self._lock:
            self.switches.reset()
            # The same object stays: whoever counts, counts in it.
            for name, fresh in vars(Seen()).items():
                setattr(self.seen, name, fresh)
            self.clients.clear()
            self.documents.clear()
            self._asked.clear()
            self._grants.clear()
