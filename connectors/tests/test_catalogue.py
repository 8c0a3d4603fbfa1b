"""The servers that are known by a short name."""

import re

import pytest

from connectors import catalogue, server_url
from connectors.errors import ConnectorNotFound


def test_a_server_is_found_by_its_name():
    entry = catalogue.find("notion")
    assert (entry.name, entry.server_url) == ("Notion", "https://mcp.notion.com/mcp")


@pytest.mark.parametrize("key", ["", "Notion", "no-such-server", "../notion"])
def test_a_name_that_is_not_there_is_not_found(key: str):
    with pytest.raises(ConnectorNotFound):
        catalogue.find(key)


def test_every_entry_can_be_dialled_and_is_called_once():
    entries = catalogue.entries()
    assert len(entries) > 10
    assert len({server_url.key(entry.server_url) for entry in entries}) == len(entries)
    for entry in entries:
        assert re.fullmatch(r"[a-z0-9-]{1,64}", entry.key)
        assert entry.server_url.startswith("https://")
        assert server_url.check(entry.server_url) == entry.server_url
        assert 0 < len(entry.name) <= 100
