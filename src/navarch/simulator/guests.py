"""What runs in the region's servers: a machine that boots, shows its ticket, and becomes a node step by step.

Each boot is a generator that tells its own story, as `navarch-node` in the image does: it yields `Sleep` or `Ask` and
is resumed when the time is over or the answer is there. So one process plays thousands of machines.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import yaml

from navarch.bootstrap.user_data import JOIN_FILE
from navarch.domain.names import METADATA_KEY
from navarch.simulator.controllers import CSI_KEY
from navarch.simulator.kubernetes import Kubernetes
from navarch.simulator.nodes import registered
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.neutron import ports, routers
from navarch.simulator.openstack.octavia import parts
from navarch.simulator.openstack.services import Services

_STEP_SECONDS = {  # about what was measured in the lab; the others take no time worth telling
    "FormatEtcdDisk": 0.5,
    "PrepareMachine": 0.5,
    "KubeadmInit": 6.0,
    "KubeadmJoin": 6.0,
    "FinishMachine": 0.3,
    "StartKubelet": 1.0,
}
# A kubelet renews its certificate when 21 to 27 of its 30 days are over. One that was switched off just before it would
# have done so has a good one for three days.
_CERTIFICATE_OUTLIVES = 3 * 86_400.0
_LOOKS_EVERY = 1.0  # while it waits for an API server
_REFUSED_PAUSE = 30.0
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as fast
_REFUSED = (401, 403, 409, 410)
_JOIN, _REPORTS = "/bootstrap/v1/join", "/bootstrap/v1/reports"


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to Navarch's join endpoint, whose certificate must come from `ca` (PEM)."""

    endpoint: str
    path: str
    body: dict[str, Any]
    token: str = ""
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """Its answer; status 0: nobody answered. `retry_after` in seconds."""

    status: int
    body: Any = None
    retry_after: float | None = None


Boot = Generator[Sleep | Ask, Reply | None, None]
Send = Callable[[Ask, Callable[[Reply], None]], None]


class Tempers:
    """How machines are. Tests override what they want to go wrong."""

    boot_seconds = 3.0

    def mute(self, name: str) -> bool:
        """Whether it boots and never reports."""
        return False

    def dies_in(self, name: str) -> str | None:
        """The phase in which it dies without a word."""
        return None

    def fails_in(self, name: str) -> str | None:
        """The phase that fails, and says so."""
        return None


class StepFailed(Exception):
    """A step of the boot ended with an error; its text is the log."""


class Guests:
    """All machines of a region, and the clusters they made. `send` asks the join endpoint and calls back.

    A machine knows what its config drive holds: user-data, its server's id, name and metadata; there it finds which
    cluster it belongs to."""

    def __init__(self, services: Services, send: Send, tempers: Tempers | None = None) -> None:
        self.services, self.region, self.tempers = services, services.region, tempers or Tempers()
        self.clusters: dict[str, Kubernetes] = {}
        self._send = send
        self._cluster_ids: dict[str, str] = {}  # of each server, as its config drive has it
        self._booting: set[str] = set()
        self._dead: set[str] = set()
        self._off: dict[str, float] = {}  # servers that were switched off, since when
        self.region.watchers.append(self._server)

    def cluster(self, cluster_id: str) -> Kubernetes | None:
        """The cluster's Kubernetes once its first machine made it."""
        return self.clusters.get(cluster_id)

    def cluster_at(self, address: str) -> Kubernetes | None:
        """Whose API server answers at a public address: that of a member of the balancer which has it."""
        floating = self.region.public_addresses.get(address)
        port = self.region["port"].get(floating["port_id"]) if floating is not None else None
        if port is None:
            return None
        balancers = (b for b in self.region["load balancer"].of(port.project_id) if b["vip_port_id"] == port.id)
        addresses = {
            member["address"]
            for balancer in balancers
            for pool in parts.pools_of(self.region, balancer)
            for member in parts.members_of(self.region, pool)
        }
        for other in self.region["port"].of(port.project_id):
            if other["network_id"] == port["network_id"] and other["fixed_ips"][0]["ip_address"] in addresses:
                cluster = self.clusters.get(self._cluster_ids.get(other["device_id"], ""))
                if cluster is not None and cluster.answers_behind(port):
                    return cluster
        return None

    def stop(self, server_id: str) -> None:
        """The machine dies; its server goes on as if nothing had been."""
        self._dead.add(server_id)
        cluster = self._cluster_of(server_id)
        if cluster is not None:
            cluster.running.discard(server_id)

    def restart(self, server_id: str) -> None:
        """A dead machine is rebooted: it goes on with its boot, or is what it was."""
        server = self.region["server"].get(server_id)
        if server_id not in self._dead or server is None or server["status"] != "ACTIVE":
            return
        self._dead.discard(server_id)
        cluster = self._cluster_of(server_id)
        if server_id in self._booting:
            self._resume(server_id, self._boot(server), None)
        if cluster is not None and (server_id in cluster.control_plane or cluster.node_of(server_id) is not None):
            cluster.running.add(server_id)

    def _cluster_of(self, server_id: str) -> Kubernetes | None:
        return self.clusters.get(self._cluster_ids.get(server_id, ""))

    def _server(self, what: str, server: Object) -> None:
        if what == "runs":
            self._cluster_ids[server.id] = server["metadata"].get(METADATA_KEY, "")
            self._booting.add(server.id)
            self._resume(server.id, self._boot(server), None)
        elif what == "off":
            self._off[server.id] = self.region.timeline.now
            self.stop(server.id)
        elif what == "on":
            if self.region.timeline.now - self._off.pop(server.id, self.region.timeline.now) < _CERTIFICATE_OUTLIVES:
                self.restart(server.id)
        else:
            cluster = self._cluster_of(server.id)
            if cluster is not None:
                cluster.server_gone(server.id)
            self.region.consoles.pop(server.id, None)
            self._cluster_ids.pop(server.id, None)
            self._booting.discard(server.id)
            self._dead.discard(server.id)
            self._off.pop(server.id, None)

    def _resume(self, server_id: str, boot: Boot, reply: Reply | None) -> None:
        """Take a boot to its next wait, unless its server is gone or its machine dead."""
        if server_id not in self._cluster_ids or server_id in self._dead:
            boot.close()
            return
        try:
            wanted = next(boot) if reply is None else boot.send(reply)
        except StopIteration:
            return
        if isinstance(wanted, Sleep):
            self.region.timeline.after(wanted.seconds, lambda: self._resume(server_id, boot, None))
        elif not self._reaches_out(server_id):
            self.region.timeline.after(_LOOKS_EVERY, lambda: self._resume(server_id, boot, Reply(0)))
        else:
            self._send(wanted, lambda answer: self._resume(server_id, boot, answer))

    # -- one machine's story

    def _boot(self, server: Object) -> Boot:
        yield Sleep(self.tempers.boot_seconds)
        if self.tempers.mute(server.name):
            self._say(server, "cloud-init: cannot reach the metadata service")
            return
        join = _join_file(base64.b64decode(server.hidden["user_data"]).decode())
        if join is None:
            self._say(server, "navarch-node: cannot join: there is no join.json")
            return
        reply = yield from self._ask_to_join(server, join)
        for step in reply["steps"]:
            done = yield from self._step(server, join, reply, step)
            if not done:
                return
        self._say(server, f"navarch-node: {join['machine']} is done")
        self._booting.discard(server.id)

    def _ask_to_join(self, server: Object, join: dict[str, Any]) -> Generator[Sleep | Ask, Reply | None, Any]:
        nonce = hashlib.sha256(server.id.encode()).hexdigest()
        boot = {"uptime_seconds": self.tempers.boot_seconds}
        body = {"machine": join["machine"], "ticket": join["ticket"], "nonce": nonce, "boot": boot}
        pause = 0.5
        while True:
            reply = yield Ask(join["endpoint"], _JOIN, body, ca=join["ca"])
            assert reply is not None  # noqa: S101 - an Ask is answered with a Reply
            if reply.status == 200:
                return reply.body
            self._say(server, f"navarch-node: {join['endpoint']} answers {reply.status}")
            wait = reply.retry_after or pause
            yield Sleep(_REFUSED_PAUSE if reply.status in _REFUSED else wait)
            pause = min(pause * 1.5, 15.0)

    def _step(
        self, server: Object, join: dict[str, Any], answer: Any, step: dict[str, Any]
    ) -> Generator[Sleep | Ask, Reply | None, bool]:
        """One step with its reports; whether it was done."""
        phase, name, timeline = step["phase"], join["machine"], self.region.timeline

        def report(state: str, seconds: float = 0.0, log: str = "") -> Ask:
            body = {
                "machine": name, "phase": phase, "state": state, "at": timeline.date().isoformat(),
                "seconds": seconds, "log": log,
            }  # fmt: skip
            return Ask(join["endpoint"], _REPORTS, body, answer["report_token"], join["ca"])

        yield from self._report(report("started"))
        began = timeline.now
        if self.tempers.dies_in(name) == phase:
            self._say(server, f"kernel panic in {phase}")
            self.stop(server.id)
            return False
        yield Sleep(_STEP_SECONDS.get(phase, 0.1))
        try:
            if self.tempers.fails_in(name) == phase:
                raise StepFailed(f"{phase}: exit code 1")
            while not self._carry_out(server, phase, answer):
                if timeline.now - began > step["timeout_seconds"] + step["retry_for_seconds"]:
                    raise StepFailed(f"{phase}: timed out after {timeline.now - began:.0f} s")
                yield Sleep(_LOOKS_EVERY)
        except StepFailed as failure:
            yield from self._report(report("failed", timeline.now - began, str(failure)))
            return False
        yield from self._report(report("done", timeline.now - began))
        return True

    def _report(self, ask: Ask) -> Generator[Sleep | Ask, Reply | None, None]:
        """Until it is taken: a machine keeps its reports in a queue and tries again."""
        pause = 0.5
        while True:
            reply = yield ask
            assert reply is not None  # noqa: S101
            if 200 <= reply.status < 300 or reply.status in (401, 404, 410, 422):
                return
            yield Sleep(reply.retry_after or pause)
            pause = min(pause * 2, 10.0)

    def _carry_out(self, server: Object, phase: str, answer: Any) -> bool:
        """The effect of a step; False: not yet."""
        cluster, name, address = self._cluster_of(server.id), server.name, self._address(server)
        if not address:
            return False
        volume = self._etcd_volume(server)
        ca = next((f["content"] for f in answer["files"] if f["path"].endswith("pki/ca.crt")), "")
        release = self._release(server)
        match phase:
            case "FormatEtcdDisk":
                if volume is None:
                    raise StepFailed("the etcd disk is not attached")
            case "KubeadmInit":
                if cluster is None or not cluster.members:
                    cluster_id = self._cluster_ids[server.id]
                    cluster = Kubernetes(self.services, server.project_id, cluster_id, ca)
                    self.clusters[cluster_id] = cluster
                elif volume is not None and volume.id not in cluster.members:
                    raise StepFailed("kubeadm init: the cluster exists, and this disk is none of its members'")
                if volume is None:
                    raise StepFailed("kubeadm init: the etcd disk is not mounted")
                cluster.api_address = cluster.api_address or _api_address(answer)
                cluster.initialise(name, server.id, volume.id, address, release)
                if not cluster.serving():  # where it is a member of several, it waits for the others
                    return False
                cluster.register(name, address, server.id, *registered(answer), release)
            case "KubeadmJoin":
                if cluster is None or ca != cluster.ca:
                    raise StepFailed("kubeadm join: certificate signed by unknown authority")
                if volume is None:
                    raise StepFailed("kubeadm join: the etcd disk is not mounted")
                if volume.id in cluster.etcd.removed:
                    raise StepFailed("etcd: the member has been permanently removed from the cluster")
                # A disk that holds a member makes the machine that member again; for a new one the others are asked.
                if volume.id not in cluster.members and not cluster.answers_inside():
                    return False
                cluster.initialise(name, server.id, volume.id, address, release)
                if not cluster.serving():
                    return False
                cluster.register(name, address, server.id, *registered(answer), release)
            case "WaitForAPI":
                kept = cluster is not None and volume is not None and volume.id in cluster.members
                return cluster is not None and (kept or cluster.answers_inside())
            case "StartKubelet":
                if cluster is None or not cluster.answers_inside():
                    return False
                cluster.register(name, address, server.id, *registered(answer), release)
            case "OwnNode":
                if cluster is None or not cluster.serving():
                    return False
                cluster.own_node(name, address, server.id, *registered(answer), release)
            case "Joined":
                return cluster is not None and name in cluster.nodes
        return True

    def _release(self, server: Object) -> str:
        """The Kubernetes that its image holds; empty where it started from a volume, which does not tell."""
        image = self.region["image"].get(server["image"]["id"]) if server["image"] else None
        return str(image["navarch_kubernetes_version"]) if image is not None else ""

    def _etcd_volume(self, server: Object) -> Object | None:
        """The disk that the machine was given: it does not boot from it, and those of claims are the cluster's."""
        volumes = self.region["volume"].of(server.project_id)
        mine = (v for v in volumes if any(a["server_id"] == server.id for a in v["attachments"]))
        return next((v for v in mine if CSI_KEY not in v["metadata"] and v["bootable"] == "false"), None)

    def _reaches_out(self, server_id: str) -> bool:
        """Whether it has its port, and a router leads out of that one's subnet."""
        server = self.region["server"].get(server_id)
        port = self._port(server) if server is not None else None
        if server is None or port is None:
            return False
        return routers.to_the_outside(self.region, port["fixed_ips"][0]["subnet_id"], server.project_id) is not None

    def _address(self, server: Object) -> str:
        """Of the port that is on the server; empty: none is."""
        port = self._port(server)
        return str(port["fixed_ips"][0]["ip_address"]) if port is not None else ""

    def _port(self, server: Object) -> Object | None:
        return next(iter(ports.of_device(self.region, server.project_id, server.id)), None)

    def _say(self, server: Object, line: str) -> None:
        self.region.consoles.setdefault(server.id, []).append(line)


def _api_address(answer: Any) -> str:
    """The API's inner address, as kubeadm's configuration has it: what every kubelet will ask."""
    config = next((f["content"] for f in answer["files"] if "controlPlaneEndpoint" in f["content"]), "")
    found = re.search(r"controlPlaneEndpoint: [\"']?([0-9.]+)", config)
    return found[1] if found else ""


def _join_file(user_data: str) -> dict[str, Any] | None:
    """join.json, as cloud-init would write it."""
    config = yaml.load(user_data, _Loader) if user_data.startswith("#cloud-config") else None  # noqa: S506 - a safe one
    for file in config.get("write_files", ()) if isinstance(config, dict) else ():
        if file["path"] == JOIN_FILE:
            document: dict[str, Any] = json.loads(file["content"])
            return document
    return None
