"""A real kube-scheduler before a real API server, and a cluster that it is shown: nodes without kubelets."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.integration.kube_apiserver import ApiServer, Client, program
from tests.scheduling.cases import CLASSES, DRIVERS, NAMESPACES, RUNTIME_CLASS, Case, Document

_STORAGE = "/apis/storage.k8s.io/v1"
_ANSWERS_WITHIN = 30.0  # seconds: only a hang reaches it


class Refused(Exception):
    """The API server takes no such object: no case."""


@contextlib.contextmanager
def scheduler(kube: ApiServer) -> Iterator[None]:
    """The bundle's own with its defaults, until the end of the block."""
    kubeconfig = kube.kubeconfig()
    command = [
        str(program("kube-scheduler")),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=2000",
        "--kube-api-burst=2000",
    ]
    with (kube.folder / "kube-scheduler.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def prepare(kube: ApiServer) -> None:
    """What all cases have in common."""
    admin = kube.admin()
    privileged = {"pod-security.kubernetes.io/enforce": "privileged"}  # host ports
    for name, labels in NAMESPACES.items():
        _made(admin, "/api/v1/namespaces", {"metadata": {"name": name, "labels": {**labels, **privileged}}})
        _made(admin, f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})
    for name, spec in DRIVERS.items():
        _made(admin, f"{_STORAGE}/csidrivers", {"metadata": {"name": name}, "spec": spec})
    for name, made in CLASSES.items():
        _made(admin, f"{_STORAGE}/storageclasses", {"metadata": {"name": name}, **made})
    _made(admin, "/apis/node.k8s.io/v1/runtimeclasses", {"metadata": {"name": "heavy"}, **RUNTIME_CLASS})


@dataclass
class Shown:
    """A case as the API server has it, with its defaults. `objects`: by the path of their list."""

    admin: Client
    objects: dict[str, list[Document]] = field(default_factory=dict)

    def make(self, path: str, body: Document, *, within: str = "") -> Document:
        """An object that is there until `clear`. Raises Refused."""
        made = _made(self.admin, within or path, body)
        self.objects.setdefault(path, []).append(made)
        return made

    def changed(self, path: str, of: Document, change: Document, *, part: str = "") -> Document:
        """The object after a merge patch."""
        answer = self.admin.merge(f"{_path(path, of)}{part}", change)
        if answer.status_code >= 300:
            raise Refused(answer.text)
        document: Document = answer.json()
        known = self.objects[path]
        known[[o["metadata"]["name"] for o in known].index(of["metadata"]["name"])] = document
        return document

    def remove(self, path: str, of: Document) -> None:
        """Take an object away at once."""
        if of["metadata"].get("finalizers"):
            self.admin.merge(_path(path, of), {"metadata": {"finalizers": None}})
        self.admin.ask("DELETE", _path(path, of), {"gracePeriodSeconds": 0})
        self.objects[path] = [o for o in self.objects[path] if o["metadata"]["uid"] != of["metadata"]["uid"]]

    def clear(self) -> None:
        """Take all of them away: pods first."""
        for path in sorted(self.objects, key=lambda p: p != PODS):
            for made in self.objects[path]:
                self.remove(path, made)


PODS, NODES, CLAIMS, VOLUMES = (
    "/api/v1/pods",
    "/api/v1/nodes",
    "/api/v1/persistentvolumeclaims",
    "/api/v1/persistentvolumes",
)
CSI_NODES, ATTACHMENTS = f"{_STORAGE}/csinodes", f"{_STORAGE}/volumeattachments"


@contextlib.contextmanager
def shown(kube: Client, case: Case) -> Iterator[Shown]:
    """The state of a case, until the end of the block. Raises Refused."""
    there = Shown(kube)
    try:
        for node in case.nodes:
            made = there.make(NODES, node)
            # Admission calls each new node not ready, and no controller takes that back here.
            there.changed(NODES, made, {"spec": {"taints": node["spec"]["taints"] or None}})
        for csi_node in case.csi_nodes:
            there.make(CSI_NODES, csi_node)
        claims = {
            c["spec"]["volumeName"]: there.make(CLAIMS, c, within=_within(c, "persistentvolumeclaims"))
            for c in case.claims
        }
        for volume in case.volumes:
            made = there.make(VOLUMES, volume)
            claim = claims.get(volume["metadata"]["name"])
            if claim is None:
                there.changed(VOLUMES, made, {"status": {"phase": "Available"}}, part="/status")
                continue
            bound = {k: claim["metadata"][k] for k in ("name", "namespace", "uid")}
            there.changed(VOLUMES, made, {"spec": {"claimRef": bound}})
        for number, (name, node_name) in enumerate(case.attached):
            source = {"persistentVolumeName": name}
            spec = {"attacher": "a.example.com", "nodeName": node_name, "source": source}
            there.make(ATTACHMENTS, {"metadata": {"name": f"a{number}"}, "spec": spec})
        for pod in case.placed:
            body = {key: value for key, value in pod.items() if key != "status"}
            try:
                made = there.make(PODS, body, within=_within(pod, "pods"))
            except Refused:
                continue  # one less
            if "status" in pod:
                with contextlib.suppress(Refused):
                    there.changed(PODS, made, {"status": pod["status"]}, part="/status")
        yield there
    finally:
        there.clear()


def placed_at(there: Shown, pod: Document, own_claims: list[Document]) -> tuple[Document, list[Document], str]:
    """What the scheduler makes of a pod: the pod and its claims as the API server has them, and the node; empty: it
    finds none. The pod is gone afterwards. Raises Refused."""
    claims = [there.make(CLAIMS, c, within=_within(c, "persistentvolumeclaims")) for c in own_claims]
    try:
        made = there.make(PODS, pod, within=_within(pod, "pods"))
        try:
            return made, claims, _node_of(there.admin, made)
        finally:
            there.remove(PODS, made)
    finally:
        for claim in claims:
            there.remove(CLAIMS, claim)
        for volume in there.objects.get(VOLUMES, ()):  # one that the scheduler took for a claim
            if "claimRef" not in volume["spec"]:
                there.admin.merge(_path(VOLUMES, volume), {"spec": {"claimRef": None}})


def _node_of(admin: Client, pod: Document) -> str:
    end = time.monotonic() + _ANSWERS_WITHIN
    while time.monotonic() < end:
        seen = admin.ask("GET", _path(PODS, pod)).json()
        # A pod whose volume is still to be made is not bound before that: its node is nominated.
        node = seen["spec"].get("nodeName") or seen.get("status", {}).get("nominatedNodeName")
        if node:
            return str(node)
        for condition in seen.get("status", {}).get("conditions", ()):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return ""
        time.sleep(0.004)
    raise TimeoutError(f"the scheduler said nothing about {pod['metadata']['name']}")


def _within(of: Document, kind: str) -> str:
    return f"/api/v1/namespaces/{of['metadata']['namespace']}/{kind}"


def _path(path: str, of: Document) -> str:
    namespace = of["metadata"].get("namespace")
    base, _, kind = path.rpartition("/")
    return (
        f"{base}/namespaces/{namespace}/{kind}/{of['metadata']['name']}"
        if namespace
        else f"{path}/{of['metadata']['name']}"
    )


def _made(admin: Client, path: str, body: Document) -> Document:
    answer: Any = admin.ask("POST", path, body)
    if answer.status_code >= 300:
        raise Refused(f"{path}: {answer.text}")
    document: Document = answer.json()
    return document
