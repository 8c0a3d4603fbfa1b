"""Begin a system tool: its folder, its class, and a test that fails."""

import keyword
import re
from argparse import ArgumentParser
from pathlib import Path
from string import Template
from typing import Final

from django.core.management.base import BaseCommand, CommandError

from connectors.text import slug
from systemtools import registry

ROOT: Final = Path(__file__).resolve().parents[3]
# Below it, the folders of tools stand in one line of the layers.
_MARK: Final = "# One folder for each tool"

INIT: Final = Template('''"""$name: a tool of this installation."""
''')
TOOL: Final = Template('''"""$name: what it is for, in one sentence."""

from typing import Annotated

from pydantic import Field

from systemtools.base import SystemTool, ToolError, tool


class $kind(SystemTool):
    id = "$id"
    name = "$name"
    description = "What a person can do with it, in one sentence."
    icon = "blocks"
    category = "Utilities"

    @tool(title="Say hello", reads_only=True)
    async def hello(
        self, whom: Annotated[str, Field(min_length=1, description="who is greeted")]
    ) -> str:
        """Greet somebody."""
        raise ToolError("This is not written yet.")
''')
TEST: Final = Template('''"""$name, called as a person calls it."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync

from accounts.models import User
from systemtools import calls, manager
from systemtools.calls import CallResult


@pytest.fixture
def person(alice: User) -> User:
    """alice, who has connected it."""
    async_to_sync(manager.connect)(user_id=alice.pk, tool_id="$id")
    return alice


def call(person: User, name: str, **arguments: Any) -> CallResult:
    return async_to_sync(calls.call_tool)(
        user_id=person.pk,
        username=person.username,
        tool_id="$id",
        name=name,
        arguments=arguments,
        via="test",
    )


def test_it_greets_who_is_named(person: User) -> None:
    result = call(person, "hello", whom="Ada")
    assert not result.is_error, result.content
    assert result.content[0]["text"] == "Hello, Ada."
''')


class Command(BaseCommand):
    help = "Begin a tool of this installation, with a test that fails."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="as people read it")
        parser.add_argument("--root", type=Path, default=ROOT, help="of the checkout")

    def handle(self, *, name: str, root: Path, **options: object) -> None:
        words = self._words(name)
        room = root / "systemtools"
        folder = room / words["folder"]
        made = {
            folder / "__init__.py": INIT,
            folder / f"{registry.MODULE}.py": TOOL,
            room / "tests" / f"test_{words['folder']}.py": TEST,
        }
        if taken := [p for p in (folder, *made, _module(folder)) if p.exists()]:
            raise CommandError(f"{taken[0].relative_to(root)} is there already.")
        folder.mkdir()
        for path, template in made.items():
            path.write_text(template.substitute(words))
            self.stdout.write(f"wrote {path.relative_to(root)}")
        _give_a_place(root / "pyproject.toml", words["folder"])
        self.stdout.write("wrote its place among the layers of pyproject.toml")
        self.stdout.write(f"\nNow: ./dev test {path.relative_to(root)}")

    def _words(self, name: str) -> dict[str, str]:
        """Return the spellings of a tool's name."""
        tool_id = slug(name, limit=24)
        folder = tool_id.replace("-", "_")
        if not re.fullmatch("[a-z]", tool_id[:1]) or keyword.iskeyword(folder):
            raise CommandError("A name begins with a letter, and is no word of Python.")
        shown = name if name != name.lower() else name.replace("-", " ").capitalize()
        shown = " ".join(re.sub(r"[^\w &().-]", " ", shown).split())
        kind = "".join(part.capitalize() for part in folder.split("_"))
        return {"id": tool_id, "folder": folder, "name": shown, "kind": kind}


def _module(folder: Path) -> Path:
    return folder.with_suffix(".py")


def _give_a_place(project: Path, folder: str) -> None:
    """Add a folder to the line of those that are tools, by name."""
    lines = project.read_text().splitlines(keepends=True)
    marked = [n for n, line in enumerate(lines) if line.strip().startswith(_MARK)]
    if len(marked) != 1:
        raise CommandError(f"{project.name} has no line {_MARK!r}.")
    at = marked[0] + 1
    known = re.findall(r"\(?\w+\)?", lines[at])
    places = sorted([*known, folder], key=lambda place: place.strip("()"))
    lines[at] = f'    "{" | ".join(places)}",\n'
    project.write_text("".join(lines))
