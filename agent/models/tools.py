"""What a person decided about tools, and the names that models know them by."""

from django.conf import settings
from django.db import models

from agent.models.choices import Policy
from connectors.models.choices import Source, one_of


class ToolSetting(models.Model):
    """What a person decided about one tool, and when it was last used.

    `ref` is the connector's id, or the system tool's.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="tool_settings"
    )
    source = models.CharField(max_length=10, choices=Source)
    ref = models.CharField(max_length=64)
    tool = models.CharField(max_length=128)
    policy = models.CharField(max_length=8, choices=Policy, default=Policy.DEFAULT)
    # What "always allow" was said of; "" for whatever the tool becomes.
    allowed_hash = models.CharField(max_length=64, blank=True, default="")
    pinned = models.BooleanField(default=False)
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "source", "ref", "tool"], name="tool_setting_once"
            ),
            one_of("policy", Policy, name="tool_setting_policy_known"),
            one_of("source", Source, name="tool_setting_source_known"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.ref}: {self.tool}"


class ToolName(models.Model):
    """The name of a tool towards models and clients; never parsed, never reused."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="tool_names"
    )
    source = models.CharField(max_length=10, choices=Source)
    ref = models.CharField(max_length=64)
    tool = models.CharField(max_length=128)
    wire_name = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "wire_name"], name="tool_wire_name_once"
            ),
            models.UniqueConstraint(
                fields=["user", "source", "ref", "tool"], name="tool_name_once"
            ),
            one_of("source", Source, name="tool_name_source_known"),
        ]

    def __str__(self) -> str:
        return self.wire_name
