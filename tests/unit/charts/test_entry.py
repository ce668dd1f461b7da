"""An entry is a chart with a card: what is wrong with it is told as a whole."""

from itertools import pairwise
from pathlib import Path

import pytest

from navarch.charts.entry import NoEntry, pack, read
from navarch.domain.catalogue import Card, Needs, newest_first, suits

ADDONS = Path(__file__).parents[3] / "addons"


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_packing_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    headroom = ADDONS / "headroom"
    assert pack(headroom) == pack(headroom)
    entry = read(pack(headroom))
    assert (entry.card.name, entry.card.title, entry.card.needs) == ("headroom", "Headroom", Needs(512, 500))
    assert [image.reference for image in entry.card.images] == ["registry.navarch.internal/pause:3.10.2"]


def test_everything_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    chart = "name: Bad_Name\nversion: one\nkubeVersion: ~1.36\nannotations:\n  artifacthub.io/images: '- image: x:1'\n"
    folder = written(tmp_path, Chart__yaml=chart, navarch__yaml="colour: red\nneeds: {memory: 1}\n")
    with pytest.raises(NoEntry) as refused:
        read(pack(folder))
    told = "\n".join(refused.value.problems)
    for said in (
        "name 'Bad_Name'", "version 'one'", "description is missing", "kubeVersion: '~1.36'", "category is missing",
        "title is missing", "colour is not a field", "needs has whole numbers", "image 'x:1' has no digest",
        "values.schema.json is missing",
    ):  # fmt: skip
        assert said in told


def test_a_schema_may_not_refer_to_what_is_elsewhere(tmp_path: Path) -> None:
    schema = '{"type": "object", "properties": {"a": {"$ref": "http://example.org/x"}, "b": {"$ref": "#/$defs/b"}}}'
    with pytest.raises(NoEntry) as refused:
        read(pack(written(tmp_path, Chart__yaml="name: a", values__schema__json=schema)))
    assert [p for p in refused.value.problems if "refers" in p] == [
        "values.schema.json: #/properties/a refers to http://example.org/x"
    ]


@pytest.mark.parametrize("rubbish", [b"", b"no archive", b"\x1f\x8b\x08\x00rest"])
def test_rubbish_is_no_entry(rubbish: bytes) -> None:
    with pytest.raises(NoEntry):
        read(rubbish)


def bomb(last: str) -> str:
    """A few hundred letters that mean 3 * 10 ** 8."""
    start = "a: &a [lol, lol, lol]\n"
    return start + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in pairwise("abcdefghi")) + last


_DEEP = "[" * 5000 + "]" * 5000


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("Chart__yaml", "annotations: artifacthub.io/category", "Chart.yaml: annotations are no mapping"),
        ("Chart__yaml", "annotations: [artifacthub.io/images]", "Chart.yaml: annotations are no mapping"),
        ("Chart__yaml", 'description: "a\\e[31mb"', "Chart.yaml: description has characters that are not seen"),
        ("navarch__yaml", 'title: "a\\0"', "navarch.yaml: title has characters that are not seen"),
        ("navarch__yaml", 'title: "a\\uD800"', "navarch.yaml: title has characters that are not seen"),
        ("navarch__yaml", bomb("title: *i"), "navarch.yaml: aliases are not taken"),
        ("navarch__yaml", f"title: {_DEEP}", "navarch.yaml: maximum recursion depth"),
        ("navarch__yaml", f"needs: {{volumes: {'9' * 5000}}}", "navarch.yaml: Exceeds the limit"),
        ("navarch__yaml", "ignore: 5", "navarch.yaml: ignore is a list of fields"),
        ("navarch__yaml", "ignore: spec.replicas", "navarch.yaml: ignore is a list of fields"),
        ("navarch__yaml", "ignore: [2020-01-01]", "navarch.yaml: ignore is a list of fields"),
        ("navarch__yaml", "namespace: ../secrets", "navarch.yaml: namespace '../secrets' is none"),
        ("values__schema__json", f'{{"type": "object", "a": {_DEEP}}}', "values.schema.json: "),
    ],
)
def test_whatever_a_file_holds_is_refused_in_words(file: str, text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(NoEntry) as refused:
        read(pack(written(tmp_path, **{"Chart__yaml": "name: a", file: text})))
    assert [p for p in refused.value.problems if p.startswith(said)]


def card(version: str, kubernetes: str = ">=1.36.0-0 <1.38.0-0") -> Card:
    return Card("a", version, "A", "", "", "", kubernetes, "a")


@pytest.mark.parametrize(
    ("kubernetes", "fits"), [("1.36.0", True), ("1.37.9", True), ("1.38.0", False), ("1.35.9", False)]
)
def test_a_range_of_kubernetes_versions(kubernetes: str, fits: bool) -> None:
    assert suits(card("1.0.0"), kubernetes) is fits


def test_versions_are_ordered_as_numbers_and_a_release_comes_after_its_candidates() -> None:
    cards = newest_first(card(version) for version in ("1.9.0", "1.10.0-rc.1", "1.10.0", "2.0.0-alpha"))
    assert [c.version for c in cards] == ["2.0.0-alpha", "1.10.0", "1.10.0-rc.1", "1.9.0"]
