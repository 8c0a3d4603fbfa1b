"""A program that says it is ready and then ignores every polite signal."""

import signal
import sys
import threading

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
sys.stdout.write("ready\n")
sys.stdout.flush()
threading.Event().wait()
