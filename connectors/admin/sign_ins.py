"""OAuth clients, grants and sign-ins: who and where, never a secret.

One thing can be done: make known a client that the operator registered at a
provider. Its secret is written and never shown again.
"""

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from connectors import client_identity
from connectors.admin.looking import EvidenceAdmin, LookOnlyAdmin
from connectors.auth.oauth import endpoints
from connectors.errors import SignInFailed
from connectors.models import ClientKind, OAuthClient, OAuthFlow, OAuthGrant

# Not even read.
UNSEEN_OF_A_FLOW = ("state_digest", "session_digest", "draft", "verifier")


class ClientForm(forms.ModelForm[OAuthClient]):
    """A client that the operator registered at a provider."""

    client_secret = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Never shown again. Left empty: the stored one stays, if there is "
        "one.",
    )

    class Meta:
        model = OAuthClient
        fields = ("issuer", "client_id")
        help_texts = {
            "issuer": "The address of the sign-in service, as it names itself in its "
            "metadata.",
        }

    def clean_issuer(self) -> str:
        issuer = str(self.cleaned_data["issuer"]).strip()
        try:
            endpoints.check(issuer)
        except SignInFailed:
            message = "This is no https address."
            raise forms.ValidationError(message) from None
        others = OAuthClient.objects.filter(
            issuer=issuer,
            redirect_uri=client_identity.redirect_uri(),
            kind=ClientKind.PREREGISTERED,
            connector=None,
        )
        if others.exclude(pk=self.instance.pk).exists():
            message = "There is a client for this service already."
            raise forms.ValidationError(message)
        return issuer

    def save(self, commit: bool = True) -> OAuthClient:
        row = self.instance
        row.kind = ClientKind.PREREGISTERED
        row.redirect_uri = client_identity.redirect_uri()
        if secret := self.cleaned_data["client_secret"].strip():
            row.secret = {"client_secret": secret}
        return super().save(commit)


@admin.register(OAuthClient)
class OAuthClientAdmin(LookOnlyAdmin[OAuthClient]):
    """Look at all, add and change those that the operator registered."""

    form = ClientForm
    actions = None
    list_display = ("issuer", "kind", "client_id", "connector", "expires_at")
    list_filter = ("kind",)
    list_select_related = ("connector",)
    search_fields = ("issuer", "client_id")
    readonly_fields = (
        "kind",
        "back_to",
        "connector",
        "has_secret",
        "expires_at",
        "created_at",
        "updated_at",
    )

    @admin.display(description="redirect URI to register there")
    def back_to(self, client: OAuthClient) -> str:
        return client.redirect_uri or client_identity.redirect_uri()

    @admin.display(description="secret", boolean=True)
    def has_secret(self, client: OAuthClient) -> bool:
        return client.secret is not None

    def get_fields(
        self, request: HttpRequest, obj: OAuthClient | None = None
    ) -> tuple[str, ...]:
        entered: tuple[str, ...] = ("issuer", "client_id")
        if obj is None:
            return (*entered, "client_secret", "back_to")
        if obj.kind == ClientKind.PREREGISTERED:
            entered = (*entered, "client_secret")
        return (*entered, *self.readonly_fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super(LookOnlyAdmin, self).has_add_permission(request)

    def has_change_permission(
        self, request: HttpRequest, obj: OAuthClient | None = None
    ) -> bool:
        return _is_operators(obj) and super(LookOnlyAdmin, self).has_change_permission(
            request, obj
        )

    def has_delete_permission(
        self, request: HttpRequest, obj: OAuthClient | None = None
    ) -> bool:
        if _is_operators(obj):
            return super(LookOnlyAdmin, self).has_delete_permission(request, obj)
        return super().has_delete_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OAuthClient]:
        return super().get_queryset(request).defer("connector__auth_config")


@admin.register(OAuthGrant)
class OAuthGrantAdmin(LookOnlyAdmin[OAuthGrant]):
    list_display = (
        "id",
        "user",
        "connector",
        "issuer",
        "account_label",
        "state",
        "has_refresh",
        "expires_at",
    )
    list_filter = ("state", "has_refresh", "expires_at")
    list_select_related = ("user", "connector")
    search_fields = ("user__username", "connector__name", "issuer", "account_label")
    search_help_text = "Username, name of the connector, issuer, or account."
    fields = (
        "user",
        "connector",
        "system_tool",
        "issuer",
        "client",
        "account_label",
        "scope",
        "wanted_scope",
        "resource",
        "state",
        "fresh_rejected",
        "has_refresh",
        "expires_at",
        "refresh_at",
        "refresh_started_at",
        "lease_until",
        "version",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[OAuthGrant]:
        return super().get_queryset(request).defer("tokens", "connector__auth_config")


@admin.register(OAuthFlow)
class OAuthFlowAdmin(EvidenceAdmin[OAuthFlow]):
    list_display = (
        "id",
        "created_at",
        "user",
        "connector",
        "issuer",
        "expires_at",
        "used_at",
        "error",
    )
    list_filter = ("created_at", "used_at", "error")
    list_select_related = ("user", "connector")
    search_fields = ("user__username", "connector__name", "issuer", "error")
    search_help_text = "Username, name of the connector, issuer, or reason."
    fields = (
        "user",
        "connector",
        "system_tool",
        "issuer",
        "redirect_uri",
        "scope",
        "resource",
        "created_at",
        "expires_at",
        "used_at",
        "error",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[OAuthFlow]:
        rows = super().get_queryset(request)
        return rows.defer(*UNSEEN_OF_A_FLOW, "connector__auth_config")


def _is_operators(client: OAuthClient | None) -> bool:
    return client is not None and client.kind == ClientKind.PREREGISTERED
