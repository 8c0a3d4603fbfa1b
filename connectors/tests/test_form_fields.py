"""What the forms of connectors share."""

import pytest
from django import forms
from django.core.exceptions import ValidationError

from connectors.errors import InvalidInput
from connectors.form_fields import HeadersField, place_errors


class Form(forms.Form):
    name = forms.CharField(required=False)
    token = forms.CharField(required=False)
    headers = HeadersField()


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("", {}),
        (" \n\n", {}),
        ("X-Key: abc", {"X-Key": "abc"}),
        ("X-Key:abc\r\n  X-More :  a: b  \n", {"X-Key": "abc", "X-More": "a: b"}),
    ],
)
def test_headers_are_lines(text: str, headers: dict[str, str]) -> None:
    assert HeadersField().clean(text) == headers


@pytest.mark.parametrize(
    ("text", "line"),
    [("s3cret", 1), ("A: 1\n: s3cret", 2), ("A: 1\n\nB:  ", 3), ("A: 1\na: s3cret", 2)],
)
def test_a_line_that_is_no_header_is_named_and_not_repeated(
    text: str, line: int
) -> None:
    with pytest.raises(ValidationError) as refused:
        HeadersField().clean(text)
    (message,) = refused.value.messages
    assert message.startswith(f"Line {line} ")
    assert "s3cret" not in message


@pytest.mark.parametrize(
    ("loc", "field"),
    [
        (["name", "blank"], "name"),
        (["auth_config", "headers", "Host"], "headers"),
        (["auth_config", "token", "pattern"], "token"),
        (["auth_config"], "token"),
        (["elsewhere"], "token"),
    ],
)
def test_an_error_is_shown_at_the_field_that_it_names(
    loc: list[str], field: str
) -> None:
    form = Form({})
    assert form.is_valid()
    error = InvalidInput.at(*loc, msg="Not like that.", type_="x")
    place_errors(form, error, credentials_field="token")
    assert form.errors == {field: ["Not like that."]}


def test_an_error_without_a_field_is_one_of_the_form() -> None:
    form = Form({})
    assert form.is_valid()
    error = InvalidInput.at("auth_config", msg="Not like that.", type_="x")
    place_errors(form, error, credentials_field="sign_in")
    assert form.non_field_errors() == ["Not like that."]
