"""A whole world for one run: a region, its machines and clusters, the API's door for machines, workers, customers.

Everything is drawn from one seed. `log` tells what happened to which object; `violations` which promise was broken.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

from fastapi.responses import JSONResponse
from tests.chaos.customers import SITE, Customers
from tests.chaos.database import Channel, Connection, Operator, Session, VirtualDatabase, VirtualStore
from tests.chaos.invariants import Invariants
from tests.chaos.mishaps import Mishaps
from tests.chaos.schedule import InOrder, Process, Schedule, SimulatedRuntime
from tests.chaos.stores import CalmStore, WatchedStore
from tests.chaos.weather import Chance, StormyFates, StormyTempers, Weather
from tests.integration.catalogue_fixtures import Unchanging

from navarch.api import bootstrap
from navarch.api.access import ApiService
from navarch.api.policy import Policy
from navarch.api.problems import Problem, from_error
from navarch.api.rate import Rate
from navarch.api.settings import ApiSettings
from navarch.bootstrap.sealing import Sealer
from navarch.bootstrap.tickets import MachineTokens
from navarch.clouds.openstack import OpenStackCloud, OpenStackSettings
from navarch.clouds.openstack.patience import Patience
from navarch.domain.errors import NavarchError
from navarch.reconcile.clock import Clock
from navarch.reconcile.dependencies import Dependencies, JoinEndpoint
from navarch.reconcile.worker import Worker
from navarch.simulator.clusters import KubeCall, SimulatedClusters
from navarch.simulator.guests import Ask, Guests, Reply
from navarch.simulator.installed import SERVICE_PROJECT, SERVICE_USER, install
from navarch.simulator.openstack.about import About
from navarch.simulator.openstack.faults import Strike
from navarch.simulator.openstack.keystone import setup
from navarch.simulator.openstack.messages import Request, Scope
from navarch.simulator.openstack.services import Services
from navarch.simulator.openstack.site import Limits
from navarch.simulator.openstack.timeline import Timeline
from navarch.simulator.openstack.transport import Transport
from navarch.store.contract import LeaseLost
from navarch.store.database import CHANNELS

SEALER, WORKERS_SEALER = Sealer(b"k" * 32), Sealer(b"w" * 32)
MACHINE_TOKENS = MachineTokens(b"r" * 32)
PASSWORD = "the service user's"
SETTINGS = OpenStackSettings(f"{SITE.url}/identity/v3", SERVICE_USER, PASSWORD)
_LOG_LINES = 4000
_PAGE = 7  # objects in one answer of a list


class _Clocked(ApiService):
    """The API's service under virtual time."""

    timeline: Timeline

    def now(self) -> Any:
        return _Clocked.timeline.date()


class World:
    """One run's. `workers` processes; in each `threads` clusters and `calls` to the outside at once."""

    def __init__(
        self,
        connection: Connection,
        seed: int,
        weather: Weather,
        *,
        workers: int = 1,
        threads: int = 2,
        calls: int = 8,
    ) -> None:
        self.seed, self.random = seed, Random(seed)
        self.timeline = Timeline()
        self.schedule = Schedule(self.timeline)
        self.chance = Chance(Random(self.random.random()), weather)
        self.services = self._install()
        self.region = self.services.region
        self.log: deque[str] = deque(maxlen=_LOG_LINES)
        self.channels = {name: Channel() for name in CHANNELS}
        self.calls = 0
        self._threads, self._at_once, self._born = threads, calls, 0
        self._connection = connection
        self._session = Session(connection, self.timeline)
        self.invariants = Invariants(self)
        self.guests = Guests(self.services, self._knock, StormyTempers(self.chance, self.invariants.blameless))
        self.door = self._door()
        self.operator = Operator(self._calm_database())
        self.api = self.store(None)  # whose requests meet no fault: the API would have told them
        self.offer = self._cloud(Transport(self.services)).offer()
        self.api.write_offer(self.offer)  # the API takes no wish before a worker has read it once
        self.processes: list[Process] = []
        self.customers = Customers(self, Random(self.random.random()))
        for _ in range(workers):
            self.start_worker()
        self.mishaps = Mishaps(self)

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

    def is_recorded(self, id_: str) -> bool:
        """Whether it is written down that an object of the cloud is a cluster's."""
        asked = "SELECT 1 FROM clusters WHERE strpos(objects::text, %s) > 0"
        return self._connection.execute(asked, (id_,)).fetchone() is not None

    def say(self, line: str) -> None:
        """Write a line of the log."""
        process = self.schedule.process
        self.log.append(f"{self.timeline.now:9.3f} {process.name if process else 'world':9s} {line}")

    def close(self) -> None:
        """End every process, also what is left of one that died in the middle of something: its actors would stay
        suspended, and keep this world, for ever."""
        for process in self.processes:
            self.schedule.kill(process)

    # -- workers

    def start_worker(self, skew: float = 0.0) -> None:
        """A new worker process. `skew`: how wrong its clock is, in seconds."""
        self._born += 1
        process = Process(f"worker-{self._born}")
        self.processes.append(process)
        runtime = SimulatedRuntime(self.schedule, process, self.random.getrandbits(32))
        runtime.skew = skew
        if self.chance.strikes("clock_jump"):
            runtime.skew = self.random.uniform(-300.0, 300.0)
        clock = Clock(runtime.now)
        dependencies = Dependencies(
            cloud=self._cloud(
                Transport(
                    self.services,
                    strike=self._note_cloud,
                    before=lambda about: self._outside(process, f"{about.verb} {about.kind} {about.name}", about),
                ),
                clock,
                runtime.random,
            ),
            addons=SimulatedClusters(
                self.guests, strike=self.chance.kube, pause=lambda call: self._call_kube(process, call)
            ),
            store=self.store(process),
            sealer=SEALER,
            workers_sealer=WORKERS_SEALER,
            join=JoinEndpoint("https://navarch.invalid:9443", "CA", MACHINE_TOKENS),
            api_source_cidrs=("198.51.100.1/32",),
            runtime=runtime,
            clock=clock,
            renderer=Unchanging(),
        )
        self.say(f"starts {process.name}")
        Worker(dependencies, _Log(self), name=process.name, threads=self._threads, calls=self._at_once).start()

    def store(self, process: Process | None) -> VirtualStore:
        """The store as one process has it; None: without faults."""
        if process is None:
            return CalmStore(self._calm_database())

        def before() -> None:
            self._outside(process, "")
            self.chance.before_transaction()

        database = VirtualDatabase(
            self._session, self.schedule, self.channels, before=before, after=self.chance.after_commit
        )
        return WatchedStore(database, self, process)

    def _calm_database(self) -> VirtualDatabase:
        return VirtualDatabase(self._session, self.schedule, self.channels, before=lambda: None, after=lambda: True)

    def _outside(self, process: Process, what: str, about: About | None = None) -> None:
        """A worker is about to call somebody outside: here it may be killed, paused, or others may act. But not where
        it asks for a token: keystoneauth holds a lock of its thread meanwhile, and all actors are one thread."""
        if self.schedule.process is not process:
            return
        self.calls += 1
        if about is not None and about.kind == "token":
            return
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
        if about is not None and about.verb != "GET":
            self.say(what)
            self.invariants.acts(process, about, began)

    def _call_kube(self, process: Process, call: KubeCall) -> None:
        self._outside(process, f"kube {call.verb} {call.name}")
        if self.chance.strikes("kube_slow"):
            self.schedule.sleep(self.chance.random.uniform(5.0, 10.0))

    def _note_cloud(self, about: About) -> Strike | None:
        strike = self.chance.cloud(about, self.timeline.now)
        if strike is not None and strike.fails:
            said = strike.status or "no answer"
            self.say(f"  {about.words}: {'done, but ' if strike.done else ''}{said}")
        return strike

    # -- the cloud

    def _install(self) -> Services:
        """A region whose service user has its role in each project by itself, so that it can lose it there."""
        limits = Limits(_PAGE, _PAGE, _PAGE, _PAGE, _PAGE, self.random.choice((3600.0, 3600.0, 120.0)),
                        choose_floating_address=self.random.random() < 0.5)  # fmt: skip
        fates, seed = StormyFates(self.chance), self.random.getrandbits(32)
        installed = install(self.timeline, replace(SITE, limits=limits), PASSWORD, fates=fates, seed=seed)
        region, self.service_user_id = installed.region, installed.service_user_id
        region.keep_history()
        setup.revoke(region, self.service_user_id, setup.DEFAULT, "member", inherited=True)
        own = next(project.id for project in region["project"] if project.name == SERVICE_PROJECT)
        for project_id in (own, installed.let_in("a", "a"), installed.let_in("b", "b")):
            setup.grant(region, self.service_user_id, project_id, "member")
        return Services(region)

    def _cloud(self, transport: Transport, clock: Clock | None = None, random: Random | None = None) -> OpenStackCloud:
        """The cloud as a process has it."""
        now = clock.now if clock is not None else self.timeline.date
        patience = Patience(lambda: self.timeline.now, self.schedule.sleep, random or self.random)
        return OpenStackCloud(SETTINGS, transport=transport, readers=InOrder(), clock=now, patience=patience)

    def as_somebody(self, project: str, service: str, path: str, **body: Any) -> Any:
        """A member of the project makes something. No fault hits that, and there is room for it."""
        request = Request("POST", service, path, body=body)
        request.scope = Scope("somebody", project, roles=frozenset({"member", "reader"}))
        taken, self.region.quotas = self.region.quotas, {}
        answer = self.services.call(request)
        self.region.quotas = taken
        return answer.body

    # -- machines at the API's door

    def _door(self) -> Any:
        _Clocked.timeline = self.timeline
        service = _Clocked(
            store=self.store(None),
            validation=None,  # type: ignore[arg-type]  # machines have none
            policy=Policy(""),
            sealer=SEALER,
            machine_tokens=MACHINE_TOKENS,
            settings=ApiSettings(),
            planner=lambda cluster: (),
            machine_rate=Rate(60, 10.0, clock=lambda: self.timeline.now),
            address_rate=Rate(6000, 1000.0, clock=lambda: self.timeline.now),
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
