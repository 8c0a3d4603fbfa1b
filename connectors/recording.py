"""What is said of a tool call, whatever its source: its answer and its record."""

import json
from dataclasses import dataclass
from typing import Any, Final, TypedDict
from uuid import UUID

from connectors.errors import InvalidInput
from connectors.models import Outcome

_EVENTS: Final = {
    Outcome.REFUSED: "tool.call.refused",
    Outcome.UNKNOWN: "tool.call.unknown",
}


@dataclass(frozen=True, kw_only=True)
class CallResult:
    """What a tool answered; content is data of a stranger, as it was sent."""

    call_id: UUID
    is_error: bool
    content: list[dict[str, Any]]
    structured_content: Any
    duration_ms: int


class Record(TypedDict, total=False):
    """What else the evidence of a call says; `call_id` names it beforehand."""

    token_id: int | None
    conversation_id: int | None
    call_id: UUID | None


def check_json(arguments: dict[str, Any]) -> None:
    """Refuse what cannot be sent as JSON, before anything is made of it.

    Raises:
        InvalidInput: at body, arguments, json.
    """
    try:
        json.dumps(arguments, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput.at(
            "arguments", "json", msg="The arguments are not valid JSON.", type_="json"
        ) from None


def event_of(outcome: Outcome) -> str:
    """Return the name of the event that tells of a call's outcome."""
    return _EVENTS.get(outcome, "tool.call.finished")
