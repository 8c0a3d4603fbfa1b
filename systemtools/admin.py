"""What staff see of system tools: who has which, never what they entered."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from connectors.admin.looking import LookOnlyAdmin
from systemtools.models import ExportFile, UserToolStatus


@admin.register(UserToolStatus)
class UserToolStatusAdmin(LookOnlyAdmin[UserToolStatus]):
    list_display = ("tool_id", "user", "is_connected", "connected_at")
    list_filter = ("tool_id", "is_connected")
    list_select_related = ("user",)
    search_fields = ("user__username", "tool_id")
    search_help_text = "Username, or id of the tool."
    fields = (
        "user",
        "tool_id",
        "is_connected",
        "connected_at",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserToolStatus]:
        return super().get_queryset(request).defer("config", "credentials")


@admin.register(ExportFile)
class ExportFileAdmin(LookOnlyAdmin[ExportFile]):
    """Files, without their names: a name may be the title of a conversation."""

    list_display = ("id", "user", "content_type", "created_at", "expires_at")
    list_filter = ("content_type", "expires_at")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    search_help_text = "Username."
    fields = ("user", "content_type", "created_at", "expires_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExportFile]:
        return super().get_queryset(request).defer("body", "name")
