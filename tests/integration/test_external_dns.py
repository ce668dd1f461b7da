"""The catalogue's external-dns with its real program, a real kube-apiserver and a real name server: names come with a
Service, go with it, and never touch somebody else's; a key that is wrong is told."""

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.integration.entry_programs import entry_program
from tests.integration.entry_programs import renderer as renderer
from tests.integration.kube_apiserver import ApiServer
from tests.integration.name_server import KEY_NAME, ZONE, NameServer, name_server
from tests.unit.addons.sample_inputs import cluster

from navarch.addons.client import KubernetesClusters
from navarch.addons.contract import Asks, Installation
from navarch.charts.entry import pack, read
from navarch.charts.given import FACTS, completed
from navarch.charts.rendering import Circumstances, Renderer
from navarch.domain.catalogue import Item
from navarch.domain.terms import Complaint

# The program takes minutes to build where it is not yet.
pytestmark = [pytest.mark.kube, pytest.mark.tools, pytest.mark.proof, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
ENTRY = ROOT / "addons" / "external-dns"
SERVICES = "/api/v1/namespaces/default/services"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
HOSTNAME = "external-dns.alpha.kubernetes.io/hostname"  # as most manifests have it
OWNER = f"heritage=external-dns,external-dns/owner={cluster().id}"


@pytest.fixture(scope="module")
def ns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    with name_server(tmp_path_factory.mktemp("bind")) as running:
        yield running


def values(ns: NameServer, **more: Any) -> dict[str, Any]:
    key = {"name": KEY_NAME, "secret": ns.secret}
    return {"server": "127.0.0.1", "port": ns.port, "zones": [ZONE], "key": key, **more}


def made(renderer: Renderer, wanted: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """As a worker renders it."""
    entry = read(pack(ENTRY))
    assert renderer.wrong_values(entry.chart, wanted) == ()
    whole = completed(wanted, entry.schema, cluster(), FACTS)
    return renderer.render(entry.chart, whole, Circumstances("external-dns", "external-dns", "1.37.2")).objects


def guide() -> tuple[dict[str, Any], dict[str, Any]]:
    """The values and the Service that docs/guide/dns.md shows."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "guide" / "dns.md").read_text(), re.DOTALL)
    shown, service = map(yaml.safe_load, blocks)
    return shown, service


class Program:
    """external-dns as its pod runs it, but outside of a cluster. `log`: what it wrote."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path, metrics: str) -> None:
        self._process, self._log, self._metrics = process, log, metrics

    @property
    def log(self) -> str:
        return self._log.read_text()

    def healthy(self) -> bool:
        """Whether its probes find it so."""
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://{self._metrics}/healthz", trust_env=False).status_code == 200
        return False

    def until(self, so: Callable[[], Any]) -> None:
        end = time.monotonic() + 240
        while not so():
            assert self._process.poll() is None, self.log[-3000:]
            assert time.monotonic() < end, self.log[-3000:]
            time.sleep(0.2)


@contextlib.contextmanager
def running(kube: ApiServer, renderer: Renderer, wanted: dict[str, Any], log: Path) -> Iterator[Program]:
    """With the rights of its service account, by a token as its pod has one."""
    objects = made(renderer, wanted)
    with KubernetesClusters() as clusters:
        items: tuple[Item, ...] = ()

        def note(now: tuple[Item, ...]) -> None:
            nonlocal items
            items = now

        # Its Deployment waits for pods, which nothing here runs.
        waits = clusters.install(
            kube.access, Installation("external-dns", "external-dns", "1", False, objects, items), note
        ).waits
        assert "Deployment" in str(waits)
    (deployment,) = [o for o in objects if o["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (secret,) = [o for o in objects if o["kind"] == "Secret"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        metrics = f"127.0.0.1:{free.getsockname()[1]}"
    args = [a for a in container["args"] if not a.startswith("--metrics-address")]
    environ = {**os.environ, container["env"][0]["name"]: wanted["key"]["secret"], "KUBECONFIG": ""}
    assert secret["data"]["secret"], "where its pod gets it from"
    kubeconfig = kube.kubeconfig_of("external-dns", "external-dns")
    argv = [str(entry_program("external-dns")), *args, f"--kubeconfig={kubeconfig}", f"--metrics-address={metrics}"]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ)
    try:
        program = Program(process, log, metrics)
        program.until(program.healthy)
        yield program
    finally:
        process.terminate()
        process.wait(60)


def service(kube: ApiServer, name: str, hostname: str, address: str) -> None:
    """One with the address of its balancer, as the cloud's controller says it."""
    admin = kube.admin()
    metadata = {"name": name, "annotations": {HOSTNAME: hostname}}
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": name}}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    assert admin.ask("POST", SERVICES, body).status_code == 201
    status = {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}
    assert admin.merge(f"{SERVICES}/{name}/status", status).status_code == 200


def test_a_name_comes_with_its_service_and_goes_with_it(
    ns: NameServer, kube: ApiServer, renderer: Renderer, tmp_path: Path
) -> None:
    with running(kube, renderer, values(ns, policy="sync", ttl=120), tmp_path / "log") as program:
        service(kube, "web", f"web.{ZONE}", "192.0.2.10")
        service(kube, "apex", ZONE, "192.0.2.11")
        service(kube, "star", f"*.apps.{ZONE}", "192.0.2.12")
        service(kube, "thief", f"theirs.{ZONE}", "192.0.2.66")
        service(kube, "elsewhere", "web.example.net", "192.0.2.67")
        program.until(lambda: ns.asked(f"web.{ZONE}", "A") == ("192.0.2.10",))
        program.until(lambda: ns.asked(ZONE, "A") == ("192.0.2.11",))
        program.until(lambda: ns.asked(f"any.apps.{ZONE}", "A") == ("192.0.2.12",))
        (owner,) = ns.asked(f"_a._external-dns.web.{ZONE}", "TXT")
        assert owner.strip('"').startswith(OWNER)
        (owner,) = ns.asked(f"_a._external-dns.{ZONE}", "TXT")
        assert owner.strip('"').startswith(OWNER), "of the zone's own name, too"

        host = {"host": f"shop.{ZONE}", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}}
        ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "shop"}}
        assert kube.admin().ask("POST", INGRESSES, {**ingress, "spec": {"rules": [host]}}).status_code == 201
        address = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.20"}]}}}
        assert kube.admin().merge(f"{INGRESSES}/shop/status", address).status_code == 200
        program.until(lambda: ns.asked(f"shop.{ZONE}", "A") == ("192.0.2.20",))

        moved = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.30"}]}}}
        assert kube.admin().merge(f"{SERVICES}/web/status", moved).status_code == 200
        program.until(lambda: ns.asked(f"web.{ZONE}", "A") == ("192.0.2.30",))
        assert ns.asked(f"theirs.{ZONE}", "A") == ("192.0.2.99",), "what somebody else wrote stays as it is"
        for name in ("web", "apex", "star", "thief", "elsewhere"):
            assert kube.admin().ask("DELETE", f"{SERVICES}/{name}").status_code == 200
        program.until(lambda: not ns.asked(f"web.{ZONE}", "A"))
        program.until(lambda: not ns.asked(ZONE, "A"))
        program.until(lambda: not ns.asked(f"_a._external-dns.web.{ZONE}", "TXT"))
        assert ns.asked(f"theirs.{ZONE}", "A") == ("192.0.2.99",)
        assert ns.asked(f"shop.{ZONE}", "A") == ("192.0.2.20",)
        assert ns.secret not in program.log
        assert "forbidden" not in program.log, "its rights are enough"
        assert kube.admin().ask("DELETE", f"{INGRESSES}/shop").status_code == 200
        program.until(lambda: not ns.asked(f"shop.{ZONE}", "A"))


def test_the_guides_service_gets_its_name_with_the_guides_values_and_without_sync_names_stay(
    ns: NameServer, kube: ApiServer, renderer: Renderer, tmp_path: Path
) -> None:
    shown, web = guide()
    assert "--rfc2136-zone=apps.example.org" in str(made(renderer, shown))
    here = {**shown, **values(ns), "domains": shown["zones"]}  # its zone is below the one that the name server has
    with running(kube, renderer, here, tmp_path / "log") as program:
        assert kube.admin().ask("POST", SERVICES, web).status_code == 201
        address = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.39"}]}}}
        assert kube.admin().merge(f"{SERVICES}/web/status", address).status_code == 200
        service(kube, "outside", f"outside.{ZONE}", "192.0.2.68")
        program.until(lambda: ns.asked(web["metadata"]["annotations"][HOSTNAME], "A") == ("192.0.2.39",))
        assert ns.asked(f"outside.{ZONE}", "A") == (), "below none of the domains"
        for name in ("web", "outside"):
            assert kube.admin().ask("DELETE", f"{SERVICES}/{name}").status_code == 200
    with running(kube, renderer, values(ns), tmp_path / "log") as program:
        service(kube, "kept", f"kept.{ZONE}", "192.0.2.40")
        program.until(lambda: ns.asked(f"kept.{ZONE}", "A") == ("192.0.2.40",))
        assert kube.admin().ask("DELETE", f"{SERVICES}/kept").status_code == 200
        service(kube, "later", f"later.{ZONE}", "192.0.2.41")
        program.until(lambda: ns.asked(f"later.{ZONE}", "A"))
        assert ns.asked(f"kept.{ZONE}", "A") == ("192.0.2.40",)
        assert kube.admin().ask("DELETE", f"{SERVICES}/later").status_code == 200


def complaint(kube: ApiServer) -> Complaint | None:
    """What the entry's own rule finds, as a worker looks at a cluster."""
    rules = (("external-dns", read(pack(ENTRY)).card.terms.health),)
    with KubernetesClusters() as clusters:
        (seen,) = clusters.observe(kube.access, Asks(chosen=(("external-dns", ()),), complaints=rules)).chosen
    return seen.complaint


def test_a_wrong_key_is_told(ns: NameServer, kube: ApiServer, renderer: Renderer, tmp_path: Path) -> None:
    wrong = values(ns, key={"name": KEY_NAME, "secret": "d3JvbmcgYW5kIGxvbmcgZW5vdWdoIHRvIGJlIG9uZQ=="})
    kube.admin().ask("DELETE", EVENTS)
    assert complaint(kube) is None
    with running(kube, renderer, wrong, tmp_path / "log") as program:
        service(kube, "never", f"never.{ZONE}", "192.0.2.50")
        program.until(lambda: "RFC2136 create record failed" in program.log)
        program.until(lambda: "RecordError" in kube.admin().ask("GET", EVENTS).text)
        assert "AXFR error" in program.log
        told = complaint(kube)
        assert told is not None
        assert (told.reason, told.responsible) == ("NamesNotWritten", "user")
        assert told.message.startswith(f"Service default/never: (external-dns) record:never.{ZONE},")
        assert "key" in told.remedy
        assert program.healthy(), "which its probes do not tell"
        assert ns.asked(f"never.{ZONE}", "A") == ()
        assert wrong["key"]["secret"] not in program.log
    with running(kube, renderer, values(ns), tmp_path / "log") as program:  # somebody gives it the right one
        program.until(lambda: ns.asked(f"never.{ZONE}", "A") == ("192.0.2.50",))
        program.until(lambda: complaint(kube) is None)
        assert kube.admin().ask("DELETE", f"{SERVICES}/never").status_code == 200


BACKEND = {"service": {"name": "shop", "port": {"number": 80}}}
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"
