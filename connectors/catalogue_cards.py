"""What pages show of known servers: what they are, and how one connects to them.

Made from what is stored: nobody is dialled. What is not known is not shown.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from connectors import cards, looks
from connectors.catalogue import NONE, OAUTH, TOKEN, Entry
from connectors.catalogue_file import CATEGORIES, OTHER, Fact
from connectors.looks import Look
from connectors.models import Status, UserMCPConnection

REGISTRATIONS = {
    "dcr": "Patchbay registers itself there",
    "cimd": "Patchbay introduces itself by its address",
    "static": "The operator of this installation registers a client there first",
    "unknown": "Found out when you connect",
}
# The facts that are shown of a server, in this order, and how they are called.
LABELS = {
    "server_url": "Address",
    "sign_in": "Sign-in",
    "registration": "Client",
    "capabilities": "Capabilities",
    "developer": "Developer",
    "website": "Website",
    "privacy_policy": "Privacy policy",
    "note": "Note",
}
LINKS = frozenset({"website", "privacy_policy"})
# A category of fewer is found faster by searching.
MIN_IN_CATEGORY = 2
# Whose pages differ by what stands behind their host.
SHARED_HOST = "github.com"
# Of a connector, and of its grant: what tells its state.
_READ = (
    "name",
    "slot",
    "status",
    "is_active",
    "is_verified",
    "url_key",
    "auth_type",
    "grant__has_refresh",
    "grant__expires_at",
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A known server in a list, as one person sees it.

    `connector` is the best of theirs to it, `look` the state of that.
    """

    entry: Entry
    monogram: str
    sign_in: str
    connector: UserMCPConnection | None
    look: Look | None

    @property
    def is_connected(self) -> bool:
        return self.look is not None and self.look.group == looks.Group.WORKING

    @property
    def is_locked(self) -> bool:
        """Whether nobody can connect before the operator did something."""
        return self.entry.needs_client and not self.entry.takes_token

    @property
    def reason(self) -> str:
        """Why it is locked; "" if it is not."""
        if not self.is_locked:
            return ""
        name = self.entry.name
        return f"An administrator must register a client with {name} first"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where something was read: the page, and whose it is."""

    url: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """One fact as it is shown: words, or several of them, or a link."""

    name: str
    label: str
    values: tuple[str, ...]
    is_link: bool
    fact: Fact
    sources: list[Source]


def rows(entries: Iterable[Entry], *, user_id: int) -> list[Row]:
    """Return known servers as a person sees them; one query."""
    mine: dict[str, UserMCPConnection] = {}
    owned = UserMCPConnection.objects.owned_by(user_id)
    shown = owned.select_related("grant").only(*_READ)
    for one in shown.exclude(status=Status.REMOVED_BY_ADMIN):
        best = mine.setdefault(one.url_key, one)
        if not _works(best) and _works(one):
            mine[one.url_key] = one
    return [row(entry, mine.get(entry.url_key)) for entry in entries]


def row(entry: Entry, connector: UserMCPConnection | None = None) -> Row:
    return Row(
        entry=entry,
        monogram=cards.monogram(entry.name),
        sign_in=sign_in_words(entry),
        connector=connector,
        look=looks.of(connector) if connector else None,
    )


def sign_in_words(entry: Entry) -> str:
    """Say how people sign in, of what works now."""
    if entry.sign_in == NONE:
        return "No sign-in or token" if entry.takes_token else "No sign-in"
    if entry.sign_in == TOKEN or (entry.needs_client and entry.takes_token):
        return "Token"
    return "OAuth or token" if entry.takes_token else "OAuth"


def lines(entry: Entry) -> list[Line]:
    """Return what is known of a server, fact by fact, each with its sources."""
    known = ((name, entry.facts.get(name)) for name in LABELS)
    return [
        Line(
            name=name,
            label=LABELS[name],
            values=_values(entry, name, fact.value),
            is_link=name in LINKS,
            fact=fact,
            sources=[Source(url=url, place=_place(url)) for url in fact.sources],
        )
        for name, fact in known
        if fact is not None
    ]


def categories(entries: Iterable[Entry], *, chosen: str) -> list[tuple[str, str]]:
    """Return the categories to choose from, value and word, by their words."""
    counts = Counter(one.category for one in entries)
    found = {one for one, n in counts.items() if n >= MIN_IN_CATEGORY or one == chosen}
    words = {**CATEGORIES, OTHER: "Other"}
    return [(one, word) for one, word in words.items() if one in found]


def prefill(entry: Entry, *, name: str, kind: str = "") -> str:
    """Return the query that fills the form that adds a connector."""
    given = {"url": entry.server_url, "name": name}
    return urlencode(given | ({"sign_in": kind} if kind else {}))


def _works(connector: UserMCPConnection) -> bool:
    return looks.of(connector).group == looks.Group.WORKING


def _values(entry: Entry, name: str, value: Any) -> tuple[str, ...]:
    if name == "sign_in":
        return (_all_ways(entry),)
    if name == "registration":
        return (REGISTRATIONS.get(str(value), str(value)),)
    return _texts(value)


def _all_ways(entry: Entry) -> str:
    """Say how people sign in, of all that the server offers."""
    if entry.sign_in == OAUTH:
        return "OAuth or token" if entry.takes_token else "OAuth"
    return sign_in_words(entry)


def _texts(value: Any) -> tuple[str, ...]:
    many = isinstance(value, Sequence) and not isinstance(value, str)
    return tuple(map(str, value)) if many else (str(value),)


def _place(url: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or url).removeprefix("www.")
    if host != SHARED_HOST:
        return host
    return "/".join([host, *parts.path.split("/")[1:3]])
