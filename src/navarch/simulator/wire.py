"""What is said between the simulator's process and its clients about clusters' Kubernetes and about the region as a
whole: one frozen value each way, as JSON behind its length. (The cloud is asked over its own HTTP APIs.)

A connection carries one call at a time. Errors travel as `Refused` and are raised again as what they were.
"""

import json
import socket
from dataclasses import dataclass
from datetime import datetime
from struct import Struct

from navarch.addons.contract import Asks, Draining, PodEvent
from navarch.domain.codec import decode, encode
from navarch.domain.errors import Conflict, NavarchError, Permanent, Responsible, Temporary
from navarch.domain.insight import Figures, Source, Span, Workloads
from navarch.domain.kube import KubeState
from navarch.domain.steps import MarkNode
from navarch.simulator.controllers import Login
from navarch.simulator.pods import PodShown, Workload

LENGTH = Struct(">I")
LONGEST = 64 * 1024 * 1024  # bytes of one message


@dataclass(frozen=True, slots=True)
class Door:
    """A cluster's Kubernetes API: its URL, and the CA that the caller trusts."""

    url: str
    ca: str


@dataclass(frozen=True, slots=True)
class Apply:
    """`Addons.apply`: what was rendered arrives as its digest. `login` is the cluster's controllers'."""

    door: Door
    name: str
    digest: str
    version: str
    login: Login


@dataclass(frozen=True, slots=True)
class ObserveKube:
    """`Addons.observe`."""

    door: Door
    asks: Asks


@dataclass(frozen=True, slots=True)
class Install:
    """`Addons.install`: what was rendered stays with the caller."""

    door: Door
    name: str


@dataclass(frozen=True, slots=True)
class Uninstall:
    """`Addons.uninstall`."""

    door: Door
    name: str


@dataclass(frozen=True, slots=True)
class Drain:
    """`Addons.drain`."""

    door: Door
    node: str
    evict: bool


@dataclass(frozen=True, slots=True)
class NoteDrained:
    """`Addons.note_drained`."""

    door: Door
    node: str
    at: datetime
    withdraw: bool


@dataclass(frozen=True, slots=True)
class Uncordon:
    """`Addons.uncordon`."""

    door: Door
    node: str


@dataclass(frozen=True, slots=True)
class Mark:
    """`Addons.mark_node`."""

    door: Door
    step: MarkNode


@dataclass(frozen=True, slots=True)
class Revoke:
    """`Addons.revoke`."""

    door: Door
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveMember:
    """`Addons.remove_member`."""

    door: Door
    member_id: str


@dataclass(frozen=True, slots=True)
class DeleteNode:
    """`Addons.delete_node` and, for what ends at once, `Addons.give_up_node`."""

    door: Door
    node: str


@dataclass(frozen=True, slots=True)
class AskPods:
    """`Addons.pods_wait`."""

    door: Door


@dataclass(frozen=True, slots=True)
class CountPods:
    """`Addons.count_pods`."""

    door: Door


@dataclass(frozen=True, slots=True)
class AskFigures:
    """`Addons.figures`."""

    door: Door
    source: Source
    span: Span
    until: datetime


@dataclass(frozen=True, slots=True)
class AskWorkloads:
    """`Addons.workloads`."""

    door: Door
    namespace: str


@dataclass(frozen=True, slots=True)
class TellPods:
    """`Addons.tell_pods`."""

    door: Door
    events: tuple[PodEvent, ...]


@dataclass(frozen=True, slots=True)
class Deploy:
    """A cluster's users make a Deployment, or scale it: for people, who have no `kubectl` here."""

    cluster_id: str
    workload: Workload


@dataclass(frozen=True, slots=True)
class Want:
    """A cluster's users make a Service with a balancer, or a claim with its volume, in the namespace default: for
    people likewise. Empty: none."""

    cluster_id: str
    service: str
    claim: str


@dataclass(frozen=True, slots=True)
class Complain:
    """Programs of a chosen add-on say this by the events that its entry's rule is about; empty: they are well again."""

    cluster_id: str
    addon: str
    said: str


@dataclass(frozen=True, slots=True)
class ShowPods:
    """The pods of a cluster's users: for people likewise."""

    cluster_id: str


@dataclass(frozen=True, slots=True)
class TakeCensus:
    """What is in the region? For people and measurements: no cloud offers it."""


@dataclass(frozen=True, slots=True)
class FirstCall:
    """When was the cloud first asked about this cluster after `since`? For measurements."""

    cluster_id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class MeetFaults:
    """From now on the region's services fail like this: see `openstack.faults.Misfortunes`. For measurements."""

    share: float
    slow: str = ""
    slow_seconds: float = 0.0
    away: str = ""


Call = (
    Apply | ObserveKube | Install | Uninstall | Drain | NoteDrained | Uncordon | Mark | Revoke | RemoveMember
    | DeleteNode | AskPods | CountPods | AskFigures | AskWorkloads | TellPods | Deploy | Want | Complain | ShowPods
    | TakeCensus | FirstCall | MeetFaults
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain still waits for; None: nothing."""

    waits: Draining | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are; None: nobody can say."""

    number: int | None


@dataclass(frozen=True, slots=True)
class Heeded:
    """Whether it is so: what was written counts already, a pod waits."""

    now: bool


@dataclass(frozen=True, slots=True)
class Nothing:
    """It is done."""


@dataclass(frozen=True, slots=True)
class Census:
    """`objects`: how many of each kind clusters consist of; `twice`: names that two objects of one cluster and kind
    have. `requests`: how many the cloud was asked, by their verb; `faults` of them failed by chance. `kube_calls` were
    made to clusters' Kubernetes APIs; machines asked the join endpoint `asked` times; `nodes` are Ready."""

    objects: tuple[tuple[str, int], ...]
    twice: tuple[str, ...]
    requests: tuple[tuple[str, int], ...]
    faults: int
    kube_calls: int
    asked: int
    nodes: int


@dataclass(frozen=True, slots=True)
class PodList:
    """What `ShowPods` asks for."""

    pods: tuple[PodShown, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """When it was; None: not yet, or too long ago to be remembered."""

    at: datetime | None


@dataclass(frozen=True, slots=True)
class Refused:
    """An error of the domain. `kind` is its class."""

    kind: str
    message: str
    reason: str = ""
    after: float = 0.0
    responsible: str = ""
    remedy: str = ""


Answer = KubeState | Figures | Workloads | Drained | Heeded | Count | Nothing | Census | PodList | Moment | Refused


@dataclass(frozen=True, slots=True)
class Asked:
    """A message to the simulator."""

    call: Call


@dataclass(frozen=True, slots=True)
class Answered:
    """A message from it."""

    answer: Answer


def packed(message: Asked | Answered) -> bytes:
    """A message as it goes over the wire."""
    body = json.dumps(encode(message), separators=(",", ":"), ensure_ascii=False).encode()
    return LENGTH.pack(len(body)) + body


def call_in(body: bytes) -> Call:
    """The call in a message without its length."""
    return decode(Asked, json.loads(body)).call


def answer_in(body: bytes) -> Answer:
    """The answer in a message without its length."""
    return decode(Answered, json.loads(body)).answer


def refused(error: NavarchError) -> Refused:
    """An error as it travels."""
    if isinstance(error, Permanent):
        return Refused(
            "Permanent", error.message, error.reason, responsible=error.responsible.value, remedy=error.remedy
        )
    if isinstance(error, Temporary):
        kind = "Conflict" if isinstance(error, Conflict) else "Temporary"
        return Refused(kind, error.message, error.reason, error.after)
    return Refused("Temporary", str(error), "CloudNotAnswering", 5.0)


def raised(said: Refused) -> NavarchError:
    """The error that was refused with."""
    if said.kind == "Permanent":
        return Permanent(
            said.message, reason=said.reason, responsible=Responsible(said.responsible), remedy=said.remedy
        )
    kind = Conflict if said.kind == "Conflict" else Temporary
    return kind(said.message, reason=said.reason, after=said.after)


def place(text: str) -> tuple[str, int] | str:
    """Where to listen or to connect: `host:port`, or the path of a Unix socket (it has a slash). Raises ValueError."""
    if "/" in text:
        return text
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"{text!r} is neither host:port nor the path of a Unix socket")
    return host, int(port)


def connect(text: str, timeout: float) -> socket.socket:
    """A connection to a simulator. Raises OSError, ValueError."""
    where = place(text)
    if isinstance(where, tuple):
        connection = socket.create_connection(where, timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout)
        connection.connect(where)
    except OSError:
        connection.close()
        raise
    return connection
