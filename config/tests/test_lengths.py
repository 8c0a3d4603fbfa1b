import subprocess
import sys
from pathlib import Path

import pytest

FUNCTION = "def {name}():\n" + "    x = 1\n" * 49


@pytest.fixture
def lengths(project_root: Path, tmp_path: Path):
    def run() -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, str(project_root / ".ci" / "lengths.py"), "."]
        return subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)

    return run


def test_what_fits_is_not_mentioned(lengths, tmp_path: Path) -> None:
    (tmp_path / "fits.py").write_text(FUNCTION.format(name="fits"))
    (tmp_path / "long.py").write_text("x = 1\n" * 300)
    done = lengths()
    assert (done.returncode, done.stdout) == (0, "")


def test_a_function_that_is_too_long_is_named(lengths, tmp_path: Path) -> None:
    text = FUNCTION.format(name="fits") + "async " + FUNCTION.format(name="stretches")
    (tmp_path / "module.py").write_text(text + "    y = 2\n")
    done = lengths()
    assert done.returncode == 1
    assert done.stdout == ("module.py:51: stretches has 51 lines, 50 are allowed\n")


def test_a_module_of_tests_may_be_longer(lengths, tmp_path: Path) -> None:
    for folder, lines in {"tests": 501, "app": 301, "migrations": 900}.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "module.py").write_text("x = 1\n" * lines)
    done = lengths()
    assert sorted(done.stdout.splitlines()) == [
        "app/module.py: 301 lines in a module, 300 are allowed",
        "tests/module.py: 501 lines in a module, 500 are allowed",
    ]
