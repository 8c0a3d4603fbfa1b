"""Letters, behind a sign-in at a post office that keeps no books."""

from connectors.models import OAuthGrant
from systemtools.base import Ended, SystemTool, tool

READ, SEND = "letters.read", "letters.send"


class PostOffice:
    """Begins at an address, and ends with the grant."""

    async def begin(self, *, user_id: int, tool_id: str, session_key: str) -> str:
        return f"https://post.example/{tool_id}?session={session_key}"

    async def end(self, *, user_id: int, tool_id: str) -> Ended:
        await OAuthGrant.objects.filter(user=user_id, system_tool=tool_id).adelete()
        return Ended(revoked=True, message="Letters are disconnected.")


class Letters(SystemTool):
    id = "letters"
    name = "Letters"
    description = "What is in the box, and what goes out."
    category = "Tests"
    auth_type = "oauth"
    provider = PostOffice()

    @tool(title="Look into the box", reads_only=True, scopes=(READ,))
    async def look(self) -> list[str]:
        """Look what is in the box."""
        return ["a bill"]

    @tool(title="Send a letter", scopes=(SEND,))
    async def send(self, text: str) -> str:
        """Send a letter."""
        return f"Sent: {text}"
