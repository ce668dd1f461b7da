import io
import tarfile
from pathlib import Path

from navarch_images.debian import certificate_bundle, write_container_layer


def _tree(path: Path) -> Path:
    files = {
        "./usr/sbin/xtables-nft-multi": b"program",
        "./usr/share/ca-certificates/mozilla/A.crt": b"-----A-----\n",
        "./usr/share/ca-certificates/mozilla/B.crt": b"-----B-----\n",
        "./etc/apt/sources.list": b"deb somewhere\n",
        "./var/lib/dpkg/status": b"Package: a\n",
    }
    with tarfile.open(path, "w") as tar:
        link = tarfile.TarInfo("./bin")
        link.type, link.linkname = tarfile.SYMTYPE, "usr/bin"
        tar.addfile(link)
        device = tarfile.TarInfo("./dev/null")
        device.type = tarfile.CHRTYPE
        tar.addfile(device)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 12345
            tar.addfile(info, io.BytesIO(content))
    return path


def test_a_layer_holds_the_files_programs_use_and_no_trace_of_how_they_came(tmp_path: Path) -> None:
    layer = tmp_path / "layer.tar"
    write_container_layer(_tree(tmp_path / "tree.tar"), layer)
    with tarfile.open(layer) as tar:
        members = {member.name: member for member in tar}
    assert members["bin"].linkname == "usr/bin"
    assert "usr/sbin/xtables-nft-multi" in members
    assert not {"dev/null", "etc/apt/sources.list", "var/lib/dpkg/status"} & set(members)
    assert {member.mtime for member in members.values()} == {0}


def test_a_layer_has_what_maintainer_scripts_would_have_made(tmp_path: Path) -> None:
    layer = tmp_path / "layer.tar"
    write_container_layer(_tree(tmp_path / "tree.tar"), layer)
    with tarfile.open(layer) as tar:
        assert tar.getmember("usr/sbin/iptables-save").linkname == "xtables-nft-multi"
        assert tar.getmember("usr/sbin/ip6tables").linkname == "xtables-nft-multi"
    assert certificate_bundle(layer) == b"-----A-----\n-----B-----\n"
