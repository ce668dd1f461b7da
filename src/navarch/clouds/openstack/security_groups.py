"""Security groups and their rules (Neutron)."""

from navarch.clouds.openstack import marks
from navarch.clouds.openstack.handlers import Found, Handler, marked, restored_in
from navarch.clouds.openstack.session import Json, Project, first
from navarch.domain.errors import Conflict
from navarch.domain.openstack.resources import NAVARCH, Kind, Rule, SecurityGroup
from navarch.domain.openstack.steps import EnsureSecurityGroup
from navarch.domain.spec import Owner

_FIELDS = ["id", "name", "description", "created_at", "security_group_rules"]


def read_security_groups(project: Project, owner: Owner, known: frozenset[str]) -> Found:
    """The owner's security groups, and those that its cloud controller made for Services."""
    query = {"project_id": owner.project_id, "fields": _FIELDS}
    everything = project.network.items(
        "/security-groups", "security_groups", f"look up {Kind.SECURITY_GROUP}s", **query
    )
    group_names = {group["id"]: group["name"] for group in everything}
    found, astray = [], []
    for group in everything:
        maker = marks.security_group_maker(owner, group["name"], group.get("description") or "")
        if maker is None and group["id"] in known:
            maker = NAVARCH
            astray.append((group["id"], group["name"]))
        if maker is not None:
            rules = rules_of(group["security_group_rules"], group_names)
            lets_out = _lets_out(group["security_group_rules"])
            found.append(SecurityGroup(group["id"], group["name"], frozenset(rules), maker, lets_out))
    return Found(tuple(found), tuple(astray))


def ensure_security_group(project: Project, owner: Owner, step: EnsureSecurityGroup) -> SecurityGroup:
    """A security group with exactly the step's ingress rules, which lets everything out: what else is said of that
    stays. Rules are added before others are taken away, so that a change never cuts what both allow. Conflict if a rule
    names a group that is not there yet."""
    ours = marked(project.network, owner, "security-groups", Kind.SECURITY_GROUP, fields=_FIELDS)
    article = marks.article(Kind.SECURITY_GROUP, step.name)
    missing = {rule.group for rule in step.rules if rule.group} - {group["name"] for group in ours} - {step.name}
    if missing:
        raise Conflict(f"Cannot set the rules of {article}: it names {', '.join(sorted(missing))}, not there yet")
    group = first([g for g in ours if g["name"] == step.name])
    if group is None:
        body = {"security_group": {"name": step.name, "description": marks.mark(owner)}}
        group = project.network.post("/security-groups", body, f"create {article}")["security_group"]
        ours.append(group)
    group_id = str(group["id"])
    group_names = {g["id"]: g["name"] for g in ours}
    ids = {g["name"]: g["id"] for g in sorted(ours, key=lambda g: g.get("created_at") or "", reverse=True)}
    ids[step.name] = group_id
    existing = rules_of(group["security_group_rules"], group_names)
    added, gone = difference(existing, step.rules)
    bodies = [rule_body(rule, group_id, ids) for rule in sorted(added, key=_order)]
    if not _lets_out(group["security_group_rules"]):
        bodies.append({**rule_body(_EVERYTHING, group_id, ids), "direction": "egress"})
    if bodies:
        bulk = {"security_group_rules": bodies}
        project.network.post("/security-group-rules", bulk, f"add rules to {article}")
    for rule_id in gone:
        project.network.delete(f"/security-group-rules/{rule_id}", f"remove a rule of {article}")
    return SecurityGroup(group_id, step.name, step.rules)


def remove_security_group(project: Project, owner: Owner, group_id: str, name: str) -> None:
    """Ask a security group to go; Conflict while a port is in it."""
    project.network.delete(f"/security-groups/{group_id}", f"delete {marks.article(Kind.SECURITY_GROUP, name)}")


def rules_of(bodies: list[Json], group_names: dict[str, str]) -> dict[Rule, list[str]]:
    """Ingress rules as Neutron answers them, with the ids that say the same. A group's name stands for its id where
    it is known; protocol "any" is Neutron's none."""
    found: dict[Rule, list[str]] = {}
    for body in bodies:
        if body["direction"] != "ingress":
            continue
        group = body.get("remote_group_id")
        everywhere = "::/0" if body.get("ethertype") == "IPv6" else "0.0.0.0/0"
        protocol = str(body.get("protocol") or "any")
        icmp = protocol in _ICMP
        rule = Rule(
            protocol="icmp" if icmp else _NUMBERS.get(protocol, protocol),
            port_min=None if icmp else body.get("port_range_min"),
            port_max=None if icmp else body.get("port_range_max"),
            cidr=None if group else body.get("remote_ip_prefix") or everywhere,
            group=group_names.get(group, group) if group else None,
        )
        found.setdefault(rule, []).append(body["id"])
    return found


def _lets_out(bodies: list[Json]) -> bool:
    """Whether one of the rules, as Neutron answers them, lets everything out: a group is made with it, unless the
    cloud's templates for rules of new groups say otherwise."""
    return any(
        body["direction"] == "egress"
        and body.get("ethertype") == "IPv4"
        and body.get("protocol") in (None, "any")
        and body.get("remote_ip_prefix") in (None, "0.0.0.0/0")
        and not body.get("remote_group_id")
        and not body.get("remote_address_group_id")
        for body in bodies
    )


def difference(existing: dict[Rule, list[str]], wanted: frozenset[Rule]) -> tuple[frozenset[Rule], tuple[str, ...]]:
    """Rules to add, and ids of rules to remove (those not wanted, and second ones)."""
    gone = [i for rule, ids in existing.items() for i in (ids[1:] if rule in wanted else ids)]
    return wanted - existing.keys(), tuple(gone)


def rule_body(rule: Rule, group_id: str, ids: dict[str, str]) -> Json:
    """A rule as Neutron wants it; `ids` by group name."""
    body: Json = {
        "security_group_id": group_id,
        "direction": "ingress",
        "ethertype": "IPv6" if rule.cidr and ":" in rule.cidr else "IPv4",
        "protocol": None if rule.protocol == "any" else rule.protocol,
        # All rules of one bulk request must have the same keys, or Neutron refuses some versions of it.
        "port_range_min": rule.port_min,
        "port_range_max": rule.port_max,
        "remote_ip_prefix": rule.cidr,
        "remote_group_id": ids[rule.group] if rule.group else None,
    }
    return body


def _order(rule: Rule) -> tuple[str, int, int, str, str]:
    return rule.protocol, rule.port_min or 0, rule.port_max or 0, rule.cidr or "", rule.group or ""


_EVERYTHING = Rule("any", None, None, cidr="0.0.0.0/0")
_ICMP = {"icmp", "1"}
_NUMBERS = {"6": "tcp", "17": "udp"}

HANDLERS = (
    Handler(
        Kind.SECURITY_GROUP,
        read_security_groups,
        remove_security_group,
        restored_in("security-groups", "security_group", Kind.SECURITY_GROUP),
        {EnsureSecurityGroup: ensure_security_group},
    ),
)
