"""The notes of an invented product team, searchable; a copy for each server."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FILE = Path(__file__).parent / "notes.json"
EXCERPT_CHARACTERS = 160
# From here on it is a question rather than a search, and these words say nothing.
QUESTION_WORDS = 4
SMALL_WORDS = frozenset(
    "a about all and any are as at be been by can did do does for from had has have how"
    " i in is it last me my notes of on or our that the there this to us was we week"
    " were what when where which who why with you".split()
)
# A word in the title says more about a note than one in its text.
TITLE_WEIGHT, TAG_WEIGHT, BODY_WEIGHT = 5, 3, 1
NEWS_WORDS = frozenset(
    "change changed changes latest new newest news recent recently updated".split()
)


@dataclass(frozen=True, kw_only=True)
class Note:
    id: str
    title: str
    author: str
    tags: tuple[str, ...]
    updated: date
    body: str


@dataclass(frozen=True, kw_only=True)
class Hit:
    note: Note
    score: int
    excerpt: str


class NoSuchNote(LookupError):
    """There is no note with this id, or it was deleted."""


class Notebook:
    """Notes in memory: what is deleted is back when the process starts again."""

    def __init__(self, notes: dict[str, Note]) -> None:
        self._notes = notes

    @classmethod
    def bundled(cls) -> "Notebook":
        rows = json.loads(FILE.read_text("utf-8"))
        notes = (
            Note(
                **{
                    **row,
                    "tags": tuple(row["tags"]),
                    "updated": date.fromisoformat(row["updated"]),
                }
            )
            for row in rows
        )
        return cls({note.id: note for note in notes})

    def __len__(self) -> int:
        return len(self._notes)

    def __iter__(self) -> Iterator[Note]:
        return iter(self._notes.values())

    def get(self, note_id: str) -> Note:
        """Find a note by its id, whatever its case.

        Raises:
            NoSuchNote: there is none.
        """
        note = self._notes.get(note_id.strip().upper())
        if note is None:
            raise NoSuchNote(note_id)
        return note

    def delete(self, note_id: str) -> Note:
        """Take a note out until the process starts again.

        Raises:
            NoSuchNote: there is none.
        """
        note = self.get(note_id)
        del self._notes[note.id]
        return note

    def tags(self) -> Counter[str]:
        return Counter(tag for note in self for tag in note.tags)

    def authors(self) -> Counter[str]:
        return Counter(note.author for note in self)

    def search(self, query: str, *, tag: str = "") -> list[Hit]:
        """Rank the notes that contain every word of `query`, best first.

        Of a whole question some words are enough: nobody asks in the words of a note.
        """
        # "no-show" is one word, and finds "no-shows" too.
        words = re.findall(r"\w+(?:[-']\w+)*", query.casefold())
        if hits := self._ranked(words, tag, every=True):
            return hits
        telling = [word for word in words if word not in SMALL_WORDS]
        if len(words) < QUESTION_WORDS or not telling:
            return []
        if NEWS_WORDS.issuperset(telling):
            return self._newest(tag)
        return self._ranked(telling, tag, every=False)

    def _newest(self, tag: str) -> list[Hit]:
        hits = [
            Hit(note=note, score=1, excerpt=_excerpt(note.body, []))
            for note in self
            if not tag or tag.casefold() in note.tags
        ]
        return sorted(hits, key=lambda hit: hit.note.updated, reverse=True)

    def _ranked(self, words: Sequence[str], tag: str, *, every: bool) -> list[Hit]:
        patterns = [re.compile(rf"\b{re.escape(word)}") for word in words]
        hits = [
            Hit(note=note, score=score, excerpt=_excerpt(note.body, patterns))
            for note in self
            if (not tag or tag.casefold() in note.tags)
            and (score := _score(note, patterns, every=every))
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.note.id))


def _score(note: Note, words: Sequence[re.Pattern[str]], *, every: bool) -> int:
    """Weigh how often the words occur; 0 when one of them is missing, if `every`."""
    parts = (
        (TITLE_WEIGHT, note.title.casefold()),
        (TAG_WEIGHT, " ".join(note.tags)),
        (BODY_WEIGHT, note.body.casefold()),
    )
    scores = [
        sum(weight * len(word.findall(text)) for weight, text in parts)
        for word in words
    ]
    return sum(scores) if all(scores) or not every else 0


def _excerpt(body: str, words: Sequence[re.Pattern[str]]) -> str:
    """Cut the text around the first word that was found, at word boundaries."""
    text = " ".join(body.split())
    found = [match.start() for word in words if (match := word.search(text.casefold()))]
    start = max(0, min(found, default=0) - EXCERPT_CHARACTERS // 3)
    start = text.rfind(" ", 0, start) + 1
    end = start + EXCERPT_CHARACTERS
    if end < len(text):
        end = text.rfind(" ", start, end)
    before, after = "… " * (start > 0), " …" * (end < len(text))
    return f"{before}{text[start:end]}{after}"
