"""Values as answers."""

from dataclasses import replace
from functools import lru_cache

from navarch.api.models.responses import (
    AllowanceView,
    BootReportView,
    ClusterView,
    ConditionView,
    ControlPlaneView,
    CountView,
    EventView,
    FlavorView,
    MachineView,
    NetworkView,
    NodeGroupSpecView,
    NodeGroupView,
    QuotaView,
    SpecView,
    StatusView,
    TaintView,
    VolumeView,
)
from navarch.domain.admission import LIMITS
from navarch.domain.errors import Responsible
from navarch.domain.machines import Machine
from navarch.domain.offer import Flavor, Offer, Quota
from navarch.domain.spec import ClusterSpec, NodeGroup
from navarch.domain.status import Condition, MachineCount, Status
from navarch.store.contract import Stored, StoredEvent


def spec_view(spec: ClusterSpec) -> SpecView:
    """The wish."""
    network, control_plane = spec.network, spec.control_plane
    return SpecView(
        kubernetes_version=spec.kubernetes_version,
        running=True,
        paused=spec.paused,
        network=NetworkView(
            external_network=network.external_network,
            subnet_id=network.subnet_id,
            node_cidr=network.node_cidr,
            pod_cidr=network.pod_cidr,
            service_cidr=network.service_cidr,
            dns_servers=list(network.dns_servers),
            public_api=network.public_api,
            api_allowed_cidrs=list(network.api_allowed_cidrs),
        ),
        control_plane=ControlPlaneView(
            replicas=control_plane.replicas,
            flavor=control_plane.flavor,
            zones=list(control_plane.zones),
            etcd_volume=VolumeView(type=control_plane.etcd_volume.type, size_gib=control_plane.etcd_volume.size_gib),
        ),
        ssh_keys=list(spec.ssh_keys),
    )


_PAUSED = Condition(
    "Paused",
    "True",
    "PausedByOperator",
    "Navarch's operator has paused this project: what is asked for is kept, and done when it is resumed",
    responsible=Responsible.NAVARCH_OPERATOR.value,
    remedy="nothing to do but wait; ask the operator how long",
)


def status_view(status: Status) -> StatusView:
    """What is seen."""
    return StatusView(
        phase=status.phase.value,
        observed_generation=status.observed_generation,
        api_url=status.api_url,
        kubernetes_version=status.kubernetes_version,
        machines=_count(status.machines),
        ready_at=status.ready_at,
        conditions=[
            ConditionView(
                type=c.type,
                status=c.status,
                reason=c.reason,
                message=c.message,
                responsible=c.responsible,
                remedy=c.remedy,
                last_transition_at=c.last_transition_at,
                deadline=c.deadline,
                observed_generation=c.observed_generation,
            )
            for c in status.conditions
        ],
    )


def node_group_view(group: NodeGroup, status: Status) -> NodeGroupView:
    """A node group with what is seen of it."""
    spec = group.spec
    return NodeGroupView(
        name=group.name,
        generation=group.generation,
        deletion_requested_at=group.deletion_requested_at,
        spec=NodeGroupSpecView(
            flavor=spec.flavor,
            replicas=spec.replicas,
            autoscaling=None,
            zones=list(spec.zones),
            labels=dict(spec.labels),
            taints=[TaintView(key=t.key, value=t.value, effect=t.effect) for t in spec.taints],
            root_volume=None,
            max_surge=spec.max_surge,
            max_unavailable=spec.max_unavailable,
        ),
        status=_count(dict(status.groups).get(group.name, MachineCount(desired=spec.replicas))),
    )


@lru_cache(maxsize=4096)
def cluster_view(stored: Stored) -> ClusterView:
    """A cluster. Most that a list shows are as they were the last time: the view is shared, and not to be changed."""
    cluster, status = stored.cluster, stored.status
    return ClusterView(
        id=cluster.id,
        name=cluster.name,
        project_id=cluster.project_id,
        labels=dict(cluster.labels),
        generation=cluster.generation,
        created_at=cluster.created_at,
        updated_at=cluster.updated_at,
        deletion_requested_at=cluster.deletion_requested_at,
        created_by=cluster.created_by,
        spec=spec_view(cluster.spec),
        status=status_view(replace(status, conditions=(*status.conditions, _PAUSED)) if stored.paused else status),
        node_groups=[node_group_view(group, status) for group in cluster.node_groups],
    )


def machine_view(machine: Machine) -> MachineView:
    """A machine, as it was made: what is wanted of later ones may differ."""
    address, template = machine.facts.address, machine.template
    return MachineView(
        name=machine.name,
        role=machine.role.value,
        group=machine.group,
        serial=machine.serial,
        zone=machine.zone,
        flavor=template.flavor,
        version=template.release.kubernetes_version,
        addresses=[address] if address else [],
        created_at=machine.created_at,
        joined=machine.joined,
        removing=machine.removing,
        removed=machine.removed,
        boot_step=machine.boot[-1].step if machine.boot else None,
        boot=[BootReportView(step=p.step, state=p.state, at=p.at, seconds=p.seconds, log=p.log) for p in machine.boot],
    )


def event_view(stored: StoredEvent) -> EventView:
    """A line of the timeline."""
    event = stored.event
    return EventView(
        id=stored.id,
        at=event.at,
        reason=event.reason,
        subject=event.subject,
        component=event.component,
        message=event.message,
        seconds=event.seconds,
        level=event.level,
        generation=event.generation,
    )


def flavor_view(flavor: Flavor, offer: Offer) -> FlavorView:
    """A flavor; large enough for a role where it is for every release."""
    disk = max((r.min_disk_gib for r in offer.releases), default=0)

    def fits(vcpus: int, ram_mib: int) -> bool:
        return flavor.vcpus >= vcpus and flavor.ram_mib >= ram_mib and flavor.disk_gib >= disk

    return FlavorView(
        id=flavor.id,
        name=flavor.name,
        vcpus=flavor.vcpus,
        ram_mib=flavor.ram_mib,
        disk_gib=flavor.disk_gib,
        control_plane=fits(LIMITS.control_plane_vcpus, LIMITS.control_plane_ram_mib),
        worker=fits(LIMITS.worker_vcpus, LIMITS.worker_ram_mib),
    )


def quota_view(quota: Quota) -> QuotaView:
    """The project's quotas."""
    return QuotaView(
        quota=[
            AllowanceView(name=a.resource, limit=a.limit, used=a.used, free=a.free, unit=a.unit)
            for a in quota.allowances
        ],
        read_at=quota.read_at,
    )


def _count(count: MachineCount) -> CountView:
    return CountView(desired=count.desired, ready=count.ready)
