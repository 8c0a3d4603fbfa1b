"""`manage.py work`, run for real on the database of the test."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from config.tests.processes import Program, rest
from connectors.models import Lease, Outcome, ToolCall
from connectors.tests.one_off_tasks import add, fail, hang

STOP_S = 8.0

Work = Callable[..., Program]

pytestmark = pytest.mark.django_db(transaction=True)


def database_url() -> str:
    """Return the address of the test database, for another process."""
    place = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{place['NAME']}"
    return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**place)


@pytest.fixture
def work(project_root: Path, settings: Any) -> Iterator[Work]:
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    started: list[Program] = []

    said: Queue[str] = Queue()

    def run() -> Program:
        program = Program(
            ["manage.py", "work"],
            root=project_root,
            err=said,
            env={"DATABASE_URL": database_url()},
        )
        started.append(program)
        return program

    yield run
    for program in started:
        program.end()


def stop(program: Program, number: int = signal.SIGTERM) -> int:
    os.kill(program.process.pid, number)
    return program.wait(STOP_S)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker(number: int, work: Work) -> None:
    program = work()
    program.line("worker.started", of=program.err)
    assert stop(program, number) == 0
    said = rest(program.err)
    assert any("worker.stopped" in line for line in said)
    assert not any("Traceback" in line for line in said)
    assert not Lease.objects.exclude(owner="").exists()


def test_calls_that_nobody_finished_become_unknown(work: Work) -> None:
    ToolCall.objects.create(
        user_id=1,
        username="alice",
        tool="add",
        source="connector",
        via="rest",
        args_bytes=2,
        started_at=timezone.now() - timedelta(minutes=11),
    )
    program = work()
    program.line("tool.call.unknown", of=program.err)
    assert stop(program) == 0
    assert ToolCall.objects.get().outcome == Outcome.UNKNOWN


def test_one_off_tasks_are_done_one_after_the_other(work: Work) -> None:
    failing, adding = fail.enqueue(), add.enqueue(2, 3)
    program = work()
    program.line("state=FAILED", of=program.err)
    program.line("state=SUCCESSFUL", of=program.err)
    assert stop(program) == 0
    done = {str(row.id): row for row in DBTaskResult.objects.all()}
    assert done[failing.id].status == "FAILED"
    assert done[adding.id].status == "SUCCESSFUL"
    assert done[adding.id].return_value == 5


def test_a_task_that_hangs_does_not_hold_the_worker(work: Work) -> None:
    hang.enqueue()
    program = work()
    program.line("state=RUNNING", of=program.err)
    assert stop(program) == 0
    assert any("worker.task_abandoned" in line for line in rest(program.err))


def test_two_workers_share_the_work(work: Work) -> None:
    programs = [work(), work()]
    for program in programs:
        program.line("worker.started", of=program.err)
    for number in range(4):
        add.enqueue(number, number)
    for _ in range(4):
        programs[0].line("state=SUCCESSFUL", of=programs[0].err)
    assert [stop(program) for program in programs] == [0, 0]
    assert all(len(row.worker_ids) == 1 for row in DBTaskResult.objects.all())
