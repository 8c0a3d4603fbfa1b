"""Faults of whole HTTP responses: statuses, sign-in, redirects, bodies."""

from http import HTTPStatus

from demo.hostile.exchange import Exchange, Fault, Reply
from demo.hostile.http import EVENTS, encode
from demo.hostile.peer import polite, response, right_result
from demo.hostile.replies import (
    body,
    json_of,
    page,
    raw_result,
    status,
)

DEEP = 200  # levels
VERY_DEEP = 100_000
# The one token that the path `token` takes, and the header that `api-key` wants.
RIGHT_TOKEN = "right-token"
PRIVATE_HOST = "127.0.0.66"
METADATA_PATH = "/.well-known/oauth-protected-resource"
BEARER = ("WWW-Authenticate", 'Bearer realm="hostile"')
RETRY_AFTER_S = 7


def nested(levels: int) -> bytes:
    """Write an object in an object, `levels` deep."""
    return b'{"a":' * levels + b"1" + b"}" * levels


async def resource_metadata(exchange: Exchange) -> None:
    where = f"{exchange.server.origin}{METADATA_PATH}/{exchange.name}"
    challenge = f'Bearer resource_metadata="{where}", scope="read write"'
    await exchange.wire.reply(401, b"", ("WWW-Authenticate", challenge))


async def signed_in_only(exchange: Exchange) -> None:
    """Be correct to whoever shows the token, and nobody else."""
    offered = exchange.request.header("authorization")
    if offered == f"Bearer {RIGHT_TOKEN}":
        await polite(exchange)
    elif offered:
        challenge = f'{BEARER[1]}, error="invalid_token"'
        await exchange.wire.reply(401, b"", ("WWW-Authenticate", challenge))
    else:
        await exchange.wire.reply(401, b"", BEARER)


async def api_key_only(exchange: Exchange) -> None:
    if exchange.request.header("x-api-key") == RIGHT_TOKEN:
        await polite(exchange)
    else:
        await exchange.wire.reply(403, b'{"error":"no key"}')


def redirect(code: int, target: str) -> Reply:
    """Send the client to a path of this server, in the same era."""

    async def answer(exchange: Exchange) -> None:
        own = exchange.server.faults[exchange.name].era
        prefix = "" if exchange.era == own else f"/{exchange.era}"
        await exchange.wire.reply(code, b"", ("Location", f"{prefix}/{target}"))

    return answer


def redirect_to(address: str) -> Reply:
    """Send the client to another server; `{port}` and `{other}` are ours."""

    async def answer(exchange: Exchange) -> None:
        ports = exchange.server.ports
        location = address.format(port=ports[0], other=ports[-1])
        await exchange.wire.reply(307, b"", ("Location", location))

    return answer


async def as_events(exchange: Exchange) -> None:
    """Announce an event stream and send plain JSON."""
    text = encode(response(exchange, {}))
    await exchange.wire.reply(200, text, content_type=EVENTS)


def wrong_id(exchange: Exchange) -> object:
    return response(exchange, right_result(exchange)) | {"id": 987_654}


def no_id(exchange: Exchange) -> object:
    return {"jsonrpc": "2.0", "result": right_result(exchange)}


STATUSES = (400, 402, 403, 404, 405, 406, 408, 410, 415, 418, 500, 501, 502, 503, 504)
STATUS_FAULTS = {
    str(code): Fault(
        about=f"answers {code} {HTTPStatus(code).phrase}", reply=status(code)
    )
    for code in STATUSES
}

SIGN_IN_FAULTS = {
    "401": Fault(about="asks for a bearer token", reply=status(401, BEARER)),
    "401-bare": Fault(about="answers 401 and not what it wants", reply=status(401)),
    "401-basic": Fault(
        about="asks for a password",
        reply=status(401, ("WWW-Authenticate", 'Basic realm="hostile"')),
    ),
    "401-json-rpc": Fault(
        about="answers 401 with the JSON-RPC code of a timeout",
        reply=status(
            401,
            body=encode(
                {
                    "jsonrpc": "2.0",
                    "id": None,
                    "error": {"code": -32001, "message": "Unauthorized"},
                }
            ),
        ),
    ),
    "401-metadata": Fault(about="asks to sign in with OAuth", reply=resource_metadata),
    "403-scope": Fault(
        about="wants a scope that was not granted",
        reply=status(
            403,
            (
                "WWW-Authenticate",
                'Bearer error="insufficient_scope", scope="files:write"',
            ),
        ),
    ),
    "token": Fault(about=f"wants the token {RIGHT_TOKEN}", reply=signed_in_only),
    "api-key": Fault(about="wants the token as X-API-Key", reply=api_key_only),
    "429": Fault(
        about="has had enough, for seven seconds",
        reply=status(429, ("Retry-After", str(RETRY_AFTER_S))),
    ),
    "429-date": Fault(
        about="has had enough, until a date",
        reply=status(429, ("Retry-After", "Fri, 31 Dec 2032 23:59:59 GMT")),
    ),
    "429-nonsense": Fault(
        about="has had enough, until it says something odd",
        reply=status(429, ("Retry-After", "9" * 400)),
    ),
}

REDIRECT_FAULTS = {
    "redirect-302": Fault(about="302 to /good", reply=redirect(302, "good")),
    "redirect-same": Fault(about="307 to /good", reply=redirect(307, "good")),
    "redirect-308": Fault(about="308 to /good", reply=redirect(308, "good")),
    "redirect-3": Fault(about="three 307s to /good", reply=redirect(307, "redirect-2")),
    "redirect-2": Fault(
        about="two 307s to /good", reply=redirect(307, "redirect-same")
    ),
    "redirect-4": Fault(about="four 307s to /good", reply=redirect(307, "redirect-3")),
    "redirect-loop": Fault(about="307 to itself", reply=redirect(307, "redirect-loop")),
    "redirect-elsewhere": Fault(
        about="307 to another origin",
        reply=redirect_to("http://127.0.0.1:{other}/trap"),
    ),
    "redirect-private": Fault(
        about="307 to an address inside",
        reply=redirect_to(f"http://{PRIVATE_HOST}:{{port}}/trap"),
    ),
    "redirect-file": Fault(
        about="307 to a file", reply=redirect_to("file:///etc/passwd")
    ),
    "redirect-user": Fault(
        about="307 to an address with a password",
        reply=redirect_to("http://user:pass@127.0.0.1:{port}/trap"),
    ),
    "redirect-nowhere": Fault(about="307 without an address", reply=status(307)),
}

BODY_FAULTS = {
    "html": Fault(about="is a web page", reply=page),
    "text": Fault(about="is a text", reply=body(b"Hello", "text/plain")),
    "empty-200": Fault(about="answers nothing, with success", reply=status(200)),
    "202": Fault(about="accepts requests and leaves it at that", reply=status(202)),
    "204": Fault(about="answers that there is nothing", reply=status(204)),
    "not-json": Fault(about="calls it JSON", reply=body(b'{"jsonrpc": "2.0", oops')),
    "not-utf8": Fault(about="sends bytes in a string", reply=body(b'{"a":"\xff\xfe"}')),
    "not-json-rpc": Fault(about="sends other JSON", reply=body(b'{"hello":"you"}')),
    "json-array": Fault(about="sends a list", reply=body(b"[1,2,3]")),
    "json-null": Fault(about="sends null", reply=body(b"null")),
    "not-events": Fault(about="calls JSON an event stream", reply=as_events),
    "wrong-id": Fault(about="answers another request", reply=json_of(wrong_id)),
    "no-id": Fault(about="answers no request", reply=json_of(no_id)),
    "deep-json": Fault(
        about=f"sends JSON of {DEEP} levels", reply=raw_result(nested(DEEP))
    ),
    "very-deep-json": Fault(
        about=f"sends JSON of {VERY_DEEP:,} levels", reply=raw_result(nested(VERY_DEEP))
    ),
    "good": Fault(about="works", reply=polite),
    "trap": Fault(about="works, and should never be reached", reply=polite),
}

HTTP_FAULTS = STATUS_FAULTS | SIGN_IN_FAULTS | REDIRECT_FAULTS | BODY_FAULTS
