"""Each fault of HTTP+SSE, the transport with two connections."""

import httpx2
import pytest

from demo.hostile import Hostile
from demo.hostile.sse_faults import SSE_FAULTS
from demo.tests.dialling import dial, message, post, read_for, read_until

SILENCE_S = 0.2


class Conversation:
    """The event stream of a path, and posts to the address that it named."""

    def __init__(self, hostile: Hostile, name: str) -> None:
        self.origin = hostile.origin
        self.stream = dial(hostile.url(name))
        self.stream.sendall(f"GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = read_until(self.stream, b"\n\n\r\n")
        self.address = head.partition(b"data: ")[2].split(b"\n")[0].decode()

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def post(self, method: str) -> httpx2.Response:
        params = {"name": "echo", "arguments": {"text": "hi"}}
        return post(self.origin + self.address, message(method, params), {})


@pytest.mark.parametrize("name", SSE_FAULTS)
def test_a_path_refuses_streamable_http(hostile: Hostile, name: str) -> None:
    answer = post(hostile.url(name), message("server/discover"), {})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_answers_come_through_the_stream(hostile: Hostile) -> None:
    with Conversation(hostile, "sse-good") as talk:
        assert talk.post("initialize").status_code == 202
        assert b'"protocolVersion"' in read_until(talk.stream, b'"instructions"')
        assert talk.post("notifications/initialized").status_code == 202
        assert talk.post("no/such").status_code == 202
        assert b"-32601" in read_until(talk.stream, b"No method")
        assert talk.post("tools/call").status_code == 202
        assert b'"text":"hi"' in read_until(talk.stream, b'"isError"')
    assert hostile.seen("sse-good").tool_calls == 1


def test_a_stream_that_was_left_is_forgotten(hostile: Hostile) -> None:
    with Conversation(hostile, "sse-good") as talk:
        address = talk.address
    assert hostile.wait_until_idle()
    assert not hostile.server.streams
    gone = post(hostile.origin + address, message("ping"), {})
    assert gone.status_code == 405


def test_no_address_is_named(hostile: Hostile) -> None:
    with dial(hostile.url("sse-no-endpoint")) as stream:
        stream.sendall(b"GET /sse-no-endpoint HTTP/1.1\r\n\r\n")
        heard = read_until(stream, b"still here")
    assert b"text/event-stream" in heard
    assert b"endpoint" not in heard


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("sse-elsewhere", "http://127.0.0.1:{other}/trap"),
        ("sse-bad-endpoint", "http://["),
    ],
)
def test_an_odd_address_is_named(hostile: Hostile, name: str, address: str) -> None:
    with Conversation(hostile, name) as talk:
        assert talk.address == address.format(other=hostile.server.ports[-1])


def test_a_call_is_accepted_and_never_answered(hostile: Hostile) -> None:
    with Conversation(hostile, "sse-call-hangs") as talk:
        assert talk.post("tools/call").status_code == 202
        assert read_for(talk.stream, SILENCE_S) == b""


def test_a_call_ends_the_stream(hostile: Hostile) -> None:
    with Conversation(hostile, "sse-call-ends") as talk:
        assert talk.post("tools/call").status_code == 202
        assert talk.stream.recv(100) == b"0\r\n\r\n"
        assert talk.stream.recv(100) == b""


def test_a_call_is_answered_with_500(hostile: Hostile) -> None:
    with Conversation(hostile, "sse-call-500") as talk:
        assert talk.post("tools/list").status_code == 202
        assert talk.post("tools/call").status_code == 500
