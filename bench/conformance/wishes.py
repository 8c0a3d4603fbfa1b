"""What the person asks of a server's tools: each once, its form sent as it is shown.

Some scenarios name the calls that they want to see; those are made instead. What they
call null is a field that is left empty, and not sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connectors.schema_form import example


@dataclass(frozen=True, kw_only=True)
class Wish:
    tool: str
    arguments: dict[str, Any]


def of(
    scenario: str, context: dict[str, Any], tools: list[dict[str, Any]]
) -> Iterator[Wish]:
    """Yield the calls that the person makes of the tools that are shown to them."""
    named = context.get("toolCalls")
    if named:
        for call in named:
            given = call["arguments"].items()
            filled = {name: value for name, value in given if value is not None}
            yield Wish(tool=call["name"], arguments=filled)
        return
    schemas = {tool["name"]: tool["inputSchema"] for tool in tools}
    for name, schema in schemas.items():
        arguments = example(schema)
        if scenario == "json-schema-2020-12-preservation" and "schema" in arguments:
            # The scenario asks to be shown what arrived of the other tool's schema.
            arguments = {"schema": schemas["json_schema_2020_12_tool"]}
        yield Wish(tool=name, arguments=arguments)
