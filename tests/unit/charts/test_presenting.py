"""What an entry shows of itself: which icons are refused, and what is bounded."""

from pathlib import Path

import pytest
import yaml

from navarch.charts.entry import NoEntry, pack, presented, read
from navarch.charts.presenting import MOST_ICON, MOST_README, presentation, wrong_presentation

PLAIN = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{}</svg>'
GRADIENT = (
    '<defs><linearGradient id="a"/></defs><style>.b { fill: url(#a) }</style>'
    '<path class="b" fill="url(#a)" d="M0 0h9"/><use href="#a"/>'
)


def wrong(icon: str) -> list[str]:
    return list(wrong_presentation({"icon.svg": icon}, ""))


@pytest.mark.parametrize("inner", ["", '<path d="M3 3h18"/>', GRADIENT, "<!-- <script> in a comment -->"])
def test_an_icon_that_only_draws_is_good(inner: str) -> None:
    icon = '<?xml version="1.0"?>' + PLAIN.format(inner)
    assert wrong(icon) == []
    assert presentation({"icon.svg": icon}).icon == icon


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ("<script>alert(1)</script>", "<script>"),
        ('<script href="#a"/>', "<script>"),
        ('<x:script xmlns:x="http://www.w3.org/2000/svg"/>', "<script>"),
        ("<foreignObject/>", "<foreignObject>"),
        ('<set attributeName="href" to="javascript:alert(1)"/>', "<set>"),
        ('<animateTransform attributeName="x"/>', "<animateTransform>"),
        ('<path onload="alert(1)"/>', "onload="),
        ('<path ONCLICK="alert(1)"/>', "ONCLICK="),
        ('<a href="javascript:alert(1)"/>', "href="),
        ('<image href="https://example.org/a.png"/>', "href="),
        ('<use xmlns:l="http://www.w3.org/1999/xlink" l:href="other.svg#a"/>', "href="),
        ("<path style=\"fill: url( 'https://example.org/a')\"/>", "style="),
        ("<style>@import 'a.css';</style>", "style"),
        ("<style>path { fill: url(//example.org/a) }</style>", "style"),
    ],
)
def test_an_icon_that_runs_or_fetches_something_is_refused_and_not_shown(inner: str, said: str) -> None:
    (told,) = wrong(PLAIN.format(inner))
    assert said in told
    assert presentation({"icon.svg": PLAIN.format(inner)}).icon is None


@pytest.mark.parametrize(
    ("icon", "said"),
    [
        ('<!DOCTYPE svg [<!ENTITY a "b">]>' + PLAIN.format("&a;"), "entities"),
        ('<?xml-stylesheet href="a.css"?>' + PLAIN.format(""), "style sheet"),
        ("<svg", "no XML"),
        ("<html/>", "no SVG"),
        (PLAIN.format("x" * MOST_ICON), "longer than 64 KiB"),
    ],
)
def test_what_is_no_plain_svg_is_refused(icon: str, said: str) -> None:
    (told,) = wrong(icon)
    assert said in told
    assert presentation({"icon.svg": icon}).icon is None


def test_a_readme_is_bounded_and_cut_between_letters() -> None:
    long = "ж" * MOST_README
    assert list(wrong_presentation({"README.md": long}, "")) == ["README.md is longer than 128 KiB"]
    assert presentation({"README.md": "x" + long}).readme == "x" + "ж" * (MOST_README // 2 - 1)


def test_an_icon_that_is_named_has_to_be_there() -> None:
    assert list(wrong_presentation({}, "file:icon.svg")) == ["Chart.yaml: icon: there is no icon.svg"]
    assert list(wrong_presentation({}, "https://example.org/icon.svg")) == []


def test_a_chart_says_everything_that_is_wrong_with_it_and_shows_what_is_good(tmp_path: Path) -> None:
    chart = {
        "name": "demo", "version": "1.0.0", "description": "For tests.", "kubeVersion": ">=1.36.0-0",
        "icon": "file:icon.svg",
        "annotations": {f"artifacthub.io/{name}": "[]" for name in ("category", "license", "images")},
    }  # fmt: skip
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(chart))
    (tmp_path / "navarch.yaml").write_text("title: Demo\n")
    (tmp_path / "values.schema.json").write_text('{"type": "object"}')
    (tmp_path / "README.md").write_text("# Demo\n")
    (tmp_path / "icon.svg").write_text(PLAIN.format("<script/>"))
    with pytest.raises(NoEntry, match="<script>"):
        read(pack(tmp_path))
    assert presented(pack(tmp_path)).readme == "# Demo\n"
    assert presented(pack(tmp_path)).icon is None
    (tmp_path / "icon.svg").write_text(PLAIN.format(""))
    assert read(pack(tmp_path)).card.icon == "file:icon.svg"
    assert presented(pack(tmp_path)).icon == PLAIN.format("")


def test_of_what_is_no_chart_nothing_is_shown() -> None:
    assert presented(b"no chart") == presentation({})
