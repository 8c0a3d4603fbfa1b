"""One-off work that dials: the worker does it, no request waits for it."""

import structlog
from django.tasks import task

from connectors import manager
from connectors.errors import ConnectorError

log = structlog.get_logger(__name__)


@task
async def test_again(connector_id: int, user_id: int) -> None:
    """Test a connector for staff, as its owner would; the result is stored with it.

    Ids and no more: what is enqueued is kept in the database as it is.
    """
    try:
        await manager.retest(user_id=user_id, connector_id=connector_id)
    except ConnectorError as error:
        # Deleted, removed or unreadable by now, or too many tests: nobody waits.
        log.info(
            "connector.retested",
            user_id=user_id,
            connector_id=connector_id,
            error_code=error.code,
        )
