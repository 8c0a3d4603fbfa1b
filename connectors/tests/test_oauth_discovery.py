"""From an MCP server to whoever signs people in: every place, and every trap."""

import asyncio
from typing import Any

import pytest
from pytest_django import Settings

from connectors.auth import oauth
from connectors.auth.oauth import Challenge, Discovery
from connectors.errors import (
    ConnectionFailed,
    ResponseTooLarge,
    ServerError,
    ServerFailure,
    SignInFailed,
    SignInNotOffered,
    TimedOut,
)
from connectors.tests.loopback import endless, hang
from connectors.tests.oauth_site import (
    OPENID,
    RESOURCE,
    SERVER,
    Page,
    Site,
    as_json,
    metadata_of,
    resource_of,
    server_of,
    site,
    status,
)

pytestmark = pytest.mark.usefixtures("allow_loopback")

ASKED = Challenge(scheme="Bearer")


async def found(
    there: Site, challenge: Challenge = ASKED, *, url: str = ""
) -> Discovery:
    async with oauth.leg() as leg:
        return await oauth.discover(leg, url=url or there.mcp, challenge=challenge)


async def failure(there: Site, challenge: Challenge = ASKED) -> ServerFailure:
    with pytest.raises(ServerFailure) as caught:
        await found(there, challenge)
    return caught.value


async def reason(there: Site, challenge: Challenge = ASKED) -> str:
    problem = await failure(there, challenge)
    assert isinstance(problem, SignInFailed)
    return problem.reason


# --- Where the MCP server says who signs people in ---------------------------


@pytest.mark.parametrize("place", [f"{RESOURCE}/mcp", RESOURCE])
async def test_the_metadata_is_found_at_the_path_and_at_the_root(place: str):
    async with site() as there:
        there.publish({place: resource_of(there.mcp, there.url)})
        there.publish({SERVER: metadata_of(there.url)})
        discovery = await found(there)
    assert discovery.issuer == there.url
    assert discovery.resource == there.mcp


async def test_where_the_refusal_points_comes_first():
    async with site() as there:
        there.publish(
            {
                "/elsewhere": resource_of(there.mcp, there.url),
                f"{RESOURCE}/mcp": resource_of(there.mcp, "https://wrong.example"),
                SERVER: metadata_of(there.url),
            }
        )
        pointing = Challenge(
            scheme="Bearer", resource_metadata=f"{there.url}/elsewhere"
        )
        assert (await found(there, pointing)).issuer == there.url
    assert there.asked[0] == "/elsewhere"


async def test_a_wrong_pointer_does_not_hide_the_usual_places():
    async with site() as there:
        there.publish(
            {
                "/gone": b"",
                f"{RESOURCE}/mcp": resource_of(there.mcp, there.url),
                SERVER: metadata_of(there.url),
            }
        )
        there.pages["/gone"] = status("404 Not Found")
        pointing = Challenge(scheme="Bearer", resource_metadata=f"{there.url}/gone")
        assert (await found(there, pointing)).issuer == there.url


async def test_metadata_is_found_although_nobody_was_refused():
    async with site() as there:
        there.publish({RESOURCE: resource_of(there.mcp, there.url)})
        there.publish({SERVER: metadata_of(there.url)})
        assert (await found(there, Challenge())).issuer == there.url


async def test_a_server_that_did_not_ask_and_publishes_nothing_offers_none():
    async with site() as there:
        assert isinstance(await failure(there, Challenge()), SignInNotOffered)


@pytest.mark.parametrize("scheme", ["Basic", "ApiKey"])
async def test_a_server_that_asks_for_something_else_offers_none(scheme: str):
    async with site() as there:
        problem = await failure(there, Challenge(scheme=scheme))
    assert isinstance(problem, SignInNotOffered)


@pytest.mark.parametrize(
    "document",
    [
        b"[]",
        b"<html>",
        b'"text"',
        b"{}",
        b"[" * 100_000,
        b'{"resource": 7}',
        b'{"resource": "https://x.example", "authorization_servers": []}',
        b'{"resource": "https://x.example", "authorization_servers": "x"}',
    ],
)
async def test_what_is_no_metadata_is_none(document: bytes):
    async with site() as there:
        there.publish({f"{RESOURCE}/mcp": status("200 OK", document)})
        assert isinstance(await failure(there, Challenge()), SignInNotOffered)


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("{url}/mcp", "/mcp"),
        ("{url}/mcp", "/mcp/"),
        ("{url}/mcp", "/mcp/below"),
        ("{url}", "/mcp"),
        ("{url}/", "/mcp"),
        ("{url}/mcp/", "/mcp"),
    ],
)
async def test_metadata_may_be_about_what_is_above(resource: str, path: str):
    async with site() as there:
        said = resource.format(url=there.url)
        there.publish({RESOURCE: resource_of(said, there.url)})
        there.publish({SERVER: metadata_of(there.url)})
        discovery = await found(there, url=there.url + path)
    # Sent as it was published, to the letter (RFC 8707).
    assert discovery.resource == said


@pytest.mark.parametrize(
    "resource",
    [
        "https://evil.example/mcp",
        "{url}/mcp2",
        "{url}/other",
        "{url}/mcp/below",
        "http://127.0.0.1:1/mcp",
        "ftp://x",
        "not a url",
    ],
)
async def test_metadata_about_another_server_is_refused(resource: str):
    async with site() as there:
        said = resource.format(url=there.url).replace(" ", "-")
        there.publish({RESOURCE: resource_of(said, there.url)})
        there.publish({SERVER: metadata_of(there.url)})
        assert await reason(there) == "resource_mismatch"


# --- The authorization server ------------------------------------------------


@pytest.mark.parametrize(
    ("issuer", "place"),
    [
        ("{url}", SERVER),
        ("{url}", OPENID),
        ("{url}/", SERVER),
        ("{url}/tenant", f"{SERVER}/tenant"),
        ("{url}/tenant", f"{OPENID}/tenant"),
        ("{url}/tenant", f"/tenant{OPENID}"),
        ("{url}/a/b", f"{SERVER}/a/b"),
    ],
)
async def test_its_metadata_is_found_in_every_place(issuer: str, place: str):
    async with site() as there, site() as service:
        named = issuer.format(url=service.url)
        there.publish({RESOURCE: resource_of(there.mcp, named)})
        service.publish({place: metadata_of(named)})
        assert (await found(there)).issuer == named


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("{url}", "https://evil.example"),
        ("{url}", "{url}/tenant"),
        ("{url}/tenant", "{url}"),
        ("{url}/tenant", "{url}/tenant/"),
        ("{url}/tenant", "{url}/Tenant"),
    ],
)
async def test_an_issuer_that_says_it_is_another_one_is_refused(named: str, said: str):
    async with site() as there:
        issuer = named.format(url=there.url)
        place = f"{SERVER}{issuer.removeprefix(there.url)}"
        there.publish({RESOURCE: resource_of(there.mcp, issuer)})
        there.publish({place: metadata_of(said.format(url=there.url))})
        assert await reason(there) == "issuer_mismatch"


async def test_of_several_services_the_first_that_can_be_used_is_taken():
    async with site() as there:
        there.publish(
            {
                RESOURCE: resource_of(
                    there.mcp, f"{there.url}/none", f"{there.url}/unsafe", there.url
                ),
                f"{SERVER}/unsafe": metadata_of(
                    f"{there.url}/unsafe", code_challenge_methods_supported=None
                ),
                SERVER: metadata_of(there.url),
            }
        )
        assert (await found(there)).issuer == there.url


async def test_only_a_few_of_many_services_are_asked():
    async with site() as there:
        many = [f"{there.url}/{number}" for number in range(50)]
        there.publish({RESOURCE: resource_of(there.mcp, *many)})
        assert await reason(there) == "provider_error"
    assert f"{SERVER}/2" in there.asked
    assert f"{SERVER}/3" not in there.asked


async def test_a_service_that_was_named_is_not_guessed():
    async with site() as there:
        there.publish({RESOURCE: resource_of(there.mcp, there.url)})
        assert await reason(there) == "provider_error"
    assert "/authorize" not in there.asked


@pytest.mark.parametrize("methods", [None, [], ["plain"], "S256", ["s256"]])
async def test_a_service_without_pkce_is_refused(methods: Any):
    async with site() as there:
        there.publish({RESOURCE: resource_of(there.mcp, there.url)})
        there.publish(
            {SERVER: metadata_of(there.url, code_challenge_methods_supported=methods)}
        )
        problem = await failure(there)
    assert isinstance(problem, SignInFailed)
    assert problem.reason == "no_pkce"
    assert "PKCE" in problem.suggestion


@pytest.mark.parametrize(
    "name",
    [
        "authorization_endpoint",
        "token_endpoint",
        "registration_endpoint",
        "revocation_endpoint",
        "userinfo_endpoint",
    ],
)
@pytest.mark.parametrize(
    "address",
    [
        "http://as.example/x",
        "http://127.0.0.66/x",
        "http://10.0.0.1/x",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://user:secret@as.example/x",
        "//as.example/x",
        "https://as.example\\@evil.example/x",
    ],
)
async def test_a_service_at_no_safe_address_is_refused(name: str, address: str):
    async with site() as there:
        there.publish({RESOURCE: resource_of(there.mcp, there.url)})
        there.publish({SERVER: metadata_of(there.url, **{name: address})})
        problem = await failure(there)
    assert isinstance(problem, SignInFailed)
    assert "secret" not in str(problem)
    assert "evil" not in str(problem)


async def test_a_service_is_not_asked_in_clear_what_it_is():
    async with site() as there:
        there.publish({RESOURCE: resource_of(there.mcp, "http://as.example")})
        assert await reason(there) == "provider_error"


async def test_a_pointer_in_clear_to_somewhere_else_is_not_followed():
    async with site() as there:
        there.publish({RESOURCE: resource_of(there.mcp, there.url)})
        there.publish({SERVER: metadata_of(there.url)})
        pointing = Challenge(resource_metadata="http://as.example/metadata")
        assert (await found(there, pointing)).issuer == there.url


@pytest.mark.parametrize("missing", ["issuer", "authorization_endpoint"])
async def test_metadata_without_its_addresses_is_none(missing: str):
    async with site() as there:
        there.publish({RESOURCE: resource_of(there.mcp, there.url)})
        there.publish({SERVER: metadata_of(there.url, **{missing: None})})
        assert await reason(there) == "provider_error"


async def test_an_issuer_that_is_too_long_to_keep_is_refused():
    async with site() as there:
        long = f"{there.url}/{'x' * 600}"
        place = f"{SERVER}/{'x' * 600}"
        there.publish({RESOURCE: resource_of(there.mcp, long)})
        there.publish({place: metadata_of(long)})
        assert await reason(there) == "provider_error"


# --- Servers of 2025-03-26 ---------------------------------------------------


async def test_an_older_server_signs_people_in_itself():
    async with site() as there:
        there.publish({SERVER: metadata_of(there.url)})
        discovery = await found(there)
    assert discovery.issuer == there.url
    assert discovery.resource == there.mcp


async def test_an_older_server_may_have_an_issuer_with_a_path():
    async with site() as there:
        there.publish({SERVER: metadata_of(f"{there.url}/tenant")})
        assert (await found(there)).issuer == f"{there.url}/tenant"


async def test_an_older_server_cannot_name_somebody_else():
    async with site() as there:
        there.publish({SERVER: metadata_of("https://evil.example")})
        assert await reason(there) == "issuer_mismatch"


async def test_an_older_server_may_publish_nothing_but_must_have_asked():
    async with site() as there:
        discovery = await found(there)
    assert discovery.server.is_assumed
    assert discovery.server.token_endpoint == f"{there.url}/token"
    # It knows no resources (RFC 8707 came later).
    assert discovery.resource == ""


# --- Scopes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("challenged", "published", "offered", "scope"),
    [
        ("a b", ["c"], ["a", "b", "c"], "a b"),
        ("", ["c", "d"], None, "c d"),
        ("", None, ["x", "y"], ""),
        ("a", None, ["a", "offline_access"], "a offline_access"),
        ("", ["offline_access"], ["offline_access"], "offline_access"),
        ("", None, ["offline_access"], ""),
        ("a a  b", None, None, "a b"),
    ],
)
async def test_scopes_are_what_the_refusal_names_then_what_is_published(
    challenged: str, published: Any, offered: Any, scope: str
):
    async with site() as there:
        more = {} if published is None else {"scopes_supported": published}
        there.publish({RESOURCE: resource_of(there.mcp, there.url, **more)})
        there.publish({SERVER: metadata_of(there.url, scopes_supported=offered)})
        discovery = await found(there, Challenge(scheme="Bearer", scope=challenged))
    assert discovery.scope == scope


# --- Answers that are none ---------------------------------------------------


@pytest.mark.parametrize("line", ["500 Oops", "503 Busy", "429 Slow down"])
async def test_not_now_is_not_the_same_as_not_there(line: str):
    async with site() as there:
        there.publish({f"{RESOURCE}/mcp": status(line)})
        assert isinstance(await failure(there, Challenge()), ServerError)


@pytest.mark.parametrize("line", ["500 Oops", "429 Slow down"])
async def test_a_service_that_does_not_work_now_says_so(line: str):
    async with site() as there:
        there.publish({RESOURCE: resource_of(there.mcp, there.url)})
        there.publish({SERVER: status(line)})
        problem = await failure(there)
    assert isinstance(problem, ServerError)
    assert line[:3] in str(problem)


async def test_a_redirect_within_the_origin_is_followed():
    async with site() as there:
        there.publish(
            {
                RESOURCE: status("302 Found", b"", "Location: /moved"),
                "/moved": resource_of(there.mcp, there.url),
                SERVER: metadata_of(there.url),
            }
        )
        assert (await found(there)).issuer == there.url


async def test_a_redirect_to_another_origin_is_not_followed():
    async with site() as there, site() as other:
        there.publish(
            {RESOURCE: status("302 Found", b"", f"Location: {other.url}{RESOURCE}")}
        )
        other.publish({RESOURCE: resource_of(there.mcp, other.url)})
        assert isinstance(await failure(there, Challenge()), SignInNotOffered)
    assert other.asked == []


async def test_redirects_have_an_end():
    async with site() as there:
        there.publish({RESOURCE: status("302 Found", b"", f"Location: {RESOURCE}")})
        assert isinstance(await failure(there, Challenge()), ServerError)
    assert len(there.asked) < 10


@pytest.mark.parametrize("address", ["https://127.0.0.66:1/x", "https://10.0.0.1"])
async def test_metadata_at_an_address_inside_is_not_fetched(address: str):
    async with site() as there:
        problem = await failure(there, Challenge(resource_metadata=address))
    assert isinstance(problem, ConnectionFailed)
    assert "does not allow" in str(problem)


async def test_a_service_at_an_address_inside_is_not_asked():
    async with site() as there:
        there.publish({RESOURCE: resource_of(there.mcp, "https://127.0.0.66")})
        assert isinstance(await failure(there), ConnectionFailed)


@pytest.mark.parametrize("place", [RESOURCE, SERVER])
async def test_metadata_without_end_is_given_up(place: str):
    start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    async with site() as there:
        pages: dict[str, Page] = {RESOURCE: resource_of(there.mcp, there.url)}
        there.publish({**pages, place: endless(start, b"x" * 65536)})
        assert isinstance(await failure(there), ResponseTooLarge)


@pytest.mark.parametrize("place", [RESOURCE, SERVER])
async def test_metadata_that_does_not_come_is_given_up(place: str, settings: Settings):
    settings.TEST_TIMEOUT_S = 0.3
    async with site() as there:
        pages: dict[str, Page] = {RESOURCE: resource_of(there.mcp, there.url)}
        there.publish({**pages, place: hang})
        async with asyncio.timeout(5):
            assert isinstance(await failure(there), TimedOut)


async def test_metadata_that_drips_is_given_up(settings: Settings):
    settings.TEST_TIMEOUT_S = 0.3
    start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"
    async with site() as there:
        there.publish({RESOURCE: endless(start, b" ", every_s=0.02)})
        async with asyncio.timeout(5):
            assert isinstance(await failure(there), TimedOut)


async def test_nothing_that_was_published_is_repeated_in_a_failure():
    async with site() as there:
        said = as_json({"error": "<b>x</b>", "hint": "call 0900"}, status="500 No")
        there.publish({RESOURCE: said})
        problem = await failure(there)
    assert "0900" not in f"{problem} {problem.suggestion}"


def test_what_is_known_of_a_service_survives_being_stored():
    server = server_of(
        "https://as.example",
        scopes_supported=["a"],
        token_endpoint_auth_methods_supported=["none"],
        authorization_response_iss_parameter_supported=True,
        client_id_metadata_document_supported="yes",
    )
    assert oauth.AuthorizationServer.of(server.stored()) == server
    assert server.sends_issuer
    # true, and nothing that is only as good as true.
    assert not server.takes_documents
