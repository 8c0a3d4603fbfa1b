"""A connection test: what it finds, at which step, and when it ends."""

import asyncio
import ssl
import time
from collections.abc import Iterator

import pytest
import trustme
from asgiref.sync import async_to_sync
from pytest_django import Settings

from connectors import pools
from connectors.errors import TimedOut
from connectors.steps import STEPS, Step
from connectors.validator import (
    ValidationResult,
    avalidate_mcp_connection,
    stages,
    validate_mcp_connection,
)
from demo.fixtures import DemoServer
from demo.hostile import PRIVATE_HOST, RIGHT_TOKEN, Hostile, running

pytestmark = pytest.mark.usefixtures("allow_loopback")

# Upper bound of what a test may take over its limit on a busy machine.
SLACK_S = 3.0


@pytest.fixture(autouse=True)
def short_limits(settings: Settings) -> None:
    # Long enough for a busy machine: only tests of the limits wait for them.
    settings.TEST_TIMEOUT_S = 8
    settings.CONNECT_TIMEOUT_S = 6
    settings.DISCOVER_TIMEOUT_S = 1


@pytest.fixture
def hostile_tls() -> Iterator[Hostile]:
    """The hostile server with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with running(tls=context) as server:
        yield server


def failed_step(result: ValidationResult) -> str:
    assert [step.step for step in result.steps] == list(STEPS)
    return "".join(step.step for step in result.steps if step.status == "failed")


# --- Servers that work -------------------------------------------------------


def test_connect_valid_server(notes_server: DemoServer):
    result = validate_mcp_connection(notes_server.url)
    assert result.success
    assert result.error_code is None
    assert (result.transport, result.protocol_version) == ("http", "2026-07-28")
    assert [step.status for step in result.steps] == ["passed"] * 6
    assert all(step.duration_ms is not None for step in result.steps)
    assert result.discover_cache is not None
    assert result.server_info["name"]


def test_discover_tools(notes_server: DemoServer):
    tools = validate_mcp_connection(notes_server.url).tools
    found = {tool["name"]: tool for tool in tools}
    assert "search_notes" in found
    assert found["search_notes"]["inputSchema"]["type"] == "object"
    assert found["search_notes"]["annotations"]["readOnlyHint"] is True
    assert len(found["search_notes"]["hash"]) == 64


def test_an_older_server_is_found_over_sse(sse_server: DemoServer):
    result = validate_mcp_connection(sse_server.url)
    assert result.success
    assert (result.transport, result.protocol_version) == ("sse", "2025-11-25")


@pytest.mark.parametrize(
    "name", ["discover-hangs", "discover-unknown", "discover-legacy", "initialized-500"]
)
def test_a_server_of_the_handshake_era_is_found(hostile: Hostile, name: str):
    result = validate_mcp_connection(hostile.url(name))
    assert result.success
    assert result.protocol_version == "2025-11-25"
    assert result.discover_cache is None


def test_a_session_is_ended_when_it_is_not_needed_any_more(hostile: Hostile):
    assert validate_mcp_connection(hostile.url("discover-unknown")).success
    assert hostile.seen("discover-unknown").log[-1].method == "DELETE"


@pytest.mark.parametrize("name", ["redirect-same", "redirect-308", "redirect-3"])
def test_redirects_within_the_origin_are_followed(hostile: Hostile, name: str):
    assert validate_mcp_connection(hostile.url(name)).success


@pytest.mark.parametrize(
    "name", ["pages", "empty-cursor", "list-events", "bare-results"]
)
def test_unusual_but_right_listings_are_read(hostile: Hostile, name: str):
    result = validate_mcp_connection(hostile.url(name))
    assert result.success
    assert result.error_code is None
    assert not result.dropped_tools


@pytest.mark.parametrize("name", ["no-tools-capability", "list-unknown", "empty-list"])
def test_no_tools_is_a_success_with_a_warning(hostile: Hostile, name: str):
    result = validate_mcp_connection(hostile.url(name))
    assert result.success
    assert result.error_code == "NO_TOOLS"
    assert result.error_message == "Connected but no tools found on this MCP server."
    assert result.suggestion
    assert result.tools == []
    assert result.steps[-1].status == "warning"


@pytest.mark.parametrize(
    ("name", "kept", "dropped"),
    [
        ("one-bad-tool", 2, 1),
        ("schema-invalid", 2, 1),
        ("big-schema", 2, 1),
        ("not-tools", 2, 4),
        ("duplicate-names", 1, 2),
        ("hostile-names", 7, 7),
    ],
)
def test_bad_tools_are_dropped_and_the_rest_kept(
    hostile: Hostile, name: str, kept: int, dropped: int
):
    result = validate_mcp_connection(hostile.url(name))
    assert result.success
    assert (len(result.tools), len(result.dropped_tools)) == (kept, dropped)
    assert all(one["reason"] for one in result.dropped_tools)
    assert result.steps[-1].status == "warning"


def test_a_list_that_repeats_itself_ends(hostile: Hostile):
    result = validate_mcp_connection(hostile.url("repeated-cursor"))
    assert result.success
    assert result.tools
    assert result.steps[-1].status == "warning"


# --- Credentials -------------------------------------------------------------


def test_a_right_token_is_accepted(token_server: DemoServer):
    result = validate_mcp_connection(
        token_server.url, "api_key", {"token": token_server.token}
    )
    assert result.success


def test_auth_failure(token_server: DemoServer):
    result = validate_mcp_connection(token_server.url, "api_key", {"token": "wrong"})
    assert result.error_code == "AUTH_FAILED"
    assert result.error_message is not None
    assert result.error_message.startswith(
        "Authentication failed. Please check your credentials."
    )
    assert failed_step(result) == "sign_in"


def test_own_headers_are_offered(hostile: Hostile):
    config = {"headers": {"X-API-Key": RIGHT_TOKEN}}
    assert validate_mcp_connection(hostile.url("api-key"), "api_key", config).success


@pytest.mark.parametrize(
    ("name", "asks"),
    [
        ("401", "Bearer"),
        ("401-bare", "does not say"),
        ("401-basic", "Basic"),
        ("401-json-rpc", "does not say"),
        ("401-metadata", "OAuth"),
        ("401-after-handshake", "Bearer"),
        ("403-scope", "Bearer"),
    ],
)
def test_a_server_that_wants_a_sign_in_is_told_from_a_wrong_one(
    hostile: Hostile, name: str, asks: str
):
    result = validate_mcp_connection(hostile.url(name))
    assert result.error_code == "AUTH_REQUIRED"
    assert result.error_message is not None
    assert result.error_message.startswith("This server asks you to sign in.")
    assert asks in result.error_message
    assert failed_step(result) == "sign_in"


def test_credentials_that_cannot_be_sent_are_a_result_too(hostile: Hostile):
    result = validate_mcp_connection(hostile.url("good"), "api_key", {"token": ""})
    assert result.error_code == "AUTH_FAILED"
    assert hostile.seen("good").requests == 0


def test_no_credential_stands_in_the_result(hostile: Hostile):
    config = {"headers": {"X-API-Key": "canary-value"}}
    for name in ("good", "401", "500", "redirect-elsewhere", "closes"):
        result = validate_mcp_connection(
            f"{hostile.url(name)}?key=canary-query", "api_key", config
        )
        assert "canary" not in repr(result)
        assert "X-API-Key" in str(result.transcript).title().replace("Api", "API")


@pytest.mark.parametrize("name", ["redirect-elsewhere", "redirect-private"])
def test_credentials_never_follow_a_redirect_to_another_origin(
    hostile: Hostile, name: str
):
    result = validate_mcp_connection(hostile.url(name), "api_key", {"token": "secret"})
    assert result.error_code == "INVALID_MCP_SERVER"
    assert result.suggestion is not None
    assert "instead" in result.suggestion
    assert result.moved_to.endswith("/trap")
    assert hostile.seen("trap").requests == 0


@pytest.mark.parametrize("name", ["redirect-file", "redirect-loop", "html"])
def test_only_an_address_that_can_be_dialled_is_said_to_be_new(
    hostile: Hostile, name: str
):
    assert validate_mcp_connection(hostile.url(name)).moved_to == ""


# --- Servers that do not work ------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "not-a-url",
        "",
        "   ",
        "ftp://example.com/mcp",
        "http://",
        "https://user:pass@example.com/mcp",
        "http://example.com:99999/mcp",
        "https://example.com/" + "a" * 2048,
        "javascript:alert(1)",
    ],
)
def test_invalid_url_format(url: str):
    result = validate_mcp_connection(url)
    assert not result.success
    assert result.error_code == "INVALID_URL"
    assert result.error_message is not None
    assert result.error_message.startswith(
        "Invalid URL format. Must be a valid HTTP/HTTPS URL."
    )
    assert result.suggestion
    assert failed_step(result) == "url"
    assert result.transcript == []


def test_unreachable_server(closed_url: str):
    result = validate_mcp_connection(closed_url)
    assert result.error_code == "CONNECTION_FAILED"
    assert result.error_message is not None
    assert result.error_message.startswith(
        "Cannot connect to server. Please check the URL."
    )
    assert failed_step(result) == "connection"


def test_a_listener_that_never_accepts_is_unreachable(
    unaccepting_url: str, settings: Settings
):
    settings.CONNECT_TIMEOUT_S = 0.3
    result = validate_mcp_connection(unaccepting_url)
    assert result.error_code == "CONNECTION_FAILED"
    assert failed_step(result) == "connection"


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1:9999",
        "http://10.0.0.1/mcp",
        "http://169.254.169.254/latest/meta-data/",
        f"http://{PRIVATE_HOST}/mcp",
        "http://[::1]:9/mcp",
        "http://printer/mcp",
    ],
)
def test_an_address_that_is_not_allowed_is_unreachable(url: str):
    result = validate_mcp_connection(url)
    assert result.error_code == "CONNECTION_FAILED"
    assert failed_step(result) == "address"


def test_a_name_that_does_not_exist_is_unreachable():
    result = validate_mcp_connection("https://no-such-host.invalid/mcp")
    assert result.error_code == "CONNECTION_FAILED"
    assert failed_step(result) == "address"


def test_a_certificate_of_nobody_is_unreachable(hostile_tls: Hostile):
    result = validate_mcp_connection(hostile_tls.url("good"))
    assert result.error_code == "CONNECTION_FAILED"
    assert result.error_message is not None
    assert "secure connection" in result.error_message


@pytest.mark.parametrize(
    "name",
    [
        *("400", "404", "405", "410", "418", "html", "text", "empty-200", "202", "204"),
        *("not-json", "not-utf8", "not-json-rpc", "json-array", "json-null", "no-id"),
        *("redirect-302", "redirect-4", "redirect-loop", "redirect-file"),
        *("redirect-user", "redirect-nowhere", "discover-bad", "discover-not-object"),
        *("unsupported-version", "discover-other-version", "unknown-version"),
        *("initialize-bad", "html-after-handshake", "list-html", "list-null"),
        *("list-no-tools", "list-string", "odd-cursor", "all-bad", "long-body"),
        *("endless-resume", "retry-digits", "not-events"),
    ],
)
def test_not_mcp_server(hostile: Hostile, name: str):
    result = validate_mcp_connection(hostile.url(name))
    assert result.error_code == "INVALID_MCP_SERVER"
    assert result.error_message is not None
    assert result.error_message.startswith(
        "This doesn't appear to be a valid MCP server."
    )
    assert result.suggestion
    assert failed_step(result) in ("handshake", "tools")


@pytest.mark.parametrize(
    "name",
    [
        *("408", "429", "429-nonsense", "500", "501", "502", "503", "504"),
        *("initialize-error", "list-error", "list-500", "dies-after-handshake"),
    ],
)
def test_an_endpoint_that_fails_is_told_from_a_wrong_one(hostile: Hostile, name: str):
    result = validate_mcp_connection(hostile.url(name))
    assert result.error_code == "SERVER_ERROR"
    assert result.error_message is not None
    assert result.error_message.startswith("The server answered with an error.")
    assert failed_step(result) in ("handshake", "tools")


def test_the_wait_that_a_server_asks_for_is_told(hostile: Hostile):
    result = validate_mcp_connection(hostile.url("429"))
    assert "wait 7 seconds" in (result.error_message or "")


@pytest.mark.parametrize(
    "name",
    [
        *("closes", "reset", "garbage", "short-body", "two-lengths", "bad-chunk"),
        *("gzip", "gzip-bomb", "closes-after-handshake"),
    ],
)
def test_a_connection_that_breaks_is_a_failed_connection(hostile: Hostile, name: str):
    result = validate_mcp_connection(hostile.url(name))
    assert result.error_code == "CONNECTION_FAILED"
    assert failed_step(result) in ("connection", "tools")


@pytest.mark.parametrize(
    "name",
    [
        *("big-body", "big-stream", "big-event", "endless-body", "huge-head"),
        *("many-headers", "deep-json", "very-deep-json", "endless-cursor"),
        *("many-tools", "big-list"),
    ],
)
def test_more_than_the_caps_is_too_large(hostile: Hostile, name: str):
    result = validate_mcp_connection(hostile.url(name))
    assert result.error_code == "RESPONSE_TOO_LARGE"
    assert result.error_message is not None
    assert result.error_message.startswith(
        "The server sent more than this installation accepts."
    )


@pytest.mark.parametrize(
    "name",
    [
        *("never-answers", "head-only", "drip-head", "drip", "endless-stream"),
        *("endless-events", "silent-events", "initialize-hangs", "initialized-hangs"),
        *("list-hangs", "list-drips", "list-notifies", "wrong-id", "sse-no-endpoint"),
    ],
)
def test_timeout_after_10s(hostile: Hostile, settings: Settings, name: str):
    """The limit is a setting, 10 seconds by default, and holds over all steps."""
    settings.TEST_TIMEOUT_S = 1
    settings.DISCOVER_TIMEOUT_S = 0.3
    began = time.monotonic()
    result = validate_mcp_connection(hostile.url(name))
    assert result.error_code == "TIMEOUT"
    assert time.monotonic() - began < 1 + SLACK_S
    assert result.error_message == "Connection timed out after 1 seconds."


def test_the_default_limit_is_ten_seconds(settings: Settings):
    settings.TEST_TIMEOUT_S = 10.0
    assert "after 10 seconds." in str(TimedOut(after_s=settings.TEST_TIMEOUT_S))


# --- The steps as they happen ------------------------------------------------


async def test_the_steps_come_as_they_happen(notes_server: DemoServer):
    items = [item async for item in stages(server_url=notes_server.url)]
    seen = [(one.step, one.status) for one in items if isinstance(one, Step)]
    expected = [(name, status) for name in STEPS for status in ("running", "passed")]
    assert seen == expected
    assert isinstance(items[-1], ValidationResult)
    assert items[-1].steps == [
        one for one in items if isinstance(one, Step) and one.status == "passed"
    ]


async def test_a_connection_that_is_open_already_has_its_steps_too(
    notes_server: DemoServer,
):
    async with pools.resident():
        await avalidate_mcp_connection(notes_server.url)
        again = await avalidate_mcp_connection(notes_server.url)
    assert [(step.step, step.status) for step in again.steps] == [
        (name, "passed") for name in STEPS
    ]


async def test_whoever_leaves_ends_the_test(hostile: Hostile, settings: Settings):
    settings.TEST_TIMEOUT_S = settings.DISCOVER_TIMEOUT_S = 60
    test = stages(server_url=hostile.url("never-answers"))
    async for item in test:
        if isinstance(item, Step) and item.step == "sign_in":
            break
    await test.aclose()
    assert hostile.wait_until_idle()
    assert len(asyncio.all_tasks()) == 1


async def test_the_sync_name_says_which_one_is_for_loops(notes_server: DemoServer):
    with pytest.raises(RuntimeError, match="avalidate_mcp_connection"):
        validate_mcp_connection(notes_server.url)


async def test_many_tests_share_one_loop_without_hurting_each_other(
    hostile: Hostile, notes_server: DemoServer, settings: Settings
):
    """A hundred servers that hang do not slow a good one."""
    settings.TEST_TIMEOUT_S = 4
    async with pools.resident():
        hanging = [
            asyncio.create_task(avalidate_mcp_connection(hostile.url("never-answers")))
            for _ in range(100)
        ]
        good = await avalidate_mcp_connection(notes_server.url)
        assert good.success
        assert not any(task.done() and task.result().success for task in hanging)
        results = await asyncio.gather(*hanging)
    assert {result.error_code for result in results} == {"TIMEOUT"}


def test_an_unencrypted_address_is_warned_about(settings: Settings):
    settings.RESOLVE_TIMEOUT_S = 0.5
    result = validate_mcp_connection("http://no-such-host.invalid/mcp")
    assert result.steps[0].status == "warning"


def test_the_path_that_servers_use_is_suggested(hostile: Hostile):
    result = validate_mcp_connection(hostile.url("html"))
    assert result.suggestion is not None
    assert result.suggestion.startswith(f"Try {hostile.origin}/html/mcp.")
    older = validate_mcp_connection(f"{hostile.url('html')}/sse")
    assert older.suggestion is not None
    assert older.suggestion.startswith(f"Try {hostile.origin}/html/mcp.")


def test_what_is_shown_has_no_stored_fields(notes_server: DemoServer):
    public = validate_mcp_connection(notes_server.url).public()
    assert set(public) == {
        *("success", "error_code", "error_message", "suggestion", "tools", "steps"),
        *("protocol_version", "transport", "duration_ms"),
    }
    assert set(public["tools"][0]) == {
        *("name", "title", "description", "inputSchema", "annotations"),
    }


def test_it_runs_from_sync_code_that_django_calls(notes_server: DemoServer):
    assert async_to_sync(avalidate_mcp_connection)(notes_server.url).success
