"""This Google itself: who asked, what was allowed, everybody's mail."""

import secrets
import threading
from dataclasses import asdict
from typing import Any

from demo.google.grants import Grants
from demo.google.mailboxes import Mailboxes
from demo.google.records import (
    CLIENT_ID,
    CLIENT_SECRET,
    AccessToken,
    Account,
    Asked,
    Refused,
    Seen,
)
from demo.google.switches import Switches


class Google:
    """Everything that it remembers.

    The site runs in one thread and a test in another: whatever is more than a look
    goes through one lock.
    """

    def __init__(self) -> None:
        self.switches = Switches()
        self.seen = Seen()
        self.mail = Mailboxes()
        self._asked: dict[str, Asked] = {}
        self._grants = Grants(self.switches)
        self.lock = threading.RLock()

    def ask(self, asked: Asked) -> str:
        """Keep a request until its person answers; return its ticket."""
        ticket = secrets.token_urlsafe(16)
        with self.lock:
            self._asked[ticket] = asked
        return ticket

    def answered(self, ticket: str) -> Asked | None:
        """Return the request of a ticket, once."""
        with self.lock:
            return self._asked.pop(ticket, None)

    def allow(self, asked: Asked, account: Account, scopes: tuple[str, ...]) -> str:
        """Return a code for what somebody allowed of what was asked for."""
        with self.lock:
            return self._grants.give_code(asked, account, scopes)

    def exchange(
        self, client_id: str, secret: str, form: dict[str, str]
    ) -> tuple[str, dict[str, Any]]:
        """Answer a token request; return whose it was and the answer.

        Raises:
            Refused: nothing is given.
        """
        right = secrets.compare_digest(secret.encode(), CLIENT_SECRET.encode())
        if client_id != CLIENT_ID or not right:
            raise Refused("invalid_client", "Unauthorized", status=401)
        exchanges = {
            "authorization_code": self._grants.redeem,
            "refresh_token": self._grants.refresh,
        }
        kind = form.get("grant_type", "")
        if kind not in exchanges:
            raise Refused("unsupported_grant_type", f"Invalid grant_type: {kind}")
        with self.lock:
            grant, answer = exchanges[kind](form)
        return grant.account.key, answer

    def revoke(self, token: str) -> str:
        """End what a token belongs to; return whose it was.

        Raises:
            Refused: nobody's, or it had ended.
        """
        with self.lock:
            return self._grants.revoke(token).account.key

    def access(self, token: str) -> AccessToken | None:
        """Find a valid access token."""
        with self.lock:
            return self._grants.access(token)

    def withdraw(self) -> None:
        """End all that was allowed, as people do on their account's page."""
        with self.lock:
            self._grants.withdraw()

    def expire_all(self) -> None:
        """Let every access token be expired, whatever its client was told."""
        with self.lock:
            self._grants.expire_all()

    def stats(self) -> dict[str, Any]:
        """Return what happened and how the switches are, as JSON."""
        with self.lock:
            return {**asdict(self.seen), "switches": self.switches.state()}

    def clear(self) -> None:
        """Forget everything and repair everything."""
        with self.lock:
            self.switches.reset()
            for name, fresh in vars(Seen()).items():
                setattr(self.seen, name, fresh)
            self.mail.fill()
            self._asked.clear()
            self._grants.clear()
