"""What an operator does before anybody logs in: domains, projects, users, roles."""

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.keystone import tokens
from navarch.simulator.openstack.messages import Json
from navarch.simulator.openstack.region import Region

ROLES = ("admin", "manager", "member", "reader", "service", "load-balancer_member")
DEFAULT = "default"  # the id of the domain Default


def bootstrap(region: Region) -> None:
    """The domain Default and the usual roles, as `keystone-manage bootstrap` makes them."""
    for role in ROLES:
        body: Json = {"id": region.new_hex_id(), "name": role, "domain_id": None, "description": None, "options": {}}
        region["role"].add(body, "")
    add_domain(region, "Default", DEFAULT)


def add_domain(region: Region, name: str, id_: str = "") -> Object:
    """A domain."""
    body = {"id": id_ or region.new_hex_id(), "name": name, "description": "", "enabled": True, "tags": []}
    return region["domain"].add(body, "")


def add_project(region: Region, name: str, domain_id: str = DEFAULT, id_: str = "") -> Object:
    """A project."""
    body = {
        "id": id_ or region.new_hex_id(),
        "name": name,
        "domain_id": domain_id,
        "parent_id": domain_id,
        "description": "",
        "enabled": True,
        "is_domain": False,
        "tags": [],
        "options": {},
    }
    return region["project"].add(body, "")


def add_user(region: Region, name: str, password: str, domain_id: str = DEFAULT, description: str = "") -> Object:
    """A user without any role."""
    body = {
        "id": region.new_hex_id(),
        "name": name,
        "domain_id": domain_id,
        "description": description,
        "enabled": True,
        "password_expires_at": None,
        "options": {},
    }
    return region["user"].add(body, "", password=password)


def grant(region: Region, user_id: str, target_id: str, role: str, *, inherited: bool = False) -> None:
    """Give a user a role on a project or a domain; `inherited`: in all projects of the domain, not on it."""
    region.grants.add((user_id, target_id, role, inherited))


def revoke(region: Region, user_id: str, target_id: str, role: str, *, inherited: bool = False) -> None:
    """Take it away. Tokens for what is lost end."""
    region.grants.discard((user_id, target_id, role, inherited))
    tokens.end_where(region, lambda scope: scope.user_id == user_id and not tokens.still_holds(region, scope))


def enable(region: Region, user_id: str, enabled: bool) -> None:
    """Let a user in, or lock them out; the tokens of one who is locked out end."""
    user = region["user"].get(user_id)
    if user is not None:
        user["enabled"] = enabled
        if not enabled:
            tokens.end_where(region, lambda scope: scope.user_id == user_id)
