import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from navarch_images.errors import RegisterError
from navarch_images.glance import register
from navarch_images.node import NodeImage
from navarch_images.release import find


@dataclass
class Found:
    id: str
    name: str
    status: str
    properties: dict[str, str] = field(default_factory=lambda: {"navarch_image_digest": "d1"})


@dataclass
class FakeGlance:
    there: list[Found] = field(default_factory=list)
    created: list[dict[str, Any]] = field(default_factory=list)
    gives: str = "active"

    def images(self, **query: Any) -> list[Found]:
        assert query == {"visibility": "public"}
        return self.there

    def create_image(self, name: str, **fields: Any) -> Found:
        self.created.append({"name": name, **fields})
        return Found("new", name, "queued")

    def get_image(self, image: Found) -> Found:
        return Found(image.id, image.name, self.gives)


@pytest.fixture
def image(tmp_path: Path) -> NodeImage:
    (tmp_path / "node.raw").write_bytes(b"x")
    facts = {"bundle": "b1", "digest": "d1", "components": "etcd=3.6.8-0", "built": "2026-01-01T00:00:00+00:00"}
    (tmp_path / "node.json").write_text(json.dumps(facts))
    return NodeImage("d1", tmp_path)


def test_an_image_says_what_navarch_must_know(image: NodeImage) -> None:
    glance = FakeGlance()
    assert register(glance, find("1.37.2"), image, lambda text: None) == "new"
    made = glance.created[0]
    assert made["navarch_kubernetes_version"] == "1.37.2"
    assert made["navarch_bundle"] == "b1"
    assert made["navarch_image_digest"] == "d1"
    assert "etcd=3.6.8-0" in made["navarch_components"]
    assert (made["os_distro"], made["os_version"]) == ("debian", "12")
    assert (made["disk_format"], made["visibility"]) == ("raw", "public")


def test_the_same_content_is_uploaded_once(image: NodeImage) -> None:
    glance = FakeGlance(there=[Found("old", "n", "active")])
    assert register(glance, find("1.37.2"), image, lambda text: None) == "old"
    assert glance.created == []


def test_other_images_are_not_taken_for_it(image: NodeImage) -> None:
    others = [Found("a", "a", "active", {}), Found("b", "b", "active", {"navarch_image_digest": "d2"})]
    assert register(FakeGlance(there=others), find("1.37.2"), image, lambda text: None) == "new"


def test_an_upload_that_was_cut_off_does_not_count(image: NodeImage) -> None:
    glance = FakeGlance(there=[Found("half", "n", "queued")])
    assert register(glance, find("1.37.2"), image, lambda text: None) == "new"


def test_an_image_that_does_not_become_active_is_an_error(image: NodeImage) -> None:
    with pytest.raises(RegisterError, match="calls it killed, not active"):
        register(FakeGlance(gives="killed"), find("1.37.2"), image, lambda text: None)
