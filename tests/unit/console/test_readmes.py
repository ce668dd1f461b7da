"""What charts' authors wrote, on a page: no HTML of theirs, nothing that is fetched, links to the web alone."""

import pytest

from navarch.console.readmes import code, drawn, news


def test_markdown_is_drawn_below_the_pages_own_headings() -> None:
    text = "# Store\n\nIt *keeps* things.\n\n## Use\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```sh\nnavarch <x>\n```\n"
    html = drawn(text)
    assert "<h3>Store</h3>" in html
    assert "<h4>Use</h4>" in html
    assert "<em>keeps</em>" in html
    assert "<td>1</td>" in html
    assert '<pre tabindex="0"><code>navarch &lt;x&gt;\n</code></pre>' in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<javascript:alert(1)>",
        "![x](https://example.org/a.png)",
        '[x](https://example.org/"onmouseover="alert)',
        "```\n</code></pre><script>alert(1)</script>\n```",
        "| <script>a</script> |\n|---|\n| <b> |",
        "[a]: javascript:alert(1)\n\n[a]",
    ],
)
def test_nothing_of_it_runs_or_is_fetched(text: str) -> None:
    html = drawn(text)
    for piece in ("<script", "<img", "<b>", 'href="javascript', 'href="data', '"onmouseover', 'href="JaVa'):
        assert piece not in html


def test_links_lead_to_the_web_and_words_of_others_stay() -> None:
    html = drawn("[web](https://example.org/a) [guide](docs/guide.md) ![a picture](p.png) [f](file:///etc/passwd)")
    assert '<a href="https://example.org/a" rel="noopener noreferrer">web</a>' in html
    assert html.count("<a ") == 1
    assert "guide a picture" in html


def test_a_heading_that_the_page_has_already_is_left_out() -> None:
    assert drawn("# Store\n\nWords.", "store") == "<p>Words.</p>\n"
    assert "<h3>Other</h3>" in drawn("# Other\n\nWords.", "store")
    assert drawn("", "store") == ""


def test_words_between_backticks_are_code_and_nothing_else_is() -> None:
    assert code("a `b<c` d") == "a <code>b&lt;c</code> d"
    assert code("<i> a ` b") == "&lt;i&gt; a ` b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Much is new.", ["Much is new."]),
        ("- One.\n- Two.\n", ["One.", "Two."]),
        ("- kind: added\n  description: One.\n- description: Two.", ["added: One.", "Two."]),
        ("- &a x\n- *a", ["- &a x\n- *a"]),
        ("- [1]", ["- [1]"]),
    ],
)
def test_what_is_new_is_read_as_artifact_hub_has_it(text: str, expected: list[str]) -> None:
    assert news(text) == expected
