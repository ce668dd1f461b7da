"""How far a cluster is, as rows."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.domain.clusters import NOW, cluster

from navarch.domain.machines import BootReport, Machine, MachineTemplate
from navarch.domain.progress import Progress, Row, State, progress_of
from navarch.domain.spec import Role
from navarch.domain.status import Condition, MachineCount, Phase, Status

SHOP = cluster()
KINDS = ("Ready", "InfrastructureReady", "ControlPlaneReady", "WorkersReady", "AddonsReady")


def at(seconds: float) -> datetime:
    return SHOP.created_at + timedelta(seconds=seconds)


def condition(type_: str, status: str = "True", reason: str = "AsWanted", message: str = "", **more: Any) -> Condition:
    return Condition(type_, status, reason, message, **{"last_transition_at": at(50)} | more)


def machine(name: str = "m", **more: Any) -> Machine:
    template = MachineTemplate(SHOP.spec.release, "m1.medium")
    boot = (BootReport("FormatEtcdDisk", "done", at(22), 2), BootReport("KubeadmInit", "done", at(40), 18))
    return Machine(name, Role.CONTROL_PLANE, "cp", 0, "z1", at(1), template, **{"boot": boot} | more)


def progress(status: Status, *machines: Machine, seconds: float = 31, since: float = 31) -> Progress:
    return progress_of(SHOP, status, machines, at(seconds), since=at(since))


def row(found: Progress, name: str) -> Row:
    return next(row for row in found.rows if row.name == name)


READY = Status(Phase.READY, 1, conditions=tuple(condition(kind) for kind in KINDS), kubernetes_version="1.37.2")


def test_the_clouds_chapters_follow_the_reason() -> None:
    waits = condition("InfrastructureReady", "False", "CreatingLoadBalancer", "lb is PENDING_CREATE")
    found = progress(Status(conditions=(waits,)))
    assert [row(found, name).state for name in ("network", "load balancer", "floating address", "Kubernetes API")] == [
        State.DONE, State.RUNNING, State.WAITING, State.WAITING,
    ]  # fmt: skip
    assert found.percent == 100 // len(found.rows)
    assert found.waiting_for == Row("load balancer", State.RUNNING, "lb is PENDING_CREATE")


def test_a_balancer_that_changes_does_not_take_the_address_away() -> None:
    changes = condition("InfrastructureReady", "False", "CreatingLoadBalancer", "lb is PENDING_UPDATE")
    found = progress(Status(conditions=(changes,), api_url="https://198.51.100.7:6443"))
    assert row(found, "load balancer") == Row("load balancer", State.RUNNING, "lb is PENDING_UPDATE")
    assert row(found, "floating address") == Row("floating address", State.DONE, "https://198.51.100.7:6443")


@pytest.mark.parametrize(("ready", "says"), [(4, "4 of 5 Ready"), (5, "5 of 5 Ready"), (6, "6 Ready, 5 wanted")])
def test_nodes_that_are_more_than_wanted_are_no_part_of_them(ready: int, says: str) -> None:
    assert row(progress(replace(READY, machines=MachineCount(5, ready))), "nodes").detail == says


def test_a_machine_shows_its_phase_and_its_seconds() -> None:
    steps = (BootReport("FormatEtcdDisk", "done", at(22), 2), BootReport("KubeadmInit", "started", at(22)))
    assert row(progress(Status(), machine(boot=steps)), "machine m") == Row(
        "machine m", State.RUNNING, "KubeadmInit", 30.0
    )


def test_a_failed_phase_shows_the_last_line_of_its_log() -> None:
    failed = BootReport("KubeadmInit", "failed", at(22), 9, "one\ntwo\n")
    found = row(progress(Status(), machine(boot=(failed,))), "machine m")
    assert (found.state, found.detail) == (State.FAILED, "KubeadmInit failed: two")


def test_a_machine_that_is_kept_for_a_look_is_waited_for_no_more() -> None:
    found = row(progress(READY, machine(kept_at=at(9))), "machine m")
    assert (found.state, found.detail) == (State.DONE, "kept for a look")


def test_everything_is_done_when_ready() -> None:
    found = progress(READY, machine(joined=True))
    assert {row.state for row in found.rows} == {State.DONE}
    assert (found.percent, found.waiting_for, found.blocked) == (100, None, None)
    assert row(found, "machine m").seconds == 39.0


def test_a_later_change_is_counted_since_it_was_asked_for() -> None:
    def moved(status: str, seconds: float) -> Status:
        later = {"Ready", "WorkersReady"}
        conditions = (
            condition(kind, status, last_transition_at=at(seconds)) if kind in later else condition(kind)
            for kind in KINDS
        )
        return Status(Phase.PROGRESSING, 1, conditions=tuple(conditions), ready_at=at(50), kubernetes_version="1.37.2")

    assert progress(moved("False", 3601), seconds=3605).asked_at == at(3601)
    found = progress(moved("True", 3607), seconds=3610, since=3600)
    assert {name: row(found, name).seconds for name in ("floating address", "nodes", "add-ons")} == {
        "floating address": None, "nodes": 7.0, "add-ons": None,
    }  # fmt: skip


def test_a_new_cluster_is_counted_since_it_was_asked_for() -> None:
    assert progress(Status()).asked_at == SHOP.created_at
    assert progress(Status(Phase.READY, ready_at=at(20)), since=10).asked_at == at(10)


def test_a_stop_shows_workers_then_the_control_plane() -> None:
    stops = condition("ControlPlaneReady", "False", "Stopping", "being stopped: shop-cp-0")
    found = progress(Status(Phase.STOPPING, conditions=(condition("WorkersReady"), stops)))
    assert [(row.name, row.state, row.detail) for row in found.rows] == [
        ("workers", State.DONE, "off"), ("control plane", State.RUNNING, "being stopped: shop-cp-0"),
    ]  # fmt: skip


def test_a_deletion_shows_what_is_left() -> None:
    going = cluster(deletion_requested_at=NOW)
    left = condition("Deleted", "False", "Deleting", "2 servers are left")
    found = progress_of(going, Status(Phase.DELETING, conditions=(left,)), (), NOW, since=NOW)
    assert found.rows == (Row("cloud objects", State.RUNNING, "2 servers are left"),)


def test_the_exact_condition_is_preferred_to_readys_copy() -> None:
    ready, exact = (condition(kind, "False", kind, "m", responsible="user") for kind in ("Ready", "AddonsReady"))
    assert progress(Status(Phase.BLOCKED, conditions=(ready, exact))).blocked == exact
    assert progress(Status(Phase.BLOCKED, conditions=(ready,))).blocked == ready
