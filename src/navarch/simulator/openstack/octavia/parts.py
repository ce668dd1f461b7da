"""What a balancer consists of: listeners, each with a pool; its members and its health monitor."""

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Refused, Request, bad_request, conflict, not_found
from navarch.simulator.openstack.octavia import states
from navarch.simulator.openstack.octavia.listing import listed
from navarch.simulator.openstack.region import Region


def list_listeners(region: Region, request: Request) -> Answer:
    """GET /v2/lbaas/listeners."""
    return listed(region, request, "listener", "listeners")


def list_pools(region: Region, request: Request) -> Answer:
    """GET /v2/lbaas/pools."""
    return listed(region, request, "pool", "pools")


def list_monitors(region: Region, request: Request) -> Answer:
    """GET /v2/lbaas/healthmonitors."""
    return listed(region, request, "health monitor", "healthmonitors")


def list_members(region: Region, request: Request, pool_id: str) -> Answer:
    """GET /v2/lbaas/pools/{id}/members."""
    pool = _pool(region, request, pool_id)
    return Answer(200, {"members": [m.body for m in members_of(region, pool)]})


def replace_members(region: Region, request: Request, pool_id: str) -> Answer:
    """PUT /v2/lbaas/pools/{id}/members: these and no others."""
    pool = _pool(region, request, pool_id)
    wanted = request.body.get("members") if isinstance(request.body, dict) else None
    if not isinstance(wanted, list):
        raise bad_request("Missing required field: members")
    balancer = region["load balancer"].get(pool.hidden["balancer_id"])
    if balancer is None:
        raise not_found(f"pool {pool_id} not found.")
    if balancer["provisioning_status"] != "ACTIVE":
        raise conflict(f"Load Balancer {balancer.id} is immutable and cannot be updated.")
    keys = [(m.get("address"), m.get("protocol_port")) for m in wanted]
    if len(set(keys)) < len(keys):
        raise bad_request("Validation failure: Member must be updated only once in the same request.")
    there = {(m["address"], m["protocol_port"]): m for m in members_of(region, pool)}
    more = len(set(keys) - there.keys()) - len(there.keys() - set(keys))
    if more > 0:
        states.within_quota(region, pool.project_id, "member", "member", "Member", more)
    for key, member in there.items():
        if key not in keys:
            region["member"].drop(member)
    for key, member in zip(keys, wanted, strict=True):
        if key not in there:
            _add_member(region, balancer, pool, member)
    states.change(region, balancer)
    return Answer(202)


# -- for the balancers


def check_whole(region: Region, project_id: str, wanted: Json, provider: str) -> None:
    """Raises Refused for parts that the provider does not know or the project may not have."""
    listeners = wanted.get("listeners") or []
    pools = [p for listener in listeners if (p := listener.get("default_pool"))]
    members = [m for pool in pools for m in pool.get("members") or ()]
    for kind, resource, word, count in (
        ("pool", "pool", "Pool", len(pools)),
        ("listener", "listener", "Listener", len(listeners)),
        ("member", "member", "Member", len(members)),
    ):
        if count:
            states.within_quota(region, project_id, kind, resource, word, count)
    if not all(pool.get("name") for pool in pools):
        said = "Validation failure: Pools must be named when creating a fully populated loadbalancer."
        raise bad_request(said)
    if provider != "ovn":
        return
    said = "Provider 'ovn' does not support a requested option:"
    if any(pool.get("lb_algorithm") != "SOURCE_IP_PORT" for pool in pools):
        raise Refused(501, f"{said} OVN provider does not support {pools[0].get('lb_algorithm')} algorithm")
    if any(listener.get("allowed_cidrs") for listener in listeners):
        raise Refused(501, f"{said} OVN provider does not support allowed_cidrs option")


def add_whole(region: Region, balancer: Object, wanted: Json) -> None:
    """The parts that a balancer is asked for with."""
    for listener in wanted.get("listeners") or ():
        pool = _add_pool(region, balancer, listener["default_pool"]) if listener.get("default_pool") else None
        body = {
            **_common(region, balancer, listener),
            "protocol": listener.get("protocol"),
            "protocol_port": listener.get("protocol_port"),
            "default_pool_id": pool.id if pool is not None else None,
            "loadbalancers": [{"id": balancer.id}],
            "allowed_cidrs": None,
            "connection_limit": -1,
        }
        region["listener"].add(body, balancer.project_id, balancer_id=balancer.id)
        balancer["listeners"].append({"id": body["id"]})
        if pool is not None:
            pool["listeners"].append({"id": body["id"]})


def remove(region: Region, balancer: Object) -> None:
    """Let all parts be gone."""
    for part in list(states.parts_of(region, balancer)):
        region[part.kind].drop(part)


def remove_listener(region: Region, listener: Object) -> None:
    """Let a listener be gone: what somebody does by hand."""
    region["listener"].drop(listener)
    balancer = region["load balancer"].get(listener.hidden["balancer_id"])
    if balancer is not None:
        balancer["listeners"] = [each for each in balancer["listeners"] if each["id"] != listener.id]


def tree(region: Region, balancer: Object) -> Json:
    """The balancer with its parts, as `/status` shows them."""
    listeners = [o for o in region["listener"].of(balancer.project_id) if o.hidden["balancer_id"] == balancer.id]
    shown = [{**_short(listener), "pools": _pools(region, listener)} for listener in listeners]
    return {**_short(balancer), "listeners": shown}


def members_of(region: Region, pool: Object) -> list[Object]:
    """A pool's members."""
    return [m for m in region["member"].of(pool.project_id) if m.hidden["pool_id"] == pool.id]


def pools_of(region: Region, balancer: Object) -> list[Object]:
    """A balancer's pools."""
    return [p for p in region["pool"].of(balancer.project_id) if p.hidden["balancer_id"] == balancer.id]


# -- details


def _pools(region: Region, listener: Object) -> list[Json]:
    pool = region["pool"].get(listener["default_pool_id"])
    if pool is None:
        return []
    monitor = region["health monitor"].get(pool["healthmonitor_id"])
    members = [
        {**_short(m), "address": m["address"], "protocol_port": m["protocol_port"]} for m in members_of(region, pool)
    ]
    return [
        {**_short(pool), "members": members, **({"health_monitor": _short(monitor)} if monitor is not None else {})}
    ]


def _short(found: Object) -> Json:
    return {key: found[key] for key in ("id", "name", "provisioning_status", "operating_status")}


def _common(region: Region, balancer: Object, wanted: Json) -> Json:
    return {
        "id": region.new_id(),
        "name": wanted.get("name") or "",
        "description": wanted.get("description") or "",
        "project_id": balancer.project_id,
        "provisioning_status": balancer["provisioning_status"],
        "operating_status": "OFFLINE",
        "admin_state_up": True,
        "tags": [],
        "created_at": states.moment(region),
        "updated_at": None,
    }


def _add_pool(region: Region, balancer: Object, wanted: Json) -> Object:
    body = {
        **_common(region, balancer, wanted),
        "protocol": wanted.get("protocol"),
        "lb_algorithm": wanted.get("lb_algorithm"),
        "loadbalancers": [{"id": balancer.id}],
        "listeners": [],
        "members": [],
        "healthmonitor_id": None,
        "session_persistence": None,
    }
    pool = region["pool"].add(body, balancer.project_id, balancer_id=balancer.id)
    balancer["pools"].append({"id": pool.id})
    for member in wanted.get("members") or ():
        _add_member(region, balancer, pool, member)
    monitor = wanted.get("healthmonitor")
    if monitor:
        body = {**_common(region, balancer, monitor), **{k: monitor.get(k) for k in ("type", "delay", "timeout",
                "max_retries", "max_retries_down")}, "pools": [{"id": pool.id}]}  # fmt: skip
        pool["healthmonitor_id"] = body["id"]
        region["health monitor"].add(body, balancer.project_id, balancer_id=balancer.id)
    return pool


def _add_member(region: Region, balancer: Object, pool: Object, wanted: Json) -> None:
    body = {
        **_common(region, balancer, wanted),
        "address": wanted.get("address"),
        "protocol_port": wanted.get("protocol_port"),
        "subnet_id": wanted.get("subnet_id"),
        "weight": 1,
        "backup": False,
    }
    region["member"].add(body, balancer.project_id, balancer_id=balancer.id, pool_id=pool.id)


def _pool(region: Region, request: Request, pool_id: str) -> Object:
    pool = region["pool"].get(pool_id)
    if pool is None or not (pool.project_id == request.scope.project_id or request.scope.is_admin):
        raise not_found(f"pool {pool_id} not found.")
    return pool


ROUTES = (
    ("GET", "/lbaas/listeners", list_listeners),
    ("GET", "/lbaas/pools", list_pools),
    ("GET", "/lbaas/healthmonitors", list_monitors),
    ("GET", "/lbaas/pools/{id}/members", list_members),
    ("PUT", "/lbaas/pools/{id}/members", replace_members),
)
