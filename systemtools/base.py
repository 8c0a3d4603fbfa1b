"""What a developer of an installation subclasses to offer a tool of its own.

    class Clock(SystemTool):
        id = "clock"
        name = "Clock"
        description = "Tells the time."
        category = "Productivity"

        @tool(title="Tell the time", reads_only=True)
        async def now(self) -> str:
            '''Tell the time, in UTC.'''
            return timezone.now().isoformat()

A folder of this room with such a class in its module `tool` is found by itself, as
is a class that another distribution names under the entry point
`patchbay.system_tools`. Nothing is migrated: what a person has of a tool is one row.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, Protocol
from weakref import WeakKeyDictionary

from pydantic import BaseModel

from connectors.listing import definition_hash
from connectors.text import clean
from systemtools import schema

type AuthKind = Literal["none", "oauth", "config"]
type Function = Callable[..., Awaitable[Any]]

# How far a call is: done, total, words.
Progress = Callable[[float, float | None, str], Awaitable[None]]

_MARK: Final = "_system_tool"


class ToolError(Exception):
    """The tool's own word that it failed: its text is for the person and the model."""


async def _untold(done: float, total: float | None, message: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """For whom a tool works, and on which way it was called.

    `config` is what the person entered, secrets included; `progress` tells them how
    far a call is.
    """

    user_id: int
    username: str
    tool_id: str
    via: str
    config: BaseModel | None = field(default=None, repr=False)
    conversation_id: int | None = None
    progress: Progress = field(default=_untold, repr=False)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A sign-in that is forgotten here: whether the provider confirmed it, in words."""

    revoked: bool
    message: str


class Provider(Protocol):
    """Who signs people in to a tool, by OAuth."""

    async def begin(self, *, user_id: int, tool_id: str, session_key: str) -> str:
        """Return where the person is sent; `session_key` as in connectors.sign_in."""
        ...

    async def end(self, *, user_id: int, tool_id: str) -> Ended:
        """Forget the sign-in here, and take it back at the provider."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Mark:
    title: str
    reads_only: bool
    destructive: bool
    scopes: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Method:
    """One tool of a system tool, as it is listed and called.

    `scopes` are what must have been granted for it; `definition` has the shape of
    a connector's stored tools.
    """

    name: str
    function: Function
    reads_only: bool
    scopes: frozenset[str]
    arguments: type[BaseModel]
    definition: dict[str, Any]


def tool[F: Function](
    *,
    title: str,
    reads_only: bool = False,
    destructive: bool = False,
    scopes: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Make an async method a tool: its docstring is what people and models read.

    `reads_only` says that it changes nothing anywhere: then nobody is asked before
    it runs, and it may be run again. `destructive` says that it may undo or
    overwrite. `scopes` are what a sign-in must have granted for it.
    """
    mark = _Mark(
        title=title,
        reads_only=reads_only,
        destructive=destructive,
        scopes=frozenset(scopes),
    )

    def marked(function: F) -> F:
        setattr(function, _MARK, mark)
        return function

    return marked


class SystemTool:
    """A tool of this installation: facts about it, and methods marked by `@tool`.

    `auth_type` says what a person does to connect it: nothing but a click, a sign-in
    at `provider`, or filling in `Config`. The fields of `Config` that are marked
    `json_schema_extra={"secret": True}` are sealed, and never shown again.
    """

    # A template is given the class, and is to read it.
    do_not_call_in_templates: ClassVar[bool] = True

    id: ClassVar[str] = ""
    name: ClassVar[str] = ""
    description: ClassVar[str] = ""
    icon: ClassVar[str] = "blocks"
    category: ClassVar[str] = ""
    auth_type: ClassVar[AuthKind] = "none"
    Config: ClassVar[type[BaseModel] | None] = None
    provider: ClassVar[Provider | None] = None
    # A page of its own: the name of its route, and what a link to it says.
    page: ClassVar[tuple[str, str] | None] = None
    # Off: as if it were not there.
    is_enabled: ClassVar[bool] = True
    is_beta: ClassVar[bool] = False
    # Announced, without methods: nobody can connect it.
    is_coming_soon: ClassVar[bool] = False

    def __init__(self, context: Context) -> None:
        self.context = context

    @property
    def config(self) -> Any:
        """What the person entered: an instance of `Config`."""
        return self.context.config

    @classmethod
    def why_not(cls) -> str:
        """Say what keeps this installation from offering it; "" if nothing does."""
        return ""


_methods: WeakKeyDictionary[type[SystemTool], dict[str, Method]] = WeakKeyDictionary()


def methods_of(kind: type[SystemTool]) -> dict[str, Method]:
    """Return the tools of a system tool by name, in the order of their definition.

    Raises:
        BadSignature: no schema can be made of one of them.
    """
    if kind not in _methods:
        _methods[kind] = _read_methods(kind)
    return _methods[kind]


def _read_methods(kind: type[SystemTool]) -> dict[str, Method]:
    found: dict[str, Method] = {}
    for base in reversed(kind.__mro__):
        for name, function in vars(base).items():
            if mark := getattr(function, _MARK, None):
                found[name] = _method(name, function, mark)
            else:
                found.pop(name, None)
    return found


def _method(name: str, function: Function, mark: _Mark) -> Method:
    if not inspect.iscoroutinefunction(function):
        raise schema.BadSignature(f"{name} is not async")
    try:
        arguments = schema.arguments_of(function)
        spec: dict[str, Any] = {
            "name": name,
            "title": clean(mark.title, limit=100),
            "description": inspect.getdoc(function) or "",
            "inputSchema": schema.of_arguments(arguments),
            "outputSchema": schema.of_result(function),
            "annotations": {
                "readOnlyHint": mark.reads_only,
                "destructiveHint": mark.destructive,
            },
        }
    except schema.BadSignature as problem:
        raise schema.BadSignature(f"{name}: {problem}") from None
    return Method(
        name=name,
        function=function,
        reads_only=mark.reads_only,
        scopes=mark.scopes,
        arguments=arguments,
        definition={**spec, "hash": definition_hash(spec)},
    )
