import json
import ssl
from collections.abc import Awaitable, Callable
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import trustme

from config.tests.live import serve

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Recorder:
    """Answers every request with its path; remembers its lifespan."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for stage in ("startup", "shutdown"):
                self.events.append((await receive())["type"])
                await send({"type": f"lifespan.{stage}.complete"})
            return
        body = json.dumps({"path": scope["path"], "scheme": scope["scheme"]}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


async def broken_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("this application cannot start")


def fetch(connection: HTTPConnection, path: str) -> dict[str, str]:
    connection.request("GET", path, headers={"Connection": "close"})
    with connection.getresponse() as response:
        answer: dict[str, str] = json.loads(response.read())
    connection.close()
    return answer


def test_a_live_server_runs_the_lifespan_and_answers() -> None:
    app = Recorder()
    with serve(app) as server:
        assert app.events == ["lifespan.startup"]
        assert server.url == f"http://127.0.0.1:{server.port}"
        answer = fetch(HTTPConnection("127.0.0.1", server.port), "/hello")
    assert answer == {"path": "/hello", "scheme": "http"}
    assert app.events == ["lifespan.startup", "lifespan.shutdown"]


def test_two_live_servers_have_two_ports() -> None:
    with serve(Recorder()) as one, serve(Recorder()) as two:
        assert one.port != two.port


def test_a_live_server_listens_on_ipv6() -> None:
    with serve(Recorder(), host="::1") as server:
        assert server.url == f"http://[::1]:{server.port}"
        assert fetch(HTTPConnection("::1", server.port), "/6")["path"] == "/6"


def test_a_live_server_speaks_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    certificate.private_key_pem.write_to_path(key)
    certificate.cert_chain_pems[0].write_to_path(chain)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with serve(Recorder(), ssl_certfile=chain, ssl_keyfile=key) as server:
        assert server.url.startswith("https://")
        connection = HTTPSConnection("localhost", server.port, context=context)
        assert fetch(connection, "/tls")["scheme"] == "https"


def test_a_live_server_that_cannot_start_says_so() -> None:
    with (
        pytest.raises(RuntimeError, match="did not start"),
        serve(broken_lifespan),
    ):
        pytest.fail("the block must not run")
