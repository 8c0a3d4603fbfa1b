"""Bring every stored secret under the newest key, while the installation runs.

Nothing is locked: a row is written only if its ciphertext is still the one that
was read, so a secret that is saved meanwhile is never overwritten. What is done
stays done; a run that was stopped is taken up by running it again.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import structlog
from django.apps import apps
from django.db.models import ExpressionWrapper, F, Model, QuerySet, TextField, Value

from connectors import encryption
from connectors.encryption import DecryptionError
from connectors.fields import EncryptedJSONField

# Rows that others changed while they were read are looked at again, so often.
PASSES = 10
_TEXT = "sealed_text"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far one field of one model is. All are counts of rows, in this pass."""

    field: str
    seen: int = 0
    resealed: int = 0
    unreadable: int = 0
    changed_meanwhile: int = 0


def rotate(*, batch: int = 100) -> Iterator[Progress]:
    """Seal every secret anew that is not under the first key of the keyring.

    Yields after each `batch` of rows. What cannot be read is counted and left as
    it is: the key it needs may come back.
    """
    resealed = unreadable = 0
    for field in sealed_fields():
        progress = Progress(field=field.label)
        for progress in _rotate_field(field, batch):
            yield progress
        resealed += progress.resealed
        unreadable += progress.unreadable
    log.info(
        "keys.rotated",
        kid=encryption.primary_key_id(),
        resealed=resealed,
        unreadable=unreadable,
    )


def key_ids_in_use() -> dict[str, int]:
    """Return how many secrets are under each key; "" is for what is not ours.

    A key that is not in here may leave the keyring once its tickets (15 minutes)
    have expired; digests of arguments under it can be checked no more.
    """
    counts: Counter[str] = Counter()
    for field in sealed_fields():
        texts = _rows(field).values_list(_TEXT, flat=True)
        counts.update(_key_id(text) for text in texts.iterator())
    return dict(counts)


def sealed_fields() -> list[EncryptedJSONField]:
    """Return every field of every model that holds a secret."""
    return [
        field
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, EncryptedJSONField)
    ]


def _rotate_field(field: EncryptedJSONField, batch: int) -> Iterator[Progress]:
    """Go over the rows until nobody changed one between its reading and writing."""
    resealed = 0
    for _ in range(PASSES):
        progress = Progress(field=field.label, resealed=resealed)
        last_pk: Any = None
        while rows := _batch_after(field, last_pk, batch):
            last_pk = rows[-1]["pk"]
            results = Counter(_reseal(field, row) for row in rows)
            progress = replace(
                progress,
                seen=progress.seen + len(rows),
                resealed=progress.resealed + results["resealed"],
                unreadable=progress.unreadable + results["unreadable"],
                changed_meanwhile=progress.changed_meanwhile + results["changed"],
            )
            yield progress
        resealed = progress.resealed
        if not progress.changed_meanwhile:
            break


def _rows(field: EncryptedJSONField) -> QuerySet[Any]:
    """Return the rows that have a secret, with its ciphertext beside the field."""
    model: type[Model] = field.model
    text = ExpressionWrapper(F(field.name), output_field=TextField())
    rows: QuerySet[Any] = model._base_manager.annotate(**{_TEXT: text})
    return rows.filter(**{f"{field.name}__isnull": False})


def _batch_after(
    field: EncryptedJSONField, pk: Any, batch: int
) -> list[dict[str, Any]]:
    rows = _rows(field).order_by("pk")
    if pk is not None:
        rows = rows.filter(pk__gt=pk)
    columns = ["pk", "vault_id", _TEXT]
    if field.owner_attname:
        columns.append(field.owner_attname)
    return list(rows.values(*columns)[:batch])


def _reseal(field: EncryptedJSONField, row: dict[str, Any]) -> str:
    """Seal one secret anew, and return what became of it."""
    old: str = row[_TEXT]
    if _key_id(old) == encryption.primary_key_id():
        return "current"
    owner_id = row[field.owner_attname] if field.owner_attname else None
    context = field.context(vault_id=row["vault_id"], owner_id=owner_id)
    try:
        new = encryption.seal(encryption.unseal(old, *context), *context)
    except DecryptionError:
        log.warning("secret.unreadable", field=field.label, row_id=row["pk"])
        return "unreadable"
    # Compare and set: a token that was refreshed meanwhile is not written over.
    same = _rows(field).filter(pk=row["pk"], **{_TEXT: old})
    updated = same.update(**{field.name: Value(new, output_field=TextField())})
    return "resealed" if updated else "changed"


def _key_id(text: str) -> str:
    try:
        return encryption.key_id(text)
    except DecryptionError:
        return ""
