"""The MUST table of `navarch.clouds.contract`: every line of it has its tests here, in its order."""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from tests.contract.built import Built, new_owner, until
from tests.contract.stage import BALANCED, Stage, clear

from navarch.clouds.fence import fenced
from navarch.domain import names
from navarch.domain.cloud import CloudState
from navarch.domain.errors import Conflict, Permanent, Temporary
from navarch.domain.openstack import names as objects
from navarch.domain.openstack import steps
from navarch.domain.openstack.resources import (
    RESOURCES,
    FloatingIP,
    Identity,
    Kind,
    LoadBalancer,
    Network,
    Port,
    Router,
    Rule,
    SecurityGroup,
    Server,
    ServerGroup,
    Snapshot,
    Subnet,
    Volume,
)
from navarch.domain.spec import Role, VolumeSpec

pytestmark = pytest.mark.timeout(600)

PASSWORD = "a password for the controllers"
USER_DATA = "#cloud-config\n{}\n"
ANYWHERE = Rule("tcp", 6443, 6443, cidr="0.0.0.0/0")


@pytest.fixture(scope="module")
def cluster(stage: Stage) -> Iterator[Built]:
    built = Built(stage, stage.cloud(), new_owner(stage.project_id))
    try:
        _build(built, stage)
        yield built
    finally:
        clear(stage, built.cloud, built.owner)


def _build(built: Built, stage: Stage) -> None:
    owner, props = built.owner, stage.props
    name, machine = objects.network(owner), names.control_plane_machine(owner, 0)
    network = built.do(steps.EnsureNetwork(name), Network)
    subnet = built.do(steps.EnsureSubnet(name, network.id, "10.0.0.0/24", ("9.9.9.9",)), Subnet)
    built.do(steps.EnsureRouter(name, props.external_network, subnet.id), Router)
    group_name = objects.control_plane_security_group(owner)
    rules = frozenset({ANYWHERE, Rule("udp", 4789, 4789, group=group_name), Rule("icmp", None, None, "10.0.0.0/24")})
    group = built.do(steps.EnsureSecurityGroup(group_name, rules), SecurityGroup)
    spread = built.do(steps.EnsureServerGroup(objects.server_group(owner, "cp")), ServerGroup)
    port = built.do(steps.EnsurePort(machine, network.id, subnet.id, (group.id,)), Port)
    volume = built.do(steps.EnsureVolume(objects.etcd_volume(owner, 0), props.volume_type, 1, props.zone), Volume)
    built.do(steps.EnsureIdentity(), Identity, PASSWORD)
    balancer = built.do(
        steps.EnsureLoadBalancer(objects.api_load_balancer(owner), subnet.id, (port.address,)), LoadBalancer
    )
    address = steps.EnsureFloatingIP(objects.api_load_balancer(owner), props.external_network, balancer.vip_port_id)
    built.do(address, FloatingIP)
    until(built, lambda state: all(v.status == "available" for v in state.of(Volume)))
    server = steps.CreateServer(
        machine,
        Role.CONTROL_PLANE,
        "cp",
        0,
        props.flavor,
        props.image_id,
        props.zone,
        port.id,
        spread.id,
        (volume.id,),
    )
    built.do(server, Server, USER_DATA)


def _all_are(status: str) -> Callable[[CloudState], bool]:
    return lambda state: all(server.status == status for server in state.of(Server))


def needs_machines(stage: Stage) -> None:
    """The lab's stage has an image that starts nowhere: there, whole clusters are stopped and upgraded instead."""
    if not stage.props.boots:
        pytest.skip("no machine can start from this stage's image")


def _balanced_over(members: tuple[str, ...]) -> Callable[[CloudState], bool]:
    return lambda state: [balancer.members for balancer in state.of(LoadBalancer)] == [tuple(sorted(members))]


def _seen(state: CloudState) -> set[tuple[Kind, str, str]]:
    return {(kind, resource.id, resource.name) for kind in Kind for resource in state.of_kind(kind)}


class Test1FindsItsObjectsAgain:
    def test_another_process_sees_every_object_under_its_name_and_nothing_else(
        self, stage: Stage, cluster: Built
    ) -> None:
        state = stage.cloud().observe(cluster.owner)
        assert state.trouble == ()
        assert state.knows(*RESOURCES)
        assert _seen(state) == {(r.kind, r.id, r.name) for _, _, r in cluster.made}

    def test_what_was_asked_for_is_what_is_seen(self, stage: Stage, cluster: Built) -> None:
        state = stage.cloud().observe(cluster.owner)
        assert state.of(Network) == (cluster.the(Network),)
        assert state.of(Subnet) == (cluster.the(Subnet),)
        assert state.of(Router) == (cluster.the(Router),)
        assert state.of(SecurityGroup) == (cluster.the(SecurityGroup),)
        assert state.of(Identity) == (cluster.the(Identity),)
        assert [p.address for p in state.of(Port)] == [cluster.the(Port).address]
        assert [b.members for b in state.of(LoadBalancer)] == [(cluster.the(Port).address,)]
        assert [f.port_id for f in state.of(FloatingIP)] == [cluster.the(LoadBalancer).vip_port_id]
        assert [(s.zone, s.flavor) for s in state.of(Server)] == [(stage.props.zone, stage.props.flavor)]

    def test_doing_every_step_again_makes_no_second_object(self, stage: Stage, cluster: Built) -> None:
        other = stage.cloud()
        before = _seen(other.observe(cluster.owner))
        for step, private, resource in cluster.made:
            again = other.carry_out(cluster.owner, step, private=private)
            assert again is not None
            assert again.id == resource.id
        assert _seen(other.observe(cluster.owner)) == before

    @pytest.mark.parametrize(
        ("kind", "step"),
        [
            (Kind.NETWORK, lambda s, o: steps.EnsureNetwork(objects.network(o))),
            (Kind.SECURITY_GROUP, lambda s, o: steps.EnsureSecurityGroup(f"{o.stem}-sg-cp", frozenset({ANYWHERE}))),
            (Kind.SERVER_GROUP, lambda s, o: steps.EnsureServerGroup(f"{o.stem}-cp-spread")),
            (Kind.VOLUME, lambda s, o: steps.EnsureVolume(f"{o.stem}-etcd-0", s.props.volume_type, 1, s.props.zone)),
            (Kind.IDENTITY, lambda s, o: steps.EnsureIdentity()),
        ],
        ids=lambda value: str(value) if isinstance(value, Kind) else "",
    )
    def test_a_create_whose_answer_was_lost_makes_no_second_object(self, stage, kind, step) -> None:  # type: ignore[no-untyped-def]
        owner = new_owner(stage.project_id)
        asked = step(stage, owner)
        with pytest.raises(Temporary):
            stage.forgetful().carry_out(owner, asked, private=PASSWORD)
        cloud = stage.cloud()
        try:
            found = cloud.carry_out(owner, asked, private=PASSWORD)
            assert found is not None
            state = cloud.observe(owner, frozenset({kind}))
            assert [r.id for r in state.of_kind(kind)] == [found.id]
            if isinstance(asked, steps.EnsureSecurityGroup):
                assert state.of(SecurityGroup) is not None
                assert state.of(SecurityGroup)[0].rules == asked.rules
        finally:
            clear(stage, cloud, owner)

    def test_the_rules_of_a_security_group_become_exactly_those_asked_for(self, stage: Stage) -> None:
        cloud, owner = stage.cloud(), new_owner(stage.project_id)
        name, other = f"{owner.stem}-sg-cp", f"{owner.stem}-sg-worker"
        try:
            with pytest.raises(Conflict):  # the other group is not there yet
                cloud.carry_out(
                    owner, steps.EnsureSecurityGroup(name, frozenset({Rule("tcp", 10250, 10250, group=other)}))
                )
            cloud.carry_out(owner, steps.EnsureSecurityGroup(other, frozenset()))
            for rules in (
                frozenset({ANYWHERE, Rule("tcp", 10250, 10250, group=other)}),
                frozenset({Rule("tcp", 10250, 10250, group=other), Rule("udp", 53, 53, cidr="10.0.0.0/8")}),
                frozenset[Rule](),
            ):
                cloud.carry_out(owner, steps.EnsureSecurityGroup(name, rules))
                seen = cloud.observe(owner, frozenset({Kind.SECURITY_GROUP})).of(SecurityGroup)
                assert {g.name: g.rules for g in seen} == {name: rules, other: frozenset()}
        finally:
            clear(stage, cloud, owner)

    def test_the_members_of_a_balancer_become_those_asked_for(self, cluster: Built) -> None:
        step = next(s for s, _, _ in cluster.made if isinstance(s, steps.EnsureLoadBalancer))
        for members in ((*step.members, "10.0.0.250"), step.members):
            until(cluster, lambda s: [b.provisioning_status for b in s.of(LoadBalancer)] == ["ACTIVE"])
            cluster.cloud.carry_out(cluster.owner, replace(step, members=members))
            until(cluster, _balanced_over(members))

    def test_a_server_is_stopped_and_started_and_what_it_is_already_costs_nothing(
        self, stage: Stage, cluster: Built
    ) -> None:
        needs_machines(stage)
        server = cluster.the(Server)
        for step, status in (
            (steps.StopServer(server.name, server.id), "SHUTOFF"),
            (steps.StartServer(server.name, server.id), "ACTIVE"),
        ):
            until(cluster, lambda s: all(x.task_state is None and x.status != "BUILD" for x in s.of(Server)))
            asked = cluster.cloud.carry_out(cluster.owner, step)
            assert isinstance(asked, Server) and asked.task_state is not None
            until(cluster, _all_are(status))
            again = cluster.cloud.carry_out(cluster.owner, step)
            assert isinstance(again, Server) and (again.status, again.task_state) == (status, None)

    def test_a_snapshot_of_a_volume_that_is_attached_is_made_once_and_keeps_its_volume_there(
        self, stage: Stage, cluster: Built
    ) -> None:
        needs_machines(stage)
        cloud, owner, volume = stage.cloud(), cluster.owner, cluster.the(Volume)
        step = steps.EnsureSnapshot(f"{volume.name}-before-20300101T000000Z", volume.id)
        until(cluster, lambda state: [v.status for v in state.of(Volume)] == ["in-use"])
        with pytest.raises(Temporary):
            stage.forgetful().carry_out(owner, step)
        made = cloud.carry_out(owner, step)
        assert isinstance(made, Snapshot)
        state = until(cluster, lambda state: [s.status for s in state.of(Snapshot)] == ["available"])
        assert state.of(Snapshot) == (replace(made, status="available"),)
        assert (made.volume_id, made.made_by) == (volume.id, "navarch")
        with pytest.raises(Conflict):
            cloud.carry_out(owner, steps.Remove(Kind.VOLUME, volume.id, volume.name))
        cloud.carry_out(owner, steps.Remove(Kind.SNAPSHOT, made.id, made.name))
        until(cluster, lambda state: not state.of(Snapshot))

    def test_a_server_may_boot_from_a_volume_that_goes_with_it(self, stage: Stage) -> None:
        needs_machines(stage)
        made = Built(stage, stage.cloud(), new_owner(stage.project_id))
        name, machine = objects.network(made.owner), names.worker_machine(made.owner, "web", 1)
        root = VolumeSpec(stage.props.volume_type, 2)
        try:
            network = made.do(steps.EnsureNetwork(name), Network)
            subnet = made.do(steps.EnsureSubnet(name, network.id, "10.0.0.0/24"), Subnet)
            port = made.do(steps.EnsurePort(machine, network.id, subnet.id, ()), Port)
            spread = made.do(steps.EnsureServerGroup(objects.server_group(made.owner, "web")), ServerGroup)
            props = stage.props
            server = steps.CreateServer(machine, Role.WORKER, "web", 1, props.flavor, props.image_id, props.zone,
                                        port.id, spread.id, root_volume=root)  # fmt: skip
            with pytest.raises(Permanent) as refused:
                made.cloud.carry_out(made.owner, replace(server, root_volume=VolumeSpec("tape", 2)), private=USER_DATA)
            assert refused.value.reason == "VolumeTypeNotFound"
            booted = made.do(server, Server, USER_DATA)
            until(made, lambda state: [s.status for s in state.of(Server)] == ["ACTIVE"])
            made.cloud.carry_out(made.owner, steps.Remove(Kind.SERVER, booted.id, booted.name))
            seen = made.cloud.observe(made.owner)  # what Nova removes now is ours for whoever looks
            assert {v.name for v in seen.of(Volume)} <= {objects.root_volume(machine)}
            until(made, lambda state: not state.of(Server) and not state.of(Volume))
        finally:
            clear(stage, made.cloud, made.owner)


class Test2ShowsOnlyOneClustersObjects:
    def test_another_cluster_of_the_project_sees_none_of_them(self, stage: Stage, cluster: Built) -> None:
        state = stage.cloud().observe(new_owner(stage.project_id))
        assert state.knows(*RESOURCES)
        assert _seen(state) == set()

    def test_the_same_cluster_in_another_project_sees_only_its_user(self, stage: Stage, cluster: Built) -> None:
        state = stage.cloud().observe(replace(cluster.owner, project_id=stage.other_project_id))
        assert state.knows(*RESOURCES)
        assert {kind for kind, _, _ in _seen(state)} <= {Kind.IDENTITY}

    def test_an_object_that_only_has_the_name_is_neither_shown_nor_taken(self, stage: Stage) -> None:
        cloud, owner = stage.cloud(), new_owner(stage.project_id)
        foreign = stage.foreign_network(objects.network(owner))
        assert cloud.observe(owner, frozenset({Kind.NETWORK})).of(Network) == ()
        try:
            ours = cloud.carry_out(owner, steps.EnsureNetwork(objects.network(owner)))
            assert ours is not None
            assert ours.id != foreign
        finally:
            clear(stage, cloud, owner)


class Test3TellsUnknownFromAbsent:
    @pytest.mark.parametrize("kind", [Kind.LOAD_BALANCER, Kind.SERVER, Kind.VOLUME, Kind.NETWORK])
    def test_a_kind_that_cannot_be_read_is_unknown_and_the_others_are_read(
        self, stage: Stage, cluster: Built, kind: Kind
    ) -> None:
        state = stage.blind(kind).observe(cluster.owner)
        assert kind not in state.seen
        assert [t.subject for t in state.trouble] == [kind]
        assert all(other in state.seen for other in Kind if other is not kind)

    def test_only_the_kinds_asked_for_are_read(self, stage: Stage, cluster: Built) -> None:
        state = stage.cloud().observe(cluster.owner, frozenset({Kind.NETWORK, Kind.IDENTITY}))
        assert [kind for kind in Kind if kind in state.seen] == [Kind.NETWORK, Kind.IDENTITY]
        assert state.trouble == ()


class Test4RefusesInWords:
    def test_a_quota_that_is_used_up_is_named_with_what_is_free(self, stage: Stage) -> None:
        cloud, owner = stage.cloud(), new_owner(stage.other_project_id)
        stage.allow_networks(0)
        try:
            with pytest.raises(Permanent) as refused:
                cloud.carry_out(owner, steps.EnsureNetwork(objects.network(owner)))
        finally:
            stage.allow_networks(-1)
        assert (refused.value.reason, refused.value.responsible) == ("QuotaExceeded", "project-admin")
        assert "networks: free 0 of 0" in refused.value.message
        assert "networks" in refused.value.remedy

    def test_more_gigabytes_than_the_project_may_have(self, stage: Stage) -> None:
        cloud, owner = stage.cloud(), new_owner(stage.project_id)
        step = steps.EnsureVolume(objects.etcd_volume(owner, 0), stage.props.volume_type, 900_000, stage.props.zone)
        with pytest.raises(Permanent) as refused:
            cloud.carry_out(owner, step)
        assert refused.value.reason == "QuotaExceeded"
        assert "gigabytes: needed 900000, free" in refused.value.message

    def test_a_flavor_that_is_not_there(self, stage: Stage, cluster: Built) -> None:
        server = self._server(cluster)
        with pytest.raises(Permanent) as refused:
            cluster.cloud.carry_out(cluster.owner, replace(server, flavor="no-such-flavor"), private=USER_DATA)
        assert (refused.value.reason, refused.value.responsible) == ("FlavorNotFound", "user")
        assert stage.props.flavor in refused.value.message

    def test_an_image_that_is_not_there(self, cluster: Built) -> None:
        server = self._server(cluster)
        with pytest.raises(Permanent) as refused:
            cluster.cloud.carry_out(cluster.owner, replace(server, image_id=str(uuid.uuid4())), private=USER_DATA)
        assert refused.value.reason == "ImageNotFound"

    def test_a_volume_type_that_is_not_there(self, stage: Stage) -> None:
        owner = new_owner(stage.project_id)
        with pytest.raises(Permanent) as refused:
            stage.cloud().carry_out(owner, steps.EnsureVolume(f"{owner.stem}-etcd-0", "tape", 1, stage.props.zone))
        assert refused.value.reason == "VolumeTypeNotFound"

    def test_an_external_network_that_is_not_there(self, stage: Stage) -> None:
        owner = new_owner(stage.project_id)
        with pytest.raises(Permanent) as refused:
            stage.cloud().carry_out(owner, steps.EnsureRouter(objects.network(owner), "no-such-network"))
        assert refused.value.reason == "ExternalNetworkNotFound"
        assert stage.props.external_network in refused.value.message

    def test_a_project_where_navarch_may_not_work(self, stage: Stage) -> None:
        owner = new_owner(uuid.uuid4().hex)
        with pytest.raises(Permanent) as refused:
            stage.cloud().carry_out(owner, steps.EnsureNetwork(objects.network(owner)))
        assert (refused.value.reason, refused.value.responsible) == ("NoAccessToProject", "cloud-operator")
        state = stage.cloud().observe(owner)
        assert {t.reason for t in state.trouble} == {"NoAccessToProject"}
        assert {t.subject for t in state.trouble} == {kind for kind in Kind if kind not in state.seen}

    def test_a_password_that_is_not_accepted(self, stage: Stage) -> None:
        owner, cloud = new_owner(stage.project_id), stage.locked_out()
        with pytest.raises(Permanent) as refused:
            cloud.carry_out(owner, steps.EnsureNetwork(objects.network(owner)))
        assert (refused.value.reason, refused.value.responsible) == ("CredentialsRefused", "navarch-operator")
        with pytest.raises(Permanent):
            cloud.offer()
        assert {t.subject for t in cloud.observe(owner).trouble} == set(Kind)

    def test_a_cloud_that_does_not_answer(self, stage: Stage) -> None:
        owner, cloud = new_owner(stage.project_id), stage.unreachable()
        with pytest.raises(Temporary) as refused:
            cloud.carry_out(owner, steps.EnsureNetwork(objects.network(owner)))
        assert refused.value.reason == "CloudNotAnswering"
        with pytest.raises(Temporary):
            cloud.offer()
        with pytest.raises(Temporary):
            cloud.quota(owner.project_id)

    @staticmethod
    def _server(cluster: Built) -> steps.CreateServer:
        made = next(step for step, _, _ in cluster.made if isinstance(step, steps.CreateServer))
        return replace(made, name=f"{cluster.owner.stem}-cp-9")


class Test5RemovesIdempotently:
    @pytest.mark.parametrize("kind", list(Kind))
    def test_removing_what_is_not_there_succeeds(self, stage: Stage, kind: Kind) -> None:
        gone = uuid.uuid4().hex if kind is Kind.IDENTITY else str(uuid.uuid4())
        assert stage.cloud().carry_out(new_owner(stage.project_id), steps.Remove(kind, gone, "gone")) is None

    @pytest.mark.parametrize("type_", [Network, Subnet, Router, SecurityGroup])
    def test_what_is_in_use_stays(self, cluster: Built, type_: type[Network]) -> None:
        used, kind = cluster.the(type_), type_.kind
        with pytest.raises(Conflict):
            cluster.cloud.carry_out(cluster.owner, steps.Remove(kind, used.id, used.name))
        assert used.id in {r.id for r in cluster.cloud.observe(cluster.owner).of_kind(kind)}


class Test6ShowsWhatTheClustersOwnControllersMade:
    def test_what_they_made_is_shown_with_its_maker_and_can_be_removed(self, stage: Stage) -> None:
        made = Built(stage, stage.cloud(), new_owner(stage.project_id))
        name = objects.network(made.owner)
        try:
            network = made.do(steps.EnsureNetwork(name), Network)
            subnet = made.do(steps.EnsureSubnet(name, network.id, "10.0.0.0/24"), Subnet)
            made.do(steps.EnsureRouter(name, stage.props.external_network, subnet.id), Router)
            user = made.do(steps.EnsureIdentity(), Identity, PASSWORD)
            assert user.trust_id is not None
            stage.act_as_controllers(made.owner, subnet.id, user.id, PASSWORD, user.trust_id)
            state = stage.cloud().observe(made.owner)
            assert [(b.made_by, b.service) for b in state.of(LoadBalancer)] == [("cloud-controller", "default/service")]
            assert [(f.name, f.made_by) for f in state.of(FloatingIP)] == [("default/service", "cloud-controller")]
            assert [g.made_by for g in state.of(SecurityGroup)] == ["cloud-controller"]
            volumes = [(v.name, v.made_by, v.claim, v.size_gib) for v in state.of(Volume)]
            assert volumes == [("claim", "csi", "default/claim", 1)]
            assert [s.name for s in state.of(Snapshot)] == ["snapshot"]
            assert stage.cloud().senders(made.owner, BALANCED) == ("default/service",)
            assert stage.cloud().senders(made.owner, "10.0.0.78") == ()
            assert stage.cloud().senders(new_owner(stage.project_id), BALANCED) == ()
            assert _seen(stage.cloud().observe(new_owner(stage.project_id))) == set()
        finally:
            clear(stage, made.cloud, made.owner)

    def test_another_user_takes_its_place_and_the_one_before_opens_nothing(self, stage: Stage) -> None:
        made = Built(stage, stage.cloud(), new_owner(stage.project_id))
        try:
            before = made.do(steps.EnsureIdentity(), Identity, PASSWORD)
            after = made.do(steps.RenewIdentity(before.id, before.name), Identity, "another password")
            assert (after.id != before.id, after.trust_id != before.trust_id, after.name) == (True, True, before.name)
            assert stage.cloud().observe(made.owner).of(Identity) == (after,)
            again = made.do(steps.RenewIdentity(before.id, before.name), Identity, "a third password")
            assert again.trust_id == after.trust_id, "of one that is gone nothing more is removed"
        finally:
            clear(stage, made.cloud, made.owner)


class Test7NeverWaits:
    def test_a_server_is_asked_for_and_not_waited_for(self, cluster: Built) -> None:
        assert cluster.the(Server).status == "BUILD"

    def test_a_cloud_that_does_not_answer_costs_less_than_the_bound(self, stage: Stage) -> None:
        started = time.monotonic()
        state = stage.unreachable().observe(new_owner(stage.project_id))
        assert time.monotonic() - started < 30
        assert {t.subject for t in state.trouble} == set(Kind)


class Test8IsSafeToCallFromThreads:
    def test_many_threads_looking_and_making_at_once(self, stage: Stage, cluster: Built) -> None:
        owner = new_owner(stage.project_id)
        wanted = [steps.EnsureServerGroup(f"{owner.stem}-{n}-spread") for n in range(6)]
        try:
            with ThreadPoolExecutor(12) as threads:
                looks = [threads.submit(cluster.cloud.observe, cluster.owner) for _ in range(4)]
                made = [threads.submit(cluster.cloud.carry_out, owner, step) for step in wanted]
                states = [_seen(look.result()) for look in looks]
                assert all(answer.result() is not None for answer in made)
            assert states == [states[0]] * len(states)
            groups = cluster.cloud.observe(owner, frozenset({Kind.SERVER_GROUP})).of(ServerGroup)
            assert sorted(group.name for group in groups) == sorted(step.name for step in wanted)
        finally:
            clear(stage, cluster.cloud, owner)


class Test9CanBeFenced:
    def test_nothing_is_changed_once_the_fence_is_closed(self, stage: Stage) -> None:
        cloud, owner = stage.cloud(), new_owner(stage.project_id)
        step = steps.EnsureNetwork(objects.network(owner))
        with pytest.raises(Closed), fenced(_closed):
            cloud.carry_out(owner, step)
        assert cloud.observe(owner, frozenset({Kind.NETWORK})).of(Network) == ()
        try:
            made = cloud.carry_out(owner, step)
            assert made is not None
            with pytest.raises(Closed), fenced(_closed):
                cloud.carry_out(owner, steps.Remove(Kind.NETWORK, made.id, made.name))
            assert cloud.observe(owner, frozenset({Kind.NETWORK})).of(Network) == (made,)
        finally:
            clear(stage, cloud, owner)


class Closed(Exception):
    pass


def _closed() -> None:
    raise Closed


class Test10PutsBack:
    def test_a_port_and_a_balancer_come_back_at_the_address_that_they_had(self, stage: Stage) -> None:
        made = Built(stage, stage.cloud(), new_owner(stage.project_id))
        cloud, owner = made.cloud, made.owner
        name, machine, api = (
            objects.network(owner),
            names.control_plane_machine(owner, 0),
            objects.api_load_balancer(owner),
        )
        try:
            network = made.do(steps.EnsureNetwork(name), Network)
            subnet = made.do(steps.EnsureSubnet(name, network.id, "10.0.0.0/24"), Subnet)
            port = made.do(steps.EnsurePort(machine, network.id, subnet.id, ()), Port)
            balancer = made.do(steps.EnsureLoadBalancer(api, subnet.id, (port.address,)), LoadBalancer)
            until(made, lambda state: [b.provisioning_status for b in state.of(LoadBalancer)] == ["ACTIVE"])
            cloud.carry_out(owner, steps.Remove(Kind.PORT, port.id, machine))
            cloud.carry_out(owner, steps.Remove(Kind.LOAD_BALANCER, balancer.id, api))
            until(made, lambda state: not state.of(LoadBalancer) and not state.of(Port))
            again = cloud.carry_out(owner, steps.EnsurePort(machine, network.id, subnet.id, (), port.address))
            assert isinstance(again, Port)
            assert (again.address, again.id != port.id) == (port.address, True)
            back = steps.EnsureLoadBalancer(api, subnet.id, (port.address,), address=balancer.vip_address)
            assert made.do(back, LoadBalancer).vip_address == balancer.vip_address
            until(made, lambda state: [b.provisioning_status for b in state.of(LoadBalancer)] == ["ACTIVE"])
        finally:
            clear(stage, cloud, owner)
