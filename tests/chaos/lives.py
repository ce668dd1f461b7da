"""What must be true while machines come and go: what is taken away is drained, never too much of it at once; who may
reach the API, what is stopped and what was kept are as the spec says.

Workers decide by what they saw and were told a moment ago: what was wished or so until then counts as well.
"""

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING

from navarch.domain import names
from navarch.domain.machines import Departure, Machine, outdated, template_of
from navarch.domain.shares import share
from navarch.domain.spec import Cluster, NodeGroup, Role, surge
from navarch.domain.status import Phase
from navarch.simulator import marks
from navarch.simulator.kubernetes import Kubernetes
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.neutron import ports
from navarch.simulator.openstack.octavia import parts
from navarch.store.contract import NotFound, Stored

if TYPE_CHECKING:
    from tests.chaos.world import World

PROMISES = {
    "drained": "no machine goes while pods run on it, and no pod against its budget but where the spec says so",
    "surge": "a group never has more machines than its spec allows while some are replaced",
    "available": "a rollout never leaves fewer Ready machines in a group than its spec allows",
    "one place": "never two machines of a control plane are away at once by our doing",
    "in order": "a machine of a control plane has ended its etcd before its server goes",
    "leader last": "the machine whose etcd leads is replaced after all others that are outdated",
    "balancer first": "no machine of a control plane is stopped while the API's balancer sends requests to it",
    "brake": "nothing is repaired while more of a group is unwell than its spec allows, or its whole zone is silent",
    "canary": "a new machine that does not become a node stops its rollout, and nothing more is touched",
    "rollout paused": "nothing that is only outdated is replaced while the customer paused that",
    "let in": "the API is open to whom the spec says, and to nobody else",
    "power": "a stopped cluster runs nothing, a started one is Ready again with the volumes that it had",
}
_LATE = 90.0  # seconds for which a worker may act on what was so: a cycle, or its lease
_WORKERS = "198.51.100.1/32"  # from where Navarch's workers come


class Lives:
    """Watches the machines of one world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._wishes: defaultdict[str, list[tuple[float, Cluster]]] = defaultdict(list)
        self._volumes: dict[str, dict[str, str]] = {}
        self._broken_volumes: set[str] = set()
        self._leaders: dict[str, tuple[str, float]] = {}  # of each cluster, and since when

    # -- told

    def wished(self, before: Cluster) -> None:
        """A customer is about to change what was wished so far."""
        self._wishes[before.id].append((self._world.timeline.now, before))

    def breaks(self, volume_id: str) -> None:
        """A volume is gone, and nobody removed it."""
        self._broken_volumes.add(volume_id)

    def recorded(self, cluster_id: str, machine: Machine) -> None:
        """A machine is written down."""
        stored = self._stored(cluster_id)
        if machine.role is not Role.WORKER or stored is None:
            return
        self._checked("surge")
        servers, inside = self._servers(cluster_id), self._world.guests.cluster(cluster_id)
        mine = [m for m in self._world.api.machines(cluster_id) if m.group == machine.group and m.kept_at is None]
        of_use = {m.name for m in mine if not m.joined or inside is None or self._was_well(inside, m.name)}
        there = [
            m
            for m in mine
            if (m.name in of_use and not m.removing) or (m.departure is Departure.ROLLOUT and m.name in servers)
        ]
        if all(len(there) > group.wanted + surge(group.spec) for group in self._groups(stored, machine.group)):
            self._broken("surge", f"{machine.name} is one too many: {sorted(m.name for m in there)}")

    def released(self, cluster_id: str, name: str, departure: Departure) -> None:
        """It is decided that a machine goes."""
        stored, inside = self._stored(cluster_id), self._world.guests.cluster(cluster_id)
        machine = next((m for m in self._world.api.machines(cluster_id) if m.name == name), None)
        if stored is None or inside is None or machine is None or stored.cluster.deleting:
            return
        if departure is Departure.ROLLOUT:
            self._checked("rollout paused")
            if all(wish.spec.rollout_paused for wish in self._lately(stored)):
                self._broken("rollout paused", f"{name} is replaced, and the rollout is paused")
        if machine.role is Role.CONTROL_PLANE:
            self._one_place(cluster_id, machine, inside)
            if departure is Departure.ROLLOUT:
                self._leader_last(stored, machine)
        elif departure is Departure.ROLLOUT:
            self._available(stored, machine, inside)
        elif departure is Departure.REPAIR:
            self._brake(stored, machine, inside)

    def removes(self, cluster_id: str, name: str) -> None:
        """A worker asks for a server to go."""
        inside, stored = self._world.guests.cluster(cluster_id), self._stored(cluster_id)
        if inside is None or stored is None or stored.cluster.deleting:
            return
        self._in_order(cluster_id, name, inside)
        self._checked("drained")
        node = next((n for n in inside.nodes.values() if n.name == name), None)
        if node is None or not self._is_well(inside, name, since=_LATE) or not inside.pods.running_on(name):
            return
        if inside.alive(node.server_id) and not self._is_stopped_by_now(stored):
            self._broken("drained", f"the server {name} is removed with {inside.pods.running_on(name)} pods on it")

    def switches(self, cluster_id: str, name: str) -> None:
        """A worker asks for something about a server that stays. Of a machine that is to go and has no Node any more
        that is its being switched off."""
        inside = self._world.guests.cluster(cluster_id)
        machine = next((m for m in self._world.api.machines(cluster_id) if m.name == name), None)
        server = next((s for s in self._servers_of(cluster_id) if s.name == name), None)
        if inside is None or machine is None or server is None or name in inside.nodes or not machine.removing:
            return
        if machine.role is Role.WORKER or len(inside.control_plane) == 1:
            return
        self._checked("balancer first")
        region, id_ = self._world.region, server.project_id
        members = {
            member["address"]
            for balancer in region["load balancer"].of(id_)
            if balancer["vip_address"] == inside.api_address
            for pool in parts.pools_of(region, balancer)
            for member in parts.members_of(region, pool)
        }
        mine = {ip["ip_address"] for port in ports.of_device(region, id_, server.id) for ip in port["fixed_ips"]}
        if mine & members:
            self._broken("balancer first", f"{name} is switched off, and the balancer sends requests to it")

    # -- looked at

    def look_around(self) -> None:
        """Every few seconds."""
        for cluster_id, inside in self._world.guests.clusters.items():
            stored = self._stored(cluster_id)
            leader = next((m.name for m in inside.member_list() if m.leader), "")
            if self._leaders.get(cluster_id, ("", 0.0))[0] != leader:
                self._leaders[cluster_id] = (leader, self._world.timeline.now)
            for name in sorted(inside.pods.take_forced()):
                self._checked("drained")
                if stored is not None and not self._may_be_forced(stored, name):
                    self._broken("drained", f"pods on {name} are ended whatever their budgets say")

    def is_as_asked(self, stored: Stored, inside: Kubernetes) -> bool:
        """Whether machines and power are as a cluster's spec says."""
        cluster = stored.cluster
        machines = self._world.api.machines(cluster.id)
        if not cluster.spec.running:
            return stored.status.phase is Phase.STOPPED and not self._servers(cluster.id, "ACTIVE")
        wanted = {m.name: template_of(cluster, m.group) for m in machines}
        made = {m.name: m.template for m in machines}
        ready = sum(n.ready for n in inside.node_list())
        is_open = not any(n.cordoned for n in inside.nodes.values())
        return stored.status.phase is Phase.READY and wanted == made and ready == cluster.wanted and is_open

    def at_rest(self, cluster: Cluster) -> None:
        """Everything is as it was asked for."""
        self._checked("let in")
        group = next(g for g, owner, _ in marks.belonging(self._world.region, "security group")
                     if owner == cluster.id and g.name.endswith("-cp"))  # fmt: skip
        allowed = set(cluster.spec.network.api_allowed_cidrs)
        wanted = allowed | {_WORKERS} if allowed else {"0.0.0.0/0"}
        open_to = {
            rule["remote_ip_prefix"] or "0.0.0.0/0"
            for rule in group["security_group_rules"]
            if rule["direction"] == "ingress" and rule["port_range_min"] == 6443 and not rule["remote_group_id"]
        } - {cluster.spec.network.node_cidr}
        if open_to != wanted:
            self._broken(
                "let in", f"the API of {cluster.name} is open to {sorted(open_to)}, asked for {sorted(wanted)}"
            )
        self._checked("power")
        volumes = {
            volume.id: volume.name
            for volume, owner, _ in marks.belonging(self._world.region, "volume")
            if owner == cluster.id and not volume.name.endswith("-root")
        }
        had = self._volumes.pop(cluster.id, {})
        places = {f"{names.stem(cluster)}-etcd-{place}" for place in range(cluster.spec.control_plane.replicas)}
        kept = {id_ for id_, name in had.items() if "-etcd-" not in name or name in places}
        if not cluster.spec.running:
            self._volumes[cluster.id] = volumes
        elif not kept - self._broken_volumes <= volumes.keys():
            self._broken("power", f"{cluster.name} was started without volumes that it had when it was stopped")

    # -- details

    def _one_place(self, cluster_id: str, machine: Machine, inside: Kubernetes) -> None:
        if machine.name not in self._servers(cluster_id, "ACTIVE") or not self._was_well(inside, machine.name):
            return  # nothing is taken away with it
        self._checked("one place")
        others = [
            m
            for m in self._world.api.machines(cluster_id)
            if m.role is Role.CONTROL_PLANE and m.name != machine.name and (m.removing or not m.joined)
        ]
        unwell = [n.name for n in inside.nodes.values() if not self._was_well(inside, n.name) and "-cp-" in n.name]
        away = {m.name for m in others} | (set(unwell) - {machine.name})
        if away:
            self._broken("one place", f"{machine.name} is taken while {sorted(away)} is away")
        stalled = {
            inside.etcd.names[volume]
            for volume, since in inside.etcd.stalled.items()
            if volume in inside.members and self._world.timeline.now - since > _LATE
        }
        left = len(inside.members) - len(stalled | {machine.name})
        if stalled - {machine.name} and left * 2 <= len(inside.members):
            self._broken("quorum", f"{machine.name} is taken while {sorted(stalled)} stalls: {left} members are left")

    def _in_order(self, cluster_id: str, name: str, inside: Kubernetes) -> None:
        self._checked("in order")
        running = [s for s in self._servers_of(cluster_id) if s.name == name and inside.runs_member(s.id)]
        if running and all(m.name != name or m.removing for m in self._world.api.machines(cluster_id)):
            self._broken("in order", f"the server {name} is removed while its etcd runs")

    def _leader_last(self, stored: Stored, machine: Machine) -> None:
        self._checked("leader last")
        leader, since = self._leaders.get(stored.cluster.id, ("", 0.0))
        if leader != machine.name or self._world.timeline.now - since < _LATE:
            return
        others = [
            m
            for m in self._world.api.machines(stored.cluster.id)
            if m.role is Role.CONTROL_PLANE and m.name != machine.name and m.joined and not m.removing
        ]
        templates = [template_of(wish, machine.group) for wish in self._lately(stored)]
        reasons = [template for template in templates if outdated(machine, template, ())]
        if reasons and all(any(outdated(m, template, ()) for m in others) for template in reasons):
            self._broken("leader last", f"{machine.name}, which leads, is replaced before others")

    def _available(self, stored: Stored, machine: Machine, inside: Kubernetes) -> None:
        if not self._is_well(inside, machine.name):
            return  # nothing that is of use is taken
        self._checked("available")
        left = [
            m
            for m in self._world.api.machines(stored.cluster.id)
            if m.group == machine.group and m.name != machine.name and not m.removing and self._was_well(inside, m.name)
        ]
        least = [g.wanted - share(g.spec.max_unavailable, g.wanted) for g in self._groups(stored, machine.group)]
        if all(len(left) < number for number in least):
            self._broken("available", f"{machine.name} is taken, and only {len(left)} of {least[0]} would be left")

    def _brake(self, stored: Stored, machine: Machine, inside: Kubernetes) -> None:
        servers = self._servers(stored.cluster.id, "ACTIVE")
        if machine.name not in servers:
            return
        self._checked("brake")
        there = [m for m in self._world.api.machines(stored.cluster.id) if m.joined and m.name in servers]
        heard = {m.name: self._was_well(inside, m.name) for m in there}
        around = [m.name for m in there if m.zone == machine.zone and not m.removing and m.kept_at is None]
        if len(around) > 1 and not any(heard[name] for name in around):
            self._broken("brake", f"{machine.name} is repaired while all of {machine.zone} is silent: {around}")
        mine = [m for m in there if m.group == machine.group and m.kept_at is None]  # what goes for good is not missed
        counted = [m for m in mine if not m.removing or m.departure is Departure.REPAIR]
        unwell = [m.name for m in counted if not heard[m.name]]
        most = [max(2, share(g.spec.max_unhealthy, g.wanted)) for g in self._groups(stored, machine.group)]
        if most and len(unwell) > max(most):
            self._broken("brake", f"{machine.name} is repaired while {unwell} are unwell, more than {max(most)}")

    def _is_stopped_by_now(self, stored: Stored) -> bool:
        """Whether pods had all the time to end that they have where their cluster is stopped."""
        patience = max((g.spec.drain_timeout_seconds for g in stored.cluster.node_groups), default=0)
        stops = (wish.spec.running_since for wish in self._lately(stored) if not wish.spec.running)
        return any(since is not None and self._seconds_since(since) >= patience for since in stops)

    def _seconds_since(self, moment: datetime) -> float:
        """By the clock of a worker, which may be ahead."""
        skew = 600.0 if self._world.chance.weather.clock_jump else 1.0
        return (self._world.timeline.date() - moment).total_seconds() + skew

    def _may_be_forced(self, stored: Stored, name: str) -> bool:
        wishes = self._lately(stored)
        if stored.cluster.deleting or any(not wish.spec.running for wish in wishes):
            return True
        known = self._world.api.machines(stored.cluster.id, removed=True)  # it may be gone since
        machine = next((m for m in known if m.name == name), None)
        if machine is None or machine.role is Role.CONTROL_PLANE or machine.removing_at is None:
            return machine is None or machine.role is Role.CONTROL_PLANE
        passed = self._seconds_since(machine.removing_at)
        groups = self._groups(stored, machine.group)
        return any(g.spec.force_drain and passed >= g.spec.drain_timeout_seconds for g in groups)

    def _is_well(self, inside: Kubernetes, name: str, *, since: float = 0.0) -> bool:
        """Whether a node is Ready, and was for so many seconds."""
        node = next((n for n in inside.node_list() if n.name == name), None)
        state = inside.nodes.get(name)
        return node is not None and node.ready and state is not None and self._world.timeline.now - state.since >= since

    def _was_well(self, inside: Kubernetes, name: str) -> bool:
        """Whether a node is Ready, or was a moment ago."""
        inside.node_list()
        state = inside.nodes.get(name)
        return state is not None and (state.was_ready or self._world.timeline.now - state.since < _LATE)

    def _servers(self, cluster_id: str, *status: str) -> set[str]:
        """Names of the servers that are there; with this status."""
        return {server.name for server in self._servers_of(cluster_id) if _counts(server, status)}

    def _servers_of(self, cluster_id: str) -> list[Object]:
        ours = marks.belonging(self._world.region, "server")
        return [server for server, owner, _ in ours if owner == cluster_id]

    def _groups(self, stored: Stored, name: str) -> list[NodeGroup]:
        """The group as it is wished, and as it was until a moment ago."""
        return [group for wish in self._lately(stored) if (group := wish.group(name)) is not None]

    def _lately(self, stored: Stored) -> list[Cluster]:
        since = self._world.timeline.now - _LATE
        return [stored.cluster, *(wish for until, wish in self._wishes[stored.cluster.id] if until >= since)]

    def _stored(self, cluster_id: str) -> Stored | None:
        try:
            return self._world.api.cluster(cluster_id, project_id=None)
        except NotFound:
            return None

    def _checked(self, promise: str) -> None:
        self._world.invariants.checked[promise] += 1

    def _broken(self, promise: str, how: str) -> None:
        self._world.invariants.broken(promise, how)


def _counts(server: Object, status: tuple[str, ...]) -> bool:
    return server["status"] in status if status else server["status"] != "DELETED"
