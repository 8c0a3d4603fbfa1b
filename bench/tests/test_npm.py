"""What comes by npm; npm itself is a script that says how often it was asked."""

from pathlib import Path

import pytest

from bench.npm import MANIFEST, CannotInstall, Locked


@pytest.fixture
def locked(tmp_path: Path) -> Locked:
    manifest = tmp_path / "manifest"
    manifest.mkdir()
    for name in MANIFEST:
        (manifest / name).write_text("{}")
    folder = tmp_path / "folder"
    return Locked(title="a thing", manifest=manifest, folder=folder, proof="proof")


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def offer_npm(programs: Path, script: str) -> None:
    npm = programs / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)


def test_it_is_installed_once_for_each_lock(locked: Locked, programs: Path):
    offer_npm(programs, 'echo "$1" >>asked; : >proof')
    asked = locked.folder / "asked"
    assert not locked.is_installed()
    locked.install()
    locked.install()
    assert locked.is_installed()
    assert asked.read_text() == "ci\n"
    (locked.manifest / "package-lock.json").write_text('{"packages": {}}')
    assert not locked.is_installed()
    locked.install()
    assert asked.read_text() == "ci\nci\n"


def test_a_machine_without_npm_is_told_what_to_do(locked: Locked):
    with pytest.raises(CannotInstall, match="apt-get install npm"):
        locked.install()


@pytest.mark.parametrize("script", ["exit 1", "exit 0"])
def test_what_npm_did_not_bring_is_not_installed(
    locked: Locked, programs: Path, script: str
):
    offer_npm(programs, script)
    with pytest.raises(CannotInstall, match="could not install a thing"):
        locked.install()
    assert not locked.is_installed()
