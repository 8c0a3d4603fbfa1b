"""A tool call as a command line for a shell."""

import json
import shlex
from typing import Any
from urllib.parse import quote

# Left to the shell: a token in a command line would be in its history.
AUTHORIZATION = '"Authorization: Bearer $TOKEN"'


def command(*, base_url: str, connector_id: int, tool: str, arguments: Any) -> str:
    """Return the `curl` that makes a call over REST; $TOKEN is an API token.

    Nothing of the tool's name or of the arguments means anything to a shell.

    Source: POSIX.1-2024, Shell Command Language, 2.2.2.
    """
    # In ASCII: a terminal shows what will be run, whatever the characters are.
    body = json.dumps({"arguments": arguments})
    path = f"/api/connectors/{connector_id}/tools/{quote(tool)}/call"
    return " \\\n  ".join(
        [
            # The dots of a tool's name are not steps up.
            "curl --path-as-is" if "/." in path else "curl",
            f"-H {AUTHORIZATION}",
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(body)}",
            shlex.quote(base_url + path),
        ]
    )
