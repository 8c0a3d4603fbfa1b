import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.test import Client, RequestFactory
from structlog.testing import capture_logs

from config import logs
from config.middleware import RequestLog

CANARY = "canary7Yq2Zk9"


@contextmanager
def lines(format_: str = "json") -> Iterator[io.StringIO]:
    """Collect what reaches the log as lines, exactly as standard error gets it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter(format_))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_time_level_and_logger() -> None:
    with lines() as stream:
        structlog.get_logger("connectors.manager").info("connector.added", id=3)
    (event,) = events(stream)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "connector.added",
        "id": 3,
        "level": "info",
        "logger": "connectors.manager",
    }


def test_the_request_and_the_person_are_on_every_line_of_a_request() -> None:
    with (
        structlog.contextvars.bound_contextvars(request_id="r1", user_id=5),
        lines() as stream,
    ):
        structlog.get_logger("a").info("tool.call.started")
        logging.getLogger("b").warning("by the standard library")
    assert [(e["request_id"], e["user_id"]) for e in events(stream)] == [("r1", 5)] * 2


@pytest.mark.parametrize("format_", ["json", "console"])
def test_no_secret_is_logged_from_values_or_nested_ones(format_: str) -> None:
    with lines(format_) as stream:
        structlog.get_logger("a").warning(
            "something",
            token=CANARY,
            nested={"list": [{"Authorization": f"Bearer {CANARY}"}]},
            url=f"https://u:{CANARY}@example.com/?q={CANARY}",
        )
    assert "something" in stream.getvalue()
    assert CANARY not in stream.getvalue()


@pytest.mark.parametrize("format_", ["json", "console"])
def test_no_secret_is_logged_from_an_exception(format_: str) -> None:
    with lines(format_) as stream:
        try:
            try:
                raise ValueError(f"Bearer {CANARY}")
            except ValueError as cause:
                raise RuntimeError(f"https://x:{CANARY}@example.com") from cause
        except RuntimeError:
            structlog.get_logger("a").exception("broke")
            logging.getLogger("b").exception("broke %s", "too")
    text = stream.getvalue()
    assert text.count("RuntimeError: https://example.com") == 2
    assert CANARY not in text


@pytest.mark.parametrize("format_", ["json", "console"])
def test_no_secret_is_logged_from_the_arguments_of_the_standard_library(
    format_: str,
) -> None:
    with lines(format_) as stream:
        logging.getLogger("b").info("GET %s", f"https://example.com/?key={CANARY}")
        logging.getLogger("b").warning("sent %r", {"Cookie": f"a={CANARY}"})
        logging.getLogger("b").error("state=%(s)s", {"s": CANARY})
    assert "GET https://example.com/" in stream.getvalue()
    assert CANARY not in stream.getvalue()


def test_a_line_cannot_be_forged() -> None:
    with lines("console") as stream:
        logging.getLogger("b").warning('x\n{"event": "forged"}\x1b[2J')
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


def test_a_value_that_is_no_unicode_does_not_lose_the_event() -> None:
    with lines() as stream:
        structlog.get_logger("a").info("odd", name="\ud800", raw=b"\xff", obj=object())
    assert events(stream)[0]["name"] == "\\ud800"


def test_a_broken_record_does_not_print_its_arguments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler = logs.StderrHandler()
    handler.setFormatter(logs.formatter("json"))
    arguments = (CANARY, "one too many")
    handler.handle(
        logging.LogRecord("b", logging.INFO, "", 1, "only %s", arguments, None)
    )
    written = capsys.readouterr().err
    assert json.loads(written) == {"event": "log.failed", "logger": "b"}


def test_libraries_that_log_urls_stay_quiet_at_any_level() -> None:
    for name in ("mcp", "httpx2", "httpcore2", "anyio"):
        assert logging.getLogger(name).getEffectiveLevel() == logging.WARNING
        assert not logging.getLogger(f"{name}.client").isEnabledFor(logging.INFO)


def test_what_a_server_sent_is_not_quoted_by_the_sdk() -> None:
    sdk = logging.getLogger("mcp.client.streamable_http")
    with lines() as stream:
        sdk.error(f"Unexpected content type: {CANARY}")
        sdk.warning("dropping tool %r", CANARY)
        try:
            raise ValueError(f"input_value='{CANARY}'")
        except ValueError:
            sdk.exception("Bad JSON")
    said = events(stream)
    assert CANARY not in stream.getvalue()
    assert {event["logger"] for event in said} == {sdk.name}
    assert [event.get("error") for event in said] == [None, None, "ValueError"]
    # Where in the library it was: what is needed to find the sentence.
    here = "test_what_a_server_sent_is_not_quoted_by_the_sdk:"
    assert all(event["event"].startswith(here) for event in said)


def test_nobody_else_handles_records() -> None:
    for name in ("django", "django.request", "django.server", "uvicorn"):
        assert logging.getLogger(name).handlers == []
        assert logging.getLogger(name).propagate


def run(code: str, project_root: Path, **env: str) -> str:
    """Run `code` in a process that sets Django up as production does."""
    done = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{code}"],
        cwd=project_root,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr


def test_a_process_logs_json_to_standard_error(project_root: Path) -> None:
    code = f"""
import logging, structlog
structlog.get_logger("connectors.manager").info("connector.added", token="{CANARY}")
logging.getLogger("httpx2").info("GET https://example.com/?key={CANARY}")
logging.getLogger("django.db").error("Bearer %s", "{CANARY}")
"""
    first, second = map(json.loads, run(code, project_root).splitlines())
    assert (first["event"], first["token"]) == ("connector.added", "[redacted]")
    assert second["event"] == "Bearer [redacted]"


def test_the_level_and_the_format_are_settings(project_root: Path) -> None:
    code = """
import logging
logging.getLogger("a").info("not this")
logging.getLogger("a").warning("but this")
"""
    text = run(code, project_root, LOG_LEVEL="warning", LOG_FORMAT="console")
    (line,) = text.splitlines()
    assert "but this" in line
    with pytest.raises(ValueError, match=r"Expecting value|Extra data"):
        json.loads(line)


# --- The request log ---------------------------------------------------------


def test_a_request_is_logged_without_its_query(client: Client, db: None) -> None:
    with capture_logs() as captured:
        client.get(f"/nowhere?code={CANARY}")
    finished = next(e for e in captured if e["event"] == "request_finished")
    assert finished["request"] == "GET /nowhere"
    assert finished["code"] == 404
    assert finished["duration_ms"] >= 0
    assert CANARY not in str(captured)


@pytest.mark.parametrize(
    "path",
    [
        f"/accounts/password/reset/key/1-{CANARY}/",
        f"/accounts/confirm-email/{CANARY}/",
        f"/accounts/confirm-email/MQ:{CANARY}:x/",
    ],
)
def test_a_key_in_a_path_is_not_logged(path: str, rf: RequestFactory) -> None:
    line = RequestLog.format_request(rf.get(path))
    assert CANARY not in line
    assert line.startswith("GET /accounts/")


def test_probes_are_not_logged(client: Client, db: None) -> None:
    with capture_logs() as captured:
        assert client.get("/healthz").status_code == 200
    assert captured == []
