"""The words that columns of this room are limited to."""

from django.db import models


class Role(models.TextChoices):
    USER = "user", "Person"
    ASSISTANT = "assistant", "Agent"
    NOTICE = "notice", "Notice"


class SelectionKind(models.TextChoices):
    NONE = "", "Nothing picked"
    CONNECTOR = "connector", "A connector"
    CONNECTOR_TOOL = "connector_tool", "A tool of a connector"
    SYSTEM_TOOL = "system_tool", "A system tool"


class TurnState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting for the person"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    STOPPED = "stopped", "Stopped by the person"
    INTERRUPTED = "interrupted", "Interrupted"


OPEN = (TurnState.QUEUED, TurnState.RUNNING, TurnState.WAITING)
ENDED = (
    TurnState.DONE,
    TurnState.FAILED,
    TurnState.STOPPED,
    TurnState.INTERRUPTED,
)


class Enforcement(models.TextChoices):
    """What became of the pick."""

    NONE = "none", "Nothing yet"
    USED = "used", "The picked tool was called"
    FORM = "form", "Its form was shown"
    APPROVAL = "approval", "The person was asked first"
    REFUSED = "refused", "Honestly refused"
    ERROR = "error", "It failed"


class EventKind(models.TextChoices):
    TEXT = "text", "Text"
    TOOL_STARTED = "tool_started", "Tool started"
    TOOL_PROGRESS = "tool_progress", "Tool in progress"
    TOOL_DONE = "tool_done", "Tool done"
    APPROVAL = "approval", "Approval"
    INPUT = "input", "Input"
    NOTICE = "notice", "Notice"
    DONE = "done", "Done"


class ApprovalState(models.TextChoices):
    PENDING = "pending", "Waits for the person"
    ALLOWED = "allowed", "Allowed"
    DECLINED = "declined", "Declined"
    SUPERSEDED = "superseded", "Overtaken by a newer message"
    EXPIRED = "expired", "Expired"


class InputKind(models.TextChoices):
    FORM = "form", "A form"
    URL = "url", "An address to open"


class Policy(models.TextChoices):
    DEFAULT = "default", "By what the tool says of itself"
    ALLOW = "allow", "Allow"
    ASK = "ask", "Ask"
    NEVER = "never", "Never"
