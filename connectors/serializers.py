"""What REST takes and gives: shapes only, meaning is the domain's.

Input refuses what has the wrong type instead of converting it. Output names
every field; none of them is a secret, and what is not named is not shown.
"""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors import auth
from connectors.manager import DESCRIPTION_CHARS
from connectors.models import NAME_CHARS, AuthType, Status
from connectors.rest_fields import Anything, Flag, Object, ServerUrl, Shown, Text


def _auth_type(**kwargs: Any) -> serializers.ChoiceField:
    # The framework's own sentence repeats what was sent.
    messages: dict[str, Any] = {
        "invalid_choice": "The sign-in must be none, api_key or oauth."
    }
    return serializers.ChoiceField(
        choices=AuthType.choices, error_messages=messages, **kwargs
    )


def _name() -> Shown:
    return Shown(
        shown_chars=NAME_CHARS,
        help_text=f"1 to {NAME_CHARS} characters, without control characters",
    )


def _description(**kwargs: Any) -> Shown:
    return Shown(
        shown_chars=DESCRIPTION_CHARS,
        multiline=True,
        allow_blank=True,
        help_text=f"at most {DESCRIPTION_CHARS} characters",
        **kwargs,
    )


# --- Input -------------------------------------------------------------------


class _Credentials(serializers.Serializer[Any]):
    auth_type = _auth_type(default=AuthType.NONE)
    auth_config = Object(
        default=None,
        allow_null=True,
        help_text='For api_key: `{"token": "…"}`, or `{"headers": {"X-Key": "…"}}`. '
        "Write-only: no answer ever shows it.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        checked = auth.check_config(attrs["auth_type"], attrs["auth_config"])
        return {**attrs, "auth_config": checked}


class TestInputSerializer(_Credentials):
    """What to test. Any text is tested: a wrong URL is a result too."""

    server_url = Text(allow_blank=True)


class ConnectorInputSerializer(_Credentials):
    """A connector to add. Its connection is tested before it is saved."""

    server_url = ServerUrl()
    name = _name()
    description = _description(default="")
    test_ticket = Text(
        default=None,
        allow_null=True,
        allow_blank=True,
        help_text="From a test of the same URL and credentials; spares a second one.",
    )
    allow_duplicate = Flag(
        default=False, help_text="Save it although another one has the same URL."
    )


class ConnectorChangesSerializer(serializers.Serializer[Any]):
    """What to change. Other fields stay as they are."""

    server_url = ServerUrl(required=False)
    name = _name()
    description = _description(required=False)
    auth_type = _auth_type(required=False)
    auth_config = Object(
        required=False,
        allow_null=True,
        help_text="New credentials; none means that the old ones stay.",
    )
    test_ticket = Text(required=False, allow_null=True, allow_blank=True)
    allow_duplicate = Flag(required=False)


class ToggleInputSerializer(serializers.Serializer[Any]):
    is_active = Flag()


class CallInputSerializer(serializers.Serializer[Any]):
    arguments = Object(default=dict)


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}]})
class ConnectorId(serializers.Field[Any, Any, Any, Any]):
    """The id of a connector, or the name of a server of the catalogue."""

    default_error_messages = {"type": "This must be an integer or a name."}

    def to_internal_value(self, data: Any) -> int | str:
        if isinstance(data, bool) or not isinstance(data, int | str):
            self.fail("type")
        return data


class SignInInputSerializer(serializers.Serializer[Any]):
    """What to sign in to: a connector, a server of the catalogue, or a new URL."""

    connector_id = ConnectorId(
        required=False,
        help_text="An integer of yours, or a catalogue id such as `notion`.",
    )
    server_url = ServerUrl(required=False)
    name = Shown(
        shown_chars=NAME_CHARS,
        required=False,
        allow_blank=True,
        help_text="For a new connector; without one it is the server's own name.",
    )
    client_id = Text(
        required=False,
        allow_blank=True,
        help_text="Of a client that you registered there; most servers need none.",
    )
    client_secret = Text(
        required=False, allow_blank=True, help_text="Write-only, kept sealed."
    )
    scope = Text(
        required=False,
        allow_blank=True,
        help_text="What to ask for, if not what the server names.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("connector_id" in attrs) == ("server_url" in attrs):
            message = "Send connector_id or server_url, one of the two."
            raise serializers.ValidationError(
                {"connector_id": message}, code="required"
            )
        return attrs


# --- Output ------------------------------------------------------------------


class ToolSerializer(serializers.Serializer[Any]):
    """A tool as its server describes it: do not trust the texts."""

    name = serializers.CharField()
    title = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    inputSchema = Object()  # noqa: N815 - MCP's word
    annotations = Object(allow_null=True)


class StepSerializer(serializers.Serializer[Any]):
    step = serializers.ChoiceField(
        choices=["url", "address", "connection", "sign_in", "handshake", "tools"]
    )
    status = serializers.ChoiceField(
        choices=["running", "passed", "warning", "failed", "skipped"]
    )
    message = serializers.CharField(allow_blank=True)
    duration_ms = serializers.IntegerField(
        allow_null=True, help_text="null while it runs, and when it was skipped"
    )


class TestResultSerializer(serializers.Serializer[Any]):
    """The result of a connection test, whether it worked or not."""

    success = serializers.BooleanField()
    error_code = serializers.CharField(allow_null=True)
    error_message = serializers.CharField(allow_null=True)
    suggestion = serializers.CharField(allow_null=True)
    tools = ToolSerializer(many=True)
    steps = StepSerializer(many=True)
    protocol_version = serializers.CharField(allow_blank=True)
    transport = serializers.CharField(
        allow_blank=True, help_text="http, sse, or empty: not found out"
    )
    test_ticket = serializers.CharField(
        allow_null=True,
        help_text="Saves the same URL and credentials without another test, for "
        "15 minutes; null when the test failed.",
    )
    duration_ms = serializers.IntegerField()


class ConnectorSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    slug = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    server_url = serializers.CharField()
    auth_type = serializers.ChoiceField(choices=AuthType.choices)
    is_active = serializers.BooleanField()
    is_verified = serializers.BooleanField()
    status = serializers.ChoiceField(choices=Status.choices)
    tool_count = serializers.IntegerField()
    last_verified_at = serializers.DateTimeField(allow_null=True)
    last_error_code = serializers.CharField(
        allow_blank=True, help_text="empty: the last test or call worked"
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ConnectorDetailSerializer(ConnectorSerializer):
    discovered_tools = ToolSerializer(many=True)


class ConnectorListSerializer(serializers.Serializer[Any]):
    connectors = ConnectorSerializer(many=True)
    total = serializers.IntegerField()


class DeletedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()


class CallResultSerializer(serializers.Serializer[Any]):
    is_error = serializers.BooleanField()
    content = serializers.ListField(child=Object())
    structured_content = Anything()
    duration_ms = serializers.IntegerField()


class StartedSerializer(serializers.Serializer[Any]):
    """A sign-in that was begun: open `authorization_url` in a browser."""

    authorization_url = serializers.CharField()
    state = serializers.CharField(
        help_text="Comes back with the browser; good for one use, for 10 minutes."
    )


class GrantStatusSerializer(serializers.Serializer[Any]):
    """The state of a connector's sign-in; no token is ever shown."""

    connector_id = serializers.IntegerField()
    state = serializers.ChoiceField(
        choices=["none", "active", "sign_in_again", "revoked"]
    )
    issuer = serializers.CharField(allow_blank=True)
    account_label = serializers.CharField(allow_blank=True)
    scopes = serializers.ListField(child=serializers.CharField())
    wanted_scopes = serializers.ListField(
        child=serializers.CharField(),
        help_text="What a tool asked for beside it; the next sign-in asks for both.",
    )
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="of the access token; null: it was not said"
    )
    has_refresh = serializers.BooleanField(
        help_text="whether the sign-in renews itself"
    )
    warning = serializers.CharField(allow_blank=True)


class DisconnectedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    revoked = serializers.BooleanField(
        help_text="whether the provider confirmed that the permission has ended"
    )
    message = serializers.CharField()
