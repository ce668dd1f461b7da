"""What goes wrong, how often, and what puts it right again when the storm is over."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import psycopg
from psycopg import errors as pg

from navarch.domain.errors import Temporary
from navarch.simulator.clusters import KubeCall, KubeFault
from navarch.simulator.guests import Tempers
from navarch.simulator.openstack import faults
from navarch.simulator.openstack.about import About
from navarch.simulator.openstack.fates import Fates
from navarch.simulator.openstack.faults import Strike


@dataclass(frozen=True)
class Weather:
    """Chances of each fault. Those of requests are per request; `kill` and `pause` per outside call of a worker; the
    others per minute, server or balancer."""

    cloud_lost: float = 0.0  # carried out, the answer lost
    cloud_unreached: float = 0.0  # timed out before
    cloud_error: float = 0.0  # 500, 502, 503
    cloud_busy: float = 0.0  # 429 with Retry-After
    cloud_away: float = 0.0  # nothing is answered about objects of the kind for up to a minute: reads are repeated
    cloud_conflict: float = 0.0  # 409 for what changes or removes
    cloud_lag: float = 0.0  # a list as it was some seconds ago
    cloud_unfiltered: float = 0.0  # a list with what was not asked for
    kube_away: float = 0.0
    kube_lost: float = 0.0
    kube_slow: float = 0.0
    join_lost: float = 0.0  # between machine and join endpoint, either way
    database_away: float = 0.0
    database_lost: float = 0.0  # committed, and the connection gone
    database_deadlock: float = 0.0
    notify_lost: float = 0.0
    kill: float = 0.0
    pause: float = 0.0
    server_error: float = 0.0
    machine_mute: float = 0.0
    machine_fails: float = 0.0
    machine_dies: float = 0.0
    balancer_error: float = 0.0
    balancer_stuck: float = 0.0
    quota_taken: float = 0.0
    role_removed: float = 0.0
    token_expired: float = 0.0
    node_dies: float = 0.0
    member_breaks: float = 0.0  # the server and the data of a control-plane machine, where the others can go on
    member_stalls: float = 0.0  # a member of etcd on a machine that is well, for minutes
    operator_pauses: float = 0.0
    by_hand: float = 0.0
    clock_jump: float = 0.0

    def only(self, *names: str) -> "Weather":
        """This weather with all other chances zero."""
        return replace(Weather(), **{name: getattr(self, name) for name in names})


STORM = Weather(
    cloud_lost=0.02,
    cloud_unreached=0.02,
    cloud_error=0.03,
    cloud_busy=0.02,
    cloud_away=0.003,
    cloud_conflict=0.02,
    cloud_lag=0.04,
    cloud_unfiltered=0.01,
    kube_away=0.03,
    kube_lost=0.02,
    kube_slow=0.02,
    join_lost=0.05,
    database_away=0.004,
    database_lost=0.004,
    database_deadlock=0.002,
    notify_lost=0.05,
    kill=0.004,
    pause=0.001,
    server_error=0.1,
    machine_mute=0.04,
    machine_fails=0.04,
    machine_dies=0.04,
    balancer_error=0.1,
    balancer_stuck=0.05,
    quota_taken=0.3,
    role_removed=0.15,
    token_expired=0.15,
    node_dies=0.2,
    member_breaks=0.1,
    operator_pauses=0.1,
    by_hand=0.6,
    clock_jump=0.2,
)
MISLEADING = replace(STORM, cloud_lag=0.4, cloud_lost=0.25)  # what the cloud says is often not so


_SILENT_AT_MOST = 60.0  # seconds


class Chance:
    """Draws faults from one source of chance, and counts them."""

    def __init__(self, random: Random, weather: Weather) -> None:
        self.random, self.weather = random, weather
        self.stormy = True
        self.struck: Counter[str] = Counter()
        self._silent: dict[str, float] = {}  # kind of object: until when nothing answers of it

    def strikes(self, name: str) -> bool:
        """Whether this fault happens now."""
        chance: float = getattr(self.weather, name)
        if not self.stormy or chance == 0.0 or self.random.random() >= chance:
            return False
        self.struck[name] += 1
        return True

    def cloud(self, about: About, now: float) -> Strike | None:
        """What befalls a request to the cloud. Where no answer comes, the connection ends or time runs out."""
        if self.strikes("cloud_away"):
            self._silent[about.kind] = now + self.random.uniform(1.0, _SILENT_AT_MOST)
        if self.stormy and now < self._silent.get(about.kind, 0.0):
            return faults.failing(503)
        if about.verb == "GET":
            if self.strikes("cloud_lag"):
                return faults.lagging(self.random.uniform(0.5, 20.0))
            if self.strikes("cloud_unfiltered"):
                return faults.unfiltered()
        else:
            if self.strikes("cloud_lost"):
                return faults.answer_lost(closed=self.random.random() < 0.5)
            if self.strikes("cloud_conflict") and about.verb != "POST":
                return faults.in_use()
        if self.strikes("cloud_unreached"):
            return faults.unreached(closed=self.random.random() < 0.5)
        if self.strikes("cloud_error"):
            return faults.failing(self.random.choice((500, 502, 503)))
        if self.strikes("cloud_busy"):
            return faults.busy(self.random.choice((1.0, 5.0, 30.0)))
        return None

    def kube(self, call: KubeCall) -> KubeFault | None:
        """What befalls a call to a cluster's Kubernetes API."""
        error = Temporary(f"{call.url} does not answer", reason="KubernetesNotAnswering", after=2.0)
        if self.strikes("kube_away"):
            return KubeFault(error)
        if self.strikes("kube_lost"):
            return KubeFault(error, done=True)
        return None

    def before_transaction(self) -> None:
        """Raises what psycopg would."""
        if self.strikes("database_away"):
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        if self.strikes("database_deadlock"):
            raise pg.DeadlockDetected("deadlock detected")

    def after_commit(self) -> bool:
        """Raises what psycopg would after a commit whose answer is lost; False: its notification is lost."""
        if self.strikes("database_lost"):
            raise psycopg.OperationalError("terminating connection due to administrator command")
        return not self.strikes("notify_lost")


class StormyFates(Fates):
    """What becomes of servers and balancers."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def server_fault(self, name: str) -> str | None:
        if self._chance.strikes("server_error"):
            return self._chance.random.choice(
                ("No valid host was found. There are not enough hosts available.", "boom")
            )
        return None

    def balancer_status(self, name: str) -> str | None:
        if self._chance.strikes("balancer_stuck"):
            return None
        return "ERROR" if self._chance.strikes("balancer_error") else "ACTIVE"


class StormyTempers(Tempers):
    """How machines boot. `dies` is called when one dies of it."""

    def __init__(self, chance: Chance, dies: Callable[[], None]) -> None:
        self._chance, self._dies = chance, dies

    def mute(self, name: str) -> bool:
        return self._chance.strikes("machine_mute")

    def fails_in(self, name: str) -> str | None:
        return self._phase() if self._chance.strikes("machine_fails") else None

    def dies_in(self, name: str) -> str | None:
        if not self._chance.strikes("machine_dies"):
            return None
        self._dies()
        return self._phase()

    def _phase(self) -> str:
        return self._chance.random.choice(("PrepareMachine", "WaitForAPI", "StartKubelet", "KubeadmJoin", "Joined"))
