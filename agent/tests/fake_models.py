"""How the fake language models behave, by name.

obey            does what `tool_choice` says; else calls what the words "call <tool>
                {json}" say; else talks
disobey         talks, whatever it is told; `disobey-once` the first time
broken-json     writes arguments that are no JSON; `broken-json-once` the first time
wrong-arguments writes arguments that fit no schema
other-tool      calls a tool that it was not offered
refuse, nothing a refusal; an empty answer
unforceable     answers 400 to a forced `tool_choice`; calls the first tool otherwise
unforceable-disobey   the same, and talks
hang, dies, cut, busy, key, down, nonsense, garbled, late-error, too-long, endless
                the faults of `Fault`
slow            obeys with a pause between two pieces

With `-telling` at its end, a behaviour begins when a tool has answered; before that
the model obeys: `dies-telling`, `nothing-telling`.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

PATCHBAYS = ("You have not called", "These calls were not made", "Your answer broke")

type Fault = Literal[
    "hang",  # takes the request and never answers
    "dies",  # breaks off in the middle of its answer
    "cut",  # ends its answer without an end
    "busy",  # 429
    "key",  # 401
    "down",  # 500
    "nonsense",  # 200 and a web page
    "garbled",  # a stream that is no JSON
    "late-error",  # an error in the middle of the stream
    "too-long",  # 400, more than it can read
    "no-force",  # 400, because of tool_choice
    "endless",  # does not stop talking
]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a model answers. A fault may begin with a part of the rest."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    refusal: str = ""
    fault: Fault | None = None
    # Why it ends, where that is neither the end nor a call.
    finish: str = ""
    pause_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, as a model sees it. `count` is how many it has seen, with this."""

    body: dict[str, Any]
    count: int = 1
    tools: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        offered = self.body.get("tools") or []
        by_name = {tool["function"]["name"]: tool["function"] for tool in offered}
        object.__setattr__(self, "tools", by_name)

    @property
    def is_forced(self) -> bool:
        return self.body.get("tool_choice") not in (None, "auto", "none")

    @property
    def allowed(self) -> list[str]:
        match self.body.get("tool_choice"):
            case {"type": "function", "function": {"name": str(name)}}:
                return [name]
            case {"type": "allowed_tools", "allowed_tools": {"tools": list(tools)}}:
                return [tool["function"]["name"] for tool in tools]
            case "none":
                return []
        return list(self.tools)

    @property
    def has_results(self) -> bool:
        return bool(self.body["messages"][-1]["role"] == "tool")

    @property
    def words(self) -> str:
        """What the person wrote last; what Patchbay says in their place is not."""
        said = [text_of(m) for m in self.body["messages"] if m["role"] == "user"]
        words = [text for text in said if not text.startswith(PATCHBAYS)]
        return words[-1] if words else ""


def reply_of(model: str, asked: Asked) -> Reply:
    """Answer as `model` does. A model that nobody knows obeys."""
    name, telling, _ = model.partition("-telling")
    if telling and not asked.has_results:
        return obey(asked)
    return BEHAVIOURS.get(name, obey)(asked)


def obey(asked: Asked) -> Reply:
    wanted = re.search(r"call ([\w-]+)\s*(\{.*\})?", asked.words, re.DOTALL)
    named = wanted[1] if wanted else ""
    allowed = asked.allowed
    if asked.is_forced:
        return call(asked, named if named in allowed else allowed[0])
    if asked.has_results:
        return Reply(text="Done: " + text_of(asked.body["messages"][-1])[:400])
    if named in allowed:
        return call(asked, named)
    return Reply(text=f"You said: {asked.words}. I see {len(asked.tools)} tools.")


def call(asked: Asked, name: str) -> Reply:
    """Call a tool with the JSON that the person wrote, or the least that fits."""
    written = re.search(r"\{.*\}", asked.words, re.DOTALL)
    schema = asked.tools[name].get("parameters") or {}
    arguments = written[0] if written else json.dumps(sample(schema, asked.words))
    return Reply(calls=((name, arguments),))


def disobey(asked: Asked) -> Reply:
    return Reply(text="I would rather just talk.")


def disobey_once(asked: Asked) -> Reply:
    return disobey(asked) if asked.count == 1 else obey(asked)


def broken_json(asked: Asked) -> Reply:
    said = obey(asked)
    return Reply(
        text=said.text, calls=tuple((name, '{"a": ') for name, _ in said.calls)
    )


def broken_json_once(asked: Asked) -> Reply:
    return broken_json(asked) if asked.count == 1 else obey(asked)


def wrong_arguments(asked: Asked) -> Reply:
    said = obey(asked)
    wrong = json.dumps({key: [[]] for key in ("query", "note_id", "a", "no_such")})
    return Reply(text=said.text, calls=tuple((name, wrong) for name, _ in said.calls))


def other_tool(asked: Asked) -> Reply:
    if asked.has_results and not asked.is_forced:
        return obey(asked)
    return Reply(calls=(("made_up__tool", "{}"),))


def unforceable(asked: Asked) -> Reply:
    if asked.is_forced:
        return Reply(fault="no-force")
    if asked.tools and not asked.has_results:
        return call(asked, next(iter(asked.tools)))
    return obey(asked)


def unforceable_disobey(asked: Asked) -> Reply:
    return Reply(fault="no-force") if asked.is_forced else disobey(asked)


def slow(asked: Asked) -> Reply:
    said = obey(asked)
    return Reply(text=said.text, calls=said.calls, pause_s=0.05)


def _failing(fault: Fault) -> Callable[[Asked], Reply]:
    def fail(asked: Asked) -> Reply:
        said = obey(asked)
        return Reply(text=said.text, calls=said.calls, fault=fault)

    return fail


FAULTS: tuple[Fault, ...] = (
    "hang", "dies", "cut", "busy", "key", "down", "nonsense", "garbled", "late-error",
    "too-long", "endless",
)  # fmt: skip
BEHAVIOURS: dict[str, Callable[[Asked], Reply]] = {
    "obey": obey,
    "disobey": disobey,
    "disobey-once": disobey_once,
    "broken-json": broken_json,
    "broken-json-once": broken_json_once,
    "wrong-arguments": wrong_arguments,
    "other-tool": other_tool,
    "refuse": lambda asked: Reply(refusal="I cannot help with that."),
    "nothing": lambda asked: Reply(),
    "unforceable": unforceable,
    "unforceable-disobey": unforceable_disobey,
    "slow": slow,
    **{fault: _failing(fault) for fault in FAULTS},
}


def sample(
    schema: dict[str, Any], words: str, root: dict[str, Any] | None = None
) -> Any:
    """Make the least that fits a schema; texts are what the person wrote."""
    root = schema if root is None else root
    if "$ref" in schema:
        node: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        return sample(node, words, root)
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if "enum" in schema:
        return schema["enum"][0]
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in schema:
            return sample(schema[keyword][0], words, root)
    return _of_type(schema, words, root)


def _of_type(schema: dict[str, Any], words: str, root: dict[str, Any]) -> Any:
    if schema.get("type") == "object" or "properties" in schema:
        needed = schema.get("required", [])
        known = schema.get("properties", {})
        return {name: sample(known.get(name, {}), words, root) for name in needed}
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    values = {"string": words, "integer": 1, "number": 1.5, "boolean": True}
    return [] if kind == "array" else values.get(str(kind))


def text_of(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)
