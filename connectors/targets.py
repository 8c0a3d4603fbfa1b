"""What is dialled: a URL, and the credentials that go there."""

from dataclasses import dataclass, field
from typing import Any

from connectors import auth, masking, server_url
from connectors.errors import InvalidInput, InvalidUrl
from connectors.models import AuthType, UserMCPConnection


@dataclass(frozen=True, kw_only=True)
class Target:
    """A URL, and the credentials that go there. Compares by value."""

    server_url: str
    auth_type: str
    auth_config: dict[str, Any] | None = field(repr=False)
    # What a sign-in gave; it counts for OAuth alone.
    access_token: str = field(default="", repr=False)

    @property
    def secrets(self) -> set[str]:
        """What may not be shown again of the credentials."""
        token = {self.access_token} if self.access_token else set()
        return masking.secrets_of(self.auth_config) | token

    @property
    def origin(self) -> str:
        """Whose connections are counted; "" for what is no URL and is not dialled."""
        try:
            return server_url.origin(self.server_url)
        except InvalidUrl:
            return ""


def checked(*, url: str, auth_type: str, auth_config: Any) -> Target:
    """Return what may be saved: a URL without its fragment, a normalised config.

    Raises:
        InvalidInput: at `server_url` or `auth_config`.
    """
    return Target(
        server_url=_checked_url(url),
        auth_type=auth_type,
        auth_config=auth.check_config(auth_type, auth_config),
    )


def stored(row: UserMCPConnection) -> Target:
    """Return what a connector dials.

    Raises:
        SecretUnreadable: its credentials cannot be opened.
    """
    config = row.auth_config.open() if row.auth_config else None
    return Target(
        server_url=row.server_url, auth_type=row.auth_type, auth_config=config
    )


def edited(
    row: UserMCPConnection, *, url: str | None, auth_type: str | None, auth_config: Any
) -> Target | None:
    """Return what a connector dials after an edit, None if that stays as it is.

    None leaves a part as it is. Stored credentials go along to another path of the
    same origin; for another origin they have to be entered again.

    Raises:
        InvalidInput: at `server_url` or `auth_config`, there also `reentry_required`.
        SecretUnreadable: the stored credentials are needed and cannot be opened.
    """
    new_url = row.server_url if url is None else _checked_url(url)
    new_type = auth_type or row.auth_type
    elsewhere = server_url.origin(new_url) != server_url.origin(row.server_url)
    if elsewhere and new_type == row.auth_type == AuthType.OAUTH:
        raise InvalidInput.at(
            "server_url",
            msg="The new URL is another server, where you are not signed in. Add it as "
            "a new connector and sign in there.",
            type_="sign_in_elsewhere",
        )
    if auth_config is not None or new_type != row.auth_type:
        return checked(url=new_url, auth_type=new_type, auth_config=auth_config)
    if new_url == row.server_url:
        return None
    # Whoever can edit a connector, with a stolen session or token, must not be able
    # to have its secret sent to a server of his choice.
    if elsewhere and row.auth_config is not None:
        raise InvalidInput.at(
            "auth_config",
            msg="The new URL is another server. Enter the credentials for it.",
            type_="reentry_required",
        )
    return Target(
        server_url=new_url, auth_type=new_type, auth_config=stored(row).auth_config
    )


def _checked_url(url: str) -> str:
    try:
        return server_url.without_fragment(server_url.check(url))
    except InvalidUrl as error:
        raise InvalidInput.at(
            "server_url", error.constraint, msg=error.message, type_=error.constraint
        ) from None
