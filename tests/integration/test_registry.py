"""The region's registry: our distribution, images pushed by `navarch-images`, pulled by containerd with the very files
that machines are given. No node, no lab; root, for containerd."""

import hashlib
import io
import json
import os
import socket
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from images.tests.https_service import Authority
from tests.integration.registries import NAME, running, until_it_listens

from navarch.bootstrap.registry import Registry as Told
from navarch.bootstrap.registry import registry_files
from navarch.charts.entry import NoEntry, pack
from navarch.operate.chart_registry import Address, Credentials
from navarch.operate.chart_registry import pull as pull_chart
from navarch_images.cache import Cache
from navarch_images.entries import Archive
from navarch_images.errors import PushError
from navarch_images.push import Registry

pytestmark = [pytest.mark.kube, pytest.mark.tools]

PASSWORD = "who-pushes"


@dataclass(frozen=True, slots=True)
class Region:
    """A running registry."""

    url: str
    ca: Path
    folder: Path


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    folder = tmp_path_factory.mktemp("registry")
    authority = Authority("region")
    certificate, key = authority.server_files(folder)
    (folder / "ca.crt").write_text(authority.pem)
    (folder / "password").write_text(PASSWORD + "\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "auth": {"readers": {"password_file": str(folder / "password")}},
        "http": {"addr": f"127.0.0.1:{port}", "tls": {"certificate": str(certificate), "key": str(key)}},
    }
    (folder / "registry.yaml").write_text(json.dumps(settings))
    argv = [str(Cache.default().root / "tools" / "navarch-registry"), "serve", str(folder / "registry.yaml")]
    with running(argv, folder / "registry.log") as process:
        until_it_listens(process, socket.AF_INET, ("127.0.0.1", port), folder / "registry.log")
        yield Region(f"https://127.0.0.1:{port}", folder / "ca.crt", folder)


def pull(containerd: list[str], folder: Path, told: Told, reference: str) -> "subprocess.CompletedProcess[str]":
    """As a machine does: the files that it is given, but below a folder."""
    folder.mkdir()
    for path, _, content in registry_files(told):
        file = folder / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content.replace('"/etc/navarch', f'"{folder}/etc/navarch'))
    argv = [*containerd, "images", "pull", "--hosts-dir", str(folder / "etc/containerd/certs.d"), reference]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def told_of(region: Region, ca: str | None = None) -> Told:
    return Told(region.url, region.ca.read_text() if ca is None else ca, ("registry.navarch.internal",))


def test_a_machine_pulls_by_digest_what_was_pushed(
    region: Region, archive: Archive, containerd: list[str], tmp_path: Path
) -> None:
    with Registry(region.url, ca=region.ca, password=PASSWORD) as registry:
        assert registry.push(archive)
        assert not registry.push(archive)  # it is there already
    done = pull(containerd, tmp_path / "machine", told_of(region), f"{NAME}@{archive.digest}")
    assert done.returncode == 0, done.stderr
    listed = subprocess.run([*containerd, "images", "list"], capture_output=True, text=True, check=True).stdout
    assert f"{NAME}@{archive.digest}" in listed


def test_what_is_not_there_is_not_asked_for_elsewhere(region: Region, containerd: list[str], tmp_path: Path) -> None:
    absent = f"sha256:{hashlib.sha256(b'nothing').hexdigest()}"
    done = pull(containerd, tmp_path / "machine", told_of(region), f"{NAME}@{absent}")
    assert done.returncode
    assert "not found" in done.stderr + done.stdout
    assert "no such host" not in done.stderr + done.stdout


def test_a_registry_of_another_authority_is_not_believed(
    region: Region, archive: Archive, containerd: list[str], tmp_path: Path
) -> None:
    other = tmp_path / "other.crt"
    other.write_text(Authority("somebody else").pem)
    with Registry(region.url, ca=region.ca, password=PASSWORD) as registry:
        registry.push(archive)
    done = pull(containerd, tmp_path / "machine", told_of(region, other.read_text()), f"{NAME}@{archive.digest}")
    assert done.returncode
    assert "certificate" in done.stderr + done.stdout
    with Registry(region.url, ca=other, password=PASSWORD) as registry, pytest.raises(PushError, match="certificate"):
        registry.push(archive)


@pytest.mark.parametrize("password", ["", "a guess"])
def test_nobody_pushes_without_the_password(region: Region, archive: Archive, password: str) -> None:
    with Registry(region.url, ca=region.ca, password=password) as registry, pytest.raises(PushError, match="401"):
        registry.push(archive)
    with Registry(region.url, ca=region.ca, password=PASSWORD) as registry:
        assert registry.push(archive)  # nothing of it had come


def test_a_push_that_broke_off_goes_on(region: Region, archive: Archive, tmp_path: Path) -> None:
    wrong = Archive(archive.reference, f"sha256:{hashlib.sha256(os.urandom(8)).hexdigest()}", archive.path)
    with Registry(region.url, ca=region.ca, password=PASSWORD) as registry:
        with pytest.raises(PushError, match="the archive lacks"):
            registry.push(wrong)
        assert registry.push(archive)


def test_a_chart_is_pulled_by_its_version_and_by_its_digest(region: Region, tmp_path: Path) -> None:
    chart = pack(Path(__file__).parents[2] / "addons" / "headroom")
    reference = "registry.navarch.internal/charts/headroom:1.0.0"
    host = region.url.removeprefix("https://")
    with Registry(region.url, ca=region.ca, password=PASSWORD) as registry:
        archive = helms_archive(tmp_path / "chart.tar", reference, chart)
        registry.push(archive)
    for address in (f"oci://{host}/charts/headroom:1.0.0", f"oci://{host}/charts/headroom@{archive.digest}"):
        assert pull_chart(Address.read(address), Credentials(region.ca)) == chart
    with pytest.raises(NoEntry, match=r"answers 404 .*: there is none"):
        pull_chart(Address.read(f"oci://{host}/charts/headroom:9.9.9"), Credentials(region.ca))
    with pytest.raises(NoEntry, match="certificate"):
        pull_chart(Address.read(f"oci://{host}/charts/headroom:1.0.0"), Credentials())


def helms_archive(path: Path, reference: str, chart: bytes) -> Archive:
    """A packed chart as `helm push` has it: https://helm.sh/docs/topics/registries/."""
    kinds = {"config": "application/vnd.cncf.helm.config.v1+json"}
    kinds["layer"] = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    about = {"config": b"{}", "layer": chart}
    named = {
        part: {"mediaType": kinds[part], "digest": digest_of(content), "size": len(content)}
        for part, content in about.items()
    }
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": named["config"],
            "layers": [named["layer"]],
        }
    ).encode()
    with tarfile.open(path, "w") as archive:
        for content in (*about.values(), manifest):
            member = tarfile.TarInfo(f"blobs/sha256/{digest_of(content).removeprefix('sha256:')}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return Archive(reference, digest_of(manifest), path)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
