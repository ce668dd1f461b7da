"""The configuration file that the cloud controller and the Cinder CSI driver share: how they reach the cloud as the
cluster's own Keystone user, and how they make balancers and volumes.

Option names are those of cloud-provider-openstack v1.35.0: pkg/client/client.go (Global), pkg/openstack/openstack.go
(LoadBalancer, Networking), pkg/csi/cinder/openstack/openstack.go (BlockStorage), pkg/util/metadata (Metadata). Each of
the two ignores the sections of the other.
"""

from collections.abc import Mapping
from datetime import datetime

from navarch.clouds.contract import Endpoint
from navarch.clouds.openstack.session import OpenStackSettings
from navarch.domain.observed import Observed, Wanted
from navarch.domain.offer import Offer
from navarch.domain.openstack.resources import Identity
from navarch.domain.openstack.view import View
from navarch.domain.spec import Cluster

NODE_FILE = "node.conf"
"""For the part of the CSI driver that runs on every node: it holds no credentials."""

# Not every cloud gives a config drive, and not every network a metadata service.
_METADATA = {"search-order": "configDrive,metadataService"}
CA_FILE = "/etc/config/ca.crt"
"""Where the pods find the cloud's CA, if it has one of its own: the file `ca.crt`, next to `cloud.conf`."""


def files(
    settings: OpenStackSettings,
    endpoint: Endpoint,
    cluster: Cluster,
    seen: Observed,
    password: str,
    offer: Offer,
    now: datetime,
) -> Mapping[str, str] | None:
    """See `clouds.contract.Cloud.controller_files`."""
    view = View.of(cluster, seen, Wanted(), now)
    user = next((i for i in view.cloud.of(Identity) if i.trust_id), None)
    if user is None or user.trust_id is None or view.subnet is None:
        return None
    configuration = cloud_conf(
        auth_url=endpoint.auth_url,
        region=endpoint.region,
        user_id=user.id,
        password=password,
        trust_id=user.trust_id,
        subnet_id=view.subnet.id,
        floating_network_id=cluster.spec.network.external_network_id,
        has_ca=bool(endpoint.ca_certificate),
        load_balancer_provider=settings.load_balancer_provider,
        volumes_have_zones=not offer.storage_zone,
    )
    authority = {"ca.crt": endpoint.ca_certificate} if endpoint.ca_certificate else {}
    return {"cloud.conf": configuration, NODE_FILE: node_conf(settings.volumes_per_machine), **authority}


def node_conf(volumes_per_machine: int) -> str:
    """What the CSI driver is told where it mounts volumes, which opens nothing. `volumes_per_machine`: how many the
    scheduler may count on; 0: it knows no limit."""
    limit = {"node-volume-attach-limit": str(volumes_per_machine)} if volumes_per_machine else {}
    return _text({"BlockStorage": limit, "Metadata": _METADATA})


def cloud_conf(
    *,
    auth_url: str,
    region: str,
    user_id: str,
    password: str,
    trust_id: str,
    subnet_id: str,
    floating_network_id: str,
    has_ca: bool,
    load_balancer_provider: str,
    volumes_have_zones: bool,
) -> str:
    """The file's text; holds the password.

    `trust_id` says in which project and with which roles the user acts: a project beside it would be left out of the
    token request (gophercloud's scope prefers the trust), so none is written. `subnet_id` is where balancers get
    their internal address, `floating_network_id` where they get their floating address. `has_ca`: the cloud's
    certificates are signed by a CA of its own, which the pods have as CA_FILE. `volumes_have_zones`: a volume is for
    machines of its own zone.
    """
    sections: dict[str, dict[str, str]] = {
        "Global": {
            "auth-url": auth_url,
            "region": region,
            "user-id": user_id,
            "password": password,
            "trust-id": trust_id,
            **({"ca-file": CA_FILE} if has_ca else {}),
        },
        "Networking": {"ipv6-support-disabled": "true"},
        "LoadBalancer": {
            "lb-provider": load_balancer_provider,
            # The only method OVN's balancers know; the others' common one.
            "lb-method": "SOURCE_IP_PORT" if load_balancer_provider == "ovn" else "ROUND_ROBIN",
            "subnet-id": subnet_id,
            "member-subnet-id": subnet_id,
            "floating-network-id": floating_network_id,
            "create-monitor": "true",
            "monitor-delay": "3s",
            "monitor-timeout": "2s",
            "monitor-max-retries": "1",
            "monitor-max-retries-down": "2",
            # Opens the node ports, and keeps loadBalancerSourceRanges, which OVN's provider refuses itself.
            "manage-security-groups": "true",
        },
        "BlockStorage": {
            # A volume is made in the zone of the node that is to use it, and pods follow it there; where all volumes
            # are in one zone that no node is in, pods go anywhere.
            "ignore-volume-az": "false" if volumes_have_zones else "true",
        },
        "Metadata": _METADATA,
    }
    return _text(sections)


def _text(sections: Mapping[str, Mapping[str, str]]) -> str:
    lines: list[str] = []
    for section, options in sections.items():
        lines += [f"[{section}]", *(f"{name} = {_quoted(value)}" for name, value in options.items()), ""]
    return "\n".join(lines)


def _quoted(value: str) -> str:
    """A value as gcfg reads it back: unquoted, a `;` or `#` would begin a comment."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
