"""What templates of every app need: icons, and times that people read."""

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from django import template
from django.conf import settings
from django.forms import BaseForm
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

DRAWING: Final = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
NAME: Final = re.compile(r"[a-z0-9-]+")
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
JUST_NOW_S: Final = 10
# Up to here a distance says more than a date does.
DAYS_COUNTED: Final = 6
# Up to here nobody wonders which year is meant.
YEAR_IS_CLEAR: Final = timedelta(days=300)


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
    # In UTC; app.js turns what was today into the time of the person's own clock.
    if not is_today:
        return _time(moment, _date(moment))
    return _time(moment, f"{here:%H:%M} UTC", is_clock=True)


@register.filter
def first_error(form: BaseForm) -> str:
    """Name the first field that has an error: the one that takes the focus."""
    return next(iter(form.errors), "")


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
    passed_s = (now - moment).total_seconds()
    if abs(passed_s) < JUST_NOW_S:
        return "just now"
    if passed_s > 0:
        amount = _amount(passed_s, rounded=math.floor)
        return f"{amount} ago" if amount else _date(moment)
    amount = _amount(-passed_s, rounded=round)
    return f"in {amount}" if amount else _date(moment)


def _amount(distance_s: float, *, rounded: Callable[[float], int]) -> str:
    """Count in the largest unit; nothing where a date says more."""
    if distance_s < MINUTE_S:
        return f"{rounded(distance_s)} s"
    if distance_s < HOUR_S:
        return f"{rounded(distance_s / MINUTE_S)} min"
    if distance_s < DAY_S:
        return f"{rounded(distance_s / HOUR_S)} h"
    days = rounded(distance_s / DAY_S)
    if days > DAYS_COUNTED:
        return ""
    return f"{days} day{'' if days == 1 else 's'}"


def _date(moment: datetime) -> str:
    day = timezone.localtime(moment)
    is_near = abs(timezone.now() - moment) < YEAR_IS_CLEAR
    return f"{day.day} {day:%b}" if is_near else f"{day.day} {day:%b %Y}"


def _time(moment: datetime, text: str, *, is_clock: bool = False) -> SafeString:
    exact = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}"{}>{}</time>',
        exact.isoformat(timespec="seconds"),
        f"{exact.day} {exact:%B %Y, %H:%M:%S} UTC",
        mark_safe(" data-clock") if is_clock else "",
        text,
    )
