"""What a request must satisfy before anything is written down: from what was asked to a complete wish, or every reason
why not, at once.

Pure. Who leaves everything but the name to Navarch gets a cluster that fits the cloud; every default stands in the
wish afterwards. What is not offered yet is refused by name, never ignored.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network

from navarch.domain import ranges, syntax
from navarch.domain.errors import FieldError
from navarch.domain.needs import compare, needs_of, shortages
from navarch.domain.offer import Flavor, Offer, Quota, Release, version_order
from navarch.domain.request import ClusterRequest, ControlPlaneRequest, NetworkRequest, NodeGroupRequest, Pairs
from navarch.domain.spec import (
    Cluster,
    ClusterSpec,
    ControlPlaneSpec,
    NetworkSpec,
    NodeGroup,
    NodeGroupSpec,
    Taint,
    VolumeSpec,
)

NOT_YET = "is not offered yet"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one request may ask for. A flavor's least: vCPUs and MiB of memory."""

    workers: int = 100
    node_groups: int = 20
    labels: int = 32
    ssh_keys: int = 16
    cidrs: int = 50
    dns_servers: int = 5
    etcd_volume_gib: int = 1000
    control_plane_vcpus: int = 2
    control_plane_ram_mib: int = 2048
    worker_vcpus: int = 1
    worker_ram_mib: int = 1024


LIMITS = Limits()
_REPLICAS = (1, 3, 5)  # etcd members: an even number tolerates no more failures than the odd one below it
_DEFAULT_GROUP = NodeGroupRequest(name="default")
_DEFAULT_WORKERS = 2
_DEFAULT_ETCD_TYPE, _DEFAULT_ETCD_GIB = "ssd", 10


@dataclass(frozen=True, slots=True)
class Refusal:
    """Every reason why a request is not admitted."""

    errors: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a cluster comes from: what the request cannot say of itself."""

    id: str
    project_id: str
    at: datetime
    created_by: str = ""
    request_id: str = ""


def admit_cluster(
    request: ClusterRequest, origin: Origin, offer: Offer, quota: Quota | None = None
) -> Cluster | Refusal:
    """A new cluster with every default filled in. `quota` None: not known, so not judged."""
    cluster, errors = consider_cluster(request, origin, offer)
    errors += shortages(compare(needs_of(cluster, offer), quota))
    return Refusal(errors) if errors else cluster


def consider_cluster(request: ClusterRequest, origin: Origin, offer: Offer) -> tuple[Cluster, tuple[FieldError, ...]]:
    """The cluster as far as it can be understood, and what is wrong with it apart from quotas."""
    reading = Reading(offer)
    return reading.cluster(request, origin), tuple(reading.errors)


class Reading:
    """One pass over a request. Every method gives a usable value, and notes in `errors` what is wrong."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.errors: list[FieldError] = []
        self._release: Release | None = None

    def refuse(self, field: str, detail: str | None) -> None:
        """Note an error, unless there is none."""
        if detail is not None:
            self.errors.append(FieldError(field, detail))

    def use_release(self, version: str) -> None:
        """Judge flavors by what the node image of this version needs."""
        self._release = self.offer.release(version)

    def cluster(self, request: ClusterRequest, origin: Origin) -> Cluster:
        """A new cluster."""
        if not request.name:
            self.refuse("name", "is required")
        else:
            self.refuse("name", syntax.wrong_name(request.name, syntax.NAME_LENGTH))
        if request.running is False:
            self.refuse("spec.running", f"false {NOT_YET}: a new cluster runs")
        version = self._version(request.kubernetes_version)
        control_plane = self._control_plane(request.control_plane)
        groups = self._node_groups(request.node_groups)
        nodes = most_machines(control_plane.replicas, groups)
        cluster = Cluster(
            id=origin.id,
            name=request.name or "",
            project_id=origin.project_id,
            spec=ClusterSpec(
                kubernetes_version=version,
                release=self._release or Release(version, "", "", ""),  # refused already
                network=self._network(request.network, nodes),
                control_plane=control_plane,
                paused=bool(request.paused),
                ssh_keys=self._ssh_keys(request.ssh_keys or ()),
            ),
            created_at=origin.at,
            node_groups=groups,
            labels=self.labels("labels", request.labels),
            created_by=origin.created_by,
            request_id=origin.request_id,
        )
        if sum(g.spec.replicas for g in groups) > LIMITS.workers:
            self.refuse("spec.node_groups", f"must have at most {LIMITS.workers} workers in all")
        return cluster

    def labels(self, field: str, labels: Pairs, *, of_nodes: bool = False) -> Pairs:
        """Labels, sorted."""
        if len(labels) > LIMITS.labels:
            self.refuse(field, f"must be at most {LIMITS.labels}, got {len(labels)}")
        for key, value in labels:
            self.refuse(field, syntax.wrong_node_label_key(key) if of_nodes else syntax.wrong_label_key(key))
            self.refuse(field, syntax.wrong_label_value(value))
        return tuple(sorted(labels))

    def node_group(self, request: NodeGroupRequest, field: str, spec_field: str) -> NodeGroup:
        """A new node group. `spec_field` is where its spec's fields stand in the request."""
        name = request.name or ""
        self.refuse(f"{field}name", syntax.wrong_name(name, syntax.GROUP_NAME_LENGTH) if name else "is required")
        if name in syntax.RESERVED_GROUP_NAMES:
            self.refuse(f"{field}name", f"{name} is reserved for the control plane")
        zones = self._zones(f"{spec_field}zones", request.zones, self.offer.zones[:1])
        flavor = self._flavor(
            f"{spec_field}flavor", request.flavor, "a worker", LIMITS.worker_vcpus, LIMITS.worker_ram_mib
        )
        return NodeGroup(name=name, spec=self.node_group_spec(request, spec_field, flavor, zones))

    def node_group_spec(
        self, request: NodeGroupRequest, field: str, flavor: str, zones: tuple[str, ...]
    ) -> NodeGroupSpec:
        """A node group's spec, its flavor and zones being known."""
        if request.autoscaling:
            self.refuse(f"{field}autoscaling", f"{NOT_YET}: set replicas")
        if request.root_volume:
            self.refuse(f"{field}root_volume", f"{NOT_YET}: machines use their flavor's disk")
        replicas = _DEFAULT_WORKERS if request.replicas is None else request.replicas
        if not 0 <= replicas <= LIMITS.workers:
            self.refuse(f"{field}replicas", f"must be between 0 and {LIMITS.workers}, got {replicas}")
            replicas = _DEFAULT_WORKERS
        surge = 1 if request.max_surge is None else request.max_surge
        unavailable = 0 if request.max_unavailable is None else request.max_unavailable
        for name, number in (("max_surge", surge), ("max_unavailable", unavailable)):
            if not 0 <= number <= 10:
                self.refuse(f"{field}{name}", f"must be between 0 and 10, got {number}")
        if surge == unavailable == 0:
            self.refuse(f"{field}max_surge", "must not be 0 where max_unavailable is 0: no machine could be replaced")
        return NodeGroupSpec(
            flavor=flavor,
            replicas=replicas,
            zones=zones,
            labels=self.labels(f"{field}labels", request.labels or (), of_nodes=True),
            taints=self._taints(f"{field}taints", request),
            max_surge=min(max(surge, 0), 10),
            max_unavailable=min(max(unavailable, 0), 10),
        )

    def allowed_cidrs(self, cidrs: tuple[str, ...]) -> tuple[str, ...]:
        """Who may reach the API."""
        field = "spec.network.api_allowed_cidrs"
        if len(cidrs) > LIMITS.cidrs:
            self.refuse(field, f"must be at most {LIMITS.cidrs}, got {len(cidrs)}")
        for index, cidr in enumerate(cidrs[: LIMITS.cidrs]):
            parsed = ranges.parse_ipv4(cidr)
            self.refuse(f"{field}[{index}]", parsed if isinstance(parsed, str) else None)
        return tuple(dict.fromkeys(cidrs))

    def _version(self, wanted: str | None) -> str:
        offered = sorted({r.kubernetes_version for r in self.offer.releases}, key=version_order, reverse=True)
        field = "spec.kubernetes_version"
        if not offered:
            self.refuse(field, "no version is offered: the cloud's operator has to register a node image first")
            return wanted or ""
        version = offered[0] if wanted is None else wanted
        if version not in offered:
            self.refuse(field, f"{version[:40]!r} is not offered; offered: {', '.join(offered)}")
        self.use_release(version)
        return version

    def _control_plane(self, request: ControlPlaneRequest) -> ControlPlaneSpec:
        field = "spec.control_plane"
        replicas = 1 if request.replicas is None else request.replicas
        if replicas not in _REPLICAS:
            self.refuse(f"{field}.replicas", f"must be 1, 3 or 5, got {replicas}")
            replicas = 1
        default_zones = self.offer.zones[:1] if replicas == 1 else self.offer.zones
        zones = self._zones(f"{field}.zones", request.zones, default_zones)
        least = (LIMITS.control_plane_vcpus, LIMITS.control_plane_ram_mib)
        return ControlPlaneSpec(
            flavor=self._flavor(f"{field}.flavor", request.flavor, "a control plane", *least),
            etcd_volume=self._etcd_volume(request, zones),
            replicas=replicas,
            zones=zones,
        )

    def _etcd_volume(self, request: ControlPlaneRequest, zones: tuple[str, ...]) -> VolumeSpec:
        field, wanted = "spec.control_plane.etcd_volume", request.etcd_volume
        types = {t.name: t for t in self.offer.volume_types}
        known = [z for z in zones if z in self.offer.zones]
        everywhere = [name for name, t in types.items() if set(known) <= set(t.zones)]
        preferred = _DEFAULT_ETCD_TYPE if _DEFAULT_ETCD_TYPE in everywhere else next(iter(everywhere), "")
        type_ = preferred if wanted.type is None else wanted.type
        if not type_:
            self.refuse(f"{field}.type", f"no volume type is offered in {' and '.join(known) or 'any zone'}")
        elif type_ not in types:
            self.refuse(f"{field}.type", f"{type_[:60]!r} is not offered; offered: {', '.join(types) or 'none'}")
        else:
            missing = [z for z in known if z not in types[type_].zones]
            if missing:
                self.refuse(f"{field}.type", f"{type_!r} does not exist in zone {', '.join(missing)}")
        size = _DEFAULT_ETCD_GIB if wanted.size_gib is None else wanted.size_gib
        if not 1 <= size <= LIMITS.etcd_volume_gib:
            self.refuse(f"{field}.size_gib", f"must be between 1 and {LIMITS.etcd_volume_gib}, got {size}")
            size = _DEFAULT_ETCD_GIB
        return VolumeSpec(type=type_, size_gib=size)

    def _node_groups(self, requests: tuple[NodeGroupRequest, ...] | None) -> tuple[NodeGroup, ...]:
        requests = (_DEFAULT_GROUP,) if requests is None else requests
        if len(requests) > LIMITS.node_groups:
            self.refuse("spec.node_groups", f"must be at most {LIMITS.node_groups}, got {len(requests)}")
            requests = requests[: LIMITS.node_groups]
        groups: list[NodeGroup] = []
        for index, request in enumerate(requests):
            field = f"spec.node_groups[{index}]."
            group = self.node_group(request, field, field)
            if group.name and any(g.name == group.name for g in groups):
                self.refuse(f"{field}name", f"{group.name!r} is used twice")
            groups.append(group)
        return tuple(groups)

    def _network(self, request: NetworkRequest, nodes: int) -> NetworkSpec:
        field = "spec.network"
        if request.subnet_id is not None:
            self.refuse(f"{field}.subnet_id", f"{NOT_YET}: Navarch makes the cluster's subnet itself")
        if request.public_api is False:
            self.refuse(f"{field}.public_api", f"false {NOT_YET}; api_allowed_cidrs says who may reach the API")
        servers = request.dns_servers or ()
        if len(servers) > LIMITS.dns_servers:
            self.refuse(f"{field}.dns_servers", f"must be at most {LIMITS.dns_servers}, got {len(servers)}")
        for index, server in enumerate(servers[: LIMITS.dns_servers]):
            self.refuse(f"{field}.dns_servers[{index}]", ranges.wrong_address(server))
        external_network, external_network_id = self._external_network(request.external_network)
        network = NetworkSpec(
            external_network=external_network,
            external_network_id=external_network_id,
            dns_servers=servers,
            api_allowed_cidrs=self.allowed_cidrs(request.api_allowed_cidrs or ()),
            **{
                name: wanted
                for name in ("node_cidr", "pod_cidr", "service_cidr")
                if (wanted := getattr(request, name)) is not None
            },
        )
        parsed: dict[str, IPv4Network] = {}
        for name in ("node_cidr", "pod_cidr", "service_cidr"):
            network_or_error = ranges.parse_ipv4(getattr(network, name))
            if isinstance(network_or_error, str):
                self.refuse(f"{field}.{name}", network_or_error)
            else:
                parsed[name] = network_or_error
        external = self.offer.external_network(network.external_network_id)
        self.errors.extend(ranges.check_ranges(parsed, nodes=nodes, external=external))
        return network

    def _external_network(self, wanted: str | None) -> tuple[str, str]:
        """What people call it, and its id."""
        field, offered = "spec.network.external_network", self.offer.external_networks
        names = [n.name for n in offered]
        if not offered:
            self.refuse(field, "the cloud has no external network that Navarch can see: ask the cloud's operator")
            return wanted or "", ""
        if wanted is None:
            found = offered[0]
        else:
            match = self.offer.external_network(wanted)
            if match is None:
                self.refuse(field, f"{wanted[:80]!r} is not an external network; there is {', '.join(names)}")
                return wanted, ""
            found = match
        return found.name if names.count(found.name) == 1 else found.id, found.id

    def _zones(self, field: str, wanted: tuple[str, ...] | None, default: tuple[str, ...]) -> tuple[str, ...]:
        offered = self.offer.zones
        if not offered:
            self.refuse(field, "the cloud has no availability zone that Navarch can see: ask the cloud's operator")
        if not wanted:
            return default
        for index, zone in enumerate(wanted):
            if offered and zone not in offered:
                self.refuse(f"{field}[{index}]", f"{zone[:60]!r} is not a zone; zones: {', '.join(offered)}")
            elif zone in wanted[:index]:
                self.refuse(f"{field}[{index}]", f"{zone!r} is listed twice")
        return wanted

    def _flavor(self, field: str, wanted: str | None, what: str, vcpus: int, ram_mib: int) -> str:
        disk = self._release.min_disk_gib if self._release else 0
        need = f"{what} needs {vcpus} vCPU, {ram_mib} MiB of memory and {disk} GiB of disk"

        def fits(flavor: Flavor) -> bool:
            return flavor.vcpus >= vcpus and flavor.ram_mib >= ram_mib and flavor.disk_gib >= disk

        fitting = sorted(filter(fits, self.offer.flavors), key=lambda f: (f.vcpus, f.ram_mib, f.disk_gib, f.name))
        if wanted is None:
            if not fitting:
                self.refuse(field, f"no flavor is large enough: {need}")
            return fitting[0].name if fitting else ""
        flavor = self.offer.flavor(wanted)
        names = ", ".join(f.name for f in fitting[:20]) or "none"
        if flavor is None:
            self.refuse(field, f"{wanted[:60]!r} is not a flavor; large enough are: {names}")
            return wanted
        if not fits(flavor):
            has = f"{flavor.name} has {flavor.vcpus}, {flavor.ram_mib} and {flavor.disk_gib}"
            self.refuse(field, f"{need}; {has}; large enough are: {names}")
        return flavor.name

    def _taints(self, field: str, request: NodeGroupRequest) -> tuple[Taint, ...]:
        taints: list[Taint] = []
        for index, taint in enumerate(request.taints or ()):
            at = f"{field}[{index}]"
            self.refuse(f"{at}.key", syntax.wrong_label_key(taint.key))
            self.refuse(f"{at}.value", syntax.wrong_label_value(taint.value))
            if taint.effect not in syntax.TAINT_EFFECTS:
                allowed = ", ".join(syntax.TAINT_EFFECTS)
                self.refuse(f"{at}.effect", f"must be one of {allowed}, got {taint.effect[:40]!r}")
            if any((t.key, t.effect) == (taint.key, taint.effect) for t in taints):
                self.refuse(at, f"{taint.key} with effect {taint.effect} is listed twice")
            taints.append(Taint(key=taint.key, effect=taint.effect, value=taint.value))
        if len(taints) > LIMITS.labels:
            self.refuse(field, f"must be at most {LIMITS.labels}, got {len(taints)}")
        return tuple(taints)

    def _ssh_keys(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        if len(keys) > LIMITS.ssh_keys:
            self.refuse("spec.ssh_keys", f"must be at most {LIMITS.ssh_keys}, got {len(keys)}")
        for index, key in enumerate(keys[: LIMITS.ssh_keys]):
            self.refuse(f"spec.ssh_keys[{index}]", syntax.wrong_ssh_key(key))
        return tuple(dict.fromkeys(key.strip() for key in keys))


def most_machines(control_plane: int, groups: Iterable[NodeGroup]) -> int:
    """How many machines there may be at once, while some are being replaced."""
    return control_plane + 1 + sum(g.spec.replicas + g.spec.max_surge for g in groups)
