"""Gmail, as a tool: the person's own mail, by what they allowed at Google."""

import asyncio
from contextlib import AbstractAsyncContextManager, suppress
from typing import Annotated, Any, Final

import structlog
from pydantic import BaseModel, Field

from connectors.errors import OutcomeUnknown
from systemtools import access
from systemtools.access import Access
from systemtools.base import SystemTool, ToolError, tool
from systemtools.gmail import google, reading, writing
from systemtools.gmail.google import READ, SEND
from systemtools.gmail.reading import Found, Mail
from systemtools.gmail.writing import Body, Copied, Hidden, People, Subject

# Of the mails that were found, how many are asked for in one moment.
ABREAST: Final = 5
SHOWN: Final = ["From", "Subject", "Date"]

MessageId = Annotated[
    str,
    Field(pattern="^[0-9A-Za-z_-]{1,64}$", description="the message_id of a mail"),
]

log = structlog.get_logger(__name__)


class Mails(BaseModel):
    mails: list[Found]


class Sent(BaseModel):
    """A mail that Google took."""

    message_id: str
    thread_id: str
    to: list[str]
    subject: str


class Gmail(SystemTool):
    id = "gmail"
    name = "Gmail"
    description = "Your own mail: searched, read, written and answered."
    icon = "mail"
    category = "Google"
    auth_type = "oauth"
    provider = google.provider

    @classmethod
    def why_not(cls) -> str:
        """Say what keeps this installation from offering it."""
        return google.provider.why_not()

    @tool(title="Search mail", reads_only=True, scopes=(READ,))
    async def search(
        self,
        query: Annotated[
            str,
            Field(
                max_length=500,
                description="words, or Gmail's own search: from:ann subject:budget "
                "newer_than:7d is:unread",
            ),
        ],
        limit: Annotated[int, Field(ge=1, le=25, description="how many at most")] = 10,
    ) -> Mails:
        """Search the person's mail; gives sender, subject, date and first words."""
        async with self._opened() as gmail:
            params = {"q": query, "maxResults": limit}
            listed = reading.ids(await gmail.get(google.messages(), **params))
            places = asyncio.Semaphore(ABREAST)
            asked = (_brief(gmail, one, places) for one in listed[:limit])
            read = await asyncio.gather(*asked, return_exceptions=True)
        for problem in read:
            if isinstance(problem, BaseException):
                raise problem
        return Mails(mails=[one for one in read if isinstance(one, Found)])

    @tool(title="Read a mail", reads_only=True, scopes=(READ,))
    async def read(self, message_id: MessageId) -> Mail:
        """Read one mail: who wrote it to whom, its text, the names of its files."""
        async with self._opened() as gmail:
            url = google.messages(message_id)
            return reading.mail(await gmail.get(url, format="full"))

    @tool(title="Send a mail", scopes=(SEND,))
    async def send(
        self,
        to: People,
        subject: Subject,
        body: Body,
        cc: Copied = (),
        bcc: Hidden = (),
    ) -> Sent:
        """Send a new mail in plain text, from the person's own address."""
        message = writing.mail(to=to, subject=subject, body=body, cc=cc, bcc=bcc)
        async with self._opened() as gmail:
            answer = await gmail.post(
                google.messages("send"), {"raw": writing.raw(message)}
            )
        return self._sent(answer, to=to, subject=subject)

    @tool(title="Answer a mail", scopes=(SEND, READ))
    async def reply(
        self,
        message_id: MessageId,
        to: People,
        subject: Annotated[
            Subject, Field(description="that of the mail which is answered, with Re:")
        ],
        body: Body,
        cc: Copied = (),
    ) -> Sent:
        """Answer a mail in its thread, in plain text; read it before.

        Who gets it and under which subject is said here once more, so that the person
        approves the whole mail.
        """
        message = writing.mail(to=to, subject=subject, body=body, cc=cc)
        async with self._opened() as gmail:
            answered = await gmail.get(
                google.messages(message_id),
                format="metadata",
                metadataHeaders=["Subject", "Message-ID", "References"],
            )
            known = reading.header(answered, "Subject")
            if not writing.is_same_subject(known, subject):
                wanted = writing.answer_subject(known)
                raise ToolError(f"To stay in its thread, its subject is: {wanted}")
            writing.answers(
                message,
                message_id=reading.header(answered, "Message-ID"),
                references=reading.header(answered, "References"),
            )
            thread_id = reading.found(answered).thread_id
            body_of = {"raw": writing.raw(message), "threadId": thread_id}
            answer = await gmail.post(google.messages("send"), body_of)
        return self._sent(answer, to=to, subject=subject)

    def _opened(self) -> AbstractAsyncContextManager[Access]:
        return access.opened(self.context, name=self.name)

    def _sent(self, answer: dict[str, Any], *, to: list[str], subject: str) -> Sent:
        """Return what became of a mail that Google has taken.

        Raises:
            OutcomeUnknown: its answer does not say so.
        """
        taken = reading.found(answer)
        if not taken.message_id:
            raise OutcomeUnknown("Google did not say that it took the mail.")
        log.info("mail.sent", user_id=self.context.user_id, tool_id=self.id)
        return Sent(
            message_id=taken.message_id,
            thread_id=taken.thread_id,
            to=to,
            subject=subject,
        )


async def _brief(
    gmail: Access, message_id: str, places: asyncio.Semaphore
) -> Found | None:
    """Return what a list shows of a mail; None for one that is gone by now."""
    async with places:
        with suppress(ToolError):
            params: dict[str, Any] = {"format": "metadata", "metadataHeaders": SHOWN}
            return reading.found(await gmail.get(google.messages(message_id), **params))
    return None
