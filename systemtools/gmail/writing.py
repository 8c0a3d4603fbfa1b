"""A mail that says what was approved, and nothing else.

Every header is made of values that were checked: no line end can begin another one.
Source: RFC 5322 sections 2.2 and 3.6; RFC 5321 section 4.5.3.1 for lengths.
"""

import base64
import re
from collections.abc import Iterable
from email import policy
from email.message import EmailMessage
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from connectors.text import clean
from systemtools.base import ToolError

MAX_ADDRESS: Final = 254
MAX_PEOPLE: Final = 50
MAX_SUBJECT: Final = 400
MAX_BODY: Final = 200_000
MAX_MAIL_BYTES: Final = 1 << 20
MAX_REFERENCES: Final = 20

_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS: Final = (
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    rf"@{_LABEL}(?:\.{_LABEL})+$"
)
# No line end, and no other control.
LINE: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,500}>")
_PREFIXES: Final = re.compile(r"^(?:(?:re|fwd?|aw|wg|tr|sv)\s*:\s*)+", re.IGNORECASE)


# Begins an encoded word (RFC 2047): it is read as other words than it is written as.
_ENCODED: Final = "=?"


def _local_fits(address: str) -> str:
    if len(address.partition("@")[0]) > 64:
        raise ValueError("There is no e-mail address of this length.")
    return address


def _is_plain(text: str) -> str:
    """Refuse what would not arrive as the person read it when they approved it."""
    if _ENCODED in text:
        raise ValueError(f"It has {_ENCODED} in it. Write it in plain words.")
    return text


Address = Annotated[
    str,
    Field(
        max_length=MAX_ADDRESS,
        pattern=ADDRESS,
        description="a bare e-mail address, such as john@example.com",
    ),
    AfterValidator(_local_fits),
    AfterValidator(_is_plain),
]
People = Annotated[
    list[Address], Field(min_length=1, max_length=MAX_PEOPLE, description="who gets it")
]
Copied = Annotated[
    tuple[Address, ...], Field(max_length=MAX_PEOPLE, description="who gets a copy")
]
Hidden = Annotated[
    tuple[Address, ...],
    Field(max_length=MAX_PEOPLE, description="who gets a copy that nobody else sees"),
]
Subject = Annotated[
    str,
    Field(max_length=MAX_SUBJECT, pattern=LINE, description="one line"),
    AfterValidator(_is_plain),
]
Body = Annotated[
    str, Field(max_length=MAX_BODY, description="plain text, as it will be read")
]


def mail(
    *,
    to: Iterable[str],
    subject: str,
    body: str,
    cc: Iterable[str] = (),
    bcc: Iterable[str] = (),
) -> EmailMessage:
    """Return a mail; its sender and its date are Google's to say."""
    message = EmailMessage(policy=policy.SMTP)
    for name, people in (("To", to), ("Cc", cc), ("Bcc", bcc)):
        if found := list(dict.fromkeys(people)):
            message[name] = ", ".join(found)
    message["Subject"] = subject
    message.set_content(body)
    return message


def answers(message: EmailMessage, *, message_id: str, references: str) -> None:
    """Say in a mail which one it answers.

    Both are a stranger's text: what has not the shape of an id is left out.

    Raises:
        ToolError: the mail that is answered has no id.
    """
    ids = _MESSAGE_ID.findall(message_id)
    if len(ids) != 1:
        raise ToolError("This mail cannot be answered in its thread: it has no id.")
    earlier = _MESSAGE_ID.findall(references)[-MAX_REFERENCES:]
    message["In-Reply-To"] = ids[0]
    message["References"] = " ".join(dict.fromkeys([*earlier, *ids]))


def answer_subject(subject: str) -> str:
    """Return the subject that an answer to a mail has."""
    return f"Re: {_bare(subject)}"[:MAX_SUBJECT].rstrip()


def is_same_subject(one: str, other: str) -> bool:
    """Tell whether two subjects are of one thread."""
    return _bare(one).casefold() == _bare(other).casefold()


def raw(message: EmailMessage) -> str:
    """Return a mail as the API takes it.

    Raises:
        ToolError: it is too large.
    """
    content = message.as_bytes()
    if len(content) > MAX_MAIL_BYTES:
        raise ToolError("The mail is too large. Send less at once.")
    return base64.urlsafe_b64encode(content).decode()


def _bare(subject: str) -> str:
    return _PREFIXES.sub("", clean(subject, limit=MAX_SUBJECT))
