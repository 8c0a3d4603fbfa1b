"""One tool of a person, as a turn sees it."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from agent import costs, wire_schema
from agent.models import Policy
from agent.names import ToolKey
from agent.tool_types import ToolSource, ToolSpec
from agent.wire_schema import WireSchema


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One tool of a person: where it is from, and what they decided about it."""

    wire_name: str
    source: ToolSource
    spec: ToolSpec
    policy: str = Policy.DEFAULT
    allowed_hash: str = ""
    pinned: bool = False
    last_used_at: datetime | None = None

    @property
    def key(self) -> ToolKey:
        return (self.source.source, self.source.ref, self.spec.name)

    @property
    def label(self) -> str:
        """What people call it: "Notes: Search the notes"."""
        return f"{self.source.label}: {self.title}"

    @property
    def title(self) -> str:
        return self.spec.title or self.spec.name

    @property
    def reads_only(self) -> bool:
        """Whether it says that it changes nothing; who says nothing may."""
        return self.spec.reads_only is True and self.spec.destructive is not True

    @property
    def asks(self) -> bool:
        """Whether the person is asked before it runs."""
        if self.policy == Policy.DEFAULT:
            return not self.reads_only
        # What the person allowed is not what it has become.
        is_other = self.allowed_hash not in ("", self.spec.definition_hash)
        return self.policy != Policy.ALLOW or is_other

    @cached_property
    def wire(self) -> WireSchema:
        """Its schema as a model sees it."""
        return wire_schema.of(self.spec)

    @cached_property
    def cost(self) -> int:
        """The tokens that offering it costs in each request, estimated."""
        return costs.of(self.spec, wire_name=self.wire_name, wire=self.wire)
