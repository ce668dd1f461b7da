"""A waterfall as one SVG file: no script, no font or style from elsewhere, light and dark."""

from xml.sax.saxutils import escape, quoteattr

from navarch.cli.output import span
from navarch.cli.timeline import Lane, Waterfall, step

_ROW, _GROUP_ROW, _TOP, _BOTTOM, _LEFT, _RIGHT = 20, 28, 92, 28, 300, 84
_TITLES = {"cloud": "Cloud", "machine": "Machines", "kubernetes": "Kubernetes", "navarch": "Navarch"}
_CHARACTER = 6.7  # pixels a character of a label takes at most
_STYLE = """
  svg { font: 12px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; background: #ffffff }
  text { fill: #1f2933 } .dim { fill: #66727f } .title { font-size: 18px; font-weight: 600 }
  .group { font-weight: 600; font-size: 13px } .subject { font-weight: 600; fill: #46525e }
  .end { text-anchor: end } .middle { text-anchor: middle }
  .grid { stroke: #e3e8ed; stroke-width: 1 } .band { fill: #f6f8fa } .ready { stroke: #1a7f4b; stroke-width: 1.5 }
  .readytext { fill: #1a7f4b; font-weight: 600 }
  .cloud { fill: #2f80c3 } .machine { fill: #2e9e6b } .kubernetes { fill: #5b5bd6 } .navarch { fill: #b0569b }
  .failed { fill: #d64545 } .running { fill-opacity: .45 }
  @media (prefers-color-scheme: dark) {
    svg { background: #12171c } text { fill: #e4e9ee } .dim { fill: #93a0ad } .subject { fill: #b9c4cf }
    .grid { stroke: #28313a } .band { fill: #181f26 } .ready { stroke: #4cc38a } .readytext { fill: #4cc38a }
    .cloud { fill: #5aa9e6 } .machine { fill: #4cc38a } .kubernetes { fill: #8f8ff0 } .navarch { fill: #d58ac3 }
  }
"""


def draw_svg(drawn: Waterfall, width: int = 1200, *, styled: bool = True) -> str:
    """The picture, `width` pixels wide and as high as it has rows. Bars begin at x = 300 for second 0. `styled`: with
    its style; a page that it is put into may have its own for the same classes."""
    width = max(width, _LEFT + _RIGHT + 200)
    room = width - _LEFT - _RIGHT
    scale = room / drawn.total
    body, y = _rows(drawn, width, scale)
    height = y + _BOTTOM
    outcome = f"ready after {drawn.ready:.1f} s" if drawn.ready is not None else f"not ready after {span(drawn.age)}"
    version = f"Kubernetes {drawn.version} · " if drawn.version else ""
    title = f"Creation of cluster {drawn.name}: {outcome}"
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="waterfall" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" '
        f'role="img" aria-label={quoteattr(title)}>',
        f"<title>{escape(title)}</title>",
        *([f"<style>{_STYLE}</style>"] if styled else []),
        f'<text x="24" y="34" class="title">{escape(title)}</text>',
        f'<text x="24" y="54" class="dim">{escape(version)}seconds since {escape(drawn.created_at)}</text>',
    ]
    return "\n".join([*head, *_grid(drawn, scale, height), *body, *_ready(drawn, scale, height), "</svg>"]) + "\n"


def _grid(drawn: Waterfall, scale: float, height: int) -> list[str]:
    size, lines, tick = step(drawn.total, 10), [], 0
    while tick * size <= drawn.total:
        x = _LEFT + tick * size * scale
        lines.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 8}" y2="{height - _BOTTOM + 4}" class="grid"/>')
        lines.append(f'<text x="{x:.1f}" y="{_TOP - 14}" class="dim middle">{tick * size:g} s</text>')
        tick += 1
    return lines


def _ready(drawn: Waterfall, scale: float, height: int) -> list[str]:
    if drawn.ready is None:
        return []
    x = _LEFT + drawn.ready * scale
    return [
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 8}" y2="{height - _BOTTOM + 4}" class="ready"/>',
        f'<text x="{x:.1f}" y="{height - 8}" class="readytext middle">Ready {drawn.ready:.1f} s</text>',
    ]


def _rows(drawn: Waterfall, width: int, scale: float) -> tuple[list[str], int]:
    body: list[str] = []
    y, group, subject = _TOP, "", ""
    for lane in drawn.lanes:
        if lane.group != group:
            group, subject = lane.group, ""
            body.append(f'<rect x="0" y="{y}" width="{width}" height="{_GROUP_ROW - 4}" class="band"/>')
            body.append(f'<text x="24" y="{y + 17}" class="group">{_TITLES[group]}</text>')
            y += _GROUP_ROW
        if group == "machine" and lane.subject != subject:
            subject = lane.subject
            body.append(f'<text x="24" y="{y + 14}" class="subject">{escape(_short(subject, _LEFT - 36))}</text>')
            y += _ROW
        body += _lane(lane, y, scale)
        y += _ROW
    return body, y


def _lane(lane: Lane, y: int, scale: float) -> list[str]:
    indent = 40 if lane.group == "machine" else 24
    words = lane.name if lane.group == "machine" else f"{lane.name} {lane.subject}".rstrip()
    lines = [f'<text x="{indent}" y="{y + 14}">{escape(_short(words, _LEFT - indent - 12))}</text>']
    edge = 0.0
    for segment in lane.segments:
        x, wide = _LEFT + segment.start * scale, max((segment.end - segment.start) * scale, 1.5)
        kind = "failed" if segment.failed else lane.group
        more = " running" if segment.running else ""
        tip = f"{words}: {segment.start:.1f} s to {segment.end:.1f} s ({segment.end - segment.start:.1f} s)"
        if segment.message:
            tip += f"\n{segment.message[-400:]}"
        lines.append(
            f'<rect x="{x:.1f}" y="{y + 3}" width="{wide:.1f}" height="{_ROW - 6}" rx="2" class="{kind}{more}">'
            f"<title>{escape(tip)}</title></rect>"
        )
        edge = max(edge, x + wide)
    lines.append(f'<text x="{edge + 6:.1f}" y="{y + 14}" class="dim">{lane.seconds:.1f} s</text>')
    return lines


def _short(text: str, pixels: float) -> str:
    most = int(pixels / _CHARACTER)
    return text if len(text) <= most else text[: most - 1] + "…"
