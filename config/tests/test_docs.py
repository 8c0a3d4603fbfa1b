"""The documents keep up with the code."""

from pathlib import Path

import pytest

# No room of their own in the table: Django's, or told apart by their folder.
NOT_LISTED = {"apps"}


@pytest.mark.parametrize("room", ["connectors", "systemtools", "agent"])
def test_every_module_has_a_place_in_the_architecture(project_root: Path, room: str):
    text = (project_root / "docs" / "architecture.md").read_text()
    folder = project_root / room
    modules = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    packages = {file.parent.name for file in folder.glob("*/__init__.py")}
    # System tools come and go: `./dev new-tool` writes no document.
    tools = {file.parent.name for file in folder.glob("*/tool.py")}
    expected = modules | packages - {"migrations", "tests"} - tools
    missing = {name for name in expected - NOT_LISTED if f"`{name}`" not in text}
    assert not missing


def test_every_decision_is_numbered_once(project_root: Path):
    decisions = sorted((project_root / "docs" / "adr").glob("*.md"))
    numbers = [file.name[:4] for file in decisions]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
