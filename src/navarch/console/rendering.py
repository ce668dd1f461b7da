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

_FOLDER = Path(str(files("navarch.console")))
_PICTURE_WIDTH = 1100  # pixels: what a card holds on a page of full width
STATIC_FOLDER = _FOLDER / "static"


def environment() -> Environment:
    """Templates of the layout and of all pages, named by their path in `layout` or `pages`."""
    made = Environment(
        loader=FileSystemLoader([_FOLDER / "layout", _FOLDER / "pages"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    made.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {
        "tone": words.tone,
        "awaited": words.awaited,
        "since": words.since,
        "exact": words.exact,
        "amount": words.amount,
        "size": words.size,
        "span": words.span,
        "machine_state": words.machine_state,
        "waterfall": waterfall,
    }
    made.globals |= {"version": __version__, "scripts": scripts()}
    return made


def scripts() -> tuple[str, ...]:
    """The paths of all scripts below `static`, in order. htmx is there once `scripts/console-assets` has fetched it;
    without it pages work with plain forms and links."""
    vendored = sorted(path.relative_to(STATIC_FOLDER).as_posix() for path in STATIC_FOLDER.glob("vendor/*.js"))
    return (*vendored, "console.js")


def waterfall(timeline: dict[str, Any]) -> Markup:
    """A timeline as the API answers it, drawn. Its style is the page's own, which lets no other in."""
    return Markup(draw_svg(waterfall_of(timeline), _PICTURE_WIDTH, styled=False))  # noqa: S704 - draw_svg escapes what it is given
