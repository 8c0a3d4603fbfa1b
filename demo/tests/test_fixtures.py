import pytest
from django.conf import settings as live_settings

from demo.hostile import Hostile
from demo.tests.dialling import ask


def test_loopback_is_closed_unless_a_test_asks() -> None:
    assert live_settings.EGRESS_ALLOW == []


@pytest.mark.usefixtures("allow_loopback")
def test_loopback_is_one_address_and_not_a_network() -> None:
    assert live_settings.EGRESS_ALLOW == ["127.0.0.1/32"]


@pytest.mark.parametrize("number", [1, 2])
def test_a_test_does_not_see_what_another_sent(hostile: Hostile, number: int) -> None:
    ask(hostile.url("good"), "tools/list")
    assert hostile.seen("good").requests == 1
    assert hostile.pace_s == pytest.approx(0.05)
    hostile.pace_s = number
