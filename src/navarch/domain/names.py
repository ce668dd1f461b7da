"""Deterministic names and tags. An object that may or may not have been made is found again by them."""

from hashlib import blake2s

from navarch.domain.spec import Cluster, Owner

TAG_PREFIX = "navarch:cluster="
METADATA_KEY = "navarch_cluster"
CONTROL_PLANE_GROUP = "cp"  # its machines' group; no node group may have that name
_STEM_NAME_LENGTH = 24  # keeps machine names, which become host names, within 63 characters


def stem(cluster: Cluster) -> str:
    """Beginning of every name of this cluster's objects: its name for people, part of its id so that it is unique."""
    return f"{cluster.name[:_STEM_NAME_LENGTH].rstrip('-')}-{cluster.id[:8]}"


def owner(cluster: Cluster) -> Owner:
    """The cluster as the owner of cloud objects."""
    return Owner(project_id=cluster.project_id, cluster_id=cluster.id, stem=stem(cluster))


def tag(cluster_id: str) -> str:
    """Tag carried by every object that can carry one."""
    return TAG_PREFIX + cluster_id


def control_plane_machine(owner: Owner, place: int) -> str:
    """Machine, and node, that fills a control-plane place."""
    return f"{owner.stem}-{CONTROL_PLANE_GROUP}-{place}"


def worker_machine(owner: Owner, group: str, serial: int) -> str:
    """Worker number `serial` (from 1, never used twice) of a node group."""
    return f"{owner.stem}-{group}-{serial}"


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


def api_load_balancer(owner: Owner) -> str:
    """Balancer of the Kubernetes API; its floating address carries the same name as description."""
    return f"{owner.stem}-api"
