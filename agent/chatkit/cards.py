"""What waits for the person, and what they decided, as ChatKit's widgets.

Plain text wherever a stranger's words stand: only what is ours is Markdown. A button
says what was decided and nothing else: which call it is about is known by its item.

Source: openai-chatkit, `chatkit.widgets`.
"""

from typing import Any, Final

from chatkit.widgets import DynamicWidgetRoot

from agent import links
from agent.asked import Asked, asked
from agent.parts import Part
from agent.receipts import Argument, Receipt, receipt
from systemtools.export.markdown import escaped

type Node = dict[str, Any]

# Of the buttons: what `dispatch` knows.
DECIDE: Final = "patchbay.decide"
ANSWER: Final = "patchbay.answer"
GO_ON: Final = "patchbay.go_on"
USE: Final = "patchbay.use"
_EFFECTS: Final = {True: "Reads", False: "Changes things", None: "May change things"}


def approval(part: Part) -> DynamicWidgetRoot:
    """Ask for the person's word for a call, with exactly what it will send."""
    shown = receipt(part)
    whose = f"{shown.tool} of {shown.source}"
    sent = f"Exactly this will be sent to {whose}:"
    if not shown.arguments:
        sent = f"Nothing but its name will be sent to {whose}."
    return _card(
        _heading(str(part.get("question") or "Run this tool?"), _effect(part)),
        _quiet(sent),
        *_arguments(shown.arguments),
        _row(
            _button("Allow once", DECIDE, "once", style="primary"),
            _button("Always allow this tool", DECIDE, "always", variant="outline"),
            _button("Decline", DECIDE, "decline", variant="ghost"),
        ),
    )


def sign_in(part: Part) -> DynamicWidgetRoot:
    """Lead to the page where the person signs in; the answer goes on after it."""
    shown = _source(part)
    # The page says that the chat goes on, and its tab closes itself where it can.
    where = f"{links.sign_in_url(part['source'], part['ref'])}?from=chat"
    return _card(
        _heading(f"{shown} {_needs(part)}", "Sign in"),
        _text(_why_sign_in(part)),
        *_permissions(part),
        *_arguments(receipt(part).arguments if part["kind"] == "call" else []),
        _link(f"Continue to {shown}", where),
        _row(
            _button("I signed in, go on", GO_ON, "", style="primary"),
            _button("Decline", ANSWER, "decline", variant="ghost"),
        ),
    )


def question(shown: Asked, *, chat_url: str) -> DynamicWidgetRoot:
    """Show what a server asks in the middle of a call, and where it is answered."""
    said = [_text(shown.said)] if shown.said else []
    by = f"Asked by {shown.origin} while {shown.tool} runs. The call waits for you."
    if shown.kind == "url":
        return _card(
            _heading(f"{shown.source} asks you to open a page"),
            *said,
            *_address(shown),
            _quiet(by),
            _row(
                _button("I opened it, go on", ANSWER, "opened", style="primary"),
                _button("Decline", ANSWER, "decline", variant="ghost"),
            ),
        )
    return _card(
        _heading(f"{shown.source} asks you something"),
        *said,
        _quiet(by),
        _link("Answer it on the page of this conversation", chat_url),
        _row(_button("Decline", ANSWER, "decline", variant="ghost")),
    )


def closed(about: str, word: str) -> DynamicWidgetRoot:
    """Say in one line what became of a question."""
    return _card(_quiet(f"{about} · {word}" if about else word))


def proposals(part: Part) -> DynamicWidgetRoot:
    """Offer tools that may answer; each button asks again with that tool picked."""
    rows = [
        _col(
            _button(
                f"Use {tool['label']}", USE, tool["pick"], variant="outline", key="pick"
            ),
            *([_quiet(tool["summary"])] if tool.get("summary") else []),
        )
        for tool in part.get("tools") or ()
    ]
    detail = [_quiet(part["detail"])] if part.get("detail") else []
    return _card(_text(part["text"]), *detail, *rows)


def _card(*children: Node) -> DynamicWidgetRoot:
    return DynamicWidgetRoot.model_validate(
        {"type": "Card", "size": "full", "children": list(children)}
    )


def _heading(title: str, badge: str = "") -> Node:
    shown = {"type": "Title", "value": title, "size": "sm"}
    if not badge:
        return shown
    return _row(shown, {"type": "Badge", "label": badge, "variant": "outline"})


def _row(*children: Node) -> Node:
    return {"type": "Row", "gap": 2, "wrap": "wrap", "children": list(children)}


def _col(*children: Node) -> Node:
    return {"type": "Col", "gap": 1, "children": list(children)}


def _text(value: str) -> Node:
    return {"type": "Text", "value": value}


def _quiet(value: str) -> Node:
    return {"type": "Text", "value": value, "size": "sm", "color": "secondary"}


def _link(label: str, url: str) -> Node:
    return {"type": "Markdown", "value": f"[{escaped(label)}]({url})"}


def _button(
    label: str, action: str, decision: str, *, key: str = "decision", **how: str
) -> Node:
    payload = {key: decision} if decision else {}
    click = {"type": action, "payload": payload}
    return {"type": "Button", "label": label, "onClickAction": click, **how}


def _effect(part: Part) -> str:
    return _EFFECTS[part.get("reads_only")]


def _arguments(given: list[Argument]) -> list[Node]:
    return [node for argument in given for node in _argument(argument)]


def _argument(given: Argument) -> list[Node]:
    nodes = [{"type": "Caption", "value": given.name}, _text(given.shown)]
    if given.more:
        nodes.append(_quiet(f"{given.more} more characters are not shown."))
    return [_col(*nodes)]


def _source(part: Part) -> str:
    about: Receipt | Asked = receipt(part) if part["kind"] == "call" else asked(part)
    return about.source


def _needs(part: Part) -> str:
    if more := part.get("needs_more"):
        return "needs one more permission" if more == 1 else "needs more permissions"
    return (
        "needs you to sign in again" if part.get("is_again") else "needs you to sign in"
    )


def _why_sign_in(part: Part) -> str:
    if part.get("reason"):
        why = str(part["reason"])
    elif part.get("needs_more"):
        why = "It asks for more than you allowed."
    elif part.get("is_again"):
        why = "Its permission was withdrawn or has ended."
    else:
        why = "It asks you to sign in."
    if part["kind"] == "call":
        return f"{why} {receipt(part).tool} has not run. It goes on after you sign in."
    return f"{why} You picked it, so the answer waits and goes on after you sign in."


def _permissions(part: Part) -> list[Node]:
    wanted = part.get("permissions") or ()
    return [_text(f"It asks you to allow: {', '.join(wanted)}")] if wanted else []


def _address(shown: Asked) -> list[Node]:
    """Show the whole address, as text and as the way there."""
    if shown.address is None:
        return []
    whole = shown.address.whole
    # Text, as the address is a stranger's; the way there is https, or is not shown.
    way = [_link(f"Open {shown.address.host}", _inert(whole))]
    return [_text(whole), *(way if whole.startswith("https://") else [])]


def _inert(url: str) -> str:
    """Return an address that cannot end the Markdown that it stands in."""
    for sign in "()<>[]\\ \"'":
        url = url.replace(sign, f"%{ord(sign):02X}")
    return url
