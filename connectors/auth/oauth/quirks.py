"""What single providers want beside the standard, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Quirk:
    """One provider, known by the host of its authorization endpoint or below it.

    `authorize` are parameters of the authorization request. `label` are the places
    in a token answer that tell whose account it is, with dots between the levels.
    """

    host: str
    authorize: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    label: tuple[str, ...] = ()


NONE = Quirk(host="")
QUIRKS = (
    # Gives a refresh token only when it is asked for so, and only with consent:
    # https://developers.google.com/identity/protocols/oauth2/web-server
    Quirk(
        host="accounts.google.com",
        authorize={"access_type": "offline", "prompt": "consent"},
    ),
    # https://developers.notion.com/docs/authorization
    Quirk(host="notion.com", label=("workspace_name",)),
    # https://api.slack.com/authentication/oauth-v2
    Quirk(host="slack.com", label=("team.name",)),
    # https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/
    Quirk(host="auth.atlassian.com", authorize={"prompt": "consent"}),
)


def of(url: str) -> Quirk:
    """Return what is known of the provider at `url`."""
    host = urlsplit(url).hostname or ""
    for quirk in QUIRKS:
        if host == quirk.host or host.endswith(f".{quirk.host}"):
            return quirk
    return NONE
