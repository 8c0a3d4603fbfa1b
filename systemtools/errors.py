"""What can go wrong with a system tool, as a branch of the tree of connectors.

SystemToolError
├── SystemToolNotFound          TOOL_NOT_FOUND
├── ToolNotConnected            TOOL_NOT_CONNECTED, the person can connect it
├── ToolUnavailable             TOOL_UNAVAILABLE, coming soon, or not set up here
└── ExportNotFound              NOT_FOUND, or it has expired

What a tool itself fails with is `systemtools.base.ToolError`, which is no error of
this tree: it is the tool's answer.
"""

from connectors.errors import ConnectorError


class SystemToolError(ConnectorError):
    """Root of what is anticipated in the room of system tools."""


class SystemToolNotFound(SystemToolError):
    code = "TOOL_NOT_FOUND"
    message = "There is no such system tool."


class ToolNotConnected(SystemToolError):
    code = "TOOL_NOT_CONNECTED"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not connected. Connect it to use its tools.")


class ToolUnavailable(SystemToolError):
    code = "TOOL_UNAVAILABLE"


class ExportNotFound(SystemToolError):
    code = "NOT_FOUND"
    message = "There is no such file. A file that was exported is deleted after a day."
