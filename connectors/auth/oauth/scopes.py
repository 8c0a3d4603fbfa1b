"""Which permissions are asked for."""

OFFLINE = "offline_access"


def requested_scope(
    *,
    challenged: str,
    published: tuple[str, ...] | None,
    offered: tuple[str, ...] | None,
) -> str:
    """Return the scope to ask for; "" asks for what the server gives by itself.

    `challenged` is what the refusal named, `published` what the MCP server's
    metadata lists, `offered` what the authorization server lists.
    Source: specification 2026-07-28, "Scope Selection Strategy"; offline access is
    added where the authorization server lists it (SEP-2207), and only to a scope.
    """
    chosen = challenged or " ".join(published or ())
    if chosen and OFFLINE in (offered or ()):
        return union(chosen, OFFLINE)
    return chosen


def union(*scopes: str) -> str:
    """Return all permissions of `scopes`, each once, in the order given."""
    return " ".join(dict.fromkeys(" ".join(scopes).split()))
