"""Mail that is printed instead of sent, as its reader would see it.

Django prints what would be sent: quoted-printable, which breaks a link of more
than 76 characters in two, so that nobody could copy it.
"""

from django.core.mail import EmailMessage
from django.core.mail.backends import console


class EmailBackend(console.EmailBackend):
    """Writes who a mail is for, its subject and its text to standard output."""

    def write_message(self, message: EmailMessage) -> None:
        self.stream.write(
            f"{'-' * 79}\nTo: {', '.join(message.to)}\nSubject: {message.subject}\n\n"
            f"{message.body}\n{'-' * 79}\n"
        )
