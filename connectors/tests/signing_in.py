"""Steps that the tests of sign-ins take again and again, with a real authority."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from asgiref.sync import async_to_sync

from accounts.models import User
from connectors import sign_in
from connectors.models import UserMCPConnection
from connectors.sign_in import Finished, Started
from demo.authority.running import RunningAuthority

SESSION = "session-of-alice"


def params_of(location: str) -> dict[str, str]:
    """Return what a redirect brings to our callback."""
    return dict(parse_qsl(urlsplit(location).query))


def started(user: User, url: str = "", **given: Any) -> Started:
    """Begin a sign-in: to `url`, or to the `connector_id` or `draft_id` given."""
    names = given.keys() & {"name", "suggested_name", "auth_config"}
    draft = {name: given.pop(name) for name in names}
    if url:
        prepare = async_to_sync(sign_in.prepare)
        given["draft_id"] = prepare(user_id=user.pk, server_url=url, **draft).pk
    given.setdefault("session_key", SESSION)
    return async_to_sync(sign_in.start)(user_id=user.pk, **given)


def finished(
    user: User, params: dict[str, str], *, session_key: str = SESSION
) -> Finished:
    return async_to_sync(sign_in.finish)(
        user_id=user.pk, session_key=session_key, params=params
    )


def signed_in(
    user: User,
    authority: RunningAuthority,
    account: str = "ada",
    *,
    first: Callable[[], object] = lambda: None,
    **given: Any,
) -> Finished:
    """Sign in to the journal as `account`, all the way."""
    if not given.keys() & {"connector_id", "draft_id"}:
        given.setdefault("url", authority.mcp_url)
    begun = started(user, **given)
    location = authority.sign_in(begun.authorization_url, account)
    first()
    return finished(user, params_of(location))


def connected(
    user: User, authority: RunningAuthority, account: str = "ada", **given: Any
) -> UserMCPConnection:
    """Return a connector that is signed in to the journal as `account`."""
    found = signed_in(user, authority, account, **given).connector
    assert found is not None
    return found
