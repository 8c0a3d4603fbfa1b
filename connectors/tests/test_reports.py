from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import reports
from connectors.models import NAME_CHARS
from connectors.reports import Report
from connectors.steps import STEPS, Step, StepName
from connectors.validator import ValidationResult

URL = "https://mcp.example.com/mcp"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def tool(name: str, *, reads: bool = False) -> dict[str, Any]:
    hints = {"readOnlyHint": True} if reads else None
    return {"name": name, "title": "", "description": "Does it.", "annotations": hints}


def steps(failed: StepName | None = None, message: str = "") -> list[Step]:
    place = STEPS.index(failed) if failed else len(STEPS)
    before = [Step(step=name, status="passed", duration_ms=1) for name in STEPS[:place]]
    if failed is None:
        return before
    there = Step(step=failed, status="failed", message=message, duration_ms=2)
    after = [Step(step=name, status="skipped") for name in STEPS[place + 1 :]]
    return [*before, there, *after]


def of(*, url: str = URL, **fields: Any) -> Report:
    result = ValidationResult(**fields)
    return reports.of(result=result, url=url, offered=False, tested_at=NOON)


def failed(
    code: str, message: str, step: StepName = "handshake", **fields: Any
) -> Report:
    return of(
        success=False,
        error_code=code,
        error_message=message,
        suggestion="Do this.",
        steps=steps(step, message),
        **fields,
    )


# --- A success ---------------------------------------------------------------


def test_a_success_counts_what_was_found():
    report = of(
        success=True,
        tools=[tool("a", reads=True), tool("b")],
        steps=steps(),
        protocol_version="2026-07-28",
        transport="http",
        duration_ms=1900,
    )
    assert report.headline == "Connected. 2 tools found."
    assert report.facts == "6 steps in 1.9 s · MCP 2026-07-28 · Streamable HTTP"
    assert (report.reads, report.changes) == (1, 1)
    assert report.failed_at == 0


def test_one_tool_is_one_tool():
    assert of(success=True, tools=[tool("a")]).headline == "Connected. 1 tool found."


def test_of_many_tools_the_first_are_shown():
    report = of(success=True, tools=[tool(f"t{number}") for number in range(9)])
    assert len(report.tools.rows) == reports.TOOLS_SHOWN
    assert report.tools.hidden == 3


def test_a_server_without_tools_is_a_warning():
    report = of(
        success=True,
        error_code="NO_TOOLS",
        error_message="Connected but no tools found on this MCP server.",
        suggestion="Ask the owner.",
    )
    assert report.headline == "Connected but no tools found on this MCP server."
    assert report.sentence == "Ask the owner."


# --- A failure ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "headline", "sentence"),
    [
        (
            "Authentication failed. Please check your credentials. It answered 401.",
            "Authentication failed. Please check your credentials.",
            "It answered 401. Do this.",
        ),
        (
            "Connection timed out after 10 seconds.",
            "Connection timed out after 10 seconds.",
            "Do this.",
        ),
        ("Connection timed out after 0.5 seconds. Why.", "Connection timed out after "
         "0.5 seconds.", "Why. Do this."),
    ],
)  # fmt: skip
def test_the_promised_sentence_stands_first(message: str, headline: str, sentence: str):
    report = failed("ANY", message)
    assert (report.headline, report.sentence) == (headline, sentence)


def test_the_step_that_failed_does_not_repeat_the_headline():
    said = "This doesn't appear to be a valid MCP server."
    report = failed("INVALID_MCP_SERVER", f"{said} Nothing answers at this path.")
    line = report.steps[report.failed_at - 1]
    assert (line.css_class, line.message) == ("fail", "Nothing answers at this path.")
    assert report.failed_at == 5


@pytest.mark.parametrize(
    ("code", "at_url", "at_sign_in"),
    [
        ("INVALID_URL", True, False),
        ("CONNECTION_FAILED", True, False),
        ("INVALID_MCP_SERVER", True, False),
        ("AUTH_REQUIRED", False, True),
        ("AUTH_FAILED", False, True),
        ("SERVER_ERROR", False, False),
    ],
)
def test_a_failure_is_said_at_the_field_that_it_is_about(
    code: str, at_url: bool, at_sign_in: bool
):
    report = failed(code, "It failed.")
    assert bool(report.at_url) is at_url
    assert bool(report.at_sign_in) is at_sign_in


def test_the_owner_gets_all_that_is_known_and_no_secret():
    exchange = {
        "method": "POST",
        "url": URL,
        "status": 405,
        "duration_ms": 88,
        "request_bytes": 412,
        "response_bytes": 0,
        "content_type": "text/html",
        "request_headers": ["authorization"],
        "response_headers": [],
        "error": "",
    }
    report = failed(
        "INVALID_MCP_SERVER",
        "This doesn't appear to be a valid MCP server.",
        url=f"{URL}?key=s3cret",
        transcript=[exchange],
    )
    text = report.for_owner
    assert text.startswith(f"MCP connection test of {URL}\n2026-11-22 12:00:00 UTC")
    assert "INVALID_MCP_SERVER: This doesn't appear" in text
    assert "MCP handshake" in text
    assert "405 text/html" in text
    assert "s3cret" not in text


def test_every_step_says_what_it_is_for_and_what_it_does():
    assert [line.name for line in reports.waiting()] == list(STEPS)
    assert all(line.message for line in reports.waiting(explained=True))
    for name in STEPS:
        assert reports.live(Step(step=name, status="running")).message.endswith("…")
    done = Step(step="url", status="passed", message="Fine.", duration_ms=1)
    assert reports.live(done).message == "Fine."


# --- Names -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://mcp.linear.app/mcp", "Linear"),
        ("https://api.example.co.uk/", "Example"),
        ("https://my-server.example.com/mcp", "Example"),
        ("https://mcp.app/", "mcp.app"),
        ("http://127.0.0.1:8101/mcp", "127.0.0.1"),
        ("http://[::1]:8101/mcp", "::1"),
        ("http://localhost:8101/mcp", "localhost"),
        ("https://open-data.org", "Open data"),
        ("nonsense", ""),
    ],
)
def test_a_server_is_called_after_whose_host_it_is_on(url: str, name: str):
    assert reports.suggested_name(url=url) == name


def test_a_servers_own_title_goes_first():
    info = {"name": "  Notes\u202e of Ada "}
    assert reports.suggested_name(url=URL, server_info=info) == "Notes of Ada"
    assert reports.suggested_name(url=URL, server_info={"name": ""}) == "Example"


def test_a_name_that_is_taken_gets_a_number():
    assert reports.free_name("Notes", taken=["Rota"]) == "Notes"
    assert reports.free_name("Notes", taken=["notes", "Notes 2"]) == "Notes 3"
    long = "x" * NAME_CHARS
    assert reports.free_name(long, taken=[long]) == "x" * 98 + " 2"
