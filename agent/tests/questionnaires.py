"""Questions of ChatKit's structured input, sent to a client and answered by it."""

from typing import Any

import pytest
from chatkit.types import (
    StructuredInput,
    StructuredInputItem,
    StructuredInputMultipleChoice,
    StructuredInputSubmission,
)
from django.utils import timezone
from pydantic import TypeAdapter

from agent.chatkit import questionnaire
from connectors.errors import InvalidInput

ITEM = TypeAdapter(StructuredInputItem)


def on_the_wire(inputs: list[StructuredInput]) -> list[dict[str, Any]]:
    """Send questions as an item to a client, which reads them."""
    item = StructuredInputItem(
        id="input-1", thread_id="1", created_at=timezone.now(), inputs=inputs
    )
    received = ITEM.validate_json(ITEM.dump_json(item))
    assert received == item
    ids = [one.id for one in received.inputs]
    assert len(ids) == len(set(ids))
    assert all(ids)
    assert all(one.question for one in received.inputs)
    return [one.model_dump() for one in received.inputs]


def answers(*skipped: str, **texts: str | list[str]) -> StructuredInputSubmission:
    return StructuredInputSubmission.model_validate(
        {
            "answers": {
                key: {"values": [text] if isinstance(text, str) else text}
                for key, text in texts.items()
            }
            | {key: {"values": [], "skipped": True} for key in skipped}
        }
    )


def as_shown(inputs: list[StructuredInput]) -> StructuredInputSubmission:
    """Answer each question with the answer that is shown at it."""
    shown = {one["id"]: one["answer"] for one in on_the_wire(inputs)}
    return StructuredInputSubmission.model_validate({"answers": shown})


def as_offered(inputs: list[StructuredInput]) -> StructuredInputSubmission:
    """Choose what is known already, where there is something to choose at all."""
    offered = {
        one["id"]: {"values": [one["options"][0]["value"]]}
        for one in on_the_wire(inputs)
        if one["type"] == "multiple_choice"
    }
    return StructuredInputSubmission.model_validate({"answers": offered})


def refused(schema: Any, submission: StructuredInputSubmission) -> list[list[Any]]:
    with pytest.raises(InvalidInput) as caught:
        questionnaire.read(schema, submission)
    return [error["loc"] for error in caught.value.errors]


def outcome_of(
    schema: Any, submission: StructuredInputSubmission
) -> dict[str, Any] | InvalidInput:
    """Read answers; give what was wrong with them, if anything was."""
    try:
        return questionnaire.read(schema, submission)
    except InvalidInput as refusal:
        return refusal


def options(asked: StructuredInput) -> list[str]:
    assert isinstance(asked, StructuredInputMultipleChoice)
    return [option.value for option in asked.options]
