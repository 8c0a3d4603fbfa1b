"""How far a call is, as the page shows it while it runs."""

import math
import time
from dataclasses import dataclass, field
from typing import Final

from connectors.text import clean

MESSAGE_CHARS: Final = 200


@dataclass(kw_only=True)
class Progress:
    """What the server last said of a running call, in words fit to be shown."""

    message: str = ""
    # 0 to 100, None while nobody says how much there is.
    percent: int | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> int:
        return int(time.monotonic() - self.began)

    async def report(self, done: float, total: float | None, message: str) -> None:
        """Note what the server says; it says it in any number and of any size."""
        self.message = clean(message, limit=MESSAGE_CHARS)
        self.percent = _percent(done, total)


def _percent(done: float, total: float | None) -> int | None:
    if total is None or not math.isfinite(total) or total <= 0:
        return None
    return int(100 * min(1.0, max(0.0, done / total))) if math.isfinite(done) else None
