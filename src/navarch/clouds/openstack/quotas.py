"""A project's quotas with what is used of them."""

from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime

from navarch.clouds.openstack.offer import private_flavors, private_volume_types
from navarch.clouds.openstack.session import Json, Project
from navarch.domain.needs import MEMBERS
from navarch.domain.offer import Allowance, Quota

_NOVA = (  # resource, Nova's limit, Nova's use, unit
    ("instances", "maxTotalInstances", "totalInstancesUsed", ""),
    ("cores", "maxTotalCores", "totalCoresUsed", ""),
    ("ram", "maxTotalRAMSize", "totalRAMUsed", "MiB"),
    ("server_groups", "maxServerGroups", "totalServerGroupsUsed", ""),
)
_CINDER = (
    ("volumes", "maxTotalVolumes", "totalVolumesUsed", ""),
    ("gigabytes", "maxTotalVolumeGigabytes", "totalGigabytesUsed", "GiB"),
    ("snapshots", "maxTotalSnapshots", "totalSnapshotsUsed", ""),
)
_NEUTRON = (  # resource, Neutron's word
    ("networks", "network"),
    ("subnets", "subnet"),
    ("routers", "router"),
    ("ports", "port"),
    ("security_groups", "security_group"),
    ("security_group_rules", "security_group_rule"),
    ("floating_ips", "floatingip"),
)


def read_quota(project: Project, executor: Executor, now: datetime) -> Quota:
    """Every quota that matters to a cluster, and what this project alone may use, services in parallel. Raises what the
    first service that fails raises."""
    readers: tuple[Callable[[Project], list[Allowance]], ...] = (_compute, _volume, _network, _balancers)
    asked = [executor.submit(read, project) for read in readers]
    flavors, types = executor.submit(private_flavors, project), executor.submit(private_volume_types, project)
    return Quota(
        tuple(allowance for answer in asked for allowance in answer.result()),
        flavors=flavors.result(),
        volume_types=types.result(),
        read_at=now,
    )


def _compute(project: Project) -> list[Allowance]:
    """Of the servers in a group Nova tells how many there may be: each group is one's own to fill."""
    body = project.compute.get("/limits", "read Nova's quota")
    members = body["limits"]["absolute"].get("maxServerGroupMembers")
    return _absolute(body, _NOVA) + ([] if members is None else [Allowance(MEMBERS, members, 0)])


def _volume(project: Project) -> list[Allowance]:
    return _absolute(project.volume.get("/limits", "read Cinder's quota"), _CINDER)


def _absolute(body: Json, table: tuple[tuple[str, str, str, str], ...]) -> list[Allowance]:
    figures = body["limits"]["absolute"]
    return [
        Allowance(resource, figures[limit], figures[used], unit)
        for resource, limit, used, unit in table
        if limit in figures and used in figures
    ]


def _network(project: Project) -> list[Allowance]:
    body = project.network.get(f"/quotas/{project.id}/details.json", "read Neutron's quota")["quota"]
    return [
        Allowance(resource, body[word]["limit"], body[word]["used"] + body[word].get("reserved", 0))
        for resource, word in _NEUTRON
        if word in body
    ]


def _balancers(project: Project) -> list[Allowance]:
    """Octavia tells limits only; what is used has to be counted."""
    quota = project.balancer.get(f"/lbaas/quotas/{project.id}", "read Octavia's quota")["quota"]
    limit = quota.get("load_balancer", quota.get("loadbalancer"))
    query = {"project_id": project.id, "fields": "id"}
    used = project.balancer.items("/lbaas/loadbalancers", "loadbalancers", "count the load balancers", **query)
    return [Allowance("load_balancers", -1 if limit is None else limit, len(used))]
