"""What must be true whatever happens. Each promise has a name, under which docs/reliability.md lists it.

`glance` is asked at every outside call of a worker, `look_around` every few virtual seconds, `settled` at the end.
"""

import base64
from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.chaos import lives

from navarch.domain import names
from navarch.domain.spec import NodeGroup
from navarch.domain.status import Status
from navarch.simulator import marks
from navarch.simulator.kubernetes import Kubernetes
from navarch.simulator.openstack.about import About
from navarch.store.contract import Claim, NotFound

if TYPE_CHECKING:
    from tests.chaos.schedule import Process
    from tests.chaos.world import World

PROMISES = {
    "nothing left": "after a delete no object of the cluster exists",
    "nothing foreign": "no object of somebody else was changed or removed",
    "one machine a place": "never two machines for one place",
    "one writer": "a status is written by the one that holds the cluster, and only it acts",
    "quorum": "etcd never loses its quorum by our doing",
    "kept": "volumes that were to be kept are kept",
    "hands off": "nothing is changed of a cluster that its customer or the operator paused",
    "secrets": "a cluster's secrets reach its own machines and nobody else",
    "convergence": "what was accepted comes true when faults stop, in bounded time",
    "not stuck in silence": "what is not as wanted says why; past its deadline also who is responsible and what to do",
    "timeline": "every object that is there is explained by the timeline",
    "no fault of ours": "no exception that is nobody's answer",
    "clocks": "nothing is repaired too early or too late because a clock is off",
    "limits": "Navarch gives no group fewer machines than its min or more than its max",
    "placed": "for a pod that waits, a machine is asked for within ten seconds where a group has room for it",
    "needed": "no machine goes that is used, or before it was unneeded for as long as its group says; then it does",
    "spare": "room that a group keeps free is there again minutes after pods took it, and machines stay that hold it",
    "zonal": "a pod with a volume gets its machine in the zone of the volume",
    "in vain": "no machine after the other comes for a device that none of them ever shows",
    "no litter": "nothing is there twice, and no more than was asked for",
    **lives.PROMISES,
}
_UNDER_WAY = 60.0  # seconds in which a cycle that was begun before the pause ends, or its lease
_JUDGED_WITHIN = timedelta(minutes=6)  # a look each three minutes, leases of workers that died, a database that is away
_LISTENS_EVERY = 20.0  # seconds: reads the database, and minutes are what is promised
_MADE_BY = {
    "network": "EnsureNetwork",
    "subnet": "EnsureSubnet",
    "router": "EnsureRouter",
    "security group": "EnsureSecurityGroup",
    "server group": "EnsureServerGroup",
    "port": "EnsurePort",
    "volume": "EnsureVolume",
    "server": "CreateServer",
    "load balancer": "EnsureLoadBalancer",
    "floating IP": "EnsureFloatingIP",
    "user": "EnsureIdentity",
}
_TOLD_AS = {"user": "Keystone user"}  # what the timeline calls a kind, where it is another word


class Broken(AssertionError):
    """A promise was broken; the text says which, how, and how to see it again."""


class Invariants:
    """Watches one world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.expected: dict[str, bool] = {}  # cluster id -> whether it was asked to go
        self.kept: set[str] = set()
        self.paused: dict[str, float] = {}
        self._held: dict[str, float] = {}
        self.checked: Counter[str] = Counter()
        self.violations: list[str] = []
        self._foreign: dict[str, tuple[str, Any]] = {}
        self._holders: dict[str, tuple[int, Process, float]] = {}
        self._listens_at = 0.0
        self._looked_into: set[str] = set()
        self._quorum: set[str] = set()
        self._authorities: dict[str, str] = {}
        self._given_up: set[tuple[str, str]] = set()
        self._kept_volumes: list[tuple[str, str]] = []
        self.lives = lives.Lives(world)

    def broken(self, promise: str, how: str) -> None:
        """Note a broken promise; the run ends at its next halt."""
        assert promise in PROMISES
        self.violations.append(f"{promise}: {how}")
        self._world.say(f"BROKEN {promise}: {how}")

    def raise_what_was_broken(self) -> None:
        """Raises Broken."""
        if self.violations:
            raise Broken(f"at {self._world.timeline.now:.1f} s: " + "; ".join(self.violations[:5]))

    # -- told by the world

    def expect(self, cluster_id: str) -> None:
        """A customer asked for it."""
        self.expected[cluster_id] = False

    def deletes(self, cluster_id: str, keep_volumes: bool) -> None:
        """A customer asked for it to go."""
        self.expected[cluster_id] = True
        self.paused.pop(cluster_id, None)
        if keep_volumes:
            self.kept.add(cluster_id)
            for volume, owner, maker in marks.belonging(self._world.region, "volume"):
                if owner == cluster_id and maker == "csi":
                    self._kept_volumes.append((cluster_id, volume.id))

    def operator_pauses(self, project: str, paused: bool) -> None:
        """Navarch's operator said that nothing is done for a project, or lifted that."""
        for cluster_id in self.expected:
            try:
                cluster = self._world.api.cluster(cluster_id, project_id=None).cluster
            except NotFound:
                continue
            if cluster.project_id == project and paused:
                self._held[cluster_id] = self._world.timeline.now
            elif cluster.project_id == project:
                self._held.pop(cluster_id, None)

    def remember_foreign(self, planted: Iterable[tuple[str, str]]) -> None:
        """These (kind and id) are somebody else's, and stay as they are now."""
        for kind, id_ in planted:
            found = self._world.region[kind].get(id_)
            self._foreign[id_] = (kind, deepcopy(found.body) if found is not None else None)

    def blameless(self) -> None:
        """A machine, port or volume went by somebody else's doing: what that costs is not ours."""
        self._quorum.clear()

    def claimed(self, claim: Claim, process: "Process") -> None:
        """A worker took a cluster."""
        self._holders[claim.cluster.id] = (claim.token, process, self._world.timeline.now)

    def recorded(self, cluster_id: str, token: int, status: Status, process: "Process") -> None:
        """A worker wrote a status."""
        self.checked["one writer"] += 1
        holder = self._holders.get(cluster_id)
        if holder is not None and (token, process) != holder[:2]:
            said = f"was written by {process.name} with token {token}, {holder[1].name} holds it with {holder[0]}"
            self.broken("one writer", f"{cluster_id[:8]} {said}")
        for condition in status.conditions:
            if condition.status != "True" and not condition.reason:
                self.broken("not stuck in silence", f"{condition.type} of {cluster_id[:8]} has no reason")
            if condition.responsible is not None and not condition.remedy:
                self.broken("not stuck in silence", f"{condition.type} of {cluster_id[:8]} blames without a remedy")

    def acts(self, process: "Process", request: About, began: float) -> None:
        """A worker's request that changes something arrives at the cloud."""
        self.checked["one writer"] += 1
        cluster_id = self._cluster_of(request)
        since = self.paused.get(cluster_id or "", self._held.get(cluster_id or ""))
        if since is not None and began > since + _UNDER_WAY:
            self.broken("hands off", f"{process.name} does {request.words}, paused since {since:.0f}")
        if cluster_id is not None and (request.verb, request.kind) == ("DELETE", "server"):
            self.lives.removes(cluster_id, request.name)
        if cluster_id is not None and (request.verb, request.kind) == ("PUT", "server"):
            self.lives.switches(cluster_id, request.name)
        holder = self._holders.get(cluster_id or "")
        if holder is None or holder[1] is process:
            return
        if began <= holder[2]:
            return  # it was under way when the other took over: no client can call a request back
        self.broken("one writer", f"{process.name} does {request.words} while {holder[1].name} holds the cluster")

    def hands_out(self, machine: str, answer: dict[str, Any]) -> None:
        """The join endpoint gave a machine its files."""
        self.checked["secrets"] += 1
        ca = next((f["content"] for f in answer["files"] if f["path"].endswith("pki/ca.crt")), "")
        owner = next((c for c in self.expected if c[:8] in machine), "")
        known = self._authorities.setdefault(owner, ca)
        if not ca or known != ca or any(ca == other for c, other in self._authorities.items() if c != owner):
            self.broken("secrets", f"{machine} was given the authority of another cluster")

    def given_up(self, cluster_id: str, machine: str) -> None:
        """A machine is marked as gone."""
        self._given_up.add((cluster_id, machine))

    def decided(self, cluster_id: str, machine: str, worker: bool) -> None:
        """A machine is written down before it is asked for."""
        if worker and (cluster_id, machine) in self._given_up:
            self.broken("one machine a place", f"the number of {machine} was given away a second time")

    def scaled(self, group: NodeGroup) -> None:
        """A worker wrote another number of machines."""
        self.checked["limits"] += 1
        limits, number = group.spec.autoscaling, group.spec.replicas
        if limits is None or not limits.min <= number <= limits.max:
            self.broken("limits", f"{group.name} gets {number} machines: {limits}")

    def forgotten(self, cluster_id: str) -> None:
        """The row is gone."""
        self.checked["nothing left"] += 1
        if not self.expected.get(cluster_id):
            self.broken("convergence", f"{cluster_id[:8]} was forgotten, and nobody had asked for that")
        for owner, volume_id in self._kept_volumes:
            self.checked["kept"] += 1
            if owner == cluster_id and self._world.region["volume"].get(volume_id) is None:
                self.broken("kept", f"a claim's volume of {cluster_id[:8]} is gone")
        left = self._left(cluster_id)
        if left:
            self.broken("nothing left", f"of {cluster_id[:8]} there are still {', '.join(left)}")

    # -- looked at

    def glance(self, process: "Process") -> None:
        """Cheap, and at every call."""
        self.checked["quorum"] += 1
        for cluster_id, cluster in self._world.guests.clusters.items():
            if self.expected.get(cluster_id, True) or self._ends_alone(cluster_id, cluster):
                self._quorum.discard(cluster_id)
            elif cluster.has_quorum() and cluster.members:
                self._quorum.add(cluster_id)
            elif cluster_id in self._quorum:
                self._quorum.discard(cluster_id)
                self.broken(
                    "quorum", f"{cluster_id[:8]} has {cluster.living_members()} of {len(cluster.members)} members"
                )

    def _ends_alone(self, cluster_id: str, cluster: Kubernetes) -> bool:
        """Whether nothing that runs on can be asked of it: it has one member, whose machine may be replaced, or is
        stopped. Of members that stall `lives` says whether a machine may be taken."""
        if len(cluster.members) == 1 or cluster.etcd.stalled:
            return True
        return not self._world.api.cluster(cluster_id, project_id=None).cluster.spec.running

    def look_around(self) -> None:
        """Every few seconds."""
        self.checked["hands off"] += len(self.paused) + len(self._held)
        self._machines()
        self._foreigners()
        self._user_data()
        self.lives.look_around()
        if self._world.timeline.now >= self._listens_at:
            self._listens_at = self._world.timeline.now + _LISTENS_EVERY
            self._silence()

    def _machines(self) -> None:
        self.checked["one machine a place"] += 1
        servers = Counter(
            (owner, server.name)
            for server, owner, _ in marks.belonging(self._world.region, "server")
            if owner in self.expected
            and server["status"] not in ("ERROR", "DELETED")
            and server["OS-EXT-STS:task_state"] != "deleting"
        )
        for (mark, name), count in servers.items():
            if count > 1:
                self.broken("one machine a place", f"{count} servers are named {name} in {mark[:8]}")

    def _foreigners(self) -> None:
        for id_, (kind, body) in self._foreign.items():
            self.checked["nothing foreign"] += 1
            found = self._world.region[kind].get(id_)
            if found is None or found.body != body:
                now = found.body if found is not None else "gone"
                self.broken("nothing foreign", f"the {kind} {body['name']} of somebody else is {now}")

    def _user_data(self) -> None:
        passwords = [user.hidden["password"] for user, _, _ in marks.belonging(self._world.region, "user")]
        for server in self._world.region["server"]:
            if server.id in self._looked_into:
                continue  # user-data never changes
            self._looked_into.add(server.id)
            self.checked["secrets"] += 1
            user_data = base64.b64decode(server.hidden["user_data"]).decode()
            leaked = "PRIVATE KEY" in user_data or any(word in user_data for word in passwords)
            renamed = not marks.owner(server)[0]
            if leaked or (server.name not in user_data and not renamed):
                self.broken("secrets", f"the user-data of {server.name} has what does not belong there")

    def _silence(self) -> None:
        now, store = self._world.timeline.date(), self._world.api
        for cluster_id in self.expected:
            try:
                stored = store.cluster(cluster_id, project_id=None)
            except NotFound:
                continue
            self.checked["not stuck in silence"] += 1
            old = now - (stored.cluster.updated_at or stored.cluster.created_at)
            if not stored.status.conditions and old > _JUDGED_WITHIN:
                self.broken("not stuck in silence", f"{stored.cluster.name} has no condition after {old}")
            for c in stored.status.conditions:
                late = c.status != "True" and c.deadline is not None and now - c.deadline > _JUDGED_WITHIN
                if late and (c.responsible is None or not c.remedy):
                    told = f"{c.type} of {stored.cluster.name} was due at {c.deadline}: {c.reason} {c.message}"
                    self.broken("not stuck in silence", told)

    # -- at the end

    def settled(self) -> bool:
        """Whether every cluster is as it was asked for."""
        for cluster_id, deleted in self.expected.items():
            try:
                stored = self._world.api.cluster(cluster_id, project_id=None)
            except NotFound:
                if not deleted:
                    return False
                continue
            if deleted:
                return False
            if stored.status.observed_generation != stored.cluster.generation:
                return False
            staying = [g for g in stored.cluster.node_groups if g.deletion_requested_at is None]
            if stored.cluster.spec.running and len(staying) != len(stored.cluster.node_groups):
                return False  # of a cluster that is stopped a group goes when it starts
            inside = self._world.guests.cluster(cluster_id)
            if inside is None or not self.lives.is_as_asked(stored, inside):
                return False
        return True

    def unsettled(self) -> str:
        """What is told of the clusters that are not as they were asked for."""
        told = []
        for cluster_id in self.expected:
            try:
                stored = self._world.api.cluster(cluster_id, project_id=None)
            except NotFound:
                continue
            false = [f"{c.type}: {c.reason} {c.message}" for c in stored.status.conditions if c.status != "True"]
            told.append(f"{stored.cluster.name} ({'; '.join(false[1:3]) or stored.status.phase})")
        return ", ".join(told)

    def at_rest(self) -> None:
        """Everything is as it was asked for: nothing is there twice, and the timeline explains what is there."""
        for cluster_id, deleted in self.expected.items():
            self.checked["no litter"] += 1
            self.checked["convergence"] += 1
            if deleted:
                left = self._left(cluster_id)
                if left:
                    self.broken("nothing left", f"of {cluster_id[:8]} there are {', '.join(left)}")
                continue
            stored = self._world.api.cluster(cluster_id, project_id=None).cluster
            self._no_litter(cluster_id, names.stem(stored))
            self._explained(cluster_id)
            self.lives.at_rest(stored)
        self.raise_what_was_broken()

    def _no_litter(self, cluster_id: str, stem: str) -> None:
        cluster = self._world.api.cluster(cluster_id, project_id=None).cluster
        ours = [
            (found.kind, marks.own_name(found))
            for found, owner, maker in marks.belonging(self._world.region)
            if owner == cluster_id and maker == "navarch"
        ]
        for (kind, name), count in Counter(ours).items():
            if count > 1:
                self.broken("no litter", f"{count} {kind}s are named {name}")
        if not cluster.spec.running:
            return  # what is changed or lost while it is stopped is made so when it starts
        wanted = {
            names.control_plane_machine(names.owner(cluster), p) for p in range(cluster.spec.control_plane.replicas)
        }
        machines = {m.name for m in self._world.api.machines(cluster_id)}
        servers, ports = ({name for kind, name in ours if kind == word} for word in ("server", "port"))
        if not servers == ports == machines or not wanted <= servers:
            self.broken("no litter", f"servers {sorted(servers)}, ports {sorted(ports)}, machines {sorted(machines)}")
        groups = {name for kind, name in ours if kind == "server group"}
        spread = {f"{stem}-{g.name}-spread" for g in cluster.node_groups} | {f"{stem}-cp-spread"}
        if groups != spread:
            self.broken("no litter", f"server groups {sorted(groups)}, asked for {sorted(spread)}")

    def _explained(self, cluster_id: str) -> None:
        """Each object of ours is named by an event that is about an object of its kind."""
        events = [e.event for e in self._world.api.events(cluster_id, limit=10_000)]
        made = {(e.reason, e.subject) for e in events}
        told = {thing for e in events if e.reason in ("Found", "TakenOver") for thing in _listed(e.message)}
        for found, owner, maker in marks.belonging(self._world.region, *_MADE_BY):
            if owner != cluster_id or maker != "navarch":
                continue
            self.checked["timeline"] += 1
            kind, name = found.kind, marks.own_name(found)
            step = (_MADE_BY[kind], "" if kind == "user" else name)
            if step not in made and f"{_TOLD_AS.get(kind, kind)} {name}" not in told:
                self.broken("timeline", f"nothing tells of the {kind} {name}")

    def _left(self, cluster_id: str) -> list[str]:
        kept = cluster_id in self.kept
        return [
            f"{found.kind} {found.name}"
            for found, owner, maker in marks.belonging(self._world.region)
            if owner == cluster_id and not (kept and maker == "csi")
        ]

    def _cluster_of(self, request: About) -> str | None:
        if request.name in self.expected:
            return request.name  # a user, or its trust
        return next((c for c in self.expected if f"-{c[:8]}-" in request.name or c in request.name), None)


def _listed(message: str) -> list[str]:
    """The objects that "Found" or "TakenOver" names."""
    return message.removeprefix("a worker goes on from what is there: ").partition(" is there, though")[0].split(", ")
