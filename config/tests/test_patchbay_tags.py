"""Icons and times, as templates write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django import forms
from django.template import Context, Template, TemplateSyntaxError
from django.utils import timezone

from config.templatetags import patchbay

NOW = datetime(2026, 11, 22, 19, 30, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def render(text: str, **context: Any) -> str:
    return Template("{% load patchbay %}" + text).render(Context(context))


def test_an_icon_is_drawn_inline_and_hidden_from_readers() -> None:
    drawn = render('{% icon "check" "lg" %}')
    assert drawn == (
        '<svg class="i lg" viewBox="0 0 24 24" aria-hidden="true">'
        '<path d="M20 6 9 17l-5-5" /></svg>'
    )


def test_an_icon_that_does_not_exist_fails_loudly() -> None:
    with pytest.raises(FileNotFoundError):
        render('{% icon "no-such" %}')
    with pytest.raises(TemplateSyntaxError):
        render('{% icon "../../etc/passwd" %}')


def test_every_icon_can_be_drawn(project_root: Any) -> None:
    for path in (project_root / "static" / "icons").glob("*.svg"):
        assert "<" in patchbay.icon(path.stem)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (9, "just now"),
        (-5, "just now"),
        (42, "42 s ago"),
        (60, "1 min ago"),
        (179, "2 min ago"),
        (3600, "1 h ago"),
        (23 * 3600, "23 h ago"),
        (86_400, "1 day ago"),
        (3 * 86_400, "3 days ago"),
        (7 * 86_400, "15 Nov"),
        (400 * 86_400, "18 Oct 2025"),
        (-30, "in 30 s"),
        (-100, "in 2 min"),
        (-86_400, "in 1 day"),
        # Six days that began a moment ago are still six.
        (-(6 * 86_400 - 60), "in 6 days"),
        (-90 * 86_400, "20 Feb"),
        (-365 * 86_400, "22 Nov 2027"),
    ],
)
def test_a_time_is_a_distance_while_that_says_more(seconds: int, text: str) -> None:
    moment = NOW - timedelta(seconds=seconds)
    drawn = render("{{ moment|ago }}", moment=moment)
    assert drawn.endswith(f">{text}</time>")
    assert f'datetime="{moment.isoformat()}"' in drawn


def test_the_exact_time_stands_behind_the_distance() -> None:
    drawn = render("{{ moment|ago }}", moment=NOW - timedelta(minutes=3))
    assert 'title="22 November 2026, 19:27:05 UTC"' in drawn


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOW - timedelta(hours=10), "09:30 UTC"),
        (NOW - timedelta(hours=20), "21 Nov"),
        (NOW - timedelta(days=500), "10 Jul 2025"),
    ],
)
def test_since_is_a_time_today_and_a_date_before(moment: datetime, text: str) -> None:
    assert f">{text}</time>" in render("{{ moment|since }}", moment=moment)


def test_what_never_was_is_said_so() -> None:
    assert render("{{ moment|ago }}", moment=None) == "never"
    assert render("{{ moment|since }}", moment=None) == ""


def test_the_first_field_with_an_error_is_named() -> None:
    class Form(forms.Form):
        one = forms.CharField()
        two = forms.CharField()

    assert patchbay.first_error(Form({"one": "x"})) == "two"
    assert patchbay.first_error(Form({})) == "one"
    assert patchbay.first_error(Form()) == ""
