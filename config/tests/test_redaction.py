from collections import UserString
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from config import redaction

CANARY = "canary7Yq2Zk9"
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{CANARY}"


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "set-cookie",
        "token",
        "access_token",
        "accessToken",
        "refresh-token",
        "secret",
        "clientSecret",
        "password",
        "db_password",
        "code",
        "verifier",
        "code_verifier",
        "state",
        "api_key",
        "X-API-Key",
        "auth_config",
        "headers",
        "request_headers",
        "credentials",
        "sessionid",
        "csrftoken",
        "test_ticket",
        "ENCRYPTION_KEYS",
        "SECRET_KEY",
    ],
)
def test_a_value_is_redacted_by_its_name(name: str) -> None:
    clean = redaction.event({name: CANARY, "deep": [{name: {"a": CANARY}}]})
    assert clean == {name: redaction.REDACTED, "deep": [{name: redaction.REDACTED}]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("error_code", "TIMEOUT"),
        ("last_error_code", "AUTH_FAILED"),
        ("code", 404),
        ("token_id", 7),
        ("status_code", 200),
        ("url_key", "abc"),
        ("statement", "select"),
        ("tool_count", 3),
        ("password", None),
    ],
)
def test_ids_codes_and_counts_are_kept(name: str, value: Any) -> None:
    assert redaction.event({name: value}) == {name: value}


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"sent bearer {CANARY} upstream",
        f"Basic {CANARY}==",
        f"pb_AbCdEfGh_{CANARY}-_x",
        f"id {JWT} rejected",
        f"https://alice:{CANARY}@example.com/mcp",
        f"https://alice:p@{CANARY}@example.com/mcp",
        f"https://{CANARY}@example.com",
        f"POST https://example.com/mcp?key={CANARY}&x=1 failed",
        f"https://example.com/mcp#access={CANARY}",
        f"postgres://patchbay:{CANARY}@db/patchbay",
        f"/api/oauth/callback?code={CANARY}&state={CANARY}",
        f"grant_type=authorization_code&code={CANARY}",
        f"state={CANARY}",
        "code=canary" + "x" * 20,
        f"Cookie: a=b; sessionid={CANARY}; c=d",
        f"{{'Set-Cookie': 'sessionid={CANARY}; HttpOnly'}}",
        f'{{"access_token": "{CANARY}", "expires_in": 3}}',
        f"{{'api_key': '{CANARY}'}}",
        f"X-Api-Key: {CANARY}",
        f"client_secret={CANARY}&x=1",
        f"password={CANARY}",
        f"credentials: {CANARY}",
        f'"password": "with \\" quote {CANARY}"',
    ],
)
def test_a_secret_is_found_by_its_shape(text: str) -> None:
    assert "canary" not in redaction.text(text)
    assert CANARY not in str(redaction.event({"event": text, "deep": {"a": [text]}}))


@pytest.mark.parametrize(
    "text",
    [
        "connector.tested",
        "Cannot connect to server. Please check the URL.",
        "GET /api/connectors/12",
        "https://example.com/mcp",
        "Applying accounts.0001_initial... OK",
        "3 tokens were issued",
        "What now? Nothing = nothing",
        "error_code=TIMEOUT",
        "Task state=SUCCESSFUL",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redaction.text(text) == text


def test_a_url_keeps_its_host_and_path() -> None:
    url = f"https://u:{CANARY}@example.com:8443/mcp?key={CANARY}#x"
    assert redaction.text(url) == "https://example.com:8443/mcp"


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("a\nb", "a\\nb"),
        ("a\r\tb", "a\\r\\tb"),
        ("\x1b[2Jx", "\\x1b[2Jx"),
        ("nul\x00", "nul\\x00"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("line\u2028", "line\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("é", "é"),
    ],
)
def test_control_characters_are_escaped(raw: str, escaped: str) -> None:
    assert redaction.text(raw) == escaped
    assert redaction.event({raw: raw}) == {escaped: escaped}


def test_a_traceback_keeps_its_lines_but_not_its_secrets() -> None:
    clean = redaction.event({"exception": f"Traceback\n\tBearer {CANARY}\x1b[2J"})
    assert clean == {"exception": "Traceback\n\tBearer [redacted]\\x1b[2J"}


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError(CANARY)


def test_objects_are_written_as_redacted_text() -> None:
    clean = redaction.event(
        {
            "error": ValueError(f"token={CANARY}"),
            "raw": f"Bearer {CANARY} \udcff".encode("utf-8", "surrogatepass"),
            "lazy": UserString(f"Bearer {CANARY}"),
            "id": UUID(int=1),
            "amount": Decimal("1.5"),
            "broken": Unprintable(),
            "several": {f"Bearer {CANARY}"},
        }
    )
    assert CANARY not in str(clean)
    assert clean["error"] == "ValueError: token=[redacted]"
    assert clean["id"] == "00000000-0000-0000-0000-000000000001"
    assert clean["amount"] == "1.5"
    assert clean["broken"] == "<Unprintable>"


def test_endless_nesting_and_long_lists_are_cut() -> None:
    nested: list[Any] = []
    nested.append(nested)
    assert str(redaction.event({"a": nested})).count("[") == redaction.MAX_DEPTH
    long = redaction.event({"a": ["x"] * 10_000})["a"]
    assert len(long) == redaction.MAX_ITEMS
    assert len(redaction.text("é" * 1_000_000)) < redaction.MAX_TEXT + 50


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["a", "a-", "token", "http:", "://", "?a=", "'", '"\\', "eyJ.", "cookie:"]
)
def test_a_hostile_text_takes_linear_time(piece: str) -> None:
    redaction.text(piece * 1_000_000)
