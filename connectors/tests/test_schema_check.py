"""Schemas of strangers: checked, bounded, and never followed anywhere."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from connectors import pools, schema_check
from connectors.errors import InvalidInput, TooManyRequests
from connectors.schema_check import TOO_EXPENSIVE
from connectors.tests.loopback import always, listen, reply
from connectors.worker_processes import WorkerPool

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_4 = "http://json-schema.org/draft-04/schema#"
SEARCH = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "minLength": 1},
        "filters": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["query"],
    "additionalProperties": False,
}


def doubling(levels: int) -> dict[str, Any]:
    """Give a small schema whose check doubles with each level."""
    definitions: dict[str, Any] = {"d0": {"type": "string"}}
    for n in range(levels):
        both = {"$ref": f"#/$defs/d{n}"}
        definitions[f"d{n + 1}"] = {"anyOf": [both, both]}
    return {"$ref": f"#/$defs/d{levels}", "$defs": definitions}


def patterns(count: int) -> dict[str, Any]:
    """Give a schema within the byte cap whose patterns take seconds to build."""
    each = {f"p{n}": {"pattern": f"(a{{1,300}}){{1,30}}{n}"} for n in range(count)}
    return {"properties": each}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


@contextmanager
def quick_checks(settings: Settings) -> Iterator[None]:
    settings.SCHEMA_CHECK_TIMEOUT_S = 0.5
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 5


def refusal(schema: Any, arguments: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as seen:
        async_to_sync(schema_check.check_arguments)(schema=schema, arguments=arguments)
    return seen.value


def check(schema: Any, arguments: Any) -> None:
    async_to_sync(schema_check.check_arguments)(schema=schema, arguments=arguments)


def reasons(*schemas: Any) -> list[str | None]:
    return async_to_sync(schema_check.check_schemas)(list(schemas))


async def fits(schema: Any, value: Any) -> bool:
    try:
        await schema_check.check_arguments(schema=schema, arguments=value)
    except InvalidInput:
        return False
    return True


def matches(schema: Any, value: Any) -> bool:
    return async_to_sync(fits)(schema, value)


# --- Arguments ---------------------------------------------------------------


def test_arguments_that_fit_are_accepted():
    check(SEARCH, {"query": "notes", "filters": [1, 2]})


@pytest.mark.parametrize(
    ("arguments", "loc"),
    [
        ({}, ["required"]),
        ({"query": 1}, ["query", "type"]),
        ({"query": ""}, ["query", "minLength"]),
        ({"query": "x", "filters": [1, "two"]}, ["filters", 1, "type"]),
        ({"query": "x", "other": 1}, ["additionalProperties"]),
    ],
)
def test_an_error_names_the_path_and_the_keyword(
    arguments: dict[str, Any], loc: list[str | int]
):
    (error,) = refusal(SEARCH, arguments).errors
    assert error["loc"] == ["body", "arguments", *loc]
    assert error["type"] == "json_schema"
    assert error["msg"]


def test_each_error_is_named_but_not_without_end():
    wrong = {"query": 1, "filters": ["x"] * 100}
    errors = refusal(SEARCH, wrong).errors
    assert len(errors) == 10
    assert ["body", "arguments", "query", "type"] in [e["loc"] for e in errors]


def test_a_message_is_short_clean_and_does_not_repeat_the_value():
    schema = {
        "properties": {
            "token": {"type": "integer"},
            "mode": {"enum": ["\u202e\x1b[31m" + "x" * 1000]},
            "k" * 500: {"type": "integer"},
        }
    }
    errors = refusal(
        schema, {"token": "my-secret", "mode": "my-secret", "k" * 500: "my-secret"}
    ).errors
    assert len(errors) == 3
    for error in errors:
        assert "my-secret" not in error["msg"]
        assert len(error["msg"]) <= 300
        assert "\x1b" not in error["msg"]
        assert "\u202e" not in error["msg"]
        assert all(len(str(part)) <= 100 for part in error["loc"])


def test_arguments_nested_too_deeply_are_refused(settings: Settings):
    settings.MAX_JSON_DEPTH = 10
    value: Any = {}
    for _ in range(11):
        value = {"a": value}
    (error,) = refusal({}, value).errors
    assert error["loc"] == ["body", "arguments", "maxDepth"]


def test_arguments_that_no_encoder_survives_are_refused():
    value: Any = {}
    for _ in range(200_000):
        value = {"a": value}
    assert "deep" in refusal({}, value).errors[0]["msg"]
    while value:  # else its end would recurse too
        value = value["a"]


def test_a_lone_surrogate_is_an_error_and_no_crash():
    errors = refusal({"properties": {"a": {"pattern": "x"}}}, {"a": "\ud800"}).errors
    assert errors[0]["loc"][:2] == ["body", "arguments"]


def test_a_schema_that_cannot_be_used_is_an_error_of_the_call():
    (error,) = refusal({"type": "no such type"}, {}).errors
    assert error["loc"] == ["body", "arguments", "inputSchema"]
    assert "own schema" in error["msg"]


# --- Dialects ----------------------------------------------------------------


def test_without_a_dialect_it_is_2020_12():
    assert matches({"prefixItems": [{"type": "string"}]}, ["a"])
    assert not matches({"prefixItems": [{"type": "string"}]}, [1])
    assert reasons({"items": [{"type": "string"}]})[0] is not None


def test_an_older_dialect_is_honoured_when_it_is_named():
    assert not matches({"$schema": DRAFT_7, "items": [{"type": "string"}]}, [1])
    limit = {"$schema": DRAFT_4, "minimum": 3, "exclusiveMinimum": True}
    assert not matches(limit, 3)
    assert matches(limit, 4)


@pytest.mark.parametrize("dialect", ["https://example.com/own", 5, "not a uri"])
def test_an_unknown_dialect_cannot_be_used(dialect: Any):
    assert reasons({"$schema": dialect})[0] is not None


@pytest.mark.parametrize("dialect", [{}, {"$schema": DRAFT_7}])
def test_formats_are_notes_and_not_rules(dialect: dict[str, str]):
    schema = {**dialect, "properties": {"to": {"type": "string", "format": "email"}}}
    check(schema, {"to": "not an address"})
    check({**dialect, "format": "no-such-format"}, {})


def test_lookaround_is_understood():
    """What zod writes for an e-mail address has it."""
    schema = {"properties": {"a": {"pattern": r"^(?!\.)(?!.*\.\.)[a-z.]+$"}}}
    check(schema, {"a": "a.b"})
    assert refusal(schema, {"a": "a..b"}).errors[0]["loc"][-1] == "pattern"


def test_a_schema_may_be_true_or_false():
    assert [matches(schema, 1) for schema in (True, False)] == [True, False]


# --- Listings ----------------------------------------------------------------


def test_each_schema_has_its_own_reason():
    found = reasons({}, {"type": "x"}, SEARCH, {"pattern": "("}, [], "text", None)
    assert found[0] is None
    assert found[2] is None
    assert all(isinstance(found[n], str) and found[n] for n in (1, 3, 4, 5, 6))


def test_no_schemas_have_no_reasons():
    assert reasons() == []


def test_many_schemas_are_checked_at_once():
    assert reasons(*[SEARCH] * 1000) == [None] * 1000


def test_a_schema_over_the_byte_cap_is_refused_and_the_others_are_not(
    settings: Settings,
):
    settings.MAX_SCHEMA_BYTES = 1000
    found = reasons({}, {"description": "x" * 1000}, {})
    assert found[0] is found[2] is None
    assert "1000 bytes" in (found[1] or "")


def test_a_schema_of_exactly_the_byte_cap_is_checked(settings: Settings):
    settings.MAX_SCHEMA_BYTES = 1000
    empty = len('{"description":""}')
    assert reasons({"description": "x" * (1000 - empty)}) == [None]


def test_a_schema_nested_too_deeply_is_refused(settings: Settings):
    settings.MAX_JSON_DEPTH = 10
    assert reasons(nested(9)) == [None]
    assert "deep" in (reasons(nested(11))[0] or "")


def test_a_schema_that_no_encoder_survives_is_refused():
    deep = nested(200_000)
    found = reasons(deep, {})
    assert "deep" in (found[0] or "")
    assert found[1] is None
    while deep:  # else its end would recurse too
        deep = deep["not"]


def test_a_reason_is_short_and_clean():
    found = reasons({"type": "\x1b[31m\u202e" + "x" * 5000, "$id": "y" * 500})
    assert len(found[0] or "") <= 300
    assert "\x1b" not in (found[0] or "")


def test_a_hostile_schema_costs_its_own_place_only(settings: Settings):
    """It is looked at for half a second; the tools before and after it stay."""
    settings.SCHEMA_CHECK_TIMEOUT_S = 0.5
    assert reasons({}, patterns(4000), SEARCH) == [None, TOO_EXPENSIVE, None]


def test_a_listing_of_hostile_schemas_has_an_end(settings: Settings):
    with quick_checks(settings):
        found = reasons(*[patterns(4000)] * 10)
    assert found == [TOO_EXPENSIVE] * 10


# --- Nothing is fetched ------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "{url}/x.json"},
        {"$id": "{url}/base/", "properties": {"a": {"$ref": "other"}}},
        {"$schema": DRAFT_7, "$ref": "{url}/x.json"},
        {"allOf": [{"$ref": "{url}/x.json#/a"}]},
    ],
)
async def test_what_is_elsewhere_is_never_fetched_but_left_to_the_server(
    schema: dict[str, Any],
):
    def with_url(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: with_url(value) for key, value in node.items()}
        if isinstance(node, list):
            return [with_url(item) for item in node]
        return node.replace("{url}", peer.url)

    async with listen(always(reply(b'{"type": "object"}'))) as peer:
        assert await schema_check.check_schemas([with_url(schema)]) == [None]
        await schema_check.check_arguments(schema=with_url(schema), arguments={"a": 1})
        assert peer.connections == 0


@pytest.mark.parametrize("keyword", ["$schema", "$dynamicRef"])
async def test_a_dialect_that_is_elsewhere_is_refused_and_never_fetched(keyword: str):
    async with listen(always(reply(b'{"type": "object"}'))) as peer:
        schema = {keyword: f"{peer.url}/dialect"}
        (reason,) = await schema_check.check_schemas([schema])
        assert reason
        with pytest.raises(InvalidInput):
            await schema_check.check_arguments(schema=schema, arguments={})
        assert peer.connections == 0


def test_a_file_is_never_read(tmp_path: Path):
    file = tmp_path / "schema.json"
    file.write_text("no JSON, and no arguments would fit")
    assert reasons({"$ref": file.as_uri()}) == [None]
    assert matches({"$ref": file.as_uri()}, {})


def test_a_reference_within_the_schema_is_followed():
    schema = {"$defs": {"x": {"type": "string"}}, "items": {"$ref": "#/$defs/x"}}
    assert matches(schema, ["a"])
    assert not matches(schema, [1])
    assert "does not exist" in (reasons({"$ref": "#/$defs/none"})[0] or "")


# --- Nothing costs more than it may ------------------------------------------


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|aa)+$", "(.*)*b", r"^(?=a)(a+)+$", r"(a*)*\1b"]
)
def test_a_pattern_cannot_be_made_to_backtrack_without_end(pattern: str):
    started = time.monotonic()
    assert not matches({"pattern": pattern}, "a" * 50_000 + "!")
    assert time.monotonic() - started < 5


def test_a_schema_that_doubles_is_given_up(settings: Settings):
    with quick_checks(settings):
        (error,) = refusal(doubling(25), {"a": 1}).errors
    assert error["loc"] == ["body", "arguments", "inputSchema"]
    assert "too long" in error["msg"]
    with quick_checks(settings):
        assert not matches(doubling(25), 1)


async def test_the_loop_runs_on_while_a_check_is_killed(settings: Settings):
    settings.SCHEMA_CHECK_TIMEOUT_S = 0.5
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.005)
            # This thread's own work: what other processes take is not its fault.
            longest = max(longest, time.thread_time() - before)

    watcher = asyncio.create_task(watch())
    assert not await fits(doubling(25), 1)
    watcher.cancel()
    assert longest < 0.2


async def test_after_a_kill_the_resident_pool_serves_on(settings: Settings):
    settings.SCHEMA_CHECK_TIMEOUT_S = 0.5
    async with pools.resident():
        for _ in range(2):
            assert not await fits(doubling(25), 1)
            assert await fits(SEARCH, {"query": "x"})


async def test_hostile_checks_leave_a_place_for_honest_ones(settings: Settings):
    settings.SCHEMA_CHECK_TIMEOUT_S = 0.5
    async with pools.resident():
        hostile = [asyncio.create_task(fits(doubling(25), 1)) for _ in range(3)]
        assert await fits(SEARCH, {"query": "x"})
        assert await asyncio.gather(*hostile) == [False] * 3


async def test_when_no_worker_is_free_the_caller_is_told_to_wait(settings: Settings):
    settings.ADMISSION_WAIT_S = 0.1
    async with pools.resident(), pools.workers() as pool:
        await take_all(pool)
        with pytest.raises(TooManyRequests):
            await schema_check.check_arguments(schema={}, arguments={})
        with pytest.raises(TooManyRequests):
            await schema_check.check_schemas([{}])


async def take_all(pool: WorkerPool) -> None:
    while not pool._free.locked():
        await pool._free.acquire()


def test_a_schema_that_is_none_fits_nothing():
    assert not matches({"type": "no such type"}, {})


def test_what_is_no_json_does_not_fit():
    assert not matches({}, {1, 2})


async def test_a_worker_is_limited_by_the_system_too():
    async with pools.workers() as pool, pool.borrow(wait_s=5) as worker:
        await worker.send(b'{"check": "schemas", "schemas": [{}], "max_depth": 64}')
        assert await worker.receive() == b"null\n"
        limits = Path(f"/proc/{worker._process.pid}/limits").read_text()
    soft = {line[:26].strip(): line[26:47].strip() for line in limits.splitlines()}
    assert soft["Max address space"] == str(1 << 30)
    assert soft["Max core file size"] == soft["Max file size"] == "0"
    assert int(soft["Max cpu time"]) <= 10
