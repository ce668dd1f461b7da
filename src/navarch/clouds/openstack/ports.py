"""Ports and floating IPs (Neutron)."""

from navarch.clouds.openstack import marks
from navarch.clouds.openstack.errors import QuotaExceeded
from navarch.clouds.openstack.handlers import Found, Handler, kept_filter, marked, marked_or_known, restored_in
from navarch.clouds.openstack.networks import external_network_id
from navarch.clouds.openstack.session import Json, Project, first
from navarch.domain.errors import Conflict, Permanent, Responsible
from navarch.domain.openstack.names import mac_address
from navarch.domain.openstack.resources import NAVARCH, FloatingIP, Kind, Port
from navarch.domain.openstack.steps import AttachPort, EnsureFloatingIP, EnsurePort
from navarch.domain.spec import Owner


def read_ports(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """The owner's ports: those of its machines and places, not those of routers, balancers and DHCP."""
    found, astray = marked_or_known(project.network, owner, "ports", Kind.PORT, known)
    return Found(tuple(_port(p) for p in found), astray)


def read_floating_ips(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """The owner's floating IPs, and those that its cloud controller took for Services."""
    found, astray = [], []
    for body in _project_floating_ips(project, owner):
        description = body.get("description") or ""
        named = marks.floating_name(owner, description)
        if named is None and body["id"] in known:
            named = description, NAVARCH
            astray.append((body["id"], description))
        if named is not None:
            found.append(_floating_ip(body, *named))
    return Found(tuple(found), tuple(astray))


def ensure_port(project: Project, owner: Owner, step: EnsurePort) -> Port:
    """A port in the step's security groups; those that the cloud controller added stay."""
    found = first(marked(project.network, owner, "ports", Kind.PORT, name=step.name, network_id=step.network_id))
    article = marks.article(Kind.PORT, step.name)
    if found is None:
        wanted = {"ip_address": step.address} if step.address else {}
        body = {
            "name": step.name,
            "description": marks.mark(owner),
            "network_id": step.network_id,
            "mac_address": mac_address(owner, step.name),
            "fixed_ips": [{"subnet_id": step.subnet_id, **wanted}],
            "security_groups": list(step.security_group_ids),
        }
        try:
            found = project.network.post("/ports", {"port": body}, f"create {article}")["port"]
        except Conflict:
            found = _with_our_mac_address(project, owner, step)
            if found is None:
                raise
        except Permanent as error:
            raise _of_the_clusters_own_range(error) from error
    groups = sorted({*step.security_group_ids, *found["security_groups"]} - set(step.not_in))
    if groups != sorted(found["security_groups"]):
        change = {"port": {"security_groups": groups}}
        found = project.network.put(f"/ports/{found['id']}", change, f"set the security groups of {article}")["port"]
    return _port(found)


def _of_the_clusters_own_range(error: Permanent) -> Permanent:
    """The cluster's network is its user's: who puts what into it."""
    if error.reason != "AddressesExhausted":
        return error
    return Permanent(
        error.message,
        reason=error.reason,
        responsible=Responsible.USER,
        remedy="The cluster's node range has no free address left. Delete Services of type LoadBalancer or ports that "
        "nothing needs, or ask for fewer machines; a range stays as it is, so more of them need another cluster.",
    )


def attach_port(project: Project, owner: Owner, step: AttachPort) -> Port:
    """A port on a server that runs; one that is on a server already stays there."""
    article = marks.article(Kind.PORT, step.name)
    found = project.network.get(f"/ports/{step.port_id}", f"look up {article}")["port"]
    if not found.get("device_id"):
        body = {"interfaceAttachment": {"port_id": step.port_id}}
        project.compute.post(f"/servers/{step.server_id}/os-interface", body, f"attach {article}")
        found = {**found, "device_id": step.server_id}
    return _port(found)


def ensure_floating_ip(project: Project, owner: Owner, step: EnsureFloatingIP) -> FloatingIP:
    """A floating address on the step's port; one that was on another port moves. A certain address is asked for first,
    but by default Neutron lets only administrators choose (create_floatingip:floating_ip_address): then it is any."""
    description = marks.floating_description(owner, step.name)
    ours = _project_floating_ips(project, owner, description=description)
    on_it = [f for f in ours if f["port_id"] == step.port_id]
    found = first(on_it or [f for f in ours if f["floating_ip_address"] == step.address] or ours)
    article = marks.article(Kind.FLOATING_IP, step.name)
    if found is None:
        body = {
            "floating_network_id": external_network_id(project, step.external_network),
            "port_id": step.port_id,
            "description": description,
        }
        found = _as_it_was(project, body, step.address) if step.address else None
        if found is None:
            found = project.network.post("/floatingips", {"floatingip": body}, f"create {article}")["floatingip"]
    elif found["port_id"] != step.port_id:
        change = {"floatingip": {"port_id": step.port_id}}
        found = project.network.put(f"/floatingips/{found['id']}", change, f"move {article}")["floatingip"]
    return _floating_ip(found, step.name, NAVARCH)


def remove_port(project: Project, owner: Owner, port_id: str, name: str) -> None:
    """Ask a port to go; Conflict while a server has it."""
    project.network.delete(f"/ports/{port_id}", f"delete {marks.article(Kind.PORT, name)}")


def remove_floating_ip(project: Project, owner: Owner, floating_ip_id: str, name: str) -> None:
    """Give an address back."""
    project.network.delete(f"/floatingips/{floating_ip_id}", f"delete {marks.article(Kind.FLOATING_IP, name)}")


def _with_our_mac_address(project: Project, owner: Owner, step: EnsurePort) -> Json | None:
    """The machine's port, which lost name and mark before anybody wrote down its id, with both given back. Its MAC
    address is made of the cluster's id and the machine's name: nobody else's port has it. None: there is none."""
    mac = mac_address(owner, step.name)
    query = {"network_id": step.network_id, "mac_address": mac, "project_id": owner.project_id}
    doing = f"look up {Kind.PORT}s by MAC address"
    found = project.network.items("/ports", "ports", doing, **query)
    port = first(kept_filter(project.network, doing, found, lambda body: body["mac_address"] == mac))
    if port is not None:
        restored_in("ports", "port", Kind.PORT)(project, owner, port["id"], step.name)
    return port


def _as_it_was(project: Project, body: Json, address: str) -> Json | None:
    """A floating IP with this very address; None where somebody else has it or the cloud lets nobody choose."""
    chosen = {"floatingip": {**body, "floating_ip_address": address}}
    try:
        made: Json = project.network.post("/floatingips", chosen, f"create the floating IP {address}")["floatingip"]
    except QuotaExceeded:
        raise
    except (Conflict, Permanent):
        return None
    return made


def _project_floating_ips(project: Project, owner: Owner, **query: str) -> list[Json]:
    doing, asked = f"look up {Kind.FLOATING_IP}s", {"project_id": owner.project_id, **query}
    found = project.network.items("/floatingips", "floatingips", doing, **asked)
    return kept_filter(project.network, doing, found, lambda body: all(body.get(key) == query[key] for key in query))


def _port(body: Json) -> Port:
    addresses = [address["ip_address"] for address in body["fixed_ips"]]
    return Port(
        id=body["id"],
        name=body["name"],
        address=addresses[0] if addresses else "",
        server_id=body.get("device_id") or None,
        security_group_ids=tuple(sorted(body["security_groups"])),
        network_id=body["network_id"],
    )


def _floating_ip(body: Json, name: str, made_by: str) -> FloatingIP:
    return FloatingIP(
        id=body["id"],
        name=name,
        address=body["floating_ip_address"],
        port_id=body.get("port_id"),
        made_by=made_by,
    )


def _restore_floating_ip(project: Project, owner: Owner, id_: str, name: str) -> None:
    body = {"floatingip": {"description": marks.floating_description(owner, name)}}
    doing = f"give {marks.article(Kind.FLOATING_IP, name)} its description back"
    project.network.put(f"/floatingips/{id_}", body, doing)


HANDLERS = (
    Handler(
        Kind.PORT,
        read_ports,
        remove_port,
        restored_in("ports", "port", Kind.PORT),
        {EnsurePort: ensure_port, AttachPort: attach_port},
    ),
    Handler(
        Kind.FLOATING_IP,
        read_floating_ips,
        remove_floating_ip,
        _restore_floating_ip,
        {EnsureFloatingIP: ensure_floating_ip},
    ),
)
