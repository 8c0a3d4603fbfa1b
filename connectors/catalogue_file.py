"""The file of known servers: each fact with its sources and the day it was read.

What is not known is left out. Nobody asked the servers themselves.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("catalogue.json")

CATEGORIES: Final = {
    "analytics": "Analytics",
    "communication": "Communication",
    "crm": "CRM",
    "data": "Data",
    "design": "Design",
    "developer": "Developer",
    "documents": "Documents",
    "meetings": "Meetings",
    "payments": "Payments",
    "projects": "Projects",
    "reference": "Reference",
    "search": "Search",
    "support": "Support",
}
OTHER: Final = "other"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that is known of a server; without sources an administrator says so."""

    value: Any
    sources: tuple[str, ...] = ()
    checked: date | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """A server of the file, as it is written there."""

    key: str
    name: str
    category: str
    facts: Mapping[str, Fact]


@cache
def servers() -> dict[str, Known]:
    """Return the servers of the file by their key, in its order."""
    read = json.loads(FILE.read_text(encoding="utf-8"))["servers"]
    return {one["key"]: _known(one) for one in read}


def oldest(facts: Iterable[Fact]) -> date | None:
    """Return the day at which the first of these was read; None if none was."""
    return min((fact.checked for fact in facts if fact.checked), default=None)


def _known(one: dict[str, Any]) -> Known:
    facts = {
        name: Fact(
            value=fact["value"],
            sources=tuple(fact["sources"]),
            checked=date.fromisoformat(fact["checked"]),
        )
        for name, fact in one["facts"].items()
    }
    return Known(
        key=one["key"], name=one["name"], category=one["category"], facts=facts
    )
