"""Which permissions are asked for."""

OFFLINE = "offline_access"
# What can be kept of them, and what fits into an address.
MAX_CHARS = 2000


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
        # Of too many, this is the one that must not be left out.
        first, last = (
            (chosen, OFFLINE) if len(chosen) < MAX_CHARS else (OFFLINE, chosen)
        )
        return union(first, last)
    return union(chosen)


def union(*scopes: str) -> str:
    """Return all permissions of `scopes`, each once, in the order given.

    Those that come after MAX_CHARS characters are left out.
    """
    text = " ".join(dict.fromkeys(" ".join(scopes).split()))
    if len(text) > MAX_CHARS:
        text = text[: MAX_CHARS + 1].rpartition(" ")[0]
    return text
