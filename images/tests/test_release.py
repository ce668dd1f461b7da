import copy
import re
from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest

from navarch_images import release as releases
from navarch_images.errors import ReleaseError
from navarch_images.modules import Graph
from navarch_images.programs import source_root
from navarch_images.release import find, known, parse


@pytest.fixture
def document() -> dict[str, Any]:
    return releases.document("1.37.2")


def test_every_known_release_parses_and_every_source_folder_is_pinned() -> None:
    assert known()
    for version in known():
        for component in find(version).components:
            folder = source_root() / component.source
            assert folder.is_dir(), component.name
            if component.compiler == "go":
                assert (folder / "go.sum").exists(), f"{component.name} has no sums"
                assert component.module in (folder / "go.mod").read_text()


def test_a_go_component_is_required_at_the_version_the_release_names() -> None:
    for version in known():
        for component in find(version).components:
            go_mod = source_root() / component.source / "go.mod"
            # Calico's tags are no module versions, and our own programs require nobody.
            if component.compiler != "go" or component.name == "calico" or component.module.startswith("navarch.dev/"):
                continue
            required = [line.split() for line in go_mod.read_text().splitlines()]
            assert any(
                words[-2:] == [component.module, component.version]
                or words[:2] == [component.module, component.version]
                for words in required
            ), f"{component.name} {component.version} is not what {go_mod} requires"


def test_what_talks_to_kubernetes_is_of_one_module_graph_with_the_newest() -> None:
    """Or its libraries would be compiled once more for each graph."""
    newest = find(known()[-1])
    kubernetes, *others = [component for component in newest.components if component.follows]
    assert kubernetes.name == "kubernetes"
    assert {"coredns", "cloud-provider-openstack", "csi-attacher", "metrics-server"} <= {c.name for c in others}
    assert {(c.source, c.follows) for c in others} == {(kubernetes.source, kubernetes.module)}


def test_kubernetes_staging_modules_are_of_its_own_version() -> None:
    for version in known():
        kubernetes = find(version).components[0]
        replaced = Graph.of((source_root() / kubernetes.source / "go.mod").read_text()).replaced
        staging = {replaced[name] for name in replaced if re.fullmatch(r"k8s\.io/(api|client-go|kubelet)", name)}
        assert staging == {version.replace("1.", "v0.", 1)}


def test_all_releases_share_every_component_but_kubernetes() -> None:
    """So that a second bundle costs little more than Kubernetes itself."""
    first, *others = [
        [component for component in find(version).components if component.name != "kubernetes"] for version in known()
    ]
    assert len(first) > 10
    assert all(other == first for other in others)


def test_kubernetes_is_compiled_first_and_of_the_releases_own_version() -> None:
    assert set(known()) >= {"1.36.3", "1.37.2"}
    for version in known():
        first = find(version).components[0]
        major, minor, _ = version.split(".")
        assert (first.name, first.version) == ("kubernetes", f"v{version}")
        said = dict(flag.removeprefix("-X k8s.io/component-base/version.").split("=") for flag in first.ldflags)
        assert (said["gitVersion"], said["gitMajor"], said["gitMinor"]) == (f"v{version}", major, minor)


def test_every_component_has_a_weight_to_tell_progress_by() -> None:
    for version in known():
        assert [c.name for c in find(version).components if c.cpu_seconds <= 0] == []


def test_coredns_has_the_plugins_that_our_corefile_names() -> None:
    program = (source_root() / "go/kubernetes-1.37/cmd/coredns/main.go").read_text()
    plugins = set(re.findall(r'coredns/plugin/(\w+)"', program))
    used = {"errors", "health", "ready", "kubernetes", "forward", "cache", "loop", "reload", "loadbalance", "rewrite"}
    assert used | {"metrics"} <= plugins  # whose name in a Corefile is prometheus; `import` is the parser's own
    assert plugins & {"azure", "clouddns", "dnssec", "etcd", "nomad", "route53", "trace"} == set()


def test_the_version_may_be_written_with_a_v() -> None:
    assert find("v1.37.2") == find("1.37.2")


def test_an_unknown_version_names_the_known_ones() -> None:
    with pytest.raises(ReleaseError, match=r"1\.0\.0 has no release file.*1\.37\.2"):
        find("1.0.0")


def test_the_announced_components_are_what_navarch_reads() -> None:
    announced = dict(item.split("=") for item in find("1.37.2").announced().split(","))
    assert announced["etcd"] == "3.6.16-0"
    assert announced["calico"] == "v3.31.0"
    assert set(announced) == {
        "etcd", "coredns", "pause", "calico", "cloud-controller", "cinder-csi", "csi-attacher", "csi-provisioner",
        "csi-resizer", "csi-registrar", "metrics-server", "sample-web",
    }  # fmt: skip


def test_images_carry_the_projects_own_registry_and_their_components_version() -> None:
    release = find("1.37.2")
    references = {image.name: release.reference(image) for image in release.images}
    assert references["kube-proxy"] == "registry.navarch.internal/kube-proxy:v1.37.2"
    assert references["etcd"] == "registry.navarch.internal/etcd:3.6.16-0"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["image"]["etcd"].update(component="nothing"), "image etcd: no component nothing"),
        (lambda d: d["image"]["etcd"].update(files=["ghost:/ghost"]), "image etcd: no binary ghost"),
        (lambda d: d["node"]["binaries"].update({"/usr/bin": ["ghost"]}), "node /usr/bin: no binary ghost"),
        (lambda d: d["image"]["kube-proxy"].update(files=["kube-proxy:/bin/kube-proxy"]), "not below /usr"),
        (lambda d: d["component"]["runc"]["binaries"].update(etcd="x/etcd"), "binary etcd is built twice"),
        (lambda d: d["image"]["calico-cni"].update(links=["a b"]), "a link reads"),
        (lambda d: d.pop("registry"), "registry"),
        (lambda d: d["component"]["runc"].update(colour="red"), "colour"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(
    document: dict[str, Any], change: Callable[[dict[str, Any]], object], said: str
) -> None:
    wrong = copy.deepcopy(document)
    change(wrong)
    with pytest.raises(ReleaseError, match=said):
        parse(wrong)


def test_no_release_names_a_machines_paths() -> None:
    for file in resources.files("navarch_images").joinpath("releases").iterdir():
        assert "/tmp" not in file.read_text()
