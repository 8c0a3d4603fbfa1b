import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(project_root: Path) -> Iterator[Start]:
    started = []

    def run(*argv: str, grace_s: float = 8.0) -> "subprocess.Popen[str]":
        code = (
            "import sys; from config import lifeline;"
            f"lifeline.GRACE_S = {grace_s}; lifeline.main(sys.argv[1:])"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, *argv],
            cwd=project_root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_the_end_of_the_parent_is_a_polite_signal(start: Start) -> None:
    process = start("config.tests.polite")
    assert process.stdout.readline() == "ready\n"
    process.stdin.close()
    assert process.stdout.readline() == "SIGTERM\n"
    assert process.wait(20) == 0


def test_who_does_not_listen_is_killed(start: Start) -> None:
    process = start("config.tests.stubborn", grace_s=0.1)
    assert process.stdout.readline() == "ready\n"
    process.stdin.close()
    assert process.wait(20) == -9


def test_what_the_parent_writes_means_nothing(start: Start) -> None:
    process = start("config.tests.polite")
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("hello\n")
    process.stdin.flush()
    process.terminate()
    assert process.stdout.readline() == "SIGTERM\n"
    assert process.wait(20) == 0


def test_arguments_and_the_exit_code_are_the_modules(start: Start) -> None:
    process = start("config.tests.polite", "fail")
    assert process.wait(20) == 1
