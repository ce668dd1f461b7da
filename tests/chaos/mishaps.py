"""What befalls a region and the clusters in it, and what people mend."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.chaos.customers import PROJECTS

from navarch.domain.openstack.resources import Kind
from navarch.domain.spec import Role
from navarch.store.contract import NotFound

if TYPE_CHECKING:
    from tests.chaos.world import World


class Mishaps:
    """Those of one world, from ten virtual seconds on."""

    def __init__(self, world: "World") -> None:
        self.world, self.region, self.timeline = world, world.region, world.timeline
        self.chance, self.random, self.invariants = world.chance, world.random, world.invariants
        world.timeline.after(10.0, self._minute)

    def _minute(self) -> None:
        """Every so often something befalls the region as a whole."""
        if self.chance.strikes("quota_taken"):
            project = self.random.choice(PROJECTS)
            kind = self.random.choice(("instances", "ports", "volumes"))
            self.world.say(f"others use up the quota of {kind} of {project}")
            self.region.limits[project, kind] = self.region.used(project, kind)
            self.timeline.after(self.random.uniform(20, 120), lambda: self.region.limits.pop((project, kind), None))
        if self.chance.strikes("role_removed"):
            project = self.random.choice(PROJECTS)
            self.world.say(f"the service user loses its role in {project}")
            self.region.projects.discard(project)
            self.timeline.after(self.random.uniform(10, 90), lambda: self.region.projects.add(project))
        if self.chance.strikes("token_expired"):
            self.world.say("the service user is locked out")
            self.chance.tokens_expired = True
            self.timeline.after(self.random.uniform(5, 60), self._let_in)
        if self.chance.strikes("node_dies"):
            self._a_machine_dies()
        if self.chance.strikes("by_hand"):
            self.remove_something()
        self.timeline.after(20.0, self._minute)

    def _let_in(self) -> None:
        self.chance.tokens_expired = False

    def _a_machine_dies(self) -> None:
        servers = [t for t in self.region.things(Kind.SERVER) if t.resource.status == "ACTIVE"]
        if servers:
            victim = self.random.choice(servers)
            self.world.say(f"machine {victim.resource.name} dies")
            self.invariants.blameless()
            self.world.guests.stop(victim.id)

    def remove_something(self) -> None:
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
            self.world.say(f"somebody empties the security group {victim.resource.name}")
            victim.resource = replace(victim.resource, rules=frozenset())
            return
        self.world.say(f"somebody removes the {kind} {victim.resource.name}")
        self.region.vanish(victim)
        if kind is Kind.LOAD_BALANCER:
            vip = self.region.find(Kind.PORT, victim.resource.vip_port_id)
            if vip is not None:
                self.region.vanish(vip)

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
        self.invariants.blameless()
        self.chance.stormy = False
        self.chance.tokens_expired = False
        self.region.projects |= set(PROJECTS)
        self.region.limits.clear()
        for balancer in self.region.things(Kind.LOAD_BALANCER):
            if balancer.resource.provisioning_status == "PENDING_CREATE":
                balancer.resource = replace(balancer.resource, provisioning_status="ERROR")
        for process in self.world.processes:
            process.paused_until = 0.0
        for server in self.region.things(Kind.SERVER):
            self.world.guests.restart(server.id)
        self.timeline.after(900.0, self._people)

    def _people(self) -> None:
        """Do what conditions tell them to do, when Navarch had its time."""
        if self.chance.stormy:
            return
        for cluster_id in self.invariants.expected:
            machines = {m.name: m for m in self.world.api.machines(cluster_id) if m.role is Role.CONTROL_PLANE}
            late = [n for n, m in sorted(machines.items()) if not m.joined and not m.removing]
            for server in self.region.things(Kind.SERVER):
                if server.resource.name in late[:1] and self.timeline.now - server.born > 800:
                    self.world.say(f"people remove the server {server.resource.name}, which never became a node")
                    self.invariants.blameless()
                    self.region.vanish(server)
        self._free_addresses()
        self.timeline.after(900.0, self._people)

    def _free_addresses(self) -> None:
        """Where a Service's balancer has the address of what somebody removed, people make room."""
        for cluster_id in self.invariants.expected:
            try:
                stored = self.world.api.cluster(cluster_id, project_id=None)
            except NotFound:
                continue
            ports = {t.resource.name for t in self.region.things(Kind.PORT) if t.mark == cluster_id}
            lost = {m.member_address for m in self.world.api.machines(cluster_id) if m.name not in ports}
            balancers = [t for t in self.region.things(Kind.LOAD_BALANCER) if t.mark == cluster_id]
            if all(t.resource.made_by != "navarch" for t in balancers):
                lost.add(stored.status.api_internal_address or "")
            for balancer in balancers:
                vip = self.region.find(Kind.PORT, balancer.resource.vip_port_id)
                if balancer.resource.vip_address in lost and vip is not None:
                    self.world.say(f"people remove the balancer {balancer.resource.name}, which has a lost address")
                    self.region.vanish(vip)
                    self.region.vanish(balancer)
