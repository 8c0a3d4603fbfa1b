"""What people have of system tools: one table for all of them, now and later."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import User
from connectors.fields import EncryptedJSONField

TOOL_ID_CHARS = 64


class UserToolStatusQuerySet(models.QuerySet["UserToolStatus"]):
    def owned_by(self, user: User | int) -> "UserToolStatusQuerySet":
        return self.filter(user=user)


class UserToolStatus(models.Model):
    """What a person has of one system tool.

    `config` is what they entered, `credentials` those of its fields that are secret.
    What they granted by OAuth is a row of connectors' OAuthGrant.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    tool_id = models.CharField(max_length=TOOL_ID_CHARS)
    is_connected = models.BooleanField(default=False)
    config = models.JSONField(default=dict, blank=True)
    vault_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    credentials = EncryptedJSONField(null=True)
    connected_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = UserToolStatusQuerySet.as_manager()

    class Meta:
        db_table = "user_tool_status"
        verbose_name = "system tool of a person"
        verbose_name_plural = "system tools of people"
        constraints = [
            models.UniqueConstraint(
                fields=["user", "tool_id"], name="tool_status_per_user"
            ),
            models.CheckConstraint(
                condition=Q(is_connected=False) | Q(connected_at__isnull=False),
                name="tool_connected_at",
            ),
        ]

    def __str__(self) -> str:
        return self.tool_id


class ExportFileQuerySet(models.QuerySet["ExportFile"]):
    def owned_by(self, user: User | int) -> "ExportFileQuerySet":
        return self.filter(user=user)


class ExportFile(models.Model):
    """A file that was made for a person, and that only they can fetch, for a while."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=100)
    body = models.BinaryField()
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ExportFileQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="export_user"),
            models.Index(fields=["expires_at"], name="export_expires"),
        ]

    def __str__(self) -> str:
        # Its name may be the title of a conversation.
        return f"file {self.pk}"
