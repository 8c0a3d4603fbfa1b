"""What can be made to fail at this Google."""

from dataclasses import dataclass
from typing import Literal

from demo.authority.switches import Switchboard, on, switch


@dataclass(kw_only=True)
class Switches(Switchboard):
    """The state of every switch; a new one has nothing broken."""

    expires_in_s: int = switch(3599, "Seconds that an access token lives.")
    issues_refresh_token: bool = on(
        "Who asks for offline access, with consent, gets a refresh token."
    )
    token_endpoint: Literal["works", "503"] = switch(
        "works", "What the token endpoint answers.", *("works", "503")
    )
    revocation: Literal["works", "503"] = switch(
        "works", "What the revocation endpoint answers.", *("works", "503")
    )
    gmail: Literal["works", "429", "503", "401", "html", "lost", "silent"] = switch(
        "works",
        "What the Gmail API answers. 429: too many requests. 401: every token is"
        " refused, fresh ones too. lost: it does its work, then answers 503. silent: it"
        " does its work and never answers.",
        *("works", "429", "503", "401", "html", "lost", "silent"),
    )
