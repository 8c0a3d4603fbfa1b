"""The person, and the API tokens that act for them."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as StockUserManager
from django.contrib.auth.validators import ASCIIUsernameValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

SCOPES = (
    "connectors:read",
    "connectors:write",
    "tools:call",
    "chat",
    "mcp",
)


class UserManager(StockUserManager["User"]):
    """Finds a person whatever the case of the username that was typed."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username__iexact=username)


class User(AbstractUser):
    """A person. No field of our own: what belongs to a person points at them."""

    # ASCII alone: SQLite's LOWER() folds nothing else, so "Änne" and "änne" would
    # be two people there and one on PostgreSQL. Look-alikes from other scripts go too.
    username = models.CharField(
        max_length=150,
        unique=True,
        help_text="150 characters or fewer. A-Z, digits and @/./+/-/_ only.",
        validators=[ASCIIUsernameValidator()],
        error_messages={"unique": "A user with that username already exists."},
    )

    objects: ClassVar[UserManager] = UserManager()

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="user_username_ci",
                violation_error_message="A user with that username already exists.",
            ),
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_ci",
                condition=~models.Q(email=""),
                violation_error_message="A user with that e-mail already exists.",
            ),
        ]


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def owned_by(self, user_id: int) -> "ApiTokenQuerySet":
        return self.filter(user_id=user_id)

    def live(self) -> "ApiTokenQuerySet":
        """Neither revoked nor expired."""
        return self.filter(
            models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now()),
            revoked_at=None,
        )


class ApiToken(models.Model):
    """One API token. The token itself is never stored, only its SHA-256."""

    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=8, unique=True)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "revoked_at"], name="token_user_live")]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=models.Q(revoked_at=None),
                name="token_name_per_user",
                violation_error_message="A live token with that name already exists.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} (pb_{self.prefix}…)"

    @property
    def is_live(self) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (
            self.expires_at is None or self.expires_at > timezone.now()
        )

    def allows(self, scope: str) -> bool:
        """Whether the token carries `scope`."""
        return scope in self.scopes
