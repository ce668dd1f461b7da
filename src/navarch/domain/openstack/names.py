"""Names of a cluster's objects in OpenStack, beside those of its machines, which servers and ports carry."""

from datetime import datetime
from hashlib import blake2s
from re import escape, fullmatch

from navarch.domain.spec import Owner


def network(owner: Owner) -> str:
    """The network, its subnet and its router share this name."""
    return f"{owner.stem}-net"


def control_plane_security_group(owner: Owner) -> str:
    """Security group of the control plane's ports."""
    return f"{owner.stem}-sg-cp"


def worker_security_group(owner: Owner) -> str:
    """Security group of the workers' ports."""
    return f"{owner.stem}-sg-worker"


def mac_address(owner: Owner, machine: str) -> str:
    """MAC address of a machine's port, locally administered. Neutron takes each once in a network: so a port that is
    there is not made again, whatever a list shows, and without a second port there is no second server."""
    rest = blake2s(f"{owner.cluster_id}/{machine}".encode(), digest_size=5).digest()
    return (b"\x02" + rest).hex(":")


def server_group(owner: Owner, group: str) -> str:
    """Soft anti-affinity group of the control plane (`cp`) or of a node group."""
    return f"{owner.stem}-{group}-spread"


def etcd_volume(owner: Owner, place: int) -> str:
    """The etcd member's own disk; outlives the machine that fills the place."""
    return f"{owner.stem}-etcd-{place}"


def root_volume(machine: str) -> str:
    """The volume that a machine boots from, if it is not on its flavor's disk: called so when its server goes."""
    return f"{machine}-root"


def is_root_volume(owner: Owner, name: str) -> bool:
    """Whether a volume of that name is one."""
    return name.startswith(f"{owner.stem}-") and name.endswith("-root")


def etcd_snapshot(owner: Owner, place: int, taken_for: datetime) -> str:
    """A snapshot of that disk, taken before its machine, which was to go since then, was removed."""
    return f"{etcd_volume(owner, place)}-before-{taken_for:%Y%m%dT%H%M%SZ}"


def snapshot_place(owner: Owner, snapshot: str) -> int | None:
    """Of which place's disk a snapshot of that name is; None: of none."""
    found = fullmatch(rf"{escape(owner.stem)}-etcd-(\d+)-before-\w+", snapshot)
    return int(found[1]) if found is not None else None


def api_load_balancer(owner: Owner) -> str:
    """Balancer of the Kubernetes API; its floating address carries the same name as description."""
    return f"{owner.stem}-api"
