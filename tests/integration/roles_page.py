"""docs/guide/roles.md: what each role of a kubeconfig may do, as the API server itself answers.

    python -m tests.integration.roles_page      writes the tables anew

`kubectl auth can-i --list` knows RBAC alone; these are answers to SelfSubjectAccessReviews, for which everybody is
asked who is asked about a request.
"""

import tempfile
import time
from pathlib import Path

from tests.integration.guarded_cluster import furnish
from tests.integration.kube_apiserver import ApiServer, Client, api_server

PAGE = Path(__file__).parents[2] / "docs/guide/roles.md"
MARK = "<!-- From here on made by tests/integration/roles_page.py. -->\n"
ROLES = {"admin": "navarch:admins", "edit": "navarch:editors", "view": "navarch:viewers"}

# (heading, question, verb, group/resource[/subresource], namespace)
QUESTIONS: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (
    (
        "In a namespace of one's own",
        (
            ("see pods, workloads, ConfigMaps, logs", "get", "/pods/log", "shop"),
            ("see what it uses (metrics)", "get", "metrics.k8s.io/pods", "shop"),
            ("make and change workloads", "create", "apps/deployments", "shop"),
            ("make pods", "create", "/pods", "shop"),
            ("enter pods, copy files, forward ports", "create", "/pods/exec", "shop"),
            ("read Secrets", "get", "/secrets", "shop"),
            ("write Secrets", "create", "/secrets", "shop"),
            ("Services, also with a load balancer", "create", "/services", "shop"),
            ("claims for volumes", "create", "/persistentvolumeclaims", "shop"),
            ("network policies", "create", "networking.k8s.io/networkpolicies", "shop"),
            ("see roles and who has them", "get", "rbac.authorization.k8s.io/rolebindings", "shop"),
            ("give roles to others", "create", "rbac.authorization.k8s.io/rolebindings", "shop"),
            ("quotas and limits", "create", "/resourcequotas", "shop"),
            ("a token of a service account", "create", "/serviceaccounts/token", "shop"),
            ("act as a service account", "impersonate", "/serviceaccounts", "shop"),
        ),
    ),
    (
        "In all namespaces at once",
        (
            ("list pods", "list", "/pods", ""),
            ("list Secrets", "list", "/secrets", ""),
            ("make and remove namespaces", "create", "/namespaces", ""),
        ),
    ),
    (
        "In kube-system",
        (
            ("see pods and logs", "get", "/pods/log", "kube-system"),
            ("see ConfigMaps", "get", "/configmaps", "kube-system"),
            ("read Secrets, the cloud's credentials among them", "get", "/secrets", "kube-system"),
            ("make or remove pods", "create", "/pods", "kube-system"),
            ("enter pods, forward ports", "create", "/pods/exec", "kube-system"),
            ("the same over a websocket", "get", "/pods/exec", "kube-system"),
            ("change workloads", "patch", "apps/daemonsets", "kube-system"),
            ("a token of a service account", "create", "/serviceaccounts/token", "kube-system"),
            ("act as a service account", "impersonate", "/serviceaccounts", "kube-system"),
            ("take leases, as of leader elections", "update", "coordination.k8s.io/leases", "kube-system"),
        ),
    ),
    (
        "The cluster",
        (
            ("see nodes, volumes, storage classes", "list", "/nodes", ""),
            ("change nodes: cordon, labels, taints", "patch", "/nodes", ""),
            ("the kubelets' own API", "get", "/nodes/proxy", ""),
            ("leases of nodes", "delete", "coordination.k8s.io/leases", "kube-node-lease"),
            ("storage classes", "create", "storage.k8s.io/storageclasses", ""),
            ("see definitions of kinds", "list", "apiextensions.k8s.io/customresourcedefinitions", ""),
            ("define kinds", "create", "apiextensions.k8s.io/customresourcedefinitions", ""),
            ("admission policies", "create", "admissionregistration.k8s.io/validatingadmissionpolicies", ""),
            ("approve certificates", "update", "certificates.k8s.io/certificatesigningrequests/approval", ""),
            ("cluster roles", "create", "rbac.authorization.k8s.io/clusterrolebindings", ""),
            ("act as another user", "impersonate", "/users", ""),
            ("pass the guard rails", "bypass", "navarch.io/guardrails", ""),
        ),
    ),
)  # fmt: skip


def page(kube: ApiServer) -> str:
    """The page: what people wrote, and what the server answers."""
    people = {role: kube.user(f"some-{role}", group) for role, group in ROLES.items()}
    parts = [PAGE.read_text().partition(MARK)[0], MARK]
    for heading, questions in QUESTIONS:
        parts.append(f"\n## {heading}\n\n| | {' | '.join(ROLES)} |\n| --- |{' --- |' * len(ROLES)}\n")
        for words, verb, resource, where in questions:
            answers = ("yes" if may(who, verb, resource, where) else "no" for who in people.values())
            parts.append(f"| {words} | {' | '.join(answers)} |\n")
    return "".join(parts)


def may(who: Client, verb: str, resource: str, where: str) -> bool:
    """Whether somebody may, by their own question."""
    group, plural, subresource = [*resource.split("/"), ""][:3]
    attributes = {"verb": verb, "group": group, "resource": plural, "subresource": subresource, "namespace": where}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    answer = who.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    assert answer.status_code == 201, answer.text
    return bool(answer.json()["status"]["allowed"])


def settle(kube: ApiServer) -> None:
    """Wait until Kubernetes' own roles are put together, as a controller does."""
    end = time.monotonic() + 60
    while not may(kube.user("some-edit", "navarch:editors"), "create", "apps/deployments", "shop"):
        assert time.monotonic() < end, "the roles were never put together"
        time.sleep(0.2)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="navarch-kube-") as folder, api_server(Path(folder)) as kube:
        furnish(kube)
        with kube.controllers("clusterrole-aggregation-controller"):
            settle(kube)
            PAGE.write_text(page(kube))


if __name__ == "__main__":
    main()
