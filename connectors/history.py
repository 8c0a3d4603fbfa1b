"""The evidence that a person sees of a connector: tests, calls, its newest sign-in."""

from django.db.models import QuerySet

from connectors.errors import ConnectorNotFound
from connectors.models import (
    ConnectionTest,
    OAuthFlow,
    Source,
    ToolCall,
    ToolCallQuerySet,
    UserMCPConnection,
)

TESTS_SHOWN = 20
CALLS_SHOWN = 20
# What a list of tests needs; the rest is large, or shown in the transcript only.
_TEST_FIELDS = (
    "connector_id",
    "success",
    "error_code",
    "transport",
    "protocol_version",
    "duration_ms",
    "created_at",
)


def tests(*, connector: UserMCPConnection) -> QuerySet[ConnectionTest]:
    """Return the newest tests of a connector, without their transcripts."""
    newest = connector.tests.order_by("-created_at", "-id").only(*_TEST_FIELDS)
    return newest[:TESTS_SHOWN]


def calls(*, connector: UserMCPConnection) -> ToolCallQuerySet:
    """Return the newest calls of a connector; no argument or result was kept."""
    return ToolCall.objects.filter(
        user_id=connector.user_id, source=Source.CONNECTOR, source_id=connector.pk
    ).order_by("-id")[:CALLS_SHOWN]


def sign_in(*, connector: UserMCPConnection) -> OAuthFlow | None:
    """Return the newest sign-in to a connector that somebody came back from."""
    ended = OAuthFlow.objects.filter(user_id=connector.user_id, connector=connector)
    return ended.exclude(used_at=None).order_by("-used_at").first()


def test(*, user_id: int, connector_id: int, test_id: int) -> ConnectionTest:
    """Return a test of a connector of the person, with its transcript.

    Raises:
        ConnectorNotFound: there is none, or it is somebody else's.
    """
    owned = ConnectionTest.objects.select_related("connector").filter(
        connector=connector_id, connector__user=user_id, user=user_id
    )
    # Listings may be megabytes, and are not evidence.
    found = owned.defer(
        "tools",
        "server_info",
        "discover_cache",
        "connector__discovered_tools",
        "connector__discover_cache",
        "connector__server_info",
        "connector__dropped_tools",
    )
    try:
        return found.get(pk=test_id)
    except ConnectionTest.DoesNotExist:
        raise ConnectorNotFound from None
