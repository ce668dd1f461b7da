"""Deterministic names and marks. An object that may or may not have been made is found again by them."""

import re
from hashlib import sha256

from navarch.domain.spec import Cluster, Owner

TAG_PREFIX = "navarch:cluster="
METADATA_KEY = "navarch_cluster"
COMPONENT_LABEL = "component.navarch.io/"
"""What begins the labels of a node that say which container images its machine holds."""
CONTROL_PLANE_GROUP = "cp"  # its machines' group; no node group may have that name
_STEM_NAME_LENGTH = 24
# A node's certificate names it as `system:node:NAME`, in a field that ends at 64 characters (X.520's ub-common-name).
MACHINE_NAME_LENGTH = 52
_DIGEST_LENGTH = 4  # hex digits that tell groups of a cluster apart whose names begin alike


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
    """Worker number `serial` (from 1, never used twice) of a node group. A group's name that is too long is cut, and
    told apart by a digest of the whole."""
    name = f"{owner.stem}-{group}-{serial}"
    if len(name) <= MACHINE_NAME_LENGTH:
        return name
    digest = sha256(group.encode()).hexdigest()[:_DIGEST_LENGTH]
    room = MACHINE_NAME_LENGTH - len(f"{owner.stem}--{digest}-{serial}")
    return f"{owner.stem}-{group[:room].rstrip('-')}-{digest}-{serial}"


def zone_label(zone: str) -> str:
    """A zone as the cloud controller and the CSI driver write it on nodes (their SanitizeLabel)."""
    return re.sub(r"[^-a-zA-Z0-9_.]+", "-", zone).strip("-_.")[:63]
