"""Files of the API server that kubeadm does not write: who may be anonymous, what is encrypted, what is audited."""

from navarch.bootstrap.pki import ClusterSecrets
from navarch.bootstrap.yaml_text import yaml_text

FOLDER = "/etc/kubernetes/navarch"
AUTHENTICATION_FILE = f"{FOLDER}/authentication.yaml"
ENCRYPTION_FILE = f"{FOLDER}/encryption.yaml"
AUDIT_POLICY_FILE = f"{FOLDER}/audit-policy.yaml"
AUDIT_LOG_FOLDER = "/var/log/kubernetes/audit"


def api_server_files(secrets: ClusterSecrets) -> tuple[tuple[str, str, str], ...]:
    """(path, mode, content) of the three."""
    return (
        (AUTHENTICATION_FILE, "0600", yaml_text(_AUTHENTICATION)),
        (ENCRYPTION_FILE, "0600", yaml_text(_encryption(secrets))),
        (AUDIT_POLICY_FILE, "0600", yaml_text(_AUDIT_POLICY)),
    )


# The kubelet's probes of the API server, and balancers' health monitors, carry no credentials.
_AUTHENTICATION = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "AuthenticationConfiguration",
    "anonymous": {"enabled": True, "conditions": [{"path": path} for path in ("/livez", "/readyz", "/healthz")]},
}


def _encryption(secrets: ClusterSecrets) -> dict[str, object]:
    key = {"name": "key1", "secret": secrets.encryption_key}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": [{"secretbox": {"keys": [key]}}, {"identity": {}}]}],
    }


# First match wins. Who did what to which object; never what is inside, so that the log holds no secrets.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi*"]},
        {
            "level": "None",
            "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}],
        },
        {"level": "None", "resources": [{"group": "", "resources": ["events"]}, {"group": "events.k8s.io"}]},
        {
            # What the cluster's own parts read all day.
            "level": "None",
            "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"],
            "verbs": ["get", "list", "watch"],
        },
        {
            "level": "None",
            "users": ["system:kube-scheduler", "system:kube-controller-manager", "system:apiserver"],
            "verbs": ["get", "list", "watch"],
        },
        {
            "level": "Request",
            "verbs": ["create", "update", "patch", "delete"],
            "resources": [
                {"group": "rbac.authorization.k8s.io"},
            ],
        },
        {"level": "Metadata"},
    ],
}
