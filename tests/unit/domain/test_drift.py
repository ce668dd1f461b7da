"""What was removed by hand is put back: each story begins with a cluster that is as wanted and lacks one thing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.domain.clusters import ADDONS, CONTROL_PLANE_TEMPLATE, NOW, TEMPLATE, WANTED, cluster, look, shown
from tests.unit.domain.story import log
from tests.unit.domain.test_plan import GOLDEN, grown

from navarch.domain.cloud import CloudState, Resource
from navarch.domain.conditions import CONTROL_PLANE, INFRASTRUCTURE, WORKERS, judge
from navarch.domain.machines import BootReport, Departure, Machine, MachineFacts
from navarch.domain.observed import Observed
from navarch.domain.openstack.resources import Kind, Port, Server, Volume
from navarch.domain.openstack.steps import (
    AttachPort,
    AttachVolume,
    CreateServer,
    EnsureFloatingIP,
    EnsureLoadBalancer,
    EnsurePort,
    EnsureSecurityGroup,
    EnsureVolume,
    Remove,
    StartServer,
)
from navarch.domain.outcomes import Again, Done, Result
from navarch.domain.plan import plan
from navarch.domain.rehearsal import imagine, rehearse
from navarch.domain.spec import Role
from navarch.domain.status import Status
from navarch.domain.steps import (
    DeleteNode,
    DrainNode,
    ForgetMachine,
    ForgetMember,
    RecordMachine,
    ReleaseMachine,
    RemoveMember,
    Step,
)

STEM = "shop-3f2a91bc"
WORKER, PLACE = f"{STEM}-web-1", f"{STEM}-cp-0"


def settled(control_plane: int = 1) -> Observed:
    """A cluster that is as wanted, with what Navarch remembers of it."""
    seen = grown(cluster(control_plane=control_plane))
    volumes = {f"{STEM}-cp-{v.name.rpartition('-')[2]}": v.id for v in seen.cloud.of(Volume)}
    machines = tuple(
        replace(m, facts=MachineFacts(f"<address of {m.name}>", volumes.get(m.name, ""))) for m in seen.record.machines
    )
    return look(
        seen, machines=machines, api_internal_address="<internal address>", api_public_address="<public address>"
    )


def without(seen: Observed, kind: Kind, name: str) -> Observed:
    """The same after somebody removed an object, and the services of the cloud have told each other."""
    (lost,) = (r for r in seen.cloud.of_kind(kind) if r.name == name)
    cloud = seen.cloud.without(kind, lost.id)
    if kind is Kind.SERVER:
        cloud = shown(
            cloud,
            ports=tuple(replace(p, server_id=None) if p.server_id == lost.id else p for p in cloud.of(Port)),
            volumes=tuple(
                replace(v, server_id=None, status="available") if v.server_id == lost.id else v
                for v in cloud.of(Volume)
            ),
        )
    if kind is Kind.PORT:
        cloud = changed(cloud, Kind.SERVER, name, addresses=())
    return replace(seen, cloud=cloud)


def changed(cloud: CloudState, kind: Kind, name: str, **changes: object) -> CloudState:
    (found,) = (r for r in cloud.of_kind(kind) if r.name == name)
    resource: Resource = replace(found, **changes)
    return cloud.having(resource)


def detached(seen: Observed) -> Observed:
    """The etcd volume of place 0 was taken from its machine."""
    return replace(seen, cloud=changed(seen.cloud, Kind.VOLUME, f"{STEM}-etcd-0", server_id=None, status="available"))


def stories() -> dict[str, tuple[Step, ...]]:
    one, three, seen = cluster(), cluster(control_plane=3), settled()
    silent = replace(without(seen, Kind.SERVER, PLACE), kube=None)
    faults = {
        "worker": (one, without(seen, Kind.SERVER, WORKER)),
        "worker-port": (one, without(seen, Kind.PORT, WORKER)),
        "only-control-plane-machine": (one, silent),
        "control-plane-machine-of-three": (three, without(settled(3), Kind.SERVER, PLACE)),
        "control-plane-port": (one, without(seen, Kind.PORT, PLACE)),
        "etcd-volume-attachment": (one, detached(seen)),
        "balancer": (one, without(seen, Kind.LOAD_BALANCER, f"{STEM}-api")),
        "floating-ip": (one, without(seen, Kind.FLOATING_IP, f"{STEM}-api")),
    }
    return {
        f"drift-{fault}": rehearse(wanted, now=NOW, addons=ADDONS, observed=lacking)
        for fault, (wanted, lacking) in faults.items()
    }


@pytest.mark.parametrize("name", sorted(stories()))
def test_the_story_reads_as_written_down(name: str) -> None:
    assert log(stories()[name]) == (GOLDEN / f"{name}.log").read_text()


def steps(seen: Observed, control_plane: int = 1) -> tuple[Step, ...]:
    return plan(cluster(control_plane=control_plane), seen, WANTED, now=NOW)


def test_a_server_that_neutron_still_sees_on_its_port_is_not_given_up() -> None:
    seen = settled()
    (server,) = (s for s in seen.cloud.of(Server) if s.name == WORKER)
    assert steps(replace(seen, cloud=seen.cloud.without(Kind.SERVER, server.id))) == ()


def test_a_port_that_nova_still_sees_on_its_server_costs_no_machine() -> None:
    seen = settled()
    cloud = changed(seen.cloud, Kind.PORT, WORKER, server_id=None)
    assert steps(replace(seen, cloud=cloud)) == ()


def test_a_machine_that_boots_has_not_lost_its_server() -> None:
    lacking = without(settled(), Kind.SERVER, WORKER)
    machines = tuple(replace(m, joined=m.joined and m.name != WORKER) for m in lacking.record.machines)
    (step,) = steps(look(lacking, machines=machines))
    assert isinstance(step, CreateServer) and step.name == WORKER


def test_nothing_is_given_up_while_servers_could_not_be_read() -> None:
    lacking = without(settled(), Kind.SERVER, WORKER)
    assert steps(replace(lacking, cloud=shown(lacking.cloud, servers=None))) == ()


def test_a_lost_workers_node_goes_before_its_machine_is_forgotten() -> None:
    lacking = without(settled(), Kind.SERVER, WORKER)
    machines = tuple(replace(m, removing=m.removing or m.name == WORKER) for m in lacking.record.machines)
    taken = steps(look(lacking, machines=machines))
    assert DeleteNode(WORKER) in taken
    assert not [s for s in taken if isinstance(s, ForgetMachine | DrainNode)]


def test_a_worker_without_its_port_is_not_drained_since_nothing_of_it_can_be_reached() -> None:
    lacking = without(settled(), Kind.PORT, WORKER)
    machines = tuple(replace(m, removing=m.removing or m.name == WORKER) for m in lacking.record.machines)
    taken = steps(look(lacking, machines=machines, kube=None))
    assert [s.kind for s in taken if isinstance(s, Remove)] == [Kind.SERVER]
    assert not [s for s in steps(look(lacking, machines=machines)) if isinstance(s, DrainNode)]


@pytest.mark.parametrize("how", [{"status": "DELETED", "task_state": None}, {"task_state": "deleting"}])
def test_a_worker_whose_server_is_going_is_not_drained(how: dict[str, Any]) -> None:
    seen = settled()
    going = changed(seen.cloud, Kind.SERVER, WORKER, addresses=(), **how)
    machines = tuple(replace(m, removing=m.name == WORKER) for m in seen.record.machines)
    taken = steps(look(seen, cloud=going, machines=machines))
    assert not [s for s in taken if isinstance(s, DrainNode | DeleteNode | Remove)]


@pytest.mark.parametrize("how", [{}, {"task_state": "powering-off"}, {"status": "REBOOT"}])
def test_a_machine_that_runs_or_is_in_transition_is_not_removed_undrained_while_kubernetes_is_silent(
    how: dict[str, Any],
) -> None:
    seen = settled()
    machines = tuple(replace(m, removing=m.removing or m.name == WORKER) for m in seen.record.machines)
    leaving = look(seen, cloud=changed(seen.cloud, Kind.SERVER, WORKER, **how), machines=machines)

    def next_steps(now_seen: Observed) -> list[type[Step]]:
        taken = plan(cluster(), now_seen, WANTED, now=NOW)
        return [type(s) for s in taken if isinstance(s, DrainNode | DeleteNode | Remove)]

    assert next_steps(replace(leaving, kube=None)) == []
    assert next_steps(leaving) == [DrainNode]


def test_a_place_keeps_its_port_and_with_it_its_etcd_members_address() -> None:
    taken = rehearse(cluster(), now=NOW, addons=ADDONS, observed=without(settled(), Kind.SERVER, PLACE))
    assert not [
        s for s in taken if isinstance(s, EnsurePort | EnsureLoadBalancer) or getattr(s, "kind", "") == Kind.PORT
    ]


def test_a_port_comes_back_with_the_address_that_its_machine_has() -> None:
    ports = [s for s in steps(without(settled(), Kind.PORT, PLACE)) if isinstance(s, EnsurePort)]
    assert [p.address for p in ports] == [f"<address of {PLACE}>"]


def test_a_booting_workers_port_is_not_asked_for_with_an_address_that_another_has_by_now() -> None:
    lacking = without(settled(), Kind.PORT, WORKER)
    machines = tuple(replace(m, joined=m.joined and m.name != WORKER) for m in lacking.record.machines)
    lacking = look(lacking, machines=machines)
    address = f"<address of {WORKER}>"
    assert [s.address for s in steps(lacking) if isinstance(s, EnsurePort)] == [address]
    taken = changed(lacking.cloud, Kind.PORT, f"{STEM}-web-2", address=address)
    assert not [s for s in steps(replace(lacking, cloud=taken)) if isinstance(s, EnsurePort)]


def test_a_port_that_lost_its_security_group_gets_it_back() -> None:
    seen = settled()
    cloud = changed(seen.cloud, Kind.PORT, WORKER, security_group_ids=("of-a-service",))
    (step,) = steps(replace(seen, cloud=cloud))
    assert isinstance(step, EnsurePort) and step.name == WORKER


def test_the_balancer_and_the_floating_ip_come_back_at_their_addresses() -> None:
    seen = settled()
    (balancer,) = steps(without(seen, Kind.LOAD_BALANCER, f"{STEM}-api"))
    (floating,) = steps(without(seen, Kind.FLOATING_IP, f"{STEM}-api"))
    assert isinstance(balancer, EnsureLoadBalancer) and balancer.address == "<internal address>"
    assert isinstance(floating, EnsureFloatingIP) and floating.address == "<public address>"


def test_a_machine_that_was_switched_off_is_switched_on() -> None:
    seen = settled()
    off = replace(seen, cloud=changed(seen.cloud, Kind.SERVER, WORKER, status="SHUTOFF"))
    (step,) = steps(off)
    assert isinstance(step, StartServer) and step.name == WORKER


def test_a_machine_is_not_switched_on_without_its_etcd_volume() -> None:
    lacking = detached(settled())
    off = replace(lacking, cloud=changed(lacking.cloud, Kind.SERVER, PLACE, status="SHUTOFF"))
    (step,) = steps(off)
    assert isinstance(step, AttachVolume)
    attaching = changed(off.cloud, Kind.VOLUME, f"{STEM}-etcd-0", status="attaching")
    assert steps(replace(off, cloud=attaching)) == ()


def test_a_machine_is_not_stopped_for_a_volume_that_does_not_hold_its_members_data() -> None:
    lacking = detached(settled())
    anew = shown(lacking.cloud, volumes=tuple(replace(v, id="made-anew") for v in lacking.cloud.of(Volume)))
    assert steps(replace(lacking, cloud=anew)) == ()


def test_a_machine_that_has_just_said_something_is_not_lost_however_many_lists_lack_it() -> None:
    lacking = without(settled(), Kind.SERVER, PLACE)
    joined = look(
        lacking, machines=tuple(replace(m, boot=(BootReport("Joined", "done", NOW),)) for m in lacking.record.machines)
    )

    def is_given_up(seconds: int) -> bool:
        return lost(PLACE) in plan(cluster(), joined, WANTED, now=NOW + timedelta(seconds=seconds))

    assert (is_given_up(1), is_given_up(29), is_given_up(31)) == (False, False, True)


def lost(machine: str, why: str = "its server is gone") -> ReleaseMachine:
    return ReleaseMachine(machine, Departure.REPAIR, why)


def without_node(seen: Observed, name: str) -> Observed:
    assert seen.kube is not None
    return replace(seen, kube=replace(seen.kube, nodes=tuple(n for n in seen.kube.nodes if n.name != name)))


def test_a_worker_whose_node_somebody_removed_is_replaced() -> None:
    released, another = steps(without_node(settled(), WORKER))
    assert released == lost(WORKER, "its Node was removed")
    assert isinstance(another, RecordMachine)


def test_one_of_the_control_plane_without_its_node_is_left_to_people() -> None:
    lacking = without_node(settled(), PLACE)
    assert steps(lacking) == ()
    said = judge(cluster(), lacking, WANTED, (), ready(), now=NOW).condition(CONTROL_PLANE)
    assert said is not None and said.reason == "NodesNotReady" and PLACE in said.message


def test_a_worker_that_may_register_yet_is_not_replaced() -> None:
    lacking = without_node(settled(), WORKER)

    def worker(**changes: Any) -> Observed:
        return look(
            lacking, machines=tuple(replace(m, **changes) if m.name == WORKER else m for m in lacking.record.machines)
        )

    boots, spoke = worker(joined=False), worker(boot=(BootReport("Joined", "done", NOW - timedelta(seconds=5)),))
    restarts = replace(lacking, cloud=changed(lacking.cloud, Kind.SERVER, WORKER, status="REBOOT"))
    silent = replace(lacking, kube=None)
    for seen in (boots, spoke, restarts, silent):
        assert not any(isinstance(step, ReleaseMachine) for step in steps(seen))


def test_a_lost_etcd_volume_is_for_people_and_no_blank_one_takes_its_place() -> None:
    gone = without(without(settled(), Kind.SERVER, PLACE), Kind.VOLUME, f"{STEM}-etcd-0")
    after, taken = gone, list[Step]()
    while new := steps(after):
        for step in new:
            after = imagine(after, step, NOW)
        taken += new
    assert not [s for s in taken if isinstance(s, EnsureVolume | CreateServer)]
    said = judge(cluster(), after, WANTED, (), Status(), now=NOW).condition(CONTROL_PLANE)
    assert said is not None and said.reason == "EtcdVolumeLost" and said.responsible == "user"
    assert f"{STEM}-etcd-0" in said.message and cluster().id in (said.remedy or "")
    restored = replace(after, cloud=after.cloud.having(Volume("restored", f"{STEM}-etcd-0", "available", "z1")))
    (made,) = steps(restored)
    assert isinstance(made, CreateServer) and made.volume_ids == ("restored",)


def test_a_member_whose_data_go_while_its_machine_is_made_anew_leaves_etcd_and_a_new_one_joins() -> None:
    three = cluster(control_plane=3)
    lacking = without(settled(3), Kind.SERVER, PLACE)
    for step in (
        lost(PLACE),
        ForgetMachine(PLACE),
        RecordMachine(PLACE, Role.CONTROL_PLANE, "cp", 0, "z1", CONTROL_PLANE_TEMPLATE),
    ):
        lacking = imagine(lacking, step, NOW)
    bereft = without(lacking, Kind.VOLUME, f"{STEM}-etcd-0")
    said = judge(three, bereft, WANTED, (), Status(), now=NOW).condition(CONTROL_PLANE)
    assert said is not None and said.reason == "ReplacingMember" and said.responsible is None
    taken = [type(s) for s in rehearse(three, now=NOW, addons=ADDONS, observed=bereft)]
    assert [t for t in taken if t in (RemoveMember, ForgetMember, EnsureVolume, CreateServer)] == [
        RemoveMember,
        ForgetMember,
        EnsureVolume,
        CreateServer,
    ]


def place_lost_with_its_port() -> Observed:
    """Somebody removed server and port of place 0, and Navarch has decided to make it anew."""
    lacking = without(without(settled(), Kind.PORT, PLACE), Kind.SERVER, PLACE)
    for step in (
        lost(PLACE),
        ForgetMachine(PLACE),
        RecordMachine(PLACE, Role.CONTROL_PLANE, "cp", 0, "z1", CONTROL_PLANE_TEMPLATE),
    ):
        lacking = imagine(lacking, step, NOW)
    return lacking


def test_a_place_that_lost_its_port_as_well_asks_for_the_address_of_its_etcd_member() -> None:
    ports = [s for s in steps(place_lost_with_its_port()) if isinstance(s, EnsurePort)]
    assert [(p.name, p.address) for p in ports] == [(PLACE, f"<address of {PLACE}>")]


@pytest.mark.parametrize("address", ["<internal address>", f"<address of {PLACE}>"])
def test_a_new_port_with_an_address_that_belongs_to_something_else_is_given_back(address: str) -> None:
    """Whoever had it was lost, and nobody knew: here Octavia does not answer."""
    seen = settled()
    machines = tuple(
        replace(m, joined=False, facts=MachineFacts()) if m.name == WORKER else m for m in seen.record.machines
    )
    cloud = changed(seen.cloud, Kind.PORT, WORKER, server_id=None, address=address)
    cloud = cloud.without(Kind.SERVER, server_id(seen, WORKER))
    (step,) = steps(look(seen, machines=machines, cloud=shown(cloud, load_balancers=None)))
    assert isinstance(step, Remove) and (step.kind, step.name) == (Kind.PORT, WORKER)


def test_a_port_that_a_place_drew_is_given_back_where_its_etcd_member_has_another_address() -> None:
    drawn = Port("drawn", PLACE, "10.0.0.99")
    lacking = place_lost_with_its_port()
    taken = steps(replace(lacking, cloud=lacking.cloud.having(drawn)))
    assert [(s.kind, s.id) for s in taken if isinstance(s, Remove)] == [(Kind.PORT, "drawn")]
    assert not [s for s in taken if isinstance(s, CreateServer)]


def server_id(seen: Observed, name: str) -> str:
    (server,) = (s for s in seen.cloud.of(Server) if s.name == name)
    return server.id


def test_a_machine_that_is_busy_is_left_alone() -> None:
    lacking = without(settled(), Kind.PORT, PLACE)
    busy = changed(lacking.cloud, Kind.SERVER, PLACE, task_state="rebooting")
    assert not [s for s in steps(replace(lacking, cloud=busy)) if isinstance(s, AttachPort)]


def ready() -> Status:
    """What was said of the cluster before."""
    return judge(cluster(), grown_and_applied(), WANTED, (), Status(), now=NOW)


def grown_and_applied() -> Observed:
    return settled()


RULE = EnsureSecurityGroup(f"{STEM}-sg-worker", frozenset())


@pytest.mark.parametrize(
    ("step", "chapter", "words"),
    [
        (RULE, INFRASTRUCTURE, f"security group {STEM}-sg-worker was gone or had other rules, and is put right"),
        (
            lost(WORKER),
            WORKERS,
            f"machine {WORKER} was lost, and another takes its place",
        ),
        (StartServer(PLACE, "s"), CONTROL_PLANE, f"machine {PLACE} was off, and is switched on"),
    ],
)
def test_what_was_put_back_within_a_cycle_is_told(step: Step, chapter: str, words: str) -> None:
    status = judge(cluster(), grown_and_applied(), WANTED, (Result(step, Done()),), ready(), now=NOW)
    condition = status.condition(chapter)
    assert condition is not None
    assert (condition.status, condition.reason, condition.message) == ("False", "Drifted", words)
    assert condition.responsible is None
    assert judge(cluster(), grown_and_applied(), WANTED, (), status, now=NOW).phase == "Ready"


@pytest.mark.parametrize(
    ("wait", "told"),
    [
        (Again(1.0, "Draining", "pods are moving away"), "Drifted"),  # what put it in motion says more
        (Again(1.0, "EvictionRefused", "held", "user", "give more room"), "EvictionRefused"),  # somebody can help it
    ],
)
def test_what_was_put_back_is_told_before_what_only_takes_time(wait: Again, told: str) -> None:
    results = (Result(lost(WORKER), Done()), Result(DrainNode(WORKER), wait))
    condition = judge(cluster(), grown_and_applied(), WANTED, results, ready(), now=NOW).condition(WORKERS)
    assert condition is not None
    assert condition.reason == told


def test_the_address_of_a_balancer_that_is_going_is_not_forgotten() -> None:
    seen = grown_and_applied()
    going = changed(seen.cloud, Kind.LOAD_BALANCER, f"{STEM}-api", provisioning_status="PENDING_DELETE", vip_address="")
    status = judge(cluster(), replace(seen, cloud=going), WANTED, (), ready(), now=NOW)
    assert status.api_internal_address == "<internal address>"


def test_the_address_that_machines_were_told_of_does_not_change_with_a_second_balancer() -> None:
    seen = grown_and_applied()
    second = changed(seen.cloud, Kind.LOAD_BALANCER, f"{STEM}-api", vip_address="10.0.0.8")
    assert judge(cluster(), replace(seen, cloud=second), WANTED, (), ready(), now=NOW).api_internal_address == (
        "<internal address>"
    )
    unknown = look(seen, cloud=second, api_internal_address="")
    never_seen = replace(ready(), api_internal_address=None)
    assert judge(cluster(), unknown, WANTED, (), never_seen, now=NOW).api_internal_address == "10.0.0.8"


def test_what_is_made_for_a_new_wish_or_a_new_machine_is_no_drift() -> None:
    new_port = EnsurePort(f"{STEM}-web-3", "n", "s", ("g",))
    for wanted, step in ((cluster(generation=2), RULE), (cluster(), new_port)):
        status = judge(wanted, grown_and_applied(), WANTED, (Result(step, Done()),), ready(), now=NOW)
        assert "Drifted" not in {c.reason for c in status.conditions}


def test_a_control_plane_machine_made_anew_is_recorded_anew() -> None:
    taken = rehearse(cluster(), now=NOW, addons=ADDONS, observed=without(settled(), Kind.SERVER, PLACE))
    assert [s for s in taken if isinstance(s, RecordMachine)] == [
        RecordMachine(PLACE, Role.CONTROL_PLANE, "cp", 0, "z1", CONTROL_PLANE_TEMPLATE)
    ]


def test_a_machine_that_goes_anyway_is_not_replaced_for_being_lost() -> None:
    leaving = Machine(f"{STEM}-web-9", Role.WORKER, "web", 9, "z1", NOW, TEMPLATE, joined=True, removing=True)
    seen = settled()
    taken = steps(look(seen, machines=(*seen.record.machines, leaving)))
    assert taken == (ForgetMachine(leaving.name),)


@pytest.mark.parametrize("replicas", [1, 3])
def test_a_node_group_that_its_user_changes_is_no_drift(replicas: int) -> None:
    wanted = cluster()
    (group,) = wanted.node_groups
    resized = replace(group, spec=replace(group.spec, replicas=replicas), generation=group.generation + 1)
    changed = replace(wanted, node_groups=(resized,))
    taken = plan(changed, grown_and_applied(), WANTED, now=NOW)
    assert [type(step) for step in taken] == [ReleaseMachine if replicas == 1 else RecordMachine]
    seen = grown_and_applied()
    for step in taken:
        seen = imagine(seen, step, NOW)
    status = judge(changed, seen, WANTED, tuple(Result(step, Done()) for step in taken), ready(), now=NOW)
    assert "Drifted" not in {c.reason for c in status.conditions}
    assert status.phase == "Progressing"


def test_a_place_remembers_on_which_volume_it_became_a_member_of_etcd() -> None:
    template, facts = CONTROL_PLANE_TEMPLATE, MachineFacts(etcd_volume_id="v1")
    boots = Machine(PLACE, Role.CONTROL_PLANE, "cp", 0, "z1", NOW, template, facts=facts)
    assert boots.member_volume == ""
    assert replace(boots, boot=(BootReport("KubeadmInit", "started", NOW),)).member_volume == "v1"
    assert replace(boots, joined=True).member_volume == "v1"
    assert replace(boots, facts=MachineFacts(etcd_volume_id="v2", member_volume_id="v1")).member_volume == "v1"
