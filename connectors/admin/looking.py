"""The manner of the administration here: look, and change nothing.

What cannot be seen cannot be searched or filtered by either: a filter by the
beginning of a value would tell the value, letter by letter.
"""

import json
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html

from accounts.admin import WITH_ITS_PERSON
from connectors.text import clean

# How much evidence can be leafed through; what is older is found by a filter.
EVIDENCE_SHOWN = 2000
TEXT_CHARS = 50_000


class BoundedPaginator(Paginator[Any]):
    """Looks no further than EVIDENCE_SHOWN rows, whatever the table has."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return len(rows.values_list("pk", flat=True)[:EVIDENCE_SHOWN])


class LookOnlyAdmin[M: Model](admin.ModelAdmin[M]):
    """Shows rows and changes nothing."""

    actions_on_bottom = False
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Rows go with their person, and with nothing else."""
        match = request.resolver_match
        here = match.url_name if match else None
        return here in WITH_ITS_PERSON and super().has_delete_permission(request, obj)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        allowed = lookup.partition("__")[0] in self.list_filter
        return allowed and super().lookup_allowed(lookup, value, request)


class EvidenceAdmin[M: Model](LookOnlyAdmin[M]):
    """Leafs through a table that grows for ever, newest first, and counts nothing."""

    ordering = ("-id",)
    paginator = BoundedPaginator
    sortable_by = ()


def as_json(value: Any) -> str:
    """Return a JSON value for reading."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def as_text(text: str) -> str:
    """Return text for reading: escaped, and without what could hide or reorder it."""
    return format_html("<pre>{}</pre>", clean(text, limit=TEXT_CHARS, multiline=True))
