"""Export, as a tool: each method makes a file and answers with its address."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from asgiref.sync import sync_to_async
from pydantic import BaseModel, Field

from connectors.text import clean_json
from systemtools.base import Context, SystemTool, ToolError, tool
from systemtools.export import files, takeout, writing
from systemtools.export.markdown import escaped, fenced
from systemtools.export.takeout import Result

type Format = Literal["markdown", "json", "csv"]
As = Annotated[Format, Field(description="csv is for spreadsheets")]
Rows = Annotated[
    list[dict[str, Any]],
    Field(
        min_length=1,
        max_length=10_000,
        description="one object for each row; its keys are the columns",
    ),
]


class File(BaseModel):
    """A file that only the person can fetch, at `url`, until `expires_at`."""

    name: str
    url: str
    size_bytes: int
    expires_at: datetime


class Export(SystemTool):
    id = "export"
    name = "Export"
    description = "A conversation, a tool's result or a table as a file to download."
    icon = "file-text"
    category = "Patchbay"
    page = ("exports", "Your files")

    # What these make is seen by the person alone and goes away by itself: nothing
    # that they would have to be asked about.
    @tool(title="Export a conversation", reads_only=True)
    async def conversation(
        self,
        format: As = "markdown",
        conversation_id: Annotated[
            int | None,
            Field(
                ge=1,
                description="the number in its address, /chat/…; without it, the "
                "conversation in which this is called",
            ),
        ] = None,
    ) -> File:
        """Make a file of a whole conversation, and give its address.

        It has what was said and every call with its result. Give the person the
        address as it is: the file is theirs alone, and is deleted after a day.
        """
        chosen = conversation_id or self.context.conversation_id
        return await sync_to_async(_of_conversation)(self.context, chosen, format)

    @tool(title="Export a result", reads_only=True)
    async def result(
        self,
        format: As = "markdown",
        call_id: Annotated[
            UUID | None,
            Field(
                description="the id of the call, as its receipt shows it; without "
                "it, the newest result in this conversation"
            ),
        ] = None,
    ) -> File:
        """Make a file of what a tool answered, whole, and give its address.

        csv needs a result that is a table. Give the person the address as it is:
        the file is theirs alone, and is deleted after a day.
        """
        return await sync_to_async(_of_result)(self.context, call_id, format)

    @tool(title="Export a table", reads_only=True)
    async def table(
        self,
        rows: Rows,
        format: As = "csv",
        title: Annotated[str, Field(max_length=100)] = "Table",
    ) -> File:
        """Make a file of rows, and give its address.

        Give the person the address as it is: the file is theirs alone, and is
        deleted after a day.
        """
        return await sync_to_async(_of_table)(self.context, rows, format, title)


def _of_conversation(
    context: Context, conversation_id: int | None, format_: Format
) -> File:
    if conversation_id is None:
        raise ToolError("This call is part of no conversation. Say which one.")
    talk = takeout.find().conversation(
        user_id=context.user_id, conversation_id=conversation_id, format_=format_
    )
    if talk is None:
        raise ToolError("There is no such conversation.")
    return _file(context, talk.title, format_, talk.text)


def _of_result(context: Context, call_id: UUID | None, format_: Format) -> File:
    found = takeout.find().result(
        user_id=context.user_id,
        call_id=call_id,
        conversation_id=context.conversation_id,
        besides=Export.name,
    )
    if found is None and call_id is None:
        raise ToolError("There is no result in this conversation yet.")
    if found is None:
        raise ToolError(
            "Nothing was kept of such a call. Results are kept of calls in a "
            "conversation, for as long as it exists."
        )
    title = f"{found.connector} {found.tool}"
    return _file(context, title, format_, _written(found, format_))


def _of_table(
    context: Context, rows: list[writing.Row], format_: Format, title: str
) -> File:
    rows = clean_json(rows)
    match format_:
        case "csv":
            text = writing.as_csv(rows)
        case "markdown":
            text = f"# {escaped(title)}\n\n{writing.as_markdown(rows)}"
        case "json":
            text = writing.as_json(rows)
    return _file(context, title, format_, text)


def _written(found: Result, format_: Format) -> str:
    rows = _rows(found)
    match format_:
        case "csv" if rows is None:
            raise ToolError("This result is no table. Choose markdown or json.")
        case "csv":
            return writing.as_csv(rows or [])
        case "json":
            return writing.as_json(
                {
                    "connector": found.connector,
                    "tool": found.tool,
                    "called_at": found.called_at.isoformat(),
                    "is_error": found.is_error,
                    "content": found.content,
                    "structured_content": found.structured_content,
                }
            )
    heading = f"# {escaped(f'{found.connector}: {found.tool}')}"
    when = f"{found.called_at:%Y-%m-%d %H:%M} UTC"
    body = writing.as_markdown(rows) if rows else fenced(found.text)
    return f"{heading}\n\n{when}{', failed' if found.is_error else ''}\n\n{body}\n"


def _rows(found: Result) -> list[writing.Row] | None:
    """Return the rows of a result; many servers say theirs as text."""
    value = found.structured_content
    if value is None:
        try:
            value = json.loads(found.text)
        except (ValueError, RecursionError):
            return None
    return writing.rows_of(value)


def _file(context: Context, title: str, format_: Format, text: str) -> File:
    made = files.make(user_id=context.user_id, title=title, format_=format_, text=text)
    return File(
        name=made.name,
        url=files.url_of(made),
        size_bytes=len(made.body),
        expires_at=made.expires_at,
    )
