"""The connector, and the slugs that may not come back soon."""

import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import User
from connectors import server_url, text
from connectors.fields import EncryptedJSONField
from connectors.models.choices import AuthType, Status, Transport, one_of

NAME_CHARS = 100
SLUG_CHARS = 24
# A name that a model or a client has learnt must not soon mean something else.
SLUG_RETIRED_FOR = timedelta(days=30)


def _reserved() -> Iterator[str]:
    """Give the slugs that other rooms keep for their own, as `reserved_slugs`."""
    for app in apps.get_app_configs():
        if path := getattr(app, "reserved_slugs", ""):
            yield from import_string(path)()


class ConnectorQuerySet(models.QuerySet["UserMCPConnection"]):
    def owned_by(self, user: User | int) -> "ConnectorQuerySet":
        return self.filter(user=user)

    def usable(self) -> "ConnectorQuerySet":
        """What agent, REST calls and /mcp may use."""
        return self.filter(
            is_active=True, is_verified=True, status__in=[Status.READY, Status.REVIEW]
        )

    def free_slug(self, *, user_id: int, name: str) -> str:
        """Return a slug for `name` that the person neither has nor had of late.

        Only the lock on the person's row makes it theirs; the unique constraint
        refuses the second of two.
        """
        since = timezone.now() - SLUG_RETIRED_FOR
        retired = RetiredSlug.objects.filter(user_id=user_id, retired_at__gt=since)
        taken = {
            *self.model.objects.owned_by(user_id).values_list("slug", flat=True),
            *retired.values_list("slug", flat=True),
            *_reserved(),
        }
        slug = base = text.slug(name, limit=SLUG_CHARS) or "connector"
        number = 1
        while slug in taken:
            number += 1
            end = f"-{number}"
            slug = base[: SLUG_CHARS - len(end)].rstrip("-") + end
        return slug

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            RetiredSlug.retire(self.order_by().values_list("user_id", "slug"))
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    # Not on the manager: `objects.delete()` must not exist.
    delete.queryset_only = True  # type: ignore[attr-defined]


class UserMCPConnection(models.Model):
    """One MCP server of one person: a connector."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="connectors"
    )
    slot = models.PositiveSmallIntegerField(null=True, blank=True)
    vault_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=NAME_CHARS)
    slug = models.CharField(max_length=SLUG_CHARS, editable=False)
    description = models.CharField(max_length=500, blank=True, default="")
    server_url = models.CharField("server URL", max_length=server_url.MAX_CHARS)
    url_key = models.CharField(max_length=64, editable=False)
    allow_duplicate = models.BooleanField(default=False)
    auth_type = models.CharField(max_length=10, choices=AuthType, default=AuthType.NONE)
    auth_config = EncryptedJSONField(null=True)
    is_active = models.BooleanField(default=True)
    is_verified = models.BooleanField(default=False)
    status = models.CharField(max_length=20, choices=Status)
    last_error_code = models.CharField(max_length=32, blank=True, default="")
    consecutive_failures = models.PositiveIntegerField(default=0)
    transport = models.CharField(
        max_length=4, choices=Transport, blank=True, default=Transport.UNKNOWN
    )
    protocol_version = models.CharField(max_length=10, blank=True, default="")
    server_info = models.JSONField(default=dict, blank=True)
    discover_cache = models.JSONField(null=True, blank=True)
    discovered_tools = models.JSONField(default=list, blank=True)
    dropped_tools = models.JSONField(default=list, blank=True)
    tool_count = models.PositiveIntegerField(default=0)
    tools_listed_at = models.DateTimeField(null=True, blank=True)
    last_verified_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ConnectorQuerySet.as_manager()

    class Meta:
        db_table = "user_mcp_connections"
        verbose_name = "connector"
        # Removed ones have no slot; the databases disagree where null belongs.
        ordering = [F("slot").asc(nulls_last=True), "id"]
        indexes = [
            models.Index(fields=["user", "url_key"], name="conn_user_url"),
            models.Index(fields=["status"], name="conn_status"),
            models.Index(fields=["tools_listed_at"], name="conn_tools_listed_at"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["user", "slot"], name="conn_slot_per_user"),
            models.UniqueConstraint("user", Lower("name"), name="conn_name_per_user"),
            models.UniqueConstraint(fields=["user", "slug"], name="conn_slug_per_user"),
            models.CheckConstraint(
                condition=Q(slot__isnull=True) | Q(slot__gte=1), name="conn_slot_from_1"
            ),
            models.CheckConstraint(
                condition=Q(slot__isnull=True, status=Status.REMOVED_BY_ADMIN)
                | Q(slot__isnull=False) & ~Q(status=Status.REMOVED_BY_ADMIN),
                name="conn_slot_unless_removed",
            ),
            one_of("auth_type", AuthType, name="conn_auth_type"),
            models.CheckConstraint(
                condition=Q(auth_type=AuthType.NONE, auth_config__isnull=True)
                | Q(auth_type=AuthType.API_KEY, auth_config__isnull=False)
                | Q(auth_type=AuthType.OAUTH),
                name="conn_auth_config_fits",
            ),
            one_of("status", Status, name="conn_status_known"),
            models.CheckConstraint(
                condition=~Q(status=Status.READY)
                | Q(last_error_code__in=["", "NO_TOOLS"]),
                name="conn_ready_without_error",
            ),
            one_of("transport", Transport, name="conn_transport"),
            models.CheckConstraint(
                condition=Q(transport="", protocol_version="")
                | ~Q(transport="") & ~Q(protocol_version=""),
                name="conn_transport_and_version",
            ),
            models.CheckConstraint(
                condition=Q(tool_count__gte=0), name="conn_tool_count"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(
        self, *, update_fields: Iterable[str] | None = None, **kwargs: Any
    ) -> None:
        """Save; `slug` is made once, `url_key` follows `server_url`.

        Raises:
            InvalidUrl: INVALID_URL.
        """
        if self._state.adding and not self.slug:
            self.slug = type(self).objects.free_slug(
                user_id=self.user_id, name=self.name
            )
        saved = None if update_fields is None else {*update_fields, "updated_at"}
        if "server_url" in (self.__dict__ if saved is None else saved):
            self.server_url = server_url.without_fragment(self.server_url)
            self.url_key = server_url.key(self.server_url)
            saved = saved and {*saved, "url_key"}
        super().save(update_fields=saved, **kwargs)

    def delete(
        self, using: Any = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            RetiredSlug.retire([(self.user_id, self.slug)])
            return super().delete(using=using, keep_parents=keep_parents)


class RetiredSlug(models.Model):
    """A slug whose connector was deleted; when the person is, so is this."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    slug = models.CharField(max_length=SLUG_CHARS)
    retired_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "slug"], name="retired_slug_per_user"
            )
        ]

    def __str__(self) -> str:
        return self.slug

    @staticmethod
    def retire(slugs: Iterable[tuple[int, str]]) -> None:
        """Keep the slugs of these people from being used, and forget old ones."""
        now = timezone.now()
        RetiredSlug.objects.filter(retired_at__lte=now - SLUG_RETIRED_FOR).delete()
        RetiredSlug.objects.bulk_create(
            [
                RetiredSlug(user_id=user, slug=slug, retired_at=now)
                for user, slug in slugs
            ],
            update_conflicts=True,
            unique_fields=["user", "slug"],
            update_fields=["retired_at"],
        )
