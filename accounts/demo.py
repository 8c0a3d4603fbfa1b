"""The demo person of a development installation."""

from typing import Final

from accounts.models import User

USERNAME: Final = "demo"
# In the clear on purpose: it exists in development only, and is printed there.
PASSWORD: Final = "demo"  # noqa: S105


def ensure_user() -> User:
    """Return the demo person, made if there is none, who can sign in.

    The caller has made sure that this is a development installation.
    """
    user, _created = User.objects.get_or_create(username=USERNAME)
    # A new hash ends the person's sessions: only if it has to be.
    if not (user.is_active and user.check_password(PASSWORD)):
        user.is_active = True
        user.set_password(PASSWORD)
        user.save()
    return user
