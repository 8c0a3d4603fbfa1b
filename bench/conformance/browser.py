"""The person's browser at an authorization server: it goes where it is sent."""

from urllib.parse import parse_qsl, urlsplit

import httpx2

REDIRECTS = 5
PATIENCE_S = 10


class Stranded(Exception):
    """The browser was not sent back; the message says what the person sees."""


async def visit(url: str, *, until: str) -> dict[str, str]:
    """Open `url`, be redirected, and return what the address `until` is called with.

    Raises:
        Stranded: it ends on another page.
    """
    async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
        for _ in range(REDIRECTS):
            response = await client.get(url, follow_redirects=False)
            if response.next_request is None:
                raise Stranded(f"A page of HTTP status {response.status_code}.")
            url = str(response.next_request.url)
            if url.partition("?")[0] == until:
                return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    raise Stranded("It is redirected again and again.")
