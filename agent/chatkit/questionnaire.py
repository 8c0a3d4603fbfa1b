"""A form of ours as ChatKit's structured input, and its answers as arguments.

    questions(schema, values=…, errors=…)     what to ask, begun with `values`
    read(schema, submission)                  what was answered, as arguments
    again(schema, submission, problem)        the same, with what is wrong with it
    answered(schema, arguments, values=…)     what was asked, with what was sent

Pure. Nothing is sent that was not answered: a value that is known is offered, and
the person says that it is meant.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from chatkit.types import (
    StructuredInput,
    StructuredInputAnswer,
    StructuredInputFreeform,
    StructuredInputMultipleChoice,
    StructuredInputMultipleChoiceOption,
    StructuredInputSubmission,
)

from agent.chatkit.answering import Unreadable, posted, texts_of
from agent.chatkit.blanks import Blank, Holder, blanks_of
from agent.chatkit.wording import about, label_of
from connectors import schema_form
from connectors.errors import InvalidInput
from connectors.schema_form import SchemaForm
from connectors.schema_form.reading import refusal
from connectors.schema_form.shapes import Schema

type Errors = Iterable[dict[str, Any]]
MISSING: Final = object()
# Our form has a value for these before anybody has looked at it.
_BEGUN: Final = {"checkbox": "Choose one.", "array": "Add it."}


def questions(
    schema: Schema, *, values: dict[str, Any], errors: Errors = ()
) -> list[StructuredInput]:
    """Ask for what a form of ours asks for, as to who has not seen it yet.

    `errors` are those of an InvalidInput about `values`; what is missing is no error
    yet, and what is of another kind than its field is left out.
    """
    values, left = schema_form.begun(values, errors)
    form = schema_form.form_for(schema, values={}, errors=left)
    return [_question(blank, texts) for blank, texts in _asked(form, schema, values)]


def read(schema: Schema, submission: StructuredInputSubmission) -> dict[str, Any]:
    """Turn answers into arguments; what was skipped or left empty is left out.

    Nothing is validated beyond what cannot be read. Answers to what was not asked
    are ignored.

    Raises:
        InvalidInput: at body, arguments, the path, and what is wrong there.
    """
    form = schema_form.form_for(schema, values={})
    data, errors = _posted(form, schema, submission)
    arguments: dict[str, Any] = {}
    try:
        arguments = schema_form.read(schema, data, takes_blank=False)
    except InvalidInput as problem:
        errors += [one for one in problem.errors if not _is_said(one, errors)]
    if errors:
        raise InvalidInput(errors)
    return arguments


def again(
    schema: Schema, submission: StructuredInputSubmission, problem: InvalidInput
) -> list[StructuredInput]:
    """Ask once more, with all that was answered and what is wrong with it."""
    form = schema_form.form_for(schema, values={})
    form = schema_form.errors_at(form, problem)
    asked: list[StructuredInput] = []
    for blank, _ in _asked(form, schema, {}):
        as_json = blank.as_json()
        is_json = bool(_texts(submission, as_json))
        shown = as_json if is_json else blank
        texts = _texts(submission, shown)
        if shown.choices:
            # What is none of them is not offered a second time.
            texts = [text for text in texts if text in shown.choices]
        asked.append(_question(shown, texts))
    return _with_note(asked, " ".join(form.errors))


def answered(
    schema: Schema,
    arguments: dict[str, Any] | None,
    *,
    values: dict[str, Any],
    errors: Errors = (),
) -> list[StructuredInput]:
    """Return what was asked, with what was sent; without arguments, nothing was.

    `values` and `errors` are those of `questions`.
    """
    asked = questions(schema, values=values, errors=errors)
    if arguments is None:
        return [_answered(one, None) for one in asked]
    by_id = {one.id: one for one in asked}
    form = schema_form.form_for(schema, values={})
    return [
        _answered(by_id.get(blank.id) or _question(blank, texts), texts)
        for blank, texts in _asked(form, schema, arguments)
    ]


# --- What is asked --------------------------------------------------------------


def _asked(
    form: SchemaForm, schema: Schema, values: dict[str, Any]
) -> Iterator[tuple[Blank, list[str]]]:
    """Give each blank, with the texts of its value: none if it has none."""
    part = blanks_of(form.root, schema)
    if isinstance(part, Blank):
        yield _shown(part, values or MISSING)
    else:
        yield from _asked_of(part, values)


def _asked_of(
    holder: Holder, values: dict[str, Any]
) -> Iterator[tuple[Blank, list[str]]]:
    rest = dict(values)
    for part in holder.blanks:
        if part is holder.others:
            continue
        if isinstance(part, Blank):
            yield _shown(part, rest.pop(str(part.path[-1]), MISSING))
            continue
        value = rest.pop(str(part.whole.path[-1]), {})
        if isinstance(value, dict):
            yield from _asked_of(part, value)
        else:
            yield _shown(part.whole, value)
    if rest or holder.others in holder.blanks:
        yield _shown(holder.others, rest or MISSING)


def _shown(blank: Blank, value: Any) -> tuple[Blank, list[str]]:
    """Return a blank with its value; as JSON if nothing else can say that."""
    if value is MISSING:
        return blank, []
    texts = texts_of(blank, value)
    if texts is not None:
        return blank, texts
    blank = blank.as_json()
    return blank, texts_of(blank, value) or []


def _question(blank: Blank, texts: list[str]) -> StructuredInput:
    label, words = label_of(blank), about(blank)
    if not blank.choices and not texts:
        return StructuredInputFreeform(id=blank.id, question=label, description=words)
    if blank.choices and texts:
        words = f"{words} So far: {', '.join(texts)}".strip()
    known = texts if blank.choices or len(texts) == 1 else ["\n".join(texts)]
    # Where something is known already, it comes first.
    options = dict.fromkeys([*known, *blank.choices])
    return StructuredInputMultipleChoice(
        id=blank.id,
        question=f"{label}: {words}" if words else label,
        options=[StructuredInputMultipleChoiceOption(value=one) for one in options],
        multiple=blank.kind == "many",
    )


def _answered(question: StructuredInput, texts: list[str] | None) -> StructuredInput:
    answer = StructuredInputAnswer(values=texts or [], skipped=not texts)
    return question.model_copy(update={"answer": answer})


def _with_note(asked: list[StructuredInput], note: str) -> list[StructuredInput]:
    """Say what is wrong with the arguments as a whole before the first question."""
    if not note or not asked:
        return asked
    first = asked[0]
    first = first.model_copy(update={"question": f"{note} {first.question}"})
    return [first, *asked[1:]]


# --- What is answered -----------------------------------------------------------


def _posted(
    form: SchemaForm, schema: Schema, submission: StructuredInputSubmission
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return what our own form would send, and what is wrong with the answers."""
    part = blanks_of(form.root, schema)
    blanks = [part] if isinstance(part, Blank) else list(part.every())
    data: dict[str, str] = {}
    errors: list[dict[str, Any]] = []
    for blank in blanks:
        texts = _texts(submission, blank)
        if not texts:
            continue
        try:
            data[blank.control] = posted(blank, texts)
        except Unreadable as problem:
            path = (*blank.path, *problem.path)
            errors.append(refusal(path, problem.keyword, problem.message))
    begun = (blank for blank in blanks if _is_begun(blank))
    for blank in begun:
        error = refusal(blank.path, "required", _BEGUN[blank.field.kind])
        if not _is_answered(blank, data) and not _is_said(error, errors):
            errors.append(error)
    return data, errors


def _texts(submission: StructuredInputSubmission, blank: Blank) -> list[str]:
    """Return what was answered to a question; nothing if that is only blanks."""
    answer = submission.answers.get(blank.id)
    if answer is None or answer.skipped or submission.status == "skipped":
        return []
    return [text for text in answer.values if text.strip()]


def _is_begun(blank: Blank) -> bool:
    must_be = blank.field.is_required and not blank.field.is_nullable
    return must_be and blank.field.kind in _BEGUN


def _is_answered(blank: Blank, data: dict[str, str]) -> bool:
    above = [f"{field.name}:json" for field in (*blank.around, blank.field)]
    return blank.field.name in data or any(name in data for name in above)


def _is_said(error: dict[str, Any], errors: list[dict[str, Any]]) -> bool:
    """Tell whether something is said already of where `error` is, or of a part."""
    path = error["loc"][2:-1]
    return any(one["loc"][2:-1][: len(path)] == path for one in errors)
