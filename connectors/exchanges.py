"""What every sign-in does on its way back, whatever it leads to.

A code becomes tokens, tokens that nobody keeps are taken back, and who waits for the
person is told that they have come.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.apps import apps
from django.utils.module_loading import import_string

from connectors import admission, client_identity, pools, revocations, server_url
from connectors.auth import oauth
from connectors.auth.oauth import Tokens
from connectors.errors import ClientRefused
from connectors.flows import Begun

log = structlog.get_logger(__name__)


async def exchange(begun: Begun, code: str) -> tuple[Tokens, str]:
    """Return the tokens, and whose account they are for.

    Raises:
        SignInFailed: the code or our client was refused.
        ServerFailure: no answer came.
    """
    server, client = begun.pending.server, begun.identity.client
    await pools.release_db()
    place = admission.admit(
        user_id=begun.flow.user_id, origin=server_url.origin(server.token_endpoint)
    )
    try:
        async with place, oauth.leg() as leg:
            tokens = await oauth.exchange(
                leg, pending=begun.pending, client=client, code=code
            )
            return tokens, await oauth.account_label(leg, server=server, tokens=tokens)
    except ClientRefused:
        await sync_to_async(client_identity.forget)(
            begun.identity, issuer=server.issuer
        )
        raise


async def take_back(begun: Begun, tokens: Tokens) -> None:
    """Revoke tokens that nobody keeps; the worker goes on where that fails."""
    revocation = await sync_to_async(revocations.forget_unkept)(
        user_id=begun.flow.user_id,
        server=begun.pending.server,
        client=begun.identity.client,
        tokens=tokens,
    )
    if revocation is not None:
        await revocations.carry_out(revocation.pk)


async def tell(*, user_id: int, **where: Any) -> None:
    """Tell other rooms, which their apps name as `after_sign_in`.

    `where` is `connector_id` or `system_tool`.
    """
    for app in apps.get_app_configs():
        if path := getattr(app, "after_sign_in", ""):
            hook: Callable[..., Awaitable[None]] = import_string(path)
            try:
                await hook(user_id=user_id, **where)
            except Exception:
                # The sign-in is as good: what waited for it is found by its owner.
                log.exception("oauth.hook_failed", user_id=user_id, hook=path)
