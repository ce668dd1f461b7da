"""Which images the pods of an add-on run, and to which machines they may go: to those that hold them.

Container images come with the node image and from nowhere else, and while machines are replaced those of several
releases run side by side. So a node says by labels which tag of each component its machine holds, and a pod asks for
the tags of its own images. What runs on every node is there once for each set of tags that machines hold; of all else
there is one, with the tags of one release.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from navarch.addons.contract import Inputs
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.machines import component_labels
from navarch.domain.offer import Release

AGENT_LABEL = "navarch.io/agent"
"""On a DaemonSet and its pods: its name in the manifest, which it shares with those for machines with other images."""
IMAGES_LABEL = "navarch.io/images"
"""On a DaemonSet's pods: which of those it is."""

Tags = tuple[tuple[str, str], ...]
"""(component, tag) of the images that pods run."""

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Workload:
    """What makes pods: a DaemonSet or Deployment of a chart, with the images that its pods run. `control_plane`: they
    run on machines of the control plane alone."""

    kind: str
    name: str
    images: tuple[str, ...]
    control_plane: bool = False


Places = Mapping[Workload, tuple[Tags, ...]]
"""The tags that each workload runs; of a DaemonSet there is one for each of them."""

_VERSION = re.compile(r"v[0-9]+(\.[0-9]+)*")
_LONGEST_MARK = 40  # characters


def places(inputs: Inputs, workloads: Iterable[Workload], components: Mapping[str, str], *, replicas: int) -> Places:
    """Which tags each of these runs, by the components of their images. `replicas`: of a Deployment. Raises Permanent
    where the release that is wanted lacks a component, KeyError for an image that is of none: a mistake of ours."""
    found: dict[Workload, tuple[Tags, ...]] = {}
    for workload in workloads:
        its = frozenset(components[image] for image in workload.images)
        if workload.kind == "DaemonSet":
            found[workload] = on_every_node(inputs, its)
        else:
            one = on_some_nodes(inputs, its, replicas=replicas, control_plane=workload.control_plane)
            found[workload] = (one,)
    return found


def on_every_node(inputs: Inputs, components: Collection[str]) -> tuple[Tags, ...]:
    """What nodes hold of these components: each set of tags once, of every release that machines are made from or are
    to be. Raises Permanent where the release that is wanted lacks one."""
    wanted = _wanted(inputs, components)
    found = {_tags(release, components) for release in _releases(inputs)}
    return tuple(sorted({wanted, *(tags for tags in found if tags is not None)}))


def on_some_nodes(inputs: Inputs, components: Collection[str], *, replicas: int, control_plane: bool) -> Tags:
    """What a Deployment runs: the tags of the release that is wanted, once as many nodes hold them as it has replicas,
    or as many as hold any others; until then, those that most nodes hold. `control_plane`: of its nodes alone. Raises
    Permanent where the release that is wanted lacks a component."""
    wanted = _wanted(inputs, components)
    there = [holder for holder in inputs.holders if holder.control_plane or not control_plane]
    free = [holder for holder in there if holder.takes_pods] or there
    held: Counter[Tags] = Counter()
    for release, nodes in Counter(holder.release for holder in free).items():
        tags = _tags(release, components)
        if tags is not None:
            held[tags] += nodes
    most = max(held.values(), default=0)
    if held.get(wanted, 0) >= min(replicas, most):
        return wanted
    return max(held, key=lambda tags: (held[tags], tags))


def confined(workload: Object, tags: Tags) -> Object:
    """The workload, whose pods go to no node that lacks their images. Changes what it is given."""
    pods = workload["spec"]["template"]["spec"]
    pods["nodeSelector"] = {**pods.get("nodeSelector", {}), **component_labels(dict(tags))}
    return workload


def beside_others(daemon_set: Object, tags: Tags) -> Object:
    """The DaemonSet for nodes that hold these images; others of its name are for other nodes. Changes what it is
    given."""
    name, mark = daemon_set["metadata"]["name"], _mark(tags)
    own = {AGENT_LABEL: name, IMAGES_LABEL: mark}
    metadata, spec = daemon_set["metadata"], daemon_set["spec"]
    metadata["name"] = f"{name}-{mark}"
    metadata["labels"] = {**metadata.get("labels", {}), AGENT_LABEL: name}
    spec["selector"]["matchLabels"] |= own
    spec["template"]["metadata"]["labels"] |= own
    return confined(daemon_set, tags)


def _releases(inputs: Inputs) -> set[Release]:
    """Those that machines are made from, and those that they are to be made from."""
    of_groups = {group.spec.release for group in inputs.cluster.node_groups if group.spec.release is not None}
    return {inputs.cluster.spec.release, *of_groups, *(holder.release for holder in inputs.holders)}


def _tags(release: Release, components: Collection[str]) -> Tags | None:
    """None where it lacks one of them."""
    held = release.tags
    found = tuple((component, held.get(component, "")) for component in sorted(components))
    return found if all(tag for _, tag in found) else None


def _wanted(inputs: Inputs, components: Collection[str]) -> Tags:
    release = inputs.cluster.spec.release
    tags = _tags(release, components)
    if tags is None:
        lacking = ", ".join(sorted(component for component in components if not release.tags.get(component)))
        raise Permanent(
            f"The node image of Kubernetes {release.kubernetes_version} does not say which {lacking} it holds, so what"
            " needs it cannot be installed from it.",
            reason="ImageIncomplete",
            responsible=Responsible.CLOUD_OPERATOR,
            remedy=f"Register a node image whose property navarch_components names {lacking}.",
        )
    return tags


def _mark(tags: Tags) -> str:
    """Tells one set of tags from another in a name: its versions where they are plain, else a SHA-256."""
    mark = "-".join(tag for _, tag in tags).replace(".", "-")
    if all(_VERSION.fullmatch(tag) for _, tag in tags) and len(mark) <= _LONGEST_MARK:
        return mark
    return hashlib.sha256(repr(tags).encode()).hexdigest()[:12]
