"""What a cluster consists of, laid out for a picture: from outside to inside the public address, the balancers of the
API and of Services, the network with its zones, in each zone the machines with their volumes, and below them the
volumes of claims. Pure; the template draws it as SVG."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from navarch.cli.values import stem_of
from navarch.client.shapes import Machine
from navarch.console.belongings import claims, services
from navarch.console.words import machine_tone

MOST_SERVICES, MOST_CLAIMS = 8, 15  # drawn one by one; the others are counted
MOST = 12  # machines of a zone that are drawn one by one: above that, alike ones are one box with their number
_WIDTH, _MARGIN, _GAP, _TOP = 1100, 16, 12, 148
_SERVICE_COLUMNS, _SERVICE_HEIGHT, _CLAIM_COLUMNS, _CLAIM_HEIGHT = 4, 46, 5, 30
_BOX_HEIGHT, _BOX_WIDTH, _LINE = 46, 150, 18


@dataclass(frozen=True, slots=True)
class Box:
    """A machine, or `count` alike. `volumes`: what it has beside its flavor's disk, as codes: root, etcd."""

    x: int
    y: int
    name: str
    role: str
    group: str
    tone: str
    count: int
    volumes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone's frame."""

    x: int
    y: int
    width: int
    height: int
    name: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Service's balancer or a claim's volume stands; of `more` than are drawn, the last is their number."""

    x: int
    y: int
    width: int
    its: Any = None
    more: int = 0


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything, in pixels. `address`: what the Kubernetes API is reached at; empty: not yet. `network_y`: where the
    machines' network stands; `claims_y`: the frame of claims' volumes, which is `claims_height` high."""

    width: int
    height: int
    network: str
    cidr: str
    address: str
    ready: bool
    zones: tuple[Zone, ...]
    services: tuple[Place, ...]
    claims: tuple[Place, ...]
    network_y: int
    claims_y: int
    claims_height: int
    box: tuple[int, int] = (_BOX_WIDTH, _BOX_HEIGHT)


def by_zone(machines: Sequence[Machine]) -> list[tuple[str, list[Machine]]]:
    """Machines in their zones: the control plane first, then by group and age."""

    def order(machine: Machine) -> tuple[str, bool, str, str]:
        return machine.get("zone") or "", machine["role"] != "control-plane", machine["group"], machine["created_at"]

    return [(zone, list(those)) for zone, those in groupby(sorted(machines, key=order), lambda m: m.get("zone") or "")]


def drawing(cluster: Any, machines: Sequence[Machine], objects: Sequence[Any] = ()) -> Drawing:
    """A cluster's picture, with what it has in its cloud. Machines that are gone are not in it."""
    spec, status = cluster["spec"], cluster["status"]
    balanced = tuple(_places(services(objects), MOST_SERVICES, _SERVICE_COLUMNS, _MARGIN, 76, _SERVICE_HEIGHT))
    lower = _below(balanced, _SERVICE_HEIGHT, 76) - 76  # how much further down all else is
    top = _TOP + lower
    there = by_zone([m for m in machines if not m.get("removed")])
    count = max(1, len(there))
    width = (_WIDTH - 2 * _MARGIN - (count - 1) * _GAP) // count
    columns = max(1, (width - _GAP) // (_BOX_WIDTH + _GAP))
    zones, tallest = [], 0
    for place, (name, those) in enumerate(there):
        x = _MARGIN + place * (width + _GAP)
        boxes = tuple(_boxes(cluster, those, x + _GAP, top + 34, columns))
        rows = (len(boxes) + columns - 1) // columns
        tallest = max(tallest, 34 + rows * (_BOX_HEIGHT + _GAP) + 4)
        zones.append((x, name, boxes))
    claims_y = top + tallest + _GAP
    inner = _MARGIN + _GAP, claims_y + 34, _CLAIM_HEIGHT, _WIDTH - 2 * (_MARGIN + _GAP)
    claimed = tuple(_places(claims(objects), MOST_CLAIMS, _CLAIM_COLUMNS, *inner))
    claims_height = _below(claimed, _CLAIM_HEIGHT, claims_y) - claims_y
    return Drawing(
        width=_WIDTH,
        height=claims_y + claims_height + _MARGIN if claimed else top + tallest + _MARGIN,
        network=spec["network"].get("external_network") or "",
        cidr=spec["network"].get("node_cidr") or "",
        address=urlsplit(status.get("api_url") or "").netloc,
        ready=any(c["type"] == "InfrastructureReady" and c["status"] == "True" for c in status["conditions"]),
        zones=tuple(Zone(x, top, width, tallest, name, boxes) for x, name, boxes in zones),
        services=balanced,
        claims=claimed,
        network_y=92 + lower,
        claims_y=claims_y,
        claims_height=claims_height,
    )


def _places(
    those: Sequence[Any], most: int, columns: int, x: int, y: int, height: int, width: int = _WIDTH - 2 * _MARGIN
) -> Iterator[Place]:
    """One for each, in rows; of too many the last says how many more there are."""
    each = (width - (columns - 1) * _GAP) // columns
    drawn = list(those) if len(those) <= most else [*those[: most - 1], None]
    for number, its in enumerate(drawn):
        row, column = divmod(number, columns)
        more = len(those) - most + 1 if its is None else 0
        yield Place(x + column * (each + _GAP), y + row * (height + _GAP), each, its, more)


def _below(places: Sequence[Place], height: int, empty: int) -> int:
    """Where what comes below them begins; `empty`: where there are none."""
    return max((place.y + height + _GAP for place in places), default=empty)


def _boxes(cluster: Any, machines: Sequence[Machine], x: int, y: int, columns: int) -> Iterator[Box]:
    """Trouble first where there are many."""
    found = [(m, machine_tone(m)) for m in machines]
    alike: list[tuple[Machine, str, int]] = [(m, tone, 1) for m, tone in found]
    if len(found) > MOST:
        counted: dict[tuple[str, str, str], tuple[Machine, str, int]] = {}
        for machine, tone in found:
            key = machine["role"], machine["group"], tone
            _, _, count = counted.get(key, (machine, tone, 0))
            counted[key] = machine, tone, count + 1
        alike = sorted(counted.values(), key=lambda its: ("bad", "warn", "busy", "good").index(its[1]))
    for place, (machine, tone, count) in enumerate(alike):
        row, column = divmod(place, columns)
        yield Box(
            x=x + column * (_BOX_WIDTH + _GAP),
            y=y + row * (_BOX_HEIGHT + _GAP),
            name=machine["name"].removeprefix(stem_of(cluster)),
            role=machine["role"],
            group=machine["group"],
            tone=tone,
            count=count,
            volumes=tuple(_volumes(cluster, machine)),
        )


def _volumes(cluster: Any, machine: Mapping[str, Any]) -> Iterator[str]:
    if machine["role"] == "control-plane":
        if cluster["spec"]["control_plane"].get("root_volume"):
            yield "root"
        yield "etcd"
        return
    group = next((g for g in cluster.get("node_groups") or [] if g["name"] == machine["group"]), None)
    if group is not None and group["spec"].get("root_volume"):
        yield "root"
