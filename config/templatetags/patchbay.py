"""What templates of every app need: icons, and times that people read."""

import re
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from django import template
from django.conf import settings
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

DRAWING: Final = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
NAME: Final = re.compile(r"[a-z0-9-]+")
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
# Up to here a distance says more than a date does.
DAYS_COUNTED: Final = 6


@register.simple_tag
def icon(name: str, css_class: str = "") -> SafeString:
    """Draw one of `static/icons`, decorative: the word beside it is what counts."""
    classes = f"i {css_class}".strip()
    return format_html(
        '<svg class="{}" viewBox="0 0 24 24" aria-hidden="true">{}</svg>',
        classes,
        _drawing(name),
    )


@register.filter
def ago(moment: datetime | None) -> SafeString:
    """Say how far away `moment` is, with the exact time behind it; "never" for None."""
    if moment is None:
        return mark_safe("never")
    return _time(moment, _distance(moment, timezone.now()))


@register.filter
def since(moment: datetime | None) -> SafeString:
    """Give the time of day if `moment` is today, else the date."""
    if moment is None:
        return mark_safe("")
    here = timezone.localtime(moment)
    is_today = here.date() == timezone.localdate()
    return _time(moment, f"{here:%H:%M} UTC" if is_today else _date(here))


@cache
def _drawing(name: str) -> SafeString:
    if not NAME.fullmatch(name):
        raise template.TemplateSyntaxError(f"No icon can have the name {name!r}.")
    path = settings.BASE_DIR / "static" / "icons" / f"{name}.svg"
    found = DRAWING.search(path.read_text())
    if not found:
        raise template.TemplateSyntaxError(f"{path} holds no drawing.")
    return mark_safe(re.sub(r"\s*\n\s*", "", found[1]))  # noqa: S308 - our own file


def _distance(moment: datetime, now: datetime) -> str:
    passed = now - moment
    distance_s = int(abs(passed).total_seconds())
    if distance_s < 10:
        return "just now"
    amount = _amount(distance_s)
    if not amount:
        return _date(timezone.localtime(moment))
    return f"{amount} ago" if passed > timedelta() else f"in {amount}"


def _amount(distance_s: int) -> str:
    """Round down to the largest unit; nothing where a date says more."""
    if distance_s < MINUTE_S:
        return f"{distance_s} s"
    if distance_s < HOUR_S:
        return f"{distance_s // MINUTE_S} min"
    if distance_s < DAY_S:
        return f"{distance_s // HOUR_S} h"
    days = distance_s // DAY_S
    if days > DAYS_COUNTED:
        return ""
    return f"{days} day{'' if days == 1 else 's'}"


def _date(moment: datetime) -> str:
    is_this_year = moment.year == timezone.localdate().year
    return (
        f"{moment.day} {moment:%b}" if is_this_year else f"{moment.day} {moment:%b %Y}"
    )


def _time(moment: datetime, text: str) -> SafeString:
    exact = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        f"{exact.day} {exact:%B %Y, %H:%M:%S} UTC",
        text,
    )
