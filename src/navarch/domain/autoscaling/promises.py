"""What a machine will have that it does not show yet: GPUs of which its device plugin says nothing so far, for example.

A machine that is Ready before its device plugin is would look like one without GPUs, and the pod that it came for would
bring a second. So what is promised counts until the machine shows it, or a deadline ends.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from navarch.domain.autoscaling.placing import Spot
from navarch.domain.kube import Node
from navarch.domain.machines import Machine, MachineTemplate
from navarch.domain.offer import Offer
from navarch.domain.pods import Amounts
from navarch.domain.spec import Autoscaling, NodeGroup


def promised(group: NodeGroup, template: MachineTemplate, offer: Offer) -> Amounts:
    """Extended resources of a machine of the group: those of its flavor, and those that the group names itself."""
    flavor = offer.flavor(template.flavor)
    limits = group.spec.autoscaling
    own = {resource: int(amount) for resource, amount in limits.capacity} if limits is not None else {}
    return tuple(sorted({**dict(flavor.capacity if flavor is not None else ()), **own}.items()))


def unkept(promise: Amounts, shown: Amounts) -> tuple[str, ...]:
    """The resources that are promised, and of which nothing is shown."""
    has = dict(shown)
    return tuple(resource for resource, _ in promise if not has.get(resource))


def with_promised(shown: Amounts, promise: Amounts) -> Amounts:
    """With what is promised and not shown."""
    lacking = set(unkept(promise, shown))
    return tuple(sorted({**dict(shown), **{r: amount for r, amount in promise if r in lacking}}.items()))


def is_young(machine: Machine, node: Node | None, limits: Autoscaling | None, now: datetime) -> bool:
    """Whether what is promised of a machine counts though it does not show it: for as long as it might have taken to
    come, since it joined, or since its node is Ready again: after a start what announces devices starts, too."""
    seconds = (limits or Autoscaling()).max_provision_seconds
    began = machine.joined_at or machine.created_at
    if node is not None and node.since is not None:
        began = max(began, node.since)
    return now - began < timedelta(seconds=seconds)


def believed(node: Node, promise: Amounts, *, young: bool) -> Node:
    """The node as it is planned with."""
    if not young or not node.allocatable or not unkept(promise, node.allocatable):
        return node
    return replace(node, allocatable=with_promised(node.allocatable, promise))


def measured_by(promise: Amounts, spot: Spot) -> tuple[str, ...]:
    """By which resources it is told whether a machine is hardly used: by what is scarce on it, where that is promised
    and there, as other people's autoscalers do; else by CPU and memory."""
    has = dict(spot.allocatable)
    return tuple(resource for resource, _ in promise if has.get(resource)) or ("cpu", "memory")
