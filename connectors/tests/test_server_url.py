import contextlib
import hashlib

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import server_url
from connectors.errors import InvalidUrl

LABEL = st.from_regex(r"\A[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?\Z").filter(
    lambda label: label[2:4] != "--"
)
HOST = st.lists(LABEL, min_size=1, max_size=3).map(lambda ls: ".".join([*ls, "test"]))
PORT = st.one_of(st.just(""), st.integers(1, 65535).map(lambda n: f":{n}"))
TEXT = st.text("abzAZ019-._~!$&'()*+,;=:@%é", max_size=12)
PATH = st.lists(TEXT, max_size=3).map(lambda parts: "".join(f"/{p}" for p in parts))
QUERY = st.one_of(st.just(""), TEXT.map(lambda text: f"?{text}"))
FRAGMENT = st.one_of(st.just(""), TEXT.map(lambda text: f"#{text}"))
SCHEME = st.sampled_from(["http", "https", "HTTP", "Https"])
URL = st.builds("{}://{}{}{}{}{}".format, SCHEME, HOST, PORT, PATH, QUERY, FRAGMENT)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/mcp",
        "http://127.0.0.1:8101/mcp",
        "http://[::1]:8101/mcp",
        "http://localhost:8000/mcp?key=1#top",
        "https://münchen.example/mcp",
        "https://my_server.example:443/",
        "https://example.com./mcp",
        "HTTPS://EXAMPLE.COM/é",
    ],
)
def test_an_absolute_web_address_is_accepted_as_typed(url: str) -> None:
    assert server_url.check(url) == url


def test_blanks_around_a_pasted_address_are_dropped() -> None:
    assert server_url.check(" \thttps://example.com/mcp\r\n") == (
        "https://example.com/mcp"
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "invalid-url",
        "not-a-url",
        "example.com/mcp",
        "//example.com/mcp",
        "/mcp",
        "ftp://example.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http:",
        "http:/example.com",
        "http:example.com",
        "http://",
        "http:///mcp",
        "http://?q",
        "http://:80/mcp",
        "http://[::1",
        "http://::1/mcp",
        "http://[::1]x/mcp",
        "http://[fe80::1%25eth0]/mcp",
        "http://[127.0.0.1]/mcp",
        "http://[v1.x]/mcp",
        "http://a..b/mcp",
        "http://.b/mcp",
        "http://-a.com/mcp",
        "http://a-.com/mcp",
        "http://ex%61mple.com/mcp",
        "http://a,b.com/mcp",
        "http://a*b.com/mcp",
        "http://☃.net/mcp",
        "http://xn--a.com/mcp",
        "http://" + "a" * 64 + ".com/mcp",
        "http://" + ".".join(["a" * 60] * 5) + "/mcp",
        "http://example.com:0/mcp",
        "http://example.com:65536/mcp",
        "http://example.com:99999999999/mcp",
        "http://example.com:-1/mcp",
        "http://example.com:+80/mcp",
        "http://example.com:8٠/mcp",
        "http://example.com:http/mcp",
        "http://exa mple.com/mcp",
        "http://example.com/a b",
        "http://example.com/a\tb",
        "http://exam\nple.com/mcp",
        "http://example.com/\x00",
        "http://example.com/\x7f",
        "http://example.com/\u200b",
        "http://example.com/\u202e",
        "http://example.com/\ud800",
        "http://example.com/\u00a0x",
        "http://good.example\\@evil.example/mcp",
        "http://example.com/a\\b",
        "http://example。com\u3000/mcp",
    ],
)
def test_anything_else_has_the_wrong_shape(url: str) -> None:
    with pytest.raises(InvalidUrl) as caught:
        server_url.check(url)
    assert caught.value.constraint == "url"


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "127.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "1.2.3.256",
        "127.0.0.0x1",
        "999",
        "１２７.０.０.１",
    ],
)
def test_other_spellings_of_an_ipv4_address_are_refused(host: str) -> None:
    with pytest.raises(InvalidUrl) as caught:
        server_url.check(f"http://{host}/mcp")
    assert caught.value.constraint == "url"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pw@example.com/mcp",
        "https://user@example.com/mcp",
        "https://@example.com/mcp",
        "https://a:b@c@example.com/mcp",
        "https://example.com@[::1]/mcp",
    ],
)
def test_user_info_is_refused_by_name_and_never_repeated(url: str) -> None:
    with pytest.raises(InvalidUrl) as caught:
        server_url.check(url)
    assert caught.value.constraint == "userinfo"
    assert "user:pw" not in str(caught.value)


def test_an_address_may_have_2048_characters_and_no_more() -> None:
    url = "https://example.com/".ljust(2048, "a")
    assert server_url.check(url) == url
    with pytest.raises(InvalidUrl) as caught:
        server_url.check(url + "a")
    assert caught.value.constraint == "max_length"


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://Example.COM", "https://example.com/"),
        ("https://example.com/", "https://example.com/"),
        ("https://example.com:443/mcp", "https://example.com/mcp"),
        ("http://example.com:80/mcp", "http://example.com/mcp"),
        ("https://example.com:80/mcp", "https://example.com:80/mcp"),
        ("http://example.com:08080/mcp", "http://example.com:8080/mcp"),
        ("https://example.com:/mcp", "https://example.com/mcp"),
        ("https://example.com/mcp/", "https://example.com/mcp"),
        ("https://example.com/mcp//", "https://example.com/mcp/"),
        ("https://example.com/MCP/?A=1&b=/", "https://example.com/MCP?A=1&b=/"),
        ("https://example.com?a=1", "https://example.com/?a=1"),
        ("https://example.com/mcp#top", "https://example.com/mcp"),
        ("https://example.com/mcp?a#top?b", "https://example.com/mcp?a"),
        ("https://MÜNCHEN.example/é", "https://xn--mnchen-3ya.example/é"),
        ("https://XN--MNCHEN-3ya.example/", "https://xn--mnchen-3ya.example/"),
        ("http://[::AB]:80/", "http://[::ab]/"),
    ],
)
def test_one_address_has_one_canonical_form(url: str, canonical: str) -> None:
    assert server_url.canonical(url) == canonical
    assert server_url.key(url) == hashlib.sha256(canonical.encode()).hexdigest()


@pytest.mark.parametrize(
    ("url", "origin", "host"),
    [
        ("HTTPS://Example.com:443/mcp?x", "https://example.com", "example.com"),
        ("http://127.0.0.1:8101/mcp", "http://127.0.0.1:8101", "127.0.0.1"),
        ("http://[::1]:8101/mcp", "http://[::1]:8101", "::1"),
        ("https://münchen.de", "https://xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
    ],
)
def test_origin_and_host_are_normalised(url: str, origin: str, host: str) -> None:
    assert (server_url.origin(url), server_url.host(url)) == (origin, host)


@pytest.mark.parametrize("function", ["canonical", "key", "origin", "host"])
def test_what_is_not_an_address_has_no_normal_form(function: str) -> None:
    with pytest.raises(InvalidUrl):
        getattr(server_url, function)("not-a-url")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/mcp?key=secret#x", "https://example.com/mcp"),
        ("https://example.com/mcp#x?key=secret", "https://example.com/mcp"),
        ("https://user:secret@example.com/mcp", "https://example.com/mcp"),
        ("https://a:secret@b@example.com", "https://example.com"),
        ("user:secret@example.com/mcp", "example.com/mcp"),
        ("//user:secret@example.com", "//example.com"),
        ("https:\\\\user:secret@example.com", "https:\\\\example.com"),
        ("https://example.com/@name", "https://example.com/@name"),
        ("http://[::1", "http://[::1"),
        ("", ""),
    ],
)
def test_what_is_shown_has_neither_query_nor_user_info(url: str, shown: str) -> None:
    assert server_url.without_query(url) == shown


def test_the_fragment_alone_is_dropped_from_what_is_stored() -> None:
    assert server_url.without_fragment("https://a.test/mcp?k=1#x#y") == (
        "https://a.test/mcp?k=1"
    )


@given(URL)
def test_what_is_accepted_is_dialled_at_the_host_that_was_checked(url: str) -> None:
    # Two readings of one address are how an address policy is passed by.
    dialled = httpx2.URL(server_url.check(url))
    assert server_url.host(url) == dialled.raw_host.decode()
    port = {"http": 80, "https": 443}[dialled.scheme]
    name, _, explicit = server_url.origin(url).partition("://")[2].partition(":")
    assert (name, int(explicit or port)) == (dialled.host, dialled.port or port)


@given(URL)
def test_case_default_port_and_fragment_do_not_make_another_address(url: str) -> None:
    canonical = server_url.canonical(url)
    scheme, rest = url.partition("://")[::2]
    same = f"{scheme.upper()}://{rest.partition('#')[0]}#other"
    assert server_url.canonical(same) == canonical
    assert "#" not in canonical
    if not canonical.partition("?")[0].endswith("/"):
        assert server_url.canonical(canonical) == canonical


@given(st.text(max_size=60))
def test_any_text_is_either_accepted_or_invalid(text: str) -> None:
    server_url.without_query(text)
    with contextlib.suppress(InvalidUrl):
        url = server_url.check(text)
        assert server_url.canonical(url).startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("https://ada:s3cret@a.example/x?y=a@b#c", "https://a.example/x?y=a@b#c"),
        ("https://a.example?y=a@b", "https://a.example?y=a@b"),
        ("ada:s3cret@a.example", "a.example"),
        ("hello", "hello"),
    ],
)
def test_a_user_is_taken_out_of_an_address_and_nothing_else(given: str, shown: str):
    assert server_url.without_user(given) == shown
