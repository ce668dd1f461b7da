"""What an entry shows of itself: its README as Markdown, its icon as SVG. Both are somebody else's work: they are
bounded, and an icon holds no program and asks for nothing."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

README, ICON = "README.md", "icon.svg"
MOST_README = 128 << 10  # bytes
MOST_ICON = 64 << 10
_SVG = "{http://www.w3.org/2000/svg}"
_RUNS = frozenset({"script", "foreignObject", "handler", "listener", "set", "iframe", "embed", "object"})
_OUTSIDE = re.compile(r"@import|expression\s*\(|url\(\s*['\"]?\s*[^#'\"\s)]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Presentation:
    """`readme`: Markdown, empty where there is none. `icon`: an SVG; None where there is none that may be shown."""

    readme: str = ""
    icon: str | None = None


def presentation(files: Mapping[str, str]) -> Presentation:
    """Of a chart's files, by name. What is wrong with them is left out: `wrong_presentation` says it."""
    icon = files.get(ICON, "")
    readme = files.get(README, "").encode()[:MOST_README].decode(errors="ignore")
    return Presentation(readme, icon if icon and not any(_wrong_icon(icon)) else None)


def wrong_presentation(files: Mapping[str, str], icon: str) -> Iterator[str]:
    """All that is wrong with them. `icon`: what Chart.yaml says of it."""
    if len(files.get(README, "").encode()) > MOST_README:
        yield f"{README} is longer than {MOST_README >> 10} KiB"
    if ICON in files:
        yield from (f"{ICON} {said}" for said in _wrong_icon(files[ICON]))
    elif icon == f"file:{ICON}":
        yield f"Chart.yaml: icon: there is no {ICON}"


def _wrong_icon(text: str) -> Iterator[str]:
    """The first of three fences: it is served with a policy that lets nothing run, and shown as an image alone."""
    if len(text.encode()) > MOST_ICON:
        yield f"is longer than {MOST_ICON >> 10} KiB"
        return
    bare = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    if "<!" in bare or re.search(r"<\?(?!xml\s)", bare):  # entities can mean millions of letters, or a file
        yield "declares a document type, entities or a style sheet"
        return
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - bounded, without entities
    except (ElementTree.ParseError, ValueError):
        yield "is no XML"
        return
    if root.tag != f"{_SVG}svg":
        yield "is no SVG"
    for element in root.iter():
        name = str(element.tag).rpartition("}")[2]
        if name in _RUNS or name.startswith("animate"):
            yield f"has <{name}>: an icon runs nothing"
        if name == "style" and _OUTSIDE.search("".join(element.itertext())):
            yield "has a style that asks for what is outside of it"
        for attribute, value in element.attrib.items():
            yield from _wrong_attribute(attribute.rpartition("}")[2], value)


def _wrong_attribute(name: str, value: str) -> Iterator[str]:
    if name.lower().startswith("on"):
        yield f"has {name}=: an icon runs nothing"
    elif name.lower() in ("href", "src") and not value.strip().startswith("#"):
        yield f"has {name}= to what is outside of it"
    elif _OUTSIDE.search(value):
        yield f"has {name}= that asks for what is outside of it"
