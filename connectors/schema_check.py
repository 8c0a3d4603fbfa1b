"""Check tools' schemas and arguments, in processes that may be killed.

Drafts 4 to 2020-12, by `$schema`; without one, 2020-12, as MCP says. A schema is
never followed to another document, and one that refers there is left to its server
to check against; formats are annotations, and patterns cannot be made to backtrack
without end. What costs too much is refused, not waited for.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from math import ceil
from typing import Any

from django.conf import settings

from connectors import pools
from connectors.errors import InvalidInput, TooManyRequests
from connectors.text import clean
from connectors.worker_processes import NoWorkerFree, WorkerDied, WorkerPool

MAX_MESSAGE = 300
MAX_PATH_ITEM = 100
# What one job carries: a worker reads all of it before it answers.
JOB_BYTES = 256 << 10
TOO_EXPENSIVE = "It takes too long, or too much memory, to check."
TOO_DEEP = "It is nested too deeply."
NOT_JSON = "It is not valid JSON."


class Unusable(Exception):
    """A value that is not even sent to a worker, and why."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`reason` says why there is none; `errors` are (path, keyword, message)."""

    reason: str | None
    errors: tuple[tuple[tuple[str | int, ...], str, str], ...] = ()


async def check_arguments(*, schema: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Check a call's `arguments` against the tool's input schema.

    Raises:
        InvalidInput: at body, arguments, the path, and the keyword that failed.
        TooManyRequests: no worker was free.
    """
    verdict = await _verdict(schema, arguments)
    if verdict.reason is not None:
        raise InvalidInput.at(
            "arguments",
            "inputSchema",
            msg=_sentence(f"The tool's own schema cannot be used. {verdict.reason}"),
            type_="json_schema",
        )
    if verdict.errors:
        raise InvalidInput(
            [
                {
                    "loc": ["body", "arguments", *map(_path_item, path), keyword],
                    "msg": _sentence(message),
                    "type": "json_schema",
                }
                for path, keyword, message in verdict.errors
            ]
        )


async def check_schemas(schemas: list[dict[str, Any]]) -> list[str | None]:
    """Give for each schema None, or the reason for which it cannot be used.

    Raises:
        TooManyRequests: no worker was free.
    """
    reasons: list[str | None] = [None] * len(schemas)
    pending: list[tuple[int, bytes]] = []
    for index, schema in enumerate(schemas):
        try:
            pending.append((index, _schema_text(schema)))
        except Unusable as problem:
            reasons[index] = str(problem)
    end = time.monotonic() + 2 * settings.SCHEMA_CHECK_TIMEOUT_S
    async with pools.workers() as pool:
        while pending and time.monotonic() < end:
            job = _job(pending)
            answers = await _lint(pool, [text for _, text in job])
            for (index, _), answer in zip(job, answers, strict=False):
                reasons[index] = answer
            del pending[: len(answers)]
            if len(answers) < len(job):
                # That one the worker did not survive. The others have a chance.
                reasons[pending.pop(0)[0]] = TOO_EXPENSIVE
    for index, _ in pending:
        reasons[index] = TOO_EXPENSIVE
    return [None if r is None else clean(r, limit=MAX_MESSAGE) for r in reasons]


def _job(pending: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Give the first of `pending`, as many as one job carries: at least one."""
    size = 0
    for count, (_, text) in enumerate(pending):
        size += len(text)
        if count and size > JOB_BYTES:
            return pending[:count]
    return pending[:]


async def _lint(pool: WorkerPool, texts: list[bytes]) -> list[str | None]:
    """Answer for the first of `texts`: for all, or those before one that killed."""
    answers: list[str | None] = []
    try:
        async with pool.borrow(wait_s=settings.ADMISSION_WAIT_S) as worker:
            async with asyncio.timeout(settings.SCHEMA_CHECK_TIMEOUT_S):
                await worker.send(
                    b'{"check": "schemas", "schemas": [%b], "max_depth": %d}'
                    % (b",".join(texts), settings.MAX_JSON_DEPTH)
                )
            while len(answers) < len(texts):
                async with asyncio.timeout(settings.SCHEMA_CHECK_TIMEOUT_S):
                    answers.append(json.loads(await worker.receive()))
    except NoWorkerFree as problem:
        raise TooManyRequests(ceil(settings.ADMISSION_WAIT_S)) from problem
    except (WorkerDied, TimeoutError):
        # Killed by its limits or by us; a new one takes its place.
        return answers
    return answers


async def _verdict(schema: Any, value: Any) -> Verdict:
    try:
        job = b'{"check": "value", "schema": %b, "value": %b, "max_depth": %d}' % (
            _schema_text(schema),
            _text(value),
            settings.MAX_JSON_DEPTH,
        )
    except Unusable as problem:
        return Verdict(reason=str(problem))
    try:
        async with (
            pools.workers() as pool,
            pool.borrow(wait_s=settings.ADMISSION_WAIT_S) as worker,
            asyncio.timeout(settings.SCHEMA_CHECK_TIMEOUT_S),
        ):
            await worker.send(job)
            answer = json.loads(await worker.receive())
    except NoWorkerFree as problem:
        raise TooManyRequests(ceil(settings.ADMISSION_WAIT_S)) from problem
    except (WorkerDied, TimeoutError):
        return Verdict(reason=TOO_EXPENSIVE)
    return Verdict(
        reason=answer["reason"],
        errors=tuple((tuple(p), keyword, msg) for p, keyword, msg in answer["errors"]),
    )


def _schema_text(schema: Any) -> bytes:
    text = _text(schema)
    if len(text) > settings.MAX_SCHEMA_BYTES:
        raise Unusable(f"It is larger than {settings.MAX_SCHEMA_BYTES} bytes.")
    return text


def _text(value: Any) -> bytes:
    """Write `value` as one line of JSON, with lone surrogates as they are."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise Unusable(TOO_DEEP) from None
    except (TypeError, ValueError):
        raise Unusable(NOT_JSON) from None
    return text.encode("utf-8", "surrogatepass")


def _path_item(item: str | int) -> str | int:
    return item if isinstance(item, int) else clean(item, limit=MAX_PATH_ITEM)


def _sentence(message: str) -> str:
    text = clean(message, limit=MAX_MESSAGE)
    return text[:1].upper() + text[1:]
