"""Which system tools this installation has: found by themselves, each on its own.

Whatever is wrong with one costs that one alone: it is left out, and said in the log
and by `manage.py check`.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any, Final

import structlog
from django.conf import settings
from pydantic import BaseModel

from systemtools import schema
from systemtools.base import Method, SystemTool, methods_of
from systemtools.errors import SystemToolNotFound
from systemtools.schema import BadSignature

ENTRY_POINTS: Final = "patchbay.system_tools"
# The module of a folder that has the class.
MODULE: Final = "tool"
# A tool's id begins its wire names, as the slug of a connector does.
_ID: Final = re.compile("[a-z][a-z0-9-]{0,23}")
_METHOD: Final = re.compile("[a-z][a-z0-9_]{0,39}")
_TEXTS: Final = (("name", 100), ("description", 500), ("category", 40), ("icon", 40))

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that is no usable system tool: where it is, and why."""

    where: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Found:
    tools: tuple[type[SystemTool], ...]
    problems: tuple[Problem, ...]


def all() -> tuple[type[SystemTool], ...]:
    """Return the enabled tools by name; those that are only announced come last."""
    return tuple(kind for kind in known().tools if kind.is_enabled)


def ids() -> list[str]:
    """Return the ids of all tools, enabled or not: no connector has them as a slug."""
    return [kind.id for kind in known().tools]


def get(tool_id: str) -> type[SystemTool]:
    """Return the tool of this id.

    Raises:
        SystemToolNotFound: there is none, or it is not enabled.
    """
    for kind in all():
        if kind.id == tool_id:
            return kind
    raise SystemToolNotFound


def definitions(
    kind: type[SystemTool], *, granted: frozenset[str] | None = None
) -> list[dict[str, Any]]:
    """Return a tool's methods in the shape of a connector's stored tools.

    With `granted`, only those that these scopes are enough for.
    """
    return [method.definition for method in methods(kind, granted=granted).values()]


def methods(
    kind: type[SystemTool], *, granted: frozenset[str] | None = None
) -> dict[str, Method]:
    """Return a tool's methods by name; with `granted`, those that it is enough for."""
    return {
        name: method
        for name, method in methods_of(kind).items()
        if granted is None or method.scopes <= granted
    }


def known() -> Found:
    """Return what was found when it was first asked for, enabled or not."""
    return _known(tuple(settings.SYSTEM_TOOL_PACKAGES))


@cache
def _known(packages: tuple[str, ...]) -> Found:
    found = discover(packages)
    for problem in found.problems:
        log.error("system_tool.broken", where=problem.where, reason=problem.why)
    return found


def discover(packages: Iterable[str]) -> Found:
    """Look for system tools in the folders of these packages, and at entry points."""
    tools: dict[str, type[SystemTool]] = {}
    problems: list[Problem] = []
    for item in (*_in_folders(packages), *_at_entry_points()):
        if isinstance(item, Problem):
            problems.append(item)
        elif faults := _read_faults(item):
            problems += [Problem(where=_path(item), why=why) for why in faults]
        elif item.id in tools:
            why = f"the id {item.id!r} is that of {_path(tools[item.id])}"
            problems.append(Problem(where=_path(item), why=why))
        else:
            tools[item.id] = item
    ordered = sorted(tools.values(), key=lambda kind: (kind.is_coming_soon, kind.name))
    return Found(tools=tuple(ordered), problems=tuple(problems))


def why_not(kind: type[SystemTool]) -> str:
    """Return what a tool says keeps this installation from offering it, "" if nothing.

    One that cannot even say it is not offered, and costs the others nothing.
    """
    try:
        return str(kind.why_not())
    except Exception as fault:  # noqa: BLE001 - a stranger's code
        log.error(  # noqa: TRY400
            "system_tool.broken", where=_path(kind), reason=type(fault).__name__
        )
        return f"{kind.name} has a fault at this installation. Tell its operator."


def _read_faults(kind: type[SystemTool]) -> tuple[str, ...]:
    try:
        return tuple(faults_of(kind))
    except Exception as failure:  # noqa: BLE001 - a stranger's code
        return (f"it cannot be read: {type(failure).__name__}: {failure}",)


def faults_of(kind: type[SystemTool]) -> Iterator[str]:
    """Say what keeps a class from being a system tool."""
    if not isinstance(kind.id, str) or not _ID.fullmatch(kind.id):
        yield f"its id {kind.id!r} is not 1 to 24 of a-z, 0-9 and -, a letter first"
    for name, limit in _TEXTS:
        value = getattr(kind, name)
        if not isinstance(value, str) or not 0 < len(value) <= limit:
            yield f"its {name} is not 1 to {limit} characters"
    yield from _faults_of_sign_in(kind)
    yield from _faults_of_methods(kind)


def _faults_of_sign_in(kind: type[SystemTool]) -> Iterator[str]:
    config: Any = kind.Config
    asked: Any = kind.why_not
    if not callable(asked):
        yield "its why_not is no method of the class"
    if kind.auth_type not in ("none", "oauth", "config"):
        yield f"its auth_type {kind.auth_type!r} is not none, oauth or config"
    if config is not None and not _is_model(config):
        yield "its Config is no pydantic model"
    elif config is not None:
        yield from _faults_of_config(config)
    if kind.is_coming_soon:
        return
    if kind.auth_type == "config" and config is None:
        yield "its auth_type is config, and it has no Config"
    if kind.auth_type == "oauth" and kind.provider is None:
        yield "its auth_type is oauth, and it has no provider"


def _faults_of_config(config: type[BaseModel]) -> Iterator[str]:
    """Say which secrets would be lost, or stored as if they were none."""
    made = schema.of_arguments(config)
    for name, field in made["properties"].items():
        if field.get("writeOnly"):
            yield (
                f"its Config: {name} is of a kind that cannot be kept; make it a str "
                "that is marked secret"
            )
    for inner in made.get("$defs", {}).values():
        for name, field in inner.get("properties", {}).items():
            if field.get("secret"):
                yield f"its Config: {name} is secret and not at the top"


def _is_model(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)


def _faults_of_methods(kind: type[SystemTool]) -> Iterator[str]:
    try:
        found = methods_of(kind)
    except BadSignature as fault:
        yield str(fault)
        return
    if kind.is_coming_soon and found:
        yield "it is coming soon, and has methods"
    if not kind.is_coming_soon and not found:
        yield "it has no method that is marked with @tool"
    for name, method in found.items():
        if not _METHOD.fullmatch(name):
            yield f"{name}: the name is not 1 to 40 of a-z, 0-9 and _, a letter first"
        if not method.definition["title"]:
            yield f"{name}: it has no title"
        if not method.definition["description"]:
            yield f"{name}: it has no docstring"


def _in_folders(packages: Iterable[str]) -> Iterator[type[SystemTool] | Problem]:
    for package in packages:
        path = importlib.import_module(package).__path__
        for folder in sorted(info.name for info in pkgutil.iter_modules(path)):
            yield from _in_folder(f"{package}.{folder}.{MODULE}")


def _in_folder(module_name: str) -> Iterator[type[SystemTool] | Problem]:
    try:
        if find_spec(module_name) is None:
            return
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as failure:
        # A module of ours beside the folders: nothing can be below it.
        if failure.name != module_name:
            yield _unreadable(module_name, failure)
        return
    except (Exception, SystemExit) as failure:  # noqa: BLE001 - a stranger's code
        yield _unreadable(module_name, failure)
        return
    classes = [kind for kind in vars(module).values() if _is_of(kind, module_name)]
    if len(classes) == 1:
        yield classes[0]
    else:
        why = f"it has {len(classes)} classes of SystemTool with an id, not one"
        yield Problem(where=module_name, why=why)


def _is_of(value: object, module_name: str) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, SystemTool)
        and value.__module__ == module_name
        and bool(value.id)
    )


def _at_entry_points() -> Iterator[type[SystemTool] | Problem]:
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        yield _loaded(point)


def _loaded(point: EntryPoint) -> type[SystemTool] | Problem:
    try:
        kind = point.load()
    except (Exception, SystemExit) as failure:  # noqa: BLE001 - a stranger's code
        return _unreadable(point.value, failure)
    if isinstance(kind, type) and issubclass(kind, SystemTool):
        return kind
    return Problem(where=point.value, why="it is no class of SystemTool")


def _unreadable(where: str, failure: BaseException) -> Problem:
    why = f"it cannot be imported: {type(failure).__name__}: {failure}"
    return Problem(where=where, why=why)


def _path(kind: type[SystemTool]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
