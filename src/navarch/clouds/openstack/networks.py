"""Networks, subnets and routers (Neutron)."""

from navarch.clouds.openstack import marks, strangers
from navarch.clouds.openstack.handlers import Found, Handler, kept_filter, marked, marked_or_known, restored_in
from navarch.clouds.openstack.session import Json, Project, first
from navarch.domain.errors import Conflict, Permanent, Responsible
from navarch.domain.openstack.resources import Kind, Network, Router, Subnet
from navarch.domain.openstack.steps import EnsureNetwork, EnsureRouter, EnsureSubnet
from navarch.domain.spec import Owner

_INTERFACE_OWNERS = [  # a router's interface in a subnet, whatever kind of router the cloud makes
    "network:router_interface",
    "network:router_interface_distributed",
    "network:ha_router_replicated_interface",
]
_INTERFACE_FIELDS = ["id", "device_id", "network_id", "fixed_ips"]


def read_networks(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """The owner's networks."""
    found, astray = marked_or_known(project.network, owner, "networks", Kind.NETWORK, known)
    return Found(tuple(_network(n) for n in found), astray)


def read_subnets(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """The owner's subnets."""
    found, astray = marked_or_known(project.network, owner, "subnets", Kind.SUBNET, known)
    return Found(tuple(_subnet(s) for s in found), astray)


def read_routers(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """The owner's routers with their interfaces: one more request for all of them where there are any."""
    routers, astray = marked_or_known(project.network, owner, "routers", Kind.ROUTER, known)
    if not routers:
        return Found(())
    interfaces = _interfaces(project, [r["id"] for r in routers])
    found = (_router(r, [i for i in interfaces if i["device_id"] == r["id"]]) for r in routers)
    return Found(tuple(found), astray)


def ensure_network(project: Project, owner: Owner, step: EnsureNetwork) -> Network:
    """A tenant network."""
    found = first(marked(project.network, owner, "networks", Kind.NETWORK, name=step.name))
    if found is None:
        body = {"network": {"name": step.name, "description": marks.mark(owner)}}
        found = project.network.post("/networks", body, f"create {marks.article(Kind.NETWORK, step.name)}")["network"]
    return _network(found)


def ensure_subnet(project: Project, owner: Owner, step: EnsureSubnet) -> Subnet:
    """A subnet with DHCP."""
    found = first(marked(project.network, owner, "subnets", Kind.SUBNET, name=step.name, network_id=step.network_id))
    if found is None:
        subnet: Json = {
            "name": step.name,
            "description": marks.mark(owner),
            "network_id": step.network_id,
            "ip_version": 4,
            "cidr": step.cidr,
            "enable_dhcp": True,
        }
        if step.dns_servers:
            subnet["dns_nameservers"] = list(step.dns_servers)
        doing = f"create {marks.article(Kind.SUBNET, step.name)} {step.cidr}"
        found = project.network.post("/subnets", {"subnet": subnet}, doing)["subnet"]
    return _subnet(found)


def ensure_router(project: Project, owner: Owner, step: EnsureRouter) -> Router:
    """A router with its gateway, and its interface where the step names a subnet."""
    found = first(marked(project.network, owner, "routers", Kind.ROUTER, name=step.name))
    article = marks.article(Kind.ROUTER, step.name)
    interfaces: list[Json] = []
    if found is None:
        gateway = {"network_id": external_network_id(project, step.external_network)}
        body = {"name": step.name, "description": marks.mark(owner), "external_gateway_info": gateway}
        found = project.network.post("/routers", {"router": body}, f"create {article}")["router"]
    else:
        interfaces = _interfaces(project, [found["id"]])
        if not found.get("external_gateway_info"):
            gateway = {"network_id": external_network_id(project, step.external_network)}
            body = {"router": {"external_gateway_info": gateway}}
            found = project.network.put(f"/routers/{found['id']}", body, f"give {article} its gateway")["router"]
    router = _router(found, interfaces)
    if step.subnet_id is None or step.subnet_id in router.subnet_ids:
        return router
    path = f"/routers/{router.id}/add_router_interface"
    project.network.put(path, {"subnet_id": step.subnet_id}, f"connect {article} to its subnet")
    return Router(router.id, router.name, router.external_network_id, (*router.subnet_ids, step.subnet_id))


def remove_network(project: Project, owner: Owner, network_id: str, name: str) -> None:
    """Ask a network to go; Conflict while a port is on it, Permanent where that is somebody else's."""
    doing = f"delete {marks.article(Kind.NETWORK, name)}"
    try:
        project.network.delete(f"/networks/{network_id}", doing)
    except Conflict:
        strangers.refuse_ports(project, owner, (network_id,), doing)
        raise


def remove_subnet(project: Project, owner: Owner, subnet_id: str, name: str) -> None:
    """Ask a subnet to go; Conflict while a port has an address of it."""
    project.network.delete(f"/subnets/{subnet_id}", f"delete {marks.article(Kind.SUBNET, name)}")


def remove_router(project: Project, owner: Owner, router_id: str, name: str) -> None:
    """Take a router's interfaces away, then the router; Conflict while a floating IP needs it, Permanent before that
    where others have machines behind it."""
    article = marks.article(Kind.ROUTER, name)
    interfaces = _interfaces(project, [router_id])
    strangers.refuse_ports(project, owner, {i["network_id"] for i in interfaces}, f"delete {article}")
    for interface in interfaces:
        path = f"/routers/{router_id}/remove_router_interface"
        project.network.put(path, {"port_id": interface["id"]}, f"disconnect {article} from its subnet")
    project.network.delete(f"/routers/{router_id}", f"delete {article}")


def external_network_id(project: Project, network: str) -> str:
    """The id of an external network given by name or id."""

    def look_up() -> str:
        query = {"router:external": "true", "fields": ["id", "name"]}
        found = project.network.items("/networks", "networks", "look up the external networks", **query)
        ids = [n["id"] for n in found if network in (n["id"], n["name"])]
        if len(ids) == 1:
            return str(ids[0])
        seen = ", ".join(sorted(n["name"] for n in found)) or "none"
        raise Permanent(
            f"{len(ids) or 'No'} external network{'s are' if ids else ' is'} named {network}; the project sees: {seen}",
            reason="ExternalNetworkNotFound",
            responsible=Responsible.USER,
            remedy="Choose one of the external networks that the project sees (by id where names are not unique).",
        )

    return project.resolve("external network", network, look_up)


def _interfaces(project: Project, router_ids: list[str]) -> list[Json]:
    query = {"device_id": router_ids, "device_owner": _INTERFACE_OWNERS, "fields": _INTERFACE_FIELDS}
    doing = "look up the router's interfaces"
    found = project.network.items("/ports", "ports", doing, **query)
    return kept_filter(project.network, doing, found, lambda body: body["device_id"] in router_ids)


def _network(body: Json) -> Network:
    return Network(id=body["id"], name=body["name"], mtu=body.get("mtu") or 1500)


def _subnet(body: Json) -> Subnet:
    return Subnet(id=body["id"], name=body["name"], network_id=body["network_id"], cidr=body["cidr"])


def _router(body: Json, interfaces: list[Json]) -> Router:
    subnets = {address["subnet_id"] for interface in interfaces for address in interface["fixed_ips"]}
    gateway = body.get("external_gateway_info") or {}
    return Router(
        id=body["id"],
        name=body["name"],
        external_network_id=gateway.get("network_id"),
        subnet_ids=tuple(sorted(subnets)),
    )


HANDLERS = (
    Handler(
        Kind.NETWORK,
        read_networks,
        remove_network,
        restored_in("networks", "network", Kind.NETWORK),
        {EnsureNetwork: ensure_network},
    ),
    Handler(
        Kind.SUBNET,
        read_subnets,
        remove_subnet,
        restored_in("subnets", "subnet", Kind.SUBNET),
        {EnsureSubnet: ensure_subnet},
    ),
    Handler(
        Kind.ROUTER,
        read_routers,
        remove_router,
        restored_in("routers", "router", Kind.ROUTER),
        {EnsureRouter: ensure_router},
    ),
)
