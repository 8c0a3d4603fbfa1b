import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from config.tests.live import LiveServer


@pytest.fixture
def connection(live_server_asgi: LiveServer) -> Iterator[HTTPConnection]:
    opened = HTTPConnection(live_server_asgi.host, live_server_asgi.port, timeout=20)
    yield opened
    opened.close()


def answer(connection: HTTPConnection) -> HTTPResponse:
    response = connection.getresponse()
    response.read()
    return response


def test_the_application_serves_http_with_its_lifespan_on(
    connection: HTTPConnection,
) -> None:
    for path in ("/healthz", "/readyz"):
        connection.request("GET", path)
        assert answer(connection).status == 200


def test_a_websocket_handshake_is_answered_403(live_server_asgi: LiveServer) -> None:
    handshake = (
        "GET /ws/chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    address = (live_server_asgi.host, live_server_asgi.port)
    with socket.create_connection(address, timeout=20) as opened:
        opened.sendall(handshake.encode())
        assert opened.recv(100).startswith(b"HTTP/1.1 403")


def test_a_body_that_is_announced_too_large_is_not_read(
    connection: HTTPConnection,
) -> None:
    connection.putrequest("POST", "/api/connectors")
    connection.putheader("Content-Length", str(10 << 30))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413
    assert b'"PAYLOAD_TOO_LARGE"' in response.read()


def test_openai_s_clients_are_told_so_in_their_words(
    connection: HTTPConnection,
) -> None:
    connection.putrequest("POST", "/v1/chat/completions")
    connection.putheader("Content-Length", str(10 << 30))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["error"]["code"] == "payload_too_large"


def test_a_body_that_grows_too_large_is_cut(
    connection: HTTPConnection, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    chunks = (b"x" * 100 for _ in range(11))
    connection.request("POST", "/api/connectors", body=chunks, encode_chunked=True)
    assert answer(connection).status == 413


def test_a_body_at_the_limit_is_read(connection: HTTPConnection, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    chunks = (b"x" * 100 for _ in range(10))
    connection.request("POST", "/healthz", body=chunks, encode_chunked=True)
    assert answer(connection).status == 405
