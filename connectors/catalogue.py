"""Servers that are known by a short name, and that people sign in to by OAuth."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from connectors.errors import ConnectorNotFound

FILE = Path(__file__).with_suffix(".json")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A server, and where it is."""

    key: str
    name: str
    server_url: str


def find(key: str) -> Entry:
    """Return the entry that is called `key`.

    Raises:
        ConnectorNotFound: there is none.
    """
    entry = _entries().get(key)
    if entry is None:
        raise ConnectorNotFound("There is no server of that name in the catalogue.")
    return entry


def entries() -> list[Entry]:
    """Return all of them, in the order of the file."""
    return list(_entries().values())


@cache
def _entries() -> dict[str, Entry]:
    read = json.loads(FILE.read_text())
    return {one["key"]: Entry(**one) for one in read}
