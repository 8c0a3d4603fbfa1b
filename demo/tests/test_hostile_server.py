import json
import ssl
from pathlib import Path

import httpx2
import pytest
import trustme

from demo.hostile import FAULTS, Hostile, running
from demo.hostile.http import LARGEST_HEAD
from demo.tests.dialling import (
    Session,
    ask,
    dial,
    http,
    read_all,
    read_until,
    request_bytes,
    result,
)


def test_a_path_is_named_after_its_fault(hostile: Hostile) -> None:
    assert hostile.url("good") == f"http://127.0.0.1:{hostile.port}/good"
    assert hostile.url("good", "legacy") == f"{hostile.origin}/legacy/good"
    assert hostile.url("good", "modern") == hostile.url("good")
    with pytest.raises(KeyError):
        hostile.url("no-such-fault")


def test_an_unknown_path_is_not_found_and_not_counted(hostile: Hostile) -> None:
    assert ask(f"{hostile.origin}/nothing", "tools/list").status_code == 404
    assert hostile.seen("nothing").requests == 0


def test_what_a_path_received_is_kept(hostile: Hostile) -> None:
    url = hostile.url("good")
    ask(url, "server/discover")
    ask(url, "tools/call", {"name": "echo", "arguments": {"text": "hi"}}, x_key="abc")
    seen = hostile.seen("good")
    assert seen.requests == 2
    assert dict(seen.methods) == {"server/discover": 1, "tools/call": 1}
    assert seen.tool_calls == 1
    assert seen.header("X-Key") == ["abc"]
    assert [message["method"] for message in seen.messages] == [
        "server/discover",
        "tools/call",
    ]
    assert seen.bytes_sent > 0
    assert hostile.seen("trap").requests == 0
    assert hostile.wait_until_idle()
    assert seen.in_flight == 0


@pytest.mark.parametrize(
    ("query", "header", "text"),
    [("?q=canary-1", "-", ""), ("", "a canary-1", ""), ("", "-", "canary-1")],
)
def test_a_canary_is_found_wherever_it_came(
    hostile: Hostile, query: str, header: str, text: str
) -> None:
    ask(hostile.url("good") + query, "tools/list", {"text": text}, x_odd=header)
    assert hostile.seen("good").holds("canary-1")
    assert not hostile.seen("good").holds("canary-2")


def test_a_new_test_finds_it_clean(hostile: Hostile) -> None:
    session = Session(hostile.url("good", "legacy"))
    hostile.clear()
    assert hostile.seen("good").requests == 0
    assert session.ask("tools/list").status_code == 404


def test_connections_are_counted_until_the_last_is_closed(hostile: Hostile) -> None:
    before = hostile.connections
    with dial(hostile.url("never-answers")) as connection:
        connection.sendall(request_bytes(hostile.url("never-answers")))
        ask(hostile.url("good"), "tools/list")
        assert hostile.connections == before + 2
        assert hostile.open_connections >= 1
        assert not hostile.wait_until_idle(0.01)
    assert hostile.wait_until_idle()
    assert hostile.open_connections == 0
    assert hostile.seen("never-answers").in_flight == 0


def test_one_connection_carries_many_requests(hostile: Hostile) -> None:
    before = hostile.connections
    with http() as client:
        for _ in range(3):
            assert client.get(hostile.url("html")).status_code == 200
    assert hostile.connections == before + 1


def test_a_connection_is_closed_when_the_client_asks(hostile: Hostile) -> None:
    with dial(hostile.url("good")) as connection:
        connection.sendall(b"GET /good HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert b"405 Method Not Allowed" in read_all(connection)


def test_a_body_in_chunks_is_understood(hostile: Hostile) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'
    head = request_bytes(hostile.url("good")).split(b"Content-Length")[0]
    head += b"Mcp-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n"
    chunks = b"%x\r\n%b\r\n%x;a=b\r\n%b\r\n0\r\n\r\n" % (
        10,
        body[:10],
        len(body) - 10,
        body[10:],
    )
    with dial(hostile.url("good")) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
        assert b"200 OK" in read_until(connection, b'"tools"')


@pytest.mark.parametrize(
    "sent",
    [b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"a" * 2 * LARGEST_HEAD],
)
def test_what_is_not_http_is_hung_up_on(hostile: Hostile, sent: bytes) -> None:
    with dial(hostile.url("good")) as connection:
        try:
            connection.sendall(sent)
            received = read_all(connection)
        except (ConnectionResetError, BrokenPipeError):
            received = b""
    assert received == b""


def test_everything_is_counted_for_other_processes(hostile: Hostile) -> None:
    ask(hostile.url("good"), "tools/list")
    with http() as client:
        report = client.get(f"{hostile.origin}/stats").json()
    assert report["paths"]["good"]["methods"] == {"tools/list": 1}
    assert report["paths"]["good"]["tool_calls"] == 0
    assert report["open_connections"] >= 1


def test_the_front_page_lists_every_fault(hostile: Hostile) -> None:
    with http() as client:
        page = client.get(hostile.origin).text
    assert all(f"/{name}</code>" in page for name in FAULTS)


def test_another_origin_and_an_inside_address_are_served_too(
    hostile: Hostile,
) -> None:
    assert len(hostile.server.ports) >= 2
    other = hostile.server.ports[-1]
    assert other != hostile.port
    assert ask(f"http://127.0.0.1:{other}/trap", "tools/list").status_code == 200
    assert hostile.seen("trap").requests == 1


def test_it_speaks_tls_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with running(tls=context) as server:
        url = server.url("html")
        assert url.startswith("https://")
        with httpx2.Client(verify=trusting, trust_env=False) as client:
            assert client.get(url).status_code == 200
        with (
            httpx2.Client(trust_env=False) as client,
            pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            client.get(url)


def test_two_servers_do_not_share_what_they_saw(hostile: Hostile) -> None:
    with running() as other:
        ask(other.url("good"), "tools/list")
        assert other.seen("good").requests == 1
    assert hostile.seen("good").requests == 0


def test_a_stopped_server_hangs_up_on_everybody() -> None:
    with running() as server:
        url = server.url("endless-stream")
        connection = dial(url)
        connection.sendall(request_bytes(url))
        read_until(connection, b"still here")
    with connection:
        read_all(connection)
        with pytest.raises(ConnectionRefusedError):
            dial(url)


def test_a_result_is_what_a_client_can_read(hostile: Hostile) -> None:
    listed = result(ask(hostile.url("good"), "tools/list"))
    assert json.dumps(listed)
    assert [tool["name"] for tool in listed["tools"]] == ["echo", "add"]
