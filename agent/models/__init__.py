"""Conversations, the work on each message, and what it waits for.

docs/data-model.md explains the columns.
"""

from agent.models.choices import (
    ENDED,
    OPEN,
    ApprovalState,
    Enforcement,
    EventKind,
    InputKind,
    Policy,
    Role,
    SelectionKind,
    TurnState,
)
from agent.models.conversation import (
    NONCE_CHARS,
    TITLE_CHARS,
    Conversation,
    ConversationQuerySet,
    Message,
)
from agent.models.tools import ToolName, ToolSetting
from agent.models.turn import (
    Approval,
    InputRequest,
    ToolResult,
    Turn,
    TurnEvent,
    TurnQuerySet,
)

__all__ = [
    "ENDED",
    "NONCE_CHARS",
    "OPEN",
    "TITLE_CHARS",
    "Approval",
    "ApprovalState",
    "Conversation",
    "ConversationQuerySet",
    "Enforcement",
    "EventKind",
    "InputKind",
    "InputRequest",
    "Message",
    "Policy",
    "Role",
    "SelectionKind",
    "ToolName",
    "ToolResult",
    "ToolSetting",
    "Turn",
    "TurnEvent",
    "TurnQuerySet",
    "TurnState",
]
