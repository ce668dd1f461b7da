"""What registries are tried with: a process that listens, an image nobody else has, and a containerd that pulls."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.kube_apiserver import program

from navarch_images import oci
from navarch_images.entries import Archive

NAME = "registry.navarch.internal/hello"


@contextmanager
def running(argv: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def until_it_listens(
    process: "subprocess.Popen[bytes]", family: int, address: str | tuple[str, int], log: Path
) -> None:
    while process.poll() is None:
        with socket.socket(family) as probe:
            if probe.connect_ex(address) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An image of one file, which no other test has."""
    content = tmp_path / "hello"
    content.write_text(str(tmp_path))
    layer = oci.write_layer(tmp_path / "layer", [oci.Entry("/hello", source=content)])
    reference = f"{NAME}:1"
    digest = oci.write_archive(tmp_path / "hello.tar", reference, [layer], ["/hello"], {}, {})
    return Archive(reference, digest, tmp_path / "hello.tar")


@pytest.fixture(scope="module")
def containerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The command that asks a containerd of its own, which has no network plugin and no kubelet."""
    folder = tmp_path_factory.mktemp("containerd")
    address = folder / "c.sock"
    unneeded = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
    lines = [
        "version = 3",
        f"root = '{folder / 'root'}'",
        f"state = '{folder / 'state'}'",
        f"disabled_plugins = {unneeded!r}",
        f"[grpc]\naddress = '{address}'",
        f"[ttrpc]\naddress = '{address}.ttrpc'",
    ]
    (folder / "config.toml").write_text("\n".join(lines) + "\n")
    argv = [str(program("containerd")), "--config", str(folder / "config.toml")]
    with running(argv, folder / "log") as process:
        until_it_listens(process, socket.AF_UNIX, str(address), folder / "log")
        yield [str(program("ctr")), "--address", str(address), "--namespace", "k8s.io"]
