"""Is the process alive, and can it do its work: for supervisors and balancers."""

from functools import cache as memoize

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.cache import cache
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@never_cache
@require_safe
async def healthz(request: HttpRequest) -> HttpResponse:
    """Answer as long as the event loop runs; asks nobody else."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
async def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 503 and name what is missing until requests can be served."""
    if missing := await sync_to_async(not_ready)():
        body = {"status": "not ready", "not_ready": missing}
        return JsonResponse(body, status=503, headers={"Retry-After": "1"})
    return JsonResponse({"status": "ready"})


def not_ready() -> list[str]:
    """Return which of `database`, `migrations` and `cache` cannot be used."""
    missing = []
    try:
        if not _latest_migrations() <= _applied_migrations():
            missing.append("migrations")
    except Error:
        missing.append("database")
    if settings.REDIS_URL and not _cache_answers():
        missing.append("cache")
    return missing


@memoize
def _latest_migrations() -> frozenset[tuple[str, str]]:
    # Files of this installation: they do not change while the process runs.
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def _applied_migrations() -> frozenset[tuple[str, str]]:
    # One query, which also proves that the database answers.
    return frozenset(MigrationRecorder(connection).applied_migrations())


def _cache_answers() -> bool:
    try:
        cache.get("readyz")
    except Exception:  # noqa: BLE001 — each cache backend has errors of its own
        return False
    return True
