"""Templates hold no words of their own, so that a catalogue of messages has all of them; and no script or style."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import navarch.console

FOLDER = Path(navarch.console.__file__).parent
TEMPLATES = sorted(FOLDER.rglob("*.html"))
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_SPOKEN = ("title", "aria-label", "alt", "data-title", "data-away", "data-copy-word", "data-copied-word", "placeholder")
# A command, a key and a product are called the same in every language.
_NAMES = re.compile(
    r"navarch cluster (create NAME --wait|events|renew-credentials|kubeconfig\s+--merge)"
    r"|navarch kubeconfig list -c|Navarch|UTC|NAME|default|^Esc$|^Tab$"
    r"|tier=web|team=shop|dedicated=batch:NoSchedule|KernelDeadlock|ssh-ed25519 AAAA…|team-blue"
)


class Words(HTMLParser):
    """Collects what a person would read, and what a browser would run."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.run: list[str] = []

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in _SPOKEN:
                self.said.append(value or "")
            if name.startswith(("on", "hx-on")) or name == "style" or (value or "").strip().startswith("js:"):
                self.run.append(f"{name}={value}")
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.run.append(tag)


def read(template: Path) -> Words:
    words = Words()
    words.feed(_JINJA.sub("", template.read_text()))
    return words


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 15


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_word_is_a_message(template: Path) -> None:
    bare = [text.strip() for text in read(template).said if re.search(r"[^\W\d_]", _NAMES.sub("", text))]
    assert bare == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_script_or_style(template: Path) -> None:
    assert read(template).run == []
    assert not re.search(r"\|\s*safe\b|xmlattr|hx-live", template.read_text())


def test_a_bare_word_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<p>{{ _("Fine") }} bare</p><a onclick="x()" title="bare, too">{{ name }}</a>')
    words = read(page)
    assert [text.strip() for text in words.said if text.strip()] == ["bare", "bare, too"]
    assert words.run == ["onclick=x()"]
