"""Who the API server asks whether a request is allowed: first an authorizer that takes away what RBAC cannot, then the
authorizer of nodes, then RBAC.

RBAC only adds: who may edit everywhere may edit in kube-system, too. So the API server asks about certain requests of
the roles `edit` and `view` beforehand. It decides by itself which, with the expressions below; the answer is always no
(machine/authorizer). Where nobody answers they are refused as well.
"""

from datetime import datetime

from navarch.bootstrap.kubeconfig import render_kubeconfig
from navarch.bootstrap.pki import ClusterSecrets, issue_serving_certificate
from navarch.bootstrap.yaml_text import yaml_text

FOLDER = "/etc/kubernetes/navarch"
CONFIGURATION_FILE = f"{FOLDER}/authorization.yaml"
CERTIFICATE_FILE, KEY_FILE = f"{FOLDER}/authorizer.crt", f"{FOLDER}/authorizer.key"
PORT = 10270  # on the loopback

_KUBECONFIG_FILE = f"{FOLDER}/authorizer.conf"
_NAME = "authorizer.navarch.internal"  # of no API server and no kubelet: nothing else can answer for it

_REQUEST = "request.resourceAttributes"
_ASKED_ABOUT = (
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
    """(path, mode, content) of the configuration, the way to the authorizer, and its certificate and key."""
    certificate, key = issue_serving_certificate(secrets, name=_NAME, now=now)
    way = render_kubeconfig("authorizer", f"https://127.0.0.1:{PORT}/", secrets.ca_cert, "api-server", {}, _NAME)
    return (
        (CONFIGURATION_FILE, "0600", yaml_text(_CONFIGURATION, width=10_000)),
        (_KUBECONFIG_FILE, "0600", way),
        (CERTIFICATE_FILE, "0644", certificate),
        (KEY_FILE, "0600", key),
    )


_CONFIGURATION = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "AuthorizationConfiguration",
    "authorizers": [
        {
            "type": "Webhook",
            "name": "navarch",
            "webhook": {
                "timeout": "3s",
                "subjectAccessReviewVersion": "v1",
                "matchConditionSubjectAccessReviewVersion": "v1",
                "failurePolicy": "Deny",
                "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": _KUBECONFIG_FILE},
                "matchConditions": [{"expression": expression} for expression in _ASKED_ABOUT],
            },
        },
        {"type": "Node", "name": "node"},
        {"type": "RBAC", "name": "rbac"},
    ],
}
