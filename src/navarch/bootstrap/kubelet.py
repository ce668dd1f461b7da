"""What every kubelet of a cluster is given: identity, configuration, flags.

The kubelet's identity is a client certificate for this very node, issued by Navarch, instead of a bootstrap token that
could ask for any node's: nothing waits for the controller manager to sign, and a stolen answer is worth one node.
The kubelet renews both of its certificates itself through the certificates API.

cgroupDriver, failCgroupV1 and failSwapOn are not set: the node image knows its machine and says them in a drop-in.
"""

from dataclasses import dataclass
from datetime import datetime

from navarch.bootstrap.kubeconfig import render_kubeconfig
from navarch.bootstrap.pki import (
    KUBELET_LIFETIME,
    ClusterSecrets,
    issue_client_certificate,
    issue_kubelet_serving_certificate,
)
from navarch.bootstrap.yaml_text import yaml_text
from navarch.domain.kube import NOT_BEHIND_SERVICES, STARTING
from navarch.domain.machines import Machine, component_labels
from navarch.domain.spec import Cluster, Role

CA_FILE = "/etc/kubernetes/pki/ca.crt"
KUBECONFIG_FILE = "/etc/kubernetes/kubelet.conf"
CONFIG_FILE = "/var/lib/kubelet/config.yaml"
FLAGS_FILE = "/var/lib/kubelet/kubeadm-flags.env"
CLIENT_PAIR = "/var/lib/kubelet/pki/kubelet-client-current.pem"  # the kubelet's own name; it points it to newer pairs
FIRST_CLIENT_PAIR = "/var/lib/kubelet/pki/kubelet-client-first.pem"
# The kubelet looks here while it has no kubelet-server-current.pem, that is until it renewed for the first time.
SERVING_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-server.crt"
SERVING_KEY = "/var/lib/kubelet/pki/kubelet-server.key"
CRI_SOCKET = "unix:///run/containerd/containerd.sock"
NODE_GROUP_LABEL = "navarch.io/node-group"

CIPHER_SUITES = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
)
"""For clients of TLS 1.2; all keys of a cluster are ECDSA. TLS 1.3 has its own, which nobody chooses."""

# When its machine is shut down, a worker's kubelet ends pods by their grace: 30 seconds at most, then 10 for what is
# critical to the node. Nova cuts the power after 60. Not on control-plane machines, where it would end the API server
# and etcd at the same time: these have navarch-leave.service.
_GRACEFUL_SHUTDOWN = {"shutdownGracePeriod": "40s", "shutdownGracePeriodCriticalPods": "10s"}

# A kubelet may not label itself within these domains, but for what NodeRestriction allows it.
_RESERVED_DOMAINS = ("kubernetes.io", "k8s.io")
_OWN_DOMAINS = ("node.kubernetes.io", "kubelet.kubernetes.io")


@dataclass(frozen=True, slots=True)
class Argument:
    """A command line flag, without its dashes."""

    name: str
    value: str


def identity_files(
    secrets: ClusterSecrets, *, node: str, address: str, api_url: str, now: datetime
) -> tuple[tuple[str, str, str], ...]:
    """(path, mode, content) of the cluster's CA and of the kubelet's two certificates and its kubeconfig, which speaks
    to `api_url`."""
    certificate, key = issue_client_certificate(
        secrets, user=f"system:node:{node}", groups=("system:nodes",), ttl=KUBELET_LIFETIME, now=now
    )
    serving, serving_key = issue_kubelet_serving_certificate(secrets, node=node, address=address, now=now)
    return (
        (CA_FILE, "0644", secrets.ca_cert),
        (FIRST_CLIENT_PAIR, "0600", certificate + key),
        (SERVING_CERTIFICATE, "0644", serving),
        (SERVING_KEY, "0600", serving_key),
        (KUBECONFIG_FILE, "0600", node_kubeconfig(secrets, node, api_url)),
    )


def node_kubeconfig(secrets: ClusterSecrets, node: str, api_url: str) -> str:
    """A kubeconfig that names the kubelet's current pair of certificate and key, and holds no key itself."""
    pair = {"client-certificate": CLIENT_PAIR, "client-key": CLIENT_PAIR}
    return render_kubeconfig("kubernetes", api_url, secrets.ca_cert, f"system:node:{node}", pair)


def kubelet_configuration(cluster: Cluster) -> dict[str, object]:
    """The KubeletConfiguration of every machine of the cluster."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": CA_FILE},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [cluster.spec.network.dns_address],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": CRI_SOCKET,
        # What one pod may start, so that a fork bomb ends its own pod and not the node.
        "podPidsLimit": 4096,
        "kubeReserved": {"cpu": "50m", "memory": "150Mi"},
        "rotateCertificates": True,
        "seccompDefault": True,
        "serverTLSBootstrap": True,
        # The kubelet's own default, said: kubeadm writes what is left out as 0s, which reads as "never".
        "streamingConnectionIdleTimeout": "4h0m0s",
        "systemReserved": {"cpu": "50m", "memory": "100Mi"},
        "tlsCipherSuites": list(CIPHER_SUITES),
        "tlsMinVersion": "VersionTLS12",
    }


def worker_configuration(cluster: Cluster) -> str:
    """config.yaml of a worker's kubelet."""
    return yaml_text(kubelet_configuration(cluster) | _GRACEFUL_SHUTDOWN, sort_keys=True)


def node_arguments(machine: Machine, *, address: str) -> tuple[Argument, ...]:
    """The kubelet's flags for this one node: its name, its address, its labels and the taints it begins with."""
    labels = ",".join(f"{key}={value}" for key, value in _labels(machine))
    arguments = [
        Argument("cloud-provider", "external"),
        Argument("hostname-override", machine.name),
        Argument("node-ip", address),
        Argument("node-labels", labels),
    ]
    if machine.role is Role.CONTROL_PLANE:
        # kubeadm taints the node once it is there; until then nothing may slip onto it.
        arguments.append(Argument("register-with-taints", "node-role.kubernetes.io/control-plane=:NoSchedule"))
    elif machine.template.taints:
        taints = ",".join(f"{taint.key}={taint.value}:{taint.effect}" for taint in machine.template.taints)
        arguments.append(Argument("register-with-taints", taints))
    return tuple(arguments)


def flags_file(arguments: tuple[Argument, ...]) -> str:
    """The environment file that kubelet.service reads its flags from, as kubeadm would write it."""
    flags = " ".join(f"--{argument.name}={argument.value}" for argument in arguments)
    return f'KUBELET_KUBEADM_ARGS="{flags}"\n'


def _labels(machine: Machine) -> list[tuple[str, str]]:
    kept = {key: value for key, value in machine.template.labels if _may_set(key)}
    own = {NODE_GROUP_LABEL: machine.group, **component_labels(machine.template.release.tags)}
    # kubeadm sets the control plane's once the node is there, and Services' balancers have every node as a member from
    # the moment that it registers: long before its kube-proxy runs.
    own[NOT_BEHIND_SERVICES] = "" if machine.role is Role.CONTROL_PLANE else STARTING
    return sorted({**kept, **own}.items())


def _may_set(label: str) -> bool:
    domain, slash, _ = label.partition("/")
    if not slash or _within(domain, _OWN_DOMAINS):
        return True
    return not _within(domain, _RESERVED_DOMAINS)


def _within(domain: str, parents: tuple[str, ...]) -> bool:
    return any(domain == parent or domain.endswith(f".{parent}") for parent in parents)
