"""Where an item of a thread is from, as its id says it; `items` lists the kinds."""

import re
from dataclasses import dataclass
from typing import Final

_ID: Final = re.compile(r"[a-z]{3,4}_\d{1,9}(_\d{1,9})?", re.ASCII)
# What there is of one call, in this order; of any other part there is one item.
_OF_A_CALL: Final = ("card", "form", "sign")


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """Where an item is from: the number of its message, and of its part.

    The order of places is that of the items in a thread.
    """

    seq: int
    index: int = 0
    rank: int = len(_OF_A_CALL)

    @classmethod
    def of(cls, item_id: str) -> "Place | None":
        """Return the place of an item; None if it can be none of ours."""
        return cls.at(item_id) if _ID.fullmatch(item_id) else None

    @classmethod
    def at(cls, item_id: str) -> "Place":
        """Return the place of an item of ours."""
        kind, seq, *index = item_id.split("_")
        rank = _OF_A_CALL.index(kind) if kind in _OF_A_CALL else len(_OF_A_CALL)
        return cls(seq=int(seq), index=int(index[0]) if index else 0, rank=rank)
