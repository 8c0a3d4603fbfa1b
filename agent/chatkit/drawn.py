"""What was drawn of an answer, so that only what has changed is drawn again."""

from collections.abc import Callable
from typing import Any

from agent.parts import Part


class Drawn:
    """What was drawn of the parts of one answer, for who looks at it again and again.

    Parts change by getting other values, so a copy of one tells whether it is the same.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[Part, Any]] = {}

    def get[T](self, what: str, index: int, part: Part, draw: Callable[[], T]) -> T:
        """Return what `draw` returned for this part, as long as it has not changed."""
        known = self._known.get((what, index))
        if known is not None and known[0] == part:
            found: T = known[1]
            return found
        drawn = draw()
        self._known[what, index] = (dict(part), drawn)
        return drawn
