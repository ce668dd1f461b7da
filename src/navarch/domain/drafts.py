"""From what somebody wrote to a draft: the fields given, over the wish as it is, or over nothing.

A document has the wish's own names and types. What is missing or null in the end is left to Navarch: a draft has the
field's default there, or nothing where Navarch chooses (`admission`).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from navarch.domain.codec import draft
from navarch.domain.offer import Release
from navarch.domain.spec import Cluster, ClusterSpec, NodeGroup, NodeGroupSpec

Document = Mapping[str, Any]
_DEFAULT_GROUPS = ({"name": "default"},)


def merge(document: Any, patch: Any) -> Any:
    """RFC 7396: what the patch has, over the document; null removes."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(document) if isinstance(document, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def new_cluster(
    document: Document,
    *,
    id_: str,
    project_id: str,
    at: datetime,
    created_by: str = "",
    request_id: str = "",
    region: str = "",
) -> Cluster:
    """A cluster that does not exist yet: `name`, `region`, `labels` and `spec`, with its node groups at
    `spec.node_groups`. `region`: where it is made if its document does not say. Raises Undecodable, as all here."""
    spec = draft(ClusterSpec, {})
    nothing = Cluster(id_, "", project_id, spec, at, created_by=created_by, request_id=request_id, region=region)
    asked = _of(document, "spec").get("node_groups")
    groups = (new_node_group({**g, "spec": g}) for g in (_DEFAULT_GROUPS if asked is None else asked))
    made = replace(changed_cluster(nothing, document), node_groups=tuple(groups))
    return replace(made, spec=replace(made.spec, image_named=bool(_of(document, "spec").get("node_image"))))


def changed_cluster(was: Cluster, document: Document) -> Cluster:
    """A cluster with another `name`, `region`, `labels` and `spec`, which names its `node_image`."""
    asked = _of(document, "spec")
    spec = replace(
        draft(ClusterSpec, asked),
        running_since=was.spec.running_since,
        automatic_since=was.spec.automatic_since,
        image_named=was.spec.image_named,
    )
    if asked.get("node_image"):
        spec = replace(spec, release=Release("", "", asked["node_image"], ""))  # admission finds the whole of it
    return replace(
        was,
        name=_name(document, was.name),
        region=document.get("region") or was.region,
        labels=tuple(_of(document, "labels").items()),
        spec=spec,
    )


def said_to_run(was: Cluster, draft: Cluster, at: datetime) -> Cluster:
    """A draft in which somebody said at that moment whether the cluster is to run. It holds until its schedule's next
    start or stop; without a schedule, to say the same again says nothing."""
    if draft.spec.running is was.spec.running and draft.spec.schedule is None:
        return draft
    return replace(draft, spec=replace(draft.spec, running_since=at))


def said_release(was: Cluster, draft: Cluster, said: Document, *, under_way: bool) -> Cluster:
    """A draft in which somebody named a version or an image: it is theirs from then on, and waits for no maintenance
    window. `said`: what they said of the spec; `under_way`: machines are still to become what the cluster was given."""
    spec = draft.spec
    other = spec.kubernetes_version != was.spec.kubernetes_version
    if said.get("kubernetes_version") and (other or under_way):
        spec = replace(spec, automatic_since=None, image_named=False if other else spec.image_named)
    if "node_image" in said:
        named = bool(said["node_image"])
        spec = replace(spec, automatic_since=None if named else spec.automatic_since, image_named=named)
    return replace(draft, spec=spec)


def new_node_group(document: Document) -> NodeGroup:
    """A node group that does not exist yet: `name` and `spec`. Where nobody named a number of machines, one that grows
    by itself begins with the fewest: what is more, pods will ask for."""
    spec = draft(NodeGroupSpec, _of(document, "spec"))
    if spec.autoscaling is not None and _of(document, "spec").get("replicas") is None:
        spec = replace(spec, replicas=spec.within_limits(0))
    return NodeGroup(_name(document, ""), spec)


def changed_node_group(was: NodeGroup, document: Document) -> NodeGroup:
    """A node group with another `name` and `spec`. A number of machines that stays as it was moves with its limits."""
    spec = replace(draft(NodeGroupSpec, _of(document, "spec")), follows_since=was.spec.follows_since)
    if spec.autoscaling is not None and _of(document, "spec").get("replicas") is None:
        spec = replace(spec, replicas=was.spec.replicas)  # it is Navarch's to say
    if spec.replicas == was.spec.replicas:
        spec = _within_limits(spec)
    return replace(was, name=_name(document, was.name), spec=spec)


def said_to_follow(was: NodeGroup, draft: NodeGroup, at: datetime) -> NodeGroup:
    """A draft in which somebody gave the group a version of its own, or took it at that moment: then it follows its
    cluster's, and waits for no maintenance window."""
    own = draft.spec.kubernetes_version
    if own == was.spec.kubernetes_version:
        return draft
    return replace(draft, spec=replace(draft.spec, follows_since=None if own else at))


def _within_limits(spec: NodeGroupSpec) -> NodeGroupSpec:
    return replace(spec, replicas=spec.within_limits(spec.replicas))


def _name(document: Document, otherwise: str) -> str:
    name = document.get("name")
    return otherwise if name is None else name


def _of(document: Document, name: str) -> Document:
    return document.get(name) or {}
