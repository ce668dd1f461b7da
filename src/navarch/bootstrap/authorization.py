"""Who the API server asks whether a request is allowed: first an authorizer that takes away what RBAC cannot, then the
authorizer of nodes, then RBAC.

RBAC only adds: who may edit everywhere may edit in kube-system, too, and who has a certificate has it until it ends. So
the API server asks beforehand about everything that kubeconfigs of Navarch's are used for, which may have been revoked,
and about certain requests of the roles `edit` and `view`. It decides by itself which, with the expressions below; of
the latter the answer is always no (machine/authorizer). Where nobody answers they are refused as well.
"""

from datetime import datetime

from navarch.bootstrap.kubeconfig import render_kubeconfig
from navarch.bootstrap.pki import ClusterSecrets, issue_serving_certificate
from navarch.bootstrap.yaml_text import yaml_text
from navarch.domain.kubeconfigs import GROUP_PREFIX

FOLDER = "/etc/kubernetes/navarch"
CONFIGURATION_FILE = f"{FOLDER}/authorization.yaml"
CERTIFICATE_FILE, KEY_FILE = f"{FOLDER}/authorizer.crt", f"{FOLDER}/authorizer.key"
PORT = 10270  # on the loopback

NAME = "authorizer.navarch.internal"
"""Of no API server and no kubelet: nothing else can answer for it. Also the user as whom it reads what was revoked."""

_RESERVED_FILE, _REVOKED_FILE = f"{FOLDER}/authorizer.conf", f"{FOLDER}/revoked.conf"
_CACHED = "2s"  # an answer, by the API server
_KUBECONFIGS = (f"request.groups.exists(g, g.startsWith('{GROUP_PREFIX}'))",)

_REQUEST = "request.resourceAttributes"
_RESERVED = (
    f"has({_REQUEST})",
    "request.groups.exists(g, g in ['navarch:editors', 'navarch:viewers'])",
    "!('navarch:admins' in request.groups)",
    # Acting as a service account, whichever it is: one of another namespace may be an administrator.
    f"{_REQUEST}.verb == 'impersonate' ||"
    f" ({_REQUEST}.resource == 'serviceaccounts' && {_REQUEST}.subresource == 'token') ||"
    # Secrets of all namespaces at once.
    f" ({_REQUEST}.namespace == '' && {_REQUEST}.resource == 'secrets') ||"
    # In the cluster's own namespaces all but looking, and of Secrets that, too.
    f" (({_REQUEST}.namespace.startsWith('kube-') || {_REQUEST}.namespace.startsWith('navarch-')) &&"
    f" ({_REQUEST}.resource == 'secrets' ||"
    f" !({_REQUEST}.verb in ['get', 'list', 'watch']) ||"
    f" {_REQUEST}.subresource in ['attach', 'exec', 'portforward', 'proxy']))",
)


def authorization_files(secrets: ClusterSecrets, now: datetime) -> tuple[tuple[str, str, str], ...]:
    """(path, mode, content) of the configuration, the ways to the authorizer, and its certificate and key."""
    certificate, key = issue_serving_certificate(secrets, name=NAME, now=now, asks_too=True)
    return (
        (CONFIGURATION_FILE, "0600", yaml_text(_CONFIGURATION, width=10_000)),
        (_RESERVED_FILE, "0600", _way(secrets, "")),
        (_REVOKED_FILE, "0600", _way(secrets, "kubeconfigs")),
        (CERTIFICATE_FILE, "0644", certificate),
        (KEY_FILE, "0600", key),
    )


def _way(secrets: ClusterSecrets, path: str) -> str:
    return render_kubeconfig("authorizer", f"https://127.0.0.1:{PORT}/{path}", secrets.ca_cert, "api-server", {}, NAME)


def _webhook(name: str, file: str, asked_about: tuple[str, ...]) -> dict[str, object]:
    return {
        "type": "Webhook",
        "name": name,
        "webhook": {
            "timeout": "3s",
            "subjectAccessReviewVersion": "v1",
            "matchConditionSubjectAccessReviewVersion": "v1",
            "failurePolicy": "Deny",
            "authorizedTTL": _CACHED,
            "unauthorizedTTL": _CACHED,  # also of "nothing against it"
            "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": file},
            "matchConditions": [{"expression": expression} for expression in asked_about],
        },
    }


_CONFIGURATION = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "AuthorizationConfiguration",
    "authorizers": [
        _webhook("navarch-kubeconfigs", _REVOKED_FILE, _KUBECONFIGS),
        _webhook("navarch", _RESERVED_FILE, _RESERVED),
        {"type": "Node", "name": "node"},
        {"type": "RBAC", "name": "rbac"},
    ],
}
