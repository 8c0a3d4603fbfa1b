"""Why a call has no result, and what a person can do about it."""

from dataclasses import dataclass
from typing import Final

from connectors.errors import ConnectorError, ServerFailure

# The code -> what the first button says, and which page it leads to.
_REMEDIES: Final = {
    "CONNECTOR_DISABLED": ("Open the connector", "connector", ""),
    "INVALID_MCP_SERVER": ("Open the connector", "connector", ""),
    "TOOL_NOT_FOUND": ("Open the connector", "connector", ""),
    "SECRET_UNREADABLE": ("Enter them again", "connector-edit", "#sign-in"),
    "SIGN_IN_REQUIRED": ("Sign in again", "connector-edit", "#sign-in"),
}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failure in words; `route` and `after` are the way to its remedy."""

    code: str
    sentence: str
    advice: str
    remedy: str = ""
    route: str = ""
    after: str = ""


def failure_of(error: ConnectorError) -> Failure:
    """Return what is said of `error`."""
    remedy, route, after = _REMEDIES.get(error.code, ("", "", ""))
    advice = error.suggestion if isinstance(error, ServerFailure) else ""
    return Failure(
        code=error.code,
        sentence=error.message,
        advice=advice,
        remedy=remedy,
        route=route,
        after=after,
    )


def unanticipated() -> Failure:
    """Return what is said of a failure of our own."""
    return Failure(
        code=ConnectorError.code,
        sentence="This failed here, not at your end.",
        advice="Look at the recent calls of the connector before you run it again.",
    )
