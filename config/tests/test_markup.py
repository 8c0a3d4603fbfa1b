"""What no template and no static file may contain: the strict CSP holds by itself."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted(ROOT.glob("templates/**/*.html"))
OURS = sorted(p for p in ROOT.glob("static/*.*") if p.suffix in {".css", ".js"})
VENDORED = sorted(ROOT.glob("static/vendor/*"))
# It extends a page of drf-spectacular's, which has a policy of its own.
EXEMPT = {"api_docs.html"}
BANNED = {
    "inline style": r"<style|\sstyle\s*=",
    "inline script": r"<script(?![^>]*\ssrc=)",
    "event handler": r"\son[a-z]+\s*=|hx-on",
    "script in an attribute": r"javascript:|[\"'\s]js:",
    "trigger filter": r"hx-trigger\s*=\s*(\"[^\"]*\[|'[^']*\[)",
    "file from elsewhere": r"<(script|link|img|iframe|source)[^>]*(src|href)\s*=\s*"
    r"[\"']?(https?:)?//",
    "htmx 2": r"hx-(ext|disabled-elt|vars|disinherit|request)\s*=|\ssse-[a-z]+\s*=",
}
BANNED_IN_FILES = {
    "file from elsewhere": r"(url\(|import\s|from\s)\s*[\"']?(https?:)?//",
    "code from text": r"\beval\(|\bnew Function\b|\.innerHTML\b|document\.write",
    "inline style": r"\.style\b|setAttribute\([\"']style",
}


def found(paths: list[Path], banned: dict[str, str]) -> Iterator[str]:
    for path in paths:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for what, pattern in banned.items():
                if re.search(pattern, line, re.IGNORECASE):
                    yield f"{path.relative_to(ROOT)}:{number}: {what}"


def test_no_template_needs_an_exception_from_the_policy() -> None:
    pages = [path for path in TEMPLATES if path.name not in EXEMPT]
    assert len(pages) > 20
    assert not list(found(pages, BANNED))


def test_no_file_of_ours_needs_one_either() -> None:
    assert {path.name for path in OURS} >= {"app.css", "app.js", "theme.js"}
    assert not list(found(OURS, BANNED_IN_FILES))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('<p style="color: red">', "inline style"),
        ("<script>alert(1)</script>", "inline script"),
        ('<button onclick="x()">', "event handler"),
        ('<a hx-on:click="x()">', "event handler"),
        ('<a href="javascript:x()">', "script in an attribute"),
        ("<a hx-vals='js:{a: 1}'>", "script in an attribute"),
        ('<a hx-trigger="click[ctrlKey]">', "trigger filter"),
        ('<script src="https://cdn.example/x.js">', "file from elsewhere"),
        ("<link rel=stylesheet href=//cdn.example/x.css>", "file from elsewhere"),
        ('<div hx-ext="sse" sse-connect="/x">', "htmx 2"),
    ],
)
def test_what_is_banned_is_found(line: str, what: str) -> None:
    assert re.search(BANNED[what], line)


def test_a_link_that_leads_elsewhere_is_no_file_from_elsewhere() -> None:
    link = '<a class="link" href="https://modelcontextprotocol.io">'
    assert not any(re.search(pattern, link) for pattern in BANNED.values())


def test_what_is_vendored_has_its_version_and_its_licence() -> None:
    assert VENDORED
    credits = (ROOT / "THIRD_PARTY.md").read_text()
    for folder in VENDORED:
        name, _, version = folder.name.rpartition("-")
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert (folder / "LICENSE.txt").is_file()
        assert re.search(rf"\b{name}\b.*\b{re.escape(version)}\b", credits, re.I)


def test_every_template_uses_the_files_that_are_vendored() -> None:
    used = "".join(path.read_text() for path in TEMPLATES)
    for path in ROOT.glob("static/vendor/*/*"):
        if path.name != "LICENSE.txt":
            assert f"vendor/{path.parent.name}/{path.name}" in used
