"""Sections 3.1, 4.3 and 5: roles, pods and policies of a cluster, as its API tells of them."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from proofs.cis.seen import Check, Cluster

Object = Mapping[str, Any]

ADMINISTRATORS = {"system:masters", "kubeadm:cluster-admins", "navarch:admins"}
# Their pods speak to the API server; others have no token.
SPEAK = {
    "calico-kube-controllers",
    "calico-node",
    "coredns",
    "csi-cinder-controllerplugin",
    "kube-proxy",
    "metrics-server",
    "openstack-cloud-controller-manager",
}
# They program the machine's network, or mount for other pods.
PRIVILEGED = {"calico-node", "csi-cinder-nodeplugin", "kube-proxy"}


def name(made: Object) -> str:
    """An object's name."""
    return str(made["metadata"]["name"])


def workload(pod: Object) -> str:
    """What a pod is one of: its name without what its controller added, or without the versions that an agent of every
    node has in its name; empty for a static pod."""
    owners = [o for o in pod["metadata"].get("ownerReferences", ()) if o.get("controller")]
    if not owners or owners[0]["kind"] == "Node":
        return ""
    owner = str(owners[0]["name"])
    if owners[0]["kind"] == "DaemonSet":
        return str(pod["metadata"].get("labels", {}).get("navarch.io/agent", owner))
    return owner.rpartition("-")[0] if owners[0]["kind"] == "ReplicaSet" else owner


def system_pods(cluster: Cluster) -> Iterator[tuple[str, Object]]:
    """(workload, pod) in kube-system, without static pods."""
    for pod in cluster.of("pods"):
        if pod["metadata"]["namespace"] == "kube-system" and (of := workload(pod)):
            yield of, pod


def rules(cluster: Cluster, verbs: set[str], resource: str, group: str = "") -> set[str]:
    """Names of cluster roles that allow one of the verbs on a resource."""
    found = set()
    for role in cluster.of("clusterroles"):
        for rule in role.get("rules") or ():
            groups, resources = set(rule.get("apiGroups", ())), set(rule.get("resources", ()))
            if groups & {group, "*"} and resources & {resource, "*"} and set(rule.get("verbs", ())) & {*verbs, "*"}:
                found.add(name(role))
    return found


def holders(cluster: Cluster, roles: set[str]) -> set[str]:
    """Whom cluster roles are bound to everywhere, but for the controller manager's own controllers."""
    found = set()
    for binding in cluster.of("clusterrolebindings"):
        if binding["roleRef"]["name"] not in roles or binding["roleRef"]["name"].startswith("system:controller:"):
            continue
        for subject in binding.get("subjects") or ():
            where = f"{subject['namespace']}/" if "namespace" in subject else ""
            found.add(f"{where}{subject['name']}")
    return found


def strangers(allowed: set[str], verbs: set[str], resource: str, group: str = "") -> Callable[[Cluster], str]:
    """Nobody else may do this everywhere; Kubernetes' own users and groups may what it gives them."""

    def wrong(cluster: Cluster) -> str:
        if not cluster.of("clusterroles"):
            return "no roles were read"
        who = holders(cluster, rules(cluster, verbs, resource, group)) - allowed
        return ", ".join(sorted(w for w in who if not w.startswith("system:")))

    return wrong


def administrators(cluster: Cluster) -> str:
    """Who has cluster-admin."""
    who = holders(cluster, {"cluster-admin"})
    return "nobody: nothing was read" if not who else ", ".join(sorted(who - ADMINISTRATORS))


def wildcards(cluster: Cluster) -> str:
    """Roles that allow everything of something, but for Kubernetes' own."""
    found = set()
    for role in cluster.of("clusterroles"):
        own = name(role).startswith("system:") or name(role) == "cluster-admin"
        for rule in role.get("rules") or ():
            if not own and "*" in (*rule.get("verbs", ()), *rule.get("resources", ())):
                found.add(name(role))
    return ", ".join(sorted(found))


def default_account(cluster: Cluster) -> str:
    """The account that pods have without asking has no role."""
    found = [
        f"{s['namespace']}: {name(binding)}"
        for binding in (*cluster.of("clusterrolebindings"), *cluster.of("rolebindings"))
        for s in binding.get("subjects") or ()
        if s["kind"] == "ServiceAccount" and s["name"] == "default"
    ]
    return ", ".join(sorted(found))


def tokens(cluster: Cluster) -> str:
    """Only pods that speak to the API server have a token of it."""
    silent = {
        of
        for of, pod in system_pods(cluster)
        if of not in SPEAK
        and any(
            "serviceAccountToken" in source
            for volume in pod["spec"].get("volumes", ())
            for source in volume.get("projected", {}).get("sources", ())
        )
    }
    return ", ".join(sorted(silent))


def masters(cluster: Cluster) -> str:
    """No binding needs the group that no binding can take from."""
    bindings = cluster.of("clusterrolebindings")
    bound = {name(b) for b in bindings for s in b.get("subjects") or () if s["name"] == "system:masters"}
    return ", ".join(sorted(bound - {"cluster-admin"}))  # Kubernetes' own


def privileged(cluster: Cluster) -> str:
    """Who in kube-system has all rights on its machine."""
    found = set()
    for of, pod in system_pods(cluster):
        containers = (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])
        if of not in PRIVILEGED and any(c.get("securityContext", {}).get("privileged") for c in containers):
            found.add(of)
    return ", ".join(sorted(found))


def exempt(cluster: Cluster) -> str:
    """Namespaces in which Pod Security is switched off."""
    key = "pod-security.kubernetes.io/enforce"
    found = [name(n) for n in cluster.of("namespaces") if n["metadata"].get("labels", {}).get(key) == "privileged"]
    return ", ".join(sorted(found))


def filtered(cluster: Cluster) -> str:
    """Pods of kube-system without a system call filter, but for those with all rights, which can have none."""
    found = set()
    for of, pod in system_pods(cluster):
        whole = pod["spec"].get("securityContext", {}).get("seccompProfile", {}).get("type")
        for container in pod["spec"]["containers"]:
            context = container.get("securityContext", {})
            own = context.get("seccompProfile", {}).get("type")
            if not context.get("privileged") and (own or whole) == "Unconfined":
                found.add(of)
    return ", ".join(sorted(found))


def policies(cluster: Cluster) -> str:
    """The cluster's own namespaces with pods and no network policy; those of its users are theirs."""
    with_policy = {p["metadata"]["namespace"] for p in cluster.of("networkpolicies")}
    with_pods = {n for p in cluster.of("pods") if (n := p["metadata"]["namespace"]).startswith("kube-")}
    return ", ".join(sorted(with_pods - with_policy))


def network(cluster: Cluster) -> str:
    """A pod network that knows network policies."""
    return "" if any(of == "calico-node" for of, _ in system_pods(cluster)) else "no calico-node runs"


def default_namespace(cluster: Cluster) -> str:
    """Nothing runs where it was not said."""
    return ", ".join(sorted(name(p) for p in cluster.of("pods") if p["metadata"]["namespace"] == "default"))


def proxy_metrics(cluster: Cluster) -> str:
    """kube-proxy tells its figures to the machine alone."""
    for made in cluster.of("configmaps"):
        if name(made) == "kube-proxy-config":
            address = str(yaml.safe_load(made["data"]["config.conf"]).get("metricsBindAddress", "127.0.0.1:10249"))
            return "" if address.startswith("127.0.0.1:") else address
    return "no configuration of kube-proxy"


def guarded(cluster: Cluster) -> str:
    """The guard rails hold."""
    wanted = {name(p) for p in cluster.of("validatingadmissionpolicies") if name(p).startswith("navarch-")}
    bound = {
        b["spec"]["policyName"]
        for b in cluster.of("validatingadmissionpolicybindings")
        if "Deny" in json.dumps(b["spec"])
    }
    return "none" if not wanted else ", ".join(sorted(wanted - bound))


_EDIT = (
    "navarch:editors, by Kubernetes' role edit; in the cluster's own namespaces the API server refuses it"
    " ([roles](guide/roles.md))"
)


def _administrators_only(number: str, what: str, verbs: set[str], resource: str, *others: str) -> Check[Cluster]:
    """What editors may in their namespaces is argued; that anybody else may is not."""
    wrong = strangers({*ADMINISTRATORS, *others}, verbs, resource)
    return Check(number, f"{what}: administrators only", wrong, argued=_EDIT, expected="navarch:editors")


CLUSTER_CHECKS: tuple[Check[Cluster], ...] = (
    Check(
        "3.1.1", "people do not come with certificates", lambda cluster: "kubeconfigs hold certificates",
        argued="each is of one person, is told in the timeline, and ends after 8 hours unless asked otherwise",
    ),
    Check("4.3.1", "kube-proxy's figures: for the machine alone", proxy_metrics),
    Check("5.1.1", "cluster-admin: administrators only", administrators),
    _administrators_only("5.1.2", "Secrets of all namespaces", {"get", "list", "watch"}, "secrets"),
    Check("5.1.3", "no wildcards in roles of ours", wildcards),
    _administrators_only("5.1.4", "pods in all namespaces", {"create"}, "pods"),
    Check("5.1.5", "the default account has no role", default_account),
    Check("5.1.6", "tokens only where they are used", tokens),
    Check("5.1.7", "system:masters is not used in bindings", masters),
    _administrators_only("5.1.8", "acting as others", {"impersonate"}, "serviceaccounts"),
    Check("5.1.9", "volumes of all kinds: administrators and the CSI driver only",
          strangers({*ADMINISTRATORS, "kube-system/csi-cinder-controller-sa"}, {"create"}, "persistentvolumes")),
    Check("5.1.10", "the kubelets' own API: administrators and the API server only",
          strangers({*ADMINISTRATORS, "kube-apiserver-kubelet-client"}, {"get", "create"}, "nodes/proxy")),
    Check("5.1.11", "approving certificates: administrators only",
          strangers(ADMINISTRATORS, {"update"}, "certificatesigningrequests/approval", "certificates.k8s.io")),
    Check("5.1.12", "admission webhooks: administrators only",
          strangers(ADMINISTRATORS, {"create", "update", "patch"}, "validatingwebhookconfigurations",
                    "admissionregistration.k8s.io")),
    _administrators_only("5.1.13", "accounts' tokens", {"create"}, "serviceaccounts/token", "kube-system/calico-node"),
    Check("5.2.1", "no namespace is exempt from Pod Security but kube-system", exempt),
    Check("5.2.2", "no more privileged pods in it than must be", privileged),
    Check("5.3.1", "a pod network that knows policies", network),
    Check(
        "5.3.2", "a network policy in every namespace of the system", policies,
        argued="kube-system is not cut off: most of it is on the machines' own network, and DNS serves everybody",
        expected="kube-system",
    ),
    Check("5.7.2", "no pod of kube-system without a system call filter", filtered),
    Check("5.7.4", "nothing in the default namespace", default_namespace),
    Check("-", "every guard rail is in force", guarded),
)  # fmt: skip
