"""What a stranger wrote into a mail steers nothing: neither ours nor how it is read."""

import base64
import time
from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemtools.base import ToolError
from systemtools.gmail import reading, writing


def answer_to(*, message_id: str, references: str = "") -> Any:
    message = writing.mail(to=["a@example.com"], subject="Re: Hi", body="Yes.")
    writing.answers(message, message_id=message_id, references=references)
    content = base64.urlsafe_b64decode(writing.raw(message))
    return message_from_bytes(content, policy=policy.default)


def test_an_answer_names_what_it_answers() -> None:
    mail = answer_to(message_id="<2@x>", references="<0@x> <1@x>")
    assert mail["In-Reply-To"] == "<2@x>"
    assert mail["References"] == "<0@x> <1@x> <2@x>"


@pytest.mark.parametrize("message_id", ["", "2@x", "<a b>", "<1@x> <2@x>", "<>"])
def test_what_has_no_id_is_not_answered(message_id: str) -> None:
    with pytest.raises(ToolError, match="no id"):
        answer_to(message_id=message_id)


@given(st.text(), st.text())
def test_no_text_of_a_stranger_makes_another_header(one: str, other: str) -> None:
    mail = answer_to(
        message_id=f"{one.replace('<', '')}\r\nBcc: e@example.com <2@x>",
        references=f"{other}\r\nBcc: e@example.com\n<1@x>",
    )
    assert mail["Bcc"] is None
    assert mail["To"] == "a@example.com"
    assert mail["In-Reply-To"] == "<2@x>"


def test_a_long_thread_is_cut_to_its_newest() -> None:
    mail = answer_to(
        message_id="<new@x>", references=" ".join(f"<{n}@x>" for n in range(100))
    )
    assert len(mail["References"].split()) == writing.MAX_REFERENCES + 1


@pytest.mark.parametrize(
    ("subject", "answered"),
    [
        ("Hi", "Re: Hi"),
        ("RE: re: Hi", "Re: Hi"),
        ("Fwd: AW: Hi", "Re: Hi"),
        ("Hi\r\nBcc: e@example.com", "Re: Hi Bcc: e@example.com"),
        ("", "Re:"),
    ],
)
def test_an_answer_has_one_prefix(subject: str, answered: str) -> None:
    assert writing.answer_subject(subject) == answered
    assert writing.is_same_subject(subject, answered)


def test_a_mail_that_is_too_large_is_not_sent() -> None:
    mail = writing.mail(
        to=["a@example.com"], subject="", body="ü" * writing.MAX_MAIL_BYTES
    )
    with pytest.raises(ToolError, match="too large"):
        writing.raw(mail)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "payload headers parts body data name value id mimeType filename size "
                "messages snippet".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["payload", "messages", "id"]), _JSON))
def test_whatever_the_api_answers_can_be_read(answer: dict[str, Any]) -> None:
    reading.mail(answer)
    reading.found(answer)
    reading.ids(answer)


def test_a_mail_of_very_many_parts_is_read_in_part() -> None:
    part: dict[str, Any] = {"mimeType": "text/plain", "body": {"data": "SGk"}}
    for _ in range(1000):
        part = {"mimeType": "multipart/mixed", "parts": [part]}
    assert reading.mail({"payload": part}).text == ""


def test_a_long_text_is_cut_and_it_is_said() -> None:
    data = base64.urlsafe_b64encode(b"x" * (reading.TEXT_CHARS + 1)).decode()
    mail = reading.mail({"payload": {"mimeType": "text/plain", "body": {"data": data}}})
    assert len(mail.text) == reading.TEXT_CHARS
    assert mail.text_cut


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>One<br>two</p><p>three</p>", "One\ntwo\nthree"),
        ("a &lt;b&gt; <b>c</b>", "a <b> c"),
        ("<script>alert(1)</script>x<style>y</style>", "x"),
        ("<head><title>t</title><body>text", "text"),
        ("<!-- no --><p>yes", "yes"),
        ("<head><title>t</title></head>text", "text"),
        ("<STYLE>p > a {}</Style >x", "x"),
        ('<a title="b > c" href=d>e</a>', "e"),
        ("it's < 5 & > 3 &amp; &#8364; &eacute;", "it's < 5 & > 3 & € é"),
        ("a<!doctype html><?xml?></ >b", "ab"),
        ("a<![CDATA[b]]>c", "ac"),
        ("a<header>b</header>c", "abc"),
        ("a<p", "a"),
        ("&#" + "9" * 5_000 + ";x", "x"),
    ],
)
def test_of_html_the_words_are_taken(html: str, words: str) -> None:
    assert reading.words_of(html) == words


@pytest.mark.parametrize(
    "piece",
    "< <!-- <![CDATA[ </ <a <! <? <a=\" <a=' <script> <head> </a= & &# -".split(),
)
def test_html_of_a_stranger_is_read_in_a_time_that_grows_with_its_length_alone(
    piece: str,
) -> None:
    html = piece * (reading.HTML_CHARS // len(piece))
    since = time.process_time()
    reading.words_of(html)
    assert time.process_time() - since < 2
