"""The command that the suite starts: hand the scenario over, say how it went.

`python client.py SOCKET URL`. Needs nothing but the standard library, so that it
starts at once.
"""

import json
import os
import socket
import sys


def main(address: str, url: str) -> int:
    """Return 0 if the person could do what they wanted with the server at `url`."""
    task = {
        "url": url,
        "scenario": os.environ.get("MCP_CONFORMANCE_SCENARIO", ""),
        "context": json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}")),
    }
    with socket.socket(socket.AF_UNIX) as driver:
        driver.connect(address)
        driver.sendall(json.dumps(task).encode() + b"\n")
        with driver.makefile() as answer:
            told = json.loads(answer.readline())
    sys.stdout.write(told["story"])
    return 0 if told["went_well"] else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
