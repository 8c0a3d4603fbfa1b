"""A finished connection test as it is told to the person who asked for it.

Pure: made from the result and from what was tested; no secret is in either.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings

from connectors import activity, consent, fixes, server_url, tool_list, transcripts
from connectors.activity import StepLine
from connectors.consent import Consent
from connectors.errors import InvalidUrl, ServerFailure
from connectors.fixes import Fix
from connectors.models import NAME_CHARS, Transport
from connectors.steps import STEPS, Step
from connectors.text import clean
from connectors.tool_list import ToolList
from connectors.validator import ValidationResult

TOOLS_SHOWN = 6
# What a failure says about the address, and about the credentials.
AT_URL = {
    "INVALID_URL": "This is not an address that can be dialled.",
    "CONNECTION_FAILED": "Nobody could be reached here.",
    "INVALID_MCP_SERVER": "Answers, but not as an MCP server.",
}
AT_SIGN_IN = {
    "AUTH_REQUIRED": "The server asks for credentials.",
    "AUTH_FAILED": "The server refused these credentials.",
}
# The sentences that failures begin with.
PROMISED = tuple(kind.message for kind in ServerFailure.__subclasses__())
# What each step is for.
ABOUT = {
    "url": "It is an address that can be dialled.",
    "address": "It exists, and this installation may go there.",
    "connection": "Somebody answers, and proves who they are where it is encrypted.",
    "sign_in": "The server lets us in, or says what it asks for.",
    "handshake": "It speaks MCP; we agree on a revision.",
    "tools": "What it offers, before anything is saved.",
}
# What a step does while it runs.
DOING = {
    "url": "Reading the address…",
    "address": "Looking up where it is…",
    "connection": "Connecting…",
    "sign_in": "Asking whether we may come in…",
    "handshake": "Asking which protocol revision it speaks…",
    "tools": "Asking for its tools…",
}
# Labels of a host name that say nothing about whose server it is.
_COMMON = frozenset({"api", "app", "gateway", "mcp", "server", "sse", "www"})
_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "gov", "net", "org"})


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is shown of a test: the verdict first, then what it rests on."""

    result: ValidationResult
    headline: str
    sentence: str
    facts: str
    steps: list[StepLine]
    failed_at: int
    tools: ToolList
    fixes: list[Fix]
    # The sign-in that the server offers, asked for or not.
    offer: Consent | None
    at_url: str
    at_sign_in: str
    transcript: str
    for_owner: str

    @property
    def reads(self) -> int:
        return sum(map(tool_list.reads_only, self.result.tools))

    @property
    def changes(self) -> int:
        return len(self.result.tools) - self.reads


def of(
    *,
    result: ValidationResult,
    url: str,
    offered: bool,
    tested_at: datetime,
    needs_client: bool = False,
) -> Report:
    """Return what is shown of `result`, which a test of `url` had.

    `offered` tells whether credentials were sent, `needs_client` whether nobody can
    sign in there before a client is registered by hand.
    """
    headline, sentence = _verdict(result)
    transcript = transcripts.as_text(result.transcript)
    code, sign_in = result.error_code or "", result.sign_in
    return Report(
        result=result,
        headline=headline,
        sentence=sentence,
        facts=_facts(result),
        steps=_lines(result, headline),
        failed_at=_failed_at(result),
        tools=tool_list.find(result.tools, limit=TOOLS_SHOWN),
        fixes=fixes.suggest(result=result, url=url, offered=offered),
        offer=consent.of(sign_in, needs_client=needs_client) if sign_in else None,
        at_url=AT_URL.get(code, ""),
        # Who offers a sign-in is told of at length; nothing is wrong at the field.
        at_sign_in="" if sign_in and not offered else AT_SIGN_IN.get(code, ""),
        transcript=transcript,
        for_owner=_for_owner(result, url, tested_at, transcript),
    )


def waiting(*, explained: bool = False) -> list[StepLine]:
    """Return the lines of a test that has not begun, maybe with what they are for."""
    return [
        StepLine(
            name=step,
            css_class="todo",
            glyph="circle",
            said="waits",
            label=activity.STEP_WORDS[step],
            message=ABOUT[step] if explained else "",
            took="",
        )
        for step in STEPS
    ]


def live(step: Step) -> StepLine:
    """Return the line of a step while the test runs."""
    if step.status == "running":
        step = replace(step, message=DOING[step.step])
    return activity.step_line(step)


def suggested_name(*, url: str, server_info: Mapping[str, Any] | None = None) -> str:
    """Return what to call a server: its own title, else whose host it is on.

    "" for what is no address.
    """
    if title := clean((server_info or {}).get("name"), limit=NAME_CHARS):
        return title
    try:
        return _owner(server_url.host(url))[:NAME_CHARS]
    except InvalidUrl:
        return ""


def free_name(name: str, *, taken: Iterable[str]) -> str:
    """Return `name`, or the first "name 2", "name 3" … that nobody has."""
    lowered = {other.lower() for other in taken}
    number, found = 1, name
    while found.lower() in lowered:
        number += 1
        end = f" {number}"
        found = name[: NAME_CHARS - len(end)] + end
    return found


def _verdict(result: ValidationResult) -> tuple[str, str]:
    """Return the sentence in bold, and what explains it."""
    if result.success and not result.error_code:
        count = len(result.tools)
        return f"Connected. {count} tool{'' if count == 1 else 's'} found.", ""
    said = result.error_message or ""
    headline = next((one for one in PROMISED if said.startswith(one)), "")
    if not headline:
        headline = said.partition(". ")[0].removesuffix(".") + "."
    rest = said.removeprefix(headline).strip()
    return headline, f"{rest} {result.suggestion or ''}".strip()


def _lines(result: ValidationResult, headline: str) -> list[StepLine]:
    """Return the lines of the steps; one that failed does not repeat the headline."""
    lines = activity.step_lines(result.steps)
    return [
        replace(line, message=line.message.removeprefix(headline).strip() or "Failed")
        if line.css_class == "fail"
        else line
        for line in lines
    ]


def _facts(result: ValidationResult) -> str:
    passed = sum(step.status in ("passed", "warning") for step in result.steps)
    facts = [f"{passed} steps in {activity.took(result.duration_ms)}"]
    if result.protocol_version:
        facts.append(f"MCP {result.protocol_version}")
    if result.transport:
        facts.append(Transport(result.transport).label)
    return " · ".join(facts)


def _failed_at(result: ValidationResult) -> int:
    """Return the number of the step that failed; 0 if none did."""
    failed = [step.step for step in result.steps if step.status == "failed"]
    return STEPS.index(failed[0]) + 1 if failed else 0


def _for_owner(
    result: ValidationResult, url: str, tested_at: datetime, transcript: str
) -> str:
    """Return all that the server's owner needs to find the fault, as text."""
    steps = [
        f"{line.label:<14} {line.said:<22} {line.took:>8}  {line.message}".rstrip()
        for line in activity.step_lines(result.steps)
    ]
    parts = [
        f"MCP connection test of {server_url.without_query(url)}",
        f"{tested_at:%Y-%m-%d %H:%M:%S} UTC, at most {settings.TEST_TIMEOUT_S:g} s",
        "",
        f"{result.error_code or 'OK'}: {result.error_message or 'Connected.'}",
        "",
        *steps,
    ]
    return "\n".join([*parts, "", transcript] if transcript else parts)


def _owner(host: str) -> str:
    """Return the label of a host name that tells whose it is, as a name."""
    labels = host.removesuffix(".").split(".")
    if len(labels) < 2 or ":" in host or labels[-1].isdigit():
        return host
    if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL:
        labels = labels[:-1]
    own = [label for label in labels[:-1] if label not in _COMMON]
    return own[-1].replace("-", " ").capitalize() if own else host
