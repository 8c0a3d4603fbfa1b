"""What a server asks the person in the middle of a call, and what they answer.

Form mode asks for a few values, URL mode to open a page of the server's choosing.
Everything in a question is text from outside. Source: specification 2026-07-28,
"Elicitation".
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

# What the answers to a form may be made of; there is no nesting.
type Value = str | int | float | bool | list[str] | None
type Action = Literal["accept", "decline", "cancel"]


@dataclass(frozen=True, kw_only=True)
class InputAsk:
    """One question, cleaned: a form, or a page to open.

    Show which server asks. Never open or load `url` for the person: show all of it,
    and let them follow it if they want to.
    """

    # Who asks, as `scheme://host[:port]`: what it calls itself could be anything.
    origin: str
    message: str
    # The form, a JSON Schema of flat values; None in URL mode.
    schema: dict[str, Any] | None = None
    url: str = ""

    def prefilled(self) -> dict[str, Any]:
        """Return what the form shows before the person has typed: its defaults.

        Source: SEP-1034.
        """
        properties = (self.schema or {}).get("properties")
        if not isinstance(properties, dict):
            return {}
        return {
            name: spec["default"]
            for name, spec in properties.items()
            if isinstance(spec, dict) and "default" in spec
        }


@dataclass(frozen=True, kw_only=True)
class InputAnswer:
    """What the person did with a question.

    They accepted it, with the values of the form or to open the page; declined it;
    or went away. Values must fit the schema of the form: it is not checked again.
    """

    action: Action
    content: dict[str, Value] | None = field(default=None, repr=False)


# What nobody answers in time is not declined: nobody has decided anything.
UNANSWERED = InputAnswer(action="cancel")

type OnInput = Callable[[InputAsk], Awaitable[InputAnswer]]
