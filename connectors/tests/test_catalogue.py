"""Servers that are known here: the file, what was changed of it, and whose client."""

import re
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import pytest
from pytest_django import Settings

from connectors import catalogue, catalogue_file, server_url
from connectors.auth.oauth import Client
from connectors.errors import ConnectorNotFound
from connectors.models import CatalogueEntry

OWN = {"name": "Wiki", "server_url": "https://wiki.example/mcp"}
SECRET = {"client_secret": "s3cret"}
ISSUER = "https://as.example"


def row(key: str = "wiki", **changes: Any) -> CatalogueEntry:
    entry = CatalogueEntry(key=key, **{"fields": OWN, **changes})
    entry.save()
    return entry


def keys(found: list[catalogue.Entry]) -> set[str]:
    return {one.key for one in found}


# --- The file ----------------------------------------------------------------


@pytest.mark.parametrize("key", catalogue_file.servers())
def test_each_fact_of_the_file_has_its_sources_and_a_day(key: str):
    known = catalogue_file.servers()[key]
    assert re.fullmatch(r"[a-z0-9-]+", key)
    assert known.category in catalogue_file.CATEGORIES
    for name, fact in known.facts.items():
        assert fact.value not in ("", [], None), name
        assert fact.sources, name
        assert all(urlsplit(source).scheme == "https" for source in fact.sources)
        assert fact.checked
        assert fact.checked <= date(2026, 11, 30)


@pytest.mark.parametrize("key", catalogue_file.servers())
def test_each_server_of_the_file_can_be_dialled_and_says_how_people_sign_in(key: str):
    facts = catalogue_file.servers()[key].facts
    assert server_url.check(facts["server_url"].value).startswith("https://")
    assert facts["sign_in"].value in {"none", "oauth"}
    if facts["sign_in"].value == "oauth":
        assert facts["registration"].value in {"dcr", "cimd", "static", "unknown"}
    for name in ("website", "privacy_policy"):
        if name in facts:
            assert facts[name].value.startswith("https://")


def test_no_two_servers_of_the_file_have_one_address():
    known = catalogue_file.servers().values()
    urls = [server_url.key(one.facts["server_url"].value) for one in known]
    assert len(set(urls)) == len(urls) > 20


# --- What is known -----------------------------------------------------------


def test_a_server_is_found_by_its_key_with_what_is_known_of_it(db: None):
    linear = catalogue.find("linear")
    assert linear.name == "Linear"
    assert linear.server_url == "https://mcp.linear.app/mcp"
    assert (linear.sign_in, linear.takes_token) == ("oauth", True)
    assert linear.developer == "Linear"
    assert linear.capabilities
    assert linear.checked


def test_what_is_not_known_is_empty_and_not_invented(db: None):
    exa = catalogue.find("exa")
    assert "privacy_policy" not in exa.facts
    assert exa.capabilities == ()


@pytest.mark.parametrize("key", ["", "Notion", "no-such-server", "../notion"])
def test_a_server_that_nobody_knows_is_not_found(db: None, key: str):
    with pytest.raises(ConnectorNotFound):
        catalogue.find(key)


def test_servers_are_in_the_order_of_their_names(db: None):
    row()
    names = [one.name.casefold() for one in catalogue.entries()]
    assert names == sorted(names)
    assert "wiki" in names


def test_a_server_is_found_by_its_address_however_it_is_written(db: None):
    for url in ("https://mcp.box.com", "HTTPS://MCP.BOX.COM:443/"):
        found = catalogue.at(url)
        assert found is not None
        assert found.key == "box"
    assert catalogue.at("https://mcp.box.com/other") is None
    assert catalogue.at("nonsense") is None


@pytest.mark.parametrize(
    ("query", "category", "found"),
    [
        ("linear", "", {"linear"}),
        ("  REFUNDS ", "", {"stripe", "paypal"}),
        ("postgres databases", "", {"neon"}),
        ("stripe", "projects", set()),
        ("", "payments", {"stripe", "paypal"}),
        ("no such words", "", set()),
    ],
)
def test_every_word_is_looked_for(db: None, query: str, category: str, found: set[str]):
    shown = catalogue.search(catalogue.entries(), query=query, category=category)
    assert keys(shown) == found


# --- What administrators change ----------------------------------------------


def test_a_server_can_be_hidden(db: None):
    row("notion", hidden=True, fields={})
    assert "notion" not in keys(catalogue.entries())
    assert catalogue.at("https://mcp.notion.com/mcp") is None
    with pytest.raises(ConnectorNotFound):
        catalogue.find("notion")


def test_a_server_can_be_added(db: None):
    row(fields={**OWN, "category": "documents", "developer": "Us"})
    wiki = catalogue.find("wiki")
    assert (wiki.name, wiki.category, wiki.developer) == ("Wiki", "documents", "Us")
    assert wiki.sign_in == "none"
    assert wiki.checked is None


def test_a_fact_that_is_changed_has_no_source_any_more(db: None):
    row("box", fields={"description": "Our documents.", "website": ""})
    box = catalogue.find("box")
    assert box.description == "Our documents."
    assert box.facts["description"].sources == ()
    assert box.facts["website"].value.startswith("https://www.box.com")
    assert box.name == "Box"


@pytest.mark.parametrize("url", ["", "nowhere", "ftp://wiki.example"])
def test_a_row_without_an_address_is_no_server(db: None, url: str):
    row(fields={"name": "Nowhere", "server_url": url})
    assert catalogue.at(url) is None
    assert "wiki" not in keys(catalogue.entries())


# --- The operator's client ---------------------------------------------------


def test_a_server_that_needs_a_client_needs_it_until_there_is_one(
    db: None, settings: Settings
):
    assert catalogue.find("asana").needs_client
    assert not catalogue.find("notion").needs_client
    settings.OAUTH_CLIENTS = {"asana": {"client_id": "abc"}}
    assert not catalogue.find("asana").needs_client
    settings.OAUTH_CLIENTS = {}
    row("asana", fields={}, client_id="abc")
    assert not catalogue.find("asana").needs_client


def test_a_key_with_a_hyphen_is_a_variable_with_an_underscore(
    db: None, settings: Settings
):
    settings.OAUTH_CLIENTS = {"gmail_google": {"client_id": "abc"}}
    entry = catalogue.find("gmail-google")
    assert entry.variable == "OAUTH_CLIENT_GMAIL_GOOGLE"
    assert catalogue.client_for(url=entry.server_url, issuer=ISSUER) == Client(
        client_id="abc"
    )


def test_the_environment_wins_over_the_administration(db: None, settings: Settings):
    row(client_id="stored", client_secret=SECRET)
    stored = catalogue.client_for(url=OWN["server_url"], issuer=ISSUER)
    assert stored == Client(client_id="stored", client_secret="s3cret")
    settings.OAUTH_CLIENTS = {"wiki": {"client_id": "env", "client_secret": "e"}}
    assert catalogue.client_for(url=OWN["server_url"], issuer=ISSUER) == Client(
        client_id="env", client_secret="e"
    )


@pytest.mark.parametrize("in_environment", [True, False])
def test_a_client_for_one_service_goes_to_no_other(
    db: None, settings: Settings, in_environment: bool
):
    if in_environment:
        row()
        settings.OAUTH_CLIENTS = {"wiki": {"client_id": "a", "issuer": f"{ISSUER}/"}}
    else:
        row(client_id="a", fields={**OWN, "issuer": ISSUER})
    url = OWN["server_url"]
    assert catalogue.client_for(url=url, issuer=ISSUER)
    assert catalogue.client_for(url=url, issuer="https://other.example") is None


def test_another_server_gets_nobodys_client(db: None):
    row(client_id="a")
    url = "https://wiki.example/other"
    assert catalogue.client_for(url=url, issuer=ISSUER) is None
    assert catalogue.client_for(url="", issuer=ISSUER) is None


def test_a_server_that_is_hidden_keeps_its_client(db: None):
    row(client_id="a", hidden=True)
    assert catalogue.client_for(url=OWN["server_url"], issuer=ISSUER)


def test_the_newest_secret_of_a_client_is_found_by_its_id(db: None, settings: Settings):
    row(client_id="a", client_secret=SECRET)
    assert catalogue.newest("a") == Client(client_id="a", client_secret="s3cret")
    assert catalogue.newest("b") is None
    assert catalogue.newest("") is None
    settings.OAUTH_CLIENTS = {"wiki": {"client_id": "a", "client_secret": "newer"}}
    assert catalogue.newest("a") == Client(client_id="a", client_secret="newer")
