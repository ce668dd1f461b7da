"""What a cluster consists of, laid out for a picture: from outside to inside the public address, the balancer, the
network with its zones, and in each zone the machines with their volumes. Pure; the template draws it as SVG."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from navarch.cli.values import stem_of
from navarch.client.shapes import Machine
from navarch.console.words import machine_tone

MOST = 12  # machines of a zone that are drawn one by one: above that, alike ones are one box with their number
_WIDTH, _MARGIN, _GAP, _TOP = 1100, 16, 12, 148
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
class Drawing:
    """Everything, in pixels. `address`: what the Kubernetes API is reached at; empty: not yet."""

    width: int
    height: int
    network: str
    cidr: str
    address: str
    ready: bool
    zones: tuple[Zone, ...]
    box: tuple[int, int] = (_BOX_WIDTH, _BOX_HEIGHT)


def by_zone(machines: Sequence[Machine]) -> list[tuple[str, list[Machine]]]:
    """Machines in their zones: the control plane first, then by group and age."""

    def order(machine: Machine) -> tuple[str, bool, str, str]:
        return machine.get("zone") or "", machine["role"] != "control-plane", machine["group"], machine["created_at"]

    return [(zone, list(those)) for zone, those in groupby(sorted(machines, key=order), lambda m: m.get("zone") or "")]


def drawing(cluster: Any, machines: Sequence[Machine]) -> Drawing:
    """A cluster's picture. Machines that are gone are not in it."""
    spec, status = cluster["spec"], cluster["status"]
    there = by_zone([m for m in machines if not m.get("removed")])
    count = max(1, len(there))
    width = (_WIDTH - 2 * _MARGIN - (count - 1) * _GAP) // count
    columns = max(1, (width - _GAP) // (_BOX_WIDTH + _GAP))
    zones, tallest = [], 0
    for place, (name, those) in enumerate(there):
        x = _MARGIN + place * (width + _GAP)
        boxes = tuple(_boxes(cluster, those, x + _GAP, _TOP + 34, columns))
        rows = (len(boxes) + columns - 1) // columns
        tallest = max(tallest, 34 + rows * (_BOX_HEIGHT + _GAP) + 4)
        zones.append((x, name, boxes))
    return Drawing(
        width=_WIDTH,
        height=_TOP + tallest + _MARGIN,
        network=spec["network"].get("external_network") or "",
        cidr=spec["network"].get("node_cidr") or "",
        address=urlsplit(status.get("api_url") or "").netloc,
        ready=any(c["type"] == "InfrastructureReady" and c["status"] == "True" for c in status["conditions"]),
        zones=tuple(Zone(x, _TOP, width, tallest, name, boxes) for x, name, boxes in zones),
    )


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
