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

# What the last task may take to end, and when the process ends regardless.
LAST_TASK_S = 3.0
STOP_S = 7.0


class Command(BaseCommand):
    help = "Do periodic work and one-off tasks, until TERM or INT. Several are safe."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(work())


async def work() -> None:
    """Run the ticker and the thread of one-off tasks until a signal arrives."""
    stop = asyncio.Event()
    tasks = TaskThread()

    def begin_to_stop() -> None:
        stop.set()
        tasks.stop()
        # A query that hangs would hold the process for ever.
        timer = threading.Timer(STOP_S, os._exit, args=(1,))
        timer.daemon = True
        timer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, begin_to_stop)
    tasks.start()
    await ticker.run(stop=stop, jobs=ticker.all_jobs())
    await asyncio.to_thread(tasks.join, LAST_TASK_S)
    if tasks.is_alive():
        log.warning("worker.task_abandoned")
    await asyncio.to_thread(pools.close_databases)
