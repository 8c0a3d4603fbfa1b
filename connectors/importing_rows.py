"""One server of a file that is imported, and what its person adds to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors import paste, server_url
from connectors.models import AuthType

# Stands for the blank of that number; neither addresses nor headers can have it.
MARK = "\0{}\0"
MARKED = re.compile(r"\0(\d+)\0")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why an entry cannot be imported."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """A server of the file. Secrets that the file left out are `blanks`, by label.

    `values` are those that the person gave since, by the number of their blank, and
    `token` is one that replaces what the file says.
    """

    number: int
    name: str
    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    blanks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: Problem | None = None
    is_off: bool = False
    values: Mapping[int, str] = field(default_factory=dict, repr=False)
    token: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        """What may be shown of its URL."""
        return server_url.without_query(MARKED.sub("…", self.url))

    @property
    def missing(self) -> list[str]:
        """What the person has yet to give, by label."""
        return [
            label
            for number, label in enumerate(self.blanks)
            if number not in self.values and not self._is_replaced(number)
        ]

    @property
    def asked(self) -> list[tuple[int, str, bool]]:
        """Number and label of each blank, and whether it was given."""
        return [(n, label, n in self.values) for n, label in enumerate(self.blanks)]

    @property
    def brings_credentials(self) -> bool:
        """Whether the file had credentials, all of them."""
        return bool(self.headers) and not self.blanks

    @property
    def server_url(self) -> str:
        """The address that is dialled; what is missing of it is left out."""
        return self._filled(self.url)

    @property
    def auth_type(self) -> str:
        return AuthType.API_KEY if self.token or self.headers else AuthType.NONE

    @property
    def auth_config(self) -> dict[str, Any] | None:
        """The credentials, unchecked; of a header nothing is left out."""
        if self.token:
            return {"token": self.token}
        if not self.headers:
            return None
        filled = {name: self._filled(value) for name, value in self.headers.items()}
        return paste.as_config(filled)

    def _is_replaced(self, number: int) -> bool:
        mark = MARK.format(number)
        return bool(self.token) and mark not in self.url

    def _filled(self, text: str) -> str:
        return MARKED.sub(lambda mark: self.values.get(int(mark[1]), ""), text)
