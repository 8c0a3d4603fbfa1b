"""What can be made to fail, one switch for each."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal

LONGEST_S = 86_400 * 365


def switch(default: Any, about: str, *choices: str) -> Any:
    """Make a field with what the control page says of it."""
    return field(default=default, metadata={"about": about, "choices": choices})


def on(about: str) -> Any:
    return field(default=True, metadata={"about": about, "choices": ()})


def off(about: str) -> Any:
    return field(default=False, metadata={"about": about, "choices": ()})


class Switchboard:
    """What every set of switches can do; a new one has nothing broken."""

    def state(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in _switches(self)}

    def reset(self) -> None:
        """Repair everything, in place."""
        for each in _switches(self):
            setattr(self, each.name, each.default)

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set switches by name, from JSON or from the texts of a form.

        Raises:
            ValueError: there is no such switch, or it has no such state; then
                nothing was changed.
        """
        known = {each.name: each for each in _switches(self)}
        if unknown := sorted(set(wanted) - set(known)):
            raise ValueError(f"There is no switch {unknown[0]!r}.")
        read = {name: _read(known[name], value) for name, value in wanted.items()}
        for name, value in read.items():
            setattr(self, name, value)


@dataclass(kw_only=True)
class Switches(Switchboard):
    """The state of every switch; a new one has nothing broken."""

    expires_in_s: int = switch(3600, "Seconds that an access token lives.")
    says_expiry: bool = on("Token answers say when the token expires.")
    rotates: bool = on(
        "Each refresh gives a new refresh token, and a used one that comes again ends"
        " the whole sign-in. Off: the same refresh token stays.",
    )
    issues_refresh_token: bool = on(
        "Whoever was allowed offline_access gets a refresh token."
    )
    refuses_tokens: bool = off(
        "The journal answers 401 to every access token, fresh ones too."
    )
    token_delay_s: float = switch(
        0.0,
        "Seconds before the token endpoint begins to work. Who hangs up meanwhile has"
        " changed nothing.",
    )
    token_endpoint: Literal[
        "works", "503", "html", "huge", "garbled", "lost", "silent"
    ] = switch(
        "works",
        "What the token endpoint answers. huge: a body without end. garbled: an error"
        " full of control characters. lost: it does its work, then answers 503."
        " silent: it does its work and never answers.",
        *("works", "503", "html", "huge", "garbled", "lost", "silent"),
    )
    pkce_in_metadata: bool = on("The metadata says that PKCE is understood.")
    wrong_issuer: bool = off(
        "The metadata names an issuer that is not the one that was asked."
    )
    iss: Literal["right", "wrong", "missing", "not offered"] = switch(
        "right",
        "The issuer in the redirect (RFC 9207). missing: promised and not sent. not"
        " offered: neither promised nor sent.",
        *("right", "wrong", "missing", "not offered"),
    )
    registration: Literal["open", "refused", "not offered"] = switch(
        "open",
        "Whether clients can register themselves. refused: 403. not offered: no"
        " registration endpoint in the metadata.",
        *("open", "refused", "not offered"),
    )
    client_documents: bool = off(
        "A client may be known by the address of its own description (Client ID"
        " Metadata Document), without registration.",
    )
    revocation: Literal["works", "fails", "not offered"] = switch(
        "works",
        "Whether tokens can be revoked. fails: 503. not offered: no revocation"
        " endpoint in the metadata.",
        *("works", "fails", "not offered"),
    )
    challenges: bool = on(
        "A refusal of the journal says in WWW-Authenticate where its metadata is. Off:"
        " it is only at its well-known place.",
    )
    wrong_resource: bool = off("The journal's metadata describes another server.")
    authorization_servers: Literal["one", "first of two", "second of two"] = switch(
        "one",
        "Which of the authorization servers that the journal lists is this one. The"
        " other has no metadata.",
        *("one", "first of two", "second of two"),
    )


def _switches(board: Any) -> tuple[Field[Any], ...]:
    return fields(board)


def _read(switch: Field[Any], value: Any) -> Any:
    if isinstance(switch.default, bool):
        words = {"true": True, "on": True, "false": False, "off": False}
        state = words.get(str(value).lower())
        if state is None:
            raise ValueError(f"{switch.name} is on or off.")
        return state
    if choices := switch.metadata["choices"]:
        if value not in choices:
            raise ValueError(f"{switch.name} is one of: {', '.join(choices)}.")
        return value
    default: Any = switch.default
    try:
        number = type(default)(value)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number <= LONGEST_S:
        raise ValueError(f"{switch.name} is a number of seconds.")
    return number
