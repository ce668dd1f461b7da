"""Made-up clusters: nodes, volumes, pods that are there, and pods that are tried. All are Kubernetes' own documents.

Names and values are few, so that pods and nodes have something to do with each other.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Document = dict[str, Any]
PODS_A_CASE = 8
HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
NAMESPACES = {"shop": {"team": "a"}, "lab": {"team": "b"}}
DRIVERS = {"a.example.com": {}, "b.example.com": {"preventPodSchedulingIfMissing": True}}
_ZONE_1 = [{"matchLabelExpressions": [{"key": ZONE, "values": ["z1"]}]}]
CLASSES: dict[str, Document] = {
    "late": {"provisioner": "a.example.com", "volumeBindingMode": "WaitForFirstConsumer"},
    "late-z1": {
        "provisioner": "a.example.com",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowedTopologies": _ZONE_1,
    },
    "strict": {"provisioner": "b.example.com", "volumeBindingMode": "WaitForFirstConsumer"},
    "by-hand": {"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"},
    "now": {"provisioner": "a.example.com", "volumeBindingMode": "Immediate"},
}
RUNTIME_CLASS = {"handler": "heavy", "overhead": {"podFixed": {"cpu": "250m", "memory": "64Mi"}}}


@dataclass(frozen=True)
class Case:
    """A state of a cluster, and the pods that are tried on it, each alone. `volumes`: PersistentVolumes with the claims
    that are bound to them; `attached`: (volume, node). Of a pod that is tried, the annotation `claims` says which
    claims come with it."""

    nodes: list[Document]
    csi_nodes: list[Document]
    volumes: list[Document]
    claims: list[Document]
    attached: list[tuple[str, str]]
    placed: list[Document]
    tried: list[tuple[Document, list[Document]]]


def _maybe(strategy: st.SearchStrategy[Any], one_in: int = 3, otherwise: Any = None) -> st.SearchStrategy[Any]:
    return st.integers(1, one_in).flatmap(lambda n: strategy if n == 1 else st.just(otherwise))


_of = st.sampled_from
_LABELS = st.fixed_dictionaries({}, optional={"app": _of(["a", "b"]), "tier": _of(["front", "back"])})
_SELECTOR: st.SearchStrategy[Document | None] = st.one_of(
    st.fixed_dictionaries({"matchLabels": st.fixed_dictionaries({"app": _of(["a", "b"])})}),
    st.fixed_dictionaries(
        {
            "matchExpressions": st.lists(
                st.one_of(
                    st.fixed_dictionaries(
                        {
                            "key": _of(["app", "tier"]),
                            "operator": _of(["In", "NotIn"]),
                            "values": _of([["a"], ["front"], ["a", "b"]]),
                        }
                    ),
                    st.fixed_dictionaries({"key": _of(["app", "tier"]), "operator": _of(["Exists", "DoesNotExist"])}),
                ),
                min_size=1,
                max_size=2,
            )
        }
    ),
    st.just({}),
    st.none(),
)
_TAINTS = [
    {"key": "gpu", "value": "yes", "effect": "NoSchedule"},
    {"key": "gpu", "value": "no", "effect": "NoExecute"},
    {"key": "old", "effect": "PreferNoSchedule"},
    {"key": "night", "effect": "NoSchedule"},
]
_TOLERATIONS = [
    {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
    {"key": "gpu", "operator": "Exists"},
    {"key": "gpu", "operator": "Equal", "value": "no"},
    {"operator": "Exists"},
    {"key": "night", "operator": "Exists", "effect": "NoExecute"},
    {"key": "night"},
    {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"},
]
_REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "cpu": _of(["100m", "500m", "1", "1500m", "0"]),
        "memory": _of(["64Mi", "500M", "1Gi", "0"]),
        "ephemeral-storage": _of(["1Gi", "8Gi"]),
    },
)
_EXPRESSION = st.one_of(
    st.fixed_dictionaries(
        {"key": _of(["disk", ZONE]), "operator": _of(["In", "NotIn"]), "values": _of([["fast"], ["z1"], ["z1", "z2"]])}
    ),
    st.fixed_dictionaries({"key": _of(["disk", "size"]), "operator": _of(["Exists", "DoesNotExist"])}),
    st.fixed_dictionaries({"key": st.just("size"), "operator": _of(["Gt", "Lt"]), "values": _of([["3"], ["5"]])}),
)
_FIELD = st.fixed_dictionaries(
    {"key": st.just("metadata.name"), "operator": _of(["In", "NotIn"]), "values": _of([["n0"], ["n1"]])}
)
_NODE_TERM = st.fixed_dictionaries(
    {},
    optional={
        "matchExpressions": st.lists(_EXPRESSION, min_size=1, max_size=2),
        "matchFields": st.lists(_FIELD, min_size=1, max_size=1),
    },
)


@st.composite
def _node(draw: st.DrawFn, number: int) -> Document:
    name = f"n{number}"
    labels = {HOST: name, "case": "yes"}
    labels |= draw(
        st.fixed_dictionaries(
            {}, optional={ZONE: _of(["z1", "z2"]), "disk": _of(["fast", "slow"]), "size": _of(["4", "5", "x"])}
        )
    )
    if draw(st.integers(1, 4)) > 1:
        labels.setdefault(ZONE, draw(_of(["z1", "z2", "z3"])))
    has = {
        "cpu": draw(_of(["2", "3900m", "4", "8"])),
        "memory": draw(_of(["2Gi", "4Gi", "8Gi"])),
        "ephemeral-storage": "10Gi",
        "pods": draw(_of(["2", "5", "110", "110"])),
        **draw(
            st.fixed_dictionaries({}, optional={"example.com/gpu": _of(["1", "2"]), "hugepages-2Mi": _of(["64Mi"])})
        ),
    }
    spec: Document = {"taints": draw(_maybe(st.lists(_of(_TAINTS), max_size=2, unique_by=str), 4, []))}
    if draw(st.integers(1, 8)) == 1:
        spec["unschedulable"] = True
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"capacity": has, "allocatable": has, "conditions": [{"type": "Ready", "status": "True"}]},
    }


@st.composite
def _csi_node(draw: st.DrawFn, number: int) -> Document:
    drivers = []
    for driver in DRIVERS:
        if draw(st.integers(1, 4)) > 1:
            limit = draw(_of([None, 1, 2]))
            allocatable = {} if limit is None else {"allocatable": {"count": limit}}
            drivers.append({"name": driver, "nodeID": f"n{number}", "topologyKeys": [], **allocatable})
    return {"metadata": {"name": f"n{number}"}, "spec": {"drivers": drivers}}


@st.composite
def _pod_term(draw: st.DrawFn) -> Document:
    term: Document = {"topologyKey": draw(_of([HOST, ZONE]))}
    selector = draw(_SELECTOR)
    if selector is not None:
        term["labelSelector"] = selector
    term |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "namespaces": _of([["lab"], ["shop", "lab"]]),
                "namespaceSelector": _of([{}, {"matchLabels": {"team": "a"}}, {"matchLabels": {"team": "none"}}]),
            },
        )
    )
    if selector and draw(st.integers(1, 4)) == 1:
        term[draw(_of(["matchLabelKeys", "mismatchLabelKeys"]))] = ["tier"]
    return term


@st.composite
def _spread(draw: st.DrawFn) -> Document:
    made: Document = {
        "topologyKey": draw(_of([HOST, ZONE])),
        "maxSkew": draw(_of([1, 1, 2])),
        "whenUnsatisfiable": draw(_of(["DoNotSchedule", "DoNotSchedule", "DoNotSchedule", "ScheduleAnyway"])),
    }
    selector = draw(_SELECTOR)
    if selector is not None:
        made["labelSelector"] = selector
    if made["whenUnsatisfiable"] == "DoNotSchedule":
        made |= draw(st.fixed_dictionaries({}, optional={"minDomains": _of([1, 2, 3])}))
    made |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "nodeAffinityPolicy": _of(["Honor", "Ignore"]),
                "nodeTaintsPolicy": _of(["Honor", "Ignore"]),
            },
        )
    )
    if selector and draw(st.integers(1, 4)) == 1:
        made["matchLabelKeys"] = ["tier"]
    return made


@st.composite
def _container(draw: st.DrawFn, name: str) -> Document:
    requests = draw(_REQUESTS)
    resources: Document = {"requests": requests}
    if draw(st.integers(1, 12)) == 1:
        more = draw(_of([{"example.com/gpu": "1"}, {"hugepages-2Mi": "32Mi"}]))
        resources = {"requests": {"cpu": "100m", **requests, **more}, "limits": more}
    made: Document = {"name": name, "image": "x", "resources": resources}
    if draw(st.integers(1, 6)) == 1:
        port = {"containerPort": 80, "hostPort": draw(_of([80, 81])), "protocol": draw(_of(["TCP", "UDP"]))}
        address = draw(_of(["", "10.0.0.1", "10.0.0.2", "0.0.0.0"]))
        made["ports"] = [port | ({"hostIP": address} if address else {})]
    return made


@st.composite
def _pod(draw: st.DrawFn, name: str, *, small: bool = False) -> Document:
    """`small`: with hardly any wishes, so that it is there to be reckoned with."""
    often = 6
    spec: Document = {
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "containers": draw(st.lists(_container("c"), min_size=1, max_size=1)),
        "tolerations": draw(_maybe(st.lists(_of(_TOLERATIONS), min_size=1, max_size=2), 3, [])),
    }
    if draw(st.integers(1, 4)) == 1:
        spec["containers"].append(draw(_container("d")))
    starting = []
    for number in range(draw(_maybe(_of([1, 2, 3]), 4, 0))):
        one = draw(_container(f"i{number}"))
        one.pop("ports", None)
        if draw(st.booleans()):
            one["restartPolicy"] = "Always"
        starting.append(one)
    if starting:
        spec["initContainers"] = starting
    if draw(st.integers(1, 8)) == 1:
        spec["runtimeClassName"] = "heavy"
    if draw(st.integers(1, 8)) == 1:
        spec["resources"] = {"requests": draw(_of([{"cpu": "2"}, {"memory": "2Gi"}, {"cpu": "3", "memory": "3Gi"}]))}
    selector = draw(_maybe(_of([{"disk": "fast"}, {ZONE: "z1"}]), 6 if not small else 20))
    if selector:
        spec["nodeSelector"] = selector
    affinity: Document = {}
    terms = draw(_maybe(st.lists(_NODE_TERM, min_size=1, max_size=2), 5 if not small else 20))
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    if terms:
        affinity["nodeAffinity"] = {required: {"nodeSelectorTerms": terms}}
    for kind in ("podAffinity", "podAntiAffinity"):
        pod_terms = draw(_maybe(st.lists(_pod_term(), min_size=1, max_size=2), often))
        if pod_terms:
            affinity[kind] = {required: pod_terms}
    if affinity:
        spec["affinity"] = affinity
    spreads = draw(_maybe(st.lists(_spread(), min_size=1, max_size=2), often))
    if spreads:
        unique = {(s["topologyKey"], s["whenUnsatisfiable"]): s for s in spreads}
        spec["topologySpreadConstraints"] = list(unique.values())
    return {
        "metadata": {"name": name, "namespace": draw(_of(["shop", "shop", "lab"])), "labels": draw(_LABELS)},
        "spec": spec,
    }


def _resized(pod: Document, kind: str) -> Document:
    """The status of a pod whose resources are being changed."""
    container = pod["spec"]["containers"][0]
    status: Document = {"name": "c", "image": "x", "imageID": "x", "ready": True, "restartCount": 0}
    asked = container["resources"]["requests"]
    if kind in ("allocated", "infeasible"):
        status["allocatedResources"] = {**asked, "cpu": "900m"}
    if kind in ("actual", "infeasible"):
        status["resources"] = {"requests": {**asked, "cpu": "700m"}}
    made: Document = {"containerStatuses": [status]}
    if kind == "infeasible":
        made["conditions"] = [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}]
    return made


@st.composite
def _volume(draw: st.DrawFn, number: int, *, bound: bool) -> Document:
    zone = draw(_of([None, "z1", "z2"]))
    mode = draw(_of(["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"])) if bound else "ReadWriteOnce"
    labels = draw(st.fixed_dictionaries({"case": st.just("yes")}, optional={ZONE: _of(["z1", "z2", "z1__z2"])}))
    spec: Document = {
        "capacity": {"storage": draw(_of(["1Gi", "5Gi"]))},
        "accessModes": [mode],
        "storageClassName": "late" if bound else "by-hand",
        "csi": {"driver": draw(_of(list(DRIVERS))), "volumeHandle": f"h{number}"},
        "persistentVolumeReclaimPolicy": "Retain",
    }
    if zone is not None:
        term = {"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    kept = labels if bound and draw(st.integers(1, 4)) == 1 else {"case": "yes"}
    return {"metadata": {"name": f"v{number}", "labels": kept}, "spec": spec}


def claim(
    name: str, storage_class: str, *, mode: str = "ReadWriteOnce", size: str = "1Gi", volume: str = ""
) -> Document:
    """Of namespace `shop`; bound to a volume, or to be."""
    spec: Document = {
        "storageClassName": storage_class,
        "accessModes": [mode],
        "resources": {"requests": {"storage": size}},
    }
    metadata: Document = {"name": name, "namespace": "shop"}
    if volume:
        spec["volumeName"] = volume
        metadata["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
    return {"metadata": metadata, "spec": spec}


def _with_claims(pod: Document, names: list[str]) -> Document:
    if not names:
        return pod
    volumes = [{"name": f"v{n}", "persistentVolumeClaim": {"claimName": name}} for n, name in enumerate(names)]
    metadata = {**pod["metadata"], "namespace": "shop"}
    return {"metadata": metadata, "spec": {**pod["spec"], "volumes": volumes}}


@st.composite
def cases(draw: st.DrawFn, tried: int = PODS_A_CASE) -> Case:
    """One state and `tried` pods."""
    nodes = [draw(_node(n)) for n in range(draw(st.integers(1, 4)))]
    csi_nodes = [draw(_csi_node(n)) for n in range(len(nodes)) if draw(st.integers(1, 5)) > 1]
    bound = [draw(_volume(n, bound=True)) for n in range(draw(st.integers(0, 3)))]
    free = [draw(_volume(10 + n, bound=False)) for n in range(draw(st.integers(0, 2)))]
    claims = [
        claim(f"c{n}", "late", mode=v["spec"]["accessModes"][0], volume=v["metadata"]["name"])
        for n, v in enumerate(bound)
    ]
    names = [c["metadata"]["name"] for c in claims]
    attached = [
        (v["metadata"]["name"], draw(_of(nodes))["metadata"]["name"]) for v in bound if draw(st.integers(1, 4)) == 1
    ]
    placed = []
    for number in range(draw(st.integers(0, 6))):
        pod = draw(_pod(f"p{number}", small=True))
        if names and draw(st.integers(1, 3)) == 1:
            pod = _with_claims(pod, [draw(_of(names))])
        pod["spec"]["nodeName"] = draw(_of(nodes))["metadata"]["name"]
        kind = draw(_maybe(_of(["allocated", "actual", "infeasible"]), 6))
        if kind is not None:
            pod["status"] = _resized(pod, kind)
        placed.append(pod)
    trials = []
    for number in range(tried):
        pod = draw(_pod(f"t{number}"))
        own: list[Document] = []
        used: list[str] = draw(
            _maybe(st.lists(_of([*names, *names, *names, "missing"]), min_size=1, max_size=2, unique=True), 5, [])
        )
        for index in range(draw(_maybe(_of([1, 1, 2]), 4, 0))):
            name = f"t{number}-{index}"
            made = claim(name, draw(_of([*CLASSES, "late", "strict"])), size=draw(_of(["1Gi", "2Gi"])))
            if draw(st.integers(1, 6)) == 1:
                made["metadata"]["annotations"] = {"volume.kubernetes.io/selected-node": draw(_of(["n0", "n9"]))}
            own.append(made)
            used.append(name)
        trials.append((_with_claims(pod, used), own))
    return Case(nodes, csi_nodes, [*bound, *free], claims, attached, placed, trials)
