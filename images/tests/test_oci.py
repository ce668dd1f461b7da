import hashlib
import json
import os
import tarfile
from pathlib import Path

from navarch_images.oci import Entry, Layer, write_archive, write_layer


def _program(folder: Path, name: str, content: bytes = b"\x7fELF program") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _archive(folder: Path, out: str) -> Path:
    layer = write_layer(folder / f"{out}.layer", [Entry("/usr/bin/p", source=folder / "p")])
    write_archive(folder / out, "registry.example/p:v1", [layer], ["/usr/bin/p"], {"a": "b"}, {})
    return folder / out


def test_the_same_files_give_the_same_bytes_whenever_they_were_made(tmp_path: Path) -> None:
    program = _program(tmp_path, "p")
    first = _archive(tmp_path, "one.tar").read_bytes()
    os.utime(program, (1, 1))
    assert _archive(tmp_path, "two.tar").read_bytes() == first


def test_a_layer_has_the_folders_its_files_need_links_and_nothing_of_this_machine(tmp_path: Path) -> None:
    program = _program(tmp_path, "p")
    entries = [
        Entry("/opt/cni/bin/calico", source=program),
        Entry("/opt/cni/bin/calico-ipam", link="/opt/cni/bin/calico"),
        Entry("/status"),
    ]
    layer = write_layer(tmp_path / "layer.tar", entries)
    with tarfile.open(layer.path) as tar:
        members = {member.name: member for member in tar}
    assert list(members) == ["opt", "opt/cni", "opt/cni/bin", "status", "opt/cni/bin/calico", "opt/cni/bin/calico-ipam"]
    assert members["opt/cni/bin/calico"].mode == 0o755
    assert members["opt/cni/bin/calico-ipam"].islnk()
    assert members["opt/cni/bin/calico-ipam"].linkname == "opt/cni/bin/calico"
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in members.values()} == {(0, 0, 0, "")}


def test_an_archive_is_an_oci_layout_whose_digests_hold(tmp_path: Path) -> None:
    _program(tmp_path, "p")
    archive = _archive(tmp_path, "image.tar")
    with tarfile.open(archive) as tar:
        blobs = {member.name: tar.extractfile(member).read() for member in tar if member.isreg()}  # type: ignore[union-attr]
    for name, content in blobs.items():
        if name.startswith("blobs/sha256/"):
            assert hashlib.sha256(content).hexdigest() == name.removeprefix("blobs/sha256/")
    entry = json.loads(blobs["index.json"])["manifests"][0]
    assert entry["annotations"]["io.containerd.image.name"] == "registry.example/p:v1"
    manifest = json.loads(blobs[f"blobs/sha256/{entry['digest'].removeprefix('sha256:')}"])
    config = json.loads(blobs[f"blobs/sha256/{manifest['config']['digest'].removeprefix('sha256:')}"])
    assert config["config"]["Entrypoint"] == ["/usr/bin/p"]
    assert "User" not in config["config"], "root's, as before there were others"
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]


def test_a_layer_that_comes_twice_is_stored_once(tmp_path: Path) -> None:
    layer = write_layer(tmp_path / "layer.tar", [Entry("/p", source=_program(tmp_path, "p"))])
    write_archive(tmp_path / "image.tar", "r/p:1", [layer, Layer.of(layer.path)], ["/p"], {}, {})
    with tarfile.open(tmp_path / "image.tar") as tar:
        names = tar.getnames()
    assert len(names) == len(set(names))
