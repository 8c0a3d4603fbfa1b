"""What administrators change of the catalogue of known servers."""

import uuid

from django.db import models
from django.db.models import Q

from connectors.fields import EncryptedJSONField

KEY_CHARS = 64


class CatalogueEntry(models.Model):
    """A known server that was changed here, hidden, or added; by its key.

    `fields` has what is said here in place of the file, by the names of its facts.
    `client_id` and `client_secret` ({"client_secret"}) are of a client that the
    operator registered where people sign in to that server.
    """

    key = models.SlugField(max_length=KEY_CHARS, unique=True)
    hidden = models.BooleanField(default=False)
    added_by_admin = models.BooleanField(default=False, editable=False)
    fields = models.JSONField(default=dict, blank=True)
    client_id = models.CharField(max_length=500, blank=True, default="")
    vault_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    client_secret = EncryptedJSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "known server"
        constraints = [
            models.CheckConstraint(
                condition=Q(client_secret__isnull=True) | ~Q(client_id=""),
                name="catalogue_secret_of_a_client",
            )
        ]

    def __str__(self) -> str:
        return self.key
