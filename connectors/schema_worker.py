"""Check JSON Schemas in a process of its own, which may be killed at any time.

A schema comes from somebody else's server and may be made to cost without end:
nothing that runs inside the web process can be stopped half-way. This program is
started by `connectors.worker_processes`, by its path and isolated: it imports
nothing of Patchbay, knows no setting and no secret.

It reads one job a line and answers with one JSON line for each schema in it:

    {"check": "schemas", "schemas": [...], "max_depth": n}   null, or what is wrong
    {"check": "value", "schema": ..., "value": ..., "max_depth": n}
                             {"reason": null, "errors": [[path, keyword, message]]}
"""

import json
import resource
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import jsonschema_rs

# Of the address space: an honest schema needs a thousandth of it.
MEMORY_BYTES = 1 << 30
# CPU time of one job; the parent's deadline, in wall time, is usually earlier.
CPU_S = 5
MAX_ERRORS = 10
MAX_MESSAGE = 300
MAX_PATTERN_BYTES = 1 << 20
# Lookaround needs an engine that backtracks; this many steps take milliseconds.
MAX_BACKTRACKS = 10_000

LINEAR = jsonschema_rs.RegexOptions(
    size_limit=MAX_PATTERN_BYTES, dfa_size_limit=MAX_PATTERN_BYTES
)
BACKTRACKING = jsonschema_rs.FancyRegexOptions(
    backtrack_limit=MAX_BACKTRACKS,
    size_limit=MAX_PATTERN_BYTES,
    dfa_size_limit=MAX_PATTERN_BYTES,
)
TOO_DEEP = "It is nested too deeply."
NOT_LOADED = "It is written in a dialect of its own, which is never loaded."
NOT_FOUND = "It refers to a schema that does not exist."


class Unusable(Exception):
    """A schema that cannot be used, and why."""


def main() -> None:
    """Serve jobs until the parent goes away."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    _write("ready")
    for line in sys.stdin.buffer:
        _limit_cpu()
        for answer in answers(json.loads(line)):
            _write(answer)


def answers(job: dict[str, Any]) -> Iterator[Any]:
    """Give the answers to one job, each as soon as it is known."""
    if job["check"] == "value":
        yield _check_value(job["schema"], job["value"], job["max_depth"])
        return
    for schema in job["schemas"]:
        try:
            _validator(schema, job["max_depth"])
        except Unusable as problem:
            yield str(problem)
        else:
            yield None


def _check_value(schema: Any, value: Any, max_depth: int) -> dict[str, Any]:
    try:
        validator = _validator(schema, max_depth)
        if _is_deeper(value, max_depth):
            return {"reason": None, "errors": [[[], "maxDepth", TOO_DEEP]]}
        errors = []
        for error in validator.iter_errors(value):
            message = error.message[:MAX_MESSAGE]
            errors.append([error.instance_path, error.kind.name, message])
            if len(errors) == MAX_ERRORS:
                break
    except Unusable as problem:
        return {"reason": str(problem), "errors": []}
    except ValueError:
        # Lone surrogates, numbers out of range: JSON that is no text or number.
        return {"reason": None, "errors": [[[], "type", "It is not valid JSON."]]}
    return {"reason": None, "errors": errors}


def _validator(schema: Any, max_depth: int) -> Any:
    if not isinstance(schema, dict | bool):
        raise Unusable("It is not a JSON Schema.")
    if _is_deeper(schema, max_depth):
        raise Unusable(TOO_DEEP)
    asked: list[str] = []

    def refuse(uri: str) -> NoReturn:
        asked.append(uri)
        raise LookupError

    try:
        return _compile(schema, refuse)
    except jsonschema_rs.ValidationError as problem:
        is_remote = bool(asked) and _is_reference(problem)
        if not is_remote or _dialect(schema) in asked:
            raise Unusable(_reason(problem, is_remote=is_remote)) from problem
        # "Implementations MUST NOT automatically dereference" what is elsewhere
        # (specification 2026-07-28, "JSON Schema Usage"): whether a value fits such a
        # schema, its server has to say.
        return jsonschema_rs.validator_for({})
    except ValueError as problem:
        raise Unusable("It is not valid JSON.") from problem


def _compile(schema: Any, retriever: Callable[[str], NoReturn]) -> Any:
    options: dict[str, Any] = {
        "retriever": retriever,
        "validate_formats": False,
        "mask": "the value",
    }
    try:
        return jsonschema_rs.validator_for(schema, pattern_options=LINEAR, **options)
    except jsonschema_rs.ValidationError as problem:
        if not isinstance(problem.kind, jsonschema_rs.ValidationErrorKind.Format):
            raise
    # A pattern that the linear engine does not know: lookaround, back-references.
    return jsonschema_rs.validator_for(schema, pattern_options=BACKTRACKING, **options)


def _reason(problem: jsonschema_rs.ValidationError, *, is_remote: bool) -> str:
    if _is_reference(problem):
        return NOT_LOADED if is_remote else NOT_FOUND
    where = "/".join(map(str, problem.instance_path)) or "its top"
    message = problem.message[:MAX_MESSAGE]
    return f"It is not a valid JSON Schema, at {where[:100]}: {message}"


def _is_reference(problem: jsonschema_rs.ValidationError) -> bool:
    return isinstance(problem.kind, jsonschema_rs.ValidationErrorKind.Referencing)


def _dialect(schema: Any) -> Any:
    return schema.get("$schema") if isinstance(schema, dict) else None


def _is_deeper(value: Any, max_depth: int) -> bool:
    level = [value]
    for _ in range(max_depth):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return any(isinstance(node, dict | list) for node in level)


def _limit_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CPU_S + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _write(answer: Any) -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
