"""People and tokens in the administration. Sign-in there is that of the pages."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import tokens
from accounts.models import ApiToken, User

# One way in, with one lockout: the admin's own form counts no attempts.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Patchbay"

# Where a token may be deleted: together with its person. Elsewhere it is revoked,
# so that what it did can still be told.
WITH_ITS_PERSON = {"accounts_user_delete", "accounts_user_changelist"}


@admin.register(User)
class UserAdmin(StockUserAdmin[User]):
    list_display = (
        "username",
        "email",
        "is_staff",
        "is_active",
        "last_login",
        "date_joined",
    )


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin[ApiToken]):
    """Look at tokens, revoke them, choose when they end. Never see or make one."""

    list_display = (
        "name",
        "user",
        "prefix",
        "scopes_text",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_filter = (
        ("revoked_at", admin.EmptyFieldListFilter),
        "expires_at",
        "last_used_at",
    )
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__username", "user__email")
    search_help_text = "Name or prefix of the token; username or e-mail address."
    fields = (
        "name",
        "user",
        "prefix",
        "scopes_text",
        "expires_at",
        "last_used_at",
        "revoked_at",
        "created_at",
    )
    readonly_fields = tuple(field for field in fields if field != "expires_at")
    actions = ("revoke",)

    @admin.display(description="scopes")
    def scopes_text(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    @admin.action(description="Revoke selected API tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        live = list(queryset.filter(revoked_at=None))
        for token in live:
            tokens.revoke(token=token)
            self.log_change(request, token, "Revoked.")
        messages.success(request, f"Revoked: {len(live)}.")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # By `digest__startswith` a digest would be told letter by letter.
        filters = ("revoked_at", "expires_at", "last_used_at")
        allowed = lookup.partition("__")[0] in filters
        return allowed and super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: ApiToken | None = None
    ) -> bool:
        match = request.resolver_match
        here = match.url_name if match else None
        return here in WITH_ITS_PERSON and super().has_delete_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        # The digest is of no use to anybody who reads.
        queryset: QuerySet[ApiToken] = super().get_queryset(request)
        return queryset.defer("digest")

    def get_form(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["help_texts"] = {"expires_at": "Empty: the token never ends by itself."}
        return super().get_form(*args, **kwargs)
