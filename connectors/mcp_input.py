"""Questions of a server between the SDK's types and ours, for either era.

A stateless server answers the call with what it wants to know, and is sent the same
call with the answers; an older one asks while the call is open.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from mcp.client.session import ElicitationFnT
from mcp_types import (
    INVALID_PARAMS,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    ErrorData,
    InputRequiredResult,
    InputResponses,
)

from connectors import server_url
from connectors.elicitation import InputAnswer, InputAsk, OnInput
from connectors.errors import InvalidUrl, ServerError
from connectors.listing import deeper_than
from connectors.text import clean, clean_json

MESSAGE_CHARS = 4000
# Nobody answers more at once; a server that asks for more plays with us.
ASKS_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """The answer of a server that wants to know something first.

    `asks` go by the server's own keys; `state` is its own, sent back as it came.
    """

    asks: dict[str, InputAsk]
    state: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """What the same call is sent with, once its questions were answered."""

    answers: dict[str, InputAnswer]
    state: str | None = field(default=None, repr=False)
    # How often it was sent before.
    rounds: int = 1

    def responses(self) -> InputResponses | None:
        """Return the answers on the wire; none if nothing was asked."""
        return {key: write(answer) for key, answer in self.answers.items()} or None


def read(params: ElicitRequestParams, *, origin: str) -> InputAsk:
    """Return the question of the server at `origin`, fit to be shown.

    Raises:
        ServerError: it is none that a person can be shown.
    """
    message = clean(params.message, limit=MESSAGE_CHARS, multiline=True)
    if isinstance(params, ElicitRequestFormParams):
        schema = _read_schema(params.requested_schema)
        return InputAsk(origin=origin, message=message, schema=schema)
    return InputAsk(origin=origin, message=message, url=_read_url(params.url))


def read_all(result: InputRequiredResult, *, origin: str) -> Unfinished:
    """Return what a stateless server wants to know before the call goes on.

    Raises:
        ServerError: it asks for what nobody offered it, or for too much.
    """
    requests: Mapping[str, Any] = result.input_requests or {}
    asked = [one for one in requests.values() if isinstance(one, ElicitRequest)]
    if len(asked) < len(requests) or len(requests) > ASKS_AT_ONCE:
        raise ServerError("The tool asks for what cannot be given here.")
    asks = {key: read(one.params, origin=origin) for key, one in requests.items()}
    return Unfinished(asks=asks, state=result.request_state)


def write(answer: InputAnswer) -> ElicitResult:
    """Return the answer as it is sent: values go along with "accept" alone."""
    content = answer.content if answer.action == "accept" else None
    return ElicitResult(action=answer.action, content=content)


def callback(on_input: OnInput, *, origin: str) -> ElicitationFnT:
    """Return what the SDK calls when a server of the handshake era asks."""

    async def ask(
        context: Any, params: ElicitRequestParams
    ) -> ElicitResult | ErrorData:
        try:
            question = read(params, origin=origin)
        except ServerError as refusal:
            return ErrorData(code=INVALID_PARAMS, message=refusal.detail)
        return write(await on_input(question))

    return ask


def _read_schema(schema: Any) -> dict[str, Any]:
    if deeper_than(schema, settings.MAX_JSON_DEPTH):
        raise ServerError("The tool asks with a form that is nested too deeply.")
    cleaned: dict[str, Any] = clean_json(schema)
    if len(json.dumps(cleaned)) > settings.MAX_SCHEMA_BYTES:
        raise ServerError("The tool asks with a form that is too large.")
    return cleaned


def _read_url(url: str) -> str:
    """Return an address that a person may be led to: encrypted, or on this machine."""
    try:
        checked = server_url.check(url)
        host = server_url.host(checked)
    except InvalidUrl:
        raise ServerError("The tool asks to open what is no web address.") from None
    here = host in ("localhost", "::1") or host.startswith("127.")
    if not here and not checked.lower().startswith("https:"):
        raise ServerError("The tool asks to open a page that is not encrypted.")
    return checked
