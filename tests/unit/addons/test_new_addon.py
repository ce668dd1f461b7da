"""A new add-on is a new folder, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.addons.sample_inputs import cluster, inputs, release

from navarch.addons import catalogue, packages

PACKAGE = """
from navarch.addons.package import Package

ADDON = Package(__name__, after=("coredns",), images={"time-keeper": "time-keeper"})
"""
MANIFEST = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: time-keeper, namespace: kube-system}
spec:
  selector: {matchLabels: {app: time-keeper}}
  template:
    metadata: {labels: {app: time-keeper}}
    spec:
      containers:
      - name: keeper
        image: ${image_time_keeper}
        args: ["--cluster=${cluster_id}", "--elect=${highly_available}"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An add-on `time-keeper`, beside the others."""
    made = tmp_path / "time_keeper"
    made.mkdir()
    (made / "__init__.py").write_text(PACKAGE)
    (made / "manifest.yaml").write_text(MANIFEST)
    monkeypatch.setattr(packages, "__path__", [*packages.__path__, str(tmp_path)])
    catalogue._found.cache_clear()
    yield made
    catalogue._found.cache_clear()


def test_its_folder_is_found_and_applied_in_its_place(folder: Path) -> None:
    names = catalogue.wanted(inputs())
    assert names.index("time-keeper") > names.index("coredns")
    (made,) = catalogue.rendered(inputs(cluster=cluster(of=release(time_keeper="v7"))), "time-keeper").objects
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.navarch.internal/time-keeper:v7"
    assert container["args"] == [f"--cluster={inputs().cluster.id}", "--elect=false"]
    assert made["metadata"]["labels"]["navarch.io/addon"] == "time-keeper"
    assert made["metadata"]["name"] == "time-keeper-v7"
    assert made["spec"]["template"]["spec"]["nodeSelector"] == {"component.navarch.io/time-keeper": "v7"}


def test_without_the_folder_it_is_gone() -> None:
    assert "time-keeper" not in catalogue.names()
