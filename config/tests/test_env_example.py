import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings

READ = re.compile(r'(?:env(?:\.\w+)?|secret)\(\s*(?:env,\s*)?"([A-Z_]+)"')
LINE = re.compile(r"^(#?)([A-Z_]+)=(.*)$", re.MULTILINE)


@pytest.fixture
def example(project_root: Path) -> str:
    return (project_root / ".env.example").read_text()


@pytest.fixture
def read_by_settings(project_root: Path) -> set[str]:
    names = set(READ.findall((project_root / "config" / "settings.py").read_text()))
    assert {"SECRET_KEY", "PORT", "DATABASE_URL", "LOG_LEVEL"} <= names
    return names


def test_every_setting_is_in_the_example(
    example: str, read_by_settings: set[str]
) -> None:
    files = {"SECRET_KEY_FILE", "ENCRYPTION_KEYS_FILE", "LLM_API_KEY_FILE"}
    assert {name for _, name, _ in LINE.findall(example)} == read_by_settings | files


def test_every_setting_is_there_once_with_a_comment_above(example: str) -> None:
    names = [name for _, name, _ in LINE.findall(example)]
    assert len(set(names)) == len(names)
    lines = example.splitlines()
    for number, line in enumerate(lines):
        if LINE.match(line):
            above = lines[number - 1]
            assert above.startswith("# ") or LINE.match(above), line


def test_only_the_secrets_have_to_be_set(example: str) -> None:
    needed = {name for hash_, name, _ in LINE.findall(example) if not hash_}
    assert needed == {"SECRET_KEY", "ENCRYPTION_KEYS"}


def test_the_numbers_and_switches_shown_are_the_defaults(example: str) -> None:
    switches = {"on": True, "off": False}
    # An example of what many need; what a test run turns on.
    others = {"TRUST_PROXY", "CHATKIT"}
    for _, name, value in LINE.findall(example):
        if value in switches and name not in others:
            assert getattr(django_settings, name) is switches[value], name
        elif value.isdigit() and name not in {"WEB_CONCURRENCY", "DATABASE_POOL_MAX"}:
            assert getattr(django_settings, name) == int(value), name
    shown = {name: value for _, name, value in LINE.findall(example)}
    ports = [int(port) for port in shown["EGRESS_DENY_PORTS"].split(",")]
    assert ports == django_settings.EGRESS_DENY_PORTS


def test_the_example_can_be_read(
    example: str, project_root: Path, tmp_path: Path
) -> None:
    shown = [f"{name}={value}" for _, name, value in LINE.findall(example)]
    lines = [line for line in shown if "_FILE=" not in line]
    (tmp_path / "env").write_text("\n".join(lines))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from django.conf import settings as s; print(s.DEFAULT_FROM_EMAIL)",
        ],
        cwd=project_root,
        env={
            # The secrets alone: the rest is the file's.
            **{name: os.environ[name] for name in ("SECRET_KEY", "ENCRYPTION_KEYS")},
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "ENV_FILE": str(tmp_path / "env"),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout == "Patchbay <patchbay@patchbay.example>\n"
