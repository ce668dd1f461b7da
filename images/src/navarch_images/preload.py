"""Container images put into a tree's containerd before there is a machine.

containerd runs here on the tree's own /var/lib/containerd and unpacks the images with its overlay snapshotter, so
that a machine finds them at its first start and pulls or unpacks nothing. The compressed-or-not blobs are not kept
once unpacked: they would double what every machine's disk carries.
Importing on the machine instead costs its first start ten seconds, and a kubelet that pulls meanwhile does not see
images imported beside it.
"""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from navarch_images.commands import run
from navarch_images.errors import BuildError

_START = 20.0  # seconds containerd may take until it answers
_STOP = 20.0


def preload(binaries: Path, store: Path, scratch: Path, archives: Sequence[Path]) -> None:
    """Import the archives into `store` (a tree's /var/lib/containerd), namespace k8s.io. Needs root.

    `binaries` is where this release's containerd and ctr are. Raises BuildError.
    """
    socket = scratch / "containerd.sock"
    config = scratch / "containerd.toml"
    config.write_text(_configuration(store, scratch / "state", socket))
    store.mkdir(parents=True, exist_ok=True)
    log = scratch / "containerd.log"
    with log.open("wb") as output:
        daemon = subprocess.Popen(
            # Should this process be killed, containerd goes too.
            ["setpriv", "--pdeathsig", "SIGTERM", binaries / "containerd", "--config", config],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        ctr: list[Path | str] = [binaries / "ctr", "--address", socket, "--namespace", "k8s.io"]
        try:
            _wait(daemon, ctr, log)
            for archive in archives:
                run(
                    f"import {archive.name}",
                    [*ctr, "images", "import", "--local", "--discard-unpacked-layers", archive],
                )
            for reference in run("list images", [*ctr, "images", "list", "-q"]).split():
                # The first label makes the image known to the kubelet; the second keeps its garbage collection off:
                # what is preloaded can be had from nowhere else.
                labels = ["io.cri-containerd.image=managed", "io.cri-containerd.pinned=pinned"]
                run("label image", [*ctr, "images", "label", reference, *labels])
        finally:
            daemon.terminate()
            try:
                daemon.wait(_STOP)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def _configuration(store: Path, state: Path, socket: Path) -> str:
    unneeded = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
    return "\n".join(
        [
            "version = 3",
            f"root = '{store}'",
            f"state = '{state}'",
            f"disabled_plugins = {unneeded!r}",
            "[grpc]",
            f"address = '{socket}'",
            "[ttrpc]",
            f"address = '{socket}.ttrpc'",
            "",
        ]
    )


def _wait(daemon: "subprocess.Popen[bytes]", ctr: Sequence[Path | str], log: Path) -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if daemon.poll() is not None:
            break
        if subprocess.run([*ctr, "version"], capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    raise BuildError(f"containerd on the tree does not answer:\n{log.read_text(errors='replace')[-2000:]}")
