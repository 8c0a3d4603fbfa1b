"""What a card shows of a connector: its state in words, and the first thing to do.

Made from stored state alone: a page is drawn without dialling anybody. The listing
is not read either, so that ten cards cost no more than one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from connectors import looks, server_url
from connectors.errors import HELP_ANEW, REFUSED_ANEW, InvalidUrl
from connectors.looks import Group, Look
from connectors.models import AuthType, Status, UserMCPConnection

USUAL_PATH = "/mcp"
SIGN_IN_WORDS = {
    AuthType.NONE: "No sign-in",
    AuthType.API_KEY: "Token",
    AuthType.OAUTH: "OAuth",
}
# The code of the last failure -> what happened, in one sentence.
HAPPENED = {
    "CONNECTION_FAILED": "No connection could be made.",
    "TIMEOUT": "It did not answer in time.",
    "INVALID_URL": "Its address cannot be dialled any more.",
    "SERVER_ERROR": "It answered with an error.",
    "RESPONSE_TOO_LARGE": "It sent more than this installation accepts.",
    "AUTH_REQUIRED": "It asks you to sign in.",
    "AUTH_FAILED": "It refused the stored credentials.",
    "INVALID_MCP_SERVER": "It answered, but not as an MCP server.",
    "SECRET_UNREADABLE": "The stored credentials cannot be read.",
    "NO_TOOLS": "It offers no tools.",
}
_WORD_START = re.compile(r"[^\W_]")


@dataclass(frozen=True, kw_only=True)
class Action:
    """A button of a card: a link to `route`, or, without one, a POST of `form`."""

    label: str
    route: str = ""
    # What follows the address: a query or a fragment.
    after: str = ""
    form: str = ""
    icon: str = ""
    # Basecoat's: "" is the filled button, for what only the person can settle.
    variant: str = "outline"


@dataclass(frozen=True, kw_only=True)
class Card:
    """All that is shown of one connector in a list."""

    connector: UserMCPConnection
    look: Look
    since: str
    since_at: datetime | None
    # Whether that is a distance ("3 min ago") rather than a point in time.
    is_distance: bool
    sentence: str
    first: Action
    second: Action | None
    sign_in: str
    # Whose account it is, where a sign-in told: so that two of them differ.
    account: str
    address: str
    monogram: str

    @property
    def is_removed(self) -> bool:
        return self.connector.status == Status.REMOVED_BY_ADMIN

    @property
    def said(self) -> str:
        """What is read aloud when the card changed."""
        return f"{self.connector.name}: {self.look.word}"


def card(connector: UserMCPConnection) -> Card:
    """Return what is shown of `connector`; asks for its grant if it is not there."""
    look = looks.of(connector)
    since, since_at = _since(connector, look)
    return Card(
        connector=connector,
        look=look,
        since=since,
        since_at=since_at,
        is_distance=since == "checked",
        sentence=_sentence(connector, look),
        first=_first(connector, look),
        second=_second(connector, look),
        sign_in=SIGN_IN_WORDS[AuthType(connector.auth_type)],
        account=account(connector),
        address=address(connector.server_url),
        monogram=monogram(connector.name),
    )


def grouped(
    connectors: Iterable[UserMCPConnection], *, query: str = ""
) -> dict[Group, list[Card]]:
    """Return the cards of each group, those that match `query` (all for "")."""
    cards = [card(row) for row in connectors if matches(row, query)]
    return {group: [one for one in cards if one.look.group == group] for group in Group}


def matches(connector: UserMCPConnection, query: str) -> bool:
    """Tell whether every word of `query` is in name, address or description."""
    shown = (connector.name, address(connector.server_url), connector.description)
    text = " ".join(shown).casefold()
    return all(word in text for word in query.casefold().split())


def address(url: str) -> str:
    """Return a URL as people say it: no scheme, no query, no lonely slash."""
    shown = server_url.without_query(url).partition("://")[2]
    return shown.removesuffix("/") if shown.count("/") == 1 else shown


def account(connector: UserMCPConnection) -> str:
    """Return whose account is signed in; "" if nobody's, or nobody said."""
    if connector.auth_type != AuthType.OAUTH:
        return ""
    grant = getattr(connector, "grant", None)
    return grant.account_label if grant else ""


def monogram(name: str) -> str:
    """Return the two letters that stand for a connector; never somebody's logo."""
    letters = _WORD_START.findall(name)[:2]
    return "".join(letters).capitalize() or "?"


def counted(count: int) -> str:
    return f"{count} tool{'' if count == 1 else 's'}"


def likely_url(url: str) -> str:
    """Return the address at which most servers answer; "" if it is `url` itself."""
    try:
        usual = server_url.origin(url) + USUAL_PATH
    except InvalidUrl:
        return ""
    return "" if urlsplit(url).path == USUAL_PATH else usual


def _since(connector: UserMCPConnection, look: Look) -> tuple[str, datetime | None]:
    """Return the words before a time, and the time.

    When a state began is not stored; when it was last good is, and says the same.
    """
    if look.state == "removed":
        return "since", connector.updated_at
    if connector.last_verified_at is None:
        return _nobody(connector) if look.state == "sign-in" else "", None
    is_well = look.state in {"ready", "paused", "review"}
    return "checked" if is_well else "last good", connector.last_verified_at


def _nobody(connector: UserMCPConnection) -> str:
    # A sign-in that was ended leaves no failure behind.
    return "not signed in yet" if connector.last_error_code else "signed out"


def _sentence(connector: UserMCPConnection, look: Look) -> str:
    """Say what happened, then what happens next."""
    tools = counted(connector.tool_count)
    match look.state:
        case "ready" if not connector.tool_count:
            return "Connected, but it offers no tools."
        case "ready":
            version = connector.protocol_version
            return f"{tools} · MCP {version}" if version else tools
        case "paused":
            return f"Calls to its {tools} are refused until you resume it."
        case "removed":
            return "No tool of it can be used. It takes none of your places."
        case "review":
            return "The server changed some of its tools. They wait for your review."
        case "auto-paused":
            return (
                f"{connector.consecutive_failures} connections in a row failed. "
                "A test that passes switches it on again."
            )
    return f"{_happened(connector, look)} {_next(connector, look)}"


def _happened(connector: UserMCPConnection, look: Look) -> str:
    is_oauth = connector.auth_type == AuthType.OAUTH
    if _is_refused_anew(connector, look):
        return REFUSED_ANEW
    if is_oauth and look.state == "sign-in-again":
        return "Its permission was withdrawn or has ended."
    if look.state == "sign-in" and not connector.last_error_code:
        return "Nobody is signed in."
    return HAPPENED.get(connector.last_error_code, "The last test failed.")


def _is_refused_anew(connector: UserMCPConnection, look: Look) -> bool:
    """Tell whether another sign-in of the same account would not help."""
    is_oauth = connector.auth_type == AuthType.OAUTH
    if not is_oauth or look.state != "sign-in-again":
        return False
    grant = getattr(connector, "grant", None)
    return bool(grant and grant.fresh_rejected)


def _next(connector: UserMCPConnection, look: Look) -> str:
    if look.state == "sign-in":
        return "Its tools wait until you sign in."
    if _is_refused_anew(connector, look):
        return HELP_ANEW
    if look.state == "sign-in-again":
        is_oauth = connector.auth_type == AuthType.OAUTH
        waits = "until you sign in again" if is_oauth else "for new credentials"
        return f"Calls wait {waits}."
    if connector.is_verified:
        return "Its tools stay, and each call tries again."
    return "Calls wait until a test passes."


def _first(connector: UserMCPConnection, look: Look) -> Action:
    match look.state:
        case "sign-in" | "sign-in-again":
            return _sign_in(connector, look)
        case "unreachable" | "auto-paused":
            return Action(label="Test now", icon="refresh-cw", form="retest")
        case "not-mcp":
            return _fix(connector)
        case "paused":
            return Action(label="Resume", icon="play", form="toggle")
        case "removed":
            return Action(label="Dismiss", form="delete", variant="ghost")
    return Action(label="Open", route="connector")


def _sign_in(connector: UserMCPConnection, look: Look) -> Action:
    """Lead to the sign-in; a token that was refused is entered in the form."""
    if connector.auth_type != AuthType.API_KEY:
        return Action(
            label=look.word, icon="log-in", route="connector-sign-in", variant=""
        )
    route, after = "connector-edit", "#sign-in"
    return Action(label=look.word, icon="log-in", route=route, after=after, variant="")


def _fix(connector: UserMCPConnection) -> Action:
    likely = likely_url(connector.server_url)
    if not likely:
        return Action(label="Test now", icon="refresh-cw", form="retest")
    return Action(
        label=f"Try {USUAL_PATH}",
        icon="arrow-right",
        route="connector-edit",
        after="?" + urlencode({"server_url": likely}),
    )


def _second(connector: UserMCPConnection, look: Look) -> Action | None:
    match look.state:
        case "sign-in" if connector.auth_type == AuthType.NONE:
            return Action(
                label="Add a token",
                route="connector-edit",
                after="#sign-in",
                variant="ghost",
            )
        case "unreachable" | "auto-paused":
            return Action(
                label="Evidence", route="connector", after="#history", variant="ghost"
            )
        case "not-mcp":
            return Action(label="Edit URL", route="connector-edit", variant="ghost")
    return None
