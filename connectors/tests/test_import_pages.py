"""Import a file on its pages, without scripts and with them."""

import re
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import quote_plus

import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from connectors import importing_file
from connectors.models import OAuthFlow, UserMCPConnection
from connectors.tests import rows
from connectors.tests.add_pages import SECRET, value
from connectors.tests.import_pages import (
    IMPORT,
    chosen,
    content,
    fields,
    read,
    upload,
)
from connectors.tests.tool_pages import HTMX, LIVE, plain
from demo.authority.running import RunningAuthority
from demo.fixtures import DemoServer
from demo.hostile import Hostile

URL = "https://mcp.example.com/mcp"


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


# --- The file ----------------------------------------------------------------


def test_strangers_are_asked_to_sign_in(client: Client, db: None):
    assert client.get(IMPORT).status_code == 302
    assert read(client, content(a={"url": URL})).status_code == 302


def test_it_asks_for_a_file(browser: Client):
    html = browser.get(IMPORT).text
    assert 'type="file"' in html
    assert 'enctype="multipart/form-data"' in html


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b"\x89PNG\0", "NOT_TEXT"),
        (b"{", "NOT_JSON"),
        (b"{}", "NO_SERVERS"),
        (b"{" + b" " * importing_file.MAX_BYTES, "FILE_TOO_LARGE"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(
    browser: Client, data: bytes, code: str
):
    response = upload(browser, data)
    assert response.status_code == 422
    assert code in response.text


def test_a_text_that_cannot_be_read_is_refused_and_not_repeated(browser: Client):
    response = read(browser, f'{{"a": {SECRET}')
    assert response.status_code == 422
    assert "line 1" in response.text
    assert SECRET not in response.text


def test_what_is_pasted_counts_more_than_a_file_that_is_still_chosen(browser: Client):
    file = SimpleUploadedFile("mcp.json", b"{")
    sent = {"file": file, "text": content(a={"url": URL})}
    assert "1 can be imported" in plain(browser.post(IMPORT, sent).text)


def test_htmx_gets_the_form_back_as_something_to_merge(browser: Client):
    response = browser.post(IMPORT, {"text": "{"}, headers=HTMX)
    assert response.status_code == 422
    assert response["HX-Reswap"] == "outerMorph"
    assert "NOT_JSON" in response.text
    assert "<html" not in response.text


def test_nothing_at_all_is_refused(browser: Client):
    response = read(browser, "")
    assert response.status_code == 422
    assert "EMPTY_FILE" in response.text


# --- The rows ----------------------------------------------------------------


def test_each_server_is_a_row_and_nobody_is_dialled(browser: Client, peer: Hostile):
    html = upload(
        browser,
        content(
            Peer={"url": peer.url("good")},
            Files={"command": "npx", "env": {"KEY": SECRET}},
            Broken={"url": "ftp://x"},
        ).encode(),
    ).text
    assert value(html, "row-0-name") == "Peer"
    assert "1 can be imported" in plain(html)
    assert "2 cannot be imported" in plain(html)
    assert "STDIO_SERVER" in html
    assert "INVALID_URL" in html
    assert SECRET not in html
    assert peer.seen("good").requests == 0


def test_what_is_new_and_fits_is_chosen(
    browser: Client, alice: User, settings: Settings
):
    settings.CONNECTOR_LIMIT = 3
    rows.connector(alice, name="Mine", server_url=URL)
    html = read(
        browser,
        content(
            Mine={"url": URL},
            Off={"url": "https://b.example", "disabled": True},
            C={"url": "https://c.example"},
            D={"url": "https://d.example"},
            E={"url": "https://e.example"},
        ),
    ).text
    assert chosen(html) == {"2", "3"}
    assert "Mine has the same URL" in plain(html)
    assert value(html, "row-0-name") == "Mine 2"
    assert "2 of 3 places are free" in plain(html)


def test_hostile_names_stay_text(browser: Client):
    html = read(browser, content(**{'"><script>alert(1)': {"url": URL}})).text
    assert "<script>alert" not in html


def test_a_page_of_somebody_else_is_worth_nothing(
    browser: Client, bob: User, peer: Hostile
):
    sent = fields(read(browser, content(a={"url": peer.url("good")})).text)
    browser.force_login(bob)
    response = browser.post(IMPORT, {**sent, "save": "true"})
    assert response.status_code == 422
    assert "too old" in response.text
    assert not UserMCPConnection.objects.exists()


def test_a_page_that_is_too_old_asks_for_the_file_again(
    browser: Client, settings: Settings
):
    settings.TICKET_TTL_S = -1
    sent = fields(read(browser, content(a={"url": URL})).text)
    response = browser.post(IMPORT, sent)
    assert response.status_code == 422
    assert "Choose the file again" in response.text
    in_place = browser.post(IMPORT, sent, headers=HTMX)
    assert in_place["HX-Retarget"] == "#import"


# --- Tests -------------------------------------------------------------------


def test_all_are_tested_and_each_says_how_it_went(browser: Client, peer: Hostile):
    entries = {path: {"url": peer.url(path)} for path in ("good", "html", "401")}
    html = read(browser, content(**entries)).text
    tested = browser.post(IMPORT, fields(html)).text
    assert value(tested, "row-0-ticket")
    assert not value(tested, "row-1-ticket")
    assert "INVALID_MCP_SERVER" in tested
    assert "AUTH_REQUIRED" in tested
    assert not UserMCPConnection.objects.exists()


def test_one_can_be_tested_alone(browser: Client, peer: Hostile):
    html = read(
        browser, content(a={"url": peer.url("good")}, b={"url": peer.url("html")})
    ).text
    tested = browser.post(IMPORT, {**fields(html), "only": "0"}).text
    assert value(tested, "row-0-ticket")
    assert peer.seen("html").requests == 0


def live(client: Client, **sent: str) -> list[str]:
    response: Any = client.post(IMPORT, sent, headers=LIVE)
    assert response["Content-Type"] == "text/event-stream"

    async def collect() -> str:
        chunks: AsyncGenerator[bytes] = response.streaming_content
        return b"".join([chunk async for chunk in chunks]).decode()

    return [one for one in async_to_sync(collect)().split("\n\n") if one]


def test_live_each_row_is_told_of_as_it_goes_on(browser: Client, peer: Hostile):
    html = read(
        browser, content(a={"url": peer.url("good")}, b={"url": peer.url("html")})
    ).text
    begun, *between, ended = live(browser, **fields(html))
    assert "Testing 2 servers." in begun
    assert "Stop the tests" in begun
    assert len(between) == 4
    assert any("2 of 2 tested, 1 passed." in one for one in between)
    assert all('hx-swap-oob="true"' in one for one in between)
    assert "Stop the tests" not in ended


def test_tests_that_are_stopped_leave_the_rows_as_they_were(browser: Client):
    sent = fields(read(browser, content(a={"url": URL})).text)
    html = browser.post(IMPORT, {**sent, "stop": "true"}, headers=HTMX).text
    assert "The tests were stopped." in html
    assert "Not tested yet" in html
    assert "<html" not in html


# --- Secrets -----------------------------------------------------------------


def test_what_the_file_left_out_is_typed_kept_and_never_shown(
    browser: Client, alice: User, token_server: DemoServer, allow_loopback: None
):
    entry = {
        "url": token_server.url,
        "headers": {"Authorization": "Bearer ${input:token}"},
    }
    html = read(browser, content(rel=entry)).text
    assert "Needs Bearer token" in plain(html)
    refused = browser.post(IMPORT, {**fields(html), "save": "true"})
    assert refused.status_code == 422
    assert "Enter what the file left out: Bearer token." in plain(refused.text)
    typed = {"row-0-blank_0": token_server.token}
    tested = browser.post(IMPORT, {**fields(html), **typed}).text
    assert token_server.token not in tested
    assert "Kept for this page and not shown" in plain(tested)
    response = browser.post(IMPORT, {**fields(tested), "save": "true"})
    assert response.status_code == 303
    row = UserMCPConnection.objects.get()
    assert row.auth_config is not None
    assert row.auth_config.open() == {"token": token_server.token}


def test_a_server_that_asks_for_a_token_is_given_one(
    browser: Client, token_server: DemoServer, allow_loopback: None
):
    html = read(browser, content(rel={"url": token_server.url})).text
    asked = browser.post(IMPORT, fields(html)).text
    assert "AUTH_REQUIRED" in asked
    typed = {"row-0-token": token_server.token, "save": "true"}
    assert browser.post(IMPORT, {**fields(asked), **typed}).status_code == 303


def test_a_secret_of_the_file_is_in_no_page(browser: Client, peer: Hostile):
    entry = {
        "url": f"{peer.url('401')}?key={SECRET}",
        "headers": {"Authorization": f"Bearer {SECRET}"},
    }
    html = read(browser, content(a=entry)).text
    tested = browser.post(IMPORT, fields(html)).text
    for shown in (html, tested):
        assert SECRET not in shown
        assert "Credentials came with the file" in plain(shown)


def test_a_token_that_is_typed_after_a_test_is_tested(
    browser: Client, token_server: DemoServer, allow_loopback: None
):
    headers = {"Authorization": f"Bearer {token_server.token}"}
    entry = {"url": token_server.url, "headers": headers}
    html = read(browser, content(rel=entry)).text
    tested = browser.post(IMPORT, fields(html)).text
    assert value(tested, "row-0-ticket")
    wrong = {"row-0-token": "another-one", "save": "true"}
    response = browser.post(IMPORT, {**fields(tested), **wrong})
    assert response.status_code == 422
    assert "AUTH_FAILED" in response.text


# --- Saving ------------------------------------------------------------------


def test_those_that_were_chosen_are_saved(browser: Client, alice: User, peer: Hostile):
    html = read(
        browser,
        content(a={"url": peer.url("good")}, b={"url": f"{peer.url('good')}?b"}),
    ).text
    sent = {**fields(html), "row-0-name": "Mine"}
    del sent["row-1-chosen"]
    response = browser.post(IMPORT, {**sent, "save": "true"})
    assert response["Location"] == "/connectors"
    assert [row.name for row in UserMCPConnection.objects.all()] == ["Mine"]
    assert "Mine was saved." in browser.get("/connectors").text


def test_those_that_could_not_be_saved_stay_with_the_reason(
    browser: Client, peer: Hostile
):
    html = read(
        browser, content(a={"url": peer.url("good")}, b={"url": peer.url("500")})
    ).text
    response = browser.post(IMPORT, {**fields(html), "save": "true"}, headers=HTMX)
    assert response.status_code == 200
    assert "1 of 2 could not be saved." in response.text
    assert "SERVER_ERROR" in response.text
    assert "a was saved." in response.text
    assert 'name="row-0-name"' not in response.text
    again = browser.post(IMPORT, {**fields(response.text), "save": "true"})
    assert again.status_code == 422
    assert UserMCPConnection.objects.count() == 1


def test_after_some_were_saved_nothing_else_is_said(browser: Client, peer: Hostile):
    entries = {"a": {"url": peer.url("good")}, "b": {"url": peer.url("500")}}
    html = read(browser, content(**entries)).text
    left = browser.post(IMPORT, {**fields(html), "save": "true"}, headers=HTMX).text
    assert "Nothing is saved yet." not in left
    assert "None of these is saved yet." in left


def test_what_a_test_said_stays_when_another_is_saved(browser: Client, peer: Hostile):
    entries = {name: {"url": peer.url(name)} for name in ("good", "500", "html")}
    tested = browser.post(IMPORT, fields(read(browser, content(**entries)).text)).text
    sent = fields(tested)
    del sent["row-2-chosen"]
    left = browser.post(IMPORT, {**sent, "save": "true"}, headers=HTMX).text
    assert 'name="row-2-name"' in left
    assert "Not tested yet" not in left
    assert "Did not pass its test" in left


def test_nothing_is_saved_where_nothing_is_chosen(browser: Client):
    sent = fields(read(browser, content(a={"url": URL})).text)
    del sent["row-0-chosen"]
    response = browser.post(IMPORT, {**sent, "save": "true"})
    assert response.status_code == 422
    assert "Choose at least one server" in response.text


def test_a_name_that_is_too_long_is_said_at_its_field(browser: Client):
    sent = fields(read(browser, content(a={"url": URL})).text)
    response = browser.post(IMPORT, {**sent, "row-0-name": "x" * 101, "save": "true"})
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.text


def test_a_second_one_with_a_url_is_saved_if_it_is_chosen(
    browser: Client, alice: User, peer: Hostile
):
    rows.connector(alice, name="Mine", server_url=peer.url("good"))
    sent = fields(read(browser, content(a={"url": peer.url("good")})).text)
    assert "row-0-chosen" not in sent
    response = browser.post(IMPORT, {**sent, "row-0-chosen": "true", "save": "true"})
    assert response.status_code == 303
    assert UserMCPConnection.objects.count() == 2


def test_only_who_offers_a_sign_in_has_a_way_there(
    browser: Client, peer: Hostile, authority: RunningAuthority
):
    entries = {"a": {"url": authority.mcp_url}, "b": {"url": peer.url("401")}}
    tested = browser.post(IMPORT, fields(read(browser, content(**entries)).text)).text
    assert re.findall(r'name="sign_in" value="(\d)"', tested) == ["0"]
    assert "Sign in at 127.0.0.1, or add a token" in plain(tested)


def test_what_failed_can_be_added_by_hand_if_its_address_may_be_shown(
    browser: Client, peer: Hostile
):
    url = peer.url("html")
    entries = {"a": {"url": url}, "b": {"url": f"{url}?key={SECRET}"}}
    tested = browser.post(IMPORT, fields(read(browser, content(**entries)).text)).text
    assert tested.count("Add it by hand") == 1
    assert f"/connectors/add?url={quote_plus(url)}&amp;name=a" in tested
    assert SECRET not in tested


def test_a_row_leads_to_the_sign_in_that_its_server_asks_for(browser: Client):
    sent = fields(read(browser, content(Linear={"url": URL})).text)
    response = browser.post(IMPORT, {"kept": sent["kept"], "sign_in": "0"})
    flow = OAuthFlow.objects.get()
    assert response["Location"] == f"/connectors/sign-in/{flow.pk}"
    assert "Linear" in browser.get(response["Location"]).text


def test_at_the_limit_a_sign_in_leads_nowhere_and_says_so(
    browser: Client, alice: User, settings: Settings
):
    settings.CONNECTOR_LIMIT = 1
    rows.connector(alice)
    sent = fields(read(browser, content(Linear={"url": URL})).text)
    response = browser.post(IMPORT, {"kept": sent["kept"], "sign_in": "0"})
    assert response.status_code == 422
    assert "reached the limit of 1 connectors" in response.text
    assert not OAuthFlow.objects.exists()
