"""What it costs to offer tools to a model: an estimate, in tokens of each request."""

import math

from agent.tool_types import ToolSpec
from agent.wire_schema import WireSchema

# JSON and English come to about that in the tokenisers that are used today; an
# estimate on the safe side, which no provider's own count has to confirm.
CHARS_PER_TOKEN = 3.5
# The braces and words around a tool in a request.
FRAME_CHARS = 60


def of(spec: ToolSpec, *, wire_name: str, wire: WireSchema) -> int:
    """Return the tokens that a tool costs in each request that offers it."""
    said = len(wire_name) + len(spec.description.encode()) + wire.size + FRAME_CHARS
    return math.ceil(said / CHARS_PER_TOKEN)


def shown(tokens: int) -> str:
    """Return a number of tokens as people read it: 840, 6.2k, 32k."""
    if tokens < 1000:
        return str(tokens)
    digits = 1 if tokens < 99_950 else 0
    return f"{tokens / 1000:.{digits}f}".removesuffix(".0") + "k"
