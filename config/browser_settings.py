"""What browsers are told: what a page may load, and who may read across origins."""

from django.utils.csp import CSP

POLICY: dict[str, list[str]] = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
# Pages of other origins may read ChatKit's two paths, with a token and never with a
# session: credentials stay forbidden, which is the library's default. A front end
# sends headers of its own with each request, so any may come; `Authorization` is the
# one that `*` does not mean (Fetch, 3.3.3).
CORS_PATHS = r"^/chatkit(/config)?\Z"
CORS_METHODS = ["GET", "POST"]
CORS_HEADERS = ["*", "authorization"]
