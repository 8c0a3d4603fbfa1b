import uuid

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import connectors.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Lease",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("name", models.CharField(max_length=64, unique=True)),
                ("owner", models.CharField(blank=True, default="", max_length=64)),
                ("until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="ToolCall",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "call_id",
                    models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
                ),
                ("user_id", models.BigIntegerField()),
                ("username", models.CharField(max_length=150)),
                (
                    "source",
                    models.CharField(
                        choices=[("connector", "Connector"), ("system", "System tool")],
                        max_length=10,
                    ),
                ),
                ("source_id", models.BigIntegerField(null=True)),
                ("source_label", models.CharField(max_length=100)),
                ("tool", models.CharField(max_length=128)),
                (
                    "via",
                    models.CharField(
                        choices=[
                            ("page", "Page"),
                            ("rest", "REST"),
                            ("chat", "Chat"),
                            ("chatkit", "ChatKit"),
                            ("v1", "/v1"),
                            ("mcp", "/mcp"),
                            ("test", "Test"),
                        ],
                        max_length=10,
                    ),
                ),
                ("token_id", models.BigIntegerField(null=True)),
                ("conversation_id", models.BigIntegerField(null=True)),
                ("args_digest", models.CharField(max_length=96)),
                ("args_bytes", models.PositiveIntegerField()),
                (
                    "definition_hash",
                    models.CharField(blank=True, default="", max_length=64),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("started", "Started"),
                            ("ok", "OK"),
                            ("tool_error", "The tool reports an error"),
                            ("refused", "Refused"),
                            ("not_sent", "Not sent"),
                            ("failed", "Failed"),
                            ("unknown", "Unknown"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="started",
                        max_length=10,
                    ),
                ),
                ("error_code", models.CharField(blank=True, default="", max_length=32)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("result_digest", models.CharField(max_length=96, null=True)),
                ("result_bytes", models.PositiveIntegerField(null=True)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("duration_ms", models.PositiveIntegerField(null=True)),
            ],
            options={
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["user_id", "-id"], name="call_user"),
                    models.Index(
                        fields=["source", "source_id", "-id"], name="call_source"
                    ),
                    models.Index(fields=["outcome", "-id"], name="call_outcome"),
                    models.Index(fields=["started_at"], name="call_started_at"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("source__in", ["connector", "system"])),
                        name="call_source_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "via__in",
                                [
                                    "page",
                                    "rest",
                                    "chat",
                                    "chatkit",
                                    "v1",
                                    "mcp",
                                    "test",
                                ],
                            )
                        ),
                        name="call_via_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "outcome__in",
                                [
                                    "started",
                                    "ok",
                                    "tool_error",
                                    "refused",
                                    "not_sent",
                                    "failed",
                                    "unknown",
                                    "cancelled",
                                ],
                            )
                        ),
                        name="call_outcome_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UserMCPConnection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("slot", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "vault_id",
                    models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
                ),
                ("name", models.CharField(max_length=100)),
                ("slug", models.CharField(editable=False, max_length=24)),
                (
                    "description",
                    models.CharField(blank=True, default="", max_length=500),
                ),
                (
                    "server_url",
                    models.CharField(max_length=2048, verbose_name="server URL"),
                ),
                ("url_key", models.CharField(editable=False, max_length=64)),
                ("allow_duplicate", models.BooleanField(default=False)),
                (
                    "auth_type",
                    models.CharField(
                        choices=[
                            ("none", "None"),
                            ("api_key", "API key"),
                            ("oauth", "OAuth"),
                        ],
                        default="none",
                        max_length=10,
                    ),
                ),
                (
                    "auth_config",
                    connectors.fields.EncryptedJSONField(editable=False, null=True),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("is_verified", models.BooleanField(default=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("ready", "Ready"),
                            ("sign_in", "Sign in"),
                            ("sign_in_again", "Sign in again"),
                            ("review", "Review changes"),
                            ("unreachable", "Unreachable"),
                            ("server_error", "Server error"),
                            ("not_mcp", "Not an MCP server"),
                            ("secret_unreadable", "Credentials unreadable"),
                            ("paused_auto", "Paused"),
                            ("removed_by_admin", "Removed by an administrator"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "last_error_code",
                    models.CharField(blank=True, default="", max_length=32),
                ),
                ("consecutive_failures", models.PositiveIntegerField(default=0)),
                (
                    "transport",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not known yet"),
                            ("http", "Streamable HTTP"),
                            ("sse", "HTTP with SSE"),
                        ],
                        default="",
                        max_length=4,
                    ),
                ),
                (
                    "protocol_version",
                    models.CharField(blank=True, default="", max_length=10),
                ),
                ("server_info", models.JSONField(blank=True, default=dict)),
                ("discover_cache", models.JSONField(blank=True, null=True)),
                ("discovered_tools", models.JSONField(blank=True, default=list)),
                ("dropped_tools", models.JSONField(blank=True, default=list)),
                ("tool_count", models.PositiveIntegerField(default=0)),
                ("tools_listed_at", models.DateTimeField(blank=True, null=True)),
                ("last_verified_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="connectors",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "connector",
                "db_table": "user_mcp_connections",
                "ordering": [models.OrderBy(models.F("slot"), nulls_last=True), "id"],
            },
        ),
        migrations.CreateModel(
            name="ConnectionTest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("ticket_digest", models.CharField(max_length=64, unique=True)),
                ("subject_mac", models.CharField(max_length=64)),
                ("success", models.BooleanField()),
                ("error_code", models.CharField(blank=True, default="", max_length=32)),
                ("steps", models.JSONField(default=list)),
                ("transcript", models.JSONField(default=list)),
                ("tools", models.JSONField(null=True)),
                ("dropped_tools", models.JSONField(default=list)),
                ("server_info", models.JSONField(default=dict)),
                ("discover_cache", models.JSONField(null=True)),
                (
                    "transport",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not known yet"),
                            ("http", "Streamable HTTP"),
                            ("sse", "HTTP with SSE"),
                        ],
                        max_length=4,
                    ),
                ),
                (
                    "protocol_version",
                    models.CharField(blank=True, default="", max_length=10),
                ),
                ("duration_ms", models.PositiveIntegerField()),
                ("expires_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="connection_tests",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "connector",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tests",
                        to="connectors.usermcpconnection",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RetiredSlug",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("slug", models.CharField(max_length=24)),
                ("retired_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "slug"), name="retired_slug_per_user"
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="usermcpconnection",
            index=models.Index(fields=["user", "url_key"], name="conn_user_url"),
        ),
        migrations.AddIndex(
            model_name="usermcpconnection",
            index=models.Index(fields=["status"], name="conn_status"),
        ),
        migrations.AddIndex(
            model_name="usermcpconnection",
            index=models.Index(fields=["tools_listed_at"], name="conn_tools_listed_at"),
        ),
        migrations.AddConstraint(
            model_name="usermcpconnection",
            constraint=models.UniqueConstraint(
                fields=("user", "slot"), name="conn_slot_per_user"
            ),
        ),
        migrations.AddConstraint(
            model_name="usermcpconnection",
            constraint=models.UniqueConstraint(
                models.F("user"),
                django.db.models.functions.text.Lower("name"),
                name="conn_name_per_user",
            ),
        ),
        migrations.AddConstraint(
            model_name="usermcpconnection",
            constraint=models.UniqueConstraint(
                fields=("user", "slug"), name="conn_slug_per_user"
            ),
        ),
        migrations.AddConstraint(
            model_name="usermcpconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("slot__isnull", True), ("slot__gte", 1), _connector="OR"
                ),
                name="conn_slot_from_1",
            ),
        ),
        migrations.AddConstraint(
            model_name="usermcpconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("slot__isnull", True), ("status", "removed_by_admin")),
                    models.Q(
                        ("slot__isnull", False),
                        models.Q(("status", "removed_by_admin"), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="conn_slot_unless_removed",
            ),
        ),
        migrations.AddConstraint(
            model_name="usermcpconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(("auth_type__in", ["none", "api_key", "oauth"])),
                name="conn_auth_type",
            ),
        ),
        migrations.AddConstraint(
            model_name="usermcpconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("auth_config__isnull", True), ("auth_type", "none")),
                    models.Q(("auth_config__isnull", False), ("auth_type", "api_key")),
                    ("auth_type", "oauth"),
                    _connector="OR",
                ),
                name="conn_auth_config_fits",
            ),
        ),
        migrations.AddConstraint(
            model_name="usermcpconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "ready",
                            "sign_in",
                            "sign_in_again",
                            "review",
                            "unreachable",
                            "server_error",
                            "not_mcp",
                            "secret_unreadable",
                            "paused_auto",
                            "removed_by_admin",
                        ],
                    )
                ),
                name="conn_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="usermcpconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "ready"), _negated=True),
                    ("last_error_code__in", ["", "NO_TOOLS"]),
                    _connector="OR",
                ),
                name="conn_ready_without_error",
            ),
        ),
        migrations.AddConstraint(
            model_name="usermcpconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(("transport__in", ["", "http", "sse"])),
                name="conn_transport",
            ),
        ),
        migrations.AddConstraint(
            model_name="usermcpconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("protocol_version", ""), ("transport", "")),
                    models.Q(
                        models.Q(("transport", ""), _negated=True),
                        models.Q(("protocol_version", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="conn_transport_and_version",
            ),
        ),
        migrations.AddConstraint(
            model_name="usermcpconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(("tool_count__gte", 0)), name="conn_tool_count"
            ),
        ),
        migrations.AddIndex(
            model_name="connectiontest",
            index=models.Index(
                fields=["connector", "-created_at"], name="test_connector"
            ),
        ),
        migrations.AddIndex(
            model_name="connectiontest",
            index=models.Index(fields=["user", "-created_at"], name="test_user"),
        ),
        migrations.AddConstraint(
            model_name="connectiontest",
            constraint=models.CheckConstraint(
                condition=models.Q(("transport__in", ["", "http", "sse"])),
                name="test_transport",
            ),
        ),
    ]
