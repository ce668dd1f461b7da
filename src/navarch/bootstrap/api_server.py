"""The API server as Navarch wants it, beside what kubeadm sets: its arguments and the files that they name, which say
who may be anonymous, what pods may ask for, what is encrypted, what is audited."""

from datetime import datetime

from navarch.bootstrap import authorization
from navarch.bootstrap.authorization import FOLDER as FOLDER
from navarch.bootstrap.kubelet import CA_FILE, CIPHER_SUITES
from navarch.bootstrap.pki import ClusterSecrets
from navarch.bootstrap.yaml_text import yaml_text
from navarch.domain.spec import Cluster

AUTHENTICATION_FILE = f"{FOLDER}/authentication.yaml"
ENCRYPTION_FILE = f"{FOLDER}/encryption.yaml"
AUDIT_POLICY_FILE = f"{FOLDER}/audit-policy.yaml"
ADMISSION_FILE = f"{FOLDER}/admission.yaml"
AUDIT_LOG_FOLDER = "/var/log/kubernetes/audit"


def api_server_arguments(cluster: Cluster) -> dict[str, str]:
    """Flags of kube-apiserver, without their dashes."""
    arguments = {
        "audit-log-maxage": "30",  # days
        "audit-log-maxbackup": "10",
        "audit-log-maxsize": "100",  # MiB
        "audit-log-path": f"{AUDIT_LOG_FOLDER}/audit.log",
        "admission-control-config-file": ADMISSION_FILE,
        "audit-policy-file": AUDIT_POLICY_FILE,
        "authentication-config": AUTHENTICATION_FILE,
        "authorization-config": authorization.CONFIGURATION_FILE,
        # kubeadm's own and one more: who may make Services does not take any address inside the cluster for it.
        "enable-admission-plugins": "NodeRestriction,DenyServiceExternalIPs",
        "enable-bootstrap-token-auth": "false",
        "encryption-provider-config": ENCRYPTION_FILE,
        "kubelet-certificate-authority": CA_FILE,
        "profiling": "false",
        # A pod's token is good for an hour and not for a year: every client of today reads it anew.
        "service-account-extend-token-expiration": "false",
        # Asked to end, it is not ready from then on and its address leaves the Service `kubernetes`, but it serves
        # until nodes and balancers that ask /readyz have noticed. Balancers that only connect notice when it listens no
        # longer.
        "shutdown-delay-duration": "5s",
        # Then whoever comes on an open connection is sent elsewhere. Without it, a server that has a watch open stays
        # for the 60 seconds of the request time-out and answers nobody.
        "shutdown-send-retry-after": "true",
        "tls-cipher-suites": ",".join(CIPHER_SUITES),
        "tls-min-version": "VersionTLS12",
    }
    if cluster.spec.control_plane.replicas > 1:
        # Clients keep connections for ever; now and then one is asked to reconnect, so that all servers get some.
        arguments["goaway-chance"] = "0.001"
    return arguments


def api_server_files(secrets: ClusterSecrets, now: datetime, pod_security: str) -> tuple[tuple[str, str, str], ...]:
    """(path, mode, content) of each file that the arguments name."""
    return (
        (AUTHENTICATION_FILE, "0600", yaml_text(_AUTHENTICATION)),
        (ENCRYPTION_FILE, "0600", yaml_text(_encryption(secrets))),
        (AUDIT_POLICY_FILE, "0600", yaml_text(_AUDIT_POLICY)),
        (ADMISSION_FILE, "0600", yaml_text(_admission(pod_security))),
        *authorization.authorization_files(secrets, now),
    )


# The kubelet's probes of the API server, and health monitors that ask a path, carry no credentials.
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


def _admission(pod_security: str) -> dict[str, object]:
    """`pod_security`: what pods are held to where their namespace says nothing: privileged, baseline or restricted. Of
    workloads whose pods would be refused, their maker is warned; what `restricted` would refuse is in the audit log."""
    audit = "privileged" if pod_security == "privileged" else "restricted"
    levels = {"enforce": pod_security, "warn": pod_security, "audit": audit}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [
            {
                "name": "PodSecurity",
                "configuration": {
                    "apiVersion": "pod-security.admission.config.k8s.io/v1",
                    "kind": "PodSecurityConfiguration",
                    "defaults": {**levels, **{f"{mode}-version": "latest" for mode in levels}},
                    "exemptions": {"namespaces": ["kube-system"]},
                },
            }
        ],
    }


# First match wins. Who did what to which object; never what is inside, so that the log holds no secrets.
#
# Reads of secrets and ways into pods come before the rules that leave things out: they are what a stolen identity of a
# kubelet or of a system pod is used for.
_TELLING: dict[str, list[str]] = {
    "": [
        "secrets",
        "serviceaccounts/token",
        "pods/attach",
        "pods/ephemeralcontainers",
        "pods/exec",
        "pods/portforward",
        "pods/proxy",
        "services/proxy",
        "nodes/proxy",
    ],
    "certificates.k8s.io": ["certificatesigningrequests", "certificatesigningrequests/approval"],
}
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi*"]},
        {
            "level": "Metadata",
            "resources": [{"group": group, "resources": names} for group, names in _TELLING.items()],
        },
        {
            "level": "None",
            "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}],
        },
        {"level": "None", "resources": [{"group": "", "resources": ["events"]}, {"group": "events.k8s.io"}]},
        # Once a second, and nothing else.
        {"level": "None", "users": [authorization.NAME], "verbs": ["get"]},
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
