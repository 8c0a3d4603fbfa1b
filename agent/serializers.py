"""What REST takes and gives of conversations and of the Apps menu: shapes only.

No answer names what a decision on an approval would need: a program with a token
can read what waits, and only the person can decide.
"""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agent.models import (
    NONCE_CHARS,
    TITLE_CHARS,
    Enforcement,
    Role,
    SelectionKind,
    TurnState,
)
from connectors.rest_fields import Object, Shown, Text
from systemtools.serializers import SystemToolSerializer

PAGE = 50
PAGE_MAX = 200


# --- Input -------------------------------------------------------------------


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "examples": ["notes__search"]},
            {
                "type": "object",
                "required": ["connector_id"],
                "properties": {
                    "connector_id": {"type": "integer"},
                    "tool": {"type": "string"},
                },
            },
            {
                "type": "object",
                "required": ["system_tool"],
                "properties": {
                    "system_tool": {"type": "string", "examples": ["gmail"]},
                    "tool": {"type": "string"},
                },
            },
        ],
        "description": "The tool that must be used: its wire name, or its connector "
        "or system tool and its name there. One of these alone: one of its tools.",
    }
)
class PickField(serializers.Field[Any, Any, Any, Any]):
    """A wire name, `{"connector_id", "tool"?}`, or `{"system_tool", "tool"?}`."""

    default_error_messages = {
        "pick": "This must be a wire name, or an object with a connector_id.",
        "required": "Name the connector by its connector_id.",
        "integer": "This must be a whole number.",
        "string": "This must be text.",
    }

    def to_internal_value(self, data: Any) -> str | dict[str, Any]:
        if isinstance(data, str) and data:
            return data
        if not isinstance(data, dict):
            self.fail("pick")
        tool = data.get("tool")
        if tool is not None and not (isinstance(tool, str) and tool):
            self._refuse("tool", "string")
        return {**self._app(data), "tool": tool or ""}

    def _app(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return which connector, or which system tool."""
        if "system_tool" in data:
            tool_id = data["system_tool"]
            if not isinstance(tool_id, str) or not tool_id:
                self._refuse("system_tool", "string")
            return {"system_tool": tool_id}
        if "connector_id" not in data:
            self._refuse("connector_id", "required")
        connector_id = data["connector_id"]
        if not isinstance(connector_id, int) or isinstance(connector_id, bool):
            self._refuse("connector_id", "integer")
        return {"connector_id": connector_id}

    def _refuse(self, key: str, code: str) -> None:
        message = self.error_messages[code]
        raise serializers.ValidationError({key: [message]}, code=code)

    def to_representation(self, value: Any) -> Any:
        return value


class ConversationInputSerializer(serializers.Serializer[Any]):
    """A conversation to begin, empty."""

    title = Shown(
        shown_chars=TITLE_CHARS,
        default="",
        allow_blank=True,
        help_text="Without one, the first message is the title.",
    )


class ConversationChangesSerializer(serializers.Serializer[Any]):
    """What to change of a conversation."""

    title = Shown(shown_chars=TITLE_CHARS)


class MessageInputSerializer(serializers.Serializer[Any]):
    """A message of the person, and the tool they picked for it."""

    text = Text(allow_blank=True, help_text="May be empty if a tool is picked.")
    pick = PickField(required=False, allow_null=True, default=None)
    nonce = Text(
        default="",
        allow_blank=True,
        max_length=NONCE_CHARS,
        help_text="Made up by the sender: what is sent twice with the same one is "
        "one message.",
    )


class PageSerializer(serializers.Serializer[Any]):
    """Which part of a list is wanted."""

    limit = serializers.IntegerField(default=PAGE, min_value=1, max_value=PAGE_MAX)
    offset = serializers.IntegerField(default=0, min_value=0, max_value=10**9)


# --- Output: conversations ---------------------------------------------------


class ConversationSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    title = serializers.CharField(allow_blank=True)
    url = serializers.CharField(help_text="its page")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ConversationListSerializer(serializers.Serializer[Any]):
    conversations = ConversationSerializer(many=True)
    total = serializers.IntegerField()


class PickSerializer(serializers.Serializer[Any]):
    """What was picked; the label is of then, and survives its deletion."""

    kind = serializers.ChoiceField(choices=SelectionKind.choices[1:])
    ref = serializers.CharField()
    # The framework's fields have a label of their own, as serializers are fields.
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]


class MessageSerializer(serializers.Serializer[Any]):
    """A message. `parts` are those of an answer: text, calls, notices, its end."""

    id = serializers.IntegerField()
    seq = serializers.IntegerField()
    role = serializers.ChoiceField(choices=Role.choices)
    text = serializers.CharField(allow_blank=True)
    pick = PickSerializer(allow_null=True)
    parts = serializers.ListField(child=Object())
    created_at = serializers.DateTimeField()


class MessageListSerializer(serializers.Serializer[Any]):
    messages = MessageSerializer(many=True)
    total = serializers.IntegerField()


class PendingSerializer(serializers.Serializer[Any]):
    """What waits for the person, who answers at `approval_url`.

    For a sign-in that is where they sign in; the answer goes on after it.
    There is no way to answer over REST: a program must not approve its own calls.
    """

    kind = serializers.ChoiceField(choices=["approval", "input", "sign_in"])
    tool = serializers.CharField(
        allow_blank=True, help_text='its wire name; "" for all of a connector'
    )
    # As above, a field of ours and not the framework's own.
    label = serializers.CharField()  # type: ignore[assignment]
    arguments = Object()
    approval_url = serializers.CharField()


class TurnSerializer(serializers.Serializer[Any]):
    """The work on a message. `enforcement` says what became of the pick."""

    id = serializers.IntegerField()
    message_id = serializers.IntegerField(help_text="of the person's message")
    state = serializers.ChoiceField(choices=TurnState.choices)
    enforcement = serializers.ChoiceField(choices=Enforcement.choices)
    error_code = serializers.CharField(allow_blank=True)
    error_message = serializers.CharField(allow_blank=True)
    text = serializers.CharField(
        allow_blank=True, help_text="the answer so far, without calls and notices"
    )
    parts = serializers.ListField(child=Object(), help_text="the answer so far")
    pending = PendingSerializer(many=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SentSerializer(serializers.Serializer[Any]):
    message = MessageSerializer()
    turn = TurnSerializer()


# --- Output: the Apps menu ---------------------------------------------------


class AppToolSerializer(serializers.Serializer[Any]):
    """A tool of a connector; the texts are its server's: do not trust them."""

    name = serializers.CharField()
    title = serializers.CharField(allow_blank=True)
    wire_name = serializers.CharField(help_text="what models and `pick` call it")
    reads_only = serializers.BooleanField()


class AppSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    slug = serializers.CharField()
    status = serializers.ChoiceField(choices=["connected", "disconnected"])
    reason = serializers.CharField(
        allow_blank=True, help_text="what keeps it from being used"
    )
    tool_count = serializers.IntegerField()
    tools = AppToolSerializer(many=True)
    manage_url = serializers.CharField()


class AppsSerializer(serializers.Serializer[Any]):
    system_tools = SystemToolSerializer(many=True)
    user_connectors = AppSerializer(many=True)
