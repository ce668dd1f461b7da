"""Security groups and their rules. A project has one named default from its first use of Neutron on."""

from ipaddress import ip_network
from typing import Any

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Request, Scope, bad_request, conflict
from navarch.simulator.openstack.neutron import resources
from navarch.simulator.openstack.neutron.resources import Resource
from navarch.simulator.openstack.region import Region

SECURITY_GROUP = Resource(
    "security group",
    "security_group",
    ("Security group {} does not exist", "SecurityGroupNotFound"),
    ("name", "description"),
    frozenset({"stateful"}),
)
RULE = Resource(
    "security group rule",
    "security_group_rule",
    ("Security group rule {} does not exist", "SecurityGroupRuleNotFound"),
    ("description",),
    frozenset({"security_group_id", "direction", "ethertype", "protocol", "remote_group_id", "remote_ip_prefix"}),
)
_SAME = (
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "remote_ip_prefix",
    "remote_group_id",
)
_PROTOCOLS = {"tcp", "udp", "icmp", "icmpv6", "ipv6-icmp", "vrrp", "sctp", "ah", "esp", "gre", "igmp"}


def default(region: Region, project_id: str) -> Object:
    """The project's group named default."""
    found = next((g for g in region["security group"].of(project_id) if g.name == "default"), None)
    if found is None:
        asked = Request("POST", "network", "", scope=Scope("", project_id=project_id))
        found = _add(region, asked, {"name": "default", "description": "Default security group"})
        for ethertype in ("IPv4", "IPv6"):
            _add_rule(
                region, asked, found, {"direction": "ingress", "ethertype": ethertype, "remote_group_id": found.id}
            )
    return found


def list_groups(region: Region, request: Request) -> Answer:
    """GET /v2.0/security-groups."""
    if request.scope.project_id:
        default(region, request.scope.project_id)
    return resources.list_them(region, request, SECURITY_GROUP)


def create_group(region: Region, request: Request) -> Answer:
    """POST /v2.0/security-groups: with the two rules that let everything out."""
    wanted = request.part("security_group")
    default(region, request.scope.project_id)
    if wanted.get("name") == "default":
        raise conflict("Default security group already exists.", "SecurityGroupDefaultAlreadyExists")
    return Answer(201, {"security_group": _add(region, request, wanted).body})


def show_group(region: Region, request: Request, group_id: str) -> Answer:
    """GET /v2.0/security-groups/{id}."""
    return resources.show(region, request, SECURITY_GROUP, group_id)


def update_group(region: Region, request: Request, group_id: str) -> Answer:
    """PUT /v2.0/security-groups/{id}."""
    group = resources.own(region, request, SECURITY_GROUP, group_id, "update")
    resources.change(region, group, SECURITY_GROUP, request.part("security_group"))
    return Answer(200, {"security_group": group.body})


def delete_group(region: Region, request: Request, group_id: str) -> Answer:
    """DELETE /v2.0/security-groups/{id}, unless a port is in it."""
    group = resources.own(region, request, SECURITY_GROUP, group_id, "delete")
    if any(group_id in port["security_groups"] for port in region["port"].of(group.project_id)):
        raise conflict(f"Security Group {group_id} in use.", "SecurityGroupInUse")
    remove(region, group)
    return Answer(204)


def remove(region: Region, group: Object) -> None:
    """Let a group be gone, with its rules and those that name it."""
    if not region["security group"].drop(group):
        return
    for rule in region["security group rule"].of(group.project_id):
        if group.id in (rule["security_group_id"], rule["remote_group_id"]):
            remove_rule(region, rule)


def list_rules(region: Region, request: Request) -> Answer:
    """GET /v2.0/security-group-rules."""
    return resources.list_them(region, request, RULE)


def create_rules(region: Region, request: Request) -> Answer:
    """POST /v2.0/security-group-rules: one, or all of several or none."""
    many = isinstance(request.body, dict) and "security_group_rules" in request.body
    wanted = request.body["security_group_rules"] if many else [request.part("security_group_rule")]
    for number, rule in enumerate(wanted):
        if any(
            _same(rule, other) and rule["security_group_id"] == other["security_group_id"] for other in wanted[:number]
        ):
            raise conflict("Duplicate Security Group Rule in POST.", "DuplicateSecurityGroupRuleInPost")
    checked = [(_group_of(region, request, rule), rule) for rule in wanted]
    project_id = request.scope.project_id
    used = region["security group rule"].count(project_id)
    resources.within_quota(region, project_id, "security_group_rule", used, len(wanted))
    made = [_add_rule(region, request, group, rule) for group, rule in checked]
    if many:
        return Answer(201, {"security_group_rules": [rule.body for rule in made]})
    return Answer(201, {"security_group_rule": made[0].body})


def show_rule(region: Region, request: Request, rule_id: str) -> Answer:
    """GET /v2.0/security-group-rules/{id}."""
    return resources.show(region, request, RULE, rule_id)


def delete_rule(region: Region, request: Request, rule_id: str) -> Answer:
    """DELETE /v2.0/security-group-rules/{id}."""
    remove_rule(region, resources.own(region, request, RULE, rule_id, "delete"))
    return Answer(204)


def remove_rule(region: Region, rule: Object) -> None:
    """Let a rule be gone."""
    region["security group rule"].drop(rule)
    group = region["security group"].get(rule["security_group_id"])
    if group is not None:
        group["security_group_rules"] = [r for r in group["security_group_rules"] if r["id"] != rule.id]


def _add(region: Region, request: Request, wanted: Json) -> Object:
    project_id = request.scope.project_id
    body = {
        **resources.standard(region, request, wanted),
        "stateful": True,
        "shared": False,
        "security_group_rules": [],
    }
    resources.within_quota(region, project_id, "security_group", region["security group"].count(project_id))
    group = region["security group"].add(body, project_id)
    for ethertype in ("IPv4", "IPv6"):
        _add_rule(region, request, group, {"direction": "egress", "ethertype": ethertype})
    return group


def _add_rule(region: Region, request: Request, group: Object, wanted: Json) -> Object:
    body = {
        **resources.standard(region, request, {"description": wanted.get("description") or ""}),
        "security_group_id": group.id,
        **{key: wanted.get(key) for key in _SAME},
    }
    del body["name"]
    body["ethertype"] = body["ethertype"] or "IPv4"
    if body["remote_ip_prefix"]:
        body["remote_ip_prefix"] = str(ip_network(body["remote_ip_prefix"], strict=False))
    rule = region["security group rule"].add(body, group.project_id)
    group["security_group_rules"] = [*group["security_group_rules"], body]
    return rule


def _group_of(region: Region, request: Request, rule: Json) -> Object:
    """The group that a rule is for, if it may have it. Raises Refused."""
    group = resources.own(region, request, SECURITY_GROUP, str(rule.get("security_group_id")), "create")
    if rule.get("remote_group_id"):
        resources.find(region, request, SECURITY_GROUP, rule["remote_group_id"])
    protocol, ports = rule.get("protocol"), (rule.get("port_range_min"), rule.get("port_range_max"))
    if protocol is not None and str(protocol) not in _PROTOCOLS and not str(protocol).isdecimal():
        raise bad_request(f"Security group rule protocol {protocol} not supported.", "SecurityGroupRuleInvalidProtocol")
    if protocol in ("tcp", "udp") and None not in ports and int(ports[0] or 0) > int(ports[1] or 0):
        message = "For TCP/UDP protocols, port_range_min must be <= port_range_max"
        raise bad_request(message, "SecurityGroupInvalidPortRange")
    prefix = rule.get("remote_ip_prefix")
    if prefix:
        _check_prefix(prefix, str(rule.get("ethertype") or "IPv4"))
    there = next((other for other in group["security_group_rules"] if _same(rule, other)), None)
    if there is not None:
        raise conflict(f"Security group rule already exists. Rule id is {there['id']}.", "SecurityGroupRuleExists")
    return group


def _check_prefix(prefix: Any, ethertype: str) -> None:
    try:
        version = ip_network(str(prefix), strict=False).version
    except ValueError:
        said = f"Invalid input for remote_ip_prefix. Reason: '{prefix}' is not a valid IP address or CIDR."
        raise bad_request(said, "HTTPBadRequest") from None
    if f"IPv{version}" != ethertype:
        message = f"Conflicting value ethertype {ethertype} for CIDR {prefix}"
        raise bad_request(message, "SecurityGroupRuleParameterConflict")


def _same(one: Json, other: Json) -> bool:
    """Whether two rules say the same. Everywhere is the same as nowhere in particular."""
    return _meaning(one) == _meaning(other)


def _meaning(rule: Json) -> tuple[Any, ...]:
    ethertype, prefix = rule.get("ethertype") or "IPv4", rule.get("remote_ip_prefix")
    everywhere = prefix in (None, "0.0.0.0/0", "::/0")
    normal = None if everywhere else str(ip_network(str(prefix), strict=False))
    return (rule.get("direction"), ethertype, rule.get("protocol"), rule.get("port_range_min"),
            rule.get("port_range_max"), normal, rule.get("remote_group_id"))  # fmt: skip


ROUTES = (
    ("GET", "/v2.0/security-groups", list_groups),
    ("POST", "/v2.0/security-groups", create_group),
    ("GET", "/v2.0/security-groups/{id}", show_group),
    ("PUT", "/v2.0/security-groups/{id}", update_group),
    ("DELETE", "/v2.0/security-groups/{id}", delete_group),
    ("GET", "/v2.0/security-group-rules", list_rules),
    ("POST", "/v2.0/security-group-rules", create_rules),
    ("GET", "/v2.0/security-group-rules/{id}", show_rule),
    ("DELETE", "/v2.0/security-group-rules/{id}", delete_rule),
)
