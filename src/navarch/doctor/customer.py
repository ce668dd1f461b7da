"""What a customer's token can check: services, roles, quota, image, networks, balancers, zones, volume types."""

from collections.abc import Iterator, Sequence

from navarch.doctor.cloud import SERVICES, Cloud, Refused, Token
from navarch.doctor.finding import Finding, fail, ok, warn
from navarch.doctor.needs import WORKERS, first_cluster, least, shortfalls
from navarch.domain.offer import Allowance, Flavor

_PROBES = {  # a cheap request of each service, by which it shows that it lives and lets us in
    "identity": "/auth/projects",
    "compute": "/flavors?limit=1",
    "network": "/networks?limit=1&fields=id",
    "block-storage": "/types",
    "image": "/images?limit=1",
    "load-balancer": "/lbaas/loadbalancers?limit=1&fields=id",
}
_SLOW_SECONDS = 2.0
_EXTENSIONS = {"router": "routers", "external-net": "external networks", "security-group": "security groups"}
_TAGS = ("standard-attr-tag", "tag")


def unknown_region(region: str | None, known: Sequence[str]) -> Finding | None:
    """A region that no endpoint of the catalogue is in; None: there is one, or none was named."""
    if region is None or region in known or not known:
        return None
    fix = "Correct --os-region-name, OS_REGION_NAME or region_name in clouds.yaml; then run this again."
    return fail("region", f"{region!r} is not in the catalogue; there is {', '.join(known)}", fix)


def services(cloud: Cloud) -> Iterator[Finding]:
    """Every service is in the catalogue, answers, and how fast."""
    for service, (name, _, _) in SERVICES.items():
        url = cloud.keystone.address(service)
        subject = f"{name} ({service})"
        if url is None:
            region = cloud.keystone.credentials.region
            where = f" in region {region}" if region else ""
            yield fail(
                subject, f"no {cloud.keystone.credentials.interface} endpoint in the catalogue{where}",
                f"Operator: install {name}, or register its endpoint. If the region is wrong: --os-region-name.",
            )  # fmt: skip
            continue
        try:
            cloud.timed(service, _PROBES[service])  # the first request also finds out the versions
            _, took = cloud.timed(service, _PROBES[service])
        except Refused as refused:
            fix = f"Operator: look at {name}'s log; is {url} reachable from here?"
            if refused.status in (401, 403):
                fix = f"Operator: give the user a role that {name}'s policy accepts (member; Octavia may want "
                fix += "load-balancer_member)."
            yield fail(subject, refused.message, fix)
            continue
        version = cloud.version(service)
        detail = f"{url}{f', version {version}' if version else ''}, {took * 1000:.0f} ms"
        if took > _SLOW_SECONDS:
            yield warn(subject, detail, f"Operator: {name} is slow; clusters will be, too.")
        else:
            yield ok(subject, detail)


def role(token: Token) -> Finding:
    """The token may create things."""
    roles = ", ".join(sorted(token.roles)) or "none"
    detail = f"{token.user_name} in project {token.project_name or token.project_id or 'none'}: {roles}"
    if not token.project_id:
        return fail("roles", detail, "Name a project: project_name in clouds.yaml or OS_PROJECT_NAME.")
    if {"member", "admin"} & {role.lower() for role in token.roles}:
        return ok("roles", detail)
    return fail(
        "roles", f"{detail}; creating a cluster needs member",
        f"Project admin: openstack role add --user {token.user_name} --project {token.project_name} member",
    )  # fmt: skip


def image(cloud: Cloud) -> tuple[Finding, int]:
    """Images that machines can start from, and the GiB that the smallest disk must have."""
    found = [
        i
        for i in cloud.items("image", "/images", "images", limit=200, status="active")
        if i.get("navarch_kubernetes_version")
    ]
    if not found:
        return fail(
            "node image", "no active image with the property navarch_kubernetes_version is visible to this project",
            "Operator: navarch-images register VERSION --cloud CLOUD.",
        ), 0  # fmt: skip
    versions = sorted({str(i["navarch_kubernetes_version"]) for i in found}, key=_version_key, reverse=True)
    hidden = [i["name"] for i in found if i.get("visibility") == "private"]
    disk = min(int(i.get("min_disk") or 0) for i in found)
    detail = f"Kubernetes {', '.join(versions)}"
    if hidden and len(hidden) == len(found):
        fix = "Operator: openstack image set --public, so that every project can use it."
        return warn("node image", f"{detail}, but {', '.join(hidden)} can be seen by its own project only", fix), disk
    return ok("node image", detail), disk


def quota(cloud: Cloud, token: Token, disk_gib: int) -> Iterator[Finding]:
    """There are flavors that fit, and the quota suffices for one control-plane machine and two workers."""
    flavors = read_flavors(cloud)
    first = first_cluster(flavors, disk_gib)
    if first is None:
        yield fail(
            "flavors", f"none of the {len(flavors)} has {least(disk_gib)}",
            "Operator: openstack flavor create --vcpus 2 --ram 2048 --disk 20 c1.small",
        )  # fmt: skip
        return
    yield ok("flavors", f"{len(flavors)}; control plane from {first.control_plane}, workers from {first.worker}")
    allowances = tuple(read_quota(cloud, token))
    lacking = shortfalls(first.needs, allowances)
    subject = f"quota for 1+{WORKERS}"
    if lacking:
        yield fail(subject, "; ".join(lacking), "Remove what is not needed, or ask the operator to raise these quotas.")
        return
    machines = f"1 {first.control_plane} and {WORKERS} {first.worker}"
    yield ok(subject, f"suffices: {machines}, {len(allowances)} quotas looked at")


def read_flavors(cloud: Cloud) -> tuple[Flavor, ...]:
    """The flavors that the token sees."""
    found = cloud.items("compute", "/flavors/detail", "flavors")
    return tuple(Flavor(f["id"], f["name"], f["vcpus"], f["ram"], f["disk"]) for f in found)


def read_quota(cloud: Cloud, token: Token) -> Iterator[Allowance]:
    """The project's quotas; what cannot be read is left out, Navarch looks again before it makes anything."""
    absolute = cloud.get("compute", "/limits")["limits"]["absolute"]
    nova = (
        ("instances", "maxTotalInstances", "totalInstancesUsed", ""),
        ("cores", "maxTotalCores", "totalCoresUsed", ""),
        ("ram", "maxTotalRAMSize", "totalRAMUsed", "MiB"),
        ("server_groups", "maxServerGroups", "totalServerGroupsUsed", ""),
    )
    for resource, limit, used, unit in nova:
        if limit in absolute:
            yield Allowance(resource, absolute[limit], absolute.get(used, 0), unit)
    absolute = cloud.get("block-storage", "/limits")["limits"]["absolute"]
    yield Allowance("volumes", absolute["maxTotalVolumes"], absolute["totalVolumesUsed"])
    yield Allowance("gigabytes", absolute["maxTotalVolumeGigabytes"], absolute["totalGigabytesUsed"], "GiB")
    try:
        details = cloud.get("network", f"/quotas/{token.project_id}/details.json")["quota"]
    except Refused as refused:
        if refused.status not in (403, 404):
            raise
        details = {}
    for name in ("network", "subnet", "router", "port", "security_group", "security_group_rule", "floatingip"):
        if name in details:
            plural = "floating_ips" if name == "floatingip" else f"{name}s"
            yield Allowance(plural, details[name]["limit"], details[name]["used"])
    try:
        most = cloud.get("load-balancer", f"/lbaas/quotas/{token.project_id}")["quota"].get("load_balancer")
        have = cloud.items("load-balancer", "/lbaas/loadbalancers", "loadbalancers", project_id=token.project_id)
        yield Allowance("load_balancers", -1 if most is None else most, sum(1 for _ in have))
    except Refused as refused:
        if refused.status not in (403, 404):
            raise


def networking(cloud: Cloud) -> Iterator[Finding]:
    """Neutron has what is needed, and there is a network to the outside."""
    aliases = {e["alias"] for e in cloud.get("network", "/extensions")["extensions"]}
    missing = [word for alias, word in _EXTENSIONS.items() if alias not in aliases]
    if not aliases & set(_TAGS):
        missing.append("tags (standard-attr-tag)")
    if missing:
        yield fail("network extensions", f"missing: {', '.join(missing)}", "Operator: enable them in Neutron.")
    else:
        yield ok("network extensions", "routers, security groups, external networks, tags")
    external = list(cloud.items("network", "/networks", "networks", **{"router:external": "true"}))
    usable = [n for n in external if n.get("subnets")]
    if not external:
        yield fail(
            "external network", "none is visible to this project",
            "Operator: openstack network create --external --share public, with a subnet of public addresses.",
        )  # fmt: skip
    elif not usable:
        names = ", ".join(n["name"] for n in external)
        yield fail("external network", f"{names} has no subnet", "Operator: openstack subnet create on it.")
    else:
        yield ok("external network", ", ".join(n["name"] for n in usable))


def balancers(cloud: Cloud, provider: str) -> Finding:
    """Octavia offers the provider that Navarch asks for."""
    found = {p["name"]: p["description"] for p in cloud.get("load-balancer", "/lbaas/providers")["providers"]}
    names = ", ".join(sorted(found))
    if provider in found:
        return ok("balancer provider", f"{provider} is enabled (of {names})")
    return fail(
        "balancer provider", f"{provider} is not enabled; there are: {names}",
        "Operator: install ovn-octavia-provider and add `ovn` to enabled_provider_drivers, or set Navarch's "
        "load_balancer_provider to one of these.",
    )  # fmt: skip


def zones(cloud: Cloud) -> Iterator[Finding]:
    """Zones for machines, zones for volumes, and a volume type in them."""
    machine_zones = sorted(
        z["zoneName"]
        for z in cloud.get("compute", "/os-availability-zone")["availabilityZoneInfo"]
        if z["zoneState"]["available"] and z["zoneName"] != "internal"
    )
    all_of_volumes = cloud.get("block-storage", "/os-availability-zone")["availabilityZoneInfo"]
    volume_zones = sorted(z["zoneName"] for z in all_of_volumes if z["zoneState"]["available"])
    if machine_zones:
        yield ok("zones of machines", ", ".join(machine_zones))
    else:
        yield fail("zones of machines", "none is available", "Operator: no compute service is up; look at Nova.")
    unserved = [z for z in machine_zones if z not in volume_zones]
    if not volume_zones:
        yield fail("zones of volumes", "none is available", "Operator: no volume service is up; look at Cinder.")
    elif unserved and len(all_of_volumes) == 1:
        yield ok("zones of volumes", f"one, {volume_zones[0]}, which serves machines of every zone")
    elif unserved:
        yield warn(
            "zones of volumes", f"{', '.join(volume_zones)}; no zone of volumes is named {' or '.join(unserved)}",
            "Operator: name the zones of Cinder like Nova's, or clusters must keep to the zones that both have.",
        )  # fmt: skip
    else:
        yield ok("zones of volumes", ", ".join(volume_zones))
    found = list(cloud.items("block-storage", "/types", "volume_types"))
    types = [t for t in found if t["name"] != "__DEFAULT__"] or found
    if not types:
        fix = "Operator: openstack volume type create ssd"
        yield fail("volume types", "none is visible to this project", fix)
        return
    shown = []
    for kind in types:
        named = (kind.get("extra_specs") or {}).get("RESKEY:availability_zones")
        shown.append(f"{kind['name']} ({named})" if named else kind["name"])
    yield ok("volume types", ", ".join(sorted(shown)))


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
