"""What a person says in ChatKit: their words, and the pick that goes with them."""

from typing import Final

from chatkit.types import ClientEffectEvent, NoticeEvent, UserMessageInput

from agent import selection
from agent.chatkit import options, streams
from agent.spoken_names import SOURCES
from agent.tool_types import Pick
from agent.toolbox import Toolbox
from connectors.errors import InvalidInput
from systemtools.export.markdown import quoted

VIA: Final = "chatkit"
# The effect that a page which embeds ChatKit may follow; the notice is for all others.
OPEN: Final = "patchbay.open"
_NO_FILES: Final = "Files cannot be sent here. Put what matters into the message."


def text_of(given: UserMessageInput) -> str:
    """Return the words of a message; what it quotes stands before them.

    Raises:
        InvalidInput: there are files with it, which nobody would read.
    """
    if given.attachments:
        raise InvalidInput.at(
            "attachments", "max_items", msg=_NO_FILES, type_="max_items"
        )
    text = "".join(part.text for part in given.content)
    if not given.quoted_text:
        return text
    return f"{quoted(given.quoted_text)}\n\n{text}"


def pick_of(user_id: int, given: UserMessageInput) -> Pick | None:
    """Return what was picked: by the id of our options, or by any name people use.

    What is not there is a pick, too: the turn refuses it, and uses nothing else.

    Raises:
        InvalidInput: it is nothing that can be picked.
    """
    chosen = given.inference_options.tool_choice
    if chosen is None or not chosen.id:
        return None
    if chosen.id.partition(":")[0] in SOURCES:
        return selection.from_field(chosen.id)
    return selection.resolve(Toolbox.load(user_id=user_id), chosen.id)


def asks_for_connectors(given: UserMessageInput) -> bool:
    """Tell whether *Manage connectors* was chosen, which is no tool."""
    chosen = given.inference_options.tool_choice
    return chosen is not None and chosen.id == options.MANAGE


def lead_to_connectors() -> streams.Events:
    """Lead to the page of the connectors; nothing is sent to anybody."""
    url = options.connectors_url()
    return streams.said(
        ClientEffectEvent(name=OPEN, data={"url": url}),
        NoticeEvent(
            level="info",
            title="Your connectors have a page of their own",
            message=f"[Manage connectors]({url}). Your message was not sent.",
        ),
    )
