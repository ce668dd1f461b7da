"""Load balancers (Octavia)."""

from dataclasses import replace

from navarch.clouds.openstack import marks
from navarch.clouds.openstack.handlers import Found, Handler
from navarch.clouds.openstack.session import Json, Project, first
from navarch.domain import names
from navarch.domain.errors import Conflict
from navarch.domain.openstack.resources import CLOUD_CONTROLLER, NAVARCH, Kind, LoadBalancer
from navarch.domain.openstack.steps import EnsureLoadBalancer
from navarch.domain.spec import Owner

# One answer puts a member in: a new cluster waits for it. Two failures take it out.
_MONITOR = {"type": "TCP", "delay": 2, "timeout": 2, "max_retries": 1, "max_retries_down": 2}  # seconds, tries
_LIST = "/lbaas/loadbalancers"
_API = "kubernetes-api"  # name of the listener and of its pool


def read_load_balancers(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """The API's balancer with its members (one more request), and those that the cloud controller made for Services."""
    found, astray = [], []
    for body in _project_balancers(project, owner):
        maker = marks.balancer_maker(owner, body["name"], body.get("description") or "")
        if maker is None and body["id"] in known:
            maker = NAVARCH
            astray.append((body["id"], body["name"]))
        if maker is None:
            continue
        members = _addresses(_pool(project, body)) if maker == NAVARCH else ()
        service = marks.balanced_service(owner, body["name"]) if maker == CLOUD_CONTROLLER else None
        found.append(replace(_balancer(body, members, maker), service=service or ""))
    return Found(tuple(found), tuple(astray))


def ensure_load_balancer(project: Project, owner: Owner, step: EnsureLoadBalancer, provider: str) -> LoadBalancer:
    """The API's balancer: whole in one request, or with its members made equal to the step's. Conflict if they have to
    change while Octavia is busy with it."""
    mark, article = marks.mark(owner), marks.article(Kind.LOAD_BALANCER, step.name)
    # Octavia forgets the filter on the way to the next page.
    named = (b for b in _project_balancers(project, owner, name=step.name) if b["name"] == step.name)
    there = [b for b in named if b.get("description") == mark]
    if step.address:  # a second one of ours is not meant; one that goes may have no address any more
        there = [b for b in there if b["vip_address"] == step.address] or [b for b in there if not b["vip_address"]]
    found = first(there)
    if found is None:
        body = {"loadbalancer": _whole(owner, step, provider)}
        made = project.balancer.post(_LIST, body, f"create {article}")["loadbalancer"]
        return _balancer(made, step.members, NAVARCH)
    if found["provisioning_status"] in ("PENDING_DELETE", "DELETED"):
        raise Conflict(f"Cannot create {article}: the last one of this name is still being removed")
    pool = _pool(project, found)
    if pool is None:
        if found["provisioning_status"] == "ACTIVE":  # somebody took a part of it away: whole ones are made at once
            remove_load_balancer(project, owner, found["id"], step.name)
            raise Conflict(f"Cannot repair {article}, which lost its listener or pool: it is removed and made anew")
        return _balancer(found, (), NAVARCH)  # is being made, or is failing: its status says so
    members = _addresses(pool)
    if set(members) == set(step.members):
        return _balancer(found, members, NAVARCH)
    if found["provisioning_status"].startswith("PENDING_"):
        raise Conflict(f"Cannot set the members of {article}: it is {found['provisioning_status']}")
    path, batch = f"/lbaas/pools/{pool['id']}/members", {"members": _member_bodies(step)}
    project.balancer.put(path, batch, f"set the members of {article}")
    changed = _balancer(found, tuple(sorted(step.members)), NAVARCH)
    return replace(changed, provisioning_status="PENDING_UPDATE")


def remove_load_balancer(project: Project, owner: Owner, balancer_id: str, name: str) -> None:
    """Ask a balancer to go with all that belongs to it; Conflict while Octavia is busy with it."""
    doing = f"delete {marks.article(Kind.LOAD_BALANCER, name)}"
    project.balancer.delete(f"{_LIST}/{balancer_id}", doing, cascade="true")


def senders(project: Project, owner: Owner, address: str) -> tuple[str, ...]:
    """Services whose balancers have the address as a member; one that failed sends nowhere that can be changed."""
    made = [b for b in _project_balancers(project, owner) if b["provisioning_status"] != "ERROR"]
    services = ((marks.balanced_service(owner, body["name"]), body) for body in made)
    return tuple(sorted(name for name, body in services if name is not None and address in _members(project, body)))


def _whole(owner: Owner, step: EnsureLoadBalancer, provider: str) -> Json:
    return {
        "name": step.name,
        "description": marks.mark(owner),
        "tags": [names.tag(owner.cluster_id)],
        "provider": provider,
        "vip_subnet_id": step.subnet_id,
        **({"vip_address": step.address} if step.address else {}),
        "listeners": [
            {
                "name": _API,
                "protocol": "TCP",
                "protocol_port": step.port,
                "default_pool": {
                    "name": _API,
                    "protocol": "TCP",
                    # OVN balances only by hash of addresses and ports; amphorae do not know that algorithm.
                    "lb_algorithm": "SOURCE_IP_PORT" if provider == "ovn" else "ROUND_ROBIN",
                    "members": _member_bodies(step),
                    "healthmonitor": {"name": _API, **_MONITOR},
                },
            }
        ],
    }


def _member_bodies(step: EnsureLoadBalancer) -> list[Json]:
    return [
        {"name": address, "address": address, "protocol_port": step.port, "subnet_id": step.subnet_id}
        for address in sorted(step.members)
    ]


def _project_balancers(project: Project, owner: Owner, **query: str) -> list[Json]:
    query = {"project_id": owner.project_id, **query}
    return project.balancer.items(_LIST, "loadbalancers", f"look up {Kind.LOAD_BALANCER}s", **query)


def _pool(project: Project, balancer: Json) -> Json | None:
    """The API's pool with its members, found by name: others may have put listeners and pools of their own on the
    balancer. None where it, or its listener, is not there."""
    if balancer["provisioning_status"] == "PENDING_DELETE":
        return None
    listeners = _listeners(project, balancer)
    pools = (p for each in listeners for p in each.get("pools") or () if each["name"] == p["name"] == _API)
    return next(pools, None)


def _listeners(project: Project, balancer: Json) -> list[Json]:
    """A balancer's listeners, with their pools and those's members; none where it is gone."""
    path, doing = f"{_LIST}/{balancer['id']}/status", f"look up what {balancer['name']} consists of"
    answer = project.balancer.look_up(path, doing)
    return (answer["statuses"]["loadbalancer"].get("listeners") or []) if answer is not None else []


def _members(project: Project, balancer: Json) -> set[str]:
    """The addresses that a balancer sends to."""
    pools = (pool for each in _listeners(project, balancer) for pool in each.get("pools") or ())
    return {member["address"] for pool in pools for member in pool.get("members") or ()}


def _addresses(pool: Json | None) -> tuple[str, ...]:
    return tuple(sorted(member["address"] for member in (pool or {}).get("members") or ()))


def _balancer(body: Json, members: tuple[str, ...], made_by: str) -> LoadBalancer:
    return LoadBalancer(
        id=body["id"],
        name=body["name"],
        provisioning_status=body["provisioning_status"],
        operating_status=body["operating_status"],
        vip_address=body["vip_address"] or "",
        vip_port_id=body["vip_port_id"] or "",
        members=tuple(sorted(members)),
        made_by=made_by,
        vip_subnet_id=body.get("vip_subnet_id") or "",
    )


def _restore(project: Project, owner: Owner, balancer_id: str, name: str) -> None:
    body = {"loadbalancer": {"name": name, "description": marks.mark(owner)}}
    doing = f"give {marks.article(Kind.LOAD_BALANCER, name)} its name back"
    project.balancer.put(f"{_LIST}/{balancer_id}", body, doing)


HANDLERS = (Handler(Kind.LOAD_BALANCER, read_load_balancers, remove_load_balancer, _restore),)
