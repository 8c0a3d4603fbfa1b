import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import paste
from connectors.paste import NotUnderstood, Pasted

URL = "https://mcp.example.com/mcp"


def entry(**fields: object) -> str:
    return json.dumps({"mcpServers": {"linear": fields}})


def refused(text: str) -> str:
    with pytest.raises(NotUnderstood) as caught:
        paste.read(text)
    return caught.value.message


# --- URLs --------------------------------------------------------------------


def test_a_url_is_a_url():
    assert paste.read(URL) == Pasted(url=URL)


@pytest.mark.parametrize("text", [f" {URL}\n", f'"{URL}"', f"<{URL}>", f"`{URL}`"])
def test_what_chats_put_around_a_url_is_taken_off(text: str):
    assert paste.read(text).url == URL


@pytest.mark.parametrize("text", ["", "mcp.example.com/mcp", "hello there", "ftp://x"])
def test_any_other_text_is_left_to_the_test_of_the_connection(text: str):
    assert paste.read(text) == Pasted(url=text)


# --- mcp.json ----------------------------------------------------------------


@pytest.mark.parametrize(
    "snippet",
    [
        {"mcpServers": {"linear": {"url": URL}}},  # Claude Desktop, Cursor
        {"servers": {"linear": {"type": "http", "url": URL}}, "inputs": []},  # VS Code
        {"mcp": {"servers": {"linear": {"url": URL}}}},  # VS Code's settings
        {"mcp": {"linear": {"type": "remote", "url": URL}}},  # OpenCode
        {"context_servers": {"linear": {"url": URL}}},  # Zed
        {"mcpServers": {"linear": {"serverUrl": URL}}},  # Windsurf
        {"mcpServers": {"linear": {"httpUrl": URL}}},  # Gemini
        {"linear": {"url": URL}},
        {"servers": [{"name": "linear", "url": URL}]},
        {"projects": {"/home": {"mcpServers": {"linear": {"url": URL}}}}},
    ],
)
def test_the_settings_of_every_known_client_are_understood(snippet: dict[str, object]):
    assert paste.read(json.dumps(snippet)) == Pasted(url=URL, name="linear")


def test_an_entry_without_its_name_is_understood():
    assert paste.read(json.dumps({"url": URL})) == Pasted(url=URL)


@pytest.mark.parametrize("end", ["", ",", "\n"])
def test_an_entry_without_the_braces_around_it_is_understood(end: str):
    text = f'"linear": {{"url": "{URL}"}}{end}'
    assert paste.read(text) == Pasted(url=URL, name="linear")


def test_comments_and_commas_that_json_does_not_have_are_passed_over():
    text = f'{{ // mine\n "servers": {{"a": {{"url": "{URL}", /* x */ }}, }} }}'
    assert paste.read(text).url == URL


def test_a_bearer_token_becomes_the_token():
    found = paste.read(entry(url=URL, headers={"Authorization": "Bearer s3cret-value"}))
    assert found.auth_type == "api_key"
    assert found.auth_config == {"token": "s3cret-value"}


def test_other_headers_stay_headers():
    headers = {"X-Api-Key": "s3cret-value", "X-Team": "core"}
    found = paste.read(entry(url=URL, headers=headers))
    assert found.auth_config == {"headers": headers}


def test_a_bridge_to_a_url_is_taken_for_the_url():
    args = ["-y", "mcp-remote", URL, "--header", "Authorization: Bearer s3cret-value"]
    found = paste.read(entry(command="npx", args=args))
    assert (found.url, found.name) == (URL, "linear")
    assert found.auth_config == {"token": "s3cret-value"}
    assert "mcp-remote" in found.notes[0]


def test_what_the_environment_of_a_bridge_sets_is_put_into_its_headers():
    args = ["mcp-remote", URL, "--header", "Authorization:${AUTH_HEADER}"]
    env = {"AUTH_HEADER": "Bearer s3cret-value"}
    found = paste.read(entry(command="npx", args=args, env=env))
    assert found.auth_config == {"token": "s3cret-value"}


@pytest.mark.parametrize("name", ["mcp", "servers", "mcpServers", "url"])
def test_a_server_may_be_called_as_the_place_of_servers_is(name: str):
    found = paste.read(json.dumps({"mcpServers": {name: {"url": URL}}}))
    assert found == Pasted(url=URL, name=name)


def test_a_program_on_ones_own_computer_is_refused_with_an_explanation():
    said = refused(entry(command="npx", args=["-y", "@acme/server", "--key=s3cret"]))
    assert "stdio" in said
    assert "s3cret" not in said


def test_of_several_servers_the_first_is_taken_and_the_others_are_named():
    servers = {
        "local": {"command": "npx"},
        "one": {"url": URL},
        "two": {"url": "https://two.example.com"},
    }
    found = paste.read(json.dumps({"mcpServers": servers}))
    assert found.name == "one"
    assert found.notes == ("Not taken: two. Import takes them all.",)


@pytest.mark.parametrize(
    "value",
    ["Bearer ${input:token}", "Bearer YOUR_API_KEY", "<your token>", "$TOKEN", "..."],
)
def test_a_placeholder_is_not_taken_for_a_credential(value: str):
    found = paste.read(entry(url=URL, headers={"Authorization": value}))
    assert found.auth_config is None
    assert found.missing
    assert "placeholder" in found.notes[0]


@pytest.mark.parametrize("value", ["my-secret-1234", "$2b$12$abcdef", "your"])
def test_what_only_begins_like_a_placeholder_is_a_credential(value: str):
    found = paste.read(entry(url=URL, headers={"X-Key": value}))
    assert found.auth_config == {"headers": {"X-Key": value}}


def test_headers_that_our_client_sets_itself_are_dropped_without_a_word():
    headers = {"Accept": "application/json", "content-type": "application/json"}
    assert paste.read(entry(url=URL, headers=headers)) == Pasted(url=URL, name="linear")


def test_a_header_that_may_not_be_set_is_left_out_and_said():
    found = paste.read(
        entry(url=URL, headers={"Host": "evil.example", "X-A": "abcdef"})
    )
    assert found.auth_config == {"headers": {"X-A": "abcdef"}}
    assert found.notes == ("The header Host cannot be set here and was left out.",)


@pytest.mark.parametrize(
    "text", ["{", '{"mcpServers": ', "[1, 2]", "{}", '{"a": {"b": 1}}', "[" * 40_000]
)
def test_json_without_a_server_is_refused(text: str):
    assert "JSON" in refused(text)


def test_half_a_character_does_not_survive():
    found = paste.read(
        '{"url": "https://a\\ud800.example/", "headers": {"\\ud800": "x"}}'
    )
    found.url.encode()
    found.notes[0].encode()


# --- curl --------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        f"curl {URL} -H 'Authorization: Bearer s3cret-value'",
        f'curl -sSLX POST --header "Authorization: Bearer s3cret-value" "{URL}"',
        f"curl --url={URL} -H'Authorization: Bearer s3cret-value' -d '{{}}'",
        f"$ curl -d @b.json \\\n  -H 'Authorization: Bearer s3cret-value' \\\n {URL}",
        # The same after an input of one line swallowed its line ends.
        f"curl -d @body.json \\  -H 'Authorization: Bearer s3cret-value' \\ {URL}",
        f'curl.exe {URL} ^\n -H "Authorization: Bearer s3cret-value"',
        f"curl --oauth2-bearer s3cret-value {URL} | jq .",
        f"curl -o out.txt -A me {URL} --header=Authorization:\\ Bearer\\ s3cret-value",
    ],
)
def test_curl_lines_of_every_kind_are_understood(line: str):
    found = paste.read(line)
    assert found.url == URL
    assert found.auth_config == {"token": "s3cret-value"}


def test_a_user_and_a_password_become_a_basic_header():
    found = paste.read(f"curl -u ada:s3cret {URL}")
    assert found.auth_config == {"headers": {"Authorization": "Basic YWRhOnMzY3JldA=="}}


def test_escapes_in_double_quotes_are_undone():
    found = paste.read(f'curl {URL} -H "X-Key: a\\"b\\\\c"')
    assert found.auth_config == {"headers": {"X-Key": 'a"b\\c'}}


def test_cookies_are_left_out_and_said():
    found = paste.read(f"curl -b session=s3cret {URL}")
    assert found.auth_config is None
    assert found.notes == ("Cookies are never sent; this one was left out.",)


@pytest.mark.parametrize("line", ["curl", "curl -H 'X: s3cret'", "curl 'https://x"])
def test_a_curl_line_that_is_not_whole_is_refused(line: str):
    said = refused(line)
    assert "curl" in said
    assert "s3cret" not in said


# --- Hostile text ------------------------------------------------------------


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str):
    for given_text in (text, "{" + text, f'"a": {text}', f"curl {text}"):
        with suppress(NotUnderstood):
            assert isinstance(paste.read(given_text), Pasted)


@pytest.mark.parametrize(
    "text",
    [
        "curl " + "'" * 49_990,
        'curl "' + "\\" * 49_990,
        "curl " + "a'b'" * 12_000,
        "curl -" + "s" * 49_900,
        '{"' + "\\" * 49_990,
        "{" + "/*" * 24_000,
        "{" + ", " * 24_000,
        '"' + "a" * 49_990,
        '{"' + 'a\\"' * 16_000,
    ],
    ids=range(9),
)
def test_hostile_text_is_done_with_at_once(text: str):
    began = time.monotonic()
    with suppress(NotUnderstood):
        paste.read(text)
    assert time.monotonic() - began < 2


def test_a_text_that_is_too_long_is_refused():
    assert "too long" in refused("{" * (paste.MAX_CHARS + 1))


def test_a_secret_is_not_in_the_repr():
    found = paste.read(entry(url=URL, headers={"Authorization": "Bearer s3cret-value"}))
    assert "s3cret" not in repr(found)
