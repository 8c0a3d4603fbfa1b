"""One-off tasks in the administration: what ran and when it did, and no more.

The library's own page shows arguments, results and raw tracebacks, which quote
whatever a person or a server sent.
"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_tasks_db.models import DBTaskResult

from connectors.admin import EvidenceAdmin

UNSEEN = ("args_kwargs", "return_value", "traceback")

admin.site.unregister(DBTaskResult)


@admin.register(DBTaskResult)
class TaskAdmin(EvidenceAdmin[Any]):
    list_display = (
        "id",
        "task_path",
        "status",
        "enqueued_at",
        "started_at",
        "finished_at",
    )
    list_filter = ("status", "enqueued_at")
    fields = (*list_display, "worker_ids", "exception_class_path")
    readonly_fields = fields
    ordering = ("-enqueued_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer(*UNSEEN)
