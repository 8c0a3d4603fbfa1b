"""Misconfiguration, found by `manage.py check` and when the web process starts.

Each has an id and a hint. The web process runs those tagged `patchbay`, which ask
no database; `check --database default` and `migrate` run the last one too.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register, run_checks
from django.core.management.base import SystemCheckError
from django.db import Error as DatabaseError

from connectors.egress.policy import Allowed

TAG = "patchbay"


def refuse_unsafe_settings() -> None:
    """Raise SystemCheckError with every message if a check of ours fails."""
    messages = [m for m in run_checks(tags=[TAG]) if m.is_serious()]
    if messages:
        raise SystemCheckError("\n".join(str(message) for message in messages))


@register(TAG)
def processes_share_a_cache(**kwargs: Any) -> list[CheckMessage]:
    """Limits are counted in the cache: in memory, each process has its own."""
    alone = settings.WEB_PROCESSES <= 1
    if alone or settings.REDIS_URL or settings.DEVELOPMENT:
        return []
    return [
        Error(
            f"{settings.WEB_PROCESSES} web processes share no cache.",
            hint="Set REDIS_URL, or WEB_CONCURRENCY=1.",
            id="patchbay.E001",
        )
    ]


@register(TAG)
def egress_is_closed_in_production(**kwargs: Any) -> list[CheckMessage]:
    if not settings.EGRESS_ALLOW or settings.DEVELOPMENT:
        return []
    if settings.EGRESS_ALLOW_IN_PRODUCTION:
        return []
    return [
        Error(
            "EGRESS_ALLOW lets every person's connectors reach addresses that are "
            "not public: " + ", ".join(settings.EGRESS_ALLOW),
            hint="Empty it, or confirm it with EGRESS_ALLOW_IN_PRODUCTION=on.",
            id="patchbay.E002",
        )
    ]


@register(TAG)
def egress_entries_can_be_read(**kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"EGRESS_ALLOW: {problem}.",
            hint="Separate entries such as 127.0.0.1/32:8101 or ::1/128 by commas.",
            id="patchbay.E003",
        )
        for problem in _unreadable(settings.EGRESS_ALLOW)
    ]


def _unreadable(entries: Iterable[str]) -> Iterable[str]:
    for entry in entries:
        try:
            Allowed.parse(entry)
        except ValueError as error:
            yield str(error)


@register(TAG)
def public_url_is_an_origin(**kwargs: Any) -> list[CheckMessage]:
    """Links in mails, CSRF and the self-call guard are built from PUBLIC_URL."""
    if _is_origin(settings.PUBLIC_URL):
        return []
    return [
        Error(
            "PUBLIC_URL is not the address of this installation.",
            hint="It is scheme, host and port alone, as in https://patchbay.example.",
            id="patchbay.E004",
        )
    ]


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    origin = f"{parts.scheme}://{parts.netloc}"
    return bool(
        has_port
        and parts.scheme in {"http", "https"}
        and parts.hostname
        and "*" not in parts.netloc
        and "@" not in parts.netloc
        and url == origin
    )


@register(TAG)
def debug_is_for_development(**kwargs: Any) -> list[CheckMessage]:
    if not settings.DEBUG or settings.DEVELOPMENT:
        return []
    return [
        Error(
            "DEBUG shows settings and source code to everybody.",
            hint="Turn DEBUG off, or DEVELOPMENT on if this machine is your own.",
            id="patchbay.E006",
        )
    ]


@register(TAG)
def chatkit_can_be_spoken(**kwargs: Any) -> list[CheckMessage]:
    """Its paths are left out without the extra: others would fail along with them."""
    if settings.CHATKIT and not settings.CHATKIT_INSTALLED:
        return [
            Error(
                "CHATKIT is on, and openai-chatkit is not installed.",
                hint="pip install -r requirements-chatkit.txt, or CHATKIT=off.",
                id="patchbay.E007",
            )
        ]
    if settings.CHATKIT_DEMO and not settings.CHATKIT:
        return [
            Error(
                "CHATKIT_DEMO shows what CHATKIT does not offer.",
                hint="Turn CHATKIT on, or CHATKIT_DEMO off.",
                id="patchbay.E007",
            )
        ]
    return []


@register(TAG)
def chatkit_origins_are_origins(**kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"CHATKIT_ORIGINS: {entry!r} is not an origin.",
            hint="Separate entries such as https://app.example by commas.",
            id="patchbay.E008",
        )
        for entry in settings.CHATKIT_ORIGINS
        if not _is_origin(entry)
    ]


@register(Tags.database)
def keys_in_use_are_in_the_keyring(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """A key that is gone makes every secret under it unreadable for ever."""
    if not databases or "default" not in databases:
        return []
    from connectors import rotation

    try:
        in_use = rotation.key_ids_in_use()
    except DatabaseError:
        # Before the first migration there is no table, hence no secret.
        return []
    return [
        Error(
            f"{count} stored secrets need the encryption key {kid!r}, which is not "
            "in ENCRYPTION_KEYS.",
            hint="Put the key back behind the first, run `manage.py rotate_keys`, "
            "then remove it.",
            id="patchbay.E005",
        )
        for kid, count in sorted(in_use.items())
        if kid not in settings.ENCRYPTION_KEYS
    ]
