"""Conversations and what was said in them."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import User
from agent.models.choices import Role, SelectionKind
from connectors.models.choices import one_of

TITLE_CHARS = 200
NONCE_CHARS = 36


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def owned_by(self, user: User | int) -> "ConversationQuerySet":
        return self.filter(user=user)

    def recent(self) -> "ConversationQuerySet":
        """Those that are not archived, the newest first."""
        return self.filter(archived_at=None).order_by("-updated_at", "-id")


class Conversation(models.Model):
    """One conversation of one person with the agent."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="conversations"
    )
    title = models.CharField(max_length=TITLE_CHARS)
    # What the sender made up for the first message: the same twice is one.
    nonce = models.CharField(max_length=NONCE_CHARS, blank=True, default="")
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user", "-updated_at"], name="convo_recent")]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "nonce"], name="convo_nonce", condition=~Q(nonce="")
            )
        ]

    def __str__(self) -> str:
        return self.title


class Message(models.Model):
    """One message: a person's with their pick, or the agent's with its parts.

    The agent's answer to the message `seq` is the message `seq + 1`; its `parts`
    are what agent.parts made of the events of the turn.
    """

    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="messages"
    )
    seq = models.PositiveIntegerField()
    role = models.CharField(max_length=10, choices=Role)
    text = models.TextField(blank=True, default="")
    parts = models.JSONField(default=list, blank=True)
    selection_kind = models.CharField(
        max_length=16, choices=SelectionKind, blank=True, default=SelectionKind.NONE
    )
    selection_ref = models.CharField(max_length=200, blank=True, default="")
    # Survives the deletion of what was picked.
    selection_label = models.CharField(max_length=200, blank=True, default="")
    nonce = models.CharField(max_length=NONCE_CHARS, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["conversation", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "seq"], name="message_seq"),
            models.UniqueConstraint(
                fields=["conversation", "nonce"],
                name="message_nonce",
                condition=~Q(nonce=""),
            ),
            one_of("role", Role, name="message_role_known"),
            one_of("selection_kind", SelectionKind, name="message_selection_known"),
            models.CheckConstraint(
                condition=Q(selection_kind="", selection_ref="")
                | ~Q(selection_kind="") & ~Q(selection_ref=""),
                name="message_selection_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.seq}"
