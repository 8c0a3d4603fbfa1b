"""What a language model writes, as HTML that can do nothing.

Markdown is turned into HTML by markdown-it without raw HTML, and nh3 lets through
only what that can make: two fences, each enough by itself. Links lead out and are
never fetched; a picture is a link to it, since to ask for it would tell its server
whatever a hostile text put into the address.
"""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

# Beyond this a text is shown as it is.
MARKDOWN_CHARS: Final = 100_000
# The page has headings of its own above these.
_DEEPER: Final = 2
_ADDRESS: Final = re.compile(r"(?:https?://|mailto:)[^\s\\]+", re.IGNORECASE)
# Controls, bidirectional overrides and isolates, tag characters: they reorder or hide
# what is read (Unicode TR 36). Joiners and marks stay, languages need them.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
_TAGS: Final = set(
    "a p br strong em s ul ol li code pre blockquote hr h3 h4 h5 h6 div table thead "
    "tbody tr th td".split()
)
_ATTRIBUTES: Final = {
    "a": {"href", "title", "target"},
    "ol": {"start"},
    "pre": {"tabindex"},
    "div": {"class", "tabindex", "role", "aria-label"},
}
_TABLE: Final = (
    '<div class="grid-box" tabindex="0" role="region" aria-label="Table"><table>'
)


def render(text: str) -> SafeString:
    """Return `text` as sanitised HTML."""
    text = _UNSEEN.sub("", text)
    if len(text) > MARKDOWN_CHARS:
        return format_html('<p class="wrap">{}</p>', text)
    drawn = nh3.clean(
        _markdown.render(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}, "pre": {"tabindex": "0"}},
    )
    return mark_safe(drawn)  # noqa: S308 - nh3 let nothing else through


def _leads_out(address: str) -> bool:
    """Tell whether a link is whole, harmless, and none of our own pages."""
    return bool(_ADDRESS.fullmatch(address))


def _heading(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    token = tokens[index]
    token.tag = f"h{min(6, int(token.tag[1]) + _DEEPER)}"
    return self.renderToken(tokens, index, options, env)


def _picture(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    token = tokens[index]
    address = str(token.attrs.get("src", ""))
    about = self.renderInlineAsText(token.children, options, env) or "without a name"
    host = urlsplit(address).hostname or "nowhere"
    return format_html('<a href="{}">Picture: {} ({})</a>', address, about, host)


def _open_table(*_: Any) -> str:
    return _TABLE


def _close_table(*_: Any) -> str:
    return "</table></div>"


def _build() -> MarkdownIt:
    built = MarkdownIt(
        "commonmark", {"html": False, "breaks": True, "maxNesting": 20}
    ).enable(["table", "strikethrough"])
    built.validateLink = _leads_out  # type: ignore[method-assign, assignment]  # its documented way
    for place in ("heading_open", "heading_close"):
        built.add_render_rule(place, _heading)
    built.add_render_rule("image", _picture)
    built.add_render_rule("table_open", _open_table)
    built.add_render_rule("table_close", _close_table)
    return built


# Made once: it keeps nothing between two texts.
_markdown: Final = _build()
