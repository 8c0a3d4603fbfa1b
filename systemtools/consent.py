"""What a person says yes or no to before they sign in to a system tool.

What a permission is for is said by the tools that need it, in their own titles.
"""

from dataclasses import dataclass
from typing import Any

from connectors import cards, permissions
from connectors.permissions import Kind, Permission
from systemtools import registry
from systemtools.base import Method, SystemTool
from systemtools.provider import WHO, OAuthProvider
from systemtools.statuses import Status


@dataclass(frozen=True, kw_only=True)
class Consent:
    """Who asks for a sign-in, for what, and whose it was until now."""

    tool: type[SystemTool]
    # Whom the person signs in with.
    by: str
    permissions: list[Permission]
    account: str = ""

    @property
    def monogram(self) -> str:
        return cards.monogram(self.tool.name)


def of(status: Status) -> Consent:
    """Return what a sign-in to a tool is about."""
    tool = status.tool
    provider: Any = tool.provider
    by, asked = tool.name, _needed(tool)
    if isinstance(provider, OAuthProvider):
        by, asked = provider.name, (*provider.asked(), *WHO)
    return Consent(
        tool=tool,
        by=by,
        permissions=[one for scope in asked for one in _permissions(tool, scope)],
        account=status.account_label,
    )


def left_out(status: Status) -> list[str]:
    """Return the titles of the tools that were not allowed in the sign-in."""
    provider: Any = status.tool.provider
    is_known = isinstance(provider, OAuthProvider)
    # What this installation does not ask for, nobody left out.
    asked = frozenset(provider.asked()) if is_known else None
    every = registry.methods(status.tool, granted=asked)
    missing = every.keys() - status.methods.keys()
    return [every[name].definition["title"] for name in every if name in missing]


def _needed(tool: type[SystemTool]) -> tuple[str, ...]:
    scopes = [scope for one in registry.methods(tool).values() for scope in one.scopes]
    return tuple(dict.fromkeys(sorted(scopes)))


def _permissions(tool: type[SystemTool], scope: str) -> list[Permission]:
    """Return one scope in the words of the tools that need it, or in its own."""
    needing = [one for one in registry.methods(tool).values() if scope in one.scopes]
    # What needs others as well is told of by those that need nothing else.
    alone = [one for one in needing if one.scopes == {scope}]
    return [_for(scope, alone or needing)] if needing else permissions.of(scope)


def _for(scope: str, needing: list[Method]) -> Permission:
    titles = [method.definition["title"] for method in needing]
    reads = all(method.reads_only for method in needing)
    kind = Kind.READS if reads else Kind.CHANGES
    asks = "" if reads else ". You are asked each time"
    return Permission(scope=scope, words=f"{', '.join(titles)}{asks}", kind=kind)
