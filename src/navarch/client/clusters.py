"""The service's routes as methods. Clusters are named by id or by unique name."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

from navarch.client.http import BASE, Http
from navarch.client.shapes import (
    Belongings,
    Cluster,
    ClusterPage,
    Credentials,
    DeletionPlan,
    Event,
    Figures,
    IssuedKubeconfig,
    Json,
    Kubeconfig,
    Machine,
    NodeGroup,
    Progress,
    Upgrade,
    Workloads,
)

_PAGE, _EVENTS_A_PAGE = 100, 1000
_SILENT_SECONDS = 20.0  # a stream says something every 15


class Navarch:
    """The native API. Every method may raise `Problem`, `Unavailable` and `NotAuthorised`."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.__exit__(kind, error, trace)

    def now(self) -> datetime:
        """The service's time."""
        return self.http.now()

    # clusters

    def create_cluster(self, body: Mapping[str, Any], *, idempotency_key: str | None = None) -> Cluster:
        """Ask for a cluster. The same key and body answer the same cluster; one is made where none is given, so that
        a lost answer never makes two."""
        key = idempotency_key or str(uuid.uuid4())
        return cast(Cluster, self.http.call("POST", f"{BASE}/clusters", json=body, headers={"Idempotency-Key": key}))

    def plan_cluster(self, body: Mapping[str, Any]) -> Json:
        """What `create_cluster` would do; changes nothing."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._json("POST", "/clusters", json=body, params={"dry_run": "true"}, headers=headers)

    def clusters(
        self,
        *,
        labels: Mapping[str, str] | None = None,
        name: str | None = None,
        search: str = "",
        phases: Sequence[str] = (),
        versions: Sequence[str] = (),
        responsible: Sequence[str] = (),
        sort: str | None = None,
        unreadable: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Cluster]:
        """Every cluster of the project that is asked for, page by page. `search`: words that all must match. `phases`,
        `versions`, `responsible`: one of these. `sort`: created, name, phase or version, with a minus backwards.
        `unreadable` is called with the id of each that the service has and cannot read."""
        params: list[tuple[str, Any]] = [
            ("limit", _PAGE),
            *(("label", f"{k}={v}") for k, v in (labels or {}).items()),
            *(("phase", phase) for phase in phases),
            *(("kubernetes_version", version) for version in versions),
            *(("responsible", who) for who in responsible),
            *((key, value) for key, value in (("name", name), ("search", search), ("sort", sort)) if value),
        ]
        return cast(Iterator[Cluster], self._pages("/clusters", "clusters", params, unreadable))

    def cluster_page(self, params: Sequence[tuple[str, str]]) -> ClusterPage:
        """One page of the list, by the API's own parameters."""
        return cast(ClusterPage, self.http.call("GET", f"{BASE}/clusters", params=list(params)))

    def cluster(self, cluster: str) -> Cluster:
        """One cluster."""
        return cast(Cluster, self._json("GET", _at(cluster)))

    def watch(
        self, cluster: str, *, seconds: int, last_event_id: str | None = None
    ) -> AbstractContextManager[Iterator[str]]:
        """A stream of what changes in a cluster and its machines, for so many seconds at most, as lines of server-sent
        events; `last_event_id`: of the event to go on after. See `follow.Follower` for what can be made of it."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        params = {"watch": "true", "timeout_seconds": seconds}
        return self.http.stream(BASE + _at(cluster), params=params, headers=headers, silent_seconds=_SILENT_SECONDS)

    def update_cluster(self, cluster: str, patch: Mapping[str, Any], *, if_match: int | None = None) -> Cluster:
        """Merge `patch` into the cluster. `if_match`: a generation; refused with 412 where somebody was faster."""
        return cast(Cluster, self._json("PATCH", _at(cluster), json=patch, headers=_match(if_match)))

    def plan_update(self, cluster: str, patch: Mapping[str, Any]) -> Json:
        """What `update_cluster` would do; changes nothing."""
        return self._json("PATCH", _at(cluster), json=patch, params={"dry_run": "true"})

    def delete_cluster(self, cluster: str, *, keep_volumes: bool = False) -> Cluster | None:
        """Ask the cluster to go; `keep_volumes` leaves the volumes of claims."""
        params = {"keep": "volumes"} if keep_volumes else {}
        return cast(Cluster | None, self.http.call("DELETE", BASE + _at(cluster), params=params))

    def plan_deletion(self, cluster: str, *, keep_volumes: bool = False) -> DeletionPlan:
        """What `delete_cluster` would take and leave; changes nothing."""
        params = {"dry_run": "true", **({"keep": "volumes"} if keep_volumes else {})}
        return cast(DeletionPlan, self._json("DELETE", _at(cluster), params=params))

    def upgrades(self, cluster: str) -> Iterator[Upgrade]:
        """Versions above the cluster's, newest first, and what is in the way of each."""
        return cast(Iterator[Upgrade], self._pages(_at(cluster, "upgrades"), "upgrades"))

    def issue_kubeconfig(self, cluster: str, body: Mapping[str, Any]) -> Kubeconfig:
        """A short-lived credential; `body` holds `role` or `groups`, and `ttl_seconds`."""
        return cast(Kubeconfig, self._json("POST", _at(cluster, "kubeconfigs"), json=body))

    def kubeconfigs(self, cluster: str) -> Iterator[IssuedKubeconfig]:
        """Those that were issued and have not ended."""
        return cast(Iterator[IssuedKubeconfig], self._pages(_at(cluster, "kubeconfigs"), "kubeconfigs"))

    def revoke_kubeconfig(self, cluster: str, kubeconfig: str) -> IssuedKubeconfig:
        """Have the cluster refuse one before its end."""
        return cast(IssuedKubeconfig, self._json("DELETE", _at(cluster, "kubeconfigs", kubeconfig)))

    def plan_kubeconfig_revocation(self, cluster: str, kubeconfig: str) -> IssuedKubeconfig:
        """As it would be; changes nothing."""
        path = _at(cluster, "kubeconfigs", kubeconfig)
        return cast(IssuedKubeconfig, self._json("DELETE", path, params={"dry_run": "true"}))

    def credentials(self, cluster: str) -> Credentials:
        """What is known of those of its own controllers."""
        return cast(Credentials, self._json("GET", _at(cluster, "credentials")))

    def renew_credentials(self, cluster: str) -> Credentials:
        """Have them replaced."""
        return cast(Credentials, self._json("POST", _at(cluster, "credentials")))

    def plan_credentials(self, cluster: str) -> Credentials:
        """As they would be right after the request; changes nothing."""
        return cast(Credentials, self._json("POST", _at(cluster, "credentials"), params={"dry_run": "true"}))

    # what belongs to a cluster

    def node_groups(self, cluster: str) -> Iterator[NodeGroup]:
        """Its node groups."""
        return cast(Iterator[NodeGroup], self._pages(_at(cluster, "node_groups"), "node_groups"))

    def node_group(self, cluster: str, name: str) -> NodeGroup:
        """One node group."""
        return cast(NodeGroup, self._json("GET", _at(cluster, "node_groups", name)))

    def create_node_group(self, cluster: str, body: Mapping[str, Any]) -> NodeGroup:
        """Ask for a node group. Not repeated after a lost answer: its name is taken if the first request arrived."""
        return cast(NodeGroup, self._json("POST", _at(cluster, "node_groups"), json=body))

    def plan_node_group(self, cluster: str, body: Mapping[str, Any]) -> Json:
        """What `create_node_group` would do; changes nothing."""
        return self._json("POST", _at(cluster, "node_groups"), json=body, params={"dry_run": "true"})

    def update_node_group(
        self, cluster: str, name: str, patch: Mapping[str, Any], *, if_match: int | None = None
    ) -> NodeGroup:
        """Merge `patch` into a node group."""
        path = _at(cluster, "node_groups", name)
        return cast(NodeGroup, self._json("PATCH", path, json=patch, headers=_match(if_match)))

    def plan_node_group_update(self, cluster: str, name: str, patch: Mapping[str, Any]) -> Json:
        """What `update_node_group` would do; changes nothing."""
        return self._json("PATCH", _at(cluster, "node_groups", name), json=patch, params={"dry_run": "true"})

    def delete_node_group(self, cluster: str, name: str) -> NodeGroup | None:
        """Ask a node group to go: its nodes are drained first."""
        return cast(NodeGroup | None, self.http.call("DELETE", BASE + _at(cluster, "node_groups", name)))

    def addons(self, cluster: str) -> Iterator[Json]:
        """What it chose of the catalogue, and how that is."""
        return self._pages(_at(cluster, "addons"), "addons")

    def all_addons(self, cluster: str) -> Json:
        """`addons`: what it chose of the catalogue; `required`: what every cluster has."""
        return self._json("GET", _at(cluster, "addons"))

    def addon(self, cluster: str, name: str) -> Json:
        """One of its add-ons."""
        return self._json("GET", _at(cluster, "addons", name))

    def install_addon(self, cluster: str, body: Mapping[str, Any]) -> Json:
        """Choose an add-on. Not repeated after a lost answer: its name is taken if the first request arrived."""
        return self._json("POST", _at(cluster, "addons"), json=body)

    def plan_addon(self, cluster: str, body: Mapping[str, Any]) -> Json:
        """What `install_addon` would do; changes nothing."""
        return self._json("POST", _at(cluster, "addons"), json=body, params={"dry_run": "true"})

    def update_addon(self, cluster: str, name: str, patch: Mapping[str, Any], *, if_match: int | None = None) -> Json:
        """Merge `patch` into an add-on."""
        return self._json("PATCH", _at(cluster, "addons", name), json=patch, headers=_match(if_match))

    def plan_addon_update(self, cluster: str, name: str, patch: Mapping[str, Any]) -> Json:
        """What `update_addon` would do; changes nothing."""
        return self._json("PATCH", _at(cluster, "addons", name), json=patch, params={"dry_run": "true"})

    def test_addon(self, cluster: str, name: str) -> Json:
        """Have its tests run."""
        return self._json("POST", _at(cluster, "addons", name, "test"))

    def plan_addon_test(self, cluster: str, name: str) -> Json:
        """What `test_addon` would run; changes nothing."""
        return self._json("POST", _at(cluster, "addons", name, "test"), params={"dry_run": "true"})

    def remove_addon(self, cluster: str, name: str, *, with_data: bool = False, no_hooks: bool = False) -> Json:
        """Ask an add-on to go; `with_data`: with definitions of kinds and claims; `no_hooks`: no hook runs."""
        params = {**({"with": "data"} if with_data else {}), **({"no_hooks": "true"} if no_hooks else {})}
        return self._json("DELETE", _at(cluster, "addons", name), params=params)

    def machines(self, cluster: str, *, removed: bool = False) -> Iterator[Machine]:
        """Its machines; `removed`: also those that are gone."""
        params: list[tuple[str, Any]] = [("removed", "true")] if removed else []
        return cast(Iterator[Machine], self._pages(_at(cluster, "machines"), "machines", params))

    def objects(self, cluster: str) -> Belongings:
        """What it has in its cloud, as it was seen last."""
        return cast(Belongings, self._json("GET", _at(cluster, "objects")))

    def figures(self, cluster: str, range_: str = "1h") -> Figures:
        """What its add-on that measures says of it; `range_`: 1h, 6h, 24h or 7d."""
        return cast(Figures, self._json("GET", _at(cluster, "figures"), params={"range": range_}))

    def workloads(self, cluster: str, namespace: str = "") -> Workloads:
        """What runs in it, in one namespace or (empty) in all."""
        params = {"namespace": namespace} if namespace else {}
        return cast(Workloads, self._json("GET", _at(cluster, "workloads"), params=params))

    def delete_machine(
        self, cluster: str, name: str, *, keep_size: bool = False, if_match: int | None = None
    ) -> Machine:
        """Ask a machine to go, drained first; `keep_size`: another takes its place. `if_match`: the generation of its
        node group, of its cluster where it is of the control plane."""
        params = {"keep_size": "true"} if keep_size else {}
        return cast(
            Machine, self._json("DELETE", _at(cluster, "machines", name), params=params, headers=_match(if_match))
        )

    def plan_machine_deletion(self, cluster: str, name: str, *, keep_size: bool = False) -> Json:
        """What `delete_machine` would do; changes nothing."""
        params = {"dry_run": "true", **({"keep_size": "true"} if keep_size else {})}
        return self._json("DELETE", _at(cluster, "machines", name), params=params)

    def events(self, cluster: str, *, after: int | None = None) -> Iterator[Event]:
        """Its timeline, oldest first; `after`: only those after the event of that id."""
        params: list[tuple[str, Any]] = [("limit", _EVENTS_A_PAGE), *([] if after is None else [("marker", after)])]
        return cast(Iterator[Event], self._pages(_at(cluster, "events"), "events", params))

    def timeline(self, cluster: str, *, everything: bool = False) -> Json:
        """Where the time of its creation went, as lanes of a waterfall; `everything`: also what happened since."""
        return self._json("GET", _at(cluster, "timeline"), params={"everything": "true"} if everything else {})

    def progress(self, cluster: str, *, since: str | None = None) -> Progress:
        """How far it is on its way to what was asked for. `since`: from when on it counts what comes true in a cluster
        that is Ready (RFC 3339); None: now."""
        params = {"since": since} if since else {}
        return cast(Progress, self._json("GET", _at(cluster, "progress"), params=params))

    # what a form needs

    def catalogue(self, noun: str) -> list[Json]:
        """All entries of `versions`, `flavors`, `zones`, `volume_types` or `external_networks`."""
        return cast(list[Json], list(self._pages(f"/{noun}", noun)))

    def entries(self) -> list[Json]:
        """What can be chosen as an add-on."""
        return list(self._pages("/addons", "entries"))

    def entry(self, name: str, *, version: str | None = None, kubernetes: str | None = None) -> Json:
        """One of these with its README and the schema of its values: in this version, or in the newest for this
        Kubernetes, or in the newest."""
        asked = {"version": version, "kubernetes": kubernetes}
        params = {key: value for key, value in asked.items() if value}
        return self._json("GET", f"/addons/{quote(name, safe='')}", params=params)

    def entry_icon(self, name: str, *, version: str | None = None) -> bytes:
        """Its icon, an SVG."""
        params = {"version": version} if version else None
        path = f"{BASE}/addons/{quote(name, safe='')}/icon"
        return cast(bytes, self.http.call("GET", path, params=params, as_bytes=True))

    def quota(self) -> Json:
        """What the project may use and what is free."""
        return self._json("GET", "/quota")

    def ready(self) -> Json:
        """The service's own opinion of itself; asked without a token. Raises Unavailable where it is not ready."""
        return cast(Json, self.http.call("GET", "/readyz", authenticated=False) or {})

    def _json(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        return cast(Json, self.http.call(method, BASE + path, json=json, params=params, headers=headers))

    def _pages(
        self,
        path: str,
        noun: str,
        params: list[tuple[str, Any]] | None = None,
        unreadable: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Any]:
        page: Any = self.http.call("GET", BASE + path, params=params)
        while True:
            yield from page.get(noun) or []
            for cluster_id in page.get("unreadable") or []:
                unreadable(cluster_id)
            following = page.get("next")
            if not following:
                return
            page = self.http.call("GET", following)


def _at(cluster: str, *rest: str) -> str:
    return "/clusters/" + "/".join(quote(part, safe="") for part in (cluster, *rest))


def _match(generation: int | None) -> dict[str, str]:
    return {} if generation is None else {"If-Match": f'"{generation}"'}
