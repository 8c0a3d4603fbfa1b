"""Signing in to tools of this installation: by the same way as to connectors.

The operator knows who signs people in, and is registered there: nothing is looked for,
nobody registers. `callbacks` has the way back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from asgiref.sync import sync_to_async

from connectors import client_identity, flows, pools, revocations
from connectors.auth import oauth
from connectors.auth.oauth import AuthorizationServer, Client, Discovery
from connectors.client_identity import Identity
from connectors.flows import Wanted
from connectors.models import ClientKind, OAuthFlow
from connectors.revocations import Receipt
from connectors.sign_in import Started

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Service:
    """Who signs people in to a tool, and what they are asked for.

    `extra` are parameters of the authorization request beside the standard's.
    """

    server: AuthorizationServer
    client: Client = field(repr=False)
    scope: str
    extra: Mapping[str, str] = field(default_factory=dict)


async def start(
    *,
    user_id: int,
    session_key: str,
    system_tool: str,
    service: Service,
    resume: dict[str, Any] | None = None,
) -> Started:
    """Begin a sign-in to a system tool; what was begun before for it is void.

    `session_key` is as in `sign_in.start`. Dials nobody.

    Raises:
        SignInFailed: the service's address is none that a browser may be sent to.
    """
    pending = oauth.begin(
        discovery=Discovery(server=service.server, resource="", scope=service.scope),
        client_id=service.client.client_id,
        redirect_uri=client_identity.redirect_uri(),
        scope=service.scope,
        extra=service.extra,
    )
    wanted = Wanted(
        flow=OAuthFlow(user_id=user_id, system_tool=system_tool),
        server_url="",
        auth_config=None,
    )
    flow = await sync_to_async(flows.begin)(
        wanted,
        session_key=session_key,
        pending=pending,
        identity=Identity(client=service.client, kind=ClientKind.PREREGISTERED),
        resume=resume,
    )
    log.info("oauth.started", user_id=user_id, system_tool=system_tool)
    return Started(flow_id=flow.pk, authorization_url=pending.url, state=pending.state)


async def disconnect(*, user_id: int, system_tool: str) -> Receipt | None:
    """Forget a sign-in here, then take it back at its service; None if there is none.

    What is not confirmed now is asked for again by the worker.
    """
    forgotten = await sync_to_async(revocations.forget_tool)(
        user_id=user_id, system_tool=system_tool
    )
    if forgotten is None:
        return None
    await pools.release_db()
    return await revocations.take_back(forgotten)
