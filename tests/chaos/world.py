"""A whole world for one run: a region, its machines and clusters, the API's door for machines, workers, customers.

Everything is drawn from one seed. `log` tells what happened to which object; `violations` which promise was broken.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from fastapi.responses import JSONResponse
from tests.chaos.database import Channel, Connection, Session, VirtualDatabase, VirtualStore
from tests.chaos.invariants import Invariants
from tests.chaos.schedule import Process, Schedule, SimulatedRuntime
from tests.chaos.weather import Chance, StormyFates, StormyTempers, Weather

from navarch.api import bootstrap
from navarch.api.policy import Policy
from navarch.api.problems import Problem, from_error
from navarch.api.rate import Rate
from navarch.api.service import Service
from navarch.api.settings import ApiSettings
from navarch.bootstrap.sealing import Sealer
from navarch.bootstrap.tickets import ReportTokens
from navarch.clouds.simulator import Region, Request, SimulatedCloud, Timeline
from navarch.domain.catalogue import Catalogue, ExternalNetwork, Flavor, Release, VolumeType
from navarch.domain.errors import NavarchError
from navarch.domain.observed import Kind, Machine
from navarch.domain.spec import (
    Cluster,
    ClusterSpec,
    ControlPlaneSpec,
    NetworkSpec,
    NodeGroup,
    NodeGroupSpec,
    Role,
    VolumeSpec,
)
from navarch.reconcile.act import Hands, JoinEndpoint
from navarch.reconcile.worker import Worker
from navarch.simulator.clusters import KubeCall, SimulatedClusters
from navarch.simulator.guests import Ask, Guests, Reply
from navarch.store.contract import Claim, LeaseLost, NotFound, Stored
from navarch.store.database import CHANNELS

ZONES = ("z1", "z2", "z3")
CATALOGUE = Catalogue(
    flavors=(Flavor("f1", "m1.small", 1, 2048, 20), Flavor("f2", "m1.medium", 2, 4096, 20)),
    zones=ZONES,
    volume_types=(VolumeType("ssd", ZONES), VolumeType("hdd", ("z1",))),
    external_networks=(ExternalNetwork("ext", "public", ("198.18.0.0/15",)),),
    releases=(
        Release(
            "1.37.2",
            "image",
            "node-1.37.2",
            "bundle",
            (("etcd", "3.6.8-0"), ("coredns", "1.14.0"), ("calico", "3.31.0")),
        ),
    ),
)
PROJECTS = ("project-a", "project-b")
SEALER = Sealer(b"k" * 32)
_LOG_LINES = 4000


class _Clocked(Service):
    """The API's service under virtual time."""

    timeline: Timeline

    def now(self) -> Any:
        return _Clocked.timeline.date()


class World:
    """One run's. `workers` processes; `threads` clusters at once in each."""

    def __init__(
        self, connection: Connection, seed: int, weather: Weather, *, workers: int = 1, threads: int = 2
    ) -> None:
        self.seed, self.random = seed, Random(seed)
        self.timeline = Timeline()
        self.schedule = Schedule(self.timeline)
        self.chance = Chance(Random(self.random.random()), weather)
        self.region = Region(self.timeline, CATALOGUE, fates=StormyFates(self.chance), seed=self.random.getrandbits(32))
        self.region.lists_lag = True
        self.region.projects |= set(PROJECTS)
        self.log: deque[str] = deque(maxlen=_LOG_LINES)
        self.channels = {name: Channel() for name in CHANNELS}
        self.calls = 0
        self._threads, self._born = threads, 0
        self._session = Session(connection, self.timeline)
        self.invariants = Invariants(self)
        self.guests = Guests(self.region, self._knock, StormyTempers(self.chance, self.invariants.blameless))
        self.door = self._door()
        self.customer = self.store(None)  # whose requests meet no fault: the API would have told them
        self.customer.write_catalogue(CATALOGUE)  # the API takes no wish before a worker has read it once
        self.processes: list[Process] = []
        self._ids = Random(self.random.random())
        for _ in range(workers):
            self.start_worker()
        self.timeline.after(10.0, self._minute)

    # -- running

    def run(self, seconds: float) -> None:
        """Let the world go on; raises what an invariant found, with how to see it again."""
        until = self.timeline.now + seconds
        while self.timeline.now < until:
            self.schedule.run(min(until, self.timeline.now + 5.0))
            self.invariants.look_around()
            self.invariants.raise_what_was_broken()

    def run_until(self, settled: Callable[[], bool], at_most: float) -> bool:
        """Let the world go on until something is so; whether it became so."""
        until = self.timeline.now + at_most
        while not settled():
            if self.timeline.now >= until:
                return False
            self.run(5.0)
        return True

    def say(self, line: str) -> None:
        """Write a line of the log."""
        process = self.schedule.process
        self.log.append(f"{self.timeline.now:9.3f} {process.name if process else 'world':9s} {line}")

    def close(self) -> None:
        """End every process."""
        for process in self.processes:
            if process.alive:
                self.schedule.kill(process)

    # -- workers

    def start_worker(self) -> None:
        """A new worker process."""
        self._born += 1
        process = Process(f"worker-{self._born}")
        self.processes.append(process)
        runtime = SimulatedRuntime(self.schedule, process, self.random.getrandbits(32))
        if self.chance.strikes("clock_jump"):
            runtime.skew = self.random.uniform(-300.0, 300.0)
        hands = Hands(
            cloud=SimulatedCloud(
                self.region,
                strike=self._note_cloud,
                pause=lambda request: self._outside(process, f"{request.verb} {request.kind} {request.name}", request),
                page=7,
                console=self.guests.console,
            ),
            addons=SimulatedClusters(
                self.guests, strike=self.chance.kube, pause=lambda call: self._call_kube(process, call)
            ),
            store=self.store(process),
            sealer=SEALER,
            join=JoinEndpoint("https://navarch.invalid:9443", "CA"),
            navarch_cidrs=("198.51.100.1/32",),
            runtime=runtime,
        )
        self.say(f"starts {process.name}")
        Worker(hands, _Log(self), name=process.name, threads=self._threads, calls=8).start()

    def store(self, process: Process | None) -> VirtualStore:
        """The store as one process has it; None: without faults."""
        if process is None:
            return CalmStore(
                VirtualDatabase(self._session, self.schedule, self.channels, before=lambda: None, after=lambda: True)
            )

        def before() -> None:
            self._outside(process, "")
            self.chance.before_transaction()

        database = VirtualDatabase(
            self._session, self.schedule, self.channels, before=before, after=self.chance.after_commit
        )
        return WatchedStore(database, self, process)

    def _outside(self, process: Process, what: str, request: Request | None = None) -> None:
        """A worker is about to call somebody outside: here it may be killed, paused, or others may act."""
        if self.schedule.process is not process:
            return
        self.calls += 1
        self.invariants.glance(process)
        if self.chance.strikes("kill"):
            self.say(f"KILLED before {what or 'a transaction'}")
            self.timeline.after(self.random.uniform(0.5, 20.0), self.start_worker)
            self.schedule.kill(process)
        if self.chance.strikes("pause"):
            seconds = self.random.uniform(20.0, 150.0)
            self.say(f"PAUSED for {seconds:.0f} s before {what or 'a transaction'}")
            process.paused_until = self.timeline.now + seconds
        began = self.timeline.now
        self.schedule.sleep(self.chance.random.uniform(0.005, 0.05) if what else 0.001)
        if request is not None and request.verb != "GET":
            self.say(what)
            self.invariants.acts(process, request, began)

    def _call_kube(self, process: Process, call: KubeCall) -> None:
        self._outside(process, f"kube {call.verb} {call.name}")
        if self.chance.strikes("kube_slow"):
            self.schedule.sleep(self.chance.random.uniform(5.0, 10.0))

    def _note_cloud(self, request: Request) -> Any:
        strike = self.chance.cloud(request)
        if strike is not None and strike.error is not None:
            self.say(f"  {'done, but ' if strike.done else ''}{strike.error}")
        return strike

    # -- machines at the API's door

    def _door(self) -> Any:
        _Clocked.timeline = self.timeline
        service = _Clocked(
            store=self.store(None),
            identity=None,  # type: ignore[arg-type]  # machines have none
            policy=Policy(""),
            sealer=SEALER,
            report_tokens=ReportTokens(b"r" * 32),
            settings=ApiSettings(),
            planner=lambda cluster, catalogue: (),
            machine_rate=Rate(60, 10.0, clock=lambda: self.timeline.now),
        )
        return SimpleNamespace(state=SimpleNamespace(service=service))

    def _knock(self, ask: Ask, then: Callable[[Reply], None]) -> None:
        """A machine asks. Its request, or the answer, may be lost."""
        if self.chance.strikes("join_lost"):
            reply = Reply(0)
            if self.random.random() < 0.5:
                self._answer(ask)
        else:
            reply = self._answer(ask)
        self.timeline.after(self.random.uniform(0.01, 0.1), lambda: then(reply))

    def _answer(self, ask: Ask) -> Reply:
        request: Any = SimpleNamespace(
            app=self.door, client=SimpleNamespace(host="10.0.0.1"), state=SimpleNamespace(request_id="req-chaos")
        )
        try:
            if ask.path.endswith("/join"):
                answer = bootstrap.join(request, ask.body)
                if isinstance(answer, JSONResponse):
                    return Reply(answer.status_code, None, float(answer.headers.get("Retry-After", "1")))
                body = answer.model_dump()
                self.invariants.hands_out(ask.body["machine"], body)
                return Reply(200, body)
            bootstrap.report(request, ask.body, f"Bearer {ask.token}")
            return Reply(204)
        except Problem as problem:
            return Reply(problem.status, None, float(problem.headers.get("Retry-After", "0")) or None)
        except NavarchError as error:
            return Reply(from_error(error).status)

    # -- customers, and what befalls the region

    def create(self, name: str, project: str, *, control_plane: int = 1, workers: int = 2) -> str:
        """A customer asks for a cluster; its id."""
        cluster_id = str(UUID(int=self._ids.getrandbits(128), version=4))
        spec = ClusterSpec(
            "1.37.2",
            NetworkSpec("public"),
            ControlPlaneSpec("m1.medium", VolumeSpec("ssd", 10), control_plane, ZONES[:control_plane]),
        )
        groups = (NodeGroup("web", NodeGroupSpec("m1.small", workers, ("z1", "z2"))),)
        made = Cluster(cluster_id, name, project, spec, self.timeline.date(), groups)
        self.say(f"customer creates {name} ({cluster_id[:8]}) with {control_plane}+{workers}")
        self.customer.create_cluster(made)
        self.invariants.expect(cluster_id)
        return cluster_id

    def scale(self, cluster_id: str, group: str, replicas: int) -> None:
        """A customer changes a node group's size."""
        stored = self.customer.cluster(cluster_id, project_id=None).cluster
        known = stored.group(group)
        if known is None or known.deletion_requested_at is not None or stored.deleting:
            return
        self.say(f"customer scales {group} of {stored.name} to {replicas}")
        wanted = replace(known, spec=replace(known.spec, replicas=replicas))
        self.customer.change_node_group(cluster_id, wanted, generation=known.generation)

    def add_group(self, cluster_id: str, name: str, replicas: int) -> None:
        """A customer adds a node group."""
        stored = self.customer.cluster(cluster_id, project_id=None).cluster
        if stored.deleting or stored.group(name) is not None:
            return
        self.say(f"customer adds group {name} with {replicas} to {stored.name}")
        self.customer.add_node_group(cluster_id, NodeGroup(name, NodeGroupSpec("m1.small", replicas, ("z2",))))

    def remove_group(self, cluster_id: str, name: str) -> None:
        """A customer removes a node group."""
        stored = self.customer.cluster(cluster_id, project_id=None).cluster
        if stored.deleting or stored.group(name) is None:
            return
        self.say(f"customer removes group {name} of {stored.name}")
        self.customer.request_node_group_deletion(cluster_id, name, at=self.timeline.date())

    def restrict(self, cluster_id: str, cidrs: tuple[str, ...]) -> None:
        """A customer changes who may reach the API."""
        stored = self.customer.cluster(cluster_id, project_id=None).cluster
        if stored.deleting:
            return
        self.say(f"customer lets {cidrs or 'everybody'} reach the API of {stored.name}")
        spec = replace(stored.spec, network=replace(stored.spec.network, api_allowed_cidrs=cidrs))
        self.customer.change_cluster(replace(stored, spec=spec), generation=stored.generation)

    def pause(self, cluster_id: str, paused: bool) -> None:
        """A customer asks Navarch to keep its hands off, or lifts that."""
        stored = self.customer.cluster(cluster_id, project_id=None).cluster
        if stored.deleting or stored.spec.paused == paused:
            return
        self.say(f"customer {'pauses' if paused else 'resumes'} {stored.name}")
        self.customer.change_cluster(
            replace(stored, spec=replace(stored.spec, paused=paused)), generation=stored.generation
        )
        if paused:
            self.invariants.paused[cluster_id] = self.timeline.now
        else:
            self.invariants.paused.pop(cluster_id, None)

    def wish_inside(self, cluster_id: str, *, services: int = 0, claims: int = 0) -> None:
        """The cluster's users make Services with a balancer, and claims."""
        cluster = self.guests.cluster(cluster_id)
        if cluster is None:
            return
        self.say(f"users of {cluster_id[:8]} want {services} services and {claims} claims")
        cluster.wishes.services |= {f"svc{n}" for n in range(services)}
        cluster.wishes.claims |= {f"pvc{n}" for n in range(claims)}
        cluster.wishes.snapshots |= {"pvc0"} if claims else set()

    def delete(self, cluster_id: str, *, keep_volumes: bool = False) -> None:
        """A customer asks for a cluster to go."""
        self.say(f"customer deletes {cluster_id[:8]}{' and keeps the volumes' if keep_volumes else ''}")
        self.customer.request_deletion(cluster_id, at=self.timeline.date(), keep_volumes=keep_volumes)
        self.invariants.deletes(cluster_id, keep_volumes)

    def plant(self, project: str, like: str) -> None:
        """Somebody's objects that look like ours: our names without our mark, and our tag of another cluster."""
        other = str(UUID(int=self._ids.getrandbits(128), version=4))
        for kind, name in (
            (Kind.NETWORK, f"{like}-net"),
            (Kind.SECURITY_GROUP, f"{like}-sg-cp"),
            (Kind.SECURITY_GROUP, f"{like}-sg-worker"),
        ):
            for mark in ("", other):
                request = Request("POST", kind, project, name)
                if kind is Kind.NETWORK:
                    self.region.create_network(request, mark)
                else:
                    self.region.create_security_group(request, mark)
        for name, mark in ((f"{like}-etcd-0", ""), (f"{like}-etcd-0", other), ("claim", other)):
            self.region.create_volume(Request("POST", Kind.VOLUME, project, name), mark, "ssd", 1, "z1")
        self.timeline.after(5.0, self.invariants.remember_foreign)

    def _minute(self) -> None:
        """Every so often something befalls the region as a whole."""
        if self.chance.strikes("quota_taken"):
            project, kind = self.random.choice(PROJECTS), self.random.choice(("instances", "ports", "volumes"))
            self.say(f"others use up the quota of {kind} of {project}")
            self.region.limits[project, kind] = self.region.used(project, kind)
            self.timeline.after(self.random.uniform(20, 120), lambda: self.region.limits.pop((project, kind), None))
        if self.chance.strikes("role_removed"):
            project = self.random.choice(PROJECTS)
            self.say(f"the service user loses its role in {project}")
            self.region.projects.discard(project)
            self.timeline.after(self.random.uniform(10, 90), lambda: self.region.projects.add(project))
        if self.chance.strikes("token_expired"):
            self.say("the service user is locked out")
            self.chance.tokens_expired = True
            self.timeline.after(self.random.uniform(5, 60), self._let_in)
        if self.chance.strikes("node_dies"):
            self._a_machine_dies()
        if self.chance.strikes("by_hand"):
            self.somebody_removes_something()
        self.timeline.after(20.0, self._minute)

    def _let_in(self) -> None:
        self.chance.tokens_expired = False

    def _a_machine_dies(self) -> None:
        servers = [t for t in self.region.things(Kind.SERVER) if t.resource.status == "ACTIVE"]
        if servers:
            victim = self.random.choice(servers)
            self.say(f"machine {victim.resource.name} dies")
            self.invariants.blameless()
            self.guests.stop(victim.id)

    def somebody_removes_something(self) -> None:
        """An object of ours goes by hand, or a group loses its rules, or Kubernetes a worker's Node."""
        kind = self.random.choice(
            (Kind.SERVER, Kind.PORT, Kind.FLOATING_IP, Kind.LOAD_BALANCER, Kind.SECURITY_GROUP, Kind.SERVER_GROUP, None)
        )
        if kind is None:
            self._somebody_removes_a_node()
            return
        ours = [t for t in self.region.things(kind) if t.mark in self.invariants.expected]
        ours = [t for t in ours if getattr(t.resource, "made_by", "navarch") == "navarch"]
        if not ours:
            return
        victim = self.random.choice(ours)
        self.invariants.blameless()
        if kind is Kind.SECURITY_GROUP:
            self.say(f"somebody empties the security group {victim.resource.name}")
            victim.resource = replace(victim.resource, rules=frozenset())
            return
        self.say(f"somebody removes the {kind} {victim.resource.name}")
        self.region.vanish(victim)
        if kind is Kind.LOAD_BALANCER:
            vip = self.region.find(Kind.PORT, victim.resource.vip_port_id)
            if vip is not None:
                self.region.vanish(vip)

    def _somebody_removes_a_node(self) -> None:
        """Of a worker: that of a control-plane machine comes back only where people restart its kubelet."""
        workers = [m.name for c in self.invariants.expected for m in self.customer.machines(c) if m.role is Role.WORKER]
        nodes = [(c, name) for c in self.guests.clusters.values() for name in c.nodes if name in workers]
        if nodes:
            cluster, victim = self.random.choice(nodes)
            self.invariants.blameless()
            self.say(f"somebody removes the Node {victim}")
            del cluster.nodes[victim]

    def calm(self) -> None:
        """The storm is over: what only people can mend is mended."""
        self.say("the storm is over")
        for cluster_id in list(self.invariants.paused):
            self.pause(cluster_id, False)
        self.invariants.blameless()
        self.chance.stormy = False
        self.chance.tokens_expired = False
        self.region.projects |= set(PROJECTS)
        self.region.limits.clear()
        for balancer in self.region.things(Kind.LOAD_BALANCER):
            if balancer.resource.provisioning_status == "PENDING_CREATE":
                balancer.resource = replace(balancer.resource, provisioning_status="ERROR")
        for process in self.processes:
            process.paused_until = 0.0
        for server in self.region.things(Kind.SERVER):
            self.guests.restart(server.id)
        self.timeline.after(900.0, self._people)

    def _people(self) -> None:
        """Do what conditions tell them to do, when Navarch had its time."""
        if self.chance.stormy:
            return
        for cluster_id in self.invariants.expected:
            machines = {m.name: m for m in self.customer.machines(cluster_id) if m.role is Role.CONTROL_PLANE}
            late = [n for n, m in sorted(machines.items()) if not m.joined and not m.removing]
            for server in self.region.things(Kind.SERVER):
                if server.resource.name in late[:1] and self.timeline.now - server.born > 800:
                    self.say(f"people remove the server {server.resource.name}, which never became a node")
                    self.invariants.blameless()
                    self.region.vanish(server)
        self._free_addresses()
        self.timeline.after(900.0, self._people)

    def _free_addresses(self) -> None:
        """Where a Service's balancer has the address of what somebody removed, people make room."""
        for cluster_id in self.invariants.expected:
            try:
                stored = self.customer.cluster(cluster_id, project_id=None)
            except NotFound:
                continue
            ports = {t.resource.name for t in self.region.things(Kind.PORT) if t.mark == cluster_id}
            lost = {m.member_address for m in self.customer.machines(cluster_id) if m.name not in ports}
            balancers = [t for t in self.region.things(Kind.LOAD_BALANCER) if t.mark == cluster_id]
            if all(t.resource.made_by != "navarch" for t in balancers):
                lost.add(stored.status.api_internal_address or "")
            for balancer in balancers:
                vip = self.region.find(Kind.PORT, balancer.resource.vip_port_id)
                if balancer.resource.vip_address in lost and vip is not None:
                    self.say(f"people remove the balancer {balancer.resource.name}, which has a lost address")
                    self.region.vanish(vip)
                    self.region.vanish(balancer)


class CalmStore(VirtualStore):
    """The store as the API has it. Machines and invariants ask again and again for what did not change since."""

    def __init__(self, database: VirtualDatabase) -> None:
        super().__init__(database)
        self._session, self._read_at = database.session, -1
        self._clusters: dict[tuple[str, str | None], Stored] = {}
        self._machines: dict[str, tuple[Machine, ...]] = {}

    def cluster(self, ref: str, *, project_id: str | None) -> Stored:
        self._forget_what_is_old()
        asked = (ref, project_id)
        if asked not in self._clusters:
            self._clusters[asked] = super().cluster(ref, project_id=project_id)
        return self._clusters[asked]

    def machines(self, cluster_id: str, *, removed: bool = False) -> tuple[Machine, ...]:
        self._forget_what_is_old()
        if removed:
            return super().machines(cluster_id, removed=True)
        if cluster_id not in self._machines:
            self._machines[cluster_id] = super().machines(cluster_id)
        return self._machines[cluster_id]

    def _forget_what_is_old(self) -> None:
        if self._read_at != self._session.writes:
            self._read_at = self._session.writes
            self._clusters.clear()
            self._machines.clear()


class WatchedStore(VirtualStore):
    """The store as one process has it; the invariants see who holds what."""

    def __init__(self, database: VirtualDatabase, world: World, process: Process) -> None:
        super().__init__(database)
        self._world, self._process = world, process

    def claim(self, worker: str, *, lease: float) -> Claim | None:
        claim = super().claim(worker, lease=lease)
        if claim is not None:
            self._world.invariants.claimed(claim, self._process)
        return claim

    def record(self, cluster_id: str, token: int, status: Any, **more: Any) -> None:
        super().record(cluster_id, token, status, **more)
        self._world.invariants.recorded(cluster_id, token, status, self._process)

    def record_machine(self, cluster_id: str, token: int, machine: Machine) -> None:
        super().record_machine(cluster_id, token, machine)
        self._world.invariants.decided(cluster_id, machine.name, machine.role is Role.WORKER)

    def forget_machine(self, cluster_id: str, token: int, name: str) -> None:
        super().forget_machine(cluster_id, token, name)
        self._world.invariants.given_up(cluster_id, name)

    def forget(self, cluster_id: str, token: int) -> None:
        super().forget(cluster_id, token)
        self._world.invariants.forgotten(cluster_id)


class _Log:
    """The worker's log, into the run's."""

    def __init__(self, world: World) -> None:
        self._world = world

    def info(self, event: str, **values: object) -> None:
        return None

    def warning(self, event: str, **values: object) -> None:
        self._world.say(f"warning: {event} {values}")

    def exception(self, event: str, **values: object) -> None:
        import sys
        import traceback

        error = sys.exc_info()[1]
        self._world.say(f"EXCEPTION: {event} {values}: {''.join(traceback.format_exception(error))}")
        if not isinstance(error, LeaseLost | NavarchError):
            self._world.invariants.broken("no fault of ours", f"{event}: {error!r}")
