"""kubeadm's configuration for control-plane machines. Read against kubeadm 1.37.

What matters and is not obvious:
- Preflight checks are skipped. The node image is ours and known; they cost a second and would have to be told about
  system containers.
- During init kubeadm speaks to the machine's own API server only. kubelet.conf would make the kubelet use the balancer
  though, which passes no traffic before the API answers: it is placed beforehand and names the machine's own address.
- The bootstrap-token phase also binds the roles by which kubelets renew certificates and the API server reaches
  kubelets, so it runs; the token that it insists on ends within a second, and API servers accept no such tokens.
- CoreDNS and kube-proxy are add-ons like the others, applied from outside.
"""

from navarch.bootstrap import api_server
from navarch.bootstrap.kubelet import CA_FILE, CRI_SOCKET, Argument, kubelet_configuration
from navarch.bootstrap.pki import KUBELET_LIFETIME
from navarch.bootstrap.yaml_text import yaml_text
from navarch.domain.spec import API_PORT, Cluster

INIT_FILE = f"{api_server.FOLDER}/kubeadm-init.yaml"
JOIN_FILE = f"{api_server.FOLDER}/kubeadm-join.yaml"
DISCOVERY_FILE = f"{api_server.FOLDER}/discovery.conf"
ETCD_DATA = "/var/lib/etcd/member"  # a folder below the mount point: lost+found is no member's data
IMAGE_REPOSITORY = "registry.navarch.internal"
# The first try comes before the API server has made its roles; by default the second is 2 to 4 seconds later.
ELECTION_RETRY = "1s"

_API = "kubeadm.k8s.io/v1beta4"
_GIB = 1 << 30


def init_configuration(
    cluster: Cluster,
    *,
    kubernetes_version: str,
    node: str,
    address: str,
    arguments: tuple[Argument, ...],
    api_internal_address: str,
    api_public_address: str | None,
    etcd_version: str,
    coredns_version: str,
) -> str:
    """For the first control-plane machine, and for one that finds its member's data: `kubeadm init --config`."""
    sans = ["localhost", "127.0.0.1", api_internal_address]
    if api_public_address:
        sans.append(api_public_address)
    init = {
        "apiVersion": _API,
        "kind": "InitConfiguration",
        "bootstrapTokens": [{"ttl": "1s"}],
        "localAPIEndpoint": {"advertiseAddress": address, "bindPort": API_PORT},
        "nodeRegistration": _node_registration(node, arguments),
        "skipPhases": ["preflight", "addon", "kubelet-finalize", "show-join-command"],
    }
    network = cluster.spec.network
    config = {
        "apiVersion": _API,
        "kind": "ClusterConfiguration",
        "clusterName": "kubernetes",
        "kubernetesVersion": f"v{kubernetes_version}",
        "controlPlaneEndpoint": f"{api_internal_address}:{API_PORT}",
        "imageRepository": IMAGE_REPOSITORY,
        "encryptionAlgorithm": "ECDSA-P256",
        "networking": {
            "podSubnet": network.pod_cidr,
            "serviceSubnet": network.service_cidr,
            "dnsDomain": "cluster.local",
        },
        "dns": {"imageTag": coredns_version},
        "etcd": {
            "local": {
                "imageTag": etcd_version,
                "dataDir": ETCD_DATA,
                "extraArgs": _arguments(_etcd_arguments(cluster)),
            }
        },
        "apiServer": {
            "certSANs": sans,
            "extraArgs": _arguments(api_server.api_server_arguments(cluster)),
            "extraVolumes": [
                {
                    "name": "navarch",
                    "hostPath": api_server.FOLDER,
                    "mountPath": api_server.FOLDER,
                    "readOnly": True,
                    "pathType": "Directory",
                },
                {
                    "name": "audit",
                    "hostPath": api_server.AUDIT_LOG_FOLDER,
                    "mountPath": api_server.AUDIT_LOG_FOLDER,
                    "readOnly": False,
                    "pathType": "DirectoryOrCreate",
                },
            ],
        },
        "controllerManager": {
            "extraArgs": _arguments(
                {
                    # Calico hands out pod addresses from pools of its own.
                    "allocate-node-cidrs": "false",
                    "cluster-signing-duration": f"{KUBELET_LIFETIME.days * 24}h",
                    # At its start it asks for an account and a token for each of its forty controllers: at the default
                    # of 20 requests a second, a new cluster stands still for five seconds.
                    "kube-api-burst": "200",
                    "kube-api-qps": "100",
                    "leader-elect-retry-period": ELECTION_RETRY,
                    "profiling": "false",
                    "terminated-pod-gc-threshold": "1000",
                    "tls-min-version": "VersionTLS12",
                }
            )
        },
        "scheduler": {
            "extraArgs": _arguments(
                {
                    "leader-elect-retry-period": ELECTION_RETRY,
                    "profiling": "false",
                    "tls-min-version": "VersionTLS12",
                }
            )
        },
    }
    return yaml_text(init, config, kubelet_configuration(cluster))


def join_configuration(*, node: str, address: str, arguments: tuple[Argument, ...]) -> str:
    """For every further control-plane machine: `kubeadm join --config`. The discovery file holds the node's own
    identity, which may read kubeadm's configuration; what kubeadm does as administrator it does with an admin.conf
    that it makes from the CA key on the machine."""
    join = {
        "apiVersion": _API,
        "kind": "JoinConfiguration",
        "caCertPath": CA_FILE,
        "controlPlane": {"localAPIEndpoint": {"advertiseAddress": address, "bindPort": API_PORT}},
        "discovery": {"file": {"kubeConfigPath": DISCOVERY_FILE}},
        "nodeRegistration": _node_registration(node, arguments),
        # The check of etcd's health fails while a member is away, as when this machine takes over that member's disk.
        "skipPhases": ["preflight", "check-etcd"],
    }
    return yaml_text(join)


def _node_registration(node: str, arguments: tuple[Argument, ...]) -> dict[str, object]:
    return {
        "name": node,
        "criSocket": CRI_SOCKET,
        "imagePullPolicy": "IfNotPresent",
        "kubeletExtraArgs": [{"name": argument.name, "value": argument.value} for argument in arguments],
    }


def _etcd_arguments(cluster: Cluster) -> dict[str, str]:
    # etcd's own advice ends at 8 GiB; below, leave room for the log and a defragmentation.
    quota = min(8 * _GIB, cluster.spec.control_plane.etcd_volume.size_gib * _GIB * 7 // 10)
    return {
        "quota-backend-bytes": str(quota),
        # Members may be in different zones: a slow disk or link for a moment must not cost an election.
        "election-timeout": "2000",  # milliseconds
        "heartbeat-interval": "200",  # milliseconds
    }


def _arguments(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": values[name]} for name in sorted(values)]
