"""A turn: the agent at work on one message, and all that happened in it."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.models import User
from agent.models.choices import (
    ENDED,
    ApprovalState,
    Enforcement,
    EventKind,
    InputKind,
    TurnState,
)
from agent.models.conversation import Conversation, Message
from connectors.fields import EncryptedJSONField
from connectors.models.choices import Source, one_of


class TurnQuerySet(models.QuerySet["Turn"]):
    def owned_by(self, user: User | int) -> "TurnQuerySet":
        return self.filter(conversation__user=user)

    def active(self) -> "TurnQuerySet":
        return self.exclude(state__in=ENDED)


class Turn(models.Model):
    """The work on one message of a person.

    One process holds it by a lease while it runs; a lease that ended means that
    the process is gone. `selection` is "" or the kind and what was picked, copied
    from the message so that the database can hold the promise of the pick.
    """

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="turns")
    user_message = models.OneToOneField(Message, models.CASCADE, related_name="turn")
    selection = models.CharField(max_length=220, blank=True, default="")
    state = models.CharField(max_length=12, choices=TurnState, default=TurnState.QUEUED)
    enforcement = models.CharField(
        max_length=10, choices=Enforcement, default=Enforcement.NONE
    )
    via = models.CharField(max_length=10, default="chat")
    token_id = models.BigIntegerField(null=True)
    lease_owner = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    # How often it was begun: a retry goes on with what is there.
    attempts = models.PositiveSmallIntegerField(default=0)
    usage = models.JSONField(default=dict, blank=True)
    error_code = models.CharField(max_length=32, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TurnQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["state", "lease_until"], name="turn_lease")]
        constraints = [
            one_of("state", TurnState, name="turn_state_known"),
            one_of("enforcement", Enforcement, name="turn_enforcement_known"),
            models.UniqueConstraint(
                fields=["conversation"],
                name="turn_one_at_work",
                condition=Q(state__in=["queued", "running", "waiting"]),
            ),
            # The promise: no answer to a pick without the tool, or an honest word.
            models.CheckConstraint(
                condition=~Q(state__in=["done", "failed"])
                | Q(selection="")
                | ~Q(enforcement="none"),
                name="turn_pick_is_enforced",
            ),
        ]

    def __str__(self) -> str:
        return f"turn {self.pk} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state not in ENDED


class TurnEvent(models.Model):
    """One thing that happened in a turn, in order; agent.parts reads it."""

    turn = models.ForeignKey(Turn, models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=EventKind)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["turn", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["turn", "seq"], name="event_seq"),
            one_of("kind", EventKind, name="event_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.seq}"


class Approval(models.Model):
    """A call that waits for the person's word, with its exact arguments."""

    turn = models.ForeignKey(Turn, models.CASCADE, related_name="approvals")
    call_key = models.CharField(max_length=80, unique=True)
    source = models.CharField(max_length=10, choices=Source)
    ref = models.CharField(max_length=64)
    tool = models.CharField(max_length=128)
    vault_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    arguments = EncryptedJSONField()
    definition_hash = models.CharField(max_length=64, blank=True, default="")
    state = models.CharField(
        max_length=10, choices=ApprovalState, default=ApprovalState.PENDING
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            one_of("state", ApprovalState, name="approval_state_known"),
            one_of("source", Source, name="approval_source_known"),
        ]

    def __str__(self) -> str:
        return f"approval {self.pk} ({self.state})"


class InputRequest(models.Model):
    """What only the person can give: values for a form, a page that they open.

    A call waits for it, or what was picked, or a server in the middle of a call.
    """

    turn = models.ForeignKey(Turn, models.CASCADE, related_name="inputs")
    call_key = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=4, choices=InputKind, default=InputKind.FORM)
    vault_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    # Of which tool, with what so far, and what is wrong with it; agent.inputs.
    request_state = EncryptedJSONField()
    schema = models.JSONField(default=dict)
    # Where the person has to sign in: a connector, or a system tool. Neither where
    # they have to give something else.
    connector_id = models.BigIntegerField(null=True, blank=True)
    system_tool = models.CharField(max_length=64, blank=True, default="")
    state = models.CharField(
        max_length=10, choices=ApprovalState, default=ApprovalState.PENDING
    )
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            one_of("state", ApprovalState, name="input_state_known"),
            one_of("kind", InputKind, name="input_kind_known"),
        ]

    def __str__(self) -> str:
        return f"input {self.pk} ({self.state})"

    @property
    def is_sign_in(self) -> bool:
        return self.connector_id is not None or bool(self.system_tool)


class ToolResult(models.Model):
    """What one call of a turn sent and was answered, whole, for its receipt."""

    turn = models.ForeignKey(Turn, models.CASCADE, related_name="results")
    call_id = models.UUIDField(unique=True)
    arguments = models.JSONField(default=dict)
    # {"is_error", "content", "structured_content"}; null while it runs.
    result = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.call_id)
