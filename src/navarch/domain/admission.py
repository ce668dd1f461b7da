"""What a wish must satisfy before it is written: from a draft to a complete wish, or every reason why not, at once.

A draft is a wish in which what is left to Navarch is empty: the version, flavors, zones, the external network, the etcd
volume. It is chosen here from what the cloud offers, and stands in the wish afterwards. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from navarch.domain import bounds, ranges, syntax
from navarch.domain.autoscaling.machines import allocatable
from navarch.domain.errors import FieldError
from navarch.domain.offer import Flavor, Offer, Release, version_order
from navarch.domain.shares import Share, percent_of, share
from navarch.domain.spec import (
    Cluster,
    ClusterSpec,
    ControlPlaneSpec,
    NetworkSpec,
    NodeGroup,
    NodeGroupSpec,
    Taint,
    VolumeSpec,
    surge,
)
from navarch.domain.upgrades import OLDEST_KUBELET

NOT_YET = "is not offered yet"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one request may ask for. A flavor's least: vCPUs and MiB of memory."""

    workers: int = 100
    node_groups: int = 20
    labels: int = 32
    taints: int = 32
    zones: int = 20
    ssh_keys: int = 16
    ssh_keys_characters: int = 32_000  # they are in the user-data, of which Nova takes 65,535 characters of base64
    cidrs: int = 50
    dns_servers: int = 5
    volume_gib: int = 1000
    control_plane_vcpus: int = 2
    control_plane_ram_mib: int = 2048
    worker_vcpus: int = 1
    worker_ram_mib: int = 1024


LIMITS = Limits()
_REPLICAS = (1, 3, 5)  # etcd members: an even number tolerates no more failures than the odd one below it
_ETCD_VOLUME = VolumeSpec("ssd", 10)
_ROOT_VOLUME = VolumeSpec("ssd", 20)
_USUAL_GROUP = NodeGroupSpec("")
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Every reason why a request is not admitted."""

    errors: tuple[FieldError, ...]


def consider_cluster(draft: Cluster, offer: Offer) -> tuple[Cluster, tuple[FieldError, ...]]:
    """The cluster as far as it can be had, and what is wrong with it apart from quotas."""
    reading = Reading(offer)
    return reading.cluster(draft), tuple(reading.errors)


class Reading:
    """One pass over a draft. Every method gives a usable value, and notes in `errors` what is wrong."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.errors: list[FieldError] = []
        self._release: Release | None = None

    def refuse(self, field: str, detail: str | None) -> None:
        """Note an error, unless there is none."""
        if detail is not None:
            self.errors.append(FieldError(field, detail))

    def use_release(self, release: Release | None) -> None:
        """Judge flavors by what this node image needs."""
        self._release = release

    def cluster(self, draft: Cluster) -> Cluster:
        """A cluster with everything chosen."""
        self.refuse("name", syntax.wrong_cluster_name(draft.name) if draft.name else "is required")
        version, release = self._version(draft.spec)
        control_plane = self._control_plane(draft.spec.control_plane)
        groups = self._node_groups(draft.node_groups)
        spec = replace(
            draft.spec,
            kubernetes_version=version,
            release=release,
            network=self._network(draft.spec.network, most_machines(control_plane.replicas, groups)),
            control_plane=control_plane,
            ssh_keys=self._ssh_keys(draft.spec.ssh_keys),
        )
        self.errors.extend(bounds.wrong_cluster("spec.", draft.spec))
        if sum(g.spec.most for g in groups) > LIMITS.workers:
            self.refuse("spec.node_groups", f"must have at most {LIMITS.workers} workers in all")
        return replace(draft, spec=spec, node_groups=groups, labels=self._labels("labels", draft.labels))

    def node_group(self, draft: NodeGroup, field: str, spec_field: str) -> NodeGroup:
        """A node group with everything chosen. `field` and `spec_field`: where its name and its spec stand in the
        request."""
        name, spec = draft.name, draft.spec
        self.refuse(f"{field}name", syntax.wrong_name(name, syntax.GROUP_NAME_LENGTH) if name else "is required")
        if name in syntax.RESERVED_GROUP_NAMES:
            self.refuse(f"{field}name", f"{name} is reserved for the control plane")
        if not 0 <= spec.replicas <= LIMITS.workers:
            self.refuse(f"{spec_field}replicas", f"must be between 0 and {LIMITS.workers}, got {spec.replicas}")
            spec = replace(spec, replicas=_USUAL_GROUP.replicas)
        elif spec.autoscaling is not None:
            wrong = bounds.wrong_autoscaling(spec_field, spec.autoscaling, spec.replicas, LIMITS.workers)
            self.errors.extend(wrong)
            capacity = tuple(sorted(spec.autoscaling.capacity))
            spec = replace(spec, autoscaling=replace(spec.autoscaling, capacity=capacity))
        spec = replace(
            spec,
            max_surge=self._share(f"{spec_field}max_surge", spec.max_surge, _USUAL_GROUP.max_surge),
            max_unavailable=self._share(
                f"{spec_field}max_unavailable", spec.max_unavailable, _USUAL_GROUP.max_unavailable
            ),
        )
        if spec.replicas and not surge(spec) and not share(spec.max_unavailable, spec.replicas):
            fewer = "0"
            if isinstance(spec.max_unavailable, str) and percent_of(spec.max_unavailable):
                fewer = f"{spec.max_unavailable} of {spec.replicas} replicas, rounded down to 0"
            detail = f"must not be 0 where max_unavailable is {fewer}: no machine could be replaced"
            self.refuse(f"{spec_field}max_surge", detail)
        self.errors.extend(bounds.wrong_node_group(spec_field, spec))
        zones = self._zones(f"{spec_field}zones", spec.zones, self.offer.zones[:1])
        release = self._release_of_group(f"{spec_field}kubernetes_version", spec)
        root_volume = self._root_volume(f"{spec_field}root_volume", spec.root_volume, zones, release or self._release)
        least = (LIMITS.worker_vcpus, LIMITS.worker_ram_mib, _disk(root_volume, release or self._release))
        spec = replace(
            spec,
            flavor=self._flavor(f"{spec_field}flavor", spec.flavor, "a worker", *least),
            zones=zones,
            labels=self._labels(f"{spec_field}labels", spec.labels, of_nodes=True),
            taints=self._taints(f"{spec_field}taints", spec.taints),
            root_volume=root_volume,
            release=release,
        )
        self._spare(spec_field, spec)
        return replace(draft, spec=spec)

    def _spare(self, field: str, spec: NodeGroupSpec) -> None:
        """What a group keeps free has to fit onto its machines."""
        flavor = self.offer.flavor(spec.flavor)
        if flavor is None or spec.autoscaling is None or not spec.autoscaling.spare.replicas:
            return
        has = dict(allocatable(flavor, flavor.disk_gib))
        self.errors.extend(bounds.wrong_size_of_spare(field, spec.autoscaling.spare, has["cpu"], has["memory"] >> 20))

    def _labels(self, field: str, labels: Labels, *, of_nodes: bool = False) -> Labels:
        if len(labels) > LIMITS.labels:
            self.refuse(field, f"must be at most {LIMITS.labels}, got {len(labels)}")
        for key, value in labels:
            self.refuse(field, syntax.wrong_node_label_key(key) if of_nodes else syntax.wrong_label_key(key))
            self.refuse(field, syntax.wrong_label_value(value))
        return tuple(sorted(labels))

    def _version(self, draft: ClusterSpec) -> tuple[str, Release]:
        """The version, and the node image that machines of it are made from: the one that a draft names already, else
        the newest."""
        offered = sorted({r.kubernetes_version for r in self.offer.releases}, key=version_order, reverse=True)
        field, wanted = "spec.kubernetes_version", draft.kubernetes_version
        if not offered:
            self.refuse(field, "no version is offered: the cloud's operator has to register a node image first")
            return wanted, draft.release
        version = wanted or offered[0]
        if version not in offered:
            self.refuse(field, f"{version[:40]!r} is not offered; offered: {', '.join(offered)}")
        named = draft.release if draft.release.kubernetes_version == version else None
        self.use_release(named or self._image(version, draft.release.image_name) or self.offer.release(version))
        return version, self._release or draft.release

    def _image(self, version: str, wanted: str) -> Release | None:
        """The image of that version which a draft names; None where it names none, or none that there is."""
        images = [r for r in self.offer.releases if r.kubernetes_version == version]
        found = next((r for r in images if wanted in (r.image_name, r.image_id)), None)
        if wanted and found is None and images:
            names = ", ".join(dict.fromkeys(r.image_name for r in images))
            self.refuse("spec.node_image", f"{wanted[:80]!r} is not an image of {version}; there is {names}")
        return found

    def _share(self, field: str, wanted: Share, usual: Share) -> Share:
        """A share that can be reckoned with."""
        wrong = tuple(bounds.wrong_share(field, wanted, 10))
        self.errors.extend(wrong)
        return usual if wrong else wanted

    def _release_of_group(self, field: str, draft: NodeGroupSpec) -> Release | None:
        """What machines of a version of their own are made from; None: what the cluster's are."""
        wanted, cluster = draft.kubernetes_version, self._release
        if wanted is None or cluster is None:
            return None
        named = draft.release if draft.release is not None and draft.release.kubernetes_version == wanted else None
        release = named or self.offer.release(wanted)
        if release is None:
            offered = sorted({r.kubernetes_version for r in self.offer.releases}, key=version_order, reverse=True)
            self.refuse(field, f"{wanted[:40]!r} is not offered; offered: {', '.join(offered) or 'none'}")
            return None
        (major, minor, *_), newest = version_order(wanted), version_order(cluster.kubernetes_version)
        if version_order(wanted) > newest:
            self.refuse(field, f"must not be newer than the cluster's {cluster.kubernetes_version}")
        elif major != newest[0] or newest[1] - minor > OLDEST_KUBELET:
            behind = f"must not be more than {OLDEST_KUBELET} minor versions behind the cluster's"
            self.refuse(field, f"{behind} {cluster.kubernetes_version}")
        return release

    def _control_plane(self, draft: ControlPlaneSpec) -> ControlPlaneSpec:
        field, replicas = "spec.control_plane", draft.replicas
        if replicas not in _REPLICAS:
            self.refuse(f"{field}.replicas", f"must be 1, 3 or 5, got {replicas}")
            replicas = 1
        zones = self._zones(f"{field}.zones", draft.zones, self.offer.zones[:1] if replicas == 1 else self.offer.zones)
        self.errors.extend(bounds.wrong_control_plane(f"{field}.", draft))
        root_volume = self._root_volume(f"{field}.root_volume", draft.root_volume, zones, self._release)
        least = (LIMITS.control_plane_vcpus, LIMITS.control_plane_ram_mib, _disk(root_volume, self._release))
        return replace(
            draft,
            replicas=replicas,
            zones=zones,
            flavor=self._flavor(f"{field}.flavor", draft.flavor, "a control plane", *least),
            etcd_volume=self._volume(f"{field}.etcd_volume", draft.etcd_volume, zones, _ETCD_VOLUME),
            root_volume=root_volume,
        )

    def _root_volume(
        self, field: str, draft: VolumeSpec | None, zones: tuple[str, ...], release: Release | None
    ) -> VolumeSpec | None:
        """The volume that machines start from; None: their flavor's disk."""
        if draft is None:
            return None
        least = max(1, release.min_disk_gib if release else 1)
        usual = replace(_ROOT_VOLUME, size_gib=max(_ROOT_VOLUME.size_gib, least))
        return self._volume(field, draft, zones, usual, least)

    def _volume(
        self, field: str, draft: VolumeSpec, zones: tuple[str, ...], usual: VolumeSpec, least: int = 1
    ) -> VolumeSpec:
        """A volume of a type that there is in all of these zones, of `least` GiB or more."""
        types = {t.name: t for t in self.offer.volume_types}
        known = [z for z in zones if z in self.offer.zones]
        everywhere = [name for name, t in types.items() if set(known) <= set(t.zones)]
        preferred = usual.type if usual.type in everywhere else next(iter(everywhere), "")
        type_ = draft.type or preferred
        if not type_:
            self.refuse(f"{field}.type", f"no volume type is offered in {' and '.join(known) or 'any zone'}")
        elif type_ not in types:
            offered = ", ".join(types) or "none"
            self.refuse(f"{field}.type", f"{type_[:60]!r} is not offered{self._for_all}; offered: {offered}")
        else:
            missing = [z for z in known if z not in types[type_].zones]
            if missing:
                self.refuse(f"{field}.type", f"{type_!r} does not exist in zone {', '.join(missing)}")
        size = draft.size_gib or usual.size_gib
        if not least <= size <= LIMITS.volume_gib:
            self.refuse(f"{field}.size_gib", f"must be between {least} and {LIMITS.volume_gib}, got {size}")
            size = usual.size_gib
        return VolumeSpec(type=type_, size_gib=size)

    def _node_groups(self, drafts: tuple[NodeGroup, ...]) -> tuple[NodeGroup, ...]:
        if len(drafts) > LIMITS.node_groups:
            self.refuse("spec.node_groups", f"must be at most {LIMITS.node_groups}, got {len(drafts)}")
            drafts = drafts[: LIMITS.node_groups]
        groups: list[NodeGroup] = []
        for index, draft in enumerate(drafts):
            field = f"spec.node_groups[{index}]."
            group = self.node_group(draft, field, field)
            if group.name and any(g.name == group.name for g in groups):
                self.refuse(f"{field}name", f"{group.name!r} is used twice")
            groups.append(group)
        return tuple(groups)

    def _network(self, draft: NetworkSpec, nodes: int) -> NetworkSpec:
        field, servers = "spec.network", draft.dns_servers
        if draft.subnet_id is not None:
            self.refuse(f"{field}.subnet_id", f"{NOT_YET}: Navarch makes the cluster's subnet itself")
        if not draft.public_api:
            self.refuse(f"{field}.public_api", f"false {NOT_YET}; api_allowed_cidrs says who may reach the API")
        if len(servers) > LIMITS.dns_servers:
            self.refuse(f"{field}.dns_servers", f"must be at most {LIMITS.dns_servers}, got {len(servers)}")
        for index, server in enumerate(servers[: LIMITS.dns_servers]):
            self.refuse(f"{field}.dns_servers[{index}]", ranges.wrong_address(server))
        external_network, external_network_id = self._external_network(draft)
        network = replace(
            draft,
            dns_servers=tuple(dict.fromkeys(servers)),
            external_network=external_network,
            external_network_id=external_network_id,
            api_allowed_cidrs=self._allowed_cidrs(draft.api_allowed_cidrs),
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

    def _allowed_cidrs(self, cidrs: tuple[str, ...]) -> tuple[str, ...]:
        field = "spec.network.api_allowed_cidrs"
        if cidrs and self.offer.hides_clients:
            self.refuse(
                field, f"{NOT_YET} on this cloud: its balancers hide who asks, so that nobody would be kept out"
            )
        if len(cidrs) > LIMITS.cidrs:
            self.refuse(field, f"must be at most {LIMITS.cidrs}, got {len(cidrs)}")
        for index, cidr in enumerate(cidrs[: LIMITS.cidrs]):
            parsed = ranges.parse_ipv4(cidr)
            self.refuse(f"{field}[{index}]", parsed if isinstance(parsed, str) else None)
        return tuple(dict.fromkeys(cidrs))

    def _external_network(self, draft: NetworkSpec) -> tuple[str, str]:
        """What people call it, and its id: the one that a draft has already, whatever it is called now."""
        field, offered = "spec.network.external_network", self.offer.external_networks
        wanted, names = draft.external_network, [n.name for n in offered]
        if not offered:
            self.refuse(field, "the cloud has no external network that Navarch can see: ask the cloud's operator")
            return wanted, draft.external_network_id
        found = self.offer.external_network(draft.external_network_id or wanted) if wanted else offered[0]
        if found is None:
            self.refuse(field, f"{wanted[:80]!r} is not an external network; there is {', '.join(names)}")
            return wanted, draft.external_network_id
        if draft.external_network_id:
            return wanted, draft.external_network_id
        ids = [n.id for n in offered if n.name == wanted]
        if len(ids) > 1 and wanted not in (n.id for n in offered):
            self.refuse(
                field, f"{len(ids)} external networks are named {wanted[:80]!r}: give an id, {' or '.join(ids)}"
            )
        return found.name if names.count(found.name) == 1 else found.id, found.id

    def _zones(self, field: str, wanted: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
        offered = self.offer.zones
        if not offered:
            self.refuse(field, "the cloud has no availability zone that Navarch can see: ask the cloud's operator")
        if not wanted:
            return default
        if len(wanted) > LIMITS.zones:
            self.refuse(field, f"must be at most {LIMITS.zones}, got {len(wanted)}")
            wanted = wanted[: LIMITS.zones]
        for index, zone in enumerate(wanted):
            if offered and zone not in offered:
                self.refuse(f"{field}[{index}]", f"{zone[:60]!r} is not a zone; zones: {', '.join(offered)}")
            elif zone in wanted[:index]:
                self.refuse(f"{field}[{index}]", f"{zone!r} is listed twice")
        return wanted

    @property
    def _for_all(self) -> str:
        """What a refusal adds where the project may be offered more than is known."""
        unknown = " for all projects, and what this one alone may use could not be read now: try again in a minute"
        return "" if self.offer.whole else unknown

    def _flavor(self, field: str, wanted: str, what: str, vcpus: int, ram_mib: int, disk: int) -> str:
        need = f"{what} needs {vcpus} vCPU, {ram_mib} MiB of memory and {disk} GiB of disk"

        def fits(flavor: Flavor) -> bool:
            return flavor.vcpus >= vcpus and flavor.ram_mib >= ram_mib and flavor.disk_gib >= disk

        def size(flavor: Flavor) -> tuple[bool, int, int, int, str]:  # with devices only where somebody says so
            return bool(flavor.capacity), flavor.vcpus, flavor.ram_mib, flavor.disk_gib, flavor.name

        fitting = sorted(filter(fits, self.offer.flavors), key=size)
        if not wanted:
            if not fitting:
                self.refuse(field, f"no flavor is large enough: {need}")
            return fitting[0].name if fitting else ""
        flavor = self.offer.flavor(wanted)
        names = ", ".join(f.name for f in fitting[:20]) or "none"
        if flavor is None:
            self.refuse(field, f"{wanted[:60]!r} is not a flavor{self._for_all}; large enough are: {names}")
            return wanted
        if not fits(flavor):
            has = f"{flavor.name} has {flavor.vcpus}, {flavor.ram_mib} and {flavor.disk_gib}"
            self.refuse(field, f"{need}; {has}; large enough are: {names}")
        return flavor.name

    def _taints(self, field: str, drafts: tuple[Taint, ...]) -> tuple[Taint, ...]:
        taints: list[Taint] = []
        if len(drafts) > LIMITS.taints:
            self.refuse(field, f"must be at most {LIMITS.taints}, got {len(drafts)}")
        for index, taint in enumerate(drafts[: LIMITS.taints]):
            at = f"{field}[{index}]"
            self.refuse(f"{at}.key", syntax.wrong_taint_key(taint.key))
            self.refuse(f"{at}.value", syntax.wrong_label_value(taint.value))
            if taint.effect not in syntax.TAINT_EFFECTS:
                allowed = ", ".join(syntax.TAINT_EFFECTS)
                self.refuse(f"{at}.effect", f"must be one of {allowed}, got {taint.effect[:40]!r}")
            if any((t.key, t.effect) == (taint.key, taint.effect) for t in taints):
                self.refuse(at, f"{taint.key} with effect {taint.effect} is listed twice")
            taints.append(taint)
        return tuple(taints)

    def _ssh_keys(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        if len(keys) > LIMITS.ssh_keys:
            self.refuse("spec.ssh_keys", f"must be at most {LIMITS.ssh_keys}, got {len(keys)}")
        characters = sum(len(key) for key in keys)
        if characters > LIMITS.ssh_keys_characters:
            longest = f"must have at most {LIMITS.ssh_keys_characters} characters in all, comments included"
            self.refuse("spec.ssh_keys", f"{longest}; has {characters}")
        for index, key in enumerate(keys[: LIMITS.ssh_keys]):
            self.refuse(f"spec.ssh_keys[{index}]", syntax.wrong_ssh_key(key))
        return tuple(dict.fromkeys(key.strip() for key in keys))


def most_machines(control_plane: int, groups: Iterable[NodeGroup]) -> int:
    """How many machines there may be at once, while some are being replaced."""
    return control_plane + 1 + sum(g.spec.most + surge(replace(g.spec, replicas=g.spec.most)) for g in groups)


def _disk(root_volume: VolumeSpec | None, release: Release | None) -> int:
    """GiB that a flavor's disk has to have: none where machines start from a volume."""
    return release.min_disk_gib if release is not None and root_volume is None else 0
