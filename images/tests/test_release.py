import copy
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from navarch_images.errors import ReleaseError
from navarch_images.programs import source_root
from navarch_images.release import find, known, parse


@pytest.fixture
def document() -> dict:
    return tomllib.loads(resources.files("navarch_images").joinpath("releases", "1.37.2.toml").read_text())


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


def test_the_version_may_be_written_with_a_v() -> None:
    assert find("v1.37.2") == find("1.37.2")


def test_an_unknown_version_names_the_known_ones() -> None:
    with pytest.raises(ReleaseError, match=r"1\.0\.0 has no release file.*1\.37\.2"):
        find("1.0.0")


def test_the_announced_components_are_what_navarch_reads() -> None:
    announced = dict(item.split("=") for item in find("1.37.2").announced().split(","))
    assert announced["etcd"] == "3.6.8-0"
    assert announced["calico"] == "v3.28.5"
    assert set(announced) == {
        "etcd", "coredns", "pause", "calico", "cloud-controller", "cinder-csi", "csi-attacher", "csi-provisioner",
        "csi-resizer", "csi-registrar", "metrics-server", "sample-web",
    }  # fmt: skip


def test_images_carry_the_projects_own_registry_and_their_components_version() -> None:
    release = find("1.37.2")
    references = {image.name: release.reference(image) for image in release.images}
    assert references["kube-proxy"] == "registry.navarch.internal/kube-proxy:v1.37.2"
    assert references["etcd"] == "registry.navarch.internal/etcd:3.6.8-0"


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
def test_a_reference_that_leads_nowhere_is_named(document: dict, change, said: str) -> None:
    wrong = copy.deepcopy(document)
    change(wrong)
    with pytest.raises(ReleaseError, match=said):
        parse(wrong)


def test_no_release_names_a_machines_paths() -> None:
    text = Path(str(resources.files("navarch_images").joinpath("releases", "1.37.2.toml"))).read_text()
    assert "/tmp" not in text
