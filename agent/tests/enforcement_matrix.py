"""What becomes of a pick, whatever the model does and whatever was picked.

The tests observe every cell (test_enforcement_matrix); docs/enforcement.md is written
from it, and a test keeps the two equal:

    python -m agent.tests.enforcement_matrix > docs/enforcement.md
"""

import sys
from typing import Final

# What was picked, and what happens to it.
COLUMNS: Final = {
    "reads": "a tool that only reads",
    "asks": "a tool that changes things",
    "whole": "a whole connector",
    "form": "a tool whose arguments the words do not give",
    "fails": "a tool that fails by its own word",
    "dead": "a tool whose server has just died",
    "away": "a connector known to be unreachable",
    "signed-out": "a connector that waits for a sign-in",
    "paused": "a paused connector",
    "gone": "a deleted one",
}
_UNUSABLE: Final = "refused approval refused refused"
_OBEYED: Final = f"used approval used used used refused {_UNUSABLE}"
_WITHOUT: Final = f"used approval used form used refused {_UNUSABLE}"
_FAILED: Final = f"error error error error error error {_UNUSABLE}"

# How the model behaves (fake_models), what that is called, and what comes of it.
ROWS: Final = {
    "obey": ("obeys", _OBEYED),
    "disobey-once": ("disobeys once", _OBEYED),
    "disobey": ("disobeys always", _WITHOUT),
    "broken-json-once": ("sends broken JSON once", _OBEYED),
    "broken-json": ("sends broken JSON always", _WITHOUT),
    "wrong-arguments": ("sends arguments that do not fit", _WITHOUT),
    "other-tool": ("names another tool", _WITHOUT),
    "refuse": ("refuses", _WITHOUT),
    "nothing": ("answers nothing", _WITHOUT),
    "unforceable": ("cannot be forced, and calls it", _OBEYED),
    "unforceable-disobey": ("cannot be forced, and talks", _WITHOUT),
    "hang": ("times out", _FAILED),
    "dies": ("dies in mid-stream", _FAILED),
    "cut": ("ends without an end", _FAILED),
    "busy": ("answers 429", _FAILED),
    "key": ("answers 401", _FAILED),
    "down": ("answers 500", _FAILED),
    "nonsense": ("answers nonsense", _FAILED),
    "hang-telling": ("times out after the call", _OBEYED),
    "dies-telling": ("dies in mid-stream after the call", _OBEYED),
    "busy-telling": ("answers 429 after the call", _OBEYED),
    "nothing-telling": ("says nothing after the call", _OBEYED),
    "direct": ("Direct mode, without a model", _WITHOUT),
}

_PAGE: Final = """\
# What becomes of a pick

A person picks a tool, or a whole connector, for one message. No answer is given
without it: text that the model writes before is withheld. It is forced (`tool_choice`)
until it was called with arguments that fit its schema; a server that refuses to force
is offered nothing else. An answer without it is asked for once more; then Patchbay
calls it itself, with arguments read from the person's words, or shows its form.

Of a whole connector it then calls what only reads, unless the words name another tool
or begin with what changes something ("add", "send").

| | |
|---|---|
| used | it was called, whatever it said; a failure of its own is an answer, too |
| form | its form is shown, filled with what the words gave |
| approval | the person is asked first, with the exact arguments, or has to sign in |
| refused | it cannot be used, and that is said instead of an answer |
| error | the language model failed before it was called; *Retry* goes on from there |

Every cell is a turn that the tests observed, over the real wire, as the chat page and
as ChatKit sends it (`agent/tests/test_enforcement_matrix.py`); the database accepts no
finished turn with a pick that ended in another way (`turn_pick_is_enforced`).

{table}

A sign-in is waited for where OAuth asks for one: the answer begins after it, and what
was picked is used; a call that the server refused for want of it is made then, with the
arguments that it had. Whoever declines is told that it was not used.

What a model does after the call does not change the cell: if it fails then, the turn
has failed, what was called and said is kept, and *Retry* repeats no call.

Only a person picks: in the composer, in a field of a request, or by `[TOOL:NAME]` at
the beginning of what they typed. Words in a tool's result are data, whatever they look
like.
"""


def expected(model: str) -> dict[str, str]:
    """Return what a model makes of each pick."""
    return dict(zip(COLUMNS, ROWS[model][1].split(), strict=True))


def page() -> str:
    lines = [
        ["the model …", *COLUMNS.values()],
        ["---"] * (len(COLUMNS) + 1),
        *([ROWS[model][0], *expected(model).values()] for model in ROWS),
    ]
    return _PAGE.format(table="\n".join(f"| {' | '.join(cells)} |" for cells in lines))


if __name__ == "__main__":
    sys.stdout.write(page())
