from collections.abc import Sequence

from django import template

from accounts.forms import SCOPE_WORDS

register = template.Library()


@register.filter
def in_words(scopes: Sequence[str]) -> str:
    """Say what a token with these scopes may do."""
    if set(scopes) >= SCOPE_WORDS.keys():
        return "everything"
    return ", ".join(SCOPE_WORDS.get(scope, scope) for scope in scopes)
