"""Run a module that does not outlive the process that started it.

`python -m config.lifeline uvicorn config.asgi:application …`: standard input is a
pipe whose other end the parent alone holds. Its end of file is the parent's end,
`kill -9` included; then this process gets SIGTERM, and its whole group SIGKILL if
that was not enough.
"""

import os
import runpy
import signal
import sys
import threading

GRACE_S = 8.0


def _watch() -> None:
    # Not sys.stdin: a thread inside of its lock would crash the interpreter's exit.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE_S)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def main(argv: list[str]) -> None:
    """Run the module `argv[0]` as `python -m` would, with the rest as its arguments."""
    threading.Thread(target=_watch, name="lifeline", daemon=True).start()
    sys.argv = argv
    runpy.run_module(argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
