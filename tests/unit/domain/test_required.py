"""Add-ons that every cluster has, as people see them."""

from dataclasses import replace

from navarch.domain.chosen import ChosenPhase
from navarch.domain.kube import Addon, KubeState
from navarch.domain.observed import Wanted
from navarch.domain.required import RequiredAddon, required

DNS = RequiredAddon("coredns", ChosenPhase.READY, "1.14.7")


def seen(**more: object) -> KubeState:
    return KubeState("1.37.2", addons=(replace(Addon("coredns", "d1", True, version="1.14.7"), **more),))  # type: ignore[arg-type]


def phase(kube: KubeState | None, *before: RequiredAddon, wanted: str = "d1") -> ChosenPhase:
    (its,) = required(kube, Wanted((("coredns", wanted),)), before)
    return its.phase


def test_what_a_new_cluster_gets_is_installed_until_it_is_there_for_the_first_time() -> None:
    new = seen(digest="", available=False, message="not applied", version="")
    installing = required(new, Wanted((("coredns", "d1"),)), ())
    assert installing == (RequiredAddon("coredns", ChosenPhase.INSTALLING, "", "not applied"),)
    assert phase(seen(available=False, message="1 of 2 replicas"), *installing) is ChosenPhase.INSTALLING
    assert required(seen(), Wanted((("coredns", "d1"),)), installing) == (DNS,)


def test_what_was_ready_is_upgraded_or_degraded() -> None:
    assert phase(seen(), DNS, wanted="d2") is ChosenPhase.UPGRADING
    assert phase(seen(available=False, message="1 of 2 replicas"), DNS) is ChosenPhase.DEGRADED
    assert phase(seen(digest="", available=False), DNS) is ChosenPhase.DEGRADED, "somebody removed part of it"


def test_a_cluster_of_before_they_were_told_is_ready_at_once_and_what_is_not_known_is_not_held_against_it() -> None:
    assert phase(seen()) is ChosenPhase.READY
    (its,) = required(seen(), Wanted(), ())
    assert its.phase is ChosenPhase.READY


def test_of_a_cluster_that_is_off_they_wait_and_keep_their_version() -> None:
    (its,) = required(None, Wanted((("coredns", "d1"),)), (DNS,))
    assert (its.phase, its.version) == (ChosenPhase.WAITING, "1.14.7")
    assert phase(seen(), its) is ChosenPhase.READY
