"""The yardstick: an expert's script that makes the same machines in parallel and runs kubeadm, Calico and the cloud
controller, with everything known beforehand and no balancer.

It uses the same node image, flavors and zone. Addresses, keys, tokens and manifests are made before the clock
starts. It has less to do than Navarch: no balancer, no etcd disk, no Keystone user, no CSI, no metrics-server.
"""

import base64
import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import yaml
from demo.customer import Kubectl
from demo.stack import RENDERER, connect
from demo.steps import until

from navarch.addons import catalogue
from navarch.addons.contract import Inputs
from navarch.addons.package import REGISTRY
from navarch.addons.rendering import Rendering
from navarch.bootstrap.kubeconfig import kubeconfig
from navarch.bootstrap.pki import ClusterSecrets, make_cluster_secrets
from navarch.charts.rendering import Renderer
from navarch.clouds.openstack.controllers import cloud_conf
from navarch.domain.machines import component_labels
from navarch.domain.offer import Release
from navarch.domain.spec import (
    Cluster,
    ClusterSpec,
    ControlPlaneSpec,
    NetworkSpec,
    NodeGroup,
    NodeGroupSpec,
    VolumeSpec,
)

NAME = "expert"
CIDR = "10.77.0.0/24"
ADDRESSES = {"cp": "10.77.0.10", "w1": "10.77.0.11", "w2": "10.77.0.12"}
ADDONS = ("calico", "cloud-controller")  # kube-proxy and CoreDNS are kubeadm's own


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds from the first call until all nodes are Ready and all system pods available; `marks` on the way."""

    seconds: float
    marks: tuple[tuple[str, float], ...]


class Expert:
    """One run. `clouds_file` and `cloud` are the customer's; `release` the node image's."""

    def __init__(self, clouds_file: Path, cloud: str, release: Release, kubectl: str, flavors: tuple[str, str]) -> None:
        self._cloud = connect(clouds_file, cloud)
        self._auth = yaml.safe_load(clouds_file.read_text())["clouds"][cloud]
        self._release, self._kubectl, self._flavors = release, kubectl, flavors
        self._marks: list[tuple[str, float]] = []
        self._began = 0.0

    def run(self) -> Outcome:
        """Make it, wait for it, take it away."""
        keys = make_cluster_secrets(datetime.now(UTC))
        token = f"{secrets.token_hex(3)}.{secrets.token_hex(8)}"
        external = next(iter(self._cloud.network.networks(is_router_external=True)))
        address = self._cloud.network.create_ip(floating_network_id=external.id, description=NAME)
        flavors = {f.name: f.id for f in self._cloud.compute.flavors()}
        try:
            with tempfile.TemporaryDirectory() as folder:
                return self._timed(Path(folder), keys, token, external.id, address, flavors)
        finally:
            self._clean(address)

    def _timed(
        self, folder: Path, keys: ClusterSecrets, token: str, external: str, address: Any, flavors: dict[str, str]
    ) -> Outcome:
        data = {
            "cp": self._first(keys, token, address.floating_ip_address),
            **{name: self._worker(keys, token, name) for name in ("w1", "w2")},
        }
        config = folder / "kubeconfig"
        text, _ = kubeconfig(
            keys,
            cluster_name=NAME,
            url=f"https://{address.floating_ip_address}:6443",
            user="expert",
            groups=("system:masters",),
            kubeconfig_id="expert",
            ttl=timedelta(hours=2),
            now=datetime.now(UTC),
        )
        config.write_text(text)
        kubectl = Kubectl(self._kubectl, config)
        network = self._cloud.network
        self._began = monotonic()
        with ThreadPoolExecutor(8) as pool:
            net = network.create_network(name=NAME)
            subnet_made = pool.submit(
                network.create_subnet, network_id=net.id, name=NAME, ip_version=4, cidr=CIDR, gateway_ip="10.77.0.1"
            )
            router_made = pool.submit(network.create_router, name=NAME, external_gateway_info={"network_id": external})
            group = pool.submit(self._group)
            subnet = subnet_made.result()
            ports = dict(
                zip(
                    ADDRESSES,
                    pool.map(lambda n: self._port(n, net.id, subnet.id, group.result()), ADDRESSES),
                    strict=True,
                )
            )
            servers = [
                pool.submit(
                    self._cloud.compute.create_server,
                    name=f"{NAME}-{name}",
                    flavor_id=flavors[self._flavors[0 if name == "cp" else 1]],
                    image_id=self._release.image_id,
                    networks=[{"port": ports[name].id}],
                    availability_zone="z1",
                    config_drive=True,
                    user_data=base64.b64encode(data[name].encode()).decode(),
                )
                for name in ADDRESSES
            ]
            network.add_interface_to_router(router_made.result(), subnet_id=subnet.id)
            network.update_ip(address, port_id=ports["cp"].id)
            for server in servers:
                server.result()
        self._mark("servers asked for")
        manifests = self._manifests(folder, subnet.id, external)
        until(
            "the API answers",
            lambda: "ok" in kubectl.run("get", "--raw", "/readyz", check=False),
            seconds=300,
            every=0.3,
        )
        self._mark("Kubernetes API answers")
        for manifest in manifests:
            kubectl.run("apply", "--server-side", "-f", str(manifest))
        self._mark("manifests applied")
        until("three nodes are Ready", lambda: _nodes_ready(kubectl) == 3, seconds=300, every=0.5)
        self._mark("nodes Ready")
        until("system pods are available", lambda: _available(kubectl), seconds=300, every=0.5)
        self._mark("system pods available")
        return Outcome(monotonic() - self._began, tuple(self._marks))

    def _mark(self, what: str) -> None:
        self._marks.append((what, monotonic() - self._began))

    def _group(self) -> str:
        network = self._cloud.network
        group = network.create_security_group(name=NAME)
        for protocol, low, high, cidr in (
            ("tcp", 6443, 6443, "0.0.0.0/0"),
            (None, None, None, CIDR),
        ):
            network.create_security_group_rule(
                security_group_id=group.id,
                direction="ingress",
                ethertype="IPv4",
                protocol=protocol,
                port_range_min=low,
                port_range_max=high,
                remote_ip_prefix=cidr,
            )
        return str(group.id)

    def _port(self, name: str, network_id: str, subnet_id: str, group: str) -> Any:
        return self._cloud.network.create_port(
            network_id=network_id,
            name=f"{NAME}-{name}",
            fixed_ips=[{"subnet_id": subnet_id, "ip_address": ADDRESSES[name]}],
            security_group_ids=[group],
        )

    def _first(self, keys: ClusterSecrets, token: str, public: str) -> str:
        components = dict(self._release.components)
        documents = [
            {
                "apiVersion": "kubeadm.k8s.io/v1beta4",
                "kind": "InitConfiguration",
                "bootstrapTokens": [
                    {
                        "token": token,
                        "usages": ["signing", "authentication"],
                        "groups": ["system:bootstrappers:kubeadm:default-node-token"],
                    }
                ],
                "nodeRegistration": _registration("cp", self._release),
            },
            {
                "apiVersion": "kubeadm.k8s.io/v1beta4",
                "kind": "ClusterConfiguration",
                "kubernetesVersion": f"v{self._release.kubernetes_version}",
                "imageRepository": REGISTRY,
                "networking": {"podSubnet": "10.100.0.0/16", "serviceSubnet": "10.254.0.0/16"},
                "etcd": {"local": {"imageTag": components["etcd"]}},
                "dns": {"imageTag": components["coredns"]},
                "apiServer": {"certSANs": [public, ADDRESSES["cp"]]},
                "controllerManager": {"extraArgs": [{"name": "cloud-provider", "value": "external"}]},
            },
            {
                "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
                "kind": "KubeProxyConfiguration",
                "mode": "nftables",
                "conntrack": {"maxPerCore": 0},
            },
        ]
        files = {
            "/etc/kubernetes/pki/ca.crt": keys.ca_cert,
            "/etc/kubernetes/pki/ca.key": keys.ca_key,
            "/root/kubeadm.yaml": yaml.safe_dump_all(documents),
        }
        return _user_data(files, "kubeadm init --config /root/kubeadm.yaml --ignore-preflight-errors=all")

    def _worker(self, keys: ClusterSecrets, token: str, name: str) -> str:
        join = {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "JoinConfiguration",
            "discovery": {
                "bootstrapToken": {
                    "token": token,
                    "apiServerEndpoint": f"{ADDRESSES['cp']}:6443",
                    "unsafeSkipCAVerification": True,
                }
            },
            "nodeRegistration": _registration(name, self._release),
        }
        command = (
            f"until curl -sk https://{ADDRESSES['cp']}:6443/readyz | grep -q ok; do sleep 0.3; done; "
            "kubeadm join --config /root/join.yaml --ignore-preflight-errors=all"
        )
        return _user_data({"/root/join.yaml": yaml.safe_dump(join)}, command)

    def _manifests(self, folder: Path, subnet_id: str, external: str) -> list[Path]:
        """Calico and the cloud controller, as Navarch would apply them."""
        auth = self._auth["auth"]
        now = datetime.now(UTC)
        cluster = Cluster(
            "expert",
            NAME,
            "",
            ClusterSpec(
                self._release.kubernetes_version,
                self._release,
                NetworkSpec("public", external, node_cidr=CIDR),
                ControlPlaneSpec(self._flavors[0], VolumeSpec("ssd", 1), 1, ("z1",)),
            ),
            now,
            (NodeGroup("w", NodeGroupSpec(self._flavors[1], 2, ("z1",))),),
        )
        configuration = cloud_conf(
            auth_url=auth["auth_url"],
            region=self._auth["region_name"],
            user_id=self._cloud.current_user_id,
            password=auth["password"],
            trust_id="",
            subnet_id=subnet_id,
            floating_network_id=external,
            has_ca=True,
            load_balancer_provider="ovn",
            volumes_have_zones=True,
        ).replace('trust-id = ""', f'tenant-id = "{self._cloud.current_project_id}"')
        inputs = Inputs(
            cluster,
            ADDRESSES["cp"],
            6443,
            1442,
            {"cloud.conf": configuration, "ca.crt": Path(self._auth["cacert"]).read_text()},
            (("ssd", ("z1",)),),
            ("z1",),
        )
        paths, rendering = [], Rendering(Renderer(RENDERER))
        for name in ADDONS:
            rendered = rendering.rendered(catalogue.package(name), inputs)
            for made in rendered.objects:
                if made["kind"] == "DaemonSet":  # its machines have names of their own
                    made["spec"]["template"]["spec"].pop("affinity", None)
            path = folder / f"{name}.yaml"
            path.write_text(yaml.safe_dump_all([*rendered.definitions, *rendered.objects, *rendered.once]))
            paths.append(path)
        return paths

    def _clean(self, address: Any) -> None:
        cloud = self._cloud
        servers = [s for s in cloud.compute.servers() if s.name.startswith(f"{NAME}-")]
        for server in servers:
            cloud.compute.delete_server(server, force=False)
        for server in servers:
            cloud.compute.wait_for_delete(server, wait=120)
        cloud.network.delete_ip(address)
        for router in cloud.network.routers(name=NAME):
            for port in cloud.network.ports(device_id=router.id):
                if port.device_owner == "network:router_interface":
                    cloud.network.remove_interface_from_router(router, port_id=port.id)
            cloud.network.delete_router(router)
        for port in cloud.network.ports():
            if port.name.startswith(f"{NAME}-"):
                cloud.network.delete_port(port)
        for network in cloud.network.networks(name=NAME):
            cloud.network.delete_network(network)
        for group in cloud.network.security_groups(name=NAME):
            cloud.network.delete_security_group(group)
        cloud.close()


def _registration(name: str, release: Release) -> dict[str, Any]:
    labels = ",".join(f"{key}={value}" for key, value in component_labels(release.tags).items())
    return {
        "name": f"{NAME}-{name}",
        "criSocket": "unix:///run/containerd/containerd.sock",
        "imagePullPolicy": "IfNotPresent",
        "kubeletExtraArgs": [
            {"name": "cloud-provider", "value": "external"},
            {"name": "node-ip", "value": ADDRESSES[name]},
            {"name": "node-labels", "value": labels},
        ],
    }


def _user_data(files: dict[str, str], command: str) -> str:
    config = {
        "write_files": [{"path": p, "content": c, "permissions": "0600"} for p, c in files.items()],
        "runcmd": [["sh", "-c", command]],
    }
    return "#cloud-config\n" + yaml.safe_dump(config)


def _nodes_ready(kubectl: Kubectl) -> int:
    nodes = kubectl.get("nodes")["items"]
    return len(
        [n for n in nodes if any(c["type"] == "Ready" and c["status"] == "True" for c in n["status"]["conditions"])]
    )


def _available(kubectl: Kubectl) -> bool:
    things = kubectl.get("deployments,daemonsets", "-A")["items"]
    for thing in things:
        status = thing["status"]
        if thing["kind"] == "Deployment" and status.get("availableReplicas", 0) < thing["spec"]["replicas"]:
            return False
        if thing["kind"] == "DaemonSet" and (
            status.get("numberReady", 0) < status.get("desiredNumberScheduled", 1)
            or not status.get("desiredNumberScheduled")
        ):
            return False
    return bool(things)
