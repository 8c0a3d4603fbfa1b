"""The file that a call of Export made, so that the person is given a link to it.

Read from what the call answered. Of another tool's answer, whatever it looks like,
nothing becomes a link: it is a stranger's.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from agent.envelope import content_of
from agent.parts import Part
from connectors.models import Outcome, Source
from connectors.text import clean

NAME_CHARS: Final = 100
_EXPORT: Final = (str(Source.SYSTEM), "export")


@dataclass(frozen=True, kw_only=True)
class MadeFile:
    """A file that only the person can fetch, until `expires_at`."""

    name: str
    public_id: UUID
    expires_at: datetime

    @property
    def path(self) -> str:
        return reverse("export", args=[self.public_id])

    @property
    def url(self) -> str:
        return f"{settings.PUBLIC_URL}{self.path}"

    @property
    def until(self) -> str:
        return f"{self.expires_at:%Y-%m-%d %H:%M} UTC"


def of(part: Part) -> MadeFile | None:
    """Return the file that a call made, if it made one here."""
    is_ours = (part.get("source"), part.get("ref")) == _EXPORT
    if not is_ours or part.get("outcome") != Outcome.OK:
        return None
    try:
        said = json.loads(content_of(part.get("model_text") or ""))
        made = MadeFile(
            name=clean(said["name"], limit=NAME_CHARS),
            public_id=UUID(said["url"].rpartition("/")[2]),
            expires_at=datetime.fromisoformat(said["expires_at"]),
        )
        return made if said["url"] in (made.url, made.path) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
