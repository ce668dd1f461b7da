"""The scheduler's filters, in their subtle cases."""

from dataclasses import replace

import pytest

from navarch.domain.autoscaling.placing import Room, Spot, attracts, tolerates
from navarch.domain.pods import (
    HostPort,
    NodeTerm,
    NodeVolumes,
    PodSelector,
    PodShape,
    PodTerm,
    Requirement,
    Spread,
    Toleration,
    Volume,
)
from navarch.domain.spec import Taint

HAS = (("cpu", 1000), ("memory", 1000), ("pods", 3))
HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
POD = PodShape("default", (("app", "web"),), (("cpu", 400),))
WEB = PodSelector((Requirement("app", "In", ("web",)),))


def spot(name: str, zone: str = "z1", **labels: str) -> Spot:
    return Spot(name, {HOST: name, ZONE: zone, **labels}, (), HAS)


def placed(room: Room, shape: PodShape, count: int) -> list[str]:
    found = (room.place(shape) for _ in range(count))
    return [there.name if there is not None else "" for there in found]


def test_requests_and_the_number_of_pods_are_counted() -> None:
    room = Room([spot("a"), spot("b")])
    assert placed(room, POD, 5) == ["a", "a", "b", "b", ""]
    nothing = PodShape("default")
    assert placed(room, nothing, 3) == ["a", "b", ""]  # three pods each
    assert room.why_not(POD, room.spots[0]) == "Too many pods"
    assert Room([spot("a")]).why_not(PodShape("default", requests=(("gpu", 1),)), spot("a")) == "Insufficient gpu"
    assert not Room([spot("a")]).why_not(PodShape("default", requests=(("gpu", 0),)), spot("a"))


@pytest.mark.parametrize(
    ("operator", "values", "missing", "five"),
    [
        ("In", ("5",), False, True),
        ("NotIn", ("5",), True, False),
        ("Exists", (), False, True),
        ("DoesNotExist", (), True, False),
        ("Gt", ("4",), False, True),
        ("Lt", ("4",), False, False),
        ("Gt", ("four",), False, False),
        ("Is", ("5",), False, False),
    ],
)
def test_requirements(operator: str, values: tuple[str, ...], missing: bool, five: bool) -> None:
    requirement = Requirement("n", operator, values)
    assert (requirement.holds({}), requirement.holds({"n": "5"})) == (missing, five)


def test_node_terms_are_alternatives_and_an_empty_list_matches_nothing() -> None:
    fast, here = Requirement("disk", "In", ("fast",)), Requirement("metadata.name", "In", ("a",))
    terms = (NodeTerm((fast,)), NodeTerm(names=(here,)))
    assert attracts(PodShape("d", node_terms=terms), spot("a"))
    assert attracts(PodShape("d", node_terms=terms), spot("b", disk="fast"))
    assert not attracts(PodShape("d", node_terms=terms), spot("b"))
    assert not attracts(PodShape("d", node_terms=()), spot("a"))
    assert not attracts(PodShape("d", node_terms=(NodeTerm(),)), spot("a"))
    assert not attracts(PodShape("d", node_selector=(("disk", "fast"),), node_terms=terms), spot("a"))


def test_taints() -> None:
    taint = Taint("gpu", "NoSchedule", "yes")
    assert not tolerates((), (taint,))
    assert tolerates((), (Taint("gpu", "PreferNoSchedule"),))
    assert tolerates((Toleration("gpu", "Equal", "yes"),), (taint,))
    assert not tolerates((Toleration("gpu", "Equal", "no"),), (taint,))
    assert tolerates((Toleration("gpu", "Exists", effect="NoSchedule"),), (taint,))
    assert not tolerates((Toleration("gpu", "Exists", effect="NoExecute"),), (taint,))
    assert tolerates((Toleration(operator="Exists"),), (taint,))
    assert not tolerates((Toleration(operator="Equal"),), (taint,))


def test_a_host_port_at_all_addresses_collides_with_each() -> None:
    def wants(address: str, port: int = 80, protocol: str = "TCP") -> PodShape:
        return PodShape("d", ports=(HostPort(protocol, address, port),))

    room = Room([spot("a")])
    room.place(wants("10.0.0.1"))
    assert "free ports" in room.why_not(wants("0.0.0.0"), room.spots[0])
    assert not room.why_not(wants("10.0.0.2"), room.spots[0])
    assert not room.why_not(wants("0.0.0.0", protocol="UDP"), room.spots[0])


def test_anti_affinity_holds_both_ways() -> None:
    alone = replace(POD, requests=(), apart=(PodTerm(ZONE, WEB, ("default",)),))
    plain = replace(POD, requests=())
    room = Room([spot("a"), spot("b"), spot("c", "z2")])
    assert placed(room, alone, 3) == ["a", "c", ""]
    assert "existing pods anti-affinity" in room.why_not(plain, room.spots[1])
    assert not room.why_not(replace(plain, labels=()), room.spots[1])
    assert not room.why_not(replace(plain, namespace="other"), room.spots[1])
    room.take(alone, room.spots[0])
    assert not room.why_not(plain, room.spots[1])


def test_the_first_of_its_kind_may_go_anywhere_where_its_topology_is() -> None:
    together = replace(POD, requests=(), near=(PodTerm(ZONE, WEB, None),))
    room = Room([Spot("no-zone", {HOST: "no-zone"}, (), HAS), spot("a", "z2"), spot("b", "z1"), spot("c", "z2")])
    assert placed(room, together, 6) == ["a", "a", "a", "c", "c", "c"]
    to_others = replace(together, labels=())
    assert placed(Room([spot("a")]), to_others, 1) == [""]


def test_spread_counts_a_tainted_machine_as_a_domain_unless_it_is_told_not_to() -> None:
    spread = Spread(HOST, 1, WEB)
    full = replace(spot("full"), taints=(Taint("x", "NoSchedule"),))
    shape = replace(POD, requests=(), spreads=(spread,))
    assert placed(Room([full, spot("a")]), shape, 2) == ["a", ""]
    honors = replace(shape, spreads=(replace(spread, honors_taints=True),))
    assert placed(Room([full, spot("a")]), honors, 2) == ["a", "a"]


def test_spread_over_zones_with_fewer_domains_than_wanted() -> None:
    shape = replace(POD, requests=(), spreads=(Spread(ZONE, 1, WEB, min_domains=2),))
    room = Room([spot("a"), spot("b")])
    assert placed(room, shape, 2) == ["a", ""]
    room.add(spot("c", "z2"))
    assert placed(room, shape, 3) == ["c", "a", "c"]
    nobody = replace(shape, spreads=(Spread(ZONE, 1, PodSelector()),))
    assert placed(Room([spot("a"), spot("b", "z2")]), nobody, 3) == ["a", "a", "a"]


def test_volumes_are_counted_by_driver_and_a_shared_one_once() -> None:
    def wants(*volumes: Volume) -> PodShape:
        return PodShape("d", volumes=volumes)

    here = replace(spot("a"), volumes=NodeVolumes("a", (("csi", 2),), ("csi",), (Volume("csi", "old"),)))
    room = Room([here])
    assert not room.why_not(wants(Volume("csi", "x")), here)
    assert not room.why_not(wants(Volume("csi", "old"), Volume("csi", "x")), here)
    assert "max volume count" in room.why_not(wants(Volume("csi"), Volume("csi")), here)
    room.put(wants(Volume("csi")), here)  # to be made: with the one that is attached that is all
    assert "max volume count" in room.why_not(wants(Volume("csi", "x")), here)
    assert not room.why_not(wants(Volume("csi", "old")), here)
    assert not room.why_not(wants(Volume("other", "x")), here)
    assert "not installed" in room.why_not(wants(Volume("other", "x", strict=True)), here)
    assert not room.why_not(wants(Volume("csi", "x")), spot("b"))  # no limit is known


def test_affinity_counts_only_pods_that_all_terms_select() -> None:
    labels = (("app", "web"), ("tier", "front"))
    front = PodSelector((Requirement("tier", "In", ("front",)),))
    both = replace(POD, labels=(), near=(PodTerm(ZONE, WEB, None), PodTerm(ZONE, front, None)))
    room = Room([replace(spot("a"), allocatable=(("cpu", 1000), ("pods", 9)))])
    room.put(PodShape("default", labels[:1]), room.spots[0])
    room.put(PodShape("default", labels[1:]), room.spots[0])
    assert "pod affinity" in room.why_not(both, room.spots[0])
    room.put(PodShape("default", labels), room.spots[0])
    assert not room.why_not(both, room.spots[0])


def test_who_tolerates_a_cordon_goes_to_a_cordoned_machine() -> None:
    cordoned = replace(spot("a"), open=False)
    assert Room([cordoned]).why_not(POD, cordoned) == "node(s) were unschedulable"
    tolerant = replace(POD, tolerations=(Toleration("node.kubernetes.io/unschedulable", "Exists"),))
    assert not Room([cordoned]).why_not(tolerant, cordoned)


def test_what_is_not_simulated_fits_nowhere() -> None:
    assert (
        Room().why_not(PodShape("d", unsimulated=("resource claims",)), spot("a")) == "not simulated: resource claims"
    )
