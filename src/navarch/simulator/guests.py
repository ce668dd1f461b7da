"""What runs in the region's servers: a machine that boots, shows its ticket, and becomes a node step by step.

Each boot is a generator that tells its own story, as `navarch-node` in the image does: it yields `Sleep` or `Ask` and
is resumed when the time is over or the answer is there. So one process plays thousands of machines.
"""

import hashlib
import json
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import yaml

from navarch.bootstrap.user_data import JOIN_FILE
from navarch.clouds.simulator import Region
from navarch.clouds.simulator.inventory import Thing
from navarch.domain.openstack.resources import Kind
from navarch.simulator.kubernetes import Kubernetes
from navarch.simulator.nodes import registered

_STEP_SECONDS = {  # about what was measured in the lab; the others take no time worth telling
    "FormatEtcdDisk": 0.5,
    "PrepareMachine": 0.5,
    "KubeadmInit": 6.0,
    "KubeadmJoin": 6.0,
    "FinishMachine": 0.3,
    "StartKubelet": 1.0,
}
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
    """All machines of a region, and the clusters they made. `send` asks the join endpoint and calls back."""

    def __init__(self, region: Region, send: Send, tempers: Tempers | None = None) -> None:
        self.region, self.tempers = region, tempers or Tempers()
        self.clusters: dict[str, Kubernetes] = {}
        self.consoles: dict[str, list[str]] = {}
        self._send = send
        self._booting: set[str] = set()
        self._dead: set[str] = set()
        region.watchers.append(self._server)

    def cluster(self, cluster_id: str) -> Kubernetes | None:
        """The cluster's Kubernetes once its first machine made it."""
        return self.clusters.get(cluster_id)

    def console(self, server_id: str) -> str:
        """What the machine wrote on its console."""
        return "\n".join(self.consoles.get(server_id, ()))

    def stop(self, server_id: str) -> None:
        """The machine dies; its server goes on as if nothing had been."""
        self._dead.add(server_id)
        cluster = self._cluster_of(server_id)
        if cluster is not None:
            cluster.running.discard(server_id)

    def restart(self, server_id: str) -> None:
        """A dead machine is rebooted: it goes on with its boot, or is what it was."""
        server = self.region.find(Kind.SERVER, server_id)
        if server_id not in self._dead or server is None:
            return
        self._dead.discard(server_id)
        cluster = self._cluster_of(server_id)
        if server_id in self._booting:
            self._resume(server_id, self._boot(server), None)
        if cluster is not None and (server_id in cluster.control_plane or cluster.node_of(server_id) is not None):
            cluster.running.add(server_id)

    def _cluster_of(self, server_id: str) -> Kubernetes | None:
        server = self.region.find(Kind.SERVER, server_id)
        return self.clusters.get(server.mark) if server is not None else None

    def _server(self, what: str, server: Thing) -> None:
        if what == "runs":
            self._booting.add(server.id)
            self._resume(server.id, self._boot(server), None)
        elif what == "off":
            self.stop(server.id)
        elif what == "on":
            self.restart(server.id)
        else:
            self.consoles.pop(server.id, None)
            self._booting.discard(server.id)
            self._dead.discard(server.id)
            cluster = self.clusters.get(server.mark)
            if cluster is not None:
                cluster.server_gone(server.id)

    def _resume(self, server_id: str, boot: Boot, reply: Reply | None) -> None:
        """Take a boot to its next wait, unless its server is gone or its machine dead."""
        if self.region.find(Kind.SERVER, server_id) is None or server_id in self._dead:
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

    def _boot(self, server: Thing) -> Boot:
        yield Sleep(self.tempers.boot_seconds)
        if self.tempers.mute(server.resource.name):
            self._say(server, "cloud-init: cannot reach the metadata service")
            return
        join = _join_file(server.user_data)
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

    def _ask_to_join(self, server: Thing, join: dict[str, Any]) -> Generator[Sleep | Ask, Reply | None, Any]:
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
        self, server: Thing, join: dict[str, Any], answer: Any, step: dict[str, Any]
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

    def _carry_out(self, server: Thing, phase: str, answer: Any) -> bool:
        """The effect of a step; False: not yet."""
        cluster, name, address = self.clusters.get(server.mark), server.resource.name, self._address(server.id)
        if not address:
            return False
        volume = self._etcd_volume(server)
        ca = next((f["content"] for f in answer["files"] if f["path"].endswith("pki/ca.crt")), "")
        match phase:
            case "FormatEtcdDisk":
                if volume is None:
                    raise StepFailed("the etcd disk is not attached")
            case "KubeadmInit":
                if cluster is None or not cluster.members:
                    cluster = Kubernetes(self.region, server.project_id, server.mark, "1.37.2", ca)
                    self.clusters[server.mark] = cluster
                elif volume is not None and volume.id not in cluster.members:
                    raise StepFailed("kubeadm init: the cluster exists, and this disk is none of its members'")
                if volume is None:
                    raise StepFailed("kubeadm init: the etcd disk is not mounted")
                cluster.api_address = cluster.api_address or _api_address(answer)
                cluster.initialise(name, server.id, volume.id, address)
                if not cluster.serving():  # where it is a member of several, it waits for the others
                    return False
                cluster.register(name, address, server.id, *registered(answer))
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
                cluster.initialise(name, server.id, volume.id, address)
                if not cluster.serving():
                    return False
                cluster.register(name, address, server.id, *registered(answer))
            case "WaitForAPI":
                kept = cluster is not None and volume is not None and volume.id in cluster.members
                return cluster is not None and (kept or cluster.answers_inside())
            case "StartKubelet":
                if cluster is None or not cluster.answers_inside():
                    return False
                cluster.register(name, address, server.id, *registered(answer))
            case "OwnNode":
                if cluster is None or not cluster.serving():
                    return False
                cluster.own_node(name, address, server.id, *registered(answer))
            case "Joined":
                return cluster is not None and name in cluster.nodes
        return True

    def _etcd_volume(self, server: Thing) -> Thing | None:
        volumes = self.region.things(Kind.VOLUME, server.project_id)
        mine = (v for v in volumes if v.resource.server_id == server.id and v.resource.made_by == "navarch")
        return next(mine, None)

    def _reaches_out(self, server_id: str) -> bool:
        """Whether it has its port, and a router leads out of that one's subnet."""
        port = self._port(server_id)
        return port is not None and self.region.is_routed(port)

    def _address(self, server_id: str) -> str:
        """Of the port that is on the server; empty: none is."""
        port = self._port(server_id)
        return str(port.resource.address) if port is not None else ""

    def _port(self, server_id: str) -> Thing | None:
        server = self.region.find(Kind.SERVER, server_id)
        ports = self.region.things(Kind.PORT, server.project_id) if server is not None else ()
        return next((p for p in ports if p.resource.server_id == server_id), None)

    def _say(self, server: Thing, line: str) -> None:
        self.consoles.setdefault(server.id, []).append(line)


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
