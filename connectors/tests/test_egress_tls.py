"""TLS over a pinned address: the name in the URL is what is checked."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
import trustme

from connectors import egress
from connectors.tests.loopback import Peer, always, answers, dial, listen, reply

NAME = "mcp.example.test"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Our own context, which trusts the tests' authority too."""
    context = egress.tls_context()
    authority.configure_trust(context)
    return context


@asynccontextmanager
async def secured(
    certificate: trustme.LeafCert, seen: list[str | None] | None = None
) -> AsyncIterator[Peer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    def note(
        connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext
    ) -> None:
        if seen is not None:
            seen.append(name)

    context.sni_callback = note
    async with listen(always(reply(b"secret")), tls=context) as peer:
        yield peer


def pinned(name: str = NAME) -> egress.Policy:
    resolver = answers(**{name.replace(".", "_"): ["127.0.0.1"]})
    return egress.Policy(allow=("127.0.0.1/32",), resolver=resolver)


async def test_the_host_name_is_sent_and_checked_over_a_pinned_address(
    authority: trustme.CA, trusting: ssl.SSLContext
):
    seen: list[str | None] = []
    async with (
        secured(authority.issue_cert(NAME), seen) as peer,
        dial(policy=pinned(), tls=trusting) as (client, _),
    ):
        response = await client.get(f"https://{NAME}:{peer.port}/")
    assert response.text == "secret"
    assert seen == [NAME]


async def test_a_certificate_of_another_name_is_refused(
    authority: trustme.CA, trusting: ssl.SSLContext
):
    async with (
        secured(authority.issue_cert("other.example.test", "127.0.0.1")) as peer,
        dial(policy=pinned(), tls=trusting) as (client, operation),
    ):
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"https://{NAME}:{peer.port}/")
        assert peer.requests == []
    assert operation.last.error == "tls"
    assert not operation.last.sent


async def test_a_certificate_of_an_unknown_authority_is_refused():
    async with (
        secured(trustme.CA().issue_cert(NAME)) as peer,
        dial(policy=pinned()) as (client, operation),
    ):
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"https://{NAME}:{peer.port}/")
        assert peer.requests == []
    assert operation.last.error == "tls"


async def test_a_certificate_of_an_address_serves_that_address(
    authority: trustme.CA, trusting: ssl.SSLContext
):
    async with (
        secured(authority.issue_cert("127.0.0.1")) as peer,
        dial(tls=trusting) as (client, _),
    ):
        assert (await client.get(peer.url)).text == "secret"


async def test_a_request_cannot_name_another_host_to_tls(
    authority: trustme.CA, trusting: ssl.SSLContext
):
    async with (
        secured(authority.issue_cert("other.example.test")) as peer,
        dial(policy=pinned(), tls=trusting) as (client, operation),
    ):
        with pytest.raises(httpx2.ConnectError):
            await client.get(
                f"https://{NAME}:{peer.port}/",
                extensions={"sni_hostname": "other.example.test"},
            )
    assert operation.last.error == "tls"


async def test_a_port_that_speaks_no_tls_is_a_failed_connection():
    async with (
        listen(always(reply())) as peer,
        dial(policy=pinned(), timeout_s=1) as (client, operation),
    ):
        with pytest.raises((httpx2.ConnectError, httpx2.ConnectTimeout)):
            await client.get(f"https://{NAME}:{peer.port}/")
    assert not operation.last.sent


def test_old_protocols_are_off():
    assert egress.tls_context().minimum_version >= ssl.TLSVersion.TLSv1_2
    assert egress.tls_context().verify_mode is ssl.CERT_REQUIRED
    assert egress.tls_context().check_hostname


@pytest.fixture
def key_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    return path


async def test_session_keys_are_not_written_where_the_environment_says(
    authority: trustme.CA, key_log: Path
):
    context = egress.tls_context()
    authority.configure_trust(context)
    async with (
        secured(authority.issue_cert(NAME)) as peer,
        dial(policy=pinned(), tls=context) as (client, _),
    ):
        await client.get(f"https://{NAME}:{peer.port}/")
    assert not key_log.exists()


def test_the_operator_may_add_an_authority(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    subjects = str(egress.tls_context().get_ca_certs())
    assert "trustme" in subjects
