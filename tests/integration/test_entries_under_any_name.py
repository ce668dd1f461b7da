"""Entries of ours under names and in namespaces that YAML reads as no text where nobody quotes them."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from tests.integration.chosen_entry import ADDONS
from tests.integration.entry_programs import renderer as renderer

from navarch.charts.entry import pack, read
from navarch.charts.objects import malformed
from navarch.charts.rendering import Circumstances, Renderer

ENTRIES = sorted(path.parent.name for path in ADDONS.glob("*/Chart.yaml"))
PLAIN = ("any-name", "any-namespace")
ODD = [("y", "123"), ("n", "1e3"), ("null", "0x1f"), ("true", "null"), ("no", "0123"), ("on", "off")]


def parts(text: str) -> Any:
    """What a file holds, where it holds YAML of more than a line."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return ""
    return found if isinstance(found, dict | list) else ""


def shape(value: Any, names: Mapping[str, str]) -> Any:
    """An object without its leaves, but for of which type they are; `names`: what stands for what in keys."""
    if isinstance(value, dict):
        found = {}
        for key, inner in value.items():
            renamed = str(key)
            for name, other in names.items():
                renamed = renamed.replace(name, other)
            found[renamed, type(key).__name__] = shape(inner, names)
        return found
    if isinstance(value, list):
        return [shape(inner, names) for inner in value]
    return type(value).__name__


def opened(made: dict[str, Any]) -> dict[str, Any]:
    """An object with what its files hold."""
    files = {key: parts(text) for key, text in (made.get("data") or {}).items()} if made["kind"] == "ConfigMap" else {}
    if made["kind"] == "Secret":
        files = {key: parts(b64decode(text).decode()) for key, text in (made.get("data") or {}).items()}
        files |= {key: parts(text) for key, text in (made.get("stringData") or {}).items()}
    return {**made, "files": files}


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_name_is_text_wherever_it_stands(renderer: Renderer, entry: str) -> None:
    read_ = read(pack(ADDONS / entry))

    def made(name: str, namespace: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        objects = renderer.render(read_.chart, values, Circumstances(name, namespace, "1.37.2")).objects
        assert not malformed(objects)
        return [opened(o) for o in objects]

    for values in read_.trials:
        plain = made(*PLAIN, values)
        assert plain
        for odd in ODD:
            names = dict(zip(PLAIN, odd, strict=True))
            others = made(*odd, values)
            assert [o["kind"] for o in others] == [o["kind"] for o in plain]
            for one, other in zip(plain, others, strict=True):
                assert shape(other, {}) == shape(one, names), (odd, other["metadata"]["name"])


@pytest.mark.parametrize("name", ["y", "123"])
def test_the_name_of_a_secret_that_is_there_is_text(renderer: Renderer, name: str) -> None:
    chart = read(pack(ADDONS / "opentelemetry")).chart
    values = {"s3": {"endpoint": "https://s3.example.org", "bucket": "logs", "existingSecret": name}}
    objects = renderer.render(chart, values, Circumstances("logs", "logs", "1.37.2")).objects
    (agent,) = [made for made in objects if made["kind"] == "DaemonSet"]
    volumes = {volume["name"]: volume for volume in agent["spec"]["template"]["spec"]["volumes"]}
    assert volumes["s3"]["secret"]["secretName"] == name
