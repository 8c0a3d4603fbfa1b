"""The names by which models and clients know tools: `<slug>__<tool>`.

A name is made once and kept in a row. It depends on its own tool alone, so that no
new connector renames the tools of another, and it is not given again when the tool
or its connector is gone: a history that mentions it never comes to mean another
tool. The way back is the row; a name is never taken apart.
"""

import hashlib
import itertools
import json
import re
from collections.abc import Mapping

from agent.models import ToolName

# What all providers accept (OpenAI, Anthropic and Gemini have this in common).
NAME_CHARS = 64
DIGEST_CHARS = 8
_NOT_IN_NAME = re.compile("[^A-Za-z0-9_-]")

# source, ref, tool: "connector", "12", "search"
ToolKey = tuple[str, str, str]


def ensure(*, user_id: int, tools: Mapping[ToolKey, str]) -> dict[ToolKey, str]:
    """Return the wire names of all tools that the person has, or ever had.

    `tools` gives the slug of each tool that is there now; those without a name get
    one. One query if all have one. Of two processes that name the same tools at
    once, one does it and both return its names.
    """
    stored = _stored(user_id)
    # In one order, so that two processes cannot wait for each other's rows.
    missing = sorted(tools.keys() - stored.keys())
    for attempt in itertools.count():
        if not missing:
            return stored
        # Whoever lost a name, to another process or to a tool that is spelled like
        # it, has none afterwards and tries the next.
        ToolName.objects.bulk_create(
            [
                ToolName(
                    user_id=user_id,
                    source=key[0],
                    ref=key[1],
                    tool=key[2],
                    wire_name=candidate(key, slug=tools[key], attempt=attempt),
                )
                for key in missing
            ],
            ignore_conflicts=True,
        )
        stored = _stored(user_id)
        missing = [key for key in missing if key not in stored]
    raise AssertionError("unreachable")


def candidate(key: ToolKey, *, slug: str, attempt: int = 0) -> str:
    """Return the name that a tool gets if all `attempt` earlier ones are taken.

    At most 64 of `[A-Za-z0-9_-]`. A name that had to be changed ends in a digest of
    the tool's identity, and so does one that somebody else has.
    """
    plain = f"{slug}__{key[2]}"
    name = _NOT_IN_NAME.sub("_", plain)
    if name == plain and len(name) <= NAME_CHARS:
        if attempt == 0:
            return name
        attempt -= 1
    identity = json.dumps([*key, attempt] if attempt else key)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:DIGEST_CHARS]
    return f"{name[: NAME_CHARS - DIGEST_CHARS - 1]}_{digest}"


def _stored(user_id: int) -> dict[ToolKey, str]:
    rows = ToolName.objects.filter(user_id=user_id)
    found = rows.values_list("source", "ref", "tool", "wire_name")
    return {(source, ref, tool): name for source, ref, tool, name in found}
