"""The words that columns are limited to, and the constraint that limits them."""

from django.db import models
from django.db.models import Q


def one_of(
    field: str, choices: type[models.TextChoices], *, name: str
) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{f"{field}__in": choices.values}), name=name
    )


class AuthType(models.TextChoices):
    NONE = "none", "None"
    API_KEY = "api_key", "API key"
    OAUTH = "oauth", "OAuth"


class Status(models.TextChoices):
    """The stored result; "Paused by you" is `not is_active`."""

    READY = "ready", "Ready"
    SIGN_IN = "sign_in", "Sign in"
    SIGN_IN_AGAIN = "sign_in_again", "Sign in again"
    REVIEW = "review", "Review changes"
    UNREACHABLE = "unreachable", "Unreachable"
    SERVER_ERROR = "server_error", "Server error"
    NOT_MCP = "not_mcp", "Not an MCP server"
    SECRET_UNREADABLE = "secret_unreadable", "Credentials unreadable"
    PAUSED_AUTO = "paused_auto", "Paused"
    REMOVED_BY_ADMIN = "removed_by_admin", "Removed by an administrator"


class Transport(models.TextChoices):
    UNKNOWN = "", "Not known yet"
    HTTP = "http", "Streamable HTTP"
    SSE = "sse", "HTTP with SSE"


class Source(models.TextChoices):
    CONNECTOR = "connector", "Connector"
    SYSTEM = "system", "System tool"


class Via(models.TextChoices):
    PAGE = "page", "Page"
    REST = "rest", "REST"
    CHAT = "chat", "Chat"
    CHATKIT = "chatkit", "ChatKit"
    V1 = "v1", "/v1"
    MCP = "mcp", "/mcp"
    TEST = "test", "Test"


class Outcome(models.TextChoices):
    STARTED = "started", "Started"
    OK = "ok", "OK"
    TOOL_ERROR = "tool_error", "The tool reports an error"
    REFUSED = "refused", "Refused"
    NOT_SENT = "not_sent", "Not sent"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown"
    CANCELLED = "cancelled", "Cancelled"


class ClientKind(models.TextChoices):
    """How a client came to be known to its authorization server."""

    PREREGISTERED = "preregistered", "Registered by the operator"
    CIMD = "cimd", "Our metadata document"
    DCR = "dcr", "Registered by itself"
    MANUAL = "manual", "Entered for one connector"


class GrantState(models.TextChoices):
    ACTIVE = "active", "Active"
    REFRESHING = "refreshing", "Being renewed"
    SIGN_IN_AGAIN = "sign_in_again", "Sign in again"
    REVOKED = "revoked", "Revoked"
