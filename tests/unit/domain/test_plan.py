"""The story of a cluster, told by its plan."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.domain.clusters import ADDONS, NOW, TEMPLATE, WANTED, cluster, look, shown, unread
from tests.unit.domain.story import log

from navarch.domain.credentials import Credentials
from navarch.domain.machines import BootReport, Machine
from navarch.domain.observed import Observed
from navarch.domain.openstack.foundations import security_group_rules
from navarch.domain.openstack.resources import (
    KEPT_AFTER_DELETION,
    Identity,
    Kind,
    Port,
    Rule,
    SecurityGroup,
    Server,
    ServerGroup,
    Volume,
)
from navarch.domain.openstack.steps import (
    CreateServer,
    EnsureLoadBalancer,
    EnsureNetwork,
    EnsurePort,
    EnsureSecurityGroup,
    Remove,
    RenewIdentity,
)
from navarch.domain.plan import plan
from navarch.domain.rehearsal import imagine, nothing_yet, rehearse, time_passes
from navarch.domain.spec import Cluster, Role
from navarch.domain.steps import (
    ApplyAddon,
    DrainNode,
    Forget,
    ForgetMachine,
    ForgetNodeGroup,
    RecordMachine,
    ReleaseMachine,
    RevokeKubeconfigs,
    Step,
)

GOLDEN = Path(__file__).parent / "golden"


def grown(wanted: Cluster) -> Observed:
    """What is seen of a cluster that has come to be Ready."""
    return after(wanted, nothing_yet())


def after(wanted: Cluster, seen: Observed) -> Observed:
    """What is seen once the plan has nothing left to do."""
    for _ in range(100):
        seen = time_passes(wanted, seen, NOW)
        steps = plan(wanted, seen, WANTED, now=NOW)
        if not steps or any(isinstance(s, Forget) for s in steps):
            return replace(seen, fresh=True)
        for step in steps:
            seen = imagine(seen, step, NOW)
    raise AssertionError("the plan does not come to an end")


def deleting(wanted: Cluster, **changes: object) -> Cluster:
    return replace(wanted, deletion_requested_at=NOW, **changes)  # type: ignore[arg-type]


def stories() -> dict[str, tuple[Step, ...]]:
    one, three = cluster(), cluster(control_plane=3, workers=1)
    web = one.node_groups[0]
    bigger = replace(one, node_groups=(replace(web, spec=replace(web.spec, replicas=3)),))
    smaller = replace(one, node_groups=(replace(web, spec=replace(web.spec, replicas=1)),))
    without = replace(one, node_groups=(replace(web, deletion_requested_at=NOW),))
    return {
        "create-1+2": rehearse(one, now=NOW, addons=ADDONS),
        "create-3+1": rehearse(three, now=NOW, addons=ADDONS),
        "scale-up": rehearse(bigger, now=NOW, addons=ADDONS, observed=grown(one)),
        "scale-down": rehearse(smaller, now=NOW, addons=ADDONS, observed=grown(one)),
        "delete-node-group": rehearse(without, now=NOW, addons=ADDONS, observed=grown(one)),
        "delete": rehearse(deleting(one), now=NOW, addons=ADDONS, observed=grown(one)),
    }


@pytest.mark.parametrize("name", ["create-1+2", "create-3+1", "scale-up", "scale-down", "delete-node-group", "delete"])
def test_the_story_reads_as_written_down(name: str) -> None:
    assert log(stories()[name]) == (GOLDEN / f"{name}.log").read_text()


def test_a_cluster_that_is_as_wanted_needs_nothing() -> None:
    assert plan(cluster(), grown(cluster()), WANTED, now=NOW) == ()


def test_a_paused_cluster_is_left_alone() -> None:
    wanted = cluster()
    assert plan(replace(wanted, spec=replace(wanted.spec, paused=True)), nothing_yet(), WANTED, now=NOW) == ()


def test_a_kind_that_could_not_be_read_is_not_made_again() -> None:
    blind = replace(nothing_yet(), cloud=shown(nothing_yet().cloud, networks=None))
    assert not [s for s in plan(cluster(), blind, WANTED, now=NOW) if isinstance(s, EnsureNetwork)]


def test_a_cluster_is_not_forgotten_while_a_kind_could_not_be_read() -> None:
    wanted = deleting(cluster())
    for kind in Kind:
        blind = unread(nothing_yet(), kind)
        assert Forget() not in plan(wanted, blind, WANTED, now=NOW), kind
    assert plan(wanted, nothing_yet(), WANTED, now=NOW) == (Forget(),)


def test_a_cluster_is_forgotten_only_after_a_fresh_look() -> None:
    assert plan(deleting(cluster()), replace(nothing_yet(), fresh=False), WANTED, now=NOW) == ()


def test_deletion_waits_for_the_machines_before_it_removes_what_their_controllers_made() -> None:
    seen = grown(cluster())
    claim = Volume("v9", "pvc-1", "in-use", "z1", server_id="s", made_by="csi")
    seen = replace(seen, cloud=seen.cloud.having(claim))
    steps = plan(deleting(cluster()), seen, WANTED, now=NOW)
    assert Kind.SERVER in {s.kind for s in steps if isinstance(s, Remove)}
    assert not [s for s in steps if isinstance(s, Remove) and s.kind in (Kind.VOLUME, Kind.NETWORK, Kind.IDENTITY)]


@pytest.mark.parametrize("keep", [True, False])
def test_volumes_of_claims_go_unless_they_are_kept(keep: bool) -> None:
    seen = grown(cluster())
    claim = Volume("v9", "pvc-1", "available", "z1", made_by="csi")
    seen = replace(seen, cloud=seen.cloud.having(claim))
    wanted = deleting(cluster(), keep_volumes=keep)
    steps = rehearse(wanted, now=NOW, addons=ADDONS, observed=seen)
    assert any(isinstance(s, Remove) and s.id == "v9" for s in steps) is not keep
    assert steps[-1] == Forget()


def test_a_worker_number_is_never_used_twice() -> None:
    wanted = cluster(workers=1)
    seen = grown(cluster(workers=2))
    seen = after(wanted, seen)  # web-2 is gone and remembered
    steps = plan(cluster(workers=2), seen, WANTED, now=NOW)
    assert [s.name for s in steps if isinstance(s, RecordMachine)] == ["shop-3f2a91bc-web-3"]


def test_a_machine_that_never_joined_goes_before_one_that_did() -> None:
    seen = grown(cluster(workers=2))
    seen = look(seen, machines=tuple(replace(m, joined=m.name != "shop-3f2a91bc-web-1") for m in seen.record.machines))
    steps = plan(cluster(workers=1), seen, WANTED, now=NOW)
    assert [s.name for s in steps if isinstance(s, ReleaseMachine)] == ["shop-3f2a91bc-web-1"]


def test_a_node_is_drained_before_its_machine_goes() -> None:
    seen = grown(cluster())
    leaving = "shop-3f2a91bc-web-2"
    seen = look(seen, machines=tuple(replace(m, removing=m.name == leaving) for m in seen.record.machines))
    steps = plan(cluster(workers=1), seen, WANTED, now=NOW)
    assert steps == (DrainNode(leaving),)


def test_a_joined_machine_is_not_removed_while_the_kubernetes_api_is_silent() -> None:
    seen = replace(grown(cluster()), kube=None)
    seen = look(seen, machines=tuple(replace(m, removing=m.serial == 2) for m in seen.record.machines))
    assert not [s for s in plan(cluster(workers=1), seen, WANTED, now=NOW) if isinstance(s, Remove)]


def with_a_server_in_error(*, tried_for: int = 0) -> Observed:
    """A node's server is in ERROR, made NOW; its machine was decided on so many seconds before."""
    seen = grown(cluster())
    name, began = "shop-3f2a91bc-web-1", NOW - timedelta(seconds=tried_for)
    broken = Server("broken", name, "ERROR", "z1", fault="No valid host", created_at=NOW)
    cloud = shown(seen.cloud, servers=(*(s for s in seen.cloud.of(Server) if s.name != name), broken))
    machines = tuple(replace(m, created_at=began) if m.name == name else m for m in seen.record.machines)
    return look(seen, cloud=cloud, machines=machines)


def test_a_server_in_error_that_was_a_node_is_left() -> None:
    seen = with_a_server_in_error()
    assert plan(cluster(), seen, WANTED, now=NOW + timedelta(seconds=61)) == ()  # its data may be dear


@pytest.mark.parametrize(("tried_for", "kept"), [(0, 60), (100, 60), (200, 100), (500, 250), (6000, 300)])
def test_a_server_in_error_is_made_anew_the_later_the_longer_that_was_in_vain(tried_for: int, kept: int) -> None:
    seen = with_a_server_in_error(tried_for=tried_for)
    seen = look(seen, machines=tuple(replace(m, joined=m.name != "shop-3f2a91bc-web-1") for m in seen.record.machines))
    assert plan(cluster(), seen, WANTED, now=NOW + timedelta(seconds=kept - 1)) == ()
    (step,) = plan(cluster(), seen, WANTED, now=NOW + timedelta(seconds=kept + 1))
    assert isinstance(step, Remove) and step.id == "broken"


def late(phases: tuple[BootReport, ...] = (), *, minutes: int, role: Role = Role.WORKER) -> list[Remove]:
    """What is removed when a machine has not joined so many minutes after its server was made."""
    seen = grown(cluster())
    name = "shop-3f2a91bc-web-1" if role is Role.WORKER else "shop-3f2a91bc-cp-0"
    machines = tuple(
        replace(m, joined=m.name != name, boot=phases if m.name == name else ()) for m in seen.record.machines
    )
    servers = tuple(replace(s, created_at=NOW) for s in seen.cloud.of(Server))
    seen = look(seen, machines=machines, cloud=shown(seen.cloud, servers=servers))
    steps = plan(cluster(), seen, WANTED, now=NOW + timedelta(minutes=minutes))
    return [s for s in steps if isinstance(s, Remove) and s.kind is Kind.SERVER]


def test_a_machine_that_never_joined_is_made_anew_once_people_could_look_at_it() -> None:
    assert late(minutes=14) == []
    assert [s.name for s in late(minutes=15)] == ["shop-3f2a91bc-web-1"]


def test_one_whose_boot_failed_is_made_anew_sooner() -> None:
    failed = (BootReport("PrepareMachine", "failed", NOW + timedelta(minutes=1)),)
    assert late(failed, minutes=5) == []
    assert len(late(failed, minutes=6)) == 1


def test_what_an_earlier_machine_of_the_name_reported_counts_no_more() -> None:
    assert late((BootReport("PrepareMachine", "failed", NOW - timedelta(minutes=9)),), minutes=6) == []


def test_a_machine_that_may_hold_an_etcd_member_is_left_to_people_however_late_it_is() -> None:
    begun = (BootReport("KubeadmInit", "started", NOW + timedelta(minutes=1)),)
    assert late(begun, minutes=120, role=Role.CONTROL_PLANE) == []
    assert len(late(minutes=120, role=Role.CONTROL_PLANE)) == 1


def test_a_port_and_a_server_of_a_machine_that_was_given_up_go() -> None:
    seen = grown(cluster())
    forgotten = "shop-3f2a91bc-web-2"
    seen = look(seen, machines=tuple(replace(m, removed=m.name == forgotten) for m in seen.record.machines))
    steps = plan(cluster(workers=1), seen, WANTED, now=NOW)
    assert [(s.kind, s.name) for s in steps if isinstance(s, Remove)] == [(Kind.SERVER, forgotten)]
    without = shown(seen.cloud, servers=tuple(s for s in seen.cloud.of(Server) if s.name != forgotten))
    free = tuple(replace(p, server_id=None) if p.name == forgotten else p for p in seen.cloud.of(Port))
    steps = plan(cluster(workers=1), replace(seen, cloud=shown(without, ports=free)), WANTED, now=NOW)
    assert [(s.kind, s.name) for s in steps if isinstance(s, Remove)] == [(Kind.PORT, forgotten)]


def test_a_lost_balancer_is_asked_for_at_its_address_and_new_workers_need_not_wait_for_it() -> None:
    seen = look(grown(cluster()), api_internal_address="<internal address>")
    gone = shown(seen.cloud, load_balancers=())
    decided = Machine("shop-3f2a91bc-web-3", Role.WORKER, "web", 3, "z1", NOW, TEMPLATE)
    waiting = look(seen, cloud=gone, machines=(*seen.record.machines, decided))
    steps = plan(cluster(workers=3), waiting, WANTED, now=NOW)
    assert [s.address for s in steps if isinstance(s, EnsureLoadBalancer)] == ["<internal address>"]
    assert [s.name for s in steps if isinstance(s, EnsurePort)] == [decided.name]


def test_the_server_group_of_a_node_group_that_was_forgotten_goes() -> None:
    seen = grown(cluster())
    forgotten = ServerGroup("left", "shop-3f2a91bc-gone-spread")
    groups = (*(seen.cloud.of(ServerGroup)), forgotten)
    steps = plan(cluster(), replace(seen, cloud=shown(seen.cloud, server_groups=groups)), WANTED, now=NOW)
    assert [(s.kind, s.id) for s in steps if isinstance(s, Remove)] == [(Kind.SERVER_GROUP, "left")]


def test_workers_of_one_zone_are_placed_one_after_the_other_so_that_they_are_spread() -> None:
    seen = grown(cluster())
    first, second = "shop-3f2a91bc-web-1", "shop-3f2a91bc-web-2"
    others = tuple(s for s in seen.cloud.of(Server) if s.name not in (first, second))
    seen = look(seen, machines=tuple(replace(m, joined=False) for m in seen.record.machines))

    def asked_for(first_is: Server) -> list[str]:
        cloud = shown(seen.cloud, servers=(*others, first_is))
        steps = plan(cluster(), replace(seen, cloud=cloud), WANTED, now=NOW)
        return [s.name for s in steps if isinstance(s, CreateServer)]

    assert asked_for(Server("1", first, "BUILD", "z1", created_at=NOW)) == []
    assert asked_for(Server("1", first, "ACTIVE", "z1", created_at=NOW)) == [second]
    assert asked_for(Server("1", first, "BUILD", "z1", created_at=NOW - timedelta(seconds=61))) == [second]


def test_a_foreign_object_is_never_touched() -> None:
    seen = grown(cluster())
    seen = replace(seen, cloud=seen.cloud.having(Volume("theirs", "data", "available", "z1", made_by="csi")))
    assert plan(cluster(), seen, WANTED, now=NOW) == ()


def test_the_api_is_open_to_those_who_may_and_to_navarch_alone() -> None:
    wanted = cluster()
    network = replace(wanted.spec.network, api_allowed_cidrs=("198.51.100.7/32",))
    closed = replace(wanted, spec=replace(wanted.spec, network=network))
    rules = security_group_rules(closed, Role.CONTROL_PLANE, ("198.51.100.1/32",))
    api = {r.cidr for r in rules if r.port_min == 6443}
    assert api == {"198.51.100.7/32", "198.51.100.1/32", "10.0.0.0/24"}
    assert Rule("tcp", 6443, 6443, cidr="0.0.0.0/0") in security_group_rules(wanted, Role.CONTROL_PLANE)
    assert not [r for r in security_group_rules(wanted, Role.WORKER) if r.port_min in (22, 6443, 2379)]


def test_no_worker_reaches_etcd_or_what_only_the_api_server_asks() -> None:
    wanted = cluster()
    inside = {r for r in security_group_rules(wanted, Role.CONTROL_PLANE) if r.port_min in (2379, 4443)}
    assert {(r.port_min, r.port_max, r.group, r.cidr) for r in inside} == {
        (2379, 2380, "shop-3f2a91bc-sg-cp", None),
        (4443, 4443, "shop-3f2a91bc-sg-cp", None),
    }
    group = next(g for g in grown(wanted).cloud.of(SecurityGroup) if g.name == "shop-3f2a91bc-sg-cp")
    assert inside <= group.rules


def test_a_group_that_lets_nothing_out_any_more_is_put_right() -> None:
    seen = grown(cluster())
    groups = tuple(replace(g, lets_out=False) for g in seen.cloud.of(SecurityGroup))
    closed = replace(seen, cloud=shown(seen.cloud, security_groups=groups))
    steps = plan(cluster(), closed, WANTED, now=NOW)
    assert {s.name for s in steps if isinstance(s, EnsureSecurityGroup)} == {g.name for g in groups}
    assert len(steps) == len(groups)


def test_a_node_group_that_is_to_go_is_forgotten_when_its_machines_are() -> None:
    one = cluster()
    without = replace(one, node_groups=(replace(one.node_groups[0], deletion_requested_at=NOW),))
    seen = grown(one)
    seen = look(seen, machines=tuple(replace(m, removed=m.group == "web") for m in seen.record.machines))
    cloud = shown(seen.cloud, server_groups=tuple(g for g in seen.cloud.of(ServerGroup) if "web" not in g.name))
    assert ForgetNodeGroup("web") in plan(without, replace(seen, cloud=cloud), WANTED, now=NOW)


def test_an_identity_without_its_trust_is_completed() -> None:
    seen = grown(cluster())
    seen = replace(seen, cloud=shown(seen.cloud, identities=(Identity("u", "c"),)))
    assert [type(s).__name__ for s in plan(cluster(), seen, WANTED, now=NOW)] == ["EnsureIdentity"]


def test_credentials_that_somebody_wants_replaced_are_replaced_once() -> None:
    seen = grown(cluster())
    asked = seen.with_record(credentials=Credentials(requested_at=NOW))
    (step,) = plan(cluster(), asked, WANTED, now=NOW)
    assert isinstance(step, RenewIdentity)
    before = seen.cloud.of(Identity)[0]
    assert (step.id, step.name) == (before.id, before.name)
    renewed = step.after(asked, Identity("another", before.name, "its trust"), NOW)
    assert renewed.cloud.of(Identity) == (Identity("another", before.name, "its trust"),)
    assert plan(cluster(), renewed, WANTED, now=NOW) == ()


def test_a_server_that_nova_keeps_after_its_deletion_is_deleted_for_good_whoever_deleted_it() -> None:
    seen = grown(cluster())
    server = seen.cloud.of(Server)[-1]
    kept = seen.with_cloud(seen.cloud.changed(Server, server.id, status=KEPT_AFTER_DELETION))
    removals = [step for step in plan(cluster(), kept, WANTED, now=NOW) if isinstance(step, Remove)]
    assert [(step.kind, step.id) for step in removals] == [(Kind.SERVER, server.id)]
    going = removals[0].after(kept, None, NOW)
    assert not [step for step in plan(cluster(), going, WANTED, now=NOW) if isinstance(step, Remove)]
    asked = deleting(cluster())
    assert server.id in {step.id for step in plan(asked, kept, WANTED, now=NOW) if isinstance(step, Remove)}


def test_a_gone_machine_is_forgotten_with_its_port() -> None:
    seen = grown(cluster())
    leaving = Machine("shop-3f2a91bc-web-9", Role.WORKER, "web", 9, "z1", NOW, TEMPLATE, removing=True)
    seen = look(seen, machines=(*seen.record.machines, leaving))
    assert plan(cluster(), seen, WANTED, now=NOW) == (ForgetMachine(leaving.name),)


@settings(max_examples=60, deadline=None)
@given(
    start=st.tuples(st.sampled_from([1, 3, 5]), st.integers(0, 6)),
    then=st.integers(0, 6),
)
def test_any_size_is_reached_from_any_other_and_deletion_leaves_nothing(start: tuple[int, int], then: int) -> None:
    first, second = cluster(control_plane=start[0], workers=start[1]), cluster(control_plane=start[0], workers=then)
    seen = after(second, grown(first))
    servers = {s.name for s in seen.cloud.of(Server)}
    assert len(servers) == start[0] + then
    assert len({s.name for s in seen.cloud.of(Port)}) == start[0] + then
    steps = rehearse(deleting(second), now=NOW, addons=ADDONS, observed=seen)
    assert steps[-1] == Forget()
    assert not [s for s in steps if isinstance(s, CreateServer)]


def test_addons_are_rehearsed_in_the_order_in_which_they_are_applied() -> None:
    order = ("calico", "access", "coredns")
    steps = rehearse(cluster(), now=NOW, addons=order)
    assert tuple(step.name for step in steps if isinstance(step, ApplyAddon)) == order


def test_kubeconfigs_that_were_revoked_are_refused_whatever_else_waits() -> None:
    wanted = cluster()
    seen = grown(wanted).with_record(revoked=("a", "b"))
    assert plan(wanted, seen, WANTED, now=NOW) == (RevokeKubeconfigs(("a", "b")),)
    assert seen.kube is not None
    refused = replace(seen, kube=replace(seen.kube, refused=("a", "b")))
    assert plan(wanted, refused, WANTED, now=NOW) == ()
    # They are refused, and it is not written down: so that it will be.
    assert plan(wanted, refused.with_record(revoking=("b",)), WANTED, now=NOW) == (RevokeKubeconfigs(("a", "b")),)
    # One that has ended is on the list still: nothing has to be done.
    assert plan(wanted, refused.with_record(revoked=("b",)), WANTED, now=NOW) == ()
    assert plan(wanted, replace(seen, kube=None), WANTED, now=NOW) != (RevokeKubeconfigs(("a", "b")),)
