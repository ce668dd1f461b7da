"""Kubeconfigs: always with a short-lived client certificate inside, never kept anywhere by Navarch."""

import base64
from datetime import datetime, timedelta

from cryptography import x509

from navarch.bootstrap.pki import ClusterSecrets, issue_client_certificate
from navarch.bootstrap.yaml_text import yaml_text
from navarch.domain.kubeconfigs import GROUP_PREFIX

# Bound to the cluster role cluster-admin by kubeadm. Unlike system:masters, an administrator can take the binding away.
ADMIN_GROUP = "kubeadm:cluster-admins"
# kubeadm puts it into every API server's certificate. The public address is in there as well, but it may change: a
# floating address that somebody released comes back as another one.
SERVER_NAME = "kubernetes"
NAVARCH_USER = "navarch"
NAVARCH_TTL = timedelta(hours=1)


def kubeconfig(
    secrets: ClusterSecrets,
    *,
    cluster_name: str,
    url: str,
    user: str,
    groups: tuple[str, ...],
    kubeconfig_id: str,
    ttl: timedelta,
    now: datetime,
) -> tuple[str, datetime]:
    """A kubeconfig (YAML) for `user` as a member of `groups`, and of one that says its id, by which it can be
    revoked; and when it expires. It expects the cluster's own name of the API server, whatever address the URL holds.
    """
    certificate, key = issue_client_certificate(
        secrets, user=user, groups=(*groups, GROUP_PREFIX + kubeconfig_id), ttl=ttl, now=now
    )
    expires = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    credentials = {"client-certificate-data": _base64(certificate), "client-key-data": _base64(key)}
    return render_kubeconfig(cluster_name, url, secrets.ca_cert, user, credentials, SERVER_NAME), expires


def admin_access(secrets: ClusterSecrets, now: datetime) -> tuple[str, str, str]:
    """Navarch's own way in, for one hour: PEMs of the authority, of a client certificate and of its key.

    In the group system:masters, because it applies add-ons before kubeadm has bound any other group to a role.
    """
    certificate, key = issue_client_certificate(
        secrets, user=NAVARCH_USER, groups=("system:masters",), ttl=NAVARCH_TTL, now=now
    )
    return secrets.ca_cert, certificate, key


def render_kubeconfig(
    cluster_name: str, url: str, ca: str, user: str, credentials: dict[str, str], server_name: str = ""
) -> str:
    """A kubeconfig with one cluster, one user and one context. `credentials` are the user's fields; `server_name` is
    expected of the server's certificate instead of the URL's."""
    cluster = {"server": url, "certificate-authority-data": _base64(ca)}
    if server_name:
        cluster["tls-server-name"] = server_name
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster_name, "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": cluster_name, "context": {"cluster": cluster_name, "user": user}}],
        "current-context": cluster_name,
    }
    return yaml_text(document, width=10_000)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
