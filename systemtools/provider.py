"""Who signs people in to tools of this installation, by OAuth.

The operator registers the installation there; the sign-in itself is made by
connectors, by the same flows, lease and revocation as that to a connector.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from connectors import tool_sign_in
from connectors.auth.oauth import Client
from connectors.sign_in import Started
from connectors.tool_sign_in import Service
from systemtools.base import Ended
from systemtools.errors import ToolUnavailable

# Who it is, for the label of what was connected: nothing that a tool does.
WHO = ("openid", "email")


@dataclass(frozen=True, kw_only=True)
class OAuthProvider:
    """One service for one tool; `key` names its client in OAUTH_CLIENTS.

    `asked` returns the scopes to ask for, `service` all else, for a client and a
    scope. Both are asked each time: settings may differ.
    """

    name: str
    key: str
    asked: Callable[[], tuple[str, ...]]
    service: Callable[[Client, str], Service]

    def why_not(self) -> str:
        """Say what the operator has left to do; "" if nothing."""
        if self._client() is None:
            return f"The operator of this installation has not set up {self.name}."
        if not self.asked():
            return f"This installation may not ask for anything at {self.name}."
        return ""

    async def begin(self, *, user_id: int, tool_id: str, session_key: str) -> str:
        """Return the address of the page that asks for permission."""
        return f"{settings.PUBLIC_URL}/system-tools/{tool_id}/sign-in"

    async def start(
        self,
        *,
        user_id: int,
        tool_id: str,
        session_key: str,
        resume: dict[str, Any] | None = None,
    ) -> Started:
        """Begin the sign-in, after the person has read for what.

        Raises:
            ToolUnavailable: the installation is not registered there.
            SignInFailed: its address is none that a browser may be sent to.
        """
        client = self._client()
        if client is None:
            raise ToolUnavailable(self.why_not())
        return await tool_sign_in.start(
            user_id=user_id,
            session_key=session_key,
            system_tool=tool_id,
            service=self.service(client, " ".join((*WHO, *self.asked()))),
            resume=resume,
        )

    async def end(self, *, user_id: int, tool_id: str) -> Ended:
        """Forget the sign-in here, and take it back there."""
        receipt = await tool_sign_in.disconnect(user_id=user_id, system_tool=tool_id)
        if receipt is None:
            message = "It was not signed in, so there was nothing to end."
            return Ended(revoked=False, message=message)
        done = "Disconnected." if receipt.revoked else "Disconnected here."
        return Ended(revoked=receipt.revoked, message=f"{done} {receipt.message}")

    def _client(self) -> Client | None:
        known = settings.OAUTH_CLIENTS.get(self.key)
        if known is None:
            return None
        return Client(
            client_id=known["client_id"], client_secret=known.get("client_secret", "")
        )
