"""What a person can say of the client that signs in; most servers need none of it."""

import re
from typing import Any

from connectors.auth.oauth.clients import Client
from connectors.errors import InvalidInput

# Name -> the most characters. RFC 6749 appendix A: visible ASCII, blanks in scopes.
FIELDS = {"client_id": 500, "client_secret": 2000, "scope": 2000}
_VALUE = re.compile(r"[ -~]+")


def check(config: Any) -> dict[str, Any] | None:
    """Return the client settings of an OAuth connector, trimmed; None for none.

    Raises:
        InvalidInput: it is no object of `client_id`, `client_secret`, `scope`, or a
            value is no text that can be sent, or there is a secret and no id.
    """
    if config in (None, {}):
        return None
    if not isinstance(config, dict) or not all(
        isinstance(value, str) for value in config.values()
    ):
        raise _refuse("object", msg="Client settings are texts.")
    if unknown := set(config) - set(FIELDS):
        name = sorted(unknown)[0][:40]
        raise _refuse(
            "unexpected", msg=f"OAuth has no setting {name}: {', '.join(FIELDS)}."
        )
    found = {name: value.strip() for name, value in config.items() if value.strip()}
    for name, value in found.items():
        if len(value) > FIELDS[name] or not _VALUE.fullmatch(value):
            raise _refuse(name, "pattern", msg="This is no value that can be sent.")
    if "client_secret" in found and "client_id" not in found:
        raise _refuse("client_id", "required", msg="A secret needs its client id.")
    return found or None


def client_of(config: dict[str, Any] | None) -> Client | None:
    """Return the client that checked settings name; None if they name none."""
    if not config or "client_id" not in config:
        return None
    return Client(
        client_id=config["client_id"], client_secret=config.get("client_secret", "")
    )


def _refuse(*loc: str, msg: str) -> InvalidInput:
    return InvalidInput.at("auth_config", *loc, msg=msg, type_=loc[-1])
