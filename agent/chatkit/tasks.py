"""Calls, notices and ends as tasks: a line with a mark, and more where it is opened.

What a tool was sent and answered is a stranger's, so it stands in fences; a title is
plain text.
"""

import json
from typing import Any, Final, Literal

from chatkit.types import CustomTask
from django.conf import settings
from django.urls import reverse

from agent.parts import Part
from agent.receipts import ANSWER_CHARS, Receipt, receipt
from connectors.text import reveal
from systemtools.export.markdown import escaped, fenced

_ICONS: Final = {
    "info": "info",
    "direct": "square-code",
    "review": "info",
    "bad": "bug",
}
_ENDED: Final = "This answer ended early."


def of_call(part: Part) -> CustomTask:
    """Return a call that has begun, or was refused at once."""
    shown = receipt(part)
    is_at_work = shown.state == "checking"
    indicator: Literal["loading", "complete"] = "loading" if is_at_work else "complete"
    return CustomTask(
        title=_title(shown),
        icon="search" if part.get("reads_only") else "write",
        status_indicator=indicator,
        content="\n\n".join(_paragraphs(part, shown)),
    )


def of_notice(part: Part) -> CustomTask:
    """Return a sentence between the others, with where it is put right."""
    return CustomTask(
        title=notice_title(part),
        icon=_ICONS.get(part["level"], "info"),
        content="\n\n".join(notice_details(part)) or None,
    )


def of_end(part: Part) -> CustomTask:
    """Return why an answer ended early."""
    code = f"`{part['error_code']}`" if part.get("error_code") else None
    return CustomTask(title=end_message(part), icon="info", content=code)


def end_message(part: Part) -> str:
    return str(part.get("message") or _ENDED)


def notice_title(part: Part) -> str:
    mode = "Direct mode. " if part["level"] == "direct" else ""
    return f"{mode}{part['text']}"


def notice_details(part: Part) -> list[str]:
    """Return what else a notice says, as Markdown."""
    found = [escaped(part["detail"])] if part.get("detail") else []
    if way_out := _way_out(part):
        found.append(
            f"[{escaped(part.get('link_label') or 'See evidence')}]({way_out})"
        )
    if part.get("code"):
        found.append(f"`{part['code']}`")
    return found


def _title(shown: Receipt) -> str:
    """Return a call in one line: what it is, and how it is going."""
    said = shown.about
    if shown.state == "checking":
        said = shown.progress or shown.word
        if shown.percent is not None:
            said = f"{said} · {shown.percent} %"
    elif shown.state != "ready":
        said = shown.word
    took = f" · {shown.took}" if shown.took else ""
    return f"{shown.source}: {shown.tool}{took}" + (f" · {said}" if said else "")


def _paragraphs(part: Part, shown: Receipt) -> list[str]:
    unsent = part["state"] in ("invalid", "refused")
    found = ["**Would have been sent**" if unsent else "**Sent**"]
    arguments = part.get("arguments")
    found += _sent(arguments) if arguments else ["No arguments"]
    if shown.file is not None:
        address = f"{settings.PUBLIC_URL}{shown.file.path}"
        found += ["**Answered**", f"[{escaped(shown.file.name)}]({address})"]
    elif shown.answered:
        found += ["**Answered**", fenced(shown.answered)]
        if shown.more:
            found.append(f"{shown.more} more characters are in the recorded call.")
    elif part.get("summary"):
        found += ["**Answered**", fenced(shown.about)]
    elif shown.state != "checking":
        found.append(escaped(shown.about or shown.word))
    found.append(_evidence(part, shown))
    return [paragraph for paragraph in found if paragraph]


def _evidence(part: Part, shown: Receipt) -> str:
    """Say why it ran without asking, and lead to what is on record."""
    call_id = part.get("call_id")
    record = ""
    if call_id:
        path = reverse("call", args=[call_id])
        record = f"[Recorded call]({settings.PUBLIC_URL}{path})"
    return " · ".join(filter(None, (escaped(shown.why), record)))


def _sent(arguments: dict[str, Any]) -> list[str]:
    """Show arguments as they were sent; an open card shows more of them."""
    whole = json.dumps(arguments, indent=2, ensure_ascii=False)
    shown = [fenced(reveal(whole[:ANSWER_CHARS]))]
    if len(whole) > ANSWER_CHARS:
        shown.append(f"{len(whole) - ANSWER_CHARS} more characters are not shown.")
    return shown


def _way_out(part: Part) -> str:
    link = str(part.get("link") or "")
    if not link and part.get("connector_id"):
        link = reverse("connector", args=[part["connector_id"]])
    return f"{settings.PUBLIC_URL}{link}" if link.startswith("/") else link
