"""`./dev`, run as a person runs it, in a folder with nothing but what it needs."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

# Every program that ./dev calls, but no Python.
TOOLS = "sh dirname cat mkdir rm mv ls sleep flock env".split()
MANAGE = "import sys; print('manage.py', *sys.argv[1:])\n"
ENVFILE = "print('SECRET_KEY=one'); print('ENCRYPTION_KEYS=two')\n"


@pytest.fixture
def checkout(tmp_path: Path, project_root: Path) -> Path:
    """Lay out a checkout without dependencies, and a PATH without Python."""
    folder = tmp_path / "checkout"
    (folder / "config").mkdir(parents=True)
    shutil.copy(project_root / "dev", folder)
    (folder / "requirements.txt").write_text("# nothing\n")
    (folder / "manage.py").write_text(MANAGE)
    (folder / "config" / "__init__.py").touch()
    (folder / "config" / "envfile.py").write_text(ENVFILE)
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        if path := shutil.which(name):
            (tmp_path / "bin" / name).symlink_to(path)
    return folder


def offer(checkout: Path, name: str, script: str) -> None:
    program = checkout.parent / "bin" / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def offer_python(checkout: Path, name: str) -> None:
    python = Path(sys.executable).resolve()
    offer(checkout, name, f'echo "{name}" >>"{checkout}/asked"; exec "{python}" "$@"')


def environment(checkout: Path) -> dict[str, str]:
    home = checkout.parent / "home"
    home.mkdir(exist_ok=True)
    return {"PATH": str(checkout.parent / "bin"), "HOME": str(home)}


@pytest.fixture
def dev(checkout: Path) -> Run:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(checkout / "dev"), *arguments],
            cwd=checkout.parent,
            env=environment(checkout),
            capture_output=True,
            text=True,
        )

    return run


def test_a_python_that_does_not_run_is_passed_over(checkout: Path, dev: Run) -> None:
    offer(checkout, "python3.13", "echo 'pyenv: no such version' >&2; exit 127")
    offer_python(checkout, "python3.12")
    done = dev("hello", "there")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "manage.py hello there\n"
    assert "python3.12" in (checkout / "asked").read_text()


def test_a_python_that_is_too_old_is_passed_over(checkout: Path, dev: Run) -> None:
    offer(checkout, "python3", "exit 1")
    done = dev("secrets")
    assert done.returncode == 1
    assert "Python 3.12 or newer" in done.stderr


def test_the_preferred_python_comes_first(checkout: Path, dev: Run) -> None:
    for name in ("python3", "python3.12", "python3.13"):
        offer_python(checkout, name)
    assert dev("secrets").returncode == 0
    assert set((checkout / "asked").read_text().split()) == {"python3.13"}


def test_a_python_of_pyenv_is_found(checkout: Path, dev: Run) -> None:
    offer(checkout, "python3.13", "exit 127")
    home = checkout.parent / "home"
    place = home / ".pyenv" / "versions" / "3.13.0" / "bin"
    place.mkdir(parents=True)
    (place / "python3").symlink_to(Path(sys.executable).resolve())
    assert dev("secrets").returncode == 0


def test_without_a_python_one_sentence_says_what_to_do(dev: Run) -> None:
    done = dev("run")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "Patchbay needs Python 3.12 or newer with its venv module: "
        "install Python 3.13, or uv, or name one with PYTHON=/path/to/python.\n"
    )


def test_secrets_prints_both_lines_and_writes_nothing(checkout: Path, dev: Run) -> None:
    offer_python(checkout, "python3.13")
    done = dev("secrets")
    assert done.stdout == "SECRET_KEY=one\nENCRYPTION_KEYS=two\n"
    assert not (checkout / ".env").exists()


def test_env_is_written_once_and_for_its_owner_only(checkout: Path, dev: Run) -> None:
    offer_python(checkout, "python3.13")
    env = checkout / ".env"
    assert dev("hello").returncode == 0
    assert env.read_text() == "SECRET_KEY=one\nENCRYPTION_KEYS=two\n"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    env.write_text("mine")
    assert dev("hello").returncode == 0
    assert env.read_text() == "mine"


def test_a_new_tool_is_begun_by_the_command(checkout: Path, dev: Run) -> None:
    offer_python(checkout, "python3.13")
    assert dev("new-tool", "World clock").stdout == "manage.py new_tool World clock\n"


def test_a_second_start_installs_nothing(checkout: Path, dev: Run) -> None:
    offer_python(checkout, "python3.13")
    assert "Installing requirements.txt." in dev("hello").stderr
    assert dev("hello").stderr == ""
    (checkout / "requirements.txt").write_text("# still nothing\n")
    assert "Installing requirements.txt." in dev("hello").stderr


def test_only_tests_and_gates_install_the_extra(checkout: Path, dev: Run) -> None:
    offer_python(checkout, "python3.13")
    extra = checkout / "requirements-chatkit.txt"
    extra.write_text("-r requirements.txt\n")
    (checkout / "requirements-dev.txt").write_text(f"-r {extra.name}\n")
    (checkout / ".ci").mkdir()
    (checkout / ".ci" / "test").touch()
    assert "Installing requirements-dev.txt." in dev("test").stderr
    assert dev("test").stderr == ""
    extra.write_text("-r requirements.txt\n# more\n")
    assert dev("secrets").stderr == ""
    assert "Installing requirements-dev.txt." in dev("test").stderr


def test_a_broken_venv_is_made_anew(checkout: Path, dev: Run) -> None:
    offer_python(checkout, "python3.13")
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to("/no/such/python")
    assert dev("hello").stdout == "manage.py hello\n"


@pytest.mark.parametrize("with_flock", [True, False])
def test_two_at_once_do_not_disturb_each_other(
    checkout: Path, with_flock: bool
) -> None:
    offer_python(checkout, "python3.13")
    if not with_flock:
        (checkout.parent / "bin" / "flock").unlink(missing_ok=True)
    both = [
        subprocess.Popen(
            [str(checkout / "dev"), "hello"],
            env=environment(checkout),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate() for process in both]
    assert [out for out, _ in said] == ["manage.py hello\n"] * 2
    assert sum("Making .venv" in err for _, err in said) == 1
    assert not (checkout / ".venv.lock").exists()


def test_run_is_for_development_whatever_env_says(checkout: Path, dev: Run) -> None:
    offer_python(checkout, "python3.13")
    (checkout / ".env").write_text("DEVELOPMENT=off\n")
    (checkout / "config" / "supervise.py").write_text(
        "import os, sys; print(os.environ['DEVELOPMENT'], *sys.argv[1:])\n"
    )
    done = dev("run", "--reload")
    assert done.stdout == (
        "manage.py migrate --no-input --verbosity 0\non --reload\n"
    ), done.stderr


def test_the_real_secrets_are_two_different_ones(project_root: Path) -> None:
    argv = [sys.executable, "-m", "config.envfile"]
    bare = {"PATH": os.environ["PATH"]}
    twice = [
        subprocess.run(
            argv, cwd=project_root, env=bare, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    ]
    for text in twice:
        assert [line.partition("=")[0] for line in text.splitlines()] == [
            "SECRET_KEY",
            "ENCRYPTION_KEYS",
        ]
    assert twice[0] != twice[1]
