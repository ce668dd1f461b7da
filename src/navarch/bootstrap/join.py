"""The answer to a machine that asks to join: files to write and steps to run, in order.

    control plane 0   FormatEtcdDisk, PrepareMachine, KubeadmInit, OwnNode, FinishMachine, Joined
    control plane n   FormatEtcdDisk, PrepareMachine, WaitForAPI, KubeadmJoin, OwnNode, FinishMachine, Joined
    worker            PrepareMachine, WaitForAPI, StartKubelet, Joined

A machine that takes over the etcd volume of one that is gone finds that member's data there, and is that member again.
It does not wait for an API that may be silent for want of this very member.

What a machine becomes is said by the release that it was made from, whatever the cluster is to be by now: version,
image tags and labels are its template's. kubeadm reads nothing else, see `machine/join-control-plane`.

Only control-plane machines run kubeadm: they need static pods, certificates and etcd membership. What kubeadm would do
on a worker, write two files and start the kubelet, is done without it, so a worker waits for nothing but the API.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

from navarch.bootstrap import api_server, authorization, kubeadm, kubelet
from navarch.bootstrap.pki import ClusterSecrets
from navarch.bootstrap.registry import Registry, registry_files
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.machines import Machine
from navarch.domain.spec import API_PORT, Cluster, Role

LAST_PHASE = "Joined"

_PKI = "/etc/kubernetes/pki"
_PROGRAMS = "/usr/local/lib/navarch"
_WAIT = f"{_PROGRAMS}/wait-for-api"
_ETCD_DISK = f"{_PROGRAMS}/etcd-disk"
_JOIN = f"{_PROGRAMS}/join-control-plane"
_OWN_NODE = f"{_PROGRAMS}/own-node"
_RENEW = f"{_PROGRAMS}/renew-certificates"
_LEAVE = f"{_PROGRAMS}/leave"
_AUTHORIZER_UNIT = "navarch-authorizer.service"
_ETCD_DISK_UNIT = "navarch-etcd-disk.service"
_LEAVE_UNIT = "navarch-leave.service"
_RENEW_TIMER = "navarch-certificates.timer"
_CONTROL_PLANE_PROGRAMS = (
    "authorizer",
    "etcd-disk",
    "join-control-plane",
    "own-node",
    "renew-certificates",
    "finish-machine",
    "leave",
)
_UNITS = "/etc/systemd/system"
_KEPT_MEMBER = f"{kubeadm.ETCD_DATA}/member/wal"


@dataclass(frozen=True, slots=True)
class JoinFacts:
    """What is known when a machine asks.

    The machine's facts must have its address, for the control plane also its etcd volume, and its release must say
    which etcd and CoreDNS it holds; where the member's volume is the same, the machine takes a member of etcd over.
    `api_internal_address` is the balancer's address in the node network: it is enough that it is known, the balancer
    need not pass traffic yet. `peers_joined`: serials of the control-plane places that have joined. `pod_security`: the
    level of Pod Security in namespaces that say nothing (privileged, baseline, restricted). `registry`: where images
    are pulled from; None: from wherever their names say.
    """

    cluster: Cluster
    machine: Machine
    api_internal_address: str
    api_public_address: str | None = None
    peers_joined: tuple[int, ...] = ()
    pod_security: str = "baseline"
    registry: Registry | None = None


class NotYet(Exception):
    """The machine must ask again after `after` seconds; `reason` is for people."""

    def __init__(self, reason: str, after: float = 1.0) -> None:
        super().__init__(reason)
        self.reason, self.after = reason, after


@dataclass(frozen=True, slots=True)
class File:
    """A file to write. `mode` is octal, as text. The content may be secret."""

    path: str
    mode: str
    content: str

    def __repr__(self) -> str:
        return f"File(path={self.path!r}, mode={self.mode!r})"


@dataclass(frozen=True, slots=True)
class BootStep:
    """A command to run, for at most `timeout_seconds`; where it fails it may be tried again for `retry_for_seconds`."""

    phase: str
    argv: tuple[str, ...]
    timeout_seconds: float
    retry_for_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class JoinAnswer:
    """All that a machine needs to become a node."""

    files: tuple[File, ...]
    steps: tuple[BootStep, ...]


def join_answer(facts: JoinFacts, secrets: ClusterSecrets, now: datetime) -> JoinAnswer:
    """What this machine gets. Raises NotYet while it is not its turn, Permanent where a fact is missing for good."""
    if facts.machine.role is Role.WORKER:
        return _Worker(facts, secrets, now).answer()
    return _ControlPlane(facts, secrets, now).answer()


def initialises(facts: JoinFacts) -> bool:
    """Whether this machine starts the cluster. A new machine in place 0 of a cluster that lives in other places joins
    them instead."""
    return facts.machine.serial == 0 and not set(facts.peers_joined) - {0}


class _Joining:
    """What machines of both roles have in common."""

    def __init__(self, facts: JoinFacts, secrets: ClusterSecrets, now: datetime) -> None:
        self.facts, self.secrets, self.now = facts, secrets, now
        self.cluster, self.machine, self.node = facts.cluster, facts.machine, facts.machine.name
        self.address = self.known("address", self.machine.facts.address)
        self.api = f"https://{facts.api_internal_address}:{API_PORT}"
        self.arguments = kubelet.node_arguments(self.machine, address=self.address)

    def component(self, name: str) -> str:
        """Its version in the image that the machine was made from."""
        return self.known(name, self.machine.template.release.component(name) or "")

    def known(self, name: str, value: str) -> str:
        if not value:
            raise Permanent(
                f"machine {self.node} cannot join: its {name} was not recorded",
                reason="JoinFactMissing",
                responsible=Responsible.NAVARCH_OPERATOR,
                remedy="If it is a component, the node image lacks it in navarch_components: register the image anew.",
            )
        return value

    def identity(self, api_url: str) -> Iterator[File]:
        for path, mode, content in kubelet.identity_files(
            self.secrets, node=self.node, address=self.address, api_url=api_url, now=self.now
        ):
            yield File(path, mode, content)
        for path, mode, content in registry_files(self.facts.registry) if self.facts.registry is not None else ():
            yield File(path, mode, content)
        yield _program("prepare-machine")
        yield _program("wait-for-api")

    def wait(self, phase: str, path: str, timeout: float, retry_for: float = 0.0, api: str = "") -> BootStep:
        return BootStep(phase, (_WAIT, (api or self.api) + path), timeout, retry_for)


class _Worker(_Joining):
    def answer(self) -> JoinAnswer:
        return JoinAnswer(files=tuple(self.files()), steps=tuple(self.steps()))

    def files(self) -> Iterator[File]:
        yield from self.identity(self.api)
        yield File(kubelet.CONFIG_FILE, "0600", kubelet.worker_configuration(self.cluster))
        yield File(kubelet.FLAGS_FILE, "0600", kubelet.flags_file(self.arguments))

    def steps(self) -> Iterator[BootStep]:
        yield BootStep("PrepareMachine", (f"{_PROGRAMS}/prepare-machine",), 60)
        # A kubelet that starts before there is an API backs off for many seconds; this looks three times a second.
        yield self.wait("WaitForAPI", "/readyz", 3600)
        yield BootStep("StartKubelet", ("systemctl", "restart", "kubelet.service"), 60, 120)
        yield self.wait(LAST_PHASE, f"/api/v1/nodes/{self.node}", 300, 600)


class _ControlPlane(_Joining):
    def __init__(self, facts: JoinFacts, secrets: ClusterSecrets, now: datetime) -> None:
        super().__init__(facts, secrets, now)
        self.volume = self.known("etcd volume", self.machine.facts.etcd_volume_id)
        self.own_api = f"https://{self.address}:{API_PORT}"
        self.first = initialises(facts)
        if not self.first and self.machine.facts.member_volume_id != self.volume:
            self._wait_for_turn()

    def _wait_for_turn(self) -> None:
        # One at a time: etcd admits one learner, and with two members a third that fails to start costs the quorum.
        joined = set(self.facts.peers_joined)
        missing = [place for place in range(self.machine.serial) if place not in joined]
        if missing:
            raise NotYet(f"control-plane place {missing[0]} has not joined yet")

    def answer(self) -> JoinAnswer:
        return JoinAnswer(files=tuple(self.files()), steps=tuple(self.steps()))

    def files(self) -> Iterator[File]:
        yield from self.identity(self.own_api)
        for name, mode, content in (
            ("ca.key", "0600", self.secrets.ca_key),
            ("etcd/ca.crt", "0644", self.secrets.etcd_ca_cert),
            ("etcd/ca.key", "0600", self.secrets.etcd_ca_key),
            ("front-proxy-ca.crt", "0644", self.secrets.front_proxy_ca_cert),
            ("front-proxy-ca.key", "0600", self.secrets.front_proxy_ca_key),
            ("sa.key", "0600", self.secrets.sa_private),
            ("sa.pub", "0644", self.secrets.sa_public),
        ):
            yield File(f"{_PKI}/{name}", mode, content)
        for path, mode, content in api_server.api_server_files(self.secrets, self.now, self.facts.pod_security):
            yield File(path, mode, content)
        yield from self.kubeadm_files()
        for name in _CONTROL_PLANE_PROGRAMS:
            yield _program(name)
        yield _unit(_ETCD_DISK_UNIT, {"command": f"{_ETCD_DISK} mount {self.volume}"})
        yield _unit("kubelet.service.d/20-etcd-disk.conf", {"unit": _ETCD_DISK_UNIT})
        asked = f"{authorization.PORT} {authorization.FOLDER} {self.own_api} {kubelet.CA_FILE}"
        yield _unit(_AUTHORIZER_UNIT, {"command": f"{_PROGRAMS}/authorizer {asked}"})
        yield _unit("kubelet.service.d/30-authorizer.conf", {"unit": _AUTHORIZER_UNIT})
        yield _unit(_LEAVE_UNIT, {"command": _LEAVE})
        yield _unit("kubelet.service.d/40-leave.conf", {"unit": _LEAVE_UNIT})
        yield _unit("navarch-certificates.service", {"command": f"{_RENEW} {self.own_api} {kubeadm.INIT_FILE}"})
        # Each place on another day, so that no two API servers or etcd members are ever restarted together.
        yield _unit(_RENEW_TIMER, {"day": f"{3 + 5 * (self.machine.serial % 5):02d}"})

    def kubeadm_files(self) -> Iterator[File]:
        config = kubeadm.init_configuration(
            self.cluster,
            kubernetes_version=self.machine.template.release.kubernetes_version,
            node=self.node,
            address=self.address,
            arguments=self.arguments,
            api_internal_address=self.facts.api_internal_address,
            api_public_address=self.facts.api_public_address,
            etcd_version=self.component("etcd"),
            coredns_version=self.component("coredns"),
        )
        yield File(kubeadm.INIT_FILE, "0600", config)
        if not self.first:
            config = kubeadm.join_configuration(node=self.node, address=self.address, arguments=self.arguments)
            yield File(kubeadm.JOIN_FILE, "0600", config)
            discovery = kubelet.node_kubeconfig(self.secrets, self.node, self.api)
            yield File(kubeadm.DISCOVERY_FILE, "0600", discovery)

    def steps(self) -> Iterator[BootStep]:
        yield BootStep("FormatEtcdDisk", (_ETCD_DISK, "first", self.volume), 300)
        yield BootStep("PrepareMachine", (f"{_PROGRAMS}/prepare-machine", _RENEW_TIMER), 60)
        if self.first:
            init = ("kubeadm", "init", "--config", kubeadm.INIT_FILE, "--skip-token-print")
            yield BootStep("KubeadmInit", init, 600, 300)
        else:
            ready = f"{self.api}/readyz"
            yield BootStep("WaitForAPI", (_WAIT, ready, "--unless", _KEPT_MEMBER), 3600)
            join = (_JOIN, kubeadm.INIT_FILE, kubeadm.JOIN_FILE, _KEPT_MEMBER, ready)
            yield BootStep("KubeadmJoin", join, 600, 600)
        yield BootStep("OwnNode", (_OWN_NODE, self.node, self.own_api, kubeadm.INIT_FILE), 120, 300)
        yield BootStep("FinishMachine", (f"{_PROGRAMS}/finish-machine", _RENEW_TIMER), 60, 60)
        yield self.wait(LAST_PHASE, f"/api/v1/nodes/{self.node}", 300, 600, api=self.own_api)


def _program(name: str) -> File:
    return File(f"{_PROGRAMS}/{name}", "0755", _resource(name))


def _unit(name: str, values: dict[str, str]) -> File:
    content = _resource(name.rpartition("/")[2])
    for key, value in values.items():
        content = content.replace(f"@{key}@", value)
    return File(f"{_UNITS}/{name}", "0644", content)


def _resource(name: str) -> str:
    return (files("navarch.bootstrap") / "machine" / name).read_text()
