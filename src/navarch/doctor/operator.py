"""What only an operator's token can check: hosts, agents, and what Navarch itself needs in Keystone."""

from collections.abc import Iterator

from navarch.doctor.cloud import Cloud, Json
from navarch.doctor.finding import Finding, fail, ok, warn

DOMAIN = "navarch"
SERVICE_USER = "navarch"


def hosts(cloud: Cloud) -> Iterator[Finding]:
    """Every zone has a compute host that is up; no network agent or volume service is down."""
    zones: dict[str, list[str]] = {}
    down = []
    for service in cloud.get("compute", "/os-services", binary="nova-compute")["services"]:
        if service["state"] == "up" and service["status"] == "enabled":
            zones.setdefault(service["zone"], []).append(service["host"])
        else:
            zones.setdefault(service["zone"], [])
            down.append(f"{service['host']} ({service['state']}, {service['status']})")
    empty = sorted(zone for zone, up in zones.items() if not up)
    shown = "; ".join(f"{zone}: {', '.join(sorted(up)) or 'none'}" for zone, up in sorted(zones.items()))
    if empty or not zones:
        fix = "Start nova-compute there, or openstack compute service set --enable."
        yield fail("compute hosts", f"{shown or 'none at all'}", fix)
    elif down:
        yield warn("compute hosts", f"{shown}; not usable: {', '.join(down)}", "Start them, or delete their services.")
    else:
        yield ok("compute hosts", shown)
    agents = cloud.get("network", "/agents")["agents"]
    dead = [f"{a['binary']} on {a['host']}" for a in agents if not a["alive"]]
    if dead:
        yield warn(
            "network agents", f"not alive: {', '.join(dead)}", "Look at them; machines on these hosts have no network."
        )
    else:
        yield ok("network agents", f"{len(agents)} alive")
    volume = cloud.get("block-storage", "/os-services")["services"]
    down = [f"{s['binary']} on {s['host']}" for s in volume if s["state"] != "up"]
    if down:
        yield warn(
            "volume services", f"not up: {', '.join(down)}", "Look at their logs; their volumes cannot be attached."
        )
    else:
        yield ok("volume services", f"{len(volume)} up")


def keystone(cloud: Cloud) -> Iterator[Finding]:
    """The domain for the clusters' users, and the service user with its roles."""
    domains = cloud.get("identity", "/domains", name=DOMAIN)["domains"]
    if domains:
        yield ok("Keystone domain", f"{DOMAIN} is there for the clusters' users")
    else:
        fix = f"openstack domain create {DOMAIN} (or another name, told to Navarch as cluster_domain)"
        yield warn("Keystone domain", f"no domain {DOMAIN}", fix)
    users = cloud.get("identity", "/users", name=SERVICE_USER)["users"]
    if not users:
        fix = f"openstack user create {SERVICE_USER}, or make sure that the user Navarch is configured with exists."
        yield warn("service user", f"no user {SERVICE_USER}", fix)
        return
    found = cloud.get("identity", "/role_assignments", **{"user.id": users[0]["id"], "include_names": "true"})
    assignments = found["role_assignments"]
    inherited = [a for a in assignments if a["scope"].get("OS-INHERIT:inherited_to") and a["role"]["name"] == "member"]
    manages = [a for a in assignments if _domain(a) == DOMAIN and a["role"]["name"] in ("manager", "admin")]
    validates = [a for a in assignments if a["role"]["name"] in ("service", "admin", "reader")]
    missing = []
    if not inherited:
        missing.append(
            f"openstack role add --user {SERVICE_USER} --domain Default --inherited member (for customers' projects)"
        )
    if domains and not manages:
        missing.append(
            f"openstack role add --user {SERVICE_USER} --domain {DOMAIN} manager (to make the clusters' users)"
        )
    if not validates:
        missing.append(f"openstack role add --user {SERVICE_USER} --project service service (to validate tokens)")
    if missing:
        yield warn("service user", f"{SERVICE_USER} lacks roles", "; ".join(missing))
    else:
        where = ", ".join(sorted({_domain(a) for a in inherited}))
        yield ok("service user", f"{SERVICE_USER}: member inherited on {where}, manager of {DOMAIN}")


def _domain(assignment: Json) -> str:
    return str((assignment["scope"].get("domain") or {}).get("name", ""))
