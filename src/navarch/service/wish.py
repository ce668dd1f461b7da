"""The wish as people write and read it: each field once, with its type and its text.

A model shows the domain's value (`spec`) by the names of its attributes. `asked` makes of it the model of a request, in
which every field may be left out. Both are in OpenAPI. What the domain cannot say yet is refused here (`_Refused`); the
rest is judged by its admission.
"""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_before_validator_function

from navarch.domain import spec
from navarch.domain.admission import NOT_YET


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


class Volume(Shown):
    """etcd's own disk."""

    type: Text = Field(description="Volume type. Default: ssd, or the first one in every zone used.")
    size_gib: Annotated[int, _CHOSEN] = Field(description="Size in GiB. Default: 10.")


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
    zones: list[str] = Field(description="Default: the first zone for 1 replica, else all.")
    etcd_volume: Volume


class Taint(Shown):
    """A Kubernetes taint."""

    key: str
    value: str
    effect: str = Field(description="NoSchedule, PreferNoSchedule or NoExecute.")


class NodeGroupSpec(Shown):
    """Workers that are alike."""

    flavor: Text = Field(description="Default: the smallest that fits. Immutable yet.")
    replicas: int = Field(description="0 to 100. Default: 2.")
    autoscaling: Annotated[None, _Refused(f"{NOT_YET}: set replicas")] = Field(
        None, description="Not offered yet: must be null."
    )
    zones: list[str] = Field(description="Spread over these. Default: the first one. Immutable yet.")
    labels: Labels = Field(description="Labels of nodes that are made from now on. Default: none.")
    taints: list[Taint] = Field(description="Taints of nodes that are made from now on. Default: none.")
    root_volume: Annotated[None, _Refused(f"{NOT_YET}: machines use their flavor's disk")] = Field(
        None, description="Not offered yet: must be null."
    )
    max_surge: int = Field(description="Machines more than replicas while some are replaced. Default: 1.")
    max_unavailable: int = Field(description="Machines fewer than replicas meanwhile. Default: 0.")


class ClusterSpec(Shown):
    """The wish, without node groups."""

    kubernetes_version: Text = Field(description="One of /kaas/v1/versions. Default: the newest.")
    running: Annotated[
        Literal[True], _Refused(f"false {NOT_YET}; paused stops Navarch from changing anything", but=True)
    ] = Field(True, description="Only true is offered yet.")
    paused: bool = Field(description="Navarch keeps its hands off. Default: false.")
    network: Network
    control_plane: ControlPlane
    ssh_keys: list[str] = Field(description="Public keys for the machines' user debian. Default: none.")


class _NewNodeGroupSpec(NodeGroupSpec):
    """A node group of a new cluster."""

    name: str = Field(description="RFC 1123 label of up to 20 characters. Required.")


class _NewClusterSpec(ClusterSpec):
    """The wish for a new cluster."""

    node_groups: list[_NewNodeGroupSpec] = Field(description="Default: one group named default with 2 replicas.")


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


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


@cache
def asked(model: type[BaseModel]) -> type[BaseModel]:
    """The model as a request has it: each field, at every depth, may be left out or null; unknown ones are refused; and
    what Navarch would choose is not empty where it is given."""
    fields: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        bounds: dict[str, Any] = _not_empty(info.annotation) if _CHOSEN in info.metadata else {}
        hint: Any = Union[_as_asked(info.annotation), None]  # noqa: UP007 - of what is known only now
        for refused in (m for m in info.metadata if isinstance(m, _Refused)):
            hint = Annotated[hint, refused]
        fields[name] = (hint, Field(default=None, description=info.description, examples=info.examples, **bounds))
    name = model.__name__.removeprefix("_") if model.__name__.startswith("_") else f"{model.__name__}Input"
    return create_model(name, __base__=_Asked, __doc__=model.__doc__, **fields)


def _not_empty(annotation: Any) -> dict[str, int]:
    return {"min_length": 1} if annotation is str else {"ge": 1}


def _as_asked(annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return asked(annotation)
    if origin is list:
        return list[_as_asked(arguments[0])]  # type: ignore[misc]
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


def of_cluster(cluster: spec.Cluster) -> dict[str, Any]:
    """A cluster's wish as a document, without its node groups."""
    shown = ClusterSpec.model_validate(cluster.spec).model_dump(mode="json")
    return {"name": cluster.name, "region": cluster.region, "labels": dict(cluster.labels), "spec": shown}


def of_node_group(group: spec.NodeGroup) -> dict[str, Any]:
    """A node group's wish as a document."""
    return {"name": group.name, "spec": NodeGroupSpec.model_validate(group.spec).model_dump(mode="json")}
