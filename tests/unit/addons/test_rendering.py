"""The language of the manifests."""

import pytest

from navarch.addons.rendering import fill


def test_a_placeholder_alone_becomes_the_value_with_its_type() -> None:
    assert fill({"replicas": "${n}", "affinity": "${a}"}, {"n": 2, "a": {"x": [1]}}) == {
        "replicas": 2,
        "affinity": {"x": [1]},
    }


def test_a_placeholder_inside_a_text_becomes_text() -> None:
    assert fill(["--n=${n}"], {"n": 2}) == ["--n=2"]


def test_truth_inside_a_text_is_written_as_command_lines_have_it() -> None:
    assert fill(["--leader-elect=${yes}", "${yes}"], {"yes": True}) == ["--leader-elect=true", True]


def test_a_value_cannot_change_the_structure() -> None:
    assert fill({"name": "${v}"}, {"v": "a\nkind: Secret"}) == {"name": "a\nkind: Secret"}
    assert fill({"name": "${v}"}, {"v": "${w}"}) == {"name": "${w}"}


def test_what_kubernetes_itself_expands_is_left_alone() -> None:
    assert fill("--name=$(NODE_NAME)", {}) == "--name=$(NODE_NAME)"


def test_a_placeholder_without_a_value_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        fill("${nobody}", {})
