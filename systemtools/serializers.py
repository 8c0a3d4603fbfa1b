"""What REST takes and gives of system tools: shapes only, meaning is the domain's."""

from typing import Any

from rest_framework import serializers

from connectors.rest_fields import Object
from systemtools.statuses import State

AUTH_KINDS = ["none", "oauth", "config"]


class ConnectInputSerializer(serializers.Serializer[Any]):
    """What a system tool asks for before it is connected, if it asks for anything."""

    config = Object(
        default=None,
        allow_null=True,
        help_text="What the tool's own form asks for; a secret is write-only, and "
        "one that is not sent stays as it was.",
    )


class SystemToolMethodSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()


class SystemToolSerializer(serializers.Serializer[Any]):
    """A tool of this installation, as the caller has it."""

    id = serializers.CharField(source="tool.id")
    name = serializers.CharField(source="tool.name")
    description = serializers.CharField(source="tool.description")
    icon = serializers.CharField(source="tool.icon")
    category = serializers.CharField(source="tool.category")
    auth_type = serializers.ChoiceField(
        source="tool.auth_type",
        choices=AUTH_KINDS,
        help_text="none: a call to connect is all; oauth: a sign-in; config: send "
        "`config`",
    )
    is_enabled = serializers.BooleanField(
        help_text="whether it can be connected at this installation"
    )
    is_beta = serializers.BooleanField(source="tool.is_beta")
    status = serializers.ChoiceField(
        source="state", choices=[state.value for state in State]
    )
    is_connected = serializers.BooleanField()
    connected_at = serializers.DateTimeField(allow_null=True)
    tools = SystemToolMethodSerializer(many=True, source="definitions")


class SystemToolListSerializer(serializers.Serializer[Any]):
    tools = SystemToolSerializer(many=True)


class ToolConnectedSerializer(serializers.Serializer[Any]):
    """Connected, or where the person goes on: `oauth_url`, in a browser."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    requires_oauth = serializers.BooleanField()
    oauth_url = serializers.CharField(allow_null=True)


class ToolDisconnectedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()
