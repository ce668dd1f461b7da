"""Whole rollouts, as logs: what is replaced, in which order, and never too much at once."""

from dataclasses import replace
from random import Random

import pytest
from tests.unit.domain.clusters import ADDONS, NOW, OFFER, WANTED, cluster, unread
from tests.unit.domain.story import log
from tests.unit.domain.test_plan import GOLDEN, grown

from navarch.domain.machines import template_of
from navarch.domain.observed import Observed
from navarch.domain.offer import Release
from navarch.domain.openstack.resources import Kind, Server
from navarch.domain.plan import plan
from navarch.domain.rehearsal import imagine, rehearse, time_passes
from navarch.domain.shares import share
from navarch.domain.spec import Cluster, Role, VolumeSpec, surge
from navarch.domain.steps import RecordMachine, Step

NEXT = replace(OFFER.releases[0], kubernetes_version="1.38.0", image_id="image-1380", image_name="navarch-1.38.0")


def with_group(wanted: Cluster, **changes: object) -> Cluster:
    """The cluster with its node group changed."""
    group = wanted.node_groups[0]
    return replace(wanted, node_groups=(replace(group, spec=replace(group.spec, **changes)),))  # type: ignore[arg-type]


def with_spec(wanted: Cluster, **changes: object) -> Cluster:
    """The cluster with its spec changed."""
    return replace(wanted, spec=replace(wanted.spec, **changes))  # type: ignore[arg-type]


def with_places(wanted: Cluster, **changes: object) -> Cluster:
    """The cluster with its control plane changed."""
    return with_spec(wanted, control_plane=replace(wanted.spec.control_plane, **changes))  # type: ignore[arg-type]


def upgraded(wanted: Cluster, release: Release = NEXT) -> Cluster:
    return with_spec(wanted, kubernetes_version=release.kubernetes_version, release=release)


ONE, THREE = cluster(workers=3), cluster(control_plane=3, workers=3)
STOPPED = {"running": False, "running_since": NOW}
CHANGES = {
    "flavor": (ONE, with_group(ONE, flavor="m1.medium")),
    "flavor-by-two": (ONE, with_group(ONE, flavor="m1.medium", max_surge=0, max_unavailable="67%")),
    "flavor-and-more": (ONE, with_group(ONE, flavor="m1.medium", replicas=5, max_surge="100%")),
    "flavor-and-fewer": (ONE, with_group(ONE, flavor="m1.medium", replicas=1)),
    "root-volume": (ONE, with_group(ONE, root_volume=VolumeSpec("ssd", 30))),
    "labels": (ONE, with_group(ONE, labels=(("a", "b"),))),
    "zones": (ONE, with_group(ONE, zones=("z2", "z3"))),
    "upgrade-1+3": (ONE, upgraded(ONE)),
    "upgrade-3+3": (THREE, upgraded(THREE)),
    "three-places": (ONE, with_places(ONE, replicas=3, zones=("z1", "z2", "z3"))),
    "one-place": (THREE, with_places(THREE, replicas=1)),
    "stop": (ONE, with_spec(ONE, **STOPPED)),
    "stop-and-remove": (ONE, with_spec(ONE, **STOPPED, remove_stopped_workers=True)),
}


def stories() -> dict[str, tuple[Step, ...]]:
    return {
        f"rollout-{name}": rehearse(wanted, now=NOW, addons=ADDONS, observed=grown(was))
        for name, (was, wanted) in CHANGES.items()
    }


@pytest.mark.parametrize("name", CHANGES)
def test_the_story_reads_as_written_down(name: str) -> None:
    was, wanted = CHANGES[name]
    steps = rehearse(wanted, now=NOW, addons=ADDONS, observed=grown(was))
    assert log(steps) == (GOLDEN / f"rollout-{name}.log").read_text()


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("seed", range(8))
def test_in_whatever_order_things_happen_enough_stays_ready_and_never_too_much_exists(name: str, seed: int) -> None:
    """Any of the steps that could be taken is, while nothing else happens, or everything on its way arrives."""
    was, wanted = CHANGES[name]
    chance, seen, kube = Random(seed), grown(was), None
    for _ in range(2000):
        kube = seen.kube or kube
        if chance.random() < 0.5:
            seen = time_passes(wanted, seen, NOW, kube)
        steps = plan(wanted, seen, WANTED, now=NOW)
        for step in chance.sample(steps, min(len(steps), chance.randint(1, 2))):
            seen = imagine(seen, step, NOW)
            check(was, wanted, seen)
        if not steps and not plan(wanted, time_passes(wanted, seen, NOW, kube), WANTED, now=NOW):
            break
    else:
        raise AssertionError("it does not come to an end")
    end = time_passes(wanted, seen, NOW, kube)
    assert not any(m.removing for m in end.record.live)
    if wanted.spec.running:
        assert {m.name: template_of(wanted, m.group) for m in end.record.live} == {
            m.name: m.template for m in end.record.live
        }
        assert len(end.record.live) == wanted.wanted


def check(was: Cluster, wanted: Cluster, seen: Observed) -> None:
    """What holds at every moment of a change."""
    if not wanted.spec.running:
        return
    servers, running = seen.cloud.of(Server), {s.name for s in seen.cloud.of(Server) if s.status == "ACTIVE"}
    before, group = was.node_groups[0], wanted.node_groups[0]
    most = max(before.spec.replicas, group.spec.replicas + surge(group.spec))
    assert len([s for s in servers if "-web-" in s.name]) <= most
    if seen.kube is not None:
        ready = [n for n in seen.kube.nodes if "-web-" in n.name and n.name in running]
        least = min(before.spec.replicas, group.spec.replicas)
        assert len(ready) >= least - share(group.spec.max_unavailable, group.spec.replicas)
        etcd = [m for m in seen.kube.etcd or () if not m.learner]
        assert not etcd or len([m for m in etcd if m.name in running]) > len(etcd) // 2 or len(etcd) == 1
    newest = {m.template.release.kubernetes_version for m in seen.record.live if m.role is Role.WORKER}
    places = {m.template.release.kubernetes_version for m in seen.record.live if m.role is Role.CONTROL_PLANE}
    assert not places or max(newest) <= min(places)


@pytest.mark.parametrize("lacks", [Kind.SERVER, Kind.PORT])
def test_while_the_cloud_cannot_be_read_a_rollout_makes_nothing_above_its_surge(lacks: Kind) -> None:
    """A machine that was replaced may still be there: nobody knows."""
    wanted, seen, looks = with_group(ONE, flavor="m1.medium"), grown(ONE), 0
    group = wanted.node_groups[0]
    while steps := plan(wanted, seen, WANTED, now=NOW):
        seen = time_passes(wanted, imagine(seen, steps[0], NOW), NOW)
        if len([s for s in seen.cloud.of(Server) if "-web-" in s.name]) == group.wanted + surge(group.spec):
            blind = plan(wanted, unread(seen, lacks), WANTED, now=NOW)
            assert not [s for s in blind if isinstance(s, RecordMachine)]
            looks += 1
    assert looks >= group.wanted  # at each machine that is replaced
