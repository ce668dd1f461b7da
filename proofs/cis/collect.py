"""Reading machines and clusters.

A machine of the lab is reached through its kubelet's process: root on the host finds its files below /proc/PID/root,
and the kubelet's arguments in /proc/PID/cmdline.
"""

import grp
import json
import pwd
import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from proofs.cis.seen import KUBELET_CONFIG, KUBELET_DROP_INS, MANIFESTS, Cluster, File, Machine, flags

# Configuration, which is read; of all else only mode and owner are looked at.
READ = (MANIFESTS, KUBELET_CONFIG, KUBELET_DROP_INS, "/etc/kubernetes/navarch")
LOOKED_AT = (
    "/etc/cni/net.d",
    "/etc/kubernetes",
    "/etc/systemd/system/kubelet.service",
    "/var/lib/kubelet/config.yaml",
    "/var/lib/kubelet/kubeadm-flags.env",
    "/var/lib/kubelet/pki",
)
ITSELF = "/var/lib/etcd/member"  # not what is in it
NEVER_READ = (".key", ".crt", ".pem")
KINDS = {
    "clusterroles": "clusterroles",
    "clusterrolebindings": "clusterrolebindings",
    "rolebindings": "rolebindings --all-namespaces",
    "namespaces": "namespaces",
    "pods": "pods --all-namespaces",
    "networkpolicies": "networkpolicies --all-namespaces",
    "configmaps": "configmaps --namespace kube-system",
    "validatingadmissionpolicies": "validatingadmissionpolicies",
    "validatingadmissionpolicybindings": "validatingadmissionpolicybindings",
}


def machines(nodes: set[str], proc: Path = Path("/proc")) -> Iterator[Machine]:
    """The machines of these nodes that run on this host, in the lab."""
    for folder in sorted(proc.glob("[0-9]*")):
        try:
            if (folder / "comm").read_text().strip() != "kubelet":
                continue
            arguments = flags((folder / "cmdline").read_text().split("\0")[1:])
        except OSError:  # ended meanwhile
            continue
        name = arguments.get("hostname-override", "")
        if name in nodes:
            yield machine(name, folder / "root", arguments)


def machine(name: str, root: Path, kubelet: dict[str, str]) -> Machine:
    """What there is below the root of a machine."""
    files = {path: file for start in LOOKED_AT for path, file in _files(root, _below(root, start))}
    files |= _files(root, (root / ITSELF.lstrip("/"),))
    return Machine(name, f"{MANIFESTS}/kube-apiserver.yaml" in files, files, kubelet)


def cluster(kubectl: str, kubeconfig: Path) -> Cluster:
    """The objects that are looked at. Raises CalledProcessError."""
    return Cluster({kind: _listed(kubectl, kubeconfig, words.split()) for kind, words in KINDS.items()})


def _listed(kubectl: str, kubeconfig: Path, words: list[str]) -> list[dict[str, Any]]:
    command = [kubectl, f"--kubeconfig={kubeconfig}", "get", *words, "-o", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    items: list[dict[str, Any]] = json.loads(answer)["items"]
    return items


def _below(root: Path, start: str) -> Iterator[Path]:
    first = root / start.lstrip("/")
    yield first
    if first.is_dir():
        yield from (path for path in sorted(first.rglob("*")) if not path.is_dir())


def _files(root: Path, paths: Iterable[Path]) -> Iterator[tuple[str, File]]:
    for path in paths:
        if path.is_symlink() or not path.exists():
            continue
        inside = "/" + str(path.relative_to(root))
        seen = path.stat()
        read = path.is_file() and inside.startswith(READ) and not inside.endswith(NEVER_READ)
        owner = f"{_name(pwd.getpwuid, seen.st_uid)}:{_name(grp.getgrgid, seen.st_gid)}"
        yield inside, File(stat.S_IMODE(seen.st_mode), owner, path.read_text() if read else "")


def _name(look_up: Any, number: int) -> str:
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)
