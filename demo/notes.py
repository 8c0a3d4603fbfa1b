"""The *Notes* server: one tool for each thing that a tool can do."""

import asyncio
import difflib
import math
import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field

from demo.calculator import NotArithmetic, calculate
from demo.chart import bar_chart
from demo.notebook import Hit, NoSuchNote, Note, Notebook

REPORT_STEPS = 10
LOOKS_UP = ToolAnnotations(
    read_only_hint=True, idempotent_hint=True, open_world_hint=False
)
DELETES = ToolAnnotations(
    read_only_hint=False,
    destructive_hint=True,
    idempotent_hint=False,
    open_world_hint=False,
)
INSTRUCTIONS = (
    "Notes of the product team behind Tidewater, a booking system for small clinics. "
    "Search before you answer a question about the product, then read the note. "
    "Notes have ids such as N-105."
)

# What the tools take, as forms and models see it.
NoteId = Annotated[
    str,
    Field(
        description="Id of the note, such as N-105.", max_length=20, examples=["N-105"]
    ),
]
Words = Annotated[
    str,
    Field(
        description="Words that the note has to contain.",
        min_length=1,
        max_length=200,
        examples=["no-show reminders"],
    ),
]
Tag = Annotated[str, Field(description="Only notes with this tag.", max_length=40)]
Limit = Annotated[int, Field(description="How many notes to show.", ge=1, le=25)]
# JSON has no infinity, but 1e999 is read as one.
Addend = Annotated[float, Field(description="A number.", allow_inf_nan=False)]
Expression = Annotated[
    str,
    Field(
        description="Numbers, + - * / // % ** and parentheses.",
        max_length=200,
        examples=["24 * 12 * (1 - 0.15)"],
    ),
]
WallClock = Annotated[
    str,
    Field(
        description="2026-10-25 14:30, or 14:30 for today.",
        max_length=30,
        examples=["2026-10-25 14:30"],
    ),
]
Zone = Annotated[str, Field(description="Such as Europe/Paris or UTC.", max_length=60)]
Topic = Annotated[str, Field(description="What the report is about.", max_length=100)]
Seconds = Annotated[float, Field(description="How long it takes.", ge=0, le=100)]
Values = Annotated[
    list[Annotated[float, Field(ge=-1e12, le=1e12)]],
    Field(
        description="One number for each bar.",
        min_length=1,
        max_length=40,
        examples=[[14, 12.1, 10.4, 9.6]],
    ),
]
Labels = Annotated[list[str], Field(description="A name for each bar.", max_length=40)]


class NoteFound(BaseModel):
    id: str = Field(description="Id to read the note with.")
    title: str
    excerpt: str = Field(description="The text around the first match.")
    tags: list[str]
    updated: date


class NotesFound(BaseModel):
    query: str
    total: int = Field(description="Matches in all, shown or not.")
    notes: list[NoteFound]


class NoteStatistics(BaseModel):
    notes: int = Field(description="How many notes there are.")
    words: int = Field(description="Words in all of them.")
    oldest: date | None
    newest: date | None
    by_author: dict[str, int]
    by_tag: dict[str, int]


def build(notebook: Notebook | None = None) -> MCPServer:
    """Make a Notes server with a notebook of its own."""
    server: MCPServer = MCPServer(
        "notes",
        title="Notes",
        version="1.0.0",
        instructions=INSTRUCTIONS,
        log_level="WARNING",
    )
    add_note_tools(server, Notebook.bundled() if notebook is None else notebook)
    add_desk_tools(server)
    add_showcase_tools(server)
    return server


def add_note_tools(server: MCPServer, notebook: Notebook) -> None:
    """Tools that read the notes, and one that deletes."""

    @server.tool(title="Search notes", annotations=LOOKS_UP)
    def search_notes(
        query: Words, tag: Tag = "", limit: Limit = 5
    ) -> Annotated[CallToolResult, NotesFound]:
        """Find notes by words in their title, tags or text, best match first."""
        hits = notebook.search(query, tag=tag)
        shown = hits[:limit]
        return CallToolResult(
            content=[TextContent(text=_describe(query, hits, shown))],
            structured_content=NotesFound(
                query=query, total=len(hits), notes=[_found(hit) for hit in shown]
            ).model_dump(mode="json"),
        )

    @server.tool(title="Read a note", annotations=LOOKS_UP, structured_output=False)
    def read_note(note_id: NoteId) -> str:
        """Show the whole text of one note."""
        note = _get(notebook, note_id)
        about = f"{note.author} · {note.updated} · {', '.join(note.tags)}"
        return f"# {note.title}\n{about}\n\n{note.body}"

    @server.tool(title="Count notes", annotations=LOOKS_UP)
    def note_stats() -> NoteStatistics:
        """Count the notes, their words, authors and tags."""
        days = sorted(note.updated for note in notebook)
        return NoteStatistics(
            notes=len(notebook),
            words=sum(len(note.body.split()) for note in notebook),
            oldest=days[0] if days else None,
            newest=days[-1] if days else None,
            by_author=dict(notebook.authors().most_common()),
            by_tag=dict(notebook.tags().most_common()),
        )

    @server.tool(title="Delete a note", annotations=DELETES, structured_output=False)
    def delete_note(note_id: NoteId) -> str:
        """Delete one note for good. (Here: until the demo is started again.)"""
        title = _get(notebook, note_id).title
        notebook.delete(note_id)
        return f"Deleted “{title}”. {len(notebook)} notes are left."


def add_desk_tools(server: MCPServer) -> None:
    """Tools that work something out from what they are given."""

    @server.tool(title="Add two numbers", annotations=LOOKS_UP)
    def add(a: Addend, b: Addend) -> float:
        """Add two numbers."""
        total = a + b
        if not math.isfinite(total):
            raise ToolError("The sum is too large.")
        # The text says 3, not 3.0, to whoever adds 1 and 2.
        return int(total) if total.is_integer() else total

    @server.tool(title="Calculator", annotations=LOOKS_UP, structured_output=False)
    def calculator(expression: Expression) -> str:
        """Work out a calculation."""
        try:
            return f"{expression.strip()} = {calculate(expression)}"
        except NotArithmetic as error:
            raise ToolError(str(error)) from error

    @server.tool(title="Convert a time", annotations=LOOKS_UP, structured_output=False)
    def convert_time(time: WallClock, from_zone: Zone, to_zone: Zone) -> str:
        """Say what a wall clock shows in another time zone."""
        here = _read_time(time, _zone(from_zone))
        try:
            there = here.astimezone(_zone(to_zone))
        except OverflowError as error:
            raise ToolError(f"{to_zone} has no such year.") from error
        return f"{_clock(here)} in {from_zone} is {_clock(there)} in {to_zone}."


def add_showcase_tools(server: MCPServer) -> None:
    """Tools that take their time, answer with a picture, or fail."""

    @server.tool(
        title="Write a slow report", annotations=LOOKS_UP, structured_output=False
    )
    async def slow_report(
        context: Context, topic: Topic = "bookings", seconds: Seconds = 3
    ) -> str:
        """Work for some seconds and report progress on the way."""
        for step in range(1, REPORT_STEPS + 1):
            await asyncio.sleep(seconds / REPORT_STEPS)
            await context.report_progress(
                step, REPORT_STEPS, f"Section {step} of {REPORT_STEPS}"
            )
        return f"The report on {topic} is ready: {REPORT_STEPS} sections, no surprises."

    @server.tool(title="Draw a bar chart", annotations=LOOKS_UP)
    def chart(
        values: Values,
        labels: Labels = [],  # noqa: B006 — pydantic copies it
    ) -> list[str | Image]:
        """Draw numbers as bars and answer with a picture."""
        names = [*labels, *(str(n + 1) for n in range(len(labels), len(values)))]
        named = zip(names, values, strict=False)
        bars = ", ".join(f"{name}: {value:g}" for name, value in named)
        return [f"From left to right: {bars}.", Image(data=bar_chart(values))]

    @server.tool(title="Fail on purpose", annotations=LOOKS_UP, structured_output=False)
    def fail() -> str:
        """Answer with an error that says what to do, as a good tool does."""
        raise ToolError(
            "The export service is closed for maintenance until 18:00 UTC. "
            "Nothing was changed. Try again later, or ask in #platform."
        )


def _get(notebook: Notebook, note_id: str) -> Note:
    try:
        return notebook.get(note_id)
    except NoSuchNote as error:
        raise ToolError(
            f"There is no note {note_id!r}. Use search_notes to find its id."
        ) from error


def _found(hit: Hit) -> NoteFound:
    note = hit.note
    return NoteFound(
        id=note.id,
        title=note.title,
        excerpt=hit.excerpt,
        tags=list(note.tags),
        updated=note.updated,
    )


def _describe(query: str, hits: Sequence[Hit], shown: Sequence[Hit]) -> str:
    if not hits:
        return f"No note contains “{query}”. Try fewer or other words."
    lines = [f"{hit.note.id} {hit.note.title}\n    {hit.excerpt}" for hit in shown]
    return f"{len(hits)} found, {len(shown)} shown.\n" + "\n".join(lines)


def _zone(name: str) -> ZoneInfo:
    known = available_timezones()
    if name not in known:
        close = difflib.get_close_matches(
            name.replace(" ", "_"), known, n=3, cutoff=0.5
        )
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise ToolError(f"There is no time zone {name!r}.{hint}")
    return ZoneInfo(name)


def _read_time(text: str, zone: ZoneInfo) -> datetime:
    text = text.strip()
    if re.fullmatch(r"\d{1,2}:\d{2}", text):
        text = f"{datetime.now(zone):%Y-%m-%d} {text:0>5}"
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError as error:
        raise ToolError(
            f"{text!r} is not a time. Write 2026-10-25 14:30, or 14:30."
        ) from error


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
