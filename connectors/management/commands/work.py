import asyncio
import os
import signal
import threading
from typing import Any

import structlog
from django.core.management.base import BaseCommand

from connectors import pools, ticker
from connectors.one_off import TaskThread

log = structlog.get_logger(__name__)

# What a task and a job may take to end, and when the process ends regardless.
LAST_TASK_S = 5.0
STOP_S = 7.0


class Command(BaseCommand):
    help = "Do periodic work and one-off tasks, until TERM or INT. Several are safe."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(work())


async def work() -> None:
    """Run the ticker and the thread of one-off tasks until a signal arrives."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _begin_to_stop, stop)
    tasks = TaskThread()
    tasks.start()
    await ticker.run(stop=stop)
    if not await asyncio.to_thread(tasks.stop, LAST_TASK_S):
        log.warning("worker.task_abandoned")
    await asyncio.to_thread(pools.close_databases)


def _begin_to_stop(stop: asyncio.Event) -> None:
    stop.set()
    # A job that hangs in the database would hold the process for ever.
    timer = threading.Timer(STOP_S, os._exit, args=(1,))
    timer.daemon = True
    timer.start()
