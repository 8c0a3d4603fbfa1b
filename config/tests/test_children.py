import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import children
from config.children import CannotRun, Children


@pytest.fixture
def family(project_root: Path) -> Iterator[Children]:
    """Run children in this process; nothing of them is left afterwards."""
    running = Children(folder=project_root)
    yield running
    for child in running.children:
        child.kill_group()


def ready(family: Children) -> None:
    """Wait until the newest child has said so."""
    child = family.children[-1]
    while b"ready\n" not in child.said:
        assert not family.wait(0.02)


def test_a_child_is_asked_to_end(family: Children) -> None:
    family.start("polite", "config.tests.polite")
    ready(family)
    family.stop()
    (child,) = family.children
    assert child.process.returncode == 0
    assert list(child.said) == [b"ready\n", b"SIGTERM\n"]


def test_a_child_that_does_not_end_is_killed(
    family: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "STOP_S", 0.2)
    family.start("polite", "config.tests.polite")
    ready(family)
    family.start("stubborn", "config.tests.stubborn")
    ready(family)
    family.stop()
    assert [child.process.returncode for child in family.children] == [0, -9]


def test_another_ctrl_c_does_not_wait(family: Children) -> None:
    family.start("stubborn", "config.tests.stubborn")
    ready(family)
    family.news.put(signal.SIGINT)
    family.stop()
    assert family.children[0].process.returncode == -9


def test_another_signal_waits(family: Children) -> None:
    family.start("polite", "config.tests.polite")
    ready(family)
    family.news.put(signal.SIGHUP)
    family.stop()
    assert family.children[0].process.returncode == 0


def test_a_death_is_told_with_the_last_lines(
    family: Children, capfd: pytest.CaptureFixture[str]
) -> None:
    family.start("polite", "config.tests.polite", "fail")
    with pytest.raises(CannotRun) as caught:
        family.wait(20)
    assert str(caught.value) == (
        "polite stopped (exit code 1).\nready\nthis program failed"
    )
    assert "this program failed" in capfd.readouterr().err
    family.stop()


def test_signals_are_news(family: Children) -> None:
    kept = {number: signal.getsignal(number) for number in children.SIGNALS}
    try:
        family.listen()
        for number in children.SIGNALS:
            signal.raise_signal(number)
            assert family.wait(5)
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert not family.wait(0.01)
