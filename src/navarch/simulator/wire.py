"""What is said between the simulator's process and its clients: one frozen value each way, as JSON behind its length.

A connection carries one call at a time. Errors travel as `Refused` and are raised again as what they were.
"""

import json
import socket
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from struct import Struct

from navarch.addons.contract import Asks, Draining
from navarch.domain.cloud import CloudState, Trouble
from navarch.domain.codec import decode, encode
from navarch.domain.errors import Conflict, NavarchError, Permanent, Responsible, Temporary
from navarch.domain.kube import KubeState
from navarch.domain.observed import KnownObject
from navarch.domain.offer import Offer, Quota
from navarch.domain.openstack.resources import AnyResource, Kind
from navarch.domain.openstack.steps import AnyCloudStep
from navarch.domain.spec import Owner
from navarch.domain.steps import MarkNode

LENGTH = Struct(">I")
LONGEST = 64 * 1024 * 1024  # bytes of one message


@dataclass(frozen=True, slots=True)
class Observe:
    """`Cloud.observe`."""

    owner: Owner
    kinds: frozenset[Kind] | None
    known: tuple[KnownObject, ...] = ()


@dataclass(frozen=True, slots=True)
class CarryOut:
    """`Cloud.carry_out`."""

    owner: Owner
    step: AnyCloudStep
    private: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Console:
    """`Cloud.console`."""

    owner: Owner
    server_id: str
    lines: int


@dataclass(frozen=True, slots=True)
class ReadOffer:
    """`Cloud.offer`."""


@dataclass(frozen=True, slots=True)
class ReadQuota:
    """`Cloud.quota`."""

    project_id: str


@dataclass(frozen=True, slots=True)
class Door:
    """A cluster's Kubernetes API: its URL, and the CA that the caller trusts."""

    url: str
    ca: str


@dataclass(frozen=True, slots=True)
class Apply:
    """`Addons.apply`: what was rendered arrives as its digest. `password` is the cluster's controllers'."""

    door: Door
    name: str
    digest: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ObserveKube:
    """`Addons.observe`."""

    door: Door
    asks: Asks


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
class TakeCensus:
    """What is in the region? For people and measurements: no cloud offers it."""


@dataclass(frozen=True, slots=True)
class FirstCall:
    """When was the cloud first asked about this cluster after `since`? For measurements."""

    cluster_id: str
    since: datetime


Call = (
    Observe
    | CarryOut
    | Console
    | ReadOffer
    | ReadQuota
    | Apply
    | ObserveKube
    | Drain
    | NoteDrained
    | Uncordon
    | Mark
    | RemoveMember
    | DeleteNode
    | TakeCensus
    | FirstCall
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A `CloudState`: `kinds` are those that could be read."""

    kinds: tuple[Kind, ...]
    resources: tuple[AnyResource, ...]
    trouble: tuple[Trouble, ...]
    astray: tuple[tuple[str, str], ...]

    @staticmethod
    def of(state: CloudState) -> "Shown":
        """What travels of a state."""
        kinds = tuple(kind for kind in Kind if kind in state.seen)
        return Shown(kinds, tuple(state.everything()), state.trouble, state.astray)

    def state(self) -> CloudState:
        """The state again."""
        seen: dict[StrEnum, tuple[AnyResource, ...]] = {
            kind: tuple(r for r in self.resources if r.kind is kind) for kind in self.kinds
        }
        return CloudState(seen, self.trouble, self.astray)


@dataclass(frozen=True, slots=True)
class Made:
    """The object that a step left; None for a removal."""

    resource: AnyResource | None


@dataclass(frozen=True, slots=True)
class Text:
    """The end of a console."""

    text: str


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain still waits for; None: nothing."""

    waits: Draining | None


@dataclass(frozen=True, slots=True)
class Nothing:
    """It is done."""


@dataclass(frozen=True, slots=True)
class Census:
    """`things`: how many of each kind there are; `twice`: names that two objects of one cluster and kind have.
    `requests`: how many the cloud answered, by their verb; `faults` of the answers were errors by chance. `kube_calls`
    were made to clusters' Kubernetes APIs; machines asked the join endpoint `asked` times; `nodes` are Ready."""

    things: tuple[tuple[str, int], ...]
    twice: tuple[str, ...]
    requests: tuple[tuple[str, int], ...]
    faults: int
    kube_calls: int
    asked: int
    nodes: int


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


Answer = Shown | Made | Text | Offer | Quota | KubeState | Drained | Nothing | Census | Moment | Refused


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
