"""A place in a thread: the newest answer, and how many of its events were seen."""

import re
from dataclasses import dataclass
from typing import Final

_PLACE: Final = re.compile(r"(\d{1,9})\.(\d{1,9})")


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far somebody has seen a thread: of which answer how many events."""

    message: int = 0
    event: int = 0

    @classmethod
    def read(cls, written: str) -> "Place":
        """Return the place that `str` wrote; the beginning for anything else."""
        found = _PLACE.fullmatch(written)
        return cls(message=int(found[1]), event=int(found[2])) if found else cls()

    def __str__(self) -> str:
        return f"{self.message}.{self.event}"
