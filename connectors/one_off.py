"""django-tasks-db's worker in a thread: mail, and whatever else is enqueued."""

import secrets
import threading

import structlog
from django.db import DatabaseError, connections
from django_tasks_db.management.commands.db_worker import Worker

log = structlog.get_logger(__name__)

POLL_S = 1.0
# After an error of the database; the worker itself ends on it.
PAUSE_S = 5.0


class TaskThread(threading.Thread):
    """Does one task after the other until `stop` is called."""

    def __init__(self) -> None:
        super().__init__(name="one-off-tasks", daemon=True)
        self._stopping = threading.Event()
        self._worker = Worker(
            queue_names=["*"],
            interval=POLL_S,
            batch=False,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=secrets.token_hex(16),
            excluded_queue_names=[],
        )

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._worker.run()
            except DatabaseError as error:
                log.error("tasks.failed", reason=type(error).__name__)  # noqa: TRY400
            except Exception:
                log.exception("tasks.failed")
            finally:
                connections.close_all()
            self._stopping.wait(PAUSE_S)

    def stop(self) -> None:
        """Let the task that runs now be the last; `join` waits for it."""
        self._stopping.set()
        self._worker.running = False
