import pytest

from connectors import fixes
from connectors.fixes import Fix
from connectors.steps import Step
from connectors.validator import ValidationResult, validate_mcp_connection
from demo.hostile import Hostile

HOST = "https://mcp.example.com"


def failed(code: str, **fields: str) -> ValidationResult:
    return ValidationResult(success=False, error_code=code, **fields)  # type: ignore[arg-type]


def labels(result: ValidationResult, url: str = HOST, *, offered: bool = False):
    return [fix.label for fix in fixes.suggest(result=result, url=url, offered=offered)]


def urls(result: ValidationResult, url: str) -> list[str]:
    return [fix.url for fix in fixes.suggest(result=result, url=url, offered=False)]


def test_a_success_needs_no_fix():
    assert labels(ValidationResult(success=True)) == []
    assert labels(ValidationResult(success=True, error_code="NO_TOOLS")) == []


@pytest.mark.parametrize(
    ("path", "tried"),
    [
        ("", ["/mcp", "/sse"]),
        ("/", ["/mcp", "/sse"]),
        ("/mcp", ["/sse"]),
        ("/mcp/", ["/sse"]),
        ("/sse", ["/mcp"]),
        ("/v1", ["/v1/mcp", "/v1/sse", "/mcp", "/sse"]),
        ("/v1/sse", ["/v1/mcp", "/mcp", "/sse"]),
        ("/?team=a", ["/mcp?team=a", "/sse?team=a"]),
    ],
)
def test_a_server_that_is_none_is_tried_at_the_usual_endings(
    path: str, tried: list[str]
):
    found = urls(failed("INVALID_MCP_SERVER"), HOST + path)
    assert found == [HOST + one for one in tried]


def test_a_label_names_the_path_that_is_tried():
    result = failed("INVALID_MCP_SERVER")
    assert labels(result, f"{HOST}/v1?key=s3cret") == [
        *("Try …/v1/mcp", "Try …/v1/sse", "Try …/mcp", "Try …/sse")
    ]


def test_where_the_server_moved_to_comes_first_and_is_named_in_full():
    new = "https://other.example.org/mcp"
    result = failed("INVALID_MCP_SERVER", moved_to=new)
    assert fixes.suggest(result=result, url=HOST, offered=False)[0] == Fix(
        label=f"Use {new}", url=new
    )


@pytest.mark.parametrize("code", ["CONNECTION_FAILED", "TIMEOUT"])
def test_an_address_in_clear_is_tried_encrypted(code: str):
    result = failed(code)
    assert urls(result, "http://mcp.example.com:80/mcp?a=1") == [f"{HOST}/mcp?a=1"]
    assert urls(result, "http://mcp.example.com:8080/") == [f"{HOST}:8080/"]
    assert urls(result, f"{HOST}/mcp") == []


def test_who_was_connected_in_clear_needs_no_encryption():
    connected = Step(step="connection", status="passed", message="", duration_ms=1)
    result = ValidationResult(success=False, error_code="TIMEOUT", steps=[connected])
    assert urls(result, "http://mcp.example.com/mcp") == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("mcp.example.com/mcp", f"{HOST}/mcp"),
        ("mcp.example.com:8000/mcp", f"{HOST}:8000/mcp"),
        ("//mcp.example.com", HOST),
        ("ws://mcp.example.com/mcp", f"{HOST}/mcp"),
        ("https://ada:s3cret@mcp.example.com/mcp", f"{HOST}/mcp"),
        ("http://ada:s3cret@mcp.example.com/mcp", "http://mcp.example.com/mcp"),
        ("localhost:8101/mcp", "http://localhost:8101/mcp"),
        ("127.0.0.1:8101/mcp", "http://127.0.0.1:8101/mcp"),
    ],
)
def test_what_is_nearly_a_url_is_made_one(typed: str, meant: str):
    found = fixes.suggest(result=failed("INVALID_URL"), url=typed, offered=False)
    assert [fix.url for fix in found] == [meant]
    assert "s3cret" not in str(found)


@pytest.mark.parametrize(
    "typed", ["", "hello", "hello there", "http://[", "a@b", "https://", "file:///etc"]
)
def test_what_is_no_address_brings_no_fix(typed: str):
    for code in ("INVALID_URL", "INVALID_MCP_SERVER", "CONNECTION_FAILED"):
        assert urls(failed(code), typed) == []


def test_a_server_that_asks_for_a_sign_in_asks_the_person():
    asked = [
        fix.ask
        for fix in fixes.suggest(
            result=failed("AUTH_REQUIRED"), url=HOST, offered=False
        )
    ]
    assert asked == ["token", "headers"]


def test_credentials_that_were_refused_are_asked_for_again():
    assert labels(failed("AUTH_FAILED"), offered=True)[0] == "Enter the token again"
    assert labels(failed("AUTH_FAILED"), offered=False)[0] == "Add a token"


@pytest.mark.parametrize("code", ["SERVER_ERROR", "RESPONSE_TOO_LARGE"])
def test_what_only_the_owner_can_mend_brings_no_fix(code: str):
    assert labels(failed(code)) == []


def test_a_real_redirect_can_be_followed_by_hand(
    hostile: Hostile, allow_loopback: None
):
    url = hostile.url("redirect-elsewhere")
    first = fixes.suggest(result=validate_mcp_connection(url), url=url, offered=False)[
        0
    ]
    assert first.url.endswith("/trap")


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        (f"{HOST}/", f"{HOST}/mcp", True),
        ("http://mcp.example.com/", f"{HOST}/mcp", True),
        (f"{HOST}/mcp", "http://mcp.example.com/mcp", False),
        (f"{HOST}/mcp", "https://evil.example/mcp", False),
        (f"{HOST}/mcp", "https://mcp.example.com.evil.example/mcp", False),
        (f"{HOST}/mcp", f"{HOST}:8443/mcp", False),
        ("http://mcp.example.com:8080/", f"{HOST}/", False),
        ("nonsense", f"{HOST}/", False),
    ],
)
def test_credentials_go_along_to_the_same_server_only(
    old: str, new: str, allowed: bool
):
    assert fixes.keeps_credentials(old=old, new=new) is allowed
