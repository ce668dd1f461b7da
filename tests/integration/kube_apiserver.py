"""A real kube-apiserver with its etcd, as ordinary processes on loopback: no node, no controller, no kubelet.

It has the arguments and files of a control-plane machine, but for folders and for what kubeadm makes itself.
"""

import base64
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.unit.addons.sample_inputs import cluster

from navarch.addons.connection import Connection
from navarch.addons.contract import Access
from navarch.bootstrap.api_server import FOLDER, api_server_arguments, api_server_files
from navarch.bootstrap.authorization import PORT
from navarch.bootstrap.pki import ClusterSecrets, make_cluster_secrets

VERSION = "1.37.2"
_CACHE = Path(os.environ.get("NAVARCH_CACHE", "/var/cache/navarch"))


def program(name: str) -> Path:
    """The newest build of a program of this version's Kubernetes bundle."""
    manifests = _CACHE.glob("bundles/*/manifest.json")
    ours = [m for m in manifests if json.loads(m.read_text())["kubernetes"] == VERSION]
    if not ours:
        raise FileNotFoundError(f"no {name} in {_CACHE}: build it with `navarch-images bundle {VERSION}`")
    return max(ours, key=lambda path: path.stat().st_mtime).parent / "bin" / name


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who asks, and is answered whatever it is."""

    http: httpx.Client

    def ask(self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **query: str) -> Any:
        """The HTTP response. `kind` of the body: a patch has its own."""
        content = None if body is None else json.dumps(body)
        return self.http.request(method, path, content=content, headers={"Content-Type": kind}, params=query or None)

    def merge(self, path: str, change: Any) -> Any:
        """The response to a merge patch."""
        return self.ask("PATCH", path, change, kind="application/merge-patch+json")


@dataclass(frozen=True, slots=True)
class ApiServer:
    """A running one. `access`: an administrator's. The audit log is `folder/audit.log`. `secrets`: a cluster's, whose
    certificates it takes as well."""

    access: Access
    folder: Path
    secrets: ClusterSecrets
    authority: "_Authority"
    closing: contextlib.ExitStack
    processes: dict[str, "subprocess.Popen[bytes]"]
    commands: dict[str, list[str]]

    def end(self, name: str) -> None:
        """Have one of its processes die."""
        self.processes[name].kill()
        self.processes[name].wait()

    def begin(self, name: str) -> None:
        """Start one anew that has died, while the API server answers, or is it."""
        log = self.folder / f"{name}-again.log"
        self.processes[name] = self.closing.enter_context(_process(self.commands[name], log))
        _wait_until_ready(self.access, self.folder)

    def user(self, name: str, *groups: str) -> Client:
        """Somebody with a client certificate."""
        return self.client(self.authority.access(self.access.url, name, groups))

    def node(self, name: str) -> Client:
        """The kubelet of a node."""
        return self.user(f"system:node:{name}", "system:nodes")

    def service_account(self, namespace: str, name: str, pod: str = "") -> Client:
        """A pod with a token that is bound to it; without `pod`, a token that is bound to nothing."""
        bound = {}
        if pod:
            uid = self.admin().ask("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}").json()["metadata"]["uid"]
            bound = {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": pod, "uid": uid}}
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": bound}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        answer = self.admin().ask("POST", path, asked)
        assert answer.status_code == 201, answer.text
        client = self.client(self.authority.access(self.access.url, "nobody", ()), certificate=False)
        client.http.headers["Authorization"] = f"Bearer {answer.json()['status']['token']}"
        return client

    def admin(self) -> Client:
        """Navarch's own way in."""
        return self.client(self.access)

    def kubeconfig_of(self, namespace: str, account: str) -> Path:
        """A file with a service account's, as its pods have it."""
        header = self.service_account(namespace, account).http.headers["Authorization"]
        return self._kubeconfig(f"{account}.kubeconfig", {"token": header.removeprefix("Bearer ")})

    def kubeconfig(self) -> Path:
        """A file with an administrator's."""
        pair = {
            "client-certificate-data": _base64(self.access.certificate),
            "client-key-data": _base64(self.access.key),
        }
        return self._kubeconfig("admin.kubeconfig", pair)

    def _kubeconfig(self, file: str, user: dict[str, str]) -> Path:
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "c",
                    "cluster": {"server": self.access.url, "certificate-authority-data": _base64(self.access.ca)},
                }
            ],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "c",
        }
        written = self.folder / file
        written.write_text(json.dumps(document))
        return written

    @contextlib.contextmanager
    def controllers(self, *names: str) -> Iterator[None]:
        """These controllers of the controller manager, until the end of the block."""
        kubeconfig = self.kubeconfig()
        command = [
            str(program("kube-controller-manager")),
            f"--kubeconfig={kubeconfig}",
            f"--controllers={','.join(names)}",
            "--leader-elect=false",
            "--secure-port=0",
        ]
        with _process(command, self.folder / "controllers.log"):
            yield

    def client(self, access: Access, *, certificate: bool = True) -> Client:
        """Somebody with this certificate; without `certificate` with none."""
        context = ssl.create_default_context(cadata=access.ca)
        if certificate:
            with tempfile.NamedTemporaryFile("w") as pair:
                pair.write(f"{access.certificate}\n{access.key}")
                pair.flush()
                context.load_cert_chain(pair.name)
        http = httpx.Client(base_url=access.url, verify=context, timeout=30, trust_env=False)
        return Client(self.closing.enter_context(http))


@contextlib.contextmanager
def api_server(folder: Path) -> Iterator[ApiServer]:
    """Run both in `folder` until the end of the block."""
    authority = _Authority()
    etcd, peer, secure, refusing = _free_ports(4)
    for name, content in authority.files().items():
        (folder / name).write_text(content)
    now = datetime.now(UTC)
    secrets = make_cluster_secrets(now)
    with (folder / "ca.crt").open("a") as trusted:
        trusted.write(secrets.ca_cert)
    for path, _, content in api_server_files(secrets, now, "baseline"):
        here = content.replace(FOLDER, str(folder)).replace(f":{PORT}", f":{refusing}")
        Path(_within(path, folder)).write_text(here)
    navarchs = {name: _within(value, folder) for name, value in api_server_arguments(cluster()).items()}
    authorizer = files("navarch.bootstrap") / "machine" / "authorizer"
    commands = {
        "authorizer": [
            *(sys.executable, "-I", str(authorizer), str(refusing), str(folder)),
            *(f"https://127.0.0.1:{secure}", f"{folder}/ca.crt"),
        ],
        "etcd": [
            str(program("etcd")),
            f"--data-dir={folder}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{etcd}",
            f"--advertise-client-urls=http://127.0.0.1:{etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
        ],
        "kube-apiserver": [
            str(program("kube-apiserver")),
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={secure}",
            "--service-cluster-ip-range=10.254.0.0/16",
            "--endpoint-reconciler-type=none",
            # As kubeadm has it.
            "--allow-privileged=true",
            *([] if "enable-admission-plugins" in navarchs else ["--enable-admission-plugins=NodeRestriction"]),
            *(f"--{name}={value}" for name, value in navarchs.items()),
            f"--client-ca-file={folder}/ca.crt",
            f"--tls-cert-file={folder}/server.crt",
            f"--tls-private-key-file={folder}/server.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder}/server.key",
            f"--service-account-signing-key-file={folder}/server.key",
        ],
    }
    with contextlib.ExitStack() as running:
        processes = {
            name: running.enter_context(_process(command, folder / f"{name}.log")) for name, command in commands.items()
        }
        access = authority.access(f"https://127.0.0.1:{secure}", "navarch", ("system:masters",))
        _wait_until_ready(access, folder)
        yield ApiServer(access, folder, secrets, authority, running, processes, commands)


def _within(path: str, folder: Path) -> str:
    """Where a file of a control-plane machine lies here; what is no path stays as it is."""
    return f"{folder}/{Path(path).name}" if path.startswith("/") else path


@contextlib.contextmanager
def _process(command: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)  # nothing in them is to be kept
        process.wait()


def _wait_until_ready(access: Access, folder: Path, *, seconds: float = 90) -> None:
    connection = Connection(access, connections=1)
    end = time.monotonic() + seconds
    try:
        while True:
            try:
                # The last thing a new server makes: roles that tests bind.
                connection.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/view")
                connection.get("/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical")
                connection.get("/api/v1/namespaces/kube-system")
                return
            except Exception as error:
                if time.monotonic() > end:
                    log = (folder / "kube-apiserver.log").read_text()[-3000:]
                    raise TimeoutError(f"kube-apiserver is not ready after {seconds} s: {error}\n{log}") from error
                time.sleep(0.1)
    finally:
        connection.close()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class _Authority:
    """A CA with a server's and an administrator's certificate."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test-ca")])
        self._certificate = self._issue(self._name, self._key.public_key(), is_ca=True)
        self._server_key = ec.generate_private_key(ec.SECP256R1())

    def files(self) -> dict[str, str]:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
        server = self._issue(name, self._server_key.public_key(), addresses=("127.0.0.1",))
        return {"ca.crt": _pem(self._certificate), "server.crt": _pem(server), "server.key": _key_pem(self._server_key)}

    def access(self, url: str, user: str, groups: tuple[str, ...]) -> Access:
        """A client's certificate, new each time."""
        key = ec.generate_private_key(ec.SECP256R1())
        organisations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        name = x509.Name([*organisations, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        return Access(url, _pem(self._certificate), _pem(self._issue(name, key.public_key())), _key_pem(key))

    def _issue(
        self,
        name: x509.Name,
        public_key: ec.EllipticCurvePublicKey,
        *,
        is_ca: bool = False,
        addresses: tuple[str, ...] = (),
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(hours=2))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if addresses:
            names = [x509.IPAddress(ip_address(address)) for address in addresses]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if not is_ca:
            usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()
