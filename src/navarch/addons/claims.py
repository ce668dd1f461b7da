"""What claims of volumes mean for where pods may go: the scheduler's reckoning with PersistentVolumeClaims."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

from navarch.addons import foreign, requests
from navarch.addons.connection import Connection
from navarch.addons.selectors import node_terms, requirements_of, safe, selector_of
from navarch.domain.pods import NodeTerm, NodeVolumes, Place, Pod, PodShape, Requirement, Volume

Seen = Mapping[str, Any]
_A_PAGE, _MOST = 200, 10_000
_BOUND, _NODE_CHOSEN = "pv.kubernetes.io/bind-completed", "volume.kubernetes.io/selected-node"
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
_NO_PROVISIONER = "kubernetes.io/no-provisioner"
_ZONE, _REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
_OLD_ZONE, _OLD_REGION = "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"
_ZONES = {_OLD_ZONE: _ZONE, _OLD_REGION: _REGION, _ZONE: _ZONE, _REGION: _REGION}
_WRONG_NODE = "node(s) didn't match PersistentVolume's node affinity"
_NO_VOLUME = "node(s) didn't find available persistent volumes to bind"
_WRONG_ZONE = "node(s) had no available volume zone"
_USED = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
_MOST_OF_A_POD = 100


@dataclass(frozen=True, slots=True)
class Use:
    """A claim that a pod uses, with its namespace. `of_pod`: the UID of the pod that has to own it; empty: anybody."""

    claim: str
    of_pod: str = ""


def uses_of(pod: Seen) -> tuple[Use, ...]:
    """The claims of a pod, each once."""
    metadata = pod["metadata"]
    found: dict[str, Use] = {}
    for volume in pod.get("spec", {}).get("volumes", ())[:_MOST_OF_A_POD]:
        if "persistentVolumeClaim" in volume:
            use = Use(f"{metadata['namespace']}/{volume['persistentVolumeClaim']['claimName']}")
        elif "ephemeral" in volume:
            claim = f"{metadata['namespace']}/{metadata.get('name')}-{volume['name']}"
            use = Use(claim, str(metadata.get("uid") or "?"))
        else:
            continue
        found.setdefault(use.claim, use)
    return tuple(found.values())


PodAndUses = tuple[Pod, tuple[Use, ...]]


class WithClaims(NamedTuple):
    """Pods with what their claims ask, and what nodes may have of volumes."""

    waiting: tuple[Pod, ...]
    placed: tuple[Pod, ...]
    nodes: tuple[NodeVolumes, ...] = ()


def with_claims(connection: Connection, waiting: list[PodAndUses], placed: list[PodAndUses]) -> WithClaims:
    """What the claims of these pods come to. Nothing is read where none has any. Raises Temporary or Permanent."""
    if not any(uses for _, uses in (*waiting, *placed)):
        return WithClaims(tuple(pod for pod, _ in waiting), tuple(pod for pod, _ in placed))
    volumes = Volumes.read(connection)
    users = Counter(use.claim for _, uses in (*waiting, *placed) for use in uses)
    taken = Counter(use.claim for _, uses in placed for use in uses)
    return WithClaims(
        tuple(volumes.claimed(pod, uses, users, taken) for pod, uses in waiting),
        tuple(volumes.claimed(pod, uses, users, Counter()) for pod, uses in placed),
        volumes.nodes(),
    )


@dataclass(frozen=True, slots=True)
class Volumes:
    """A cluster's claims and what they lead to, by name (claims with their namespace)."""

    claims: Mapping[str, Seen]
    volumes: Mapping[str, Seen]
    classes: Mapping[str, Seen]
    drivers: Mapping[str, Seen]
    csi_nodes: tuple[Seen, ...]
    attachments: tuple[Seen, ...]

    @classmethod
    def read(cls, connection: Connection) -> "Volumes":
        """All of it. Raises Temporary or Permanent."""

        def listed(path: str) -> Iterator[Seen]:
            return connection.list(path, page=_A_PAGE, pages=_MOST // _A_PAGE)

        def by_name(path: str) -> dict[str, Seen]:
            return {_name(one): one for one in listed(path)}

        return cls(
            by_name("/api/v1/persistentvolumeclaims"),
            by_name("/api/v1/persistentvolumes"),
            by_name("/apis/storage.k8s.io/v1/storageclasses"),
            by_name("/apis/storage.k8s.io/v1/csidrivers"),
            tuple(listed("/apis/storage.k8s.io/v1/csinodes")),
            tuple(listed("/apis/storage.k8s.io/v1/volumeattachments")),
        )

    def claimed(self, pod: Pod, uses: tuple[Use, ...], users: Mapping[str, int], taken: Mapping[str, int]) -> Pod:
        """The pod with what its claims ask. `users`: how many pods use each claim; `taken`: how many of the others that
        are placed."""
        shape = pod.shape
        for use in uses:
            shape = self._asked(shape, use, users[use.claim], taken.get(use.claim, 0))
        return replace(pod, shape=shape)

    def nodes(self) -> tuple[NodeVolumes, ...]:
        """By the nodes' CSI drivers, and what is attached."""
        attached: dict[str, set[Volume]] = {}
        for one in self.attachments:
            volume = self.volumes.get(str(one["spec"].get("source", {}).get("persistentVolumeName")))
            found = _csi(volume) if volume is not None else None
            if found is not None:  # counted, as the scheduler does, for the driver that attaches it
                found = replace(found, driver=safe(one["spec"].get("attacher", "")))
                attached.setdefault(str(one["spec"]["nodeName"]), set()).add(found)
        return tuple(
            NodeVolumes(
                name := str(node["metadata"]["name"]),
                tuple(
                    (safe(driver["name"]), int(driver["allocatable"]["count"]))
                    for driver in node.get("spec", {}).get("drivers") or ()
                    if (driver.get("allocatable") or {}).get("count") is not None
                ),
                tuple(safe(driver["name"]) for driver in node.get("spec", {}).get("drivers") or ()),
                tuple(sorted(attached.get(name, ()), key=lambda v: (v.driver, v.handle))),
            )
            for node in self.csi_nodes
        )

    def _asked(self, shape: PodShape, use: Use, users: int, taken: int) -> PodShape:
        """The shape with what one claim more asks."""
        name = foreign.text(use.claim.partition("/")[2])
        claim = self.claims.get(use.claim)
        if claim is None:
            waits = "waiting for ephemeral volume controller to create the " if use.of_pod else ""
            missing = f'{waits}persistentvolumeclaim "{name}"' + ("" if use.of_pod else " not found")
            return _blocked(shape, missing)
        wrong = self._wrong(claim, name, use)
        if wrong:
            return _blocked(shape, wrong)
        if taken and "ReadWriteOncePod" in claim["spec"].get("accessModes", ()):
            shape = _blocked(shape, _USED)
        if _is_bound(claim):
            return self._with_bound(shape, str(claim["spec"]["volumeName"]))
        return self._with_unbound(shape, claim, use, alone=users == 1)

    def _wrong(self, claim: Seen, name: str, use: Use) -> str:
        """Why no pod goes anywhere with this claim."""
        if claim.get("status", {}).get("phase") == "Lost":
            lost = foreign.text(claim["spec"].get("volumeName"))
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{lost}"'
        if claim["metadata"].get("deletionTimestamp"):
            return f'persistentvolumeclaim "{name}" is being deleted'
        owners = (owner.get("uid") for owner in claim["metadata"].get("ownerReferences", ()) if owner.get("controller"))
        if use.of_pod and use.of_pod not in owners:
            return f'PVC "{name}" was not created for pod (pod is not owner)'
        waits = self.classes.get(_class_of(claim), {}).get("volumeBindingMode") == "WaitForFirstConsumer"
        if not _is_bound(claim) and (claim["spec"].get("volumeName") or not waits):
            return "pod has unbound immediate PersistentVolumeClaims"
        return ""

    def _with_bound(self, shape: PodShape, volume_name: str) -> PodShape:
        volume = self.volumes.get(volume_name)
        if volume is None:
            return _blocked(shape, "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)")
        places = [Place(terms, _WRONG_NODE)] if (terms := _terms_of(volume)) is not None else []
        places += [Place(terms, _WRONG_ZONE) for terms in _zones_of(volume)]
        source = _csi(volume)
        made = () if source is None else (self._checked(source),)
        return replace(shape, places=(*shape.places, *places), volumes=_merged(shape.volumes, made))

    def _with_unbound(self, shape: PodShape, claim: Seen, use: Use, *, alone: bool) -> PodShape:
        storage_class = self.classes[_class_of(claim)]
        driver = safe(storage_class.get("provisioner", ""))
        opted = self.drivers.get(driver, {}).get("spec", {}).get("storageCapacity")
        made = self._checked(Volume(driver, "" if alone else f"claim {foreign.text(use.claim)}"))
        shape = replace(shape, volumes=_merged(shape.volumes, (made,)))
        if opted:
            shape = replace(shape, unsimulated=(*shape.unsimulated, f"storage capacity of {driver}"))
        chosen = claim["metadata"].get("annotations", {}).get(_NODE_CHOSEN)
        can_be_made = driver and driver != _NO_PROVISIONER
        anywhere = _topologies(storage_class) if can_be_made else ()
        if chosen is not None:
            here = (NodeTerm(names=(Requirement("metadata.name", "In", (safe(chosen),)),)),)
            shape = replace(shape, places=(*shape.places, Place(here, _NO_VOLUME)))
        else:
            anywhere = tuple(chain(anywhere, *map(_anywhere, self._fitting(claim))))
        if any(not term.labels for term in anywhere):
            return shape
        return replace(shape, places=(*shape.places, Place(anywhere, _NO_VOLUME)))

    def _fitting(self, claim: Seen) -> Iterator[Seen]:
        """Volumes that are there already and that the claim could be bound to."""
        spec, name, wanted = claim["spec"], _name(claim), _class_of(claim)
        size = _size(spec.get("resources", {}).get("requests"))
        for volume in self.volumes.values():
            offered = volume["spec"]
            bound_to = offered.get("claimRef")
            if volume["metadata"].get("deletionTimestamp") or _size(offered.get("capacity")) < size:
                continue
            if offered.get("volumeMode", "Filesystem") != spec.get("volumeMode", "Filesystem"):
                continue
            if offered.get("volumeAttributesClassName", "") != spec.get("volumeAttributesClassName", ""):
                continue
            if _class_of(volume) != wanted:
                continue
            if bound_to is not None:
                if f"{bound_to.get('namespace')}/{bound_to.get('name')}" == name and bound_to.get("uid") in (
                    None, "", claim["metadata"].get("uid"),
                ):  # fmt: skip
                    yield volume
                continue
            if volume.get("status", {}).get("phase") != "Available":
                continue
            selector = selector_of(spec.get("selector"))
            labels = {safe(key): safe(value) for key, value in volume["metadata"].get("labels", {}).items()}
            if selector is not None and not selector.matches(labels):
                continue
            if set(spec.get("accessModes", ())) <= set(offered.get("accessModes", ())):
                yield volume

    def _checked(self, volume: Volume) -> Volume:
        opted = self.drivers.get(volume.driver, {}).get("spec", {}).get("preventPodSchedulingIfMissing")
        return replace(volume, strict=bool(opted))


def _blocked(shape: PodShape, why: str) -> PodShape:
    return shape if shape.blocked else replace(shape, blocked=why)


def _merged(known: tuple[Volume, ...], more: Iterable[Volume]) -> tuple[Volume, ...]:
    """Those of a handle once."""
    return (*known, *(v for v in more if not v.handle or v not in known))


def _name(made: Seen) -> str:
    namespace = made["metadata"].get("namespace")
    return f"{namespace}/{made['metadata']['name']}" if namespace else str(made["metadata"]["name"])


def _class_of(made: Seen) -> str:
    """The storage class of a claim or of a volume."""
    old = made["metadata"].get("annotations", {}).get(_OLD_CLASS)
    return str(old if old is not None else made["spec"].get("storageClassName") or "")


def _is_bound(claim: Seen) -> bool:
    return bool(claim["spec"].get("volumeName")) and _BOUND in claim["metadata"].get("annotations", {})


def _size(quantities: Any) -> int:
    return dict(requests.amounts(quantities)).get("storage", 0)


def _csi(volume: Seen) -> Volume | None:
    source = volume["spec"].get("csi")
    if not source or not source.get("driver") or not source.get("volumeHandle"):
        return None
    return Volume(safe(source["driver"]), safe(source["volumeHandle"]))


def _terms_of(volume: Seen) -> tuple[NodeTerm, ...] | None:
    return node_terms((volume["spec"].get("nodeAffinity") or {}).get("required"))


def _anywhere(volume: Seen) -> tuple[NodeTerm, ...]:
    """Its terms; one without any condition where it is everywhere."""
    terms = _terms_of(volume)
    return (NodeTerm(),) if terms is None else tuple(term for term in terms if term.labels)


def _topologies(storage_class: Seen) -> tuple[NodeTerm, ...]:
    """Where volumes of a class can be made; one term without any condition: everywhere."""
    terms = storage_class.get("allowedTopologies") or ()
    if not terms:
        return (NodeTerm(),)
    made = (
        NodeTerm(requirements_of([{**one, "operator": "In"} for one in term.get("matchLabelExpressions", ())]))
        for term in terms
    )
    return tuple(term for term in made if term.labels)


def _zones_of(volume: Seen) -> Iterator[tuple[NodeTerm, ...]]:
    """For each of a volume's labels that name a place: the machines that are there, and those that say nothing of their
    place. An old name of a label means the new one where a machine has only that."""
    nowhere = tuple(Requirement(key, "DoesNotExist") for key in _ZONES)
    for key, new_key in _ZONES.items():
        said = volume["metadata"].get("labels", {}).get(key)
        if said is None:
            continue
        values = tuple(safe(value) for value in str(said).split("__"))
        terms = [NodeTerm((Requirement(key, "In", values),)), NodeTerm(nowhere)]
        if key != new_key:
            terms.append(NodeTerm((Requirement(key, "DoesNotExist"), Requirement(new_key, "In", values))))
        yield tuple(terms)
