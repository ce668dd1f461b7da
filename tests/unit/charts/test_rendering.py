"""What is made of the program's answer, whoever it is that answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from navarch.charts.rendering import Circumstances, Renderer, Unrenderable


def answering(folder: Path, *objects: dict[str, Any]) -> Renderer:
    """One whose program always renders these objects."""
    said = {"problems": [], "lookups": [], "definitions": [], "notes": ""}
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
