"""Sources of tools that cannot be used now: why, and what a person can do about it."""

from dataclasses import dataclass
from enum import StrEnum

from agent import links


class Remedy(StrEnum):
    """What a person can do about a source that cannot be used."""

    NONE = ""
    # A sign-in by OAuth is all that is missing.
    SIGN_IN = "sign_in"
    # Its server asks for a sign-in of a kind that is not known yet.
    OFFER = "offer"
    CREDENTIALS = "credentials"
    # A system tool that they have not connected.
    CONNECT = "connect"


@dataclass(frozen=True, kw_only=True)
class Absent:
    """A source whose tools cannot be used now: `code`, and why in a sentence."""

    source: str
    ref: str
    slug: str
    label: str
    code: str
    message: str
    # Whether a person or an administrator wanted it so.
    is_chosen: bool = False
    # Whether it is merely away, and tried again beside each turn.
    is_tried: bool = False
    # Whether it is not the person's at all: a system tool that they could connect.
    is_offer: bool = False
    # What the person can do about it.
    remedy: Remedy = Remedy.NONE

    @property
    def waits_for_sign_in(self) -> bool:
        return self.remedy == Remedy.SIGN_IN

    @property
    def way_out(self) -> dict[str, str]:
        """A link to where the person can put it right, as notices have it."""
        match self.remedy:
            case Remedy.SIGN_IN | Remedy.OFFER:
                page = links.sign_in(self.source, self.ref)
                return {"link": page, "link_label": "Sign in"}
            case Remedy.CREDENTIALS:
                page = links.credentials(self.ref)
                return {"link": page, "link_label": "Enter credentials"}
            case Remedy.CONNECT:
                page = links.system_tool(self.ref)
                return {"link": page, "link_label": f"Connect {self.label}"}
        return {}
