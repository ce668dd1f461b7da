"""What people ask of the API and of their clusters, and whose objects lie beside theirs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from navarch.domain import names
from navarch.domain.calendar import Schedule
from navarch.domain.chosen import Chosen
from navarch.domain.spec import (
    Cluster,
    ClusterSpec,
    ControlPlaneSpec,
    NetworkSpec,
    NodeGroup,
    NodeGroupSpec,
    VolumeSpec,
)
from navarch.simulator.installed import project_id
from navarch.simulator.openstack.site import ExternalNetwork, Flavor, Image, Site, VolumeType
from navarch.simulator.pods import Workload
from navarch.store.contract import NotFound

if TYPE_CHECKING:
    from tests.chaos.world import World

ZONES = ("z1", "z2", "z3")
PROJECTS = (project_id("a"), project_id("b"))
_WORD = "capacity.cluster-autoscaler.kubernetes.io:gpu-count"
_WITH_A_GPU = Flavor("f3", "g1.medium", 2, 4096, 20, extra_specs={_WORD: "1"})
SITE = Site(
    flavors=(Flavor("f1", "m1.small", 1, 2048, 20), Flavor("f2", "m1.medium", 2, 4096, 20), _WITH_A_GPU),
    zones=ZONES,
    volume_types=(VolumeType("ssd"), VolumeType("hdd", ("z1",))),
    external_networks=(ExternalNetwork("5f3a2c1e-0b7d-4e5f-8a9b-1c2d3e4f5a6b", "public", "198.18.0.0/15"),),
    images=tuple(
        Image(
            f"0d9c8b7a-6f5e-4d3c-8b1a-00000000137{number}",
            f"node-1.37.2-{number}",
            properties={
                "navarch_kubernetes_version": "1.37.2",
                "navarch_bundle": f"bundle-{number}",
                "navarch_components": "etcd=3.6.8-0,coredns=1.14.0,calico=3.31.0",
                "navarch_build_date": f"2029-12-0{number}T00:00:00Z",
            },
        )
        for number in (1, 2)
    ),
)
WORKLOADS = (Workload("shop", 6, at_least=5), Workload("cache", 2, at_least=1), Workload("batch", 2))
PATIENCE = 120  # seconds for which a drain waits for pods, in these stories


class Customers:
    """Those of one world. Their ids are drawn from `ids`."""

    def __init__(self, world: "World", ids: Random) -> None:
        self.world, self._ids = world, ids

    def create(
        self,
        name: str,
        project: str,
        *,
        control_plane: int = 1,
        workers: int = 2,
        zones: tuple[str, ...] = ("z1", "z2"),
        addons: Callable[[str], Sequence[tuple[Chosen, bytes]]] = lambda cluster_id: (),
    ) -> str:
        """A customer asks for a cluster; its id. `zones`: of its workers. `addons`: those that it begins with, as the
        API admits them for a cluster of that id."""
        cluster_id = str(UUID(int=self._ids.getrandbits(128), version=4))
        spec = ClusterSpec(
            "1.37.2",
            self.world.offer.releases[0],
            NetworkSpec("public", SITE.external_networks[0].id),
            ControlPlaneSpec("m1.medium", VolumeSpec("ssd", 10), control_plane, ZONES[:control_plane]),
        )
        web = NodeGroupSpec("m1.small", workers, zones, drain_timeout_seconds=PATIENCE)
        groups = (NodeGroup("web", web),)
        made = Cluster(cluster_id, name, project, spec, self.world.timeline.date(), groups)
        self.world.say(f"customer creates {name} ({cluster_id[:8]}) with {control_plane}+{workers}")
        self.world.api.create_cluster(made, addons=addons(cluster_id))
        self.world.invariants.expect(cluster_id)
        return cluster_id

    def change_group(self, cluster_id: str, group: str, **changes: Any) -> None:
        """A customer changes fields of a node group: its size, what its machines are, how they are replaced."""
        stored = self._stays(cluster_id)
        known = stored.group(group) if stored is not None else None
        if stored is None or known is None or known.deletion_requested_at is not None:
            return
        self.world.say(f"customer changes {group} of {stored.name}: {changes}")
        wanted = replace(known, spec=replace(known.spec, **changes))
        self.world.invariants.lives.wished(stored)
        self.world.api.change_node_group(cluster_id, wanted, generation=known.generation)

    def change_places(self, cluster_id: str, **changes: Any) -> None:
        """A customer changes fields of the control plane."""
        stored = self._stays(cluster_id)
        if stored is not None:
            self._change(stored, control_plane=replace(stored.spec.control_plane, **changes))

    def change_image(self, cluster_id: str, number: int) -> None:
        """A customer has all machines made from another node image of the same version."""
        stored = self._stays(cluster_id)
        if stored is not None:
            self._change(stored, release=self.world.offer.releases[number])

    def change_soak(self, cluster_id: str, seconds: int) -> None:
        """A customer has the first new machine of a rollout looked at for so long."""
        stored = self._stays(cluster_id)
        if stored is not None:
            self._change(stored, soak_seconds=seconds)

    def switch(self, cluster_id: str, on: bool) -> None:
        """A customer stops a cluster, or starts it."""
        stored = self._stays(cluster_id)
        if stored is not None and stored.spec.running != on:
            self._change(stored, running=on, running_since=self.world.timeline.date())

    def schedule(self, cluster_id: str, schedule: Schedule | None) -> None:
        """A customer has a cluster start and stop by itself, or no longer."""
        stored = self._stays(cluster_id)
        if stored is not None:
            self._change(stored, schedule=schedule)

    def pause_rollout(self, cluster_id: str, paused: bool) -> None:
        """A customer has nothing more replaced that is only outdated, or goes on."""
        stored = self._stays(cluster_id)
        if stored is not None and stored.spec.rollout_paused != paused:
            self._change(stored, rollout_paused=paused)

    def _change(self, stored: Cluster, **changes: Any) -> None:
        told = ", ".join(f"{name}={getattr(value, 'image_name', value)}" for name, value in changes.items())
        self.world.say(f"customer changes {stored.name}: {told}")
        self.world.invariants.lives.wished(stored)
        changed = replace(stored, spec=replace(stored.spec, **changes))
        self.world.api.change_cluster(changed, generation=stored.generation)

    def add_group(self, cluster_id: str, name: str, replicas: int) -> None:
        """A customer adds a node group."""
        stored = self._stays(cluster_id)
        if stored is None or stored.group(name) is not None:
            return
        self.world.say(f"customer adds group {name} with {replicas} to {stored.name}")
        self.world.api.add_node_group(cluster_id, NodeGroup(name, NodeGroupSpec("m1.small", replicas, ("z2",))))

    def remove_group(self, cluster_id: str, name: str) -> None:
        """A customer removes a node group."""
        stored = self._stays(cluster_id)
        if stored is None or stored.group(name) is None:
            return
        self.world.say(f"customer removes group {name} of {stored.name}")
        self.world.invariants.lives.wished(stored)
        self.world.api.request_node_group_deletion(cluster_id, name, at=self.world.timeline.date())

    def restrict(self, cluster_id: str, cidrs: tuple[str, ...]) -> None:
        """A customer changes who may reach the API."""
        stored = self._stays(cluster_id)
        if stored is None:
            return
        self.world.say(f"customer lets {cidrs or 'everybody'} reach the API of {stored.name}")
        self.world.invariants.lives.wished(stored)
        spec = replace(stored.spec, network=replace(stored.spec.network, api_allowed_cidrs=cidrs))
        self.world.api.change_cluster(replace(stored, spec=spec), generation=stored.generation)

    def pause(self, cluster_id: str, paused: bool) -> None:
        """A customer asks Navarch to keep its hands off, or lifts that."""
        stored = self._stays(cluster_id)
        if stored is None or stored.spec.paused == paused:
            return
        self.world.say(f"customer {'pauses' if paused else 'resumes'} {stored.name}")
        self.world.api.change_cluster(
            replace(stored, spec=replace(stored.spec, paused=paused)), generation=stored.generation
        )
        if paused:
            self.world.invariants.paused[cluster_id] = self.world.timeline.now
        else:
            self.world.invariants.paused.pop(cluster_id, None)

    def wish_inside(self, cluster_id: str, *, services: int = 0, claims: int = 0) -> None:
        """The cluster's users make Services with a balancer, and claims."""
        cluster = self.world.guests.cluster(cluster_id)
        if cluster is None:
            return
        self.world.say(f"users of {cluster_id[:8]} want {services} services and {claims} claims")
        cluster.wishes.services |= {f"svc{n}" for n in range(services)}
        cluster.wishes.claims |= {f"pvc{n}" for n in range(claims)}
        cluster.wishes.snapshots |= {"pvc0"} if claims else set()

    def deploy(self, cluster_id: str) -> None:
        """The cluster's users make Deployments, two of them with a PodDisruptionBudget; once."""
        cluster = self.world.guests.cluster(cluster_id)
        if cluster is not None and not cluster.pods.workloads:
            self.world.say(f"users of {cluster_id[:8]} deploy {', '.join(w.name for w in WORKLOADS)}")
            for workload in WORKLOADS:
                cluster.pods.wish(workload)

    def delete(self, cluster_id: str, *, keep_volumes: bool = False) -> None:
        """A customer asks for a cluster to go."""
        self.world.say(f"customer deletes {cluster_id[:8]}{' and keeps the volumes' if keep_volumes else ''}")
        self.world.api.request_deletion(cluster_id, at=self.world.timeline.date(), keep_volumes=keep_volumes)
        self.world.invariants.deletes(cluster_id, keep_volumes)

    def plant(self, project: str, like: str) -> None:
        """Somebody's objects that look like ours: our names without our mark, and our tag of another cluster."""
        other, ask = str(UUID(int=self._ids.getrandbits(128), version=4)), self.world.as_somebody
        planted = []
        for mark in ("", names.tag(other)):
            network = {"name": f"{like}-net", "description": mark}
            planted.append(("network", ask(project, "network", "/v2.0/networks", network=network)["network"]["id"]))
            for name in (f"{like}-sg-cp", f"{like}-sg-worker"):
                group = {"name": name, "description": mark}
                made = ask(project, "network", "/v2.0/security-groups", security_group=group)["security_group"]
                planted.append(("security group", made["id"]))
            group = {"name": f"{like}-cp-spread {mark}".strip(), "policy": "soft-anti-affinity"}
            made = ask(project, "compute", "/v2.1/os-server-groups", server_group=group)["server_group"]
            planted.append(("server group", made["id"]))
        for name, metadata in ((f"{like}-etcd-0", {}), (f"{like}-etcd-0", _of(other)), ("claim", _of(other))):
            volume = {"name": name, "size": 1, "volume_type": "ssd", "availability_zone": "z1", "metadata": metadata}
            made = ask(project, "block-storage", f"/v3/{project}/volumes", volume=volume)["volume"]
            planted.append(("volume", made["id"]))
        self.world.timeline.after(5.0, lambda: self.world.invariants.remember_foreign(planted))

    def _stays(self, cluster_id: str) -> Cluster | None:
        """The cluster, unless it is gone or going."""
        try:
            cluster = self.world.api.cluster(cluster_id, project_id=None).cluster
        except NotFound:
            return None
        return None if cluster.deleting else cluster


def _of(cluster_id: str) -> dict[str, str]:
    return {names.METADATA_KEY: cluster_id}
