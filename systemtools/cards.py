"""What is shown of a system tool: its state in words, and what can be done about it.

Made from what is stored alone: nobody is dialled.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from connectors import cards
from connectors.looks import Group as ConnectorGroup
from connectors.looks import Look
from systemtools.base import Method
from systemtools.statuses import State, Status


class Group(StrEnum):
    """The parts of the list, in the order in which they are read."""

    CONNECTED = "connected"
    AVAILABLE = "available"
    COMING_SOON = "coming-soon"

    @property
    def heading(self) -> str:
        return self.replace("-", " ").capitalize()


_WORKING, _RESTING = ConnectorGroup.WORKING, ConnectorGroup.RESTING
CONNECTED = Look(state="ready", word="Connected", glyph="plug", group=_WORKING)
AVAILABLE = Look(state="available", word="Available", glyph="circle", group=_RESTING)
COMING_SOON = Look(state="soon", word="Coming soon", glyph="clock", group=_RESTING)
NOT_SET_UP = Look(state="not-set-up", word="Not set up", glyph="ban", group=_RESTING)
SIGN_IN_AGAIN = Look(
    state="sign-in-again",
    word="Sign in again",
    glyph="key-round",
    group=ConnectorGroup.LOOK,
)


@dataclass(frozen=True, kw_only=True)
class ToolRow:
    """One tool of it, in a list; `summary` is the beginning of its description."""

    name: str
    title: str
    summary: str
    reads_only: bool


@dataclass(frozen=True, kw_only=True)
class Card:
    """All that is shown of one system tool in a list."""

    status: Status
    look: Look
    sentence: str

    @property
    def id(self) -> str:
        return self.status.tool.id

    @property
    def name(self) -> str:
        return self.status.tool.name

    @property
    def monogram(self) -> str:
        return cards.monogram(self.name)

    @property
    def tools(self) -> list[ToolRow]:
        return [_row(method) for method in self.status.methods.values()]

    @property
    def counted(self) -> str:
        return cards.counted(len(self.status.methods))

    @property
    def signs_in(self) -> bool:
        """Whether connecting it is a sign-in at somebody else's page."""
        return self.status.tool.auth_type == "oauth"

    @property
    def is_set_up(self) -> bool:
        """Whether it has something to fill in."""
        return self.status.tool.Config is not None and self.status.is_enabled

    @property
    def needs_config(self) -> bool:
        return self.status.tool.auth_type == "config"

    @property
    def group(self) -> Group:
        if self.status.state == State.COMING_SOON:
            return Group.COMING_SOON
        return Group.CONNECTED if self.status.is_connected else Group.AVAILABLE

    @property
    def said(self) -> str:
        """What is read aloud when the card changed."""
        return f"{self.name}: {self.look.word}"


def card(status: Status) -> Card:
    """Return what is shown of a system tool."""
    return Card(status=status, look=look_of(status), sentence=_sentence(status))


def grouped(statuses: Iterable[Status]) -> dict[Group, list[Card]]:
    """Return the cards of each group that has some."""
    shown = [card(status) for status in statuses]
    found = {group: [one for one in shown if one.group == group] for group in Group}
    return {group: ones for group, ones in found.items() if ones}


def look_of(status: Status) -> Look:
    """Return how the state of a system tool looks."""
    if status.state == State.COMING_SOON:
        return COMING_SOON
    if status.is_connected:
        return CONNECTED
    if status.why_not:
        return NOT_SET_UP
    return SIGN_IN_AGAIN if status.signs_in_again else AVAILABLE


def _row(method: Method) -> ToolRow:
    said = method.definition
    first, _, _ = said["description"].partition("\n\n")
    return ToolRow(
        name=method.name,
        title=said["title"],
        summary=" ".join(first.split()),
        reads_only=method.reads_only,
    )


def _sentence(status: Status) -> str:
    """Say what it is to the person, then what happens next."""
    if status.is_connected:
        return f"{cards.counted(len(status.methods))} to use in the chat."
    if status.why_not:
        return status.why_not
    if status.signs_in_again:
        return "Its permission was withdrawn or has ended. Calls wait until you do."
    return "Connect it to use its tools in the chat."
