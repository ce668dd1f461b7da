"""A new add-on is a new folder, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.entry_programs import rendered_addon
from tests.unit.addons.sample_inputs import cluster, inputs, release

from navarch.addons import catalogue, packages

pytestmark = pytest.mark.tools

FILES = {
    "Chart.yaml": """
apiVersion: v2
name: time-keeper
version: 0.0.0
description: Tells what time it is.
kubeVersion: ">=1.36.0-0"
annotations: {artifacthub.io/category: integration-delivery, artifacthub.io/license: Apache-2.0}
""",
    "navarch.yaml": """
title: Time keeper
required: true
namespace: kube-system
after: [coredns]
components: {time-keeper: time-keeper}
workloads:
- kind: DaemonSet
  name: time-keeper
  images: [time-keeper]
""",
    "values.schema.json": """
{"type": "object", "properties": {
  "clusterId": {"type": "string", "x-navarch-given": "cluster-id"},
  "apart": {"type": "boolean", "x-navarch-given": "several-nodes"}}}
""",
    "templates/daemonset.yaml": """
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
        image: registry.navarch.internal/time-keeper
        args: ["--cluster={{ .Values.clusterId }}", "--apart={{ .Values.apart }}"]
""",
}
INPUTS = inputs(cluster=cluster(of=release(time_keeper="v7")))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An add-on `time-keeper`, beside the others."""
    made = tmp_path / "time-keeper"
    (made / "templates").mkdir(parents=True)
    for name, text in FILES.items():
        (made / name).write_text(text)
    monkeypatch.setattr(packages, "__path__", [*packages.__path__, str(tmp_path)])
    catalogue._found.cache_clear()
    yield made
    catalogue._found.cache_clear()


def test_its_folder_is_found_and_applied_in_its_place(folder: Path) -> None:
    names = catalogue.names()
    assert names.index("time-keeper") > names.index("coredns")
    (made,) = rendered_addon(INPUTS, "time-keeper").objects
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.navarch.internal/time-keeper:v7"
    assert container["args"] == [f"--cluster={inputs().cluster.id}", "--apart=true"]
    assert made["metadata"]["labels"]["navarch.io/addon"] == "time-keeper"
    assert made["metadata"]["name"] == "time-keeper-v7"
    assert made["spec"]["template"]["spec"]["nodeSelector"] == {"component.navarch.io/time-keeper": "v7"}


@pytest.mark.parametrize(
    ("says", "but"),
    [
        ("images: [time-keeper]", "images: [time-keeper, other]"),
        ("  name: time-keeper\n", "  name: time-keeper\n  control_plane: true\n"),
        ("kind: DaemonSet", "kind: Deployment"),
    ],
)
def test_a_template_that_is_not_as_its_page_says_is_a_mistake_of_ours(folder: Path, says: str, but: str) -> None:
    page = folder / "navarch.yaml"
    page.write_text(page.read_text().replace("components: {", "components: {other: time-keeper, ").replace(says, but))
    catalogue._found.cache_clear()
    with pytest.raises(ValueError, match=r"navarch\.yaml"):
        rendered_addon(INPUTS, "time-keeper")


def test_another_file_of_the_chart_is_another_digest_and_another_readme_is_not(folder: Path) -> None:
    def digest() -> str:
        catalogue._found.cache_clear()
        return catalogue.package("time-keeper").digest(INPUTS)

    seen = {before := digest()}
    (folder / "README.md").write_text("# Time keeper")
    assert digest() == before
    for name in ("templates/daemonset.yaml", "navarch.yaml", "Chart.yaml", "times.conf"):  # `.Chart`, `.Files`
        with (folder / name).open("a") as file:
            file.write("# more\n")
        seen.add(digest())
    assert len(seen) == 5


def test_without_the_folder_it_is_gone() -> None:
    assert "time-keeper" not in catalogue.names()
