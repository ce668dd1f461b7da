"""The first identities and resources, through the services' own APIs. Everything is looked for before it is made."""

from collections.abc import Iterable
from typing import Any

from navarch_lab.conf.ini import Context
from navarch_lab.topology import (
    APIS,
    CUSTOMERS,
    EXTERNAL_CIDR,
    FLAVORS,
    FLOATING_FIRST,
    FLOATING_LAST,
    HOST_ADDRESS,
    HOSTS,
    NAVARCH_DOMAIN,
    NAVARCH_USER,
    PHYSICAL_NETWORK,
    READER,
    REGION,
    SERVICE_USERS,
    ZONES,
)

Cloud = Any
"""openstack.connection.Connection; imported late, since the import takes a second."""

COMPUTE_QUOTA = {
    "instances": 40, "cores": 80, "ram": 163840, "key_pairs": 50, "server_groups": 60, "server_group_members": 60,
}  # fmt: skip
NETWORK_QUOTA = {
    "network": 50, "subnet": 50, "router": 20, "port": 500, "floatingip": 40, "security_group": 100,
    "security_group_rule": 1000,
}  # fmt: skip
VOLUME_QUOTA = {"volumes": 100, "gigabytes": 2000, "snapshots": 50, "backups": 10}


def connect(context: Context) -> Cloud:
    """The administrator, from inside the lab and without TLS."""
    import openstack

    return openstack.connect(
        auth_url=APIS["keystone"].internal_url,
        username="admin",
        password=context.passwords["admin"],
        project_name="admin",
        user_domain_id="default",
        project_domain_id="default",
        region_name=REGION,
        interface="internal",
        load_yaml_config=False,
        load_envvars=False,
        app_name="navarch-lab",
    )


# -- identities


def ensure_identities(cloud: Cloud, context: Context) -> None:
    """Roles, the services' users and catalogue, the customers, and Navarch's own service user with its domain."""
    identity = cloud.identity
    roles = {role.name: role for role in identity.roles()}
    for name in ("service", "load-balancer_member", "load-balancer_observer", "load-balancer_admin"):
        if name not in roles:
            roles[name] = identity.create_role(name=name)
    # octavia asks for roles of its own; implied, so that a plain member or reader has them, as most clouds set it up.
    for prior, implied in (
        ("member", "load-balancer_member"), ("reader", "load-balancer_observer"), ("admin", "load-balancer_admin"),
    ):  # fmt: skip
        identity.put(f"/roles/{roles[prior].id}/implies/{roles[implied].id}")
    service = _project(identity, "service")
    for name in SERVICE_USERS:
        user = _user(identity, name, context.passwords[name])
        for role in ("admin", "service"):
            identity.assign_project_role_to_user(service, user, roles[role])
    _ensure_catalogue(identity)
    for name in CUSTOMERS:
        project = _project(identity, name)
        identity.assign_project_role_to_user(project, _user(identity, name, context.passwords[name]), roles["member"])
    reader, of_project = READER
    user = _user(identity, reader, context.passwords[reader])
    identity.assign_project_role_to_user(_project(identity, of_project), user, roles["reader"])
    _ensure_navarch(identity, context, service, roles)


def _ensure_navarch(identity: Any, context: Context, service: Any, roles: dict[str, Any]) -> None:
    """`service` in its own project, `member` wherever a customer is, manager of a domain for the clusters' users."""
    user = _user(identity, NAVARCH_USER, context.passwords[NAVARCH_USER])
    identity.assign_project_role_to_user(service, user, roles["service"])
    identity.put(f"/OS-INHERIT/domains/default/users/{user.id}/roles/{roles['member'].id}/inherited_to_projects")
    domain = _first(identity.domains(name=NAVARCH_DOMAIN)) or identity.create_domain(
        name=NAVARCH_DOMAIN, description="Users of clusters, one for each"
    )
    identity.assign_domain_role_to_user(domain, user, roles["manager"])


def _ensure_catalogue(identity: Any) -> None:
    services = {service.type: service for service in identity.services()}
    endpoints = {(endpoint.service_id, endpoint.interface): endpoint for endpoint in identity.endpoints()}
    for api in APIS.values():
        if api.type not in services:
            services[api.type] = identity.create_service(name=api.name, type=api.type)
        for interface, url in (("public", api.public_url), ("internal", api.internal_url)):
            key = (services[api.type].id, interface)
            if key not in endpoints:
                identity.create_endpoint(service_id=key[0], interface=interface, url=url, region_id=REGION)


def _project(identity: Any, name: str) -> Any:
    found = _first(identity.projects(name=name, domain_id="default"))
    return found or identity.create_project(name=name, domain_id="default")


def _user(identity: Any, name: str, password: str) -> Any:
    found = _first(identity.users(name=name, domain_id="default"))
    return found or identity.create_user(name=name, password=password, domain_id="default")


def _first(things: Iterable[Any]) -> Any:
    """The first of them, None where there is none."""
    return next(iter(things), None)


# -- resources


def ensure_zones(cloud: Cloud) -> None:
    """An aggregate per zone with its hosts. Waits for nothing: every host must have registered."""
    aggregates = {aggregate.name: aggregate for aggregate in cloud.compute.aggregates()}
    for zone in ZONES:
        aggregate = aggregates.get(zone) or cloud.compute.create_aggregate(name=zone, availability_zone=zone)
        for host in [host for host, of_zone in HOSTS.items() if of_zone == zone]:
            if host not in (aggregate.hosts or []):
                cloud.compute.add_host_to_aggregate(aggregate, host)


def ensure_flavors(cloud: Cloud) -> None:
    have = {flavor.name for flavor in cloud.compute.flavors()}
    for flavor in FLAVORS:
        if flavor.name not in have:
            cloud.compute.create_flavor(
                name=flavor.name, vcpus=flavor.vcpus, ram=flavor.memory_mib, disk=flavor.disk_gib
            )


def ensure_volume_types(cloud: Cloud, backends: Iterable[tuple[str, str]]) -> None:
    """One type per kind of disk, offered in the zones that have a backend of it."""
    zones: dict[str, list[str]] = {}
    for kind, zone in backends:
        zones.setdefault(kind, []).append(zone)
    have = {kind.name for kind in cloud.block_storage.types()}
    for name, in_zones in zones.items():
        if name not in have:
            specs = {"volume_backend_name": name, "RESKEY:availability_zones": ",".join(in_zones)}
            cloud.block_storage.create_type(name=name, extra_specs=specs)


def ensure_external_network(cloud: Cloud) -> None:
    network = _first(cloud.network.networks(name="public")) or cloud.network.create_network(
        name="public",
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network=PHYSICAL_NETWORK,
        description="The world outside: the host and the public endpoints",
    )
    if not list(cloud.network.subnets(network_id=network.id)):
        cloud.network.create_subnet(
            name="public",
            network_id=network.id,
            ip_version=4,
            cidr=EXTERNAL_CIDR,
            gateway_ip=HOST_ADDRESS,
            is_dhcp_enabled=False,
            allocation_pools=[{"start": FLOATING_FIRST, "end": FLOATING_LAST}],
        )


def ensure_quotas(cloud: Cloud) -> None:
    for name in CUSTOMERS:
        project = _project(cloud.identity, name)
        cloud.compute.put(f"/os-quota-sets/{project.id}", json={"quota_set": COMPUTE_QUOTA})
        cloud.network.put(f"/quotas/{project.id}", json={"quota": NETWORK_QUOTA})
        cloud.block_storage.put(f"/os-quota-sets/{project.id}", json={"quota_set": VOLUME_QUOTA})


# -- readiness


def missing(cloud: Cloud) -> list[str]:
    """What is not yet reported as working by the services themselves; empty when the lab can take orders."""
    found: list[str] = []
    services = {(service.binary, service.host) for service in cloud.compute.services() if service.state == "up"}
    found += [f"nova-compute on {host}" for host in HOSTS if ("nova-compute", host) not in services]
    found += [f"{binary}" for binary in ("nova-conductor", "nova-scheduler") if binary not in {b for b, _ in services}]
    providers = {provider.name for provider in cloud.placement.resource_providers()}
    found += [f"resource provider {host}" for host in HOSTS if host not in providers]
    hypervisors = {hypervisor.name for hypervisor in cloud.compute.hypervisors()}
    found += [f"hypervisor {host}" for host in HOSTS if host not in hypervisors]
    return found


def missing_storage(cloud: Cloud, backends: Iterable[str]) -> list[str]:
    pools = {pool.name.split("@")[1].split("#")[0] for pool in cloud.block_storage.backend_pools()}
    return [f"volume backend {backend}" for backend in backends if backend not in pools]


def missing_network(cloud: Cloud) -> list[str]:
    agents = {agent.agent_type for agent in cloud.network.agents() if agent.is_alive}
    wanted = ("OVN Controller Gateway agent", "OVN Neutron agent")
    return [f"{agent}" for agent in wanted if agent not in agents]
