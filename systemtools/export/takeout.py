"""Where conversations and results come from: a room that this one knows nothing of.

Its app names the module that has them as `takeout`.
"""

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any, Protocol, cast
from uuid import UUID

from django.apps import apps

from systemtools.base import ToolError


@dataclass(frozen=True, kw_only=True)
class Talk:
    """A conversation as a document: `text` has it whole, in the format asked for."""

    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one call was answered; `text` is its content as a person reads it."""

    connector: str
    tool: str
    called_at: datetime
    is_error: bool
    text: str
    content: list[dict[str, Any]]
    structured_content: Any


class Takeout(Protocol):
    """What there is of a person that can be taken along."""

    def conversation(
        self, *, user_id: int, conversation_id: int, format_: str
    ) -> Talk | None:
        """Return a conversation of the person as markdown, json or csv."""
        ...

    def result(
        self,
        *,
        user_id: int,
        call_id: UUID | None,
        conversation_id: int | None,
        besides: str,
    ) -> Result | None:
        """Return what a call of the person was answered, if that was kept.

        Without `call_id`, the newest of a conversation, `besides` those of the
        system tool of that name.
        """
        ...


def find() -> Takeout:
    """Return the module that has conversations.

    Raises:
        ToolError: this installation has none.
    """
    for app in apps.get_app_configs():
        if path := getattr(app, "takeout", ""):
            return cast(Takeout, import_module(path))
    raise ToolError("This installation keeps no conversations.")
