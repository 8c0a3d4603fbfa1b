"""Say which modules and functions are too long to be read in one go.

A function may have 50 lines, a module 300, a module of tests 500. Prints each that
has more, and exits 1 if there is one. `python .ci/lengths.py [folder or file …]`
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FUNCTION_LINES = 50
MODULE_LINES = 300
TESTS_LINES = 500
NOT_OURS = {".venv", ".git", "migrations", "node_modules", "staticfiles"}


def modules(places: list[Path]) -> Iterator[Path]:
    for place in places:
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            if NOT_OURS.isdisjoint(path.relative_to(place).parts):
                yield path


def too_long(path: Path) -> Iterator[str]:
    """Yield one sentence for each thing in the module at `path` that is too long."""
    text = path.read_text()
    limit = TESTS_LINES if "tests" in path.parts else MODULE_LINES
    if (lines := len(text.splitlines())) > limit:
        yield f"{path}: {lines} lines in a module, {limit} are allowed"
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES:
            place = f"{path}:{node.lineno}: {node.name}"
            yield f"{place} has {lines} lines, {FUNCTION_LINES} are allowed"


def main(arguments: list[str]) -> int:
    places = [Path(argument) for argument in arguments] or [Path()]
    found = [line for path in modules(places) for line in too_long(path)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
