"""Steps that the tests of Gmail take again and again, with a Google on this machine."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from asgiref.sync import async_to_sync

from accounts.models import User
from connectors import sign_in as connectors_sign_in
from connectors.recording import CallResult
from connectors.sign_in import Finished
from demo.google.mailboxes import Stored
from demo.google.running import RunningGoogle
from systemtools import calls
from systemtools.gmail.google import provider

SESSION = "session-of-alice"


def params_of(location: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(location).query))


def begun(user: User) -> str:
    """Return where alice is sent to allow it."""
    started = async_to_sync(provider.start)(
        user_id=user.pk, tool_id="gmail", session_key=SESSION
    )
    return started.authorization_url


def connected(user: User, google: RunningGoogle, **answer: Any) -> Finished:
    """Connect Gmail, all the way through Google's page."""
    back = google.sign_in(begun(user), **answer)
    return async_to_sync(connectors_sign_in.finish)(
        user_id=user.pk, session_key=SESSION, params=params_of(back)
    )


def call(user: User, name: str, **arguments: Any) -> CallResult:
    return async_to_sync(calls.call_tool)(
        user_id=user.pk,
        username=user.username,
        tool_id="gmail",
        name=name,
        via="page",
        arguments=arguments,
    )


def answer(user: User, name: str, **arguments: Any) -> Any:
    """Call, and return what was answered."""
    result = call(user, name, **arguments)
    assert not result.is_error, result.content
    return result.structured_content


def refusal(user: User, name: str, **arguments: Any) -> str:
    """Call, and return the tool's own word that it failed."""
    result = call(user, name, **arguments)
    assert result.is_error, json.dumps(result.content)
    return str(result.content[0]["text"])


def found(user: User, query: str) -> Any:
    """Return the one mail that suits `query`."""
    [one] = answer(user, "search", query=query)["mails"]
    return one


def headers(stored: Stored) -> list[str]:
    """Return the names of the headers that a mail has."""
    return sorted(name.lower() for name in stored.message)
