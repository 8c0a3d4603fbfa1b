import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management.base import SystemCheckError

from config import checks
from connectors.models import UserMCPConnection

# What docs/quickstart.md tells an operator to set.
PRODUCTION = {
    "SECRET_KEY": "k3J9s0vQ7xYb2LwZ8mNp4RtUcEaHdGfS6iOoKqW1eV5yBnMjXz",
    "ENCRYPTION_KEYS": "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "PUBLIC_URL": "https://patchbay.example",
    "TRUST_PROXY": "on",
    "DATABASE_URL": "postgres://patchbay:secret@db/patchbay",
    "REDIS_URL": "redis://redis:6379/0",
    "WEB_CONCURRENCY": "2",
    "EMAIL_URL": "smtp+tls://patchbay:secret@mail.example:587",
}


def found(tags: str = checks.TAG, **kwargs: Any) -> set[str | None]:
    return {message.id for message in run_checks(tags=[tags], **kwargs)}


@pytest.fixture(autouse=True)
def production(settings: Any) -> None:
    settings.DEVELOPMENT = False
    settings.DEBUG = False
    settings.PUBLIC_URL = "https://patchbay.example"
    settings.WEB_PROCESSES = 1
    settings.EGRESS_ALLOW = []
    settings.EGRESS_ALLOW_IN_PRODUCTION = False


def test_the_defaults_pass() -> None:
    assert found() == set()
    checks.refuse_unsafe_settings()


def test_every_check_has_a_hint(settings: Any) -> None:
    settings.DEBUG = True
    settings.WEB_PROCESSES = 2
    settings.REDIS_URL = ""
    settings.PUBLIC_URL = "x"
    settings.EGRESS_ALLOW = ["x"]
    messages = run_checks(tags=[checks.TAG])
    assert len(messages) == 5
    assert all(message.hint for message in messages)


def test_several_web_processes_need_redis(settings: Any) -> None:
    settings.WEB_PROCESSES = 2
    settings.REDIS_URL = ""
    assert found() == {"patchbay.E001"}
    settings.REDIS_URL = "redis://redis:6379/0"
    assert found() == set()


def test_several_web_processes_are_a_developers_own_business(settings: Any) -> None:
    settings.WEB_PROCESSES = 2
    settings.REDIS_URL = ""
    settings.DEVELOPMENT = True
    assert found() == set()


def test_open_egress_in_production_needs_a_second_word(settings: Any) -> None:
    settings.EGRESS_ALLOW = ["10.0.0.0/8"]
    assert found() == {"patchbay.E002"}
    settings.EGRESS_ALLOW_IN_PRODUCTION = True
    assert found() == set()


def test_open_egress_in_development_needs_none(settings: Any) -> None:
    settings.EGRESS_ALLOW = ["127.0.0.1/32:8101"]
    settings.DEVELOPMENT = True
    assert found() == set()


@pytest.mark.parametrize(
    "entry",
    ["localhost", "127.0.0.1", "127.0.0.1/8", "127.0.0.1/32:0", "10.0.0.0/33", "*", ""],
)
def test_a_malformed_egress_entry_is_named(entry: str, settings: Any) -> None:
    settings.DEVELOPMENT = True
    settings.EGRESS_ALLOW = ["127.0.0.1/32", "::1/128:8101", entry]
    (message,) = run_checks(tags=[checks.TAG])
    assert message.id == "patchbay.E003"
    assert entry in message.msg


@pytest.mark.parametrize(
    "url",
    [
        "",
        "patchbay.example",
        "ftp://patchbay.example",
        "https://",
        "https://patchbay.example/app",
        "https://patchbay.example?x=1",
        "https://patchbay.example#x",
        "https://user@patchbay.example",
        "https://patchbay.example:99999",
        "https://patchbay.example:0",
        "https://[::1",
    ],
)
def test_a_public_url_that_is_no_origin_is_refused(url: str, settings: Any) -> None:
    settings.PUBLIC_URL = url
    assert found() == {"patchbay.E004"}


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "https://[::1]:8443", "https://patchbay.example"]
)
def test_a_public_url_is_an_origin(url: str, settings: Any) -> None:
    settings.PUBLIC_URL = url
    assert found() == set()


def test_debug_outside_of_development_is_refused(settings: Any) -> None:
    settings.DEBUG = True
    assert found() == {"patchbay.E006"}
    with pytest.raises(SystemCheckError, match=r"patchbay\.E006"):
        checks.refuse_unsafe_settings()


def test_chatkit_that_is_on_needs_its_extra(settings: Any) -> None:
    settings.CHATKIT = True
    settings.CHATKIT_INSTALLED = False
    (message,) = run_checks(tags=[checks.TAG])
    assert message.id == "patchbay.E007"
    assert "pip install -r requirements-chatkit.txt" in str(message.hint)
    settings.CHATKIT = False
    assert found() == set()


def test_the_demo_page_needs_chatkit(settings: Any) -> None:
    settings.CHATKIT, settings.CHATKIT_DEMO = False, True
    assert found() == {"patchbay.E007"}
    settings.CHATKIT = settings.CHATKIT_INSTALLED = True
    assert found() == set()


@pytest.mark.parametrize(
    "entry",
    ["*", "null", "app.example", "https://app.example/", "https://*.app.example"],
)
def test_what_may_not_embed_chatkit_is_named(entry: str, settings: Any) -> None:
    settings.CHATKIT_ORIGINS = ["https://app.example", "http://localhost:3000", entry]
    (message,) = run_checks(tags=[checks.TAG])
    assert message.id == "patchbay.E008"
    assert repr(entry) in message.msg


def test_a_key_that_is_still_in_use_may_not_be_dropped(
    alice: Any, settings: Any
) -> None:
    connector = UserMCPConnection(
        user=alice,
        slot=1,
        name="Notes",
        slug="notes",
        server_url="https://example.com/mcp",
        url_key="0" * 64,
        auth_type="api_key",
        status="ready",
    )
    connector.auth_config = {"token": "secret"}
    connector.save()
    databases = {"databases": ["default"]}
    assert "patchbay.E005" not in found("database", **databases)
    settings.ENCRYPTION_KEYS = {"k2": b"x" * 32}
    messages = run_checks(tags=["database"], databases=["default"])
    (message,) = [m for m in messages if m.id == "patchbay.E005"]
    assert "'k1'" in message.msg


def test_the_keys_are_not_looked_up_without_a_database() -> None:
    # Without the `db` fixture any query would raise.
    assert "patchbay.E005" not in found("database", databases=[])


def manage(*argv: str, root: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py with nothing but these settings."""
    kept = {"PATH": os.environ["PATH"], "ENV_FILE": ""}
    return subprocess.run(
        [sys.executable, "-W", "error", "manage.py", *argv],
        cwd=root,
        env={**kept, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_documented_production_settings_are_clean(project_root: Path) -> None:
    done = manage("check", "--deploy", root=project_root, **PRODUCTION)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


def test_a_process_without_secrets_refuses_to_start(project_root: Path) -> None:
    for name in ("SECRET_KEY", "ENCRYPTION_KEYS"):
        env = {key: value for key, value in PRODUCTION.items() if key != name}
        done = manage("check", root=project_root, **env)
        assert done.returncode != 0
        assert f"{name} is not set. `./dev secrets`" in done.stderr


def test_unsafe_settings_are_refused_by_manage_py(project_root: Path) -> None:
    env = {**PRODUCTION, "DEBUG": "on", "REDIS_URL": "", "EGRESS_ALLOW": "10.0.0.0/8"}
    done = manage("check", root=project_root, **env)
    assert done.returncode != 0
    for number in (1, 2, 6):
        assert f"patchbay.E00{number}" in done.stderr
