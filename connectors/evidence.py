"""What is kept to prove a test or a call: written here, and only here.

Evidence holds no secret and no argument: a ticket, arguments and results are kept
as digests. All functions are plain; async code calls them by `sync_to_async`.
"""

import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connectors import encryption
from connectors import server_url as urls
from connectors.models import ConnectionTest, Outcome, Source, ToolCall, Via
from connectors.text import clean, clean_json

if TYPE_CHECKING:
    from connectors.validator import ValidationResult

TESTS_PER_CONNECTOR = 20
UNSAVED_TEST_S = 3600
# A person's listings that wait for their save; older ones are tested once more.
LISTINGS_PER_PERSON = 20
ORPHANS_AT_ONCE = 500

log = structlog.get_logger(__name__)


def subject_macs(
    *,
    user_id: int,
    server_url: str,
    auth_type: str,
    auth_config: dict[str, Any] | None,
) -> list[str]:
    """Return what a ticket is good for, as one code for each key, the first first.

    Raises:
        InvalidUrl: INVALID_URL.
    """
    subject = [user_id, urls.canonical(server_url), auth_type, auth_config]
    return encryption.macs(_canonical(subject), purpose="ticket")


def record_test(
    *,
    user_id: int,
    connector_id: int | None,
    result: "ValidationResult",
    subject_mac: str,
) -> tuple[ConnectionTest, str]:
    """Store a finished test, and return it with its ticket.

    The ticket is shown this once; it is "" if the test did not succeed. The test
    of a connector that exists keeps no listing: the connector has it.
    """
    ticket = secrets.token_urlsafe(32)
    now = timezone.now()
    keeps_listing = result.success and connector_id is None
    test = ConnectionTest(
        user_id=user_id,
        connector_id=connector_id,
        ticket_digest=_ticket_digest(ticket),
        subject_mac=subject_mac,
        success=result.success,
        error_code=result.error_code or "",
        steps=clean_json([asdict(step) for step in result.steps]),
        transcript=clean_json(result.transcript),
        transport=result.transport,
        protocol_version=clean(result.protocol_version, limit=10),
        duration_ms=max(0, result.duration_ms),
        expires_at=now + timedelta(seconds=settings.TICKET_TTL_S),
        created_at=now,
    )
    if keeps_listing:
        test.tools = clean_json(result.tools)
        test.dropped_tools = clean_json(result.dropped_tools)
        test.server_info = clean_json(result.server_info)
        test.discover_cache = clean_json(result.discover_cache)
    with transaction.atomic():
        test.save(force_insert=True)
        _keep_newest(connector_id)
        if keeps_listing:
            _drop_older_listings(user_id)
    return test, ticket if result.success else ""


def find_ticket(
    *, user_id: int, ticket: str, subject: Sequence[str]
) -> ConnectionTest | None:
    """Return the test that `ticket` stands for, if it proves `subject`.

    That is a success of the same person, for the same URL and credentials, that
    has not expired and whose listing is still there. A ticket may be used again.
    """
    test = ConnectionTest.objects.filter(
        ticket_digest=_ticket_digest(ticket),
        user_id=user_id,
        success=True,
        expires_at__gt=timezone.now(),
        tools__isnull=False,
    ).first()
    if test is None:
        return None
    # Every code is compared: the time does not tell which key matched.
    matches = [hmac.compare_digest(test.subject_mac, mac) for mac in subject]
    return test if any(matches) else None


def link_test(*, test_id: int, connector_id: int) -> None:
    """Make a test part of the history of the connector that was saved with it."""
    with transaction.atomic():
        ConnectionTest.objects.filter(pk=test_id, connector=None).update(
            connector=connector_id
        )
        _keep_newest(connector_id)


def prune_tests() -> int:
    """Delete tests that were never saved, drop expired listings; return how many.

    Each connector's newest tests are kept when a test is recorded.
    """
    now = timezone.now()
    unsaved_since = now - timedelta(seconds=UNSAVED_TEST_S)
    unsaved = ConnectionTest.objects.filter(
        connector=None, created_at__lt=unsaved_since
    )
    with transaction.atomic():
        deleted, _ = unsaved.delete()
        expired = ConnectionTest.objects.filter(expires_at__lte=now)
        return deleted + _drop_listings(expired)


def start_call(  # noqa: PLR0913 - one for each column
    *,
    user_id: int,
    username: str,
    source: Source | str,
    source_id: int | None,
    source_label: str,
    tool: str,
    via: Via | str,
    arguments: dict[str, Any],
    definition_hash: str = "",
    token_id: int | None = None,
    conversation_id: int | None = None,
    call_id: uuid.UUID | None = None,
) -> ToolCall:
    """Insert the evidence of a call; it must be committed before anything leaves."""
    digest, size = _digest(arguments, purpose="arguments")
    call = ToolCall(
        call_id=call_id or uuid.uuid4(),
        user_id=user_id,
        username=clean(username, limit=150),
        source=source,
        source_id=source_id,
        source_label=clean(source_label, limit=100),
        tool=clean(tool, limit=128),
        via=via,
        token_id=token_id,
        conversation_id=conversation_id,
        args_digest=digest,
        args_bytes=size,
        definition_hash=definition_hash,
    )
    call.save()
    return call


def finish_call(
    call: ToolCall,
    *,
    outcome: Outcome,
    error_code: str = "",
    attempts: int = 0,
    duration_ms: int | None = None,
    result: Any = None,
) -> bool:
    """Give a started call its outcome, once; return whether it was this one.

    `result` is a JSON value, of which a digest and the size are kept. The worker
    may have called the outcome unknown in the meantime: that stays.
    """
    digest, size = (None, None) if result is None else _digest(result, purpose="result")
    values: dict[str, Any] = {
        "outcome": outcome,
        "error_code": error_code,
        "attempts": attempts,
        "duration_ms": duration_ms,
        "result_digest": digest,
        "result_bytes": size,
    }
    if not ToolCall.objects.filter(pk=call.pk).finish(**values):
        return False
    for name, value in values.items():
        setattr(call, name, value)
    return True


def orphans_to_unknown(*, older_than_s: int = 600) -> int:
    """Call unknown what was started long ago by a process that is gone."""
    before = timezone.now() - timedelta(seconds=older_than_s)
    orphans = ToolCall.objects.filter(outcome=Outcome.STARTED, started_at__lt=before)
    finished = 0
    for call in orphans.order_by("id")[:ORPHANS_AT_ONCE]:
        if finish_call(call, outcome=Outcome.UNKNOWN, error_code="OUTCOME_UNKNOWN"):
            finished += 1
            log.warning(
                "tool.call.unknown", call_id=str(call.call_id), user_id=call.user_id
            )
    return finished


def _keep_newest(connector_id: int | None) -> None:
    """Delete the tests of a connector that are older than the newest ones."""
    if connector_id is None:
        return
    tests = ConnectionTest.objects.filter(connector=connector_id)
    kept = tests.order_by("-created_at", "-id")[:TESTS_PER_CONNECTOR]
    tests.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()


def _drop_older_listings(user_id: int) -> None:
    """Keep a person who only tests from filling the disk with listings."""
    tests = ConnectionTest.objects.filter(user=user_id, tools__isnull=False)
    kept = tests.order_by("-created_at", "-id")[:LISTINGS_PER_PERSON]
    _drop_listings(tests.exclude(pk__in=list(kept.values_list("pk", flat=True))))


def _drop_listings(tests: QuerySet[ConnectionTest]) -> int:
    return tests.filter(tools__isnull=False).update(
        tools=None, dropped_tools=[], server_info={}, discover_cache=None
    )


def _canonical(value: Any) -> bytes:
    """Return one spelling of a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return text.encode()


def _digest(value: Any, *, purpose: str) -> tuple[str, int]:
    """Return `kid:` and a keyed digest of a JSON value, and its size in bytes."""
    message = _canonical(value)
    kid, mac = encryption.mac(message, purpose=purpose)
    return f"{kid}:{mac}", len(message)


def _ticket_digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).hexdigest()
