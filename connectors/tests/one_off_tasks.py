"""Tasks that the worker's tests enqueue: a worker imports them by their path."""

import threading

from django.tasks import task


@task
def add(left: int, right: int) -> int:
    return left + right


@task
def fail() -> None:
    raise RuntimeError("boom")


@task
def hang() -> None:
    threading.Event().wait()
