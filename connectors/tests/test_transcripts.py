"""The requests of a test as text."""

from typing import Any

from connectors import transcripts
from connectors.egress import Exchange


def exchange(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "method": "POST",
        "url": "https://notes.example/mcp",
        "status": 200,
        "duration_ms": 88,
        "request_bytes": 2048,
        "response_bytes": 512,
        "content_type": "application/json",
        "request_headers": ["accept", "authorization"],
        "response_headers": ["content-type"],
        "error": "",
    }
    return {**fields, **changes}


def test_a_request_is_one_paragraph() -> None:
    assert transcripts.as_text([exchange()]) == (
        "POST https://notes.example/mcp\n"
        "  sent      2.0 KiB\n"
        "  headers   accept, authorization\n"
        "  answered  200 application/json, 512 B\n"
        "  headers   content-type\n"
        "  took      88 ms"
    )


def test_requests_stand_apart() -> None:
    text = transcripts.as_text([exchange(), exchange(method="DELETE")])
    assert text.count("\n\n") == 1


def test_a_request_that_was_never_answered_says_why() -> None:
    text = transcripts.as_text([exchange(status=None, error="tls")])
    assert "failed    no secure connection" in text
    assert "answered" not in text


def test_an_answer_without_a_type_and_a_problem_without_words_are_shown() -> None:
    text = transcripts.as_text(
        [exchange(content_type="", response_headers=[], error="new_problem")]
    )
    assert "200 no content type, 512 B" in text
    assert "failed    new_problem" in text


def test_what_egress_records_can_be_written() -> None:
    recorded = Exchange(method="GET", url="https://notes.example/mcp").public()
    assert transcripts.as_text([recorded]) == (
        "GET https://notes.example/mcp\n  took      0 ms"
    )


def test_of_nothing_there_is_nothing() -> None:
    assert transcripts.as_text([]) == ""
