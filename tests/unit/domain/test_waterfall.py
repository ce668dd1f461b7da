"""Where the time went, as lanes of segments."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.domain.clusters import cluster

from navarch.domain.machines import BootReport, Machine, MachineTemplate
from navarch.domain.names import stem
from navarch.domain.spec import Role
from navarch.domain.status import Event, Phase, Status
from navarch.domain.waterfall import Waterfall, waterfall

SHOP = cluster()
STEM = stem(SHOP)


def at(seconds: float) -> datetime:
    return SHOP.created_at + timedelta(seconds=seconds)


def event(second: float, seconds: float | None, reason: str, subject: str, component: str) -> Event:
    return Event(at(second), reason, f"{reason} {subject} done", subject, component, seconds)


def machine(**more: Any) -> Machine:
    template = MachineTemplate(SHOP.spec.release, "m1.medium")
    boot = (BootReport("FormatEtcdDisk", "done", at(22), 2), BootReport("KubeadmInit", "done", at(40), 18))
    made = Machine(f"{STEM}-cp-0", Role.CONTROL_PLANE, "cp", 0, "z1", at(1), template, boot=boot)
    return replace(made, **more)


EVENTS = [
    event(0.5, 1.5, "EnsureNetwork", f"{STEM}-net", "cloud"),
    event(2.0, 7.0, "EnsureLoadBalancer", "shop-api", "cloud"),
    event(1.0, 0.01, "RecordMachine", "shop-cp-0", "navarch"),
    event(41.0, 3.0, "ApplyAddon", "calico", "kubernetes"),
    event(0.0, 70.0, "Ready", SHOP.name, "navarch"),
    event(500.0, 4.0, "EnsureLoadBalancer", "shop-api", "cloud"),
]
READY = Status(Phase.READY, ready_at=at(70))


def drawn(
    *machines: Machine, events: Any = EVENTS, status: Status = READY, everything: bool = False, now: float = 90
) -> Waterfall:
    return waterfall(SHOP, status, machines, events, now=at(now), everything=everything)


def spans(found: Waterfall) -> dict[str, tuple[float, float]]:
    return {lane.name: (lane.segments[0].start, lane.segments[0].end) for lane in found.lanes}


def test_lanes_are_grouped_and_in_order() -> None:
    found = drawn(machine())
    assert [(lane.group, lane.subject, lane.name) for lane in found.lanes] == [
        ("cloud", "net", "network"), ("cloud", "shop-api", "load balancer"), ("machine", "cp-0", "made and booted"),
        ("machine", "cp-0", "FormatEtcdDisk"), ("machine", "cp-0", "KubeadmInit"),
        ("kubernetes", "calico", "apply addon"),
    ]  # fmt: skip
    assert (found.ready, found.total, found.age) == (70.0, 70.0, 90.0)


def test_events_begin_at_their_time_and_phases_end_at_theirs() -> None:
    found = spans(drawn(machine()))
    assert found["load balancer"] == (2.0, 9.0)
    assert found["KubeadmInit"] == (22.0, 40.0)
    assert found["made and booted"] == (1.0, 20.0)


def test_a_node_becomes_ready_from_when_its_machine_has_joined() -> None:
    found = drawn(machine(), events=[event(1.0, 54.0, "NodeReady", f"{STEM}-cp-0", "kubernetes")])
    assert spans(found)["node ready"] == (40.0, 55.0)


def test_an_addon_becomes_available_from_when_it_was_applied() -> None:
    applied = event(41.0, 3.0, "ApplyAddon", "calico", "kubernetes")
    there = event(58.0, None, "AddonAvailable", "calico", "kubernetes")
    assert spans(drawn(events=[applied, there])) == {"apply addon": (41.0, 44.0), "add-on available": (44.0, 58.0)}


def test_what_happened_after_ready_is_left_out_unless_asked_for() -> None:
    assert max(s.end for lane in drawn(machine()).lanes for s in lane.segments) == 44.0
    everything = drawn(machine(), everything=True)
    (balancer,) = [lane for lane in everything.lanes if lane.name == "load balancer"]
    assert [(s.start, s.end) for s in balancer.segments] == [(2.0, 9.0), (500.0, 504.0)]
    assert balancer.seconds == pytest.approx(11.0)
    assert everything.total == 504.0


def test_a_phase_that_runs_goes_on_until_now() -> None:
    found = drawn(machine(boot=(BootReport("KubeadmInit", "started", at(22)),)), events=[], status=Status())
    (lane,) = [lane for lane in found.lanes if lane.name == "KubeadmInit"]
    assert (lane.segments[0].start, lane.segments[0].end, lane.segments[0].running) == (22.0, 90.0, True)
    assert found.ready is None


def test_what_failed_is_marked() -> None:
    warned = replace(event(1.0, 2.0, "QuotaExceeded", "shop-api", "cloud"), level="Warning")
    failed = BootReport("KubeadmInit", "failed", at(30), 4, "no etcd")
    found = drawn(machine(boot=(failed,)), events=[warned])
    marked = {lane.name: (s.failed, s.message) for lane in found.lanes for s in lane.segments if s.failed}
    assert marked == {"quota exceeded": (True, warned.message), "KubeadmInit": (True, "no etcd")}
