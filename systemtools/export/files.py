"""Files that were made for a person: only they can fetch one, and only for a while."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.urls import reverse
from django.utils import timezone

from connectors.text import slug
from systemtools.errors import ExportNotFound
from systemtools.export.writing import too_large
from systemtools.models import ExportFile

NAME_CHARS: Final = 60
# Format -> content type, ending.
KINDS: Final = {
    "markdown": ("text/markdown", "md"),
    "json": ("application/json", "json"),
    "csv": ("text/csv", "csv"),
}

log = structlog.get_logger(__name__)


def make(*, user_id: int, title: str, format_: str, text: str) -> ExportFile:
    """Keep a file for a person for EXPORT_TTL_S; `format_` is markdown, json or csv.

    Of their files the newest EXPORTS_PER_PERSON are kept.

    Raises:
        ToolError: it has more than EXPORT_MAX_BYTES.
    """
    body = text.encode("utf-8", "replace")
    if len(body) > settings.EXPORT_MAX_BYTES:
        raise too_large()
    content_type, ending = KINDS[format_]
    stem = slug(title, limit=NAME_CHARS) or "export"
    with transaction.atomic():
        made = ExportFile.objects.create(
            user_id=user_id,
            name=f"{stem}.{ending}",
            content_type=content_type,
            body=body,
            expires_at=timezone.now() + timedelta(seconds=settings.EXPORT_TTL_S),
        )
        mine = ExportFile.objects.owned_by(user_id).order_by("-id")
        kept = list(mine.values_list("pk", flat=True)[: settings.EXPORTS_PER_PERSON])
        mine.exclude(pk__in=kept).delete()
    log.info("export.made", user_id=user_id, export_id=made.pk, bytes=len(body))
    return made


def get(*, user_id: int, public_id: UUID) -> ExportFile:
    """Return a file of the person that has not expired.

    Raises:
        ExportNotFound: there is none, or it is another person's.
    """
    found = _current(user_id).filter(public_id=public_id).first()
    if found is None:
        raise ExportNotFound
    return found


def of_person(*, user_id: int) -> QuerySet[ExportFile]:
    """Return the files of a person, the newest first: `size_bytes`, and no body."""
    sized = _current(user_id).annotate(size_bytes=Length("body"))
    return sized.defer("body").order_by("-id")


def url_of(made: ExportFile) -> str:
    """Return the whole address of a file, as it is written in a conversation."""
    return f"{settings.PUBLIC_URL}{reverse('export', args=[made.public_id])}"


def _current(user_id: int) -> QuerySet[ExportFile]:
    return ExportFile.objects.owned_by(user_id).filter(expires_at__gt=timezone.now())


def prune() -> int:
    """Delete the files that have expired; return how many."""
    deleted, _ = ExportFile.objects.filter(expires_at__lte=timezone.now()).delete()
    return deleted
