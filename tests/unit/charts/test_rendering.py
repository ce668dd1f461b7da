"""What is made of the program's answer, whoever it is that answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from navarch.charts.rendering import Circumstances, Renderer, Unrenderable
from navarch.domain.errors import FieldError


def answering(folder: Path, *objects: dict[str, Any], problems: tuple[str, ...] = ()) -> Renderer:
    """One whose program always renders these objects, or has these problems."""
    said = {"problems": problems, "lookups": [], "definitions": [], "notes": ""}
    (folder / "answer.json").write_text(json.dumps(said | {"objects": [{"content": made} for made in objects]}))
    program = folder / "program"
    program.write_text(f"#!/bin/sh\ncat > /dev/null\ncat {folder / 'answer.json'}\n")
    program.chmod(0o755)
    return Renderer(program)


def config_map(**metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def test_objects_are_taken_as_they_are(tmp_path: Path) -> None:
    made = config_map(name="shop", namespace="shop")
    assert answering(tmp_path, made).render(b"", {}, Circumstances("shop", "shop")).objects == (made,)


@pytest.mark.parametrize("value", [True, None, 12, ["x"], {"a": "b"}])
@pytest.mark.parametrize("field", ["name", "namespace"])
def test_an_object_is_known_by_texts_alone(tmp_path: Path, field: str, value: Any) -> None:
    renderer = answering(tmp_path, config_map(**{"name": "shop", field: value}))
    with pytest.raises(
        Unrenderable, match=rf"ConfigMap: its metadata\.{field} is .* no text: the chart has to quote it"
    ):
        renderer.render(b"", {}, Circumstances("y", "shop"))


def test_of_values_in_an_object_each_wrong_one_is_told_and_no_heading(tmp_path: Path) -> None:
    renderer = answering(
        tmp_path, problems=("at '/key': validation failed", "at '/key/name': minLength: got 0, want 1")
    )
    assert renderer.wrong_values(b"", {}) == (FieldError("values.key.name", "minLength: got 0, want 1"),)


def test_a_heading_that_stands_alone_is_told(tmp_path: Path) -> None:
    renderer = answering(tmp_path, problems=("at '/key': validation failed",))
    assert renderer.wrong_values(b"", {}) == (FieldError("values.key", "validation failed"),)
