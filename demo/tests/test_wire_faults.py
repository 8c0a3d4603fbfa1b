"""Each fault of connections and bodies, seen byte by byte."""

import gzip

import pytest

from demo.hostile import Hostile
from demo.hostile.wire_faults import BIG_BODY_MEBIBYTES, MEBIBYTE
from demo.tests.dialling import (
    ask,
    dial,
    raw,
    read_for,
    read_until,
    request_bytes,
)

SILENCE_S = 0.2
END_OF_HEAD = b"\r\n\r\n"


def listen(url: str, seconds: float = SILENCE_S) -> bytes:
    """Post a request and return what comes until nothing does."""
    with dial(url) as connection:
        connection.sendall(request_bytes(url))
        return read_for(connection, seconds)


def body_of(answer: bytes) -> bytes:
    return answer.partition(END_OF_HEAD)[2]


def test_it_never_answers(hostile: Hostile) -> None:
    assert listen(hostile.url("never-answers")) == b""
    assert hostile.seen("never-answers").requests == 1


def test_it_hangs_up(hostile: Hostile) -> None:
    assert raw(hostile.url("closes")) == b""


def test_it_resets(hostile: Hostile) -> None:
    with pytest.raises(ConnectionResetError):
        raw(hostile.url("reset"))


def test_it_answers_garbage(hostile: Hostile) -> None:
    answer = raw(hostile.url("garbage"))
    assert not answer.startswith(b"HTTP/")
    assert len(answer) > 1000


def test_it_stops_after_the_head(hostile: Hostile) -> None:
    answer = listen(hostile.url("head-only"))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(END_OF_HEAD)


def test_it_drips_the_head(hostile: Hostile) -> None:
    hostile.pace_s = 0.001
    url = hostile.url("drip-head")
    with dial(url) as connection:
        connection.sendall(request_bytes(url))
        assert END_OF_HEAD not in read_until(connection, b"X-Slow: aaaaa")


@pytest.mark.parametrize(
    ("name", "marker"),
    [
        ("drip", b"1\r\n \r\n1\r\n \r\n1\r\n \r\n"),
        ("endless-stream", b": still here\n\n\r\ne\r\n: still here"),
        ("endless-events", b"id: 2\nretry: 0\nevent: message\n"),
    ],
)
def test_it_goes_on_for_ever(hostile: Hostile, name: str, marker: bytes) -> None:
    hostile.pace_s = 0.001
    url = hostile.url(name)
    with dial(url) as connection:
        connection.sendall(request_bytes(url))
        read_until(connection, marker)
        assert hostile.seen(name).in_flight == 1
    assert hostile.wait_until_idle()


def test_it_sends_as_fast_as_it_is_read(hostile: Hostile) -> None:
    assert len(raw(hostile.url("endless-body"), at_most=20 << 20)) >= 20 << 20


def test_it_stops_sending_when_nobody_reads(hostile: Hostile) -> None:
    url = hostile.url("big-body")
    with dial(url) as connection:
        connection.sendall(request_bytes(url))
        read_until(connection, END_OF_HEAD)
        ask(hostile.url("good"), "tools/list")
        assert hostile.seen("big-body").bytes_sent < BIG_BODY_MEBIBYTES * MEBIBYTE
    assert hostile.wait_until_idle()


@pytest.mark.parametrize("name", ["big-body", "big-stream"])
def test_it_sends_200_mebibytes(hostile: Hostile, name: str) -> None:
    url = hostile.url(name)
    with dial(url) as connection:
        connection.sendall(request_bytes(url))
        head = read_until(connection, END_OF_HEAD)
        size = len(body_of(head))
        while size < 200 * MEBIBYTE and (part := connection.recv(1 << 20)):
            size += len(part)
    assert size >= 200 * MEBIBYTE
    assert (b"Content-Length: 209715200" in head) is (name == "big-body")


def test_it_sends_one_event_of_nine_mebibytes(hostile: Hostile) -> None:
    answer = ask(hostile.url("big-event"), "tools/list")
    assert answer.headers["content-type"] == "text/event-stream"
    assert len(answer.content) > 9 * MEBIBYTE
    assert answer.content.count(b"\n\n") == 1


def test_it_sends_a_header_of_a_mebibyte(hostile: Hostile) -> None:
    head = raw(hostile.url("huge-head"), at_most=MEBIBYTE // 2)
    assert b"X-Padding: aaaa" in head
    assert END_OF_HEAD not in head


def test_it_sends_ten_thousand_headers(hostile: Hostile) -> None:
    url = hostile.url("many-headers")
    with dial(url) as connection:
        connection.sendall(request_bytes(url))
        assert read_until(connection, END_OF_HEAD).count(b"\r\nX-") == 10_000


def test_it_asks_to_come_back_at_once_and_ends(hostile: Hostile) -> None:
    for number in (1, 2):
        answer = ask(hostile.url("endless-resume"), "tools/list")
        assert answer.headers["content-type"] == "text/event-stream"
        assert "retry: 0\n" in answer.text
        assert f"id: {number}\n" in answer.text
        assert '"id":' not in answer.text


def test_it_asks_to_come_back_in_4000_digits(hostile: Hostile) -> None:
    answer = ask(hostile.url("retry-digits"), "tools/list")
    assert f"retry: {'9' * 4000}\n" in answer.text


def test_it_opens_a_stream_and_says_nothing(hostile: Hostile) -> None:
    answer = listen(hostile.url("silent-events"))
    assert b"text/event-stream" in answer
    assert b"data:" not in answer


@pytest.mark.parametrize("name", ["gzip", "gzip-bomb"])
def test_it_compresses_although_nobody_asked(hostile: Hostile, name: str) -> None:
    head = raw(hostile.url(name), at_most=10).partition(END_OF_HEAD)[0]
    assert b"Content-Encoding: gzip" in head


def test_a_small_body_unpacks_to_200_mebibytes(hostile: Hostile) -> None:
    url = hostile.url("gzip-bomb")
    with dial(url) as connection:
        connection.sendall(request_bytes(url))
        answer = body_of(read_until(connection, b"0\r\n\r\n"))
    size = int(answer.partition(b"\r\n")[0], 16)
    member = answer.partition(b"\r\n")[2][:size]
    assert len(gzip.decompress(member)) == MEBIBYTE
    assert answer.count(member) == BIG_BODY_MEBIBYTES
    assert len(answer) < MEBIBYTE


@pytest.mark.parametrize(("name", "offset"), [("short-body", 10), ("long-body", -10)])
def test_it_promises_another_length(hostile: Hostile, name: str, offset: int) -> None:
    answer = raw(hostile.url(name))
    promised = int(answer.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
    assert promised == len(body_of(answer)) + offset


def test_it_promises_two_lengths(hostile: Hostile) -> None:
    assert raw(hostile.url("two-lengths")).count(b"Content-Length") == 2


def test_it_sends_a_chunk_without_a_length(hostile: Hostile) -> None:
    assert body_of(raw(hostile.url("bad-chunk"))).startswith(b"not-a-length")
