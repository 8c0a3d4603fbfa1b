"""How the states of a connector look: colour, word, glyph, and place in the list."""

from dataclasses import dataclass
from enum import StrEnum

from connectors.models import AuthType, Status, UserMCPConnection


class Group(StrEnum):
    """The parts of the list, in the order in which they are read."""

    LOOK = "look"
    WORKING = "working"
    RESTING = "resting"

    @property
    def heading(self) -> str:
        return {"look": "Needs a look", "working": "Working", "resting": "Resting"}[
            self
        ]


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a state looks: colour (`data-state`), word, glyph, and where it stands."""

    state: str
    word: str
    glyph: str
    group: Group


LOOKS = {
    Status.READY: Look(state="ready", word="Ready", glyph="plug", group=Group.WORKING),
    Status.SIGN_IN: Look(
        state="sign-in", word="Sign in", glyph="key-round", group=Group.LOOK
    ),
    Status.SIGN_IN_AGAIN: Look(
        state="sign-in-again", word="Sign in again", glyph="key-round", group=Group.LOOK
    ),
    Status.REVIEW: Look(
        state="review", word="Review changes", glyph="file-diff", group=Group.LOOK
    ),
    Status.UNREACHABLE: Look(
        state="unreachable", word="Unreachable", glyph="unplug", group=Group.LOOK
    ),
    # Reached, and failing: as red, but it would be wrong to say unreachable.
    Status.SERVER_ERROR: Look(
        state="unreachable", word="Server error", glyph="circle-alert", group=Group.LOOK
    ),
    Status.NOT_MCP: Look(
        state="not-mcp",
        word="Not an MCP server any more",
        glyph="file-question-mark",
        group=Group.LOOK,
    ),
    Status.SECRET_UNREADABLE: Look(
        state="sign-in-again", word="Sign in again", glyph="key-round", group=Group.LOOK
    ),
    Status.PAUSED_AUTO: Look(
        state="auto-paused",
        word="Paused automatically",
        glyph="octagon-pause",
        group=Group.LOOK,
    ),
    Status.REMOVED_BY_ADMIN: Look(
        state="removed",
        word="Removed by your administrator",
        glyph="ban",
        group=Group.RESTING,
    ),
}
PAUSED = Look(
    state="paused", word="Paused by you", glyph="circle-pause", group=Group.RESTING
)


def of(connector: UserMCPConnection) -> Look:
    """Return how `connector` looks; one that is paused looks paused, whatever it is."""
    status = Status(connector.status)
    if status == Status.REMOVED_BY_ADMIN:
        return LOOKS[status]
    if not connector.is_active:
        return PAUSED
    # What ended a moment ago is noted by the worker.
    if status in (Status.READY, Status.REVIEW) and _is_over(connector):
        status = Status.SIGN_IN_AGAIN
    return LOOKS[status]


def _is_over(connector: UserMCPConnection) -> bool:
    """Tell whether its sign-in is over; asks for the grant if it is not there."""
    if connector.auth_type != AuthType.OAUTH:
        return False
    grant = getattr(connector, "grant", None)
    return bool(grant and grant.is_over)
