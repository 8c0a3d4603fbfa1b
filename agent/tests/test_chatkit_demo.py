"""The page with OpenAI's component: who sees it, and what it alone may load."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import URLPattern, get_resolver
from pytest_django import Settings

from accounts.models import User
from agent.chatkit.pages import CDN

PAGE = "/chatkit/demo"
# Pages as they are, without a variable in their address.
PLAIN = sorted(
    f"/{pattern.pattern}"
    for part in get_resolver().url_patterns
    for pattern in getattr(part, "url_patterns", [part])
    if isinstance(pattern, URLPattern) and "<" not in str(pattern.pattern)
)


@pytest.fixture
def shown(settings: Settings) -> None:
    settings.CHATKIT_DEMO = True


def sources(response: Any) -> dict[str, list[str]]:
    policy = str(response["Content-Security-Policy"])
    parts = [part.split() for part in policy.split(";")]
    return {name: allowed for name, *allowed in parts}


def test_it_is_not_there_unless_it_is_switched_on(client: Client, alice: User) -> None:
    assert django_settings.CHATKIT_DEMO is False
    client.force_login(alice)
    assert client.get(PAGE).status_code == 404


@pytest.mark.usefixtures("shown", "db")
def test_a_stranger_signs_in_first(client: Client) -> None:
    response = client.get(PAGE)
    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={PAGE}"


@pytest.mark.usefixtures("shown")
def test_it_may_load_the_component_and_nothing_else(
    client: Client, alice: User
) -> None:
    client.force_login(alice)
    response = client.get(PAGE)
    assert response.status_code == 200
    assert sources(response) == {
        **sources_of_ours(),
        "script-src": ["'self'", CDN],
        "style-src": ["'self'", "'unsafe-inline'"],
        "frame-src": [CDN],
    }
    assert "no-store" in response["Cache-Control"]


def sources_of_ours() -> dict[str, list[str]]:
    ours: dict[str, Any] = django_settings.SECURE_CSP
    return {name: [str(one) for one in allowed] for name, allowed in ours.items()}


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize("path", [path for path in PLAIN if path != PAGE])
def test_no_other_page_may_load_anything_from_elsewhere(
    client: Client, carol: User, path: str
) -> None:
    client.force_login(carol)
    response = client.get(path)
    if "Content-Security-Policy" not in response:
        # A probe, answered before there is a page.
        assert path in {"/healthz", "/readyz"}
        return
    for name, allowed in sources(response).items():
        assert set(allowed) <= {"'self'", "'none'", "data:"}, name


def test_nothing_else_of_ours_names_where_the_component_is(
    project_root: Path,
) -> None:
    files = [*project_root.glob("templates/**/*"), *project_root.glob("static/*.*")]
    texts = [file.read_text() for file in files if file.is_file()]
    assert len(texts) > 50
    assert not [text for text in texts if re.search(r"platform\.openai\.com/", text)]
