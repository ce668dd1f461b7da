"""Which version of Kubernetes a cluster may be given, and what is in the way."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.domain.clusters import NOW, OFFER, cluster
from tests.unit.domain.test_plan import grown
from tests.unit.domain.test_rollout import NEXT, upgraded, with_spec

from navarch.domain.admission import Refusal
from navarch.domain.change import admit_change, in_the_way_of
from navarch.domain.drafts import changed_cluster, merge
from navarch.domain.kube import ClusterObstacle
from navarch.domain.machines import Departure, Machine
from navarch.domain.obstacles import Survey
from navarch.domain.offer import Allowance, Offer, Quota, Release
from navarch.domain.spec import Cluster, NodeGroup, Role
from navarch.domain.status import Condition, MachineCount, Phase, Status
from navarch.domain.upgrades import Circumstances, found_inside

THREE = cluster(control_plane=3, workers=2)
NOW_THERE = OFFER.releases[0]


def release(version: str) -> Release:
    return replace(NEXT, kubernetes_version=version, image_id=f"image-{version}", image_name=f"navarch-{version}")


PATCH, LATER = release("1.37.4"), release("1.39.1")
MANY = replace(OFFER, releases=(LATER, NEXT, PATCH, NOW_THERE, release("1.37.1"), release("1.36.3")))
MACHINES = grown(THREE).record.live
READY = Status(Phase.READY, machines=MachineCount(5, 5))


def asked(
    version: str,
    of: Cluster = THREE,
    machines: tuple[Machine, ...] = MACHINES,
    status: Status = READY,
    offer: Offer = MANY,
    quota: Quota | None = None,
    **spec: Any,
) -> Cluster | Refusal:
    """What becomes of a cluster that is asked to have this version."""
    document = {"name": of.name, "spec": {**spec_of(of), **spec}}
    draft = changed_cluster(of, merge(document, {"spec": {"kubernetes_version": version}}))
    return admit_change(of, draft, offer, quota, seen=Circumstances(status, machines))


def spec_of(of: Cluster) -> dict[str, Any]:
    from navarch.service import wish

    return dict(wish.of_cluster(of)["spec"])


def refused(result: Cluster | Refusal) -> list[str]:
    assert isinstance(result, Refusal), result
    assert {e.field for e in result.errors} == {"spec.kubernetes_version"}
    return [e.detail for e in result.errors]


def with_versions(wanted: Cluster, *versions: str) -> tuple[Machine, ...]:
    """Machines of a cluster, those of the control plane of these versions in turn."""
    made, left = grown(wanted).record.live, list(versions)
    return tuple(_of(m, left.pop(0)) if m.role is Role.CONTROL_PLANE else m for m in made)


def _of(machine: Machine, version: str) -> Machine:
    there = next(r for r in MANY.releases if r.kubernetes_version == version)
    return replace(machine, template=replace(machine.template, release=there))


@pytest.mark.parametrize("there", [PATCH, NEXT])
def test_a_higher_patch_and_the_next_minor_are_admitted_with_their_image(there: Release) -> None:
    after = asked(there.kubernetes_version)
    assert after == upgraded(THREE, there)


def test_an_image_of_the_version_may_be_named() -> None:
    second = replace(NEXT, image_id="image-1380-b", image_name="navarch-1.38.0-b")
    offer = replace(MANY, releases=(*MANY.releases, second))
    after = asked("1.38.0", offer=offer, node_image="navarch-1.38.0-b")
    assert isinstance(after, Cluster)
    assert after.spec.release == second


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.39.1", "skips 1.38: upgrade to 1.38 first"),
        ("1.37.1", "1.37.1 is older than 1.37.2"),
        ("1.36.3", "1.36.3 is older than 1.37.2"),
        ("2.0.0", "'2.0.0' is not offered"),
        ("newest", "'newest' is not offered"),
    ],
)
def test_other_versions_are_refused_with_the_reason(version: str, words: str) -> None:
    found = refused(asked(version))
    assert any(words in detail for detail in found), found


def test_all_that_is_in_the_way_is_told_at_once() -> None:
    group = THREE.node_groups[0]
    old = NodeGroup("old", replace(group.spec, kubernetes_version="1.35.0", release=release("1.35.0")))
    shop = replace(THREE, node_groups=(group, old))
    found = refused(asked("1.39.1", of=shop, status=replace(READY, phase=Phase.DEGRADED, machines=MachineCount(5, 3))))
    expected = ("skips 1.38", "node group old is to stay at 1.35.0", "the cluster is Degraded", "3 of 5 machines")
    for words in expected:
        assert len([detail for detail in found if words in detail]) == 1, (words, found)
    assert len(found) == len(expected)


def test_what_a_condition_says_is_said_here_too_with_who_must_act() -> None:
    condition = Condition("Ready", "False", "NoHostWithRoom", "no host has room", "cloud-operator", "add capacity")
    status = Status(Phase.BLOCKED, conditions=(condition,))
    (found,) = in_the_way_of(THREE, "1.38.0", MANY, seen=Circumstances(status, MACHINES))
    assert (found.reason, found.responsible, found.remedy) == ("NotReady", "cloud-operator", "add capacity")
    assert "NoHostWithRoom: no host has room" in found.message


def test_what_was_found_inside_the_cluster_is_told_of_versions_that_meet_it() -> None:
    hook = ClusterObstacle("webhook deny", "nodes", "WebhookDenies", "denies nodes", "take it away", blocks=True)
    old = ClusterObstacle(
        "flowschemas.v1beta3", "shop", "DeprecatedAPIRequested", "kubectl/1.20 asks", "move on", False, "1.38"
    )
    status = replace(READY, survey=Survey(NOW, (old, hook)))
    assert [o.message for o in found_inside(status, "1.38.0", blocking=True)] == ["webhook deny: denies nodes"]
    assert [o.reason for o in found_inside(status, "1.38.0", blocking=False)] == ["DeprecatedAPIRequested"]
    assert found_inside(status, "1.37.5", blocking=False) == ()
    assert found_inside(READY, "1.38.0", blocking=True) == ()


def test_a_stopped_cluster_is_started_first() -> None:
    stopped = with_spec(THREE, running=False)
    (told,) = refused(asked("1.38.0", of=stopped, status=Status(Phase.STOPPED)))
    assert told.endswith("start it first: navarch cluster start shop")
    (told,) = refused(asked("1.38.0", running=False))
    assert "start it first" in told
    assert "start it first" in refused(asked("1.38.0", status=Status(Phase.STOPPING)))[0], "its schedule stops it"


def test_a_paused_cluster_is_resumed_first() -> None:
    (told,) = refused(asked("1.38.0", status=Status(Phase.PAUSED)))
    assert "navarch cluster update shop --resume" in told
    (told,) = refused(asked("1.38.0", paused=True))
    assert "navarch cluster update shop --resume" in told, "also before anybody looked at it"


def test_node_groups_keep_their_own_version_or_follow() -> None:
    group = THREE.node_groups[0]
    pinned = NodeGroup("old", replace(group.spec, kubernetes_version="1.37.2", release=NOW_THERE))
    after = asked("1.38.0", of=replace(THREE, node_groups=(group, pinned)))
    assert isinstance(after, Cluster)
    assert after.node_groups == (group, pinned)
    going = replace(pinned, spec=replace(pinned.spec, kubernetes_version="1.34.0"), deletion_requested_at=NOW)
    assert isinstance(asked("1.38.0", of=replace(THREE, node_groups=(group, going))), Cluster), "it goes anyway"


def test_another_version_waits_for_the_rollout_that_is_under_way() -> None:
    shop = upgraded(THREE, PATCH)
    status = Status(Phase.PROGRESSING, machines=MachineCount(5, 4))
    (told,) = refused(
        asked("1.38.0", of=shop, machines=with_versions(THREE, "1.37.4", "1.37.2", "1.37.2"), status=status)
    )
    assert "4 machines are still of another version (shop-3f2a91bc-cp-1 has 1.37.2 and is to have 1.37.4)" in told
    assert told.endswith("wait until it is done, or roll back: ask for 1.37.2")
    (told,) = refused(
        asked("1.38.0", of=shop, machines=with_versions(THREE, "1.37.4", "1.37.4", "1.37.4"), status=status)
    )
    assert told.endswith("wait until it is done"), "only the workers are left"


def test_a_rollout_that_is_paused_is_to_be_resumed_before_another_version() -> None:
    shop = with_spec(upgraded(THREE, PATCH), rollout_paused=True)
    status = Status(Phase.PROGRESSING, machines=MachineCount(5, 4))
    (told,) = refused(
        asked("1.38.0", of=shop, machines=with_versions(THREE, "1.37.4", "1.37.4", "1.37.4"), status=status)
    )
    assert told.endswith(f"resume it: navarch cluster update {shop.name} --resume-rollout; then wait until it is done")


SHOP_AT_NEXT = upgraded(THREE, NEXT)
BROKEN = Status(Phase.BLOCKED, machines=MachineCount(5, 4))


@pytest.mark.parametrize("versions", [("1.37.2",) * 3, ("1.38.0", "1.37.2", "1.37.2"), ("1.38.0", "1.38.0", "1.37.2")])
def test_a_control_plane_turns_back_while_a_machine_of_it_stays_of_the_version_before(
    versions: tuple[str, ...],
) -> None:
    full = Quota((Allowance("instances", 5, 5),))
    for offer in (MANY, replace(MANY, releases=(NEXT,))):  # offered to others still, or not
        after = asked("1.37.2", SHOP_AT_NEXT, with_versions(THREE, *versions), BROKEN, offer, full)
        assert after == THREE, "with the image that it had, however broken, and without room for more"


def test_it_never_turns_back_once_its_last_machine_of_the_version_before_is_to_go() -> None:
    done = with_versions(THREE, "1.38.0", "1.38.0", "1.38.0")
    assert "an older version cannot read" in refused(asked("1.37.2", SHOP_AT_NEXT, done, READY))[0]
    last = tuple(
        replace(m, removing=True, departure=Departure.ROLLOUT) if m.name.endswith("cp-2") else m
        for m in with_versions(THREE, "1.38.0", "1.38.0", "1.37.2")
    )
    assert "an older version cannot read" in refused(asked("1.37.2", SHOP_AT_NEXT, last, BROKEN))[0]


def test_a_single_machine_that_is_only_to_go_has_not_left_the_version_before() -> None:
    one = cluster()
    leaving = tuple(
        replace(m, removing=True) if m.role is Role.CONTROL_PLANE else m for m in with_versions(one, "1.37.2")
    )
    assert asked("1.37.2", upgraded(one, NEXT), leaving, BROKEN) == one


def test_a_node_group_that_is_newer_stands_in_the_way_of_turning_back() -> None:
    group = SHOP_AT_NEXT.node_groups[0]
    pinned = NodeGroup("web", replace(group.spec, kubernetes_version="1.38.0", release=NEXT))
    shop = replace(SHOP_AT_NEXT, node_groups=(pinned,))
    (told,) = refused(asked("1.37.2", shop, with_versions(THREE, "1.38.0", "1.37.2", "1.37.2"), BROKEN))
    assert "node group web is to have 1.38.0, which is newer than 1.37.2" in told
    assert "navarch nodegroup update web -c shop --unset version" in told


def test_a_rollback_may_be_turned_round_again() -> None:
    after = asked("1.38.0", THREE, with_versions(THREE, "1.37.2", "1.38.0", "1.37.2"), BROKEN)
    assert after == SHOP_AT_NEXT


def test_quotas_must_hold_the_surge_of_as_many_groups_as_roll_side_by_side() -> None:
    web = THREE.node_groups[0]
    big = NodeGroup("big", replace(web.spec, flavor="m1.medium", replicas=3, max_surge=2))
    shop = replace(THREE, node_groups=(web, big))
    tight = Quota((Allowance("instances", 10, 9), Allowance("cores", 20, 15)))
    result = asked("1.38.0", of=shop, quota=tight)
    assert isinstance(result, Refusal)
    assert {e.field: e.detail.split(" free")[0] for e in result.errors} == {"quota.instances": "2 needed, 1"}
    result = asked("1.38.0", of=with_spec(shop, groups_at_once=2), quota=tight, groups_at_once=2)
    assert isinstance(result, Refusal)
    assert {e.field: e.detail.split(" free")[0] for e in result.errors} == {"quota.instances": "3 needed, 1"}
    (found,) = in_the_way_of(shop, "1.38.0", MANY, tight, seen=Circumstances(READY, MACHINES))
    assert (found.reason, found.responsible) == ("QuotaExceeded", "project-admin")
    none = replace(
        shop,
        node_groups=tuple(replace(g, spec=replace(g.spec, max_surge=0, max_unavailable=1)) for g in shop.node_groups),
    )
    full = Quota((Allowance("instances", 9, 9),))
    assert isinstance(asked("1.38.0", of=none, quota=full), Cluster)


def test_a_group_that_does_not_follow_takes_no_room() -> None:
    web = THREE.node_groups[0]
    pinned = replace(web, spec=replace(web.spec, kubernetes_version="1.37.2", release=NOW_THERE))
    full = Quota((Allowance("instances", 5, 5),))
    assert isinstance(asked("1.38.0", of=replace(THREE, node_groups=(pinned,)), quota=full), Cluster)
    assert "quota.instances" in {e.field for e in asked("1.38.0", quota=full).errors}  # type: ignore[union-attr]


def test_a_flavor_too_small_for_the_new_image_is_told() -> None:
    large = replace(NEXT, min_disk_gib=30)
    found = in_the_way_of(
        THREE, "1.38.0", replace(MANY, releases=(large, NOW_THERE)), seen=Circumstances(READY, MACHINES)
    )
    assert {o.reason for o in found} == {"NotAdmitted"}
    assert any("30 GiB of disk" in o.message for o in found)
