"""The forms of an import: the file first, then a row for each server in it.

What was read, secrets included, goes from one request to the next sealed; what a
person typed joins it. A page shows none of it again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from django import forms
from django.conf import settings

from connectors import importing_file, kept
from connectors.auth.api_key import MAX_VALUE_CHARS
from connectors.importing import Candidate
from connectors.importing_file import Reading, Refused
from connectors.importing_rows import Problem, Row
from connectors.models import NAME_CHARS

_PURPOSE = "import"
# Whoever fetches a token from each of some services needs more time than one test.
_TICKETS = 4


class FileForm(forms.Form):
    """The file, or its text; `reading` is there once it is valid."""

    file = forms.FileField(label="File", required=False, allow_empty_file=True)
    text = forms.CharField(label="Or paste it", required=False, strip=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.reading: Reading | None = None
        self.code = ""
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        file, text = cleaned.get("file"), cleaned.get("text") or ""
        # Who pastes something after a file was refused means what was pasted.
        if text.strip():
            file = None
        try:
            if file is not None:
                # One byte more than may be read is enough to say so.
                text = importing_file.decode(file.read(importing_file.MAX_BYTES + 1))
            self.reading = importing_file.read(text)
        except Refused as refusal:
            self.code = refusal.code
            self.add_error("text" if file is None else "file", refusal.message)
        return cleaned


class RowForm(forms.Form):
    """What a person says of one row; its secrets are only ever taken."""

    chosen = forms.BooleanField(required=False)
    name = forms.CharField(required=False, max_length=NAME_CHARS)
    token = forms.CharField(required=False, max_length=MAX_VALUE_CHARS)
    ticket = forms.CharField(required=False, max_length=100)
    # The code of the last test, if that failed; it is shown again, and proves nothing.
    failed = forms.CharField(required=False, max_length=100)
    is_second = forms.BooleanField(required=False)

    def __init__(self, row: Row, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, prefix=f"row-{row.number}", **kwargs)
        for number in range(len(row.blanks)):
            self.fields[f"blank_{number}"] = forms.CharField(
                required=False, max_length=MAX_VALUE_CHARS
            )

    def typed(self) -> tuple[str, dict[int, str]]:
        """Return the token, and the values of blanks, that were typed."""
        given = self.cleaned_data
        values = {
            int(name.removeprefix("blank_")): value
            for name, value in given.items()
            if name.startswith("blank_") and value
        }
        return given.get("token", ""), values


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The rows of an import as they are now, and the form of each that can be saved."""

    user_id: int
    rows: tuple[Row, ...]
    forms: Mapping[int, RowForm]
    notes: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        return all(form.is_valid() for form in self.forms.values())

    @property
    def sealed(self) -> str:
        """All of it, for the hidden field of the page."""
        return kept.seal_whole(
            {"rows": [asdict(row) for row in self.rows], "notes": self.notes},
            user_id=self.user_id,
            purpose=_PURPOSE,
            ttl_s=life_s(),
        )

    def candidates(self, *, only: int | None = None) -> Iterator[Candidate]:
        """Yield what can be tested: every row, or one."""
        for row in self.rows:
            form = self.forms.get(row.number)
            if form is not None and only in (None, row.number):
                yield _candidate(row, form)

    def chosen(self) -> list[Candidate]:
        """Return what the person wants to have saved."""
        return [
            one
            for one in self.candidates()
            if self.forms[one.row.number].cleaned_data["chosen"]
        ]

    def without(self, numbers: Sequence[int]) -> "Sheet":
        """Return the sheet without rows that are done with."""
        rows = tuple(row for row in self.rows if row.number not in numbers)
        left = {n: form for n, form in self.forms.items() if n not in numbers}
        return replace(self, rows=rows, forms=left)


def life_s() -> float:
    """Return how long a page of an import is good for, in seconds."""
    ttl_s: float = settings.TICKET_TTL_S
    return ttl_s * _TICKETS


def begin(reading: Reading, *, user_id: int, initial: Mapping[int, Any]) -> Sheet:
    """Return the sheet of a file that was just read; `initial` is by row."""
    filled = {
        row.number: RowForm(row, initial=initial.get(row.number))
        for row in reading.rows
        if not row.problem
    }
    return Sheet(user_id=user_id, rows=reading.rows, forms=filled, notes=reading.notes)


def again(data: Mapping[str, Any], *, user_id: int) -> Sheet | None:
    """Return the sheet that a page sent back; None if it is too old, or not its own."""
    found = kept.unseal_whole(data.get("kept", ""), user_id=user_id, purpose=_PURPOSE)
    if found is None:
        return None
    rows = [_row(given) for given in found["rows"]]
    filled = {row.number: RowForm(row, data) for row in rows if not row.problem}
    return Sheet(
        user_id=user_id,
        rows=tuple(_completed(row, filled.get(row.number)) for row in rows),
        forms=filled,
        notes=tuple(found["notes"]),
    )


def _completed(row: Row, form: RowForm | None) -> Row:
    """Return the row with what was typed; what cannot be read is left out."""
    if form is None or not form.is_valid():
        return row
    token, values = form.typed()
    return replace(row, token=token or row.token, values={**row.values, **values})


def _candidate(row: Row, form: RowForm) -> Candidate:
    given = form.cleaned_data
    return Candidate(
        row=row,
        name=given["name"],
        # Of a secret that was typed after the test it proves nothing, and is no use.
        ticket=given["ticket"],
        is_second=given["is_second"],
    )


def _row(given: dict[str, Any]) -> Row:
    """Return a row as it was sealed; JSON knows texts alone as keys."""
    problem = given["problem"] and Problem(**given["problem"])
    values = {int(number): value for number, value in given["values"].items()}
    lists = {name: tuple(given[name]) for name in ("blanks", "notes")}
    return Row(**{**given, **lists, "problem": problem, "values": values})
