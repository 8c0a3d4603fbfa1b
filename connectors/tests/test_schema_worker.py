"""The program that checks, without its process."""

from typing import Any

import pytest

from connectors.schema_worker import MAX_ERRORS, NOT_FOUND, NOT_LOADED, answers


def value(schema: Any, instance: Any, max_depth: int = 64) -> Any:
    job = {"check": "value", "schema": schema, "value": instance}
    (answer,) = answers({**job, "max_depth": max_depth})
    return answer


def schemas(*given: Any, max_depth: int = 64) -> list[Any]:
    job = {"check": "schemas", "schemas": list(given), "max_depth": max_depth}
    return list(answers(job))


def test_a_value_that_fits_has_no_errors():
    assert value({"type": "object"}, {}) == {"reason": None, "errors": []}


def test_errors_have_path_keyword_and_message():
    answer = value({"properties": {"a": {"type": "string"}}}, {"a": 1})
    assert answer["errors"] == [
        [["a"], "type", 'the value is not of type "string"'],
    ]


def test_errors_end():
    assert len(value({"items": {"type": "string"}}, [1] * 50)["errors"]) == MAX_ERRORS


def test_an_unusable_schema_has_a_reason():
    assert value({"type": 5}, {})["reason"]
    assert value({"$schema": "https://example.com/"}, {})["reason"] == NOT_LOADED
    assert value({"$ref": "#/x"}, {})["reason"] == NOT_FOUND


def test_what_refers_elsewhere_is_left_to_its_server():
    schema = {"$ref": "https://example.com/a.json#/b", "type": "string"}
    assert value(schema, {}) == {"reason": None, "errors": []}
    assert schemas(schema) == [None]


def test_each_schema_is_answered():
    assert schemas(*({}, True, {"$ref": "#/x"})) == [None, None, NOT_FOUND]
    assert schemas() == []


@pytest.mark.parametrize("given", [5, "x", None, [], {"pattern": "("}, {"type": "x"}])
def test_what_is_no_schema_is_said_to_be_none(given: Any):
    (reason,) = schemas(given)
    assert reason.startswith("It is not a ")


def test_depth_is_limited_in_schemas_and_in_values():
    deep: dict[str, Any] = {"not": {"not": {"not": {}}}}
    assert schemas(deep, max_depth=4) == [None]
    assert schemas(deep, max_depth=3) != [None]
    assert value({}, [[[]]], max_depth=3)["errors"] == []
    assert value({}, [[[]]], max_depth=2)["errors"][0][1] == "maxDepth"
    assert value({}, "x", max_depth=1)["errors"] == []


def test_text_that_is_no_text_is_an_error():
    assert value({"pattern": "x"}, "\ud800")["errors"]
    (reason,) = schemas({"pattern": "\ud800"})
    assert reason == "It is not valid JSON."
