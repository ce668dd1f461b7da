"""What a cluster has in its cloud, as pages show it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Balanced:
    """A Service with a balancer. `address`: where it is reached; empty: nowhere yet."""

    name: str
    address: str
    works: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """A volume of a claim. `size_gib` 0: not known."""

    name: str
    size_gib: int
    works: bool


def services(objects: Sequence[Any]) -> tuple[Balanced, ...]:
    """Services with their balancers: by the public address where they have one."""
    public = {o["of"]: o["address"] for o in objects if o["kind"] == "floating IP" and o["purpose"] == "Service"}
    return tuple(
        Balanced(o["of"], public.get(o["of"]) or o["address"], o["state"] == "ACTIVE")
        for o in objects
        if o["kind"] == "load balancer" and o["purpose"] == "Service"
    )


def claims(objects: Sequence[Any]) -> tuple[Claimed, ...]:
    """Volumes that the cluster's storage driver made, by their claims; by their own name where they do not say."""
    return tuple(
        Claimed(o["of"] or o["name"], o["size_gib"] or 0, o["state"] in ("available", "in-use"))
        for o in objects
        if o["kind"] == "volume" and o["made_by"] == "csi"
    )


def shown(found: Any) -> dict[str, Any]:
    """For a page: `inside`, one by one, what the cluster's Services and claims have; `rest`: the others by their kind,
    as (kind, those)."""
    inside = [o for o in found["objects"] if o["purpose"] or o["keepable"]]
    rest: dict[str, list[Any]] = {}
    for one in found["objects"]:
        if one not in inside:
            rest.setdefault(one["kind"], []).append(one)
    return {
        "inside": inside,
        "rest": list(rest.items()),
        **{name: found[name] for name in ("seen_at", "unread", "left_out")},
    }
