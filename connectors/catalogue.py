"""Servers that are known here: those of the file, as administrators changed them.

A server may need a client that the operator registered where people sign in to it.
The environment (`OAUTH_CLIENT_<KEY>_ID`) wins over the administration.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.conf import settings

from connectors import catalogue_file, server_url
from connectors.auth.oauth import Client
from connectors.catalogue_file import OTHER, Fact, Known
from connectors.errors import ConnectorNotFound, InvalidUrl
from connectors.models import CatalogueEntry

# Kinds of sign-in, and how a client comes to be known where people sign in.
NONE, TOKEN, OAUTH = "none", "token", "oauth"
STATIC = "static"
# What administrators enter beside facts.
NO_FACTS = frozenset({"name", "category", "issuer"})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A server as it is known to this installation."""

    key: str
    name: str
    category: str
    facts: Mapping[str, Fact] = field(repr=False)
    # By which its address is compared; "" for what cannot be dialled.
    url_key: str
    # Whether the operator registered a client for it.
    has_client: bool = False
    is_hidden: bool = False

    @property
    def server_url(self) -> str:
        return str(self._value("server_url"))

    @property
    def sign_in(self) -> str:
        """How people sign in: none, token or oauth."""
        return str(self._value("sign_in") or NONE)

    @property
    def takes_token(self) -> bool:
        """Whether a token is known to work."""
        return self.sign_in == TOKEN or bool(self._value("takes_token"))

    @property
    def needs_client(self) -> bool:
        """Whether nobody can sign in by OAuth before the operator sets a client."""
        return self._value("registration") == STATIC and not self.has_client

    @property
    def description(self) -> str:
        return str(self._value("description"))

    @property
    def capabilities(self) -> tuple[str, ...]:
        return tuple(self._value("capabilities") or ())

    @property
    def developer(self) -> str:
        return str(self._value("developer"))

    @property
    def checked(self) -> date | None:
        """When the oldest of its facts was read; None if only administrators know."""
        return catalogue_file.oldest(self.facts.values())

    @property
    def variable(self) -> str:
        """What the variables of its client begin with."""
        return f"OAUTH_CLIENT_{_setting(self.key).upper()}"

    def _value(self, name: str) -> Any:
        fact = self.facts.get(name)
        return fact.value if fact else ""


def entries() -> list[Entry]:
    """Return every server that is not hidden, by name."""
    return [one for one in _all() if not one.is_hidden]


def find(key: str) -> Entry:
    """Return the server that is called `key`.

    Raises:
        ConnectorNotFound: there is none, or it is hidden.
    """
    for entry in entries():
        if entry.key == key:
            return entry
    raise ConnectorNotFound("There is no server of that name in the catalogue.")


def at(url: str) -> Entry | None:
    """Return the server that is known at `url`; None if nothing is known of it."""
    return _at(url, entries())


def search(
    found: Iterable[Entry], *, query: str = "", category: str = ""
) -> list[Entry]:
    """Return those in which every word of `query` is, of one category or of all."""
    words = query.casefold().split()
    return [
        one
        for one in found
        if category in ("", one.category)
        and all(word in _text(one).casefold() for word in words)
    ]


def client_for(*, url: str, issuer: str) -> Client | None:
    """Return the operator's client for the server at `url`, if there is one.

    It is used at whatever service that server names, unless the operator said which
    one it is for. A server that is hidden keeps its client: connectors may use it.

    Raises:
        SecretUnreadable: its secret cannot be opened.
    """
    entry = _at(url, _all())
    if entry is None or not entry.has_client:
        return None
    if given := settings.OAUTH_CLIENTS.get(_setting(entry.key)):
        return _client(given) if _is_for(given.get("issuer", ""), issuer) else None
    row = CatalogueEntry.objects.get(key=entry.key)
    return _stored(row) if _is_for(row.fields.get("issuer", ""), issuer) else None


def newest(client_id: str) -> Client | None:
    """Return the operator's client of that id, as it is now; None if it is unknown.

    Raises:
        SecretUnreadable: its secret cannot be opened.
    """
    for given in settings.OAUTH_CLIENTS.values():
        if given["client_id"] == client_id:
            return _client(given)
    row = CatalogueEntry.objects.filter(client_id=client_id).first()
    return _stored(row) if row and client_id else None


def is_in_environment(key: str) -> bool:
    """Tell whether the environment has the client of this server."""
    return _setting(key) in settings.OAUTH_CLIENTS


def _all() -> list[Entry]:
    """Return every server that can be dialled, by name, also those that are hidden."""
    changed = {row.key: row for row in CatalogueEntry.objects.defer("client_secret")}
    known = catalogue_file.servers()
    found = (_entry(key, known.get(key), changed.get(key)) for key in known | changed)
    dialled = [one for one in found if one.url_key]
    return sorted(dialled, key=lambda one: one.name.casefold())


def _entry(key: str, known: Known | None, row: CatalogueEntry | None) -> Entry:
    """Return a server as it is shown: of the file, or of the row, or of both."""
    said = {name: value for name, value in row.fields.items() if value} if row else {}
    facts = {k: Fact(value=v) for k, v in said.items() if k not in NO_FACTS}
    facts = {**known.facts, **facts} if known else facts
    address = facts.get("server_url")
    return Entry(
        key=key,
        name=said.get("name") or (known.name if known else key),
        category=said.get("category") or (known.category if known else OTHER),
        facts=facts,
        url_key=_url_key(str(address.value)) if address else "",
        has_client=is_in_environment(key) or bool(row and row.client_id),
        is_hidden=bool(row and row.hidden),
    )


def _at(url: str, found: Iterable[Entry]) -> Entry | None:
    key = _url_key(url)
    return next((one for one in found if one.url_key == key), None)


def _url_key(url: str) -> str:
    try:
        return server_url.key(url)
    except InvalidUrl:
        return ""


def _text(entry: Entry) -> str:
    about = (entry.name, entry.description, entry.developer, entry.category)
    return " ".join((*about, *entry.capabilities))


def _setting(key: str) -> str:
    """Return the key as the variables of the environment spell it, in lower case."""
    return key.replace("-", "_")


def _is_for(wanted: str, issuer: str) -> bool:
    return not wanted or wanted.removesuffix("/") == issuer.removesuffix("/")


def _client(given: Mapping[str, str]) -> Client:
    return Client(
        client_id=given["client_id"], client_secret=given.get("client_secret", "")
    )


def _stored(row: CatalogueEntry) -> Client:
    secret = row.client_secret.open()["client_secret"] if row.client_secret else ""
    return Client(client_id=row.client_id, client_secret=str(secret))
