"""How a connector proves who it acts for: plain dicts in, plain dicts out.

Each kind is one module with two functions: `check` says whether a config has the
right shape and returns it normalised, `headers` turns it into request headers.
"""

from collections.abc import Callable
from typing import Any

from connectors.auth import api_key, none, oauth
from connectors.errors import InvalidInput

Config = dict[str, Any] | None

_CHECKS: dict[str, Callable[[Any], Config]] = {
    "none": none.check,
    "api_key": api_key.check,
    "oauth": oauth.check,
}


def check_config(auth_type: str, auth_config: Any) -> Config:
    """Return `auth_config` normalised for `auth_type`.

    Raises:
        InvalidInput: the kind is unknown, or the config has the wrong shape.
    """
    if auth_type not in _CHECKS:
        raise InvalidInput.at(
            "auth_type",
            "enum",
            msg="The sign-in must be none, api_key or oauth.",
            type_="enum",
        )
    return _CHECKS[auth_type](auth_config)


def headers_for(
    auth_type: str, auth_config: Config, *, access_token: str = ""
) -> dict[str, str]:
    """Return the request headers that carry the credential; empty when none does.

    `access_token` is that of a sign-in; it counts for OAuth alone.
    """
    if auth_type == "oauth" and access_token:
        return oauth.headers(access_token)
    if auth_type == "api_key" and auth_config:
        return api_key.headers(auth_config)
    return {}
