"""No sign-in: nothing is offered, so a 401 says AUTH_REQUIRED."""

from typing import Any

from connectors.errors import InvalidInput


def check(config: Any) -> None:
    """Accept nothing but an absent or empty config.

    Raises:
        InvalidInput: a config came with the kind that has none; silently
            dropping a secret would look as if it were used.
    """
    if config not in (None, {}):
        raise InvalidInput.at(
            "auth_config",
            "empty",
            msg="A connector without sign-in takes no credentials.",
            type_="unexpected",
        )
