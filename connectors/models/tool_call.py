"""The evidence of a tool call: started, then finished, and never touched again."""

import uuid
from typing import Any, NoReturn

from django.db import models
from django.utils import timezone

from connectors.models.choices import Outcome, Source, Via, one_of


class EvidenceIsFinal(TypeError):
    """Evidence is inserted as started and finished once, and nothing else."""

    def __init__(self) -> None:
        super().__init__(
            "A tool call is inserted as started and finished by "
            "evidence.finish_call; it is never changed or deleted."
        )


class ToolCallQuerySet(models.QuerySet["ToolCall"]):
    def finish(self, *, outcome: Outcome, **values: Any) -> int:
        """Finish those of these calls that are started, and return how many."""
        if outcome == Outcome.STARTED:
            raise EvidenceIsFinal
        started = self.filter(outcome=Outcome.STARTED)
        return super(ToolCallQuerySet, started).update(outcome=outcome, **values)

    def update(self, **kwargs: Any) -> NoReturn:
        raise EvidenceIsFinal

    def delete(self) -> NoReturn:
        raise EvidenceIsFinal

    def bulk_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise EvidenceIsFinal

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise EvidenceIsFinal


class ToolCall(models.Model):
    """The evidence of one tool call. No foreign keys: it outlives what it names."""

    call_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    user_id = models.BigIntegerField()
    username = models.CharField(max_length=150)
    source = models.CharField(max_length=10, choices=Source)
    source_id = models.BigIntegerField(null=True)
    source_label = models.CharField(max_length=100)
    tool = models.CharField(max_length=128)
    via = models.CharField(max_length=10, choices=Via)
    token_id = models.BigIntegerField(null=True)
    conversation_id = models.BigIntegerField(null=True)
    # `kid:` and an HMAC: small arguments could be guessed from a plain digest.
    args_digest = models.CharField(max_length=96)
    args_bytes = models.PositiveIntegerField()
    definition_hash = models.CharField(max_length=64, blank=True, default="")
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.STARTED)
    error_code = models.CharField(max_length=32, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    result_digest = models.CharField(max_length=96, null=True)  # noqa: DJ001
    result_bytes = models.PositiveIntegerField(null=True)
    started_at = models.DateTimeField(default=timezone.now)
    duration_ms = models.PositiveIntegerField(null=True)

    objects = ToolCallQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        indexes = [
            models.Index(fields=["user_id", "-id"], name="call_user"),
            models.Index(fields=["source", "source_id", "-id"], name="call_source"),
            models.Index(fields=["outcome", "-id"], name="call_outcome"),
            models.Index(fields=["started_at"], name="call_started_at"),
        ]
        constraints = [
            one_of("source", Source, name="call_source_known"),
            one_of("via", Via, name="call_via_known"),
            one_of("outcome", Outcome, name="call_outcome_known"),
        ]

    def __str__(self) -> str:
        return f"{self.source_label}: {self.tool} ({self.outcome})"

    def save(self, **kwargs: Any) -> None:
        if not self._state.adding or self.outcome != Outcome.STARTED:
            raise EvidenceIsFinal
        super().save(**{**kwargs, "force_insert": True})

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:
        raise EvidenceIsFinal
