"""How an object is known to be of a cluster, per service.

| objects | mark, set by the request that makes them | found by |
| --- | --- | --- |
| Neutron's | the description is exactly the mark (every Neutron can; tags at creation are recent) | description |
| floating IPs | the description is "<name> <mark>": they have no name | the project's, then here |
| load balancers | the description is exactly the mark | the project's, then here |
| servers | tag; metadata beside it for people | tag |
| volumes, snapshots | metadata; that which a server boots from, which Nova makes, when its server goes | metadata |
| server groups | their name is "<name> <mark>": they have nothing else | the project's, then here |
| Keystone users | their name is the cluster's id, in the clusters' domain | name |

What a cluster's own controllers make is marked by them: the cloud controller writes its cluster's name, which is the
cluster's id, into names and descriptions (cloud-provider-openstack v1.35, pkg/openstack/loadbalancer*.go); the CSI
driver into metadata (pkg/csi/cinder/controllerserver.go).
"""

from collections.abc import Mapping
from typing import Any

from navarch.domain import names
from navarch.domain.openstack.resources import CLOUD_CONTROLLER, NAVARCH, Kind
from navarch.domain.spec import Owner

CSI_KEY = "cinder.csi.openstack.org/cluster"
_CLAIM = "csi.storage.k8s.io/pvc"


def mark(owner: Owner) -> str:
    """The owner's mark."""
    return names.tag(owner.cluster_id)


def marked_name(owner: Owner, name: str) -> str:
    """Name and mark in one text: for server groups, which have nothing but a name."""
    return f"{name} {mark(owner)}"


def floating_description(owner: Owner, name: str) -> str:
    """Description of a floating IP, which has no name."""
    return marked_name(owner, name)


def floating_name(owner: Owner, description: str) -> tuple[str, str] | None:
    """Name and maker of a floating IP by its description; None: not of this owner."""
    name = _unmarked(owner, description)
    if name is not None:
        return name, NAVARCH
    service, found, cluster = description.removeprefix(_FLOATING).rpartition(" from cluster ")
    if description.startswith(_FLOATING) and found and cluster == owner.cluster_id:
        return service, CLOUD_CONTROLLER
    return None


def security_group_maker(owner: Owner, name: str, description: str) -> str | None:
    """Who made a security group for this owner; None: not of this owner."""
    if description == mark(owner):
        return NAVARCH
    if name.startswith("lb-sg-") and description.endswith(f" Service LoadBalancer in cluster {owner.cluster_id}"):
        return CLOUD_CONTROLLER
    return None


def balancer_maker(owner: Owner, name: str, description: str) -> str | None:
    """Who made a load balancer for this owner; None: not of this owner."""
    if description == mark(owner):
        return NAVARCH
    if balanced_service(owner, name) is not None:
        return CLOUD_CONTROLLER
    return None


def balanced_service(owner: Owner, name: str) -> str | None:
    """The Service (`namespace/name`) for which this owner's cloud controller made a load balancer of that name; None:
    it made none. Neither part of a Service's name can have an underscore."""
    prefix = f"kube_service_{owner.cluster_id}_"
    return name.removeprefix(prefix).replace("_", "/", 1) if name.startswith(prefix) else None


def claim(metadata: Mapping[str, str]) -> str:
    """The claim (`namespace/name`) that a volume was made for, which the CSI driver writes there where its provisioner
    runs with `--extra-create-metadata` (PvcNameKey in pkg/csi/csi.go); empty where it says none."""
    namespace, name = (metadata.get(f"{_CLAIM}/{part}") for part in ("namespace", "name"))
    return f"{namespace}/{name}" if namespace and name else ""


def server_group_name(owner: Owner, marked: str) -> str | None:
    """Name of a server group by what Nova calls it; None: not of this owner."""
    return _unmarked(owner, marked)


def _unmarked(owner: Owner, text: str) -> str | None:
    name, _, marked = text.rpartition(" ")
    return name if marked == mark(owner) else None


def of_cluster(body: Mapping[str, Any], owner: Owner) -> bool:
    """Whether a volume or snapshot says in its metadata that Navarch, or the cluster's CSI driver, made it."""
    said = body.get("metadata") or {}
    return owner.cluster_id in (said.get(names.METADATA_KEY), said.get(CSI_KEY))


def metadata(owner: Owner) -> dict[str, str]:
    """Mark of servers and volumes."""
    return {names.METADATA_KEY: owner.cluster_id}


def article(kind: Kind, name: str) -> str:
    """A thing as named in a sentence."""
    return f"the {kind} {name}"


_FLOATING = "Floating IP for Kubernetes external service "
