"""The *Journal* server: shows a person their own entries, once they signed in."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field
from starlette.applications import Starlette

from demo.authority import Authority
from demo.authority.door import Door, account_key
from demo.authority.records import ACCOUNTS, Account

NAME = "Journal"
LOOKS_UP = ToolAnnotations(
    read_only_hint=True, idempotent_hint=True, open_world_hint=False
)
ADDS = ToolAnnotations(
    read_only_hint=False,
    destructive_hint=False,
    idempotent_hint=False,
    open_world_hint=False,
)
INSTRUCTIONS = (
    "The journal of the person who signed in, one entry or more a day. Search before"
    " you answer what they did or thought."
)
# Tools that want more than journal:read.
NEEDS = {"add_entry": "journal:write"}

# What the tools take, as forms and models see it.
Limit = Annotated[int, Field(description="How many entries to show.", ge=1, le=50)]
Words = Annotated[
    str,
    Field(
        description="A word of a title or a text.",
        min_length=1,
        max_length=100,
        examples=["tea"],
    ),
]
Title = Annotated[str, Field(description="A few words.", min_length=1, max_length=100)]
Text = Annotated[str, Field(description="What happened.", max_length=5000)]


class Entry(BaseModel):
    day: date
    title: str
    text: str


class Person(BaseModel):
    name: str
    email: str
    entries: int


FIRST_ENTRIES = {
    "ada": (
        Entry(
            day=date(2026, 9, 14),
            title="The engine, again",
            text="Bernoulli numbers work out on paper. The loop is the hard part.",
        ),
        Entry(
            day=date(2026, 9, 16),
            title="Tea with Charles",
            text="He wants to build the whole machine at once. I asked for a plan.",
        ),
    ),
    "grace": (
        Entry(
            day=date(2026, 9, 9),
            title="A moth in relay 70",
            text="Taped it into the log book. First actual case of a bug being found.",
        ),
        Entry(
            day=date(2026, 9, 15),
            title="Nanoseconds",
            text="Cut 30 cm of wire for each of the admirals. They understood.",
        ),
        Entry(
            day=date(2026, 9, 17),
            title="Compiler talk",
            text="Nobody believed that programs can be written in words. Now they do.",
        ),
    ),
}


class Journal:
    """Everybody's entries, newest last, in memory."""

    def __init__(self) -> None:
        self.entries: dict[str, list[Entry]] = {}
        self.clear()

    def clear(self) -> None:
        self.entries = {key: list(first) for key, first in FIRST_ENTRIES.items()}


type Owner = Callable[[Context, str], Account]


def build(authority: Authority, journal: Journal) -> MCPServer:
    """Make a journal server, without its door."""
    server: MCPServer = MCPServer(
        "journal",
        title=NAME,
        version="1.0.0",
        instructions=INSTRUCTIONS,
        log_level="WARNING",
    )

    def owner(context: Context, tool: str) -> Account:
        key = account_key(context.request_context.request)
        authority.seen.mcp_calls.append({"tool": tool, "account": key})
        return ACCOUNTS[key]

    _add_reading(server, journal, owner)
    _add_writing(server, journal, owner)
    return server


def _add_reading(server: MCPServer, journal: Journal, owner: Owner) -> None:
    @server.tool(title="List entries", annotations=LOOKS_UP)
    def list_entries(context: Context, limit: Limit = 10) -> list[Entry]:
        """Show your newest entries, newest first."""
        entries = journal.entries[owner(context, "list_entries").key]
        return entries[::-1][:limit]

    @server.tool(title="Search entries", annotations=LOOKS_UP)
    def search_entries(context: Context, text: Words) -> list[Entry]:
        """Find your entries by a word."""
        entries = journal.entries[owner(context, "search_entries").key]
        wanted = text.casefold()
        return [
            entry
            for entry in entries
            if wanted in f"{entry.title} {entry.text}".casefold()
        ]

    @server.tool(title="Who am I", annotations=LOOKS_UP)
    def whoami(context: Context) -> Person:
        """Say whose journal this is."""
        account = owner(context, "whoami")
        entries = len(journal.entries[account.key])
        return Person(name=account.name, email=account.email, entries=entries)


def _add_writing(server: MCPServer, journal: Journal, owner: Owner) -> None:
    @server.tool(title="Add an entry", annotations=ADDS)
    def add_entry(context: Context, title: Title, text: Text = "") -> Entry:
        """Write an entry into your journal, under today."""
        entry = Entry(day=datetime.now(UTC).date(), title=title, text=text)
        journal.entries[owner(context, "add_entry").key].append(entry)
        return entry


def application(authority: Authority, journal: Journal | None = None) -> Starlette:
    """Make the ASGI application: the server behind the authority's door."""
    app = build(authority, journal or Journal()).streamable_http_app()
    options: dict[str, Any] = {"authority": authority, "name": NAME, "needs": NEEDS}
    app.add_middleware(Door, **options)
    return app
