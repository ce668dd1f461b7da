"""The node's tree: Debian's files, ours over them, the release's programs in their places.

The same tree is the root of a system container in the lab and, with a kernel and a boot loader added, of a virtual
machine; nothing in it says which, `navarch-host` finds out at boot.
"""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from navarch_images.bundle import Bundle
from navarch_images.cache import value_digest
from navarch_images.commands import run
from navarch_images.debian import EPOCH
from navarch_images.release import Release

_ENABLED = (
    "systemd-networkd.service", "systemd-resolved.service", "navarch-host.service", "containerd.service",
    "kubelet.service", "navarch-node.path", "navarch-node.service",
    "navarch-metadata-guard.service", "ssh.service", "systemd-timesyncd.service",
)  # fmt: skip
# Each of these costs boot time or does something at its own hour that a node must not do.
_MASKED = (
    "systemd-networkd-wait-online.service", "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer",
    "e2scrub_reap.service", "fstrim.timer", "dpkg-db-backup.timer", "nftables.service",
    "cloud-config.service", "cloud-init-hotplugd.socket", "getty@tty1.service", "console-getty.service",
    "container-getty@.service", "systemd-firstboot.service", "systemd-pcrphase.service",
    "systemd-pcrphase-sysinit.service", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
    "modprobe@drm.service", "modprobe@efi_pstore.service", "modprobe@configfs.service",
)  # fmt: skip
# Readable by root alone, as the CIS benchmark asks of a worker (4.1.1).
_PRIVATE = ("etc/systemd/system/kubelet.service",)
_STORE = "var/lib/containerd"


def populate(tree: Path, debian_tar: Path, release: Release, bundle: Bundle) -> None:
    """Fill the empty folder `tree`, all but the container images. Needs root (owners, device nodes)."""
    run("unpack Debian", ["tar", "--numeric-owner", "--xattrs", "-xpf", debian_tar, "-C", tree])
    _forget_identity(tree)
    _lay_over(resources.files("navarch_images").joinpath("rootfs"), tree)
    program = resources.files("navarch_images").joinpath("node_program", "navarch_node.py").read_bytes()
    _write(tree / "usr/local/sbin/navarch-node", program, 0o755)
    _fill_in(tree / "etc/containerd/config.toml", release)
    for folder, names in release.node_binaries.items():
        (tree / folder.strip("/")).mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(bundle.folder / "bin" / name, tree / folder.strip("/") / name)
    # Calico's plugin goes by its name, and its installer leaves alone what is there: copying both would keep a new node
    # from being ready for seconds.
    (tree / "opt/cni/bin/calico-ipam").symlink_to("calico")
    for folder in ("etc/cni/net.d", "etc/kubernetes/manifests", "var/lib/kubelet", _STORE, "opt/cni/bin"):
        (tree / folder).mkdir(parents=True, exist_ok=True)
    _write(tree / "etc/navarch/release", _release_file(release, bundle), 0o644)
    _compile_python(tree)
    run("enable units", ["systemctl", f"--root={tree}", "--quiet", "enable", *_ENABLED])
    run("mask units", ["systemctl", f"--root={tree}", "--quiet", "mask", *_MASKED])


def set_times(tree: Path) -> None:
    """Give everything in the tree the one time of a build, so that equal content is equal."""
    for path in (tree, *_walk(tree)):
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


def digest(tree: Path, archives: Sequence[str]) -> str:
    """SHA-256 over the tree's names, kinds, modes, owners and contents, in hex.

    containerd's own database holds the time of each import, so its folder stands for the digests of the images in it.
    """
    lines = []
    for path in _walk(tree):
        name = str(path.relative_to(tree))
        if name.startswith(_STORE + "/"):
            continue
        seen = path.lstat()
        content = ""
        if stat.S_ISREG(seen.st_mode):
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        elif stat.S_ISLNK(seen.st_mode):
            content = str(path.readlink())
        lines.append([name, seen.st_mode, seen.st_uid, seen.st_gid, seen.st_rdev, content])
    return value_digest([sorted(lines), list(archives)])


def overlay_digest() -> str:
    """One digest for all of ours that is laid into a tree."""
    files = resources.files("navarch_images")
    return value_digest(
        [
            [name, hashlib.sha256(item.read_bytes()).hexdigest()]
            for root in ("rootfs", "node_program")
            for name, item in sorted(_files(files.joinpath(root), root))
            if "__pycache__" not in name
        ]
        + [_ENABLED, _MASKED, _PRIVATE]
    )


def _forget_identity(tree: Path) -> None:
    """What must differ from machine to machine is made by each at its first boot."""
    (tree / "etc/machine-id").write_text("")
    (tree / "etc/hostname").write_text("localhost\n")
    (tree / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    for path in (tree / "etc/ssh").glob("ssh_host_*"):
        path.unlink()
    (tree / "var/lib/dbus/machine-id").unlink(missing_ok=True)
    resolv = tree / "etc/resolv.conf"
    resolv.unlink(missing_ok=True)
    resolv.symlink_to("../run/systemd/resolve/resolv.conf")
    for folder in ("var/lib/apt/lists", "var/cache/apt/archives", "var/log/apt"):
        shutil.rmtree(tree / folder, ignore_errors=True)


def _compile_python(tree: Path) -> None:
    """Compile Debian's Python files so that the result does not depend on file times.

    All times in the tree are set to one; Python would take its cached files for outdated and compile cloud-init anew
    on each machine, which costs it more than a second before it can join.
    """
    command = ["python3", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    folders = [f"/{path.relative_to(tree)}" for path in sorted((tree / "usr/lib").glob("python3*"))]
    run("compile Python", ["chroot", tree, *command, *folders])


def _lay_over(source: Traversable, tree: Path) -> None:
    for name, item in _files(source, ""):
        mode = 0o755 if "/sbin/" in f"/{name}" or "/bin/" in f"/{name}" else 0o600 if name in _PRIVATE else 0o644
        _write(tree / name, item.read_bytes(), mode)


def _fill_in(path: Path, release: Release) -> None:
    pause = next(image for image in release.images if image.name == "pause")
    text = path.read_text().replace("@REGISTRY@", release.registry).replace("@PAUSE@", pause.tag)
    path.write_text(text)


def _release_file(release: Release, bundle: Bundle) -> bytes:
    lines = [
        f"KUBERNETES_VERSION={release.kubernetes}", f"BUNDLE={bundle.digest}", f"COMPONENTS={release.announced()}"
    ]  # fmt: skip
    return ("\n".join(lines) + "\n").encode()


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for item in folder.iterdir():
        name = f"{prefix}/{item.name}" if prefix else item.name
        if item.is_dir():
            yield from _files(item, name)
        else:
            yield name, item


def _walk(tree: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            yield Path(folder, name)
