"""Labels that every node has though nobody asked for them, by who sets each: what autoscaling expects of a machine that
is not there yet, and what the simulator's nodes get."""

from navarch.domain.names import zone_label

HOSTNAME = "kubernetes.io/hostname"
NODE_GROUP = "navarch.io/node-group"
INSTANCE_TYPE = "node.kubernetes.io/instance-type"
ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
CSI_ZONE = "topology.cinder.csi.openstack.org/zone"


def of_kubelet(name: str) -> dict[str, str]:
    """What a kubelet says of itself when it registers."""
    return {HOSTNAME: name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}


def of_cloud_controller(flavor: str, zone: str, region: str) -> dict[str, str]:
    """What the cloud controller adds when it sees a new node. `zone` as the cloud spells it; `region` empty: it is not
    known."""
    where = {ZONE: zone_label(zone), REGION: region} if region else {ZONE: zone_label(zone)}
    return {INSTANCE_TYPE: flavor, **where}


def of_csi(zone: str) -> dict[str, str]:
    """What the kubelet adds once Cinder's CSI plugin has registered with it."""
    return {CSI_ZONE: zone_label(zone)}
