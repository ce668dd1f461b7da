"""What a machine's Node is given while it is there: the labels and taints of its group, and its being schedulable."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from navarch.domain.health import Checkup, State
from navarch.domain.kube import Node
from navarch.domain.observed import Observed
from navarch.domain.spec import Cluster, NodeGroupSpec
from navarch.domain.steps import AdmitNode, MarkNode, Step, UncordonNode

_STARTS_FOR = timedelta(minutes=1)
"""At the most: what is wrong on another node is no reason to send nothing to this one."""


def nodes(
    cluster: Cluster, checkups: tuple[Checkup, ...], observed: Observed, now: datetime, *, running: bool
) -> Iterator[Step]:
    """Every step of it that can be taken now."""
    served = observed.kube is not None and observed.kube.on_nodes
    for checkup in checkups:
        node, group = checkup.node, cluster.group(checkup.machine.group)
        if node is None or checkup.state not in (State.READY, State.UNREADY):
            continue
        if group is not None and group.deletion_requested_at is None:
            yield from _mark(checkup, node, group.spec)
            if node.starting and node.ready and (served or _is_late(node, now)):
                yield AdmitNode(checkup.name)
        if running and node.cordoned and node.ready:
            yield UncordonNode(checkup.name)  # it was to stop, or to go, and stays


def _is_late(node: Node, now: datetime) -> bool:
    return node.since is None or now - node.since >= _STARTS_FOR


def _mark(checkup: Checkup, node: Node, wanted: NodeGroupSpec) -> Iterator[MarkNode]:
    """Labels and taints that the node lacks, and those that it was given once and is to lose."""
    had = checkup.machine.template
    lost_labels = {key for key, _ in had.labels} - {key for key, _ in wanted.labels}
    lost_taints = {(t.key, t.effect) for t in had.taints} - {(t.key, t.effect) for t in wanted.taints}
    given = set(node.labels) >= set(wanted.labels) and set(node.taints) >= set(wanted.taints)
    if not given or (had.labels, had.taints) != (wanted.labels, wanted.taints):
        yield MarkNode(
            checkup.name, wanted.labels, wanted.taints, tuple(sorted(lost_labels)), tuple(sorted(lost_taints))
        )
