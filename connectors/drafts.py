"""A sign-in that was prepared, prepared once more with another client."""

from typing import Any

from asgiref.sync import sync_to_async

from connectors import auth, flows
from connectors.models import AuthType, OAuthFlow


async def with_client(
    *,
    user_id: int,
    auth_config: dict[str, Any] | None,
    flow_id: int | None = None,
    connector_id: int | None = None,
) -> OAuthFlow:
    """Prepare the same sign-in with the client that the person entered.

    What there was stays as it is until they have signed in.

    Raises:
        InvalidInput: a field has the wrong shape.
        ConnectorNotFound, ConnectorDisabled: gone, or removed by an administrator.
    """
    config = auth.check_config(AuthType.OAUTH, auth_config)
    return await sync_to_async(_redraft)(user_id, config, flow_id, connector_id)


def _redraft(
    user_id: int,
    config: dict[str, Any] | None,
    flow_id: int | None,
    connector_id: int | None,
) -> OAuthFlow:
    wanted = flows.wanted(user_id=user_id, connector_id=connector_id, draft_id=flow_id)
    before = wanted.flow.draft.open() if wanted.flow.draft else {}
    kept = {**before, "server_url": wanted.server_url, "auth_config": config}
    row = wanted.flow.connector_id
    return flows.draft(user_id=user_id, kept=kept, connector_id=row)
