"""Faults of single tools in a listing: their schemas, names and texts."""

from typing import Any

from demo.hostile.exchange import Fault, Reply
from demo.hostile.http import Message
from demo.hostile.listing_faults import tool, tools
from demo.hostile.peer import ADD, ECHO, TOOLS
from demo.hostile.texts import HOSTILE_TEXTS

BIG_SCHEMA_BYTES = 300_000
DEEP_LEVELS = 200


def with_schema(**schema: Any) -> Reply:
    """List the good tools and one, `odd`, whose input schema has these fields."""
    return tools(*TOOLS, tool("odd", inputSchema={"type": "object"} | schema))


def deep_schema(levels: int) -> Message:
    schema: Message = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def branching_schema(levels: int) -> Message:
    """Make a small schema that takes 2 ** levels steps to check."""
    definitions: Message = {"d0": {"type": "string"}}
    for level in range(1, levels):
        below = {"$ref": f"#/$defs/d{level - 1}"}
        definitions[f"d{level}"] = {"anyOf": [below, below]}
    return {"$defs": definitions, "$ref": f"#/$defs/d{levels - 1}"}


NO_SCHEMA = {key: value for key, value in ECHO.items() if key != "inputSchema"}

TOOL_FAULTS = {
    "one-bad-tool": Fault(
        about="has a tool without input schema, among good ones",
        reply=tools(ECHO, NO_SCHEMA | {"name": "bad"}, ADD),
    ),
    "all-bad": Fault(
        about="has only tools without input schema",
        reply=tools(NO_SCHEMA, NO_SCHEMA | {"name": "bad"}),
    ),
    "schema-type": Fault(
        about="has a tool whose input is a string", reply=with_schema(type="string")
    ),
    "schema-list": Fault(
        about="has a tool whose input schema is a list",
        reply=tools(*TOOLS, tool("odd", inputSchema=["a"])),
    ),
    "schema-invalid": Fault(
        about="has an input schema that is none",
        reply=with_schema(properties={"a": {"type": "strnig", "minimum": "x"}}),
    ),
    "schema-remote": Fault(
        about="has an input schema that refers to the network",
        reply=with_schema(
            properties={
                "a": {"$ref": "http://127.0.0.1:1/schema.json"},
                "b": {"$ref": "file:///etc/passwd"},
            }
        ),
    ),
    "schema-regex": Fault(
        about="has an input schema with a slow pattern",
        reply=with_schema(
            properties={"text": {"type": "string", "pattern": "^(a+)+$"}}
        ),
    ),
    "schema-branches": Fault(
        about="has an input schema that takes 2^30 steps to check",
        reply=with_schema(properties={"text": branching_schema(30)}),
    ),
    "schema-loop": Fault(
        about="has an input schema that refers to itself",
        reply=with_schema(properties={"a": {"$ref": "#/properties/a"}}),
    ),
    "big-schema": Fault(
        about="has an input schema of 300 kB",
        reply=with_schema(description="a" * BIG_SCHEMA_BYTES),
    ),
    "deep-schema": Fault(
        about=f"has an input schema of {DEEP_LEVELS} levels",
        reply=with_schema(properties={"a": deep_schema(DEEP_LEVELS)}),
    ),
    "output-schema-type": Fault(
        about="has an output schema that is a list",
        reply=tools(*TOOLS, tool("odd", outputSchema=[])),
    ),
    "header-schema": Fault(
        about="wants an argument in a header whose name is not allowed",
        reply=with_schema(
            properties={"a": {"type": "string", "x-mcp-header": "Bad Name:"}}
        ),
    ),
    "not-tools": Fault(
        about="lists things that are not tools",
        reply=tools(*TOOLS, "tool", 7, None, []),
    ),
    "no-name": Fault(
        about="has tools with odd names",
        reply=tools(*TOOLS, *map(tool, (None, "", 7, " ", "a b", "é", "a" * 300))),
    ),
    "odd-annotations": Fault(
        about="has odd annotations",
        reply=tools(
            *TOOLS,
            tool("odd", annotations={"readOnlyHint": "yes", "title": 7}),
            tool("list", annotations=["readOnlyHint"]),
        ),
    ),
    "odd-fields": Fault(
        about="has fields of the wrong type",
        reply=tools(*TOOLS, tool("odd", title=7, description={"a": 1}, icons="x")),
    ),
    "duplicate-names": Fault(
        about="has two tools of one name",
        reply=tools(ECHO, tool("echo", description="The other."), tool("ECHO")),
    ),
    "hostile-names": Fault(
        about="has names that deceive",
        reply=tools(*TOOLS, *(tool(text) for text in HOSTILE_TEXTS.values())),
    ),
    "hostile-texts": Fault(
        about="has titles, descriptions and schemas that deceive",
        reply=tools(
            *(
                tool(
                    f"tool-{kind}",
                    title=text,
                    description=text,
                    inputSchema={
                        "type": "object",
                        "properties": {text: {"type": "string", "title": text}},
                    },
                )
                for kind, text in HOSTILE_TEXTS.items()
            )
        ),
    ),
    "long-texts": Fault(
        about="has long names, titles and descriptions",
        reply=tools(
            *TOOLS,
            tool("a" * 128, title="b" * 1_000, description="c" * 50_000),
        ),
    ),
}
