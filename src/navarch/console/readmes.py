"""What charts' authors wrote, for a page: READMEs in Markdown, and what is new. It is other people's text: no HTML of
theirs comes through, no picture is fetched from elsewhere, and links lead to the web alone. Pure."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.token import Token
from markupsafe import Markup, escape

from navarch.console.schemas import PlainLoader

_BELOW = 2  # a page has its own first and second headings
_LOWEST = 6
_WEB = ("https://", "http://")


@lru_cache(32)  # the worst of 128 KiB take more than a second
def drawn(text: str, title: str = "") -> Markup:
    """Markdown (CommonMark, with tables) as HTML. `title`: what the page is headed with already; a first heading that
    says the same is left out."""
    parsed = _MARKDOWN.parse(text)
    if [token.type for token in parsed[:2]] == ["heading_open", "inline"] and _same(parsed[1].content, title):
        parsed = parsed[3:]
    tokens = list(_shown(parsed))
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704 - the renderer escapes all text


def code(text: str) -> Markup:
    """A sentence whose words between backticks are code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # one that nothing closes
        return Markup(escape(text))  # noqa: S704 - escaped
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces)
    )


def news(text: str) -> list[str]:
    """What is new, as Artifact Hub has it: a list of sentences, or of `kind` and `description`; else the text."""
    try:
        read = yaml.load(text, PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):
        read = None
    found = [_sentence(its) for its in read] if isinstance(read, list) else []
    return found if found and all(found) else [text.strip()] if text.strip() else []


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _sentence(its: Any) -> str:
    if isinstance(its, dict) and its.get("description"):
        return f"{its['kind']}: {its['description']}" if its.get("kind") else str(its["description"])
    return its if isinstance(its, str) else ""


def _shown(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + _BELOW, _LOWEST)}"
        if token.children:
            token.children = list(_inline(token.children))
        yield token


def _inline(tokens: Sequence[Token]) -> Iterator[Token]:
    """Without pictures, of which the words stay, and without links to what is not the web."""
    leads: list[bool] = []
    for token in tokens:
        if token.type == "image":
            yield Token("text", "", 0, content=token.content)
            continue
        if token.type == "link_open":
            leads.append(str(token.attrGet("href")).startswith(_WEB))
            token.attrSet("rel", "noopener noreferrer")
        if token.type in ("link_open", "link_close"):
            if leads[-1]:
                yield token
            if token.type == "link_close":
                leads.pop()
            continue
        yield token


def _code(_renderer: Any, tokens: Sequence[Token], place: int, *_: Any) -> str:
    """A block that is wider than the page is moved by keyboard, too."""
    return f'<pre tabindex="0"><code>{escapeHtml(tokens[place].content)}</code></pre>\n'


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    made.add_render_rule("fence", _code)
    made.add_render_rule("code_block", _code)
    return made


_MARKDOWN = _markdown()
