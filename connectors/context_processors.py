"""What the shell of every page shows of a person's connectors."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from connectors.looks import LOOKS, Group
from connectors.models import UserMCPConnection

NEEDS_A_LOOK = [status for status, look in LOOKS.items() if look.group == Group.LOOK]


def attention(request: HttpRequest) -> dict[str, Any]:
    """Give `attention`: how many connectors need a look, counted when it is shown."""
    return {"attention": SimpleLazyObject(lambda: _count(request))}


def _count(request: HttpRequest) -> int:
    if not isinstance(request.user, User):
        return 0
    mine = UserMCPConnection.objects.owned_by(request.user)
    return mine.filter(is_active=True, status__in=NEEDS_A_LOOK).count()
