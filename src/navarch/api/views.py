"""Values as answers: each model takes what it shows from the attributes of a value; here is what no value has."""

from dataclasses import asdict, fields, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from navarch.api.models.addon_plans import NewAddonView
from navarch.api.models.prices import PriceLineView, PriceView
from navarch.api.models.responses import (
    AllowanceView,
    ClusterView,
    EventView,
    FlavorView,
    IssuedKubeconfigView,
    LaneView,
    MachineView,
    NodeGroupView,
    PlanView,
    ProgressView,
    QuotaView,
    SegmentView,
    StepView,
    TimelineView,
    UpgradeView,
)
from navarch.domain.admission import LIMITS
from navarch.domain.autoscaling.memory import SpareRoom
from navarch.domain.codec import encode
from navarch.domain.errors import Responsible
from navarch.domain.kubeconfigs import Kubeconfig
from navarch.domain.machines import Machine
from navarch.domain.offer import Flavor, Offer, Quota
from navarch.domain.prices import Price
from navarch.domain.progress import Progress
from navarch.domain.spec import NodeGroup
from navarch.domain.status import Condition, MachineCount, Status
from navarch.domain.steps import Step
from navarch.domain.waterfall import Waterfall
from navarch.service.choice import Choice
from navarch.service.plans import Plan
from navarch.service.upgrades import Upgrade
from navarch.store.contract import Stored, StoredEvent

_PAUSED = Condition(
    "Paused",
    "True",
    "PausedByOperator",
    "Navarch's operator has paused this project: what is asked for is kept, and done when it is resumed",
    responsible=Responsible.NAVARCH_OPERATOR.value,
    remedy="nothing to do but wait; ask the operator how long",
)


@lru_cache(maxsize=4096)
def cluster_json(stored: Stored) -> bytes:
    """A cluster as JSON. Most that a list or a watch shows are as they were the last time."""
    return cluster_view(stored).model_dump_json().encode()


def cluster_view(stored: Stored) -> ClusterView:
    """A cluster with what is seen of it."""
    cluster, status = stored.cluster, stored.status
    shown = replace(status, conditions=(*status.conditions, _PAUSED)) if stored.paused else status
    groups = [node_group_view(group, status) for group in cluster.node_groups]
    return ClusterView.model_validate(_attributes(cluster) | {"status": shown, "node_groups": groups})


def node_group_view(group: NodeGroup, status: Status) -> NodeGroupView:
    """A node group with what is seen of it."""
    seen = dict(status.groups).get(group.name, MachineCount(desired=group.spec.replicas))
    shown = {
        "desired": seen.desired,
        "ready": seen.ready,
        "observed_generation": dict(status.observed_groups).get(group.name, 0),
        "autoscaling": _autoscaling(group, status),
    }
    return NodeGroupView.model_validate(_attributes(group) | {"status": shown})


def _autoscaling(group: NodeGroup, status: Status) -> dict[str, Any] | None:
    """What autoscaling thinks of one group; None: it is off, or did not look yet."""
    memory = status.autoscaling
    if group.spec.autoscaling is None or memory is None:
        return None
    verdicts = [(h, next((v.why for v in h.verdicts if v.group == group.name), "")) for h in memory.helpless]
    return {
        "backoff": next((b for b in memory.backoffs if b.group == group.name), None),
        "helpless": [{"pod": h.pod, "count": h.count, "why": why} for h, why in verdicts if why],
        "unneeded": [one for one in memory.unneeded if one.group == group.name],
        "kept": [one for one in memory.kept if one.group == group.name],
        "spare": next((_spare(one) for one in memory.spare if one.group == group.name), None),
        "devices": [one for one in memory.devices if one.group == group.name],
    }


def _spare(room: SpareRoom) -> dict[str, Any]:
    return _attributes(room) | {"replicas": room.spare.replicas, "missing": room.missing}


def machine_view(machine: Machine) -> MachineView:
    """A machine, as it was made: what is wanted of later ones may differ."""
    address, template = machine.facts.address, machine.template
    return MachineView.model_validate(
        _attributes(machine)
        | {
            "flavor": template.flavor,
            "version": template.release.kubernetes_version,
            "addresses": [address] if address else [],
            "boot_step": machine.boot[-1].step if machine.boot else None,
        }
    )


def kubeconfig_view(issued: Kubeconfig) -> IssuedKubeconfigView:
    """What is known of a kubeconfig."""
    shown = {"state": issued.state, "revoked_by": issued.revoked_by or None}
    return IssuedKubeconfigView.model_validate(_attributes(issued) | shown)


def event_view(stored: StoredEvent) -> EventView:
    """A line of the timeline."""
    return EventView.model_validate(_attributes(stored.event) | {"id": stored.id})


def progress_view(progress: Progress) -> ProgressView:
    """How far a cluster is."""
    shown = {"percent": progress.percent, "waiting_for": progress.waiting_for}
    return ProgressView.model_validate(_attributes(progress) | shown)


def timeline_view(drawn: Waterfall) -> TimelineView:
    """Where the time went. Milliseconds are what clocks of several machines agree on."""
    lanes = [
        LaneView(
            group=lane.group,
            subject=lane.subject,
            name=lane.name,
            seconds=round(lane.seconds, 3),
            segments=[
                SegmentView.model_validate(_attributes(s) | {"start": round(s.start, 3), "end": round(s.end, 3)})
                for s in lane.segments
            ],
        )
        for lane in drawn.lanes
    ]
    return TimelineView(
        name=drawn.name,
        created_at=drawn.created_at,
        kubernetes_version=drawn.version,
        ready_after_seconds=drawn.ready,
        total_seconds=drawn.total,
        age_seconds=drawn.age,
        lanes=lanes,
    )


def plan_view(plan: Plan) -> PlanView:
    """A dry run."""
    return PlanView.model_validate(
        _attributes(plan)
        | {
            "cluster": cluster_view(Stored(plan.cluster, plan.status)),
            "fits": plan.fits,
            "steps": [_step(step) for step in plan.steps],
            "price": price_view(plan.price) if plan.price is not None else None,
            "addons": [_new_addon(choice) for choice in plan.addons],
        }
    )


def _new_addon(choice: Choice) -> NewAddonView:
    wish = choice.wish
    return NewAddonView(
        name=wish.name,
        title=choice.entry.card.title,
        entry=wish.entry,
        namespace=wish.namespace,
        values=choice.shown_values,
        **asdict(choice.plan),
    )


def price_view(price: Price) -> PriceView:
    """An estimate: to the cent, and of an hour to a hundredth of that."""

    def amount(value: Decimal | None, steps: str = "0.01") -> str | None:
        return None if value is None else str(value.quantize(Decimal(steps), ROUND_HALF_UP))

    lines = [
        PriceLineView(kind=line.kind, name=line.name, count=line.count, monthly=amount(line.monthly))
        for line in price.lines
    ]
    return PriceView(
        currency=price.currency,
        monthly=amount(price.monthly) or "",
        hourly=amount(price.hourly, "0.0001") or "",
        monthly_before=amount(price.monthly_before),
        lines=lines,
        unpriced=list(price.unpriced),
    )


def upgrade_view(upgrade: Upgrade) -> UpgradeView:
    """A version above a cluster's."""
    found = {"obstacles": upgrade.obstacles, "notes": upgrade.notes}
    return UpgradeView.model_validate(_attributes(upgrade.release) | found)


def flavor_view(flavor: Flavor, offer: Offer) -> FlavorView:
    """A flavor; large enough for a role where it is for every release."""
    disk = max((r.min_disk_gib for r in offer.releases), default=0)

    def fits(vcpus: int, ram_mib: int) -> bool:
        return flavor.vcpus >= vcpus and flavor.ram_mib >= ram_mib and flavor.disk_gib >= disk

    return FlavorView.model_validate(
        _attributes(flavor)
        | {
            "control_plane": fits(LIMITS.control_plane_vcpus, LIMITS.control_plane_ram_mib),
            "worker": fits(LIMITS.worker_vcpus, LIMITS.worker_ram_mib),
        }
    )


def quota_view(quota: Quota) -> QuotaView:
    """The project's quotas."""
    allowances = [
        AllowanceView.model_validate(_attributes(a) | {"name": a.resource, "free": a.free}) for a in quota.allowances
    ]
    return QuotaView(quota=allowances, read_at=quota.read_at)


def _step(step: Step) -> StepView:
    details: Any = encode(step)
    name = details.pop("name", "")
    # Ids of what does not exist yet are made up, and tell nothing.
    known = {k: v for k, v in details.items() if k == "image_id" or not k.endswith(("_id", "_ids"))}
    return StepView(kind=type(step).__name__, name=name, details=known)


def _attributes(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}
