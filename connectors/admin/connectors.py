"""Connectors, tests and calls: metadata, never a secret or body.

Everything is read-only. Two things can be done to a connector: test it again, and
remove it for its owner.
"""

import structlog
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from connectors import server_url, tasks
from connectors.admin.looking import EvidenceAdmin, LookOnlyAdmin, as_json, as_text
from connectors.models import ConnectionTest, Status, ToolCall, UserMCPConnection

# Secrets, or large, or both: not even read.
UNSEEN = (
    "auth_config",
    "url_key",
    "discover_cache",
    "discovered_tools",
    "dropped_tools",
    "server_info",
)
UNSEEN_OF_A_TEST = (
    "ticket_digest",
    "subject_mac",
    "tools",
    "dropped_tools",
    "server_info",
    "discover_cache",
)

log = structlog.get_logger(__name__)


@admin.register(UserMCPConnection)
class ConnectorAdmin(LookOnlyAdmin[UserMCPConnection]):
    list_display = (
        "name",
        "user",
        "address",
        "auth_type",
        "status",
        "is_active",
        "is_verified",
        "tool_count",
        "last_verified_at",
    )
    list_filter = (
        "status",
        "is_active",
        "is_verified",
        "auth_type",
        "last_verified_at",
        "created_at",
    )
    list_select_related = ("user",)
    search_fields = ("name", "slug", "user__username", "user__email")
    search_help_text = "Name of the connector; username or e-mail address."
    fields = (
        "name",
        "slug",
        "user",
        "description",
        "address",
        "auth_type",
        "slot",
        "is_active",
        "is_verified",
        "status",
        "last_error_code",
        "consecutive_failures",
        "transport",
        "protocol_version",
        "tool_count",
        "tool_names",
        "tools_listed_at",
        "last_verified_at",
        "last_used_at",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields
    actions = ("test_again", "remove_for_owner")

    @admin.display(description="server URL")
    def address(self, connector: UserMCPConnection) -> str:
        return server_url.without_query(connector.server_url)

    @admin.display(description="tools")
    def tool_names(self, connector: UserMCPConnection) -> str:
        names = (str(tool.get("name", "")) for tool in connector.discovered_tools)
        return as_text("\n".join(names))

    @admin.action(description="Test again", permissions=["remove"])
    def test_again(
        self, request: HttpRequest, queryset: QuerySet[UserMCPConnection]
    ) -> None:
        rows = list(queryset.values_list("pk", "user_id"))
        for connector_id, user_id in rows:
            tasks.test_again.enqueue(connector_id=connector_id, user_id=user_id)
        messages.success(request, f"{len(rows)} will be tested again.")

    @admin.action(description="Remove for its owner", permissions=["remove"])
    def remove_for_owner(
        self, request: HttpRequest, queryset: QuerySet[UserMCPConnection]
    ) -> None:
        removed = _remove(list(queryset.values_list("pk", flat=True)))
        for connector in removed:
            self.log_change(request, connector, "Removed for its owner.")
        messages.success(request, f"Removed: {len(removed)}.")

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return super(LookOnlyAdmin, self).has_change_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserMCPConnection]:
        return super().get_queryset(request).defer(*UNSEEN)


@admin.register(ConnectionTest)
class ConnectionTestAdmin(EvidenceAdmin[ConnectionTest]):
    list_display = (
        "id",
        "created_at",
        "user",
        "connector",
        "success",
        "error_code",
        "transport",
        "protocol_version",
        "duration_ms",
    )
    list_filter = ("success", "transport", "created_at")
    list_select_related = ("user", "connector")
    search_fields = ("user__username", "connector__name", "error_code")
    search_help_text = "Username, name of the connector, or code of the error."
    fields = (
        "user",
        "connector",
        "success",
        "error_code",
        "transport",
        "protocol_version",
        "duration_ms",
        "created_at",
        "steps_text",
        "transcript_text",
    )
    readonly_fields = fields

    @admin.display(description="steps")
    def steps_text(self, test: ConnectionTest) -> str:
        return as_text(as_json(test.steps))

    @admin.display(description="transcript")
    def transcript_text(self, test: ConnectionTest) -> str:
        return as_text(as_json(test.transcript))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConnectionTest]:
        unseen = (*UNSEEN_OF_A_TEST, *(f"connector__{name}" for name in UNSEEN))
        return super().get_queryset(request).defer(*unseen)


@admin.register(ToolCall)
class ToolCallAdmin(EvidenceAdmin[ToolCall]):
    list_display = (
        "id",
        "started_at",
        "username",
        "source_label",
        "tool",
        "via",
        "outcome",
        "error_code",
        "duration_ms",
    )
    list_filter = ("outcome", "source", "via", "started_at")
    search_fields = ("username", "source_label", "tool", "error_code")
    search_help_text = "Username, label of the connector, tool, or code of the error."
    fields = (
        "call_id",
        "user_id",
        "username",
        "source",
        "source_id",
        "source_label",
        "tool",
        "via",
        "token_id",
        "conversation_id",
        "definition_hash",
        "outcome",
        "error_code",
        "attempts",
        "args_bytes",
        "args_digest",
        "result_bytes",
        "result_digest",
        "started_at",
        "duration_ms",
    )
    readonly_fields = fields


@transaction.atomic
def _remove(pks: list[int]) -> list[UserMCPConnection]:
    """Take connectors out of use, whatever their owners do; return those it took."""
    rows = UserMCPConnection.objects.select_for_update().filter(pk__in=pks)
    rows = rows.exclude(status=Status.REMOVED_BY_ADMIN).defer(*UNSEEN)
    removed = list(rows)
    UserMCPConnection.objects.filter(pk__in=[row.pk for row in removed]).update(
        status=Status.REMOVED_BY_ADMIN,
        slot=None,
        is_active=False,
        updated_at=timezone.now(),
    )
    for row in removed:
        log.info(
            "connector.status_changed",
            user_id=row.user_id,
            connector_id=row.pk,
            status=str(Status.REMOVED_BY_ADMIN),
        )
    return removed
