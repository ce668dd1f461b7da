"""The catalogue's cert-manager gets a certificate by ACME: its real controller, a real kube-apiserver, Let's Encrypt's
own small ACME server (pebble), and a real name server, which takes the records of DNS-01 challenges (RFC 2136)."""

import base64
import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cryptography import x509
from tests.integration.chosen_entry import ChosenEntry, there
from tests.integration.entry_programs import entry_program
from tests.integration.entry_programs import renderer as renderer
from tests.integration.kube_apiserver import ApiServer, Client, _Authority, _free_ports
from tests.integration.name_server import KEY_NAME, ZONE, NameServer, name_server
from tests.integration.test_charts_on_a_real_api_server import api as api

from navarch.addons.client import KubernetesClusters
from navarch.addons.connection import Connection
from navarch.charts.rendering import Renderer, Unrenderable

# The controller takes minutes to build where it is not yet.
pytestmark = [pytest.mark.kube, pytest.mark.tools, pytest.mark.proof, pytest.mark.timeout(1200)]

NAME = "cert-manager"
GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "certificates.md"
CONTROLLER = f"/apis/apps/v1/namespaces/{NAME}/deployments/{NAME}-controller"
SECRETS = "/api/v1/namespaces/default/secrets"
ISSUERS = "/apis/cert-manager.io/v1/namespaces/default/issuers"
CERTIFICATES = "/apis/cert-manager.io/v1/namespaces/default/certificates"
CHALLENGES = "/apis/acme.cert-manager.io/v1/namespaces/default/challenges"


@pytest.fixture
def ns(tmp_path: Path) -> Iterator[NameServer]:
    (tmp_path / "bind").mkdir()
    with name_server(tmp_path / "bind") as running:
        yield running


@dataclass(frozen=True, slots=True)
class Acme:
    """A running pebble. `authority`: whom its own TLS is believed by, in PEM; `root`: of what it signs."""

    url: str
    authority: str
    root: x509.Certificate


@pytest.fixture
def acme(ns: NameServer, tmp_path: Path) -> Iterator[Acme]:
    folder = tmp_path / "pebble"
    folder.mkdir()
    tls = _Authority().files()
    for name, content in tls.items():
        (folder / name).write_text(content)
    port, management = _free_ports(2)
    config = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(folder / "server.crt"),
        "privateKey": str(folder / "server.key"),
    }
    (folder / "config.json").write_text(json.dumps({"pebble": config}))
    argv = [str(entry_program("pebble")), "-strict", "-config", str(folder / "config.json")]
    # It looks the challenge's record up itself, as Let's Encrypt does, but without the pauses that it makes on purpose.
    argv += ["-dnsserver", f"127.0.0.1:{ns.port}"]
    with program(argv, folder / "log", {"PEBBLE_VA_NOSLEEP": "1"}) as process:

        def root() -> httpx.Response | None:
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"https://127.0.0.1:{management}/roots/0", verify=False, trust_env=False)
            return None

        until(lambda: process.poll() is None and root() is not None, folder / "log")
        found = root()
        assert found is not None
        yield Acme(f"https://127.0.0.1:{port}/dir", tls["ca.crt"], x509.load_pem_x509_certificate(found.content))


@pytest.fixture
def controller(ns: NameServer, kube: ApiServer, api: Connection, renderer: Renderer, tmp_path: Path) -> Iterator[Path]:
    """Its log. It runs with the rights of its service account, and asks no other name server than the test's: the one
    of the zone is at no address of its own here. The webhook runs nowhere, and the API server is told of none."""
    with KubernetesClusters() as clusters:
        servers = {
            "dns01RecursiveNameservers": [f"127.0.0.1:{ns.port}"],
            "dns01RecursiveNameserversOnly": True,
        }
        entry = ChosenEntry(NAME, kube, clusters, renderer, **servers)
        log = tmp_path / "controller.log"
        until(lambda: bool(entry.apply()) and there(api, CONTROLLER), log)
        (container,) = api.get(CONTROLLER)["spec"]["template"]["spec"]["containers"]
        argv = [str(entry_program("cert-manager")), *container["args"]]
        with program([*argv, f"--kubeconfig={kube.kubeconfig_of(NAME, f'{NAME}-controller')}"], log):
            yield log
        with kube.controllers("namespace-controller", "garbage-collector-controller"):
            for kind in (CERTIFICATES, CHALLENGES):  # nobody is there any more who would clean up behind them
                for its in kube.admin().ask("GET", kind).json()["items"]:
                    kube.admin().merge(f"{kind}/{its['metadata']['name']}", {"metadata": {"finalizers": None}})
            until(lambda: not entry.remove(with_data=True), log)
        for name in ("acme-dns", "letsencrypt-account", "shop-tls"):  # those stay
            assert kube.admin().ask("DELETE", f"{SECRETS}/{name}").status_code in (200, 404)


@contextlib.contextmanager
def program(
    argv: list[str], log: Path, environment: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(environment or {})}
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def until(so: Callable[[], Any], log: Path) -> None:
    end = time.monotonic() + 240
    while not so():
        assert time.monotonic() < end, log.read_text()[-5000:] if log.exists() else ""
        time.sleep(0.2)


def shown() -> list[dict[str, Any]]:
    """What docs/guide/certificates.md has for ACME: the key, the issuer, a certificate."""
    section = GUIDE.read_text().split("## ACME", 1)[1].split("\n## ", 1)[0]
    (text,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    return list(yaml.safe_load_all(text))


def asked_for(kube: ApiServer, acme: Acme, ns: NameServer, secret: str, *names: str) -> None:
    """The guide's, with the addresses and names here. Each name's record is left for a minute, one after another."""
    key, issuer, certificate = shown()
    key["stringData"] = {"secret": secret}
    its = issuer["spec"]["acme"]
    its |= {"server": acme.url, "caBundle": base64.b64encode(acme.authority.encode()).decode()}
    (solver,) = its["solvers"]
    solver["dns01"]["rfc2136"] |= {"nameserver": f"127.0.0.1:{ns.port}", "tsigKeyName": KEY_NAME}
    certificate["spec"]["dnsNames"] = list(names)
    for path, body in ((SECRETS, key), (ISSUERS, issuer), (CERTIFICATES, certificate)):
        body["metadata"]["namespace"] = "default"
        answer = kube.admin().ask("POST", path, body)
        assert answer.status_code == 201, answer.text


def ready(admin: Client) -> bool:
    (certificate,) = admin.ask("GET", CERTIFICATES).json()["items"]
    conditions = certificate.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def reasons(admin: Client) -> str:
    return " ".join(c.get("status", {}).get("reason", "") for c in admin.ask("GET", CHALLENGES).json()["items"])


def check(kube: ApiServer, acme: Acme, ns: NameServer, *names: str) -> None:
    """The certificate that there is now."""
    held = kube.admin().ask("GET", f"{SECRETS}/shop-tls").json()["data"]
    leaf, *chain = x509.load_pem_x509_certificates(base64.b64decode(held["tls.crt"]))
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(found.get_values_for_type(x509.DNSName)) == set(names)
    (intermediate,) = chain
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(acme.root)
    assert ns.asked(f"_acme-challenge.shop.{ZONE}", "TXT") == (), "records are gone once they were seen"


def test_a_certificate_of_an_acme_issuer_by_dns01(
    kube: ApiServer, acme: Acme, ns: NameServer, controller: Path
) -> None:
    names = (f"shop.{ZONE}", f"*.shop.{ZONE}")
    asked_for(kube, acme, ns, ns.secret, *names)
    until(lambda: ready(kube.admin()), controller)
    until(lambda: not kube.admin().ask("GET", CHALLENGES).json()["items"], controller)
    check(kube, acme, ns, *names)


def test_a_wrong_key_is_told_in_the_challenge_and_may_be_mended(
    kube: ApiServer, acme: Acme, ns: NameServer, controller: Path
) -> None:
    wrong = base64.b64encode(b"another key of thirty-two bytes!").decode()
    asked_for(kube, acme, ns, wrong, f"shop.{ZONE}")
    until(lambda: "DNS update failed: dns: bad authentication" in reasons(kube.admin()), controller)
    assert wrong not in controller.read_text() + reasons(kube.admin())
    assert not ready(kube.admin())
    kube.admin().merge(f"{SECRETS}/acme-dns", {"stringData": {"secret": ns.secret}})
    until(lambda: ready(kube.admin()), controller)
    until(lambda: not kube.admin().ask("GET", CHALLENGES).json()["items"], controller)
    check(kube, acme, ns, f"shop.{ZONE}")


@pytest.mark.parametrize(
    "server", ["192.0.2.1", "192.0.2.1:53,192.0.2.2:53", "192.0.2.1:dns", "http://192.0.2.1/dns-query", "::1:53", ""]
)
def test_a_name_server_has_a_host_and_a_port(kube: ApiServer, renderer: Renderer, server: str) -> None:
    with KubernetesClusters() as clusters, pytest.raises(Unrenderable):
        ChosenEntry(NAME, kube, clusters, renderer, dns01RecursiveNameservers=[server])
