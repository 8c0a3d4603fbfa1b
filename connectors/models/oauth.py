"""Sign-ins by OAuth: who we are there, what was granted, what is under way.

Whatever is secret in them is sealed; what is compared is a digest.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from connectors.fields import EncryptedJSONField
from connectors.models.choices import (
    ClientKind,
    GrantState,
    one_of,
)
from connectors.models.connector import UserMCPConnection

ISSUER_CHARS = 500
LABEL_CHARS = 200
SCOPE_CHARS = 2000
URL_CHARS = 2048


class OAuthClient(models.Model):
    """Who we are towards one authorization server.

    Shared by everybody's connectors, but for what one person entered for one
    connector. `secret` holds {"client_secret"}, `metadata` {"auth_method"}.
    """

    issuer = models.CharField(max_length=ISSUER_CHARS)
    redirect_uri = models.CharField(max_length=500)
    kind = models.CharField(max_length=13, choices=ClientKind)
    connector = models.ForeignKey(
        UserMCPConnection,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="oauth_clients",
    )
    client_id = models.CharField(max_length=500)
    vault_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    secret = EncryptedJSONField(null=True)
    metadata = models.JSONField(default=dict, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "OAuth client"
        constraints = [
            one_of("kind", ClientKind, name="oauth_client_kind_known"),
            models.UniqueConstraint(
                fields=["issuer", "redirect_uri", "kind"],
                condition=Q(connector__isnull=True),
                name="oauth_client_shared",
            ),
            models.UniqueConstraint(
                fields=["connector", "issuer"], name="oauth_client_of_connector"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issuer} ({self.kind})"


class OAuthGrant(models.Model):
    """What a person granted: one row for each credential.

    `version` rises with every change of the tokens; who refreshes them holds the
    lease. `tokens` holds access_token, refresh_token, lifetime_s, and the server and
    the client that they are of.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    connector = models.OneToOneField(
        UserMCPConnection, models.CASCADE, null=True, blank=True, related_name="grant"
    )
    system_tool = models.CharField(max_length=64, blank=True, default="")
    vault_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    tokens = EncryptedJSONField()
    issuer = models.CharField(max_length=ISSUER_CHARS)
    # A client that one connector has goes with it, and so does the grant.
    client = models.ForeignKey(
        OAuthClient, models.RESTRICT, null=True, related_name="grants"
    )
    scope = models.CharField(max_length=SCOPE_CHARS, blank=True, default="")
    # What a refusal asked for beside it: the next sign-in asks for both.
    wanted_scope = models.CharField(max_length=SCOPE_CHARS, blank=True, default="")
    resource = models.CharField(max_length=URL_CHARS, blank=True, default="")
    account_label = models.CharField(max_length=LABEL_CHARS, blank=True, default="")
    expires_at = models.DateTimeField(null=True, blank=True)
    # When the worker renews it ahead of its end; null: it cannot, or need not.
    refresh_at = models.DateTimeField(null=True, blank=True)
    has_refresh = models.BooleanField(default=False)
    state = models.CharField(
        max_length=13, choices=GrantState, default=GrantState.ACTIVE
    )
    version = models.PositiveIntegerField(default=1)
    lease_owner = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    # Written before the request leaves: it may have spent the refresh token.
    refresh_started_at = models.DateTimeField(null=True, blank=True)
    # A token that had just been renewed was refused.
    fresh_rejected = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "OAuth grant"
        indexes = [
            models.Index(fields=["state", "expires_at"], name="grant_expires"),
            models.Index(fields=["state", "refresh_at"], name="grant_refresh"),
        ]
        constraints = [
            one_of("state", GrantState, name="grant_state_known"),
            models.CheckConstraint(
                condition=Q(connector__isnull=False, system_tool="")
                | Q(connector__isnull=True) & ~Q(system_tool=""),
                name="grant_of_one",
            ),
            models.UniqueConstraint(
                fields=["user", "system_tool"],
                condition=~Q(system_tool=""),
                name="grant_per_system_tool",
            ),
        ]

    def __str__(self) -> str:
        return f"grant {self.pk} ({self.state})"

    @property
    def is_over(self) -> bool:
        """Whether its token has ended and cannot be renewed, noted or not yet."""
        if self.has_refresh or self.expires_at is None:
            return False
        return self.expires_at <= timezone.now()


class OAuthFlow(models.Model):
    """One sign-in that was begun: good for one person, one session, one use.

    `draft` holds what becomes a connector (server_url, name, description and the
    client settings); `verifier` all that finishing needs. A row that is only
    prepared, a permission page, has a digest that belongs to no state.
    """

    state_digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # "" for a sign-in that was begun with an API token: then the person suffices.
    session_digest = models.CharField(max_length=64, blank=True, default="")
    connector = models.ForeignKey(
        UserMCPConnection, models.CASCADE, null=True, blank=True, related_name="+"
    )
    vault_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    draft = EncryptedJSONField(null=True)
    system_tool = models.CharField(max_length=64, blank=True, default="")
    verifier = EncryptedJSONField(null=True)
    issuer = models.CharField(max_length=ISSUER_CHARS, blank=True, default="")
    redirect_uri = models.CharField(max_length=500, blank=True, default="")
    scope = models.CharField(max_length=SCOPE_CHARS, blank=True, default="")
    resource = models.CharField(max_length=URL_CHARS, blank=True, default="")
    # Where the person came from: {"turn": id} for a chat, which a tab waits for.
    resume = models.JSONField(null=True, blank=True)
    # How it ended, for the page that says so: "" while it is under way.
    error = models.CharField(max_length=40, blank=True, default="")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "OAuth sign-in"
        indexes = [
            models.Index(fields=["user", "-id"], name="flow_user"),
            models.Index(fields=["expires_at"], name="flow_expires"),
        ]

    def __str__(self) -> str:
        return f"sign-in {self.pk}"


class OAuthRevocation(models.Model):
    """A token that is to be taken back at its authorization server.

    Written in the transaction that forgets the grant, done at once, and tried again
    by the worker where that failed. `tokens` holds tokens, server and client.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    vault_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    tokens = EncryptedJSONField()
    issuer = models.CharField(max_length=ISSUER_CHARS)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "OAuth revocation"
        indexes = [models.Index(fields=["due_at"], name="revocation_due")]

    def __str__(self) -> str:
        return f"revocation {self.pk}"
