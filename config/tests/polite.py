"""A program that says it is ready, then which signal ended it; or fails at once."""

import queue
import signal
import sys

arrived: queue.SimpleQueue[int] = queue.SimpleQueue()
for ending in (signal.SIGINT, signal.SIGTERM):
    signal.signal(ending, lambda number, _: arrived.put(number))
sys.stdout.write("ready\n")
sys.stdout.flush()
if sys.argv[1:] == ["fail"]:
    sys.exit("this program failed")
sys.stdout.write(f"{signal.Signals(arrived.get()).name}\n")
