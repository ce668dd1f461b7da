"""The wish as people write and read it: each field once, with its type and its text.

A model shows the domain's value (`spec`) by the names of its attributes. `asked` makes of it the model of a request, in
which every field may be left out. Both are in OpenAPI. What the domain cannot say yet is refused here (`_Refused`); the
rest is judged by its admission.
"""

from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_before_validator_function

from navarch.domain import spec
from navarch.service.addon_wish import NewAddon
from navarch.service.understanding import Asked, kind_of


class Shown(BaseModel):
    """Made from a domain's value."""

    model_config = ConfigDict(from_attributes=True)


@dataclass(frozen=True)
class _Refused:
    """Refuses everything but one value, and null, and says why."""

    why: str
    but: object = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self._check, handler(source))

    def _check(self, value: object) -> object:
        if value is None or value is self.but:
            return value
        raise PydanticCustomError("refused", "{why}", {"why": self.why})


class _Chosen:
    """Marks what Navarch chooses from the cloud's offer where it is left out. An empty value would say nothing."""


_CHOSEN = _Chosen()
Text = Annotated[str, _CHOSEN]
Labels = Annotated[dict[str, str], BeforeValidator(dict)]


class _NumberOrText:
    """Refuses what is neither, once: a union's own errors are one for each of its types, at fields that no request
    has."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self._check, handler(source))

    def _check(self, value: object) -> object:
        if value is None or (isinstance(value, int | str) and not isinstance(value, bool)):
            return value
        why = f"must be a number or percent, as 25%, got {kind_of(value)}"
        raise PydanticCustomError("refused", "{why}", {"why": why})


Share = Annotated[int | str, _NumberOrText()]


class Volume(Shown):
    """etcd's own disk."""

    type: Text = Field(description="Volume type. Default: ssd, or the first one in every zone used.")
    size_gib: Annotated[int, _CHOSEN] = Field(description="Size in GiB. Default: 10.")


class RootVolume(Shown):
    """The volume that machines start from, in place of their flavor's disk."""

    type: Text = Field(description="Volume type. Default: ssd, or the first one in every zone used.")
    size_gib: Annotated[int, _CHOSEN] = Field(
        description="Size in GiB. Default: 20, or what the node image needs if that is more."
    )


class Network(Shown):
    """Addresses. Immutable after creation, except api_allowed_cidrs."""

    external_network: Text = Field(description="Where public addresses come from; name or id.")
    subnet_id: str | None = Field(description="Not offered yet: must be null.")
    node_cidr: str = Field(description="Range of the machines. Default: 10.0.0.0/24.")
    pod_cidr: str = Field(description="Range of pods, a /24 of it for each node. Default: 10.100.0.0/16.")
    service_cidr: str = Field(description="Range of services. Default: 10.254.0.0/16.")
    dns_servers: list[str] = Field(description="Resolvers of the machines. Default: the cloud's.")
    public_api: bool = Field(description="Only true is offered yet.")
    api_allowed_cidrs: list[str] = Field(description="Who may reach the Kubernetes API. Default: all.")


class ControlPlane(Shown):
    """The machines that run Kubernetes itself."""

    replicas: int = Field(description="1, 3 or 5. Default: 1.")
    flavor: Text = Field(description="At least 2 vCPU and 2048 MiB. Default: the smallest that fits.")
    zones: list[str] = Field(description="Default: the first zone for 1 replica, else all. Immutable.")
    etcd_volume: Volume
    root_volume: RootVolume | None = Field(description="What machines start from. Default: the flavor's own disk.")
    repair_after_seconds: int = Field(
        description="How long a node may be NotReady before its machine is replaced: 60 to 86400. Default: 300."
    )


class Taint(Shown):
    """A Kubernetes taint."""

    key: str
    value: str
    effect: str = Field(description="NoSchedule, PreferNoSchedule or NoExecute.")


class KeepFailed(Shown):
    """Machines that were given up and are kept for a look: out of service, and not counted."""

    count: int = Field(description="How many at the most: 0 to 10. Default: 0.")
    hours: int = Field(description="For how long: 1 to 720. Default: 24.")


class Spare(Shown):
    """Room that a group keeps free for pods to come, as a CapacityBuffer of autoscaling.x-k8s.io with the strategy
    active-capacity says it."""

    replicas: int = Field(description="For how many pods: 0 to 100. Default: 0.")
    cpu_millicores: int = Field(description="What each of them asks for of CPU, in thousandths. Default: 0.")
    memory_mib: int = Field(description="And of memory, in MiB. Default: 0.")


class Autoscaling(Shown):
    """Pods that no machine has room for bring machines, and machines that are hardly used go."""

    min: int = Field(description="The fewest machines: 0 to 100. Default: 0.")
    max: int = Field(description="The most machines: 1 to 100. Required.")
    unneeded_seconds: int = Field(
        description="How long a machine must have been hardly used before it goes: 60 to 86400. Default: 600."
    )
    utilization_threshold: int = Field(
        description="What hardly used means: percent of a machine's CPU and memory that pods ask for, 1 to 100. "
        "Default: 50."
    )
    max_provision_seconds: int = Field(
        description="After how long a machine that did not become a node is given up, and another group is tried: 300 "
        "to 86400. Default: 900."
    )
    capacity: Labels = Field(
        description="Extended resources that a machine will have, beside those that its flavor names: a number by the "
        "resource, as nvidia.com/gpu: 1. They count until the machine shows them, or max_provision_seconds are over. "
        "Default: none."
    )
    priority: int = Field(
        description="Where the cluster's expander is priority: of the groups that could help a pod, the one with the "
        "highest grows. -1000 to 1000. Default: 0."
    )
    spare: Spare = Field(
        description="Room kept free on the group's machines beside what pods ask for: it brings machines within the "
        "limits, keeps those that hold it, and is whoever's comes first. Default: none."
    )


class NodeGroupSpec(Shown):
    """Workers that are alike. A change of kubernetes_version, flavor, zones or root_volume replaces machines, as fast
    as max_surge and max_unavailable let it."""

    kubernetes_version: str | None = Field(
        description="One of /kaas/v1/versions, not newer than the cluster's and three minor versions older at the "
        "most. Default: the cluster's."
    )
    flavor: Text = Field(description="Default: the smallest that fits.")
    replicas: int = Field(
        description="0 to 100; within the limits of autoscaling, where Navarch moves it. Default: 2; with autoscaling "
        "its min."
    )
    autoscaling: Autoscaling | None = Field(
        description="Limits within which Navarch moves replicas, by the pods that there are. Default: it does not."
    )
    zones: list[str] = Field(description="Spread over these. Default: the first one.")
    labels: Labels = Field(description="Labels of the nodes; a change reaches nodes that run. Default: none.")
    taints: list[Taint] = Field(description="Taints of the nodes; a change reaches nodes that run. Default: none.")
    root_volume: RootVolume | None = Field(description="What machines start from. Default: the flavor's own disk.")
    max_surge: Share = Field(
        description='Machines more than replicas while some are replaced: 0 to 10, or percent, as "25%", rounded up. '
        "Default: 1."
    )
    max_unavailable: Share = Field(
        description="Machines fewer than replicas meanwhile: 0 to 10, or percent, rounded down. Default: 0."
    )
    drain_timeout_seconds: int = Field(
        description="How long pods may refuse to leave a machine before people are asked: 0 to 604800. Default: 600."
    )
    force_drain: bool = Field(
        description="Whether they are ended then, whatever their PodDisruptionBudgets say. Default: false."
    )
    repair_after_seconds: int = Field(
        description="How long a node may be NotReady before its machine is replaced: 60 to 86400. Default: 300."
    )
    repair_conditions: list[str] = Field(
        description="Types of node conditions that count as NotReady does while they are True. Default: none."
    )
    max_unhealthy: Share = Field(
        description="Nothing that runs is replaced while more than so many of the group are not healthy: a number, or "
        "percent; two always may be. What the cloud calls gone or failed is replaced at any time. Default: 40%."
    )
    keep_failed_machines: KeepFailed = Field(description="Machines that were given up and are kept for a look.")


class Schedule(Shown):
    """The cluster starts at `start` and stops at `stop`, on the day after where that is not later. What a person says
    by `running` holds until the next of these moments."""

    start: str = Field(description="Time of the day, as 08:00. Required.")
    stop: str = Field(description="Time of the day, as 20:00. Required.")
    days: list[str] = Field(description="On which it starts: mon to sun. Default: all.")
    timezone: str = Field(description="A name of the IANA database, as Europe/Berlin. Default: UTC.")


class MaintenanceWindow(Shown):
    """When Navarch may begin what nobody asked for: automatic upgrades."""

    start: str = Field(description="Time of the day, as 03:00. Required.")
    hours: int = Field(description="How long it may begin something from then on: 1 to 24. Required.")
    days: list[str] = Field(description="mon to sun. Default: all.")
    timezone: str = Field(description="A name of the IANA database, as Europe/Berlin. Default: UTC.")


class ClusterSpec(Shown):
    """The wish, without node groups."""

    kubernetes_version: Text = Field(description="One of /kaas/v1/versions. Default: the newest.")
    node_image: Text = Field(
        description="Image of that version in Glance, by its name or id; a wrong name is answered with those that "
        "there are. Another one replaces the machines. Default: the one built last."
    )
    running: bool = Field(
        description="Whether machines run. false: workers are drained, then all machines are shut off. Default: true."
    )
    schedule: Schedule | None = Field(description="When it starts and stops by itself. Default: never.")
    remove_stopped_workers: bool = Field(
        description="Whether workers of a stopped cluster are removed instead of shut off. Default: false."
    )
    paused: bool = Field(description="Navarch keeps its hands off. Default: false.")
    protected: bool = Field(
        description="Deleting the cluster is refused with 409 until this is false again; its node groups and machines "
        "can be deleted all the same. Default: false."
    )
    rollout_paused: bool = Field(
        description="Nothing is replaced for not being as it is wanted now. What is lost still is. Default: false."
    )
    soak_seconds: int = Field(
        description="How long the first new machine of a group must be Ready before others are replaced: 0 to 86400. "
        "Default: 0."
    )
    groups_at_once: int = Field(
        description="Node groups whose machines are replaced side by side: 1 to 20. Default: 1."
    )
    expander: str = Field(
        description="Which node group grows, where several would help pods that wait: least-waste (the least of "
        "its new machines would be left over), priority (the highest autoscaling.priority), most-pods (it helps the "
        "most), random. Default: least-waste."
    )
    maintenance: MaintenanceWindow | None = Field(
        description="When Navarch may begin what nobody asked for: automatic upgrades. What a person asks for, and "
        "repair, wait for no window. Default: at any time."
    )
    automatic_upgrades: bool = Field(
        description="Whether Navarch gives the cluster newer patches of its minor version, and newer node images, by "
        "itself, within maintenance. Default: false."
    )
    network: Network
    control_plane: ControlPlane
    ssh_keys: list[str] = Field(description="Public keys for the machines' user debian. Default: none.")


class _NewNodeGroupSpec(NodeGroupSpec):
    """A node group of a new cluster."""

    name: str = Field(description="RFC 1123 label of up to 20 characters. Required.")


class _NewClusterSpec(ClusterSpec):
    """The wish for a new cluster."""

    node_groups: list[_NewNodeGroupSpec] = Field(description="Default: one group named default with 2 replicas.")
    addons: list[NewAddon] = Field(
        description="Add-ons of the catalogue that it begins with: installed as soon as it can take them, resources of "
        "their own from then on. Default: none."
    )


class _NewCluster(Shown):
    """A new cluster: nothing but its name is needed."""

    name: str = Field(
        description="RFC 1123 label of up to 40 characters, unique in the project. Required.", examples=["shop"]
    )
    region: Text = Field(description="Region of the cloud. Default: the only one.")
    labels: Labels = Field(description="Default: none.")
    spec: _NewClusterSpec


class _ClusterSpecPatch(ClusterSpec):
    """The wish, without node groups."""

    node_groups: Annotated[None, _Refused("is changed at /kaas/v1/clusters/{id}/node_groups/{name}")] = Field(
        None, description="Not here: they are resources of their own."
    )
    addons: Annotated[None, _Refused("are changed at /kaas/v1/clusters/{id}/addons/{name}")] = Field(
        None, description="Not here: they are resources of their own."
    )


class _ClusterPatch(Shown):
    """A merge patch (RFC 7396) of a cluster. What cannot be changed is refused with the reason. Node groups are
    resources of their own."""

    name: str = Field(description="Immutable.")
    region: Text = Field(description="Immutable.")
    labels: Labels
    spec: _ClusterSpecPatch


class _NewNodeGroup(Shown):
    """A new node group."""

    name: str = Field(description="RFC 1123 label of up to 20 characters. Required.")
    spec: NodeGroupSpec


class _NodeGroupPatch(Shown):
    """A merge patch (RFC 7396) of a node group. What cannot be changed is refused with the reason."""

    name: str = Field(description="Immutable.")
    spec: NodeGroupSpec


@cache
def asked(model: type[BaseModel]) -> type[BaseModel]:
    """The model as a request has it: each field, at every depth, may be left out or null; unknown ones are refused; and
    what Navarch would choose is not empty where it is given."""
    fields: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        bounds: dict[str, Any] = _not_empty(info.annotation) if _CHOSEN in info.metadata else {}
        hint: Any = Union[_as_asked(info.annotation), None]  # noqa: UP007 - of what is known only now
        for check in (m for m in info.metadata if isinstance(m, _Refused | _NumberOrText)):
            hint = Annotated[hint, check]
        fields[name] = (hint, Field(default=None, description=info.description, examples=info.examples, **bounds))
    name = model.__name__.removeprefix("_") if model.__name__.startswith("_") else f"{model.__name__}Input"
    return create_model(name, __base__=Asked, __doc__=model.__doc__, **fields)


def _not_empty(annotation: Any) -> dict[str, int]:
    return {"min_length": 1} if annotation is str else {"ge": 1}


def _as_asked(annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation if issubclass(annotation, Asked) else asked(annotation)
    if origin is list:
        return list[_as_asked(arguments[0])]  # type: ignore[misc]
    if origin in (Union, UnionType):
        return Union[tuple(_as_asked(one) for one in arguments)]  # noqa: UP007 - as above
    if origin is dict:
        return dict[str, str | None]  # null removes an entry
    return annotation


NewCluster = asked(_NewCluster)
ClusterPatch = asked(_ClusterPatch)
NewNodeGroup = asked(_NewNodeGroup)
NodeGroupPatch = asked(_NodeGroupPatch)


def given(request: BaseModel) -> dict[str, Any]:
    """The fields that a request has, null where it has null."""
    return request.model_dump(exclude_unset=True)


def addons_of(request: BaseModel) -> list[NewAddon]:
    """The add-ons that a request for a cluster names."""
    of_spec = getattr(request, "spec", None)
    return list(getattr(of_spec, "addons", None) or ())


def names_addons(document: dict[str, Any]) -> bool:
    """Whether a request for a cluster, as it came, says anything of add-ons."""
    of_spec = document.get("spec")
    return isinstance(of_spec, dict) and bool(of_spec.get("addons"))


def of_cluster(cluster: spec.Cluster) -> dict[str, Any]:
    """A cluster's wish as a document, without its node groups."""
    shown = ClusterSpec.model_validate(cluster.spec).model_dump(mode="json")
    return {"name": cluster.name, "region": cluster.region, "labels": dict(cluster.labels), "spec": shown}


def of_node_group(group: spec.NodeGroup) -> dict[str, Any]:
    """A node group's wish as a document."""
    return {"name": group.name, "spec": NodeGroupSpec.model_validate(group.spec).model_dump(mode="json")}
