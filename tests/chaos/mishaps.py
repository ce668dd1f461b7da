"""What befalls a region and the clusters in it, and what people mend."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from tests.chaos.customers import PROJECTS

from navarch.domain.spec import Role
from navarch.simulator import marks
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.keystone import setup
from navarch.simulator.openstack.neutron import floating_ips, ports, security_groups
from navarch.simulator.openstack.nova import lifecycle
from navarch.simulator.openstack.octavia import balancers as octavia
from navarch.simulator.openstack.octavia import parts, states
from navarch.simulator.openstack.region import Region
from navarch.store.contract import NotFound

if TYPE_CHECKING:
    from tests.chaos.world import World


def _drop(region: Region, found: Object) -> None:
    region[found.kind].drop(found)


_REMOVED: Mapping[str, Callable[[Region, Object], object]] = {
    "server": lifecycle.vanish,
    "port": ports.remove,
    "floating IP": floating_ips.remove,
    "load balancer": octavia.remove,
    "server group": _drop,
}
_RENAMED = tuple(f"rename {kind}" for kind in ("network", "router", "port", "volume", "server", "load balancer"))


class Mishaps:
    """Those of one world, from ten virtual seconds on."""

    def __init__(self, world: "World") -> None:
        self.world, self.region, self.timeline = world, world.region, world.timeline
        self.chance, self.random, self.invariants = world.chance, world.random, world.invariants
        self._paused_projects: set[str] = set()
        world.timeline.after(10.0, self._minute)

    def _minute(self) -> None:
        """Every so often something befalls the region as a whole."""
        if self.chance.strikes("quota_taken"):
            project = self.random.choice(PROJECTS)
            resource, kind = self.random.choice((("instances", "server"), ("port", "port"), ("volumes", "volume")))
            self.world.say(f"others use up the quota of {resource} of {project}")
            self.region.quotas[project, resource] = self.region[kind].count(project)
            ends = self.random.uniform(20, 120)
            self.timeline.after(ends, lambda: self.region.quotas.pop((project, resource), None))
        if self.chance.strikes("role_removed"):
            project = self.random.choice(PROJECTS)
            self.world.say(f"the service user loses its role in {project}")
            setup.revoke(self.region, self.world.service_user_id, project, "member")
            self.timeline.after(self.random.uniform(10, 90), lambda: self._give_role(project))
        if self.chance.strikes("token_expired"):
            self.world.say("the service user is locked out")
            self.lock_out(True)
            self.timeline.after(self.random.uniform(5, 60), lambda: self.lock_out(False))
        if self.chance.strikes("node_dies"):
            self._a_machine_dies()
        if self.chance.strikes("member_breaks"):
            self._a_member_breaks()
        if self.chance.strikes("member_stalls"):
            self._a_member_stalls()
        if self.chance.strikes("operator_pauses"):
            project = self.random.choice(PROJECTS)
            self.operator_pauses(project, True)
            self.timeline.after(self.random.uniform(90, 200), lambda: self.operator_pauses(project, False))
        if self.chance.strikes("by_hand"):
            self.meddle()
        self.timeline.after(20.0, self._minute)

    def lock_out(self, locked: bool) -> None:
        """Keystone does not know the service user any more, or again."""
        setup.enable(self.region, self.world.service_user_id, not locked)

    def _give_role(self, project: str) -> None:
        setup.grant(self.region, self.world.service_user_id, project, "member")

    def _a_machine_dies(self) -> None:
        servers = [s for s in self.region["server"] if s["status"] == "ACTIVE"]
        if servers:
            victim = self.random.choice(servers)
            self.world.say(f"machine {victim.name} dies")
            self.invariants.blameless()
            self.world.guests.stop(victim.id)

    def _a_member_breaks(self) -> None:
        """A machine of a control plane is gone with its data, where all others are there and can go on."""
        for cluster_id, cluster in sorted(self.world.guests.clusters.items()):
            members = len(cluster.members)
            if members < 3 or cluster.living_members() < members or self.invariants.expected.get(cluster_id, True):
                continue
            server_id, volume_id = self.random.choice(sorted(cluster.control_plane.items()))
            server, volume = self.region["server"].get(server_id), self.region["volume"].get(volume_id)
            if server is not None and volume is not None:
                self.world.say(f"the machine {server.name} breaks, and its disk {volume.name} with it")
                self.invariants.blameless()
                lifecycle.vanish(self.region, server)
                self.region["volume"].drop(volume)
                self.invariants.lives.breaks(volume.id)

    def _a_member_stalls(self) -> None:
        """The disk of a member of etcd does not answer for minutes, where all others are there and can go on."""
        for cluster_id, cluster in sorted(self.world.guests.clusters.items()):
            members = len(cluster.members)
            if members < 3 or cluster.living_members() < members or self.invariants.expected.get(cluster_id, True):
                continue
            volume_id, stalled = self.random.choice(sorted(cluster.members)), cluster.etcd.stalled
            self.world.say(f"the member of etcd on {volume_id} stalls")
            stalled[volume_id] = self.timeline.now
            self.timeline.after(self.random.uniform(150, 300), partial(stalled.pop, volume_id, None))

    def operator_pauses(self, project: str, paused: bool) -> None:
        """Navarch's operator has nothing done for a project, or lifts that."""
        if paused == (project in self._paused_projects):
            return
        self.world.say(f"the operator {'pauses' if paused else 'resumes'} {project}")
        if paused:
            self._paused_projects.add(project)
            self.world.operator.pause(project, reason="a story", by="chaos")
        else:
            self._paused_projects.discard(project)
            self.world.operator.resume(project)
        self.invariants.operator_pauses(project, paused)

    def meddle(self) -> None:
        """An object of ours goes by hand or loses its name and mark, a group loses its rules, a balancer its listener,
        or Kubernetes a worker's Node."""
        what = self.random.choice((*_REMOVED, *_REMOVED, *_RENAMED, "rules", "listener", "node"))
        if what == "node":
            self._somebody_removes_a_node()
        elif what == "rules":
            self._somebody_empties_a_group()
        elif what == "listener":
            self._somebody_removes_a_listener()
        elif what.startswith("rename "):
            self._somebody_renames(what.removeprefix("rename "))
        elif victim := self._one_of(what):
            self.world.say(f"somebody removes the {what} {victim.name or victim['description']}")
            _REMOVED[what](self.region, victim)

    def _one_of(self, kind: str) -> Object | None:
        """One of ours, drawn."""
        ours = [
            found
            for found, cluster_id, maker in marks.belonging(self.region, kind)
            if maker == "navarch" and cluster_id in self.invariants.expected
        ]
        if not ours:
            return None
        self.invariants.blameless()
        return self.random.choice(ours)

    def _somebody_empties_a_group(self) -> None:
        if group := self._one_of("security group"):
            self.world.say(f"somebody empties the security group {group.name}")
            for rule in self.region["security group rule"].of(group.project_id):
                if rule["security_group_id"] == group.id and rule["direction"] == "ingress":
                    security_groups.remove_rule(self.region, rule)

    def _somebody_removes_a_listener(self) -> None:
        balancer = self._one_of("load balancer")
        for listener in balancer["listeners"] if balancer is not None else ():
            found = self.region["listener"].get(listener["id"])
            if balancer is not None and found is not None:
                self.world.say(f"somebody removes the listener of {balancer.name}")
                parts.remove_listener(self.region, found)

    def _somebody_renames(self, kind: str) -> None:
        """Its name and its mark are gone. What it is for is known by its id alone, which is written down as soon as the
        answer to its making is there: what lost both before that is nobody's, and its cluster waits for people."""
        victim = self._one_of(kind)
        if victim is not None and self.world.is_recorded(victim.id):
            self.world.say(f"somebody renames the {kind} {victim.name or victim['description']}")
            rename(victim)

    def _somebody_removes_a_node(self) -> None:
        """Of a worker: that of a control-plane machine comes back only where people restart its kubelet."""
        workers = [
            m.name for c in self.invariants.expected for m in self.world.api.machines(c) if m.role is Role.WORKER
        ]
        nodes = [(c, name) for c in self.world.guests.clusters.values() for name in c.nodes if name in workers]
        if nodes:
            cluster, victim = self.random.choice(nodes)
            self.invariants.blameless()
            self.world.say(f"somebody removes the Node {victim}")
            del cluster.nodes[victim]

    def calm(self) -> None:
        """The storm is over: what only people can mend is mended."""
        self.world.say("the storm is over")
        for cluster_id in list(self.invariants.paused):
            self.world.customers.pause(cluster_id, False)
        for cluster_id in self.invariants.expected:
            self.world.customers.pause_rollout(cluster_id, False)
        self.invariants.blameless()
        self.chance.stormy = False
        self.lock_out(False)
        for project in PROJECTS:
            self._give_role(project)
            self.operator_pauses(project, False)
        self.region.quotas.clear()
        for cluster in self.world.guests.clusters.values():
            cluster.etcd.stalled.clear()
        for balancer in self.region["load balancer"]:
            states.settle(self.region, balancer, "PENDING_CREATE", "ERROR")
        for process in self.world.processes:
            process.paused_until = 0.0
        self._restart(Role.CONTROL_PLANE)  # a dead worker is replaced without anybody's help
        self.timeline.after(900.0, self._people)

    def _restart(self, *roles: Role) -> None:
        """People reboot what is dead."""
        names = {m.name for c in self.invariants.expected for m in self.world.api.machines(c) if m.role in roles}
        for server in self.region["server"]:
            if server.name in names:
                self.world.guests.restart(server.id)

    def _people(self) -> None:
        """Do what conditions tell them to do, when Navarch had its time."""
        if self.chance.stormy:
            return
        for cluster_id in self.invariants.expected:
            machines = {m.name: m for m in self.world.api.machines(cluster_id) if m.role is Role.CONTROL_PLANE}
            late = [n for n, m in sorted(machines.items()) if not m.joined and not m.removing]
            for server in self.region["server"]:
                if server.name in late[:1] and self.timeline.now - server.born > 800:
                    self.world.say(f"people remove the server {server.name}, which never became a node")
                    self.invariants.blameless()
                    lifecycle.vanish(self.region, server)
            self._heed(cluster_id)
        self._restart(*Role)
        self._free_addresses()
        self.timeline.after(900.0, self._people)

    def _heed(self, cluster_id: str) -> None:
        """Where repair is held because so much is unwell at once, people find nothing and let it go on."""
        try:
            stored = self.world.api.cluster(cluster_id, project_id=None)
        except NotFound:
            return
        workers = stored.status.condition("WorkersReady")
        if workers is not None and workers.reason == "RepairHeld":
            for group in stored.cluster.node_groups:
                self.world.customers.change_group(cluster_id, group.name, max_unhealthy="100%")

    def _free_addresses(self) -> None:
        """Where a Service's balancer has the address of what somebody removed, people make room."""
        for cluster_id in self.invariants.expected:
            try:
                stored = self.world.api.cluster(cluster_id, project_id=None)
            except NotFound:
                continue
            ports = {port.name for port, owner, _ in marks.belonging(self.region, "port") if owner == cluster_id}
            lost = {m.member_address for m in self.world.api.machines(cluster_id) if m.name not in ports}
            balancers = [
                (balancer, maker)
                for balancer, owner, maker in marks.belonging(self.region, "load balancer")
                if owner == cluster_id
            ]
            if all(maker != "navarch" for _, maker in balancers):
                lost.add(stored.status.api_internal_address or "")
            for balancer, _ in balancers:
                if balancer["vip_address"] in lost:
                    self.world.say(f"people remove the balancer {balancer.name}, which has a lost address")
                    octavia.remove(self.region, balancer)


def rename(found: Object) -> None:
    """Take an object's name and its mark."""
    for key, value in (("name", "mine"), ("description", "mine"), ("tags", []), ("metadata", {})):
        if key in found.body:
            found[key] = value
