"""`./dev new-tool`, which begins a tool."""

import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from systemtools import registry


@pytest.fixture
def root(
    tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A checkout without tools; its room can be imported as `fresh`."""
    (tmp_path / "systemtools" / "tests").mkdir(parents=True)
    (tmp_path / "systemtools" / "__init__.py").touch()
    (tmp_path / "systemtools" / "base.py").touch()
    (tmp_path / "fresh").symlink_to(tmp_path / "systemtools")
    shutil.copy(project_root / "pyproject.toml", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "fresh"]:
        del sys.modules[name]


def new_tool(root: Path, name: str) -> str:
    out = io.StringIO()
    call_command("new_tool", name, root=root, stdout=out)
    return out.getvalue()


def test_what_it_writes_is_a_tool(root: Path) -> None:
    said = new_tool(root, "World clock")
    assert "Now: ./dev test systemtools/tests/test_world_clock.py" in said
    found = registry.discover(["fresh"])
    assert found.problems == ()
    [kind] = found.tools
    assert (kind.id, kind.name) == ("world-clock", "World clock")
    assert kind.__name__ == "WorldClock"
    assert list(registry.methods(kind)) == ["hello"]


def test_its_test_fails_until_it_is_written(root: Path) -> None:
    new_tool(root, "clock")
    test = (root / "systemtools/tests/test_clock.py").read_text()
    assert 'tool_id="clock"' in test
    assert "assert not result.is_error" in test
    assert "not written yet" in (root / "systemtools/clock/tool.py").read_text()


def test_it_gets_a_place_among_the_layers(root: Path) -> None:
    new_tool(root, "Hammer")
    lines = (root / "pyproject.toml").read_text().splitlines()
    [line] = [line for line in lines if "google_drive" in line]
    assert "google_calendar | google_drive | hammer" in line
    assert line.startswith('    "')
    assert line.endswith('",')


@pytest.mark.parametrize(
    ("name", "shown", "tool_id"),
    [
        ("time", "Time", "time"),
        ("Time", "Time", "time"),
        ("google-tasks", "Google tasks", "google-tasks"),
        ("ACME Tickets", "ACME Tickets", "acme-tickets"),
        ('Über "uns"', "Über uns", "uber-uns"),
    ],
)
def test_a_name_is_spelt_for_people_and_for_programs(
    root: Path, name: str, shown: str, tool_id: str
) -> None:
    new_tool(root, name)
    [kind] = registry.discover(["fresh"]).tools
    assert (kind.name, kind.id) == (shown, tool_id)


@pytest.mark.parametrize("name", ["", "9 lives", "!!", "class", "日本"])
def test_a_name_that_makes_no_folder_is_refused(root: Path, name: str) -> None:
    with pytest.raises(CommandError, match="begins with a letter"):
        new_tool(root, name)


@pytest.mark.parametrize("name", ["base", "tests"])
def test_what_is_there_is_not_written_over(root: Path, name: str) -> None:
    with pytest.raises(CommandError, match="is there already"):
        new_tool(root, name)


def test_a_tool_is_not_begun_twice(root: Path) -> None:
    new_tool(root, "clock")
    with pytest.raises(CommandError, match="is there already"):
        new_tool(root, "Clock")
