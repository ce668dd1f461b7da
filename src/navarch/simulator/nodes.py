"""Node objects of a simulated cluster: what a kubelet registers, and what others write onto it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from navarch.domain.kube import NOT_BEHIND_SERVICES, Node
from navarch.domain.pods import Amounts
from navarch.domain.spec import Taint
from navarch.domain.steps import MarkNode

_LABELS = re.compile(r"--node-labels=([^ \"']+)")
# A worker's are in a flag of its kubelet, those of the control plane in kubeadm's own file.
_TAINTS = re.compile(r"(?:--register-with-taints=|name: register-with-taints\s+value: )([^\s\"']+)")
_KEEP_PODS_AWAY = frozenset({"NoSchedule", "NoExecute"})


@dataclass(slots=True)
class NodeState:
    """A node object. `server_id`: where its kubelet runs; `provider_id`: the server that the object names, which nobody
    can change. `cordoned` is when a drain began; `drained`: since when it is noted as empty. `was_ready` is as of
    `since`."""

    name: str
    address: str
    server_id: str
    provider_id: str
    registered: float
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    cordoned: float | None = None
    drained: datetime | None = None
    was_ready: bool = False
    since: float = 0.0

    @property
    def takes_pods(self) -> bool:
        """Whether users' pods, which tolerate nothing, may be placed on it."""
        return self.cordoned is None and not any(t.effect in _KEEP_PODS_AWAY for t in self.taints)

    def heard(self, ready: bool, now: float) -> None:
        """Note when it changed between Ready and not."""
        if ready is not self.was_ready:
            self.was_ready, self.since = ready, now

    def uncordon(self) -> None:
        """Let pods onto it again."""
        self.cordoned, self.drained = None, None

    def note_drained(self, at: datetime, *, withdraw: bool) -> datetime:
        """Note that it is empty; since when that is noted."""
        self.drained = self.drained or at
        if withdraw:
            self.labels.setdefault(NOT_BEHIND_SERVICES, "drained")
        return self.drained

    def mark(self, step: MarkNode) -> None:
        """Give it labels and taints, and take those that it is to lose."""
        kept = {key: value for key, value in self.labels.items() if key not in step.lost_labels}
        self.labels = {**kept, **dict(step.labels)}
        replaced = {(t.key, t.effect) for t in step.taints} | set(step.lost_taints)
        self.taints = (*(t for t in self.taints if (t.key, t.effect) not in replaced), *step.taints)

    def seen(self, version: str, since: Any, evictions: int | None, allocatable: Amounts = ()) -> Node:
        """As the API shows it."""
        return Node(
            name=self.name,
            ready=self.was_ready,
            unschedulable=self.cordoned is not None,
            version=version,
            address=self.address,
            since=since,
            labels=tuple(sorted(self.labels.items())),
            taints=self.taints,
            cordoned=self.cordoned is not None,
            drained=self.cordoned is not None and self.drained is not None,
            evictions=evictions,
            allocatable=allocatable,
        )


def registered(answer: Mapping[str, Any]) -> tuple[dict[str, str], tuple[Taint, ...]]:
    """The labels and taints with which a kubelet registers its node, by the flags in the files that it was given."""
    texts = [file["content"] for file in answer["files"]]
    labels = next((found[1] for text in texts if (found := _LABELS.search(text))), "")
    taints = next((found[1] for text in texts if (found := _TAINTS.search(text))), "")
    pairs = (pair.partition("=") for pair in labels.split(",") if pair)
    return {key: value for key, _, value in pairs}, tuple(_taint(text) for text in taints.split(",") if text)


def _taint(text: str) -> Taint:
    key_and_value, _, effect = text.rpartition(":")
    key, _, value = key_and_value.partition("=")
    return Taint(key, effect, value)
