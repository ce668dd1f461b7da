"""How many machines come for pods, and which go."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from navarch.domain.autoscaling.down import Machine, goes_at, scale_down
from navarch.domain.autoscaling.machines import allocatable
from navarch.domain.autoscaling.memory import Failure, first_backoff
from navarch.domain.autoscaling.placing import Room, Spot
from navarch.domain.autoscaling.up import Candidate, scale_up
from navarch.domain.offer import Flavor
from navarch.domain.pods import Budget, NodeTerm, Place, Pod, PodSelector, PodShape, Requirement, Spread
from navarch.domain.spec import Autoscaling, Taint

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
SHAPE = PodShape("default", (("app", "web"),), (("cpu", 400), ("memory", 100)))
FULL = Failure("no host", "cloud-operator", "add some")
WEB = PodSelector((Requirement("app", "In", ("web",)),))


def spot(name: str, cpu: int = 1000, zone: str = "z1", taints: tuple[Taint, ...] = ()) -> Spot:
    has = (("cpu", cpu), ("memory", cpu), ("pods", 110))
    return Spot(name, {HOST: name, ZONE: zone}, taints, has)


def group(name: str, count: int, cpu: int = 1000, zones: tuple[str, ...] = ("z1",)) -> Candidate:
    return Candidate(name, tuple(spot(f"{name}-{n}", cpu, zones[n % len(zones)]) for n in range(count)), count)


def waiting(count: int, shape: PodShape = SHAPE, priority: int = 0) -> list[Pod]:
    return [Pod(f"default/{shape.requests}-{n}", shape, priority=priority) for n in range(count)]


def test_pods_that_wait_bring_as_many_machines_as_they_fill() -> None:
    up = scale_up(Room(), waiting(5), [group("web", 10)], ())
    assert [(g.group, g.count, g.pods) for g in up.growths] == [("web", 3, 5)]
    assert not up.helpless


def test_room_that_is_there_or_coming_is_used_first() -> None:
    up = scale_up(Room([spot("old"), spot("coming")]), waiting(5), [group("web", 10)], ())
    assert ([(g.count, g.pods) for g in up.growths], up.coming) == ([(1, 1)], 4)


def test_daemon_sets_take_their_part_of_a_new_machine() -> None:
    daemon = PodShape("kube-system", requests=(("cpu", 300),))
    up = scale_up(Room(), waiting(4), [group("web", 10)], (daemon,))
    assert [g.count for g in up.growths] == [4]


def test_the_group_wins_that_has_the_least_left_over_and_others_help_on() -> None:
    up = scale_up(Room(), waiting(4), [group("large", 1, 2500), group("small", 9, 1000)], ())
    assert {g.group: g.count for g in up.growths} == {"small": 2}
    up = scale_up(Room(), waiting(4), [group("large", 1, 900), group("small", 9, 1000)], ())
    assert {g.group: g.count for g in up.growths} == {"large": 1, "small": 1}


def test_no_group_that_can_help_is_told_with_each_ones_reason() -> None:
    candidates = [
        Candidate("full"),
        Candidate("poor", (spot("p"),), 1, "in backoff after failed scale-up"),
        Candidate("tainted", (spot("t", taints=(Taint("gpu", "NoSchedule"),)),), 1),
        group("small", 3, 300),
    ]
    (helpless,) = scale_up(Room(), waiting(2), candidates, ()).helpless
    assert helpless.count == 2
    assert [(v.group, v.why) for v in helpless.verdicts] == [
        ("full", "max node group size reached"),
        ("poor", "in backoff after failed scale-up"),
        ("tainted", "node(s) had untolerated taint(s)"),
        ("small", "Insufficient cpu"),
    ]


def test_a_machine_full_of_others_brings_no_machine_for_each_pod_that_is_to_be_spread() -> None:
    """Where a domain holds the minimum down that pods cannot go to, one machine more helps one pod at the most."""
    shape = PodShape("default", SHAPE.labels, SHAPE.requests, spreads=(Spread(HOST, 1, WEB),))
    full = spot("full")
    Room([full]).put(PodShape("other", requests=(("cpu", 1000),)), full)
    up = scale_up(Room([full]), waiting(10, shape), [group("web", 50)], ())
    assert sum(g.count for g in up.growths) == 10  # each takes one, and the last is not more than the pods need


def test_pods_are_spread_over_zones_in_one_round() -> None:
    shape = PodShape("default", SHAPE.labels, (("cpu", 900),), spreads=(Spread(ZONE, 1, WEB),))
    up = scale_up(Room(), waiting(6, shape), [group("web", 20, zones=("z1", "z2", "z3"))], (), zones=3)
    assert [(g.count, g.pods) for g in up.growths] == [(6, 6)]


def test_a_pod_that_is_bound_to_a_zone_brings_one_machine_and_in_that_zone() -> None:
    in_zone = Place((NodeTerm((Requirement(ZONE, "In", ("z3",)),)),), "node(s) didn't match PersistentVolume's")
    bound = replace(SHAPE, places=(in_zone,))
    up = scale_up(Room(), waiting(3, bound), [group("web", 9, zones=("z1", "z2", "z3"))], (), zones=3)
    assert [[machine.labels[ZONE] for machine in g.machines] for g in up.growths] == [["z3", "z3"]]
    up = scale_up(Room(), waiting(1, bound), [group("web", 9, zones=("z1", "z2"))], (), zones=2)
    assert up.helpless[0].verdicts[0].why == "node(s) didn't match PersistentVolume's"


def test_pods_of_low_priority_bring_no_machine() -> None:
    assert not scale_up(Room(), waiting(3, priority=-11), [group("web", 9)], ()).growths


def test_placeholders_bring_a_machine_and_hold_it() -> None:
    """Room to spare: pods of a low priority that do nothing. The scheduler ends them for real ones."""
    assert [g.count for g in scale_up(Room(), waiting(2, priority=-5), [group("web", 9)], ()).growths] == [1]
    case = Case("a", "b").put("a", PodShape("default", requests=(("cpu", 800),))).put("b", priority=-5)
    assert case.down() == {"b": "pod default/p1 would fit on no other machine"}


def test_five_thousand_pods_that_are_alike_are_few_looks() -> None:
    up = scale_up(Room([spot(f"n{n}") for n in range(100)]), waiting(1000), [group("web", 900)], ())
    assert [(g.count, g.pods) for g in up.growths] == [(400, 800)]


class Case:
    """Machines a, b, c …, of a group of at least one."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.pods: list[Pod] = []
        self.budgets: tuple[Budget, ...] = ()

    def put(self, name: str, shape: PodShape = SHAPE, **more: object) -> "Case":
        self.pods.append(Pod(f"default/p{len(self.pods)}", shape, name, **more))  # type: ignore[arg-type]
        return self

    def down(self, *, since: timedelta = timedelta(minutes=10), least: int = 1, busy: bool = False) -> dict[str, str]:
        """What becomes of each machine."""
        spots = {name: spot(name) for name in self.names}
        room = Room(spots.values())
        for pod in self.pods:
            room.put(pod.shape, spots[pod.node])
        found = scale_down(
            room,
            [Machine(name, "web", Autoscaling(least, 9), one) for name, one in spots.items()],
            self.pods,
            self.budgets,
            since=dict.fromkeys(spots, NOW - since),
            may_lose=Counter(web=len(spots) - least),
            busy=busy,
            grown_at=None,
            now=NOW,
        )
        going = {m.name: "goes" for m in found.going}
        return {**{k.machine: k.why for k in found.kept}, **{u.machine: "unneeded" for u in found.unneeded}, **going}


def test_a_machine_goes_whose_pods_fit_elsewhere() -> None:
    assert Case("a", "b").put("a").put("b").down() == {"a": "goes"}
    assert Case("a", "b").put("a").put("b").down(since=timedelta(minutes=9))["a"] == "unneeded"


def test_one_that_is_used_stays_and_one_whose_pods_fit_nowhere() -> None:
    busy = PodShape("default", requests=(("cpu", 700),))
    case = Case("a", "b").put("a").put("b", busy)
    assert case.down() == {"a": "pod default/p0 would fit on no other machine"}


def test_empty_ones_go_together_and_others_one_at_a_time() -> None:
    assert Counter(Case("a", "b", "c", "d").put("d").down().values())["goes"] == 3
    case = Case("a", "b", "c").put("a", PodShape("d")).put("b", PodShape("d")).put("c", PodShape("d"))
    assert Counter(case.down().values())["goes"] == 1
    assert Counter(case.down(busy=True).values())["goes"] == 0


def test_after_growth_nothing_goes_for_ten_minutes_or_as_long_as_the_group_waits_anyway() -> None:
    long_ago, grown = NOW - timedelta(hours=1), NOW - timedelta(minutes=1)
    for unneeded, rests in ((60, 60), (600, 600), (3600, 600)):
        limits = Autoscaling(0, 9, unneeded_seconds=unneeded)
        assert goes_at(NOW, limits, None) == NOW + timedelta(seconds=unneeded)
        least = long_ago + timedelta(seconds=unneeded)
        assert goes_at(long_ago, limits, grown) == max(least, grown + timedelta(seconds=rests))


def test_what_keeps_a_machine() -> None:
    system = PodShape("kube-system", requests=(("cpu", 10),))
    claimed = PodShape("default", unsimulated=("volumes of claims",))
    cases: tuple[tuple[PodShape, dict[str, bool], str], ...] = (
        (SHAPE, {"safe_to_evict": False}, "not safe to evict"),
        (SHAPE, {"controlled": False}, "no controller"),
        (SHAPE, {"local_storage": True}, "local storage"),
        (system, {}, "PodDisruptionBudget"),
        (claimed, {"safe_to_evict": True}, "not simulated: volumes of claims"),
    )
    for shape, more, why in cases:
        assert why in Case("a", "b").put("a", shape, **more).put("b", safe_to_evict=False).down()["a"]
    fine: tuple[tuple[PodShape, dict[str, bool]], ...] = (
        (SHAPE, {"controlled": False, "safe_to_evict": True}),
        (SHAPE, {"local_storage": True, "safe_to_evict": True}),
        (system, {"safe_to_evict": True}),
        (system, {"moves": False}),
    )
    for shape, more in fine:
        assert Case("a", "b").put("a", shape, **more).put("b", safe_to_evict=False).down()["a"] == "goes"


def test_a_budget_that_allows_none_keeps_its_machines() -> None:
    case = Case("a", "b").put("a").put("b")
    case.budgets = (Budget("web", "default", WEB, 0),)
    assert "not enough PodDisruptionBudget left: default/web" in case.down()["a"]
    case.budgets = (Budget("web", "default", WEB, 1),)
    assert case.down()["a"] == "goes"


def test_a_group_that_fails_again_is_left_alone_for_longer() -> None:
    backoff, lengths = first_backoff("web", NOW, FULL), []
    for _ in range(5):
        lengths.append((backoff.until - backoff.since) // timedelta(minutes=1))
        backoff = backoff.again(backoff.until, FULL)
    assert lengths == [5, 10, 20, 30, 30]
    later = backoff.again(backoff.until + timedelta(hours=4), FULL)
    assert later.until - later.since == timedelta(minutes=5)


def test_what_a_flavor_leaves_to_pods() -> None:
    has = dict(allocatable(Flavor("f", "m1.small", 2, 4096, 20), 20))
    assert (has["cpu"], has["memory"] >> 20, has["pods"], has["ephemeral-storage"] >> 30) == (1900, 3541, 110, 15)
