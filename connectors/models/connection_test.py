"""The evidence of a connection test."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from connectors.models.choices import Transport, one_of
from connectors.models.connector import UserMCPConnection


class ConnectionTest(models.Model):
    """The evidence of one connection test. It holds no secret."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="connection_tests"
    )
    connector = models.ForeignKey(
        UserMCPConnection, models.CASCADE, null=True, related_name="tests"
    )
    ticket_digest = models.CharField(max_length=64, unique=True)
    subject_mac = models.CharField(max_length=64)
    success = models.BooleanField()
    error_code = models.CharField(max_length=32, blank=True, default="")
    steps = models.JSONField(default=list)
    transcript = models.JSONField(default=list)
    # What a save copies into the connector; dropped once the ticket has expired.
    tools = models.JSONField(null=True)
    dropped_tools = models.JSONField(default=list)
    server_info = models.JSONField(default=dict)
    discover_cache = models.JSONField(null=True)
    transport = models.CharField(max_length=4, choices=Transport, blank=True)
    protocol_version = models.CharField(max_length=10, blank=True, default="")
    duration_ms = models.PositiveIntegerField()
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["connector", "-created_at"], name="test_connector"),
            models.Index(fields=["user", "-created_at"], name="test_user"),
        ]
        constraints = [one_of("transport", Transport, name="test_transport")]

    def __str__(self) -> str:
        return f"test {self.pk}: {self.error_code or 'OK'}"
