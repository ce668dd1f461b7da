"""HTML from templates: everything that is filled in is escaped, what is not there is an error."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from navarch import __version__
from navarch.cli.timeline import waterfall_of
from navarch.cli.timeline_svg import draw_svg
from navarch.console import words
from navarch.console.languages import Words, translations
from navarch.console.preferences import LANGUAGES
from navarch.console.readmes import code

_FOLDER = Path(str(files("navarch.console")))
_PICTURE_WIDTH = 1100  # pixels: what a card holds on a page of full width
STATIC_FOLDER = _FOLDER / "static"


class Templates:
    """Templates of the layout and of all pages, named by their path in `layout` or `pages`, in every language. `root`:
    what all paths begin with, where the console is behind a prefix."""

    def __init__(self, root: str = "") -> None:
        self._environments = {language: _environment(language, root) for language in LANGUAGES}

    def filled(self, template: str, language: str, values: dict[str, Any]) -> str:
        """A template filled in."""
        return self._environments[language].get_template(template).render(values)


def _environment(language: str, root: str) -> Environment:
    made = Environment(
        loader=FileSystemLoader([_FOLDER / "layout", _FOLDER / "pages"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    said = Words(language)
    made.filters |= {
        "tone": words.tone,
        "machine_tone": words.machine_tone,
        "awaited": words.awaited,
        "way": said.way,
        "value": words.value,
        "event_message": words.event_message,
        "phase": said.phase,
        "condition": said.condition,
        "reason": said.reason,
        "part": said.part,
        "kind": said.kind,
        "object_kind": said.object_kind,
        "quota_name": said.quota,
        "since": said.since,
        "exact": said.exact,
        "number": said.number,
        "amount": said.amount,
        "measured": said.measured,
        "clock": said.clock,
        "figure": said.figure,
        "money": said.money,
        "size": said.size,
        "span": said.span,
        "took": said.took,
        "machine_state": said.machine_state,
        "waterfall": waterfall,
        "code": code,
    }
    made.globals |= {
        "version": __version__,
        "scripts": scripts(),
        "root": root,
        "language": language,
        "languages": LANGUAGES,
    }
    return made


def scripts() -> tuple[str, ...]:
    """The paths of all scripts below `static`, in order. htmx is there once `scripts/console-assets` has fetched it;
    without it pages work with plain forms and links."""
    vendored = sorted(path.relative_to(STATIC_FOLDER).as_posix() for path in STATIC_FOLDER.glob("vendor/*.js"))
    return ("trusted.js", *vendored, "console.js")


def waterfall(timeline: dict[str, Any]) -> Markup:
    """A timeline as the API answers it, drawn. Its style is the page's own, which lets no other in."""
    return Markup(draw_svg(waterfall_of(timeline), _PICTURE_WIDTH, styled=False))  # noqa: S704 - draw_svg escapes what it is given
